package redrive

import (
	"context"
	"slices"

	"hermod/shared/delivery"
)

// pageSize is how many deliveries are found and read at a time, and sent at most.
const pageSize = 100

// find returns one page of what the query takes, and the position to go on from, empty at the end. A page may be short.
func (s *Service) find(ctx context.Context, q delivery.Query) (page []delivery.Delivery, next string, err error) {
	if q.State == Missing {
		return s.missing(ctx, q)
	}
	page, next, err = s.Log.List(ctx, q)
	return slices.DeleteFunc(page, func(d delivery.Delivery) bool { return d.Test }), next, err
}

// missing compares archive and rows. Its pages end between events, so one may be longer than the limit by an event's matches.
func (s *Service) missing(ctx context.Context, q delivery.Query) (page []delivery.Delivery, next string, err error) {
	until := s.Now().Add(-MissingAfter)
	if !q.Until.IsZero() && q.Until.Before(until) {
		until = q.Until
	}
	events, next, err := s.Archive.Events(ctx, delivery.EventQuery{
		Project: q.Project, Job: q.Job, Webhook: q.Webhook, Type: q.Event, Since: q.Since, Until: until, Before: q.Before, Limit: q.Limit,
	})
	if err != nil {
		return nil, "", err
	}
	for _, e := range events {
		if e.Test || q.Workflow != "" && e.Workflow != q.Workflow {
			continue
		}
		found, err := s.rowless(ctx, e, q.Webhook)
		if err != nil {
			return nil, "", err
		}
		page = append(page, found...)
	}
	return page, next, nil
}

// rowless returns the deliveries of an event that have no row.
func (s *Service) rowless(ctx context.Context, e delivery.Event, hook string) (list []delivery.Delivery, err error) {
	for batch := range slices.Chunk(e.Matched, pageSize) {
		want := map[delivery.UID]bool{}
		var uids []delivery.UID
		for _, m := range batch {
			if hook == "" || m.Webhook == hook {
				u := delivery.UID{Event: e.UID, Webhook: m.Webhook}
				want[u], uids = true, append(uids, u)
			}
		}
		rows, err := s.Log.Rows(ctx, uids...)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			delete(want, r.UID)
		}
		for _, u := range uids {
			if want[u] {
				list = append(list, e.Delivery(u.Webhook))
			}
		}
	}
	return list, nil
}
