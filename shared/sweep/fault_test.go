package sweep_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/sqlite/sqlitetest"
	"hermod/shared/sweep"
)

var errDown = errors.New("the store is down")

// faultyQueue fails sends, before or after they are carried out, and says how many messages are visible.
type faultyQueue struct {
	delivery.Queue
	fail     int // which send fails, counted from 1; 0: none
	after    bool
	sent     func(delivery.Message) // told of each message that was sent
	visible  int                    // 0: as many as there are
	down     error                  // of Visible
	requests int
}

func (q *faultyQueue) Send(ctx context.Context, lane delivery.Lane, parcels ...delivery.Parcel) error {
	if len(parcels) == 0 {
		return q.Queue.Send(ctx, lane)
	}
	q.requests++
	if q.requests == q.fail && !q.after {
		return errDown
	}
	if err := q.Queue.Send(ctx, lane, parcels...); err != nil {
		return err
	}
	for _, p := range parcels {
		if m, err := delivery.ParseMessage(p.Body); err == nil && q.sent != nil {
			q.sent(m)
		}
	}
	if q.requests == q.fail {
		return errDown
	}
	return nil
}

func (q *faultyQueue) Visible(ctx context.Context, lane delivery.Lane) (int, error) {
	if q.visible > 0 || q.down != nil {
		return q.visible, q.down
	}
	return q.Queue.Visible(ctx, lane)
}

// faultyCursor fails reads or writes.
type faultyCursor struct {
	sweep.Cursor
	read, write error
}

func (c *faultyCursor) SweptUntil(ctx context.Context) (time.Time, error) {
	if c.read != nil {
		return time.Time{}, c.read
	}
	return c.Cursor.SweptUntil(ctx)
}

func (c *faultyCursor) Swept(ctx context.Context, until time.Time) error {
	if c.write != nil {
		return c.write
	}
	return c.Cursor.Swept(ctx, until)
}

// faultyLog fails reads of the due index, or the count of a resend before or after it is written.
type faultyLog struct {
	delivery.Log
	due, before, after error
}

func (l *faultyLog) Due(ctx context.Context, after, until time.Time, from string, limit int) ([]delivery.DueEntry, string, error) {
	if l.due != nil {
		return nil, "", l.due
	}
	return l.Log.Due(ctx, after, until, from, limit)
}

func (l *faultyLog) Resent(ctx context.Context, u delivery.UID, at delivery.Place, due delivery.Due) error {
	if l.before != nil {
		return l.before
	}
	if err := l.Log.Resent(ctx, u, at, due); err != nil {
		return err
	}
	return l.after
}

func sweptUntil(w *sqlitetest.World) time.Time {
	w.T.Helper()
	until, err := w.Cursor().SweptUntil(w.T.Context())
	if err != nil {
		w.T.Fatal(err)
	}
	return until
}

func TestTheCursorMovesOnlyAfterTheSend(t *testing.T) {
	tests := []struct {
		name  string
		fault func(*sweep.Config) (repair func())
		sent  int // messages that are sent all the same, which come once more
	}{
		{"nothing is sent", func(c *sweep.Config) func() {
			q := &faultyQueue{Queue: c.Queue, fail: 1}
			c.Queue = q
			return func() { q.fail = 0 }
		}, 0},
		{"the first page is sent", func(c *sweep.Config) func() {
			q := &faultyQueue{Queue: c.Queue, fail: 2}
			c.Queue = q
			return func() { q.fail = 0 }
		}, 500},
		{"everything is sent, and we crash", func(c *sweep.Config) func() {
			q := &faultyQueue{Queue: c.Queue, fail: 2, after: true}
			c.Queue = q
			return func() { q.fail = 0 }
		}, 510},
		{"the cursor cannot be read", func(c *sweep.Config) func() {
			cursor := &faultyCursor{Cursor: c.Cursor, read: errDown}
			c.Cursor = cursor
			return func() { cursor.read = nil }
		}, 0},
		{"the cursor cannot be moved", func(c *sweep.Config) func() {
			cursor := &faultyCursor{Cursor: c.Cursor, write: errDown}
			c.Cursor = cursor
			return func() { cursor.write = nil }
		}, 510},
		{"the due index cannot be read", func(c *sweep.Config) func() {
			log := &faultyLog{Log: c.Log, due: errDown}
			c.Log = log
			return func() { log.due = nil }
		}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := sqlitetest.New(t)
			sweeps(t, newSweeper(w))
			before := sweptUntil(w)
			w.Pass(10 * time.Minute)
			waitFor(w, 510, delivery.Due{At: w.Now().Add(time.Minute), Own: true}) // more than a page
			var repair func()
			s := newSweeper(w, func(c *sweep.Config) { repair = test.fault(c) })
			if err := s.Sweep(t.Context()); !errors.Is(err, errDown) {
				t.Errorf("Sweep = %v, want what failed", err)
			}
			if got := sweptUntil(w); !got.Equal(before) {
				t.Errorf("the cursor moved from %v to %v", before, got)
			}
			repair()
			sweeps(t, s)
			if got := sweptUntil(w); !got.Equal(w.Now().Add(sweep.Ahead)) {
				t.Errorf("after the fault the cursor is at %v, want %v from now", got, sweep.Ahead)
			}
			w.Pass(time.Minute)
			seen := map[delivery.UID]bool{}
			all := drain(w)
			for _, m := range all {
				seen[m.UID()] = true
			}
			if len(seen) != 510 || len(all) != 510+test.sent {
				t.Errorf("%d messages of %d steps are sent, want %d of 510", len(all), len(seen), 510+test.sent)
			}
		})
	}
}

