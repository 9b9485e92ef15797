package awsdynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hermod/shared/delivery"
)

// Log keeps the rows of deliveries. It is a delivery.Log.
type Log struct{ db *DB }

// Log returns the side of the table that keeps rows of deliveries.
func (db *DB) Log() *Log { return &Log{db} }

// Rows reads the rows of these deliveries.
func (s *Log) Rows(ctx context.Context, uids ...delivery.UID) (list []delivery.Delivery, err error) {
	keys := make([]key, 0, len(uids))
	asked := make(map[delivery.UID]bool, len(uids))
	for _, u := range uids {
		if !asked[u] {
			asked[u], keys = true, append(keys, deliveryKey(u))
		}
	}
	found, err := s.db.getAll(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read deliveries: %w", err)
	}
	for _, i := range found {
		d, err := decodeDelivery(i)
		if err != nil {
			return nil, fmt.Errorf("read deliveries: %w", err)
		}
		list = append(list, d)
	}
	return list, nil
}

// Answers reads what the failed attempts of a delivery got back.
func (s *Log) Answers(ctx context.Context, u delivery.UID) (map[int]delivery.Answer, error) {
	answers := map[int]delivery.Answer{}
	_, err := queryAll(ctx, s.db, beginning(answersKey(u)), func(i item) (struct{}, error) {
		a := delivery.Answer{Body: i.octets("body")}
		err := errors.Join(i.readable(), i.json("headers", &a.Headers))
		answers[i.int("n")] = a
		return struct{}{}, err
	})
	if err != nil {
		return nil, fmt.Errorf("read answers of delivery %s: %w", u, err)
	}
	return answers, nil
}

// Step writes the outcome of a step, or its cancellation.
func (s *Log) Step(ctx context.Context, d delivery.Delivery, was delivery.Place, a *delivery.Attempt) error {
	_, err := s.write(ctx, d.UID, a, isFirst(was, a), func(stored *delivery.Delivery) (*delivery.Delivery, error) {
		if stored == nil && was != (delivery.Place{}) || stored != nil && !stored.At(was) {
			return nil, delivery.ErrStale
		}
		return &d, nil
	})
	return err
}

// Succeed writes succeeded and appends the attempt. Mostly there is no row, and one write does it.
func (s *Log) Succeed(ctx context.Context, d delivery.Delivery, a delivery.Attempt) error {
	d.State, d.Reason, d.NextAt, d.Due = delivery.Succeeded, "", time.Time{}, delivery.Due{}
	_, err := s.write(ctx, d.UID, &a, isFirst(d.Place, &a), func(stored *delivery.Delivery) (*delivery.Delivery, error) {
		if stored == nil {
			return &d, nil
		}
		if stored.State == delivery.Succeeded {
			return stored, nil
		}
		next := d
		next.Place = stored.Place
		return &next, nil
	})
	return err
}

// Append appends an attempt made outside the schedule. Without a row it writes d.
func (s *Log) Append(ctx context.Context, d delivery.Delivery, a delivery.Attempt) error {
	_, err := s.write(ctx, d.UID, &a, isFirst(delivery.Place{}, &a), func(stored *delivery.Delivery) (*delivery.Delivery, error) {
		if stored == nil {
			return &d, nil
		}
		return stored, nil
	})
	return err
}

// Reopen turns a row that ended without success into one that waits at step 0 of the next cycle.
func (s *Log) Reopen(ctx context.Context, u delivery.UID, cycle int, next time.Time, due delivery.Due, expires time.Time) (delivery.Delivery, error) {
	return s.write(ctx, u, nil, false, func(stored *delivery.Delivery) (*delivery.Delivery, error) {
		if stored == nil || stored.Place.Cycle != cycle || stored.State != delivery.Dead && stored.State != delivery.Cancelled {
			return nil, delivery.ErrStale
		}
		d := *stored
		d.State, d.Reason, d.Place = delivery.Retrying, "", delivery.Place{Cycle: cycle + 1}
		d.NextAt, d.Due, d.Resends, d.EndedAt, d.ExpiresAt = next, due, 0, time.Time{}, expires
		return &d, nil
	})
}

// Resent moves the due entry of a row that waits at the place, and counts.
func (s *Log) Resent(ctx context.Context, u delivery.UID, at delivery.Place, due delivery.Due) error {
	_, err := s.write(ctx, u, nil, false, func(stored *delivery.Delivery) (*delivery.Delivery, error) {
		if stored == nil || !stored.At(at) {
			return nil, delivery.ErrStale
		}
		d := *stored
		d.Due, d.Resends = due, d.Resends+1
		return &d, nil
	})
	return err
}

// isFirst reports whether a write at a place is likely that of the first outcome: then there is no row that must be read.
func isFirst(p delivery.Place, a *delivery.Attempt) bool {
	return p == delivery.Place{} && (a == nil || a.Number <= 1)
}

// decision says what becomes of a row (nil: there is none) apart from its attempts. It may be taken several times.
type decision func(stored *delivery.Delivery) (*delivery.Delivery, error)

// write writes what is decided on a row as it is, and appends the attempt if there is one, unless it is there. It returns the row
// as written.
func (s *Log) write(ctx context.Context, u delivery.UID, a *delivery.Attempt, fresh bool, decide decision) (d delivery.Delivery, err error) {
	if err = s.keepAnswer(ctx, u, a); err == nil {
		err = s.db.modify(ctx, deliveryKey(u), fresh, func(met item) (next item, err error) {
			next, d, err = decided(met, a, decide)
			return next, err
		})
	}
	if err != nil {
		return delivery.Delivery{}, fmt.Errorf("write delivery %s: %w", u, err)
	}
	return d, nil
}

// keepAnswer keeps what a failed attempt got back, apart from the row: it is kept for a shorter time.
func (s *Log) keepAnswer(ctx context.Context, u delivery.UID, a *delivery.Attempt) error {
	if a == nil || a.Answer == nil {
		return nil
	}
	i := answerKey(u, a.Number).item()
	i["f"] = number(format)
	i.setInt("n", a.Number)
	i.setJSON("headers", a.Answer.Headers)
	i.setOctets("body", a.Answer.Body)
	i.setExpiry(s.db.now().Add(delivery.AnswerRetention))
	return s.db.put(ctx, i, "", nil)
}

// decided makes the item that a decision turns a row into; none where that would be the same. met is nil without a row.
func decided(met item, a *delivery.Attempt, decide decision) (next item, d delivery.Delivery, err error) {
	var stored *delivery.Delivery
	var before delivery.Delivery
	if next = met; met == nil {
		next = item{}
	} else if before, err = decodeDelivery(met); err != nil {
		return nil, d, err
	} else {
		stored = &before
	}
	row, err := decide(stored)
	if err != nil {
		return nil, d, err
	}
	d = *row
	d.AttemptCount, d.LastStatus, d.LastClass, d.LastError, d.Attempts = before.AttemptCount, before.LastStatus, before.LastClass, before.LastError, before.Attempts
	added := a != nil && !slices.ContainsFunc(before.Attempts, a.Same)
	if row == stored && !added {
		return nil, d, nil
	}
	if added {
		d = d.Record(*a)
		next.addAttempt(*a)
	}
	next.setDelivery(d)
	return next, d, nil
}
