package awsdynamo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hermod/shared/delivery"
	"hermod/shared/uid"
)

const (
	// skew is how far ahead of this clock the newest events may be dated.
	skew = time.Minute
	day  = 24 * time.Hour
	// eventsAtOnce is how many events are read of each shard of a day, fewEvents at least where many days are read.
	eventsAtOnce, fewEvents = 100, 20
	// maxLooks is how often days are read for one page. Five are enough to see that a project has no event; days that are full of
	// events whose time is over, which DynamoDB removes within days, take more.
	maxLooks = 8
)

// ofDay are the events of a day's shard between two uids.
const ofDay = "pk = :day AND sk BETWEEN :low AND :high"

// eventParts is what a list shows of an event: all but its bodies.
const eventParts = "pk, sk, f, #ttl, job, workflow, #event, seq, #at, #test, to_v3, to_standard"

var eventNames = map[string]string{"#ttl": "ttl", "#event": "event", "#at": "at", "#test": "test"}

// Events lists events of the project. It reads whole days, the newest alone and then ever more together, as far back as any event
// can be found by its day; then the index of those that are kept for longer. In a project of some age where nothing happened that is some
// 130 requests, most of them at the same time. A position is a uid, or a day's lowest.
func (s *Archive) Events(ctx context.Context, q delivery.EventQuery) (page []delivery.Event, next string, err error) {
	look := eventLook{Archive: s, EventQuery: q, now: s.db.now(), before: beforeTime(q.Before, q.Until), days: 1}
	for looks, examined := 0, 0; looks < maxLooks && examined < maxExamined; looks++ {
		found, edge, err := look.further(ctx)
		if err != nil {
			return nil, "", fmt.Errorf("list events: %w", err)
		}
		for _, e := range found {
			if !wanted(q, e) {
				continue
			}
			if page = append(page, e); len(page) == q.Limit {
				return page, e.UID, nil
			}
		}
		if look.before = edge; edge == "" {
			return page, "", nil
		}
		examined += len(found)
	}
	return page, look.before, nil
}

// wanted reports whether an event is one that the query asks for.
func wanted(q delivery.EventQuery, e delivery.Event) bool {
	_, matched := e.Match(q.Webhook)
	return (q.Webhook == "" || matched) && (q.Job == "" || q.Job == e.Job) && (q.Type == "" || q.Type == e.Type)
}

// eventLook looks at the events of a query, newest first.
type eventLook struct {
	*Archive
	delivery.EventQuery
	now    time.Time
	before string // how far it has come: a position; empty: nowhere yet
	days   int    // how many are read together next
}

// further returns the next events. edge is how far it has come now, empty at the end.
func (l *eventLook) further(ctx context.Context) (found []delivery.Event, edge string, err error) {
	low, high := between(l.Since, l.before)
	if low > high {
		return nil, "", nil
	}
	oldest, newest := l.oldestDay(), l.newestDay()
	if newest.Before(oldest) {
		return l.kept(ctx, low, high)
	}
	first := newest.Add(-time.Duration(l.days-1) * day)
	if first.Before(oldest) {
		first = oldest
	}
	found, edge, err = l.ofDays(ctx, first, newest, low, high)
	if err != nil || edge != "" {
		l.days = 1 // they are busy days
		return found, edge, err
	}
	l.days *= 3
	if start := uid.Min(first); low < start {
		edge = start
	}
	return found, edge, nil
}

// oldestDay is the first day that may have events: none is older than its project, whose uid tells when it was made.
func (l *eventLook) oldestDay() time.Time {
	oldest := dateOf(l.now.Add(-delivery.Retention - lateness))
	if founded := dateOf(uid.Time(l.Project).Add(-skew)); founded.After(oldest) {
		return founded
	}
	return oldest
}

// newestDay is the day of the newest events that were not looked at.
func (l *eventLook) newestDay() time.Time { return dateOf(newestBelow(l.before, l.now.Add(skew))) }

// ofDays reads events of some days.
func (l *eventLook) ofDays(ctx context.Context, first, last time.Time, low, high string) ([]delivery.Event, string, error) {
	limit := max(eventsAtOnce/l.days, fewEvents)
	if l.Job == "" && l.Webhook == "" && l.Type == "" {
		limit = min(limit, l.Limit)
	}
	var queries []dynamodb.QueryInput
	for d := last; !d.Before(first); d = d.Add(-day) {
		for shard := range eventShards {
			queries = append(queries, dynamodb.QueryInput{
				KeyConditionExpression:    aws.String(ofDay),
				ExpressionAttributeValues: item{":day": text(eventPartition(l.Project, d.Format(dayFormat), shard)), ":low": text(low), ":high": text(high)},
				ProjectionExpression:      aws.String(eventParts), ExpressionAttributeNames: eventNames,
				ScanIndexForward: aws.Bool(false), ConsistentRead: aws.Bool(true), Limit: aws.Int32(int32(limit)),
			})
		}
	}
	items, edge, err := l.db.merge(ctx, "sk", true, queries)
	if err != nil {
		return nil, "", err
	}
	found, err := decodeEvents(items)
	return found, edge, err
}

// kept reads events that are kept for longer than others of their day.
func (l *eventLook) kept(ctx context.Context, low, high string) ([]delivery.Event, string, error) {
	queries := make([]dynamodb.QueryInput, listShards)
	for shard := range queries {
		queries[shard] = listQuery(listPartition(l.Project, keptEvents, shard), low, high)
	}
	entries, edge, err := l.db.merge(ctx, "list_sk", true, queries)
	if err != nil {
		return nil, "", err
	}
	keys := make([]key, len(entries))
	for n, i := range entries {
		keys[n] = eventKey(l.Project, i.text("list_sk"))
	}
	items, err := l.db.getAll(ctx, keys)
	if err != nil {
		return nil, "", err
	}
	found, err := decodeEvents(items)
	slices.SortFunc(found, func(a, b delivery.Event) int { return strings.Compare(b.UID, a.UID) })
	return found, edge, err
}

// decodeEvents reads events of a list, which shows none of their bodies.
func decodeEvents(items []item) ([]delivery.Event, error) {
	list := make([]delivery.Event, len(items))
	for n, i := range items {
		e, err := decodeEvent(i)
		if err != nil {
			return nil, err
		}
		e.Bodies = nil
		list[n] = e
	}
	return list, nil
}

// dateOf is the beginning of a time's day.
func dateOf(t time.Time) time.Time { return t.UTC().Truncate(day) }
