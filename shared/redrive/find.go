package redrive

import (
	"context"
	"slices"

	"hermod/shared/delivery"
)

const (
	// pageSize is how many deliveries are found and read at a time, and sent at most.
	pageSize = 100
	// maxCompared is how much of the archive is compared with the log at a time, in events and deliveries they matched, give or take
	// the last event's: more would keep who waits for it waiting.
	maxCompared = 500
)

// find returns one page of what the query takes, and the position to go on from, empty at the end. A page may be short.
func (s *Service) find(ctx context.Context, q delivery.Query) (page []delivery.Delivery, next string, err error) {
	if q.State != Missing {
		return s.Log.List(ctx, resting(q))
	}
	for compared := 0; compared < maxCompared; {
		found, next, n, err := s.compare(ctx, q)
		if err != nil || len(found) > 0 || next == "" {
			return found, next, err
		}
		q.Before, compared = next, compared+n
	}
	return nil, q.Before, nil
}

// resting is the query of rows that a redrive takes: without those of tests, which rest as cancelled and nowhere else.
func resting(q delivery.Query) delivery.Query {
	q.NoTests = q.State == delivery.Cancelled
	return q
}

// compare compares a page of the archive with the log, and returns what has no row. It ends between events, so it may be longer than the
// limit by an event's matches. n is how many events and deliveries it looked at.
func (s *Service) compare(ctx context.Context, q delivery.Query) (missing []delivery.Delivery, next string, n int, err error) {
	until := s.Now().Add(-MissingAfter)
	if !q.Until.IsZero() && q.Until.Before(until) {
		until = q.Until
	}
	events, next, err := s.Archive.Events(ctx, delivery.EventQuery{
		Project: q.Project, Job: q.Job, Webhook: q.Webhook, Type: q.Event, Since: q.Since, Until: until, Before: q.Before, Limit: q.Limit,
	})
	if err != nil {
		return nil, "", 0, err
	}
	var matched []delivery.Delivery
	for i, e := range events {
		if !e.Test && (q.Workflow == "" || e.Workflow == q.Workflow) {
			matched = append(matched, matchedBy(e, q.Webhook)...)
		}
		if n = i + 1 + len(matched); n >= maxCompared && i < len(events)-1 {
			next = e.UID
			break
		}
	}
	missing, err = s.rowless(ctx, matched)
	return missing, next, n, err
}

// matchedBy are the deliveries of an event, of one webhook if it is given.
func matchedBy(e delivery.Event, hook string) (list []delivery.Delivery) {
	for _, m := range e.Matched {
		if hook == "" || m.Webhook == hook {
			list = append(list, e.Delivery(m.Webhook))
		}
	}
	return list
}

// rowless returns those of the deliveries that have no row.
func (s *Service) rowless(ctx context.Context, matched []delivery.Delivery) (list []delivery.Delivery, err error) {
	for batch := range slices.Chunk(matched, pageSize) {
		uids := make([]delivery.UID, len(batch))
		for i, d := range batch {
			uids[i] = d.UID
		}
		rows, err := s.Log.Rows(ctx, uids...)
		if err != nil {
			return nil, err
		}
		known := make(map[delivery.UID]bool, len(rows))
		for _, r := range rows {
			known[r.UID] = true
		}
		for _, d := range batch {
			if !known[d.UID] {
				list = append(list, d)
			}
		}
	}
	return list, nil
}