func TestAResendThatFailsIsMadeByTheNextSweep(t *testing.T) {
	tests := []struct {
		name  string
		fault func(*sweep.Config) (repair func())
		sent  int // messages after the next sweep
	}{
		{"how full the lane is cannot be told", func(c *sweep.Config) func() {
			q := &faultyQueue{Queue: c.Queue, down: errDown}
			c.Queue = q
			return func() { q.down = nil }
		}, 1},
		{"it is not sent", func(c *sweep.Config) func() {
			q := &faultyQueue{Queue: c.Queue, fail: 1}
			c.Queue = q
			return func() { q.fail = 0 }
		}, 1},
		{"it is sent, and not counted", func(c *sweep.Config) func() {
			log := &faultyLog{Log: c.Log, before: errDown}
			c.Log = log
			return func() { log.before = nil }
		}, 2},
		{"it is sent and counted, and we crash", func(c *sweep.Config) func() {
			log := &faultyLog{Log: c.Log, after: errDown}
			c.Log = log
			return func() { log.after = nil }
		}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := sqlitetest.New(t)
			d := waits(w, delivery.Due{At: w.Now().Add(time.Hour)})
			w.Pass(time.Hour)
			var repair func()
			s := newSweeper(w, func(c *sweep.Config) { repair = test.fault(c) })
			if err := s.Sweep(t.Context()); !errors.Is(err, errDown) {
				t.Errorf("Sweep = %v, want what failed", err)
			}
			repair()
			sweeps(t, s)
			if got := w.Messages(delivery.LaneRetry); len(got) != test.sent || w.Row(d.UID).Resends != 1 {
				t.Errorf("%d messages are sent and the row counts %d, want %d and 1", len(got), w.Row(d.UID).Resends, test.sent)
			}
		})
	}
}

// A sweep over many steps takes its time: what it sends last must neither be late by it, nor look as if the queue had redriven it.
func TestEachStepIsStampedAndDelayedAsOfItsSend(t *testing.T) {
	w := sqlitetest.New(t)
	s := newSweeper(w, func(c *sweep.Config) { c.Queue = slowQueue{c.Queue, w} })
	rows := waitFor(w, 501, delivery.Due{At: w.Now().Add(85 * time.Second), Own: true}) // one more than a page
	sweeps(t, s)
	got := wantStamped(w)
	if len(got) != len(rows) {
		t.Errorf("after two minutes %d messages are visible, want those of all %d steps that were due before", len(got), len(rows))
	}
}

func TestEachStepThatWasLostIsStampedWhenItIsSent(t *testing.T) {
	w := sqlitetest.New(t)
	waitFor(w, 3, delivery.Due{At: w.Now()})
	sweeps(t, newSweeper(w, func(c *sweep.Config) { c.Queue = slowQueue{c.Queue, w} }))
	if got := wantStamped(w); len(got) != 3 {
		t.Errorf("%d messages are sent, want 3", len(got))
	}
}

// wantStamped takes all visible messages, each of which must say when it was sent.
func wantStamped(w *sqlitetest.World) (all []delivery.Message) {
	w.T.Helper()
	for {
		receipts := w.Receive(delivery.LaneRetry)
		if len(receipts) == 0 {
			return all
		}
		for _, r := range receipts {
			m, err := delivery.ParseMessage(r.Body)
			if err != nil || !m.SentAt.Equal(r.SentAt) {
				w.T.Errorf("a message sent at %v says %v, %v", r.SentAt, m.SentAt, err)
			}
			w.Settle(r, delivery.Acknowledged())
			all = append(all, m)
		}
	}
}

// slowQueue takes more than a minute for each send.
type slowQueue struct {
	delivery.Queue
	world *sqlitetest.World
}

func (q slowQueue) Send(ctx context.Context, lane delivery.Lane, parcels ...delivery.Parcel) error {
	err := q.Queue.Send(ctx, lane, parcels...)
	if len(parcels) > 0 {
		q.world.Pass(61 * time.Second)
	}
	return err
}

func TestAMissingSeamIsAPanic(t *testing.T) {
	w := sqlitetest.New(t)
	for name, c := range map[string]sweep.Config{
		"Log":    {Queue: w.Queue(), Cursor: w.Cursor()},
		"Queue":  {Log: w.Log(), Cursor: w.Cursor()},
		"Cursor": {Log: w.Log(), Queue: w.Queue()},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("New without %s does not panic", name)
				}
			}()
			sweep.New(c)
		}()
	}
}
