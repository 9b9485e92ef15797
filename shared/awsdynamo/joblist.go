package awsdynamo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hermod/shared/job"
	"hermod/shared/uid"
)

// pausedBetween are the entries of paused jobs between two uids.
const pausedBetween = "due_pk = :list AND due_sk BETWEEN :low AND :high"

// firstFlowEntries is the month before which no workflow's list has an entry: there was no such list.
var firstFlowEntries = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// List lists jobs of the project. One of three lists says which they may be: of the paused jobs, of the workflow's, or of the project's.
// Each job is then read, and must be what is asked for. A position is the uid of the last entry looked at, or a month's lowest.
func (s *Jobs) List(ctx context.Context, q job.Query) (page []job.Job, next string, err error) {
	look := jobLook{db: s.db, Query: q, before: beforeTime(q.Before, q.Until)}
	for examined := 0; examined < maxExamined; {
		uids, edge, err := look.further(ctx, q.Limit-len(page))
		if err != nil {
			return nil, "", fmt.Errorf("list jobs: %w", err)
		}
		if look.Skip == 0 {
			examined += len(uids)
		}
		for uids = look.passOver(uids); len(uids) > 0; {
			n := min(len(uids), batchRead, max(look.Skip+q.Limit-len(page), fewRows))
			found, err := look.read(ctx, uids[:n])
			if err != nil {
				return nil, "", fmt.Errorf("list jobs: %w", err)
			}
			page = append(page, found[:min(len(found), q.Limit-len(page))]...)
			if len(page) == q.Limit {
				return page, page[len(page)-1].UID, nil
			}
			uids = uids[n:]
		}
		if look.before = edge; edge == "" {
			return page, "", nil
		}
	}
	return page, look.before, nil
}

// jobLook looks at the entries of a list, newest first.
type jobLook struct {
	db        *DB
	job.Query        // Skip is how many are still to be passed over
	before    string // how far it has come: a position; empty: nowhere yet
}

// further returns the next entries, of which so many are wanted. edge is how far it has come now, empty at the end.
func (l *jobLook) further(ctx context.Context, wanted int) (uids []string, edge string, err error) {
	low, high := between(l.Since, l.before)
	if low > high {
		return nil, "", nil
	}
	wanted = min(max(l.Skip+wanted, fewRows), maxExamined)
	switch {
	case l.Status == job.Paused:
		return l.ofPaused(ctx, low, high)
	case l.Workflow != "":
		return l.ofWorkflow(ctx, low, high, wanted)
	}
	return l.ofProject(ctx, low, high, wanted)
}

// ofProject asks each shard for as many as are wanted, since all may be in one.
func (l *jobLook) ofProject(ctx context.Context, low, high string, wanted int) ([]string, string, error) {
	queries := make([]dynamodb.QueryInput, listShards)
	for shard := range queries {
		queries[shard] = listQuery(listPartition(l.Project, listedJobs, shard), low, high)
		if l.Status == "" {
			queries[shard].Limit = aws.Int32(int32(min(wanted, listedAtOnce)))
		}
	}
	return l.entries(ctx, "list_sk", queries...)
}

func (l *jobLook) ofPaused(ctx context.Context, low, high string) ([]string, string, error) {
	q := listQuery(pausedPartition(l.Project), low, high)
	q.IndexName, q.KeyConditionExpression = aws.String(dueIndex), aws.String(pausedBetween)
	return l.entries(ctx, "due_sk", q)
}

// ofWorkflow looks at one month. Those without an entry are passed one by one: they are few.
func (l *jobLook) ofWorkflow(ctx context.Context, low, high string, wanted int) ([]string, string, error) {
	month, oldest := monthOf(newestBelow(l.before, l.db.now().Add(skew))), l.oldestMonth()
	if month.Before(oldest) {
		return nil, "", nil
	}
	if l.Status != "" {
		wanted = listedAtOnce
	}
	uids, edge, err := l.entries(ctx, "sk", dynamodb.QueryInput{
		KeyConditionExpression: aws.String(keysBetween), FilterExpression: aws.String(ofProject),
		ExpressionAttributeValues: item{
			":pk": text(flowPartition(l.Workflow, month)), ":low": text(low), ":high": text(high), ":pid": text(l.Project),
		},
		ScanIndexForward: aws.Bool(false), Limit: aws.Int32(int32(wanted)),
	})
	if edge == "" && month.After(oldest) {
		edge = uid.Min(month)
	}
	return uids, edge, err
}

// oldestMonth is the first that may have entries: no job is older than its workflow, whose uid tells when it was made.
func (l *jobLook) oldestMonth() time.Time {
	oldest := firstFlowEntries
	for _, t := range []time.Time{l.Since, uid.Time(l.Workflow).Add(-skew)} {
		if t.After(oldest) {
			oldest = t
		}
	}
	return monthOf(oldest)
}

// entries returns what the queries find, in common order, as uids.
func (l *jobLook) entries(ctx context.Context, sortKey string, queries ...dynamodb.QueryInput) (uids []string, edge string, err error) {
	found, edge, err := l.db.merge(ctx, sortKey, true, queries)
	for _, i := range found {
		uids = append(uids, i.text(sortKey))
	}
	return uids, edge, err
}

// passOver passes over entries, without a look at their jobs, while it is certain that these have not expired.
func (l *jobLook) passOver(uids []string) []string {
	for l.Skip > 0 && len(uids) > 0 && uid.Time(uids[0]).Add(job.Retention).After(l.db.now()) {
		l.Skip--
		uids = uids[1:]
	}
	return uids
}

// read reads those of the jobs that are what is asked for, newest first, but for those that are still to be passed over.
func (l *jobLook) read(ctx context.Context, uids []string) (list []job.Job, err error) {
	keys := make([]key, len(uids))
	for n, u := range uids {
		keys[n] = jobKey(u)
	}
	items, err := l.db.getAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	for _, i := range items {
		j, err := decodeJob(i)
		if err != nil {
			return nil, err
		}
		if l.takes(j) {
			list = append(list, j)
		}
	}
	slices.SortFunc(list, func(a, b job.Job) int { return strings.Compare(b.UID, a.UID) })
	passed := min(l.Skip, len(list))
	l.Skip -= passed
	return list[passed:], nil
}

// takes reports whether a job is one that is asked for.
func (l *jobLook) takes(j job.Job) bool {
	return j.Project == l.Project && (l.Workflow == "" || l.Workflow == j.Workflow) && (l.Status == "" || l.Status == j.Status)
}

// monthOf is the beginning of a time's month.
func monthOf(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}
