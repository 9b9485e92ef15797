package sweep_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/sqlite/sqlitetest"
	"hermod/shared/sweep"
)

var errDown = errors.New("the store is down")

func newSweeper(w *sqlitetest.World, change ...func(*sweep.Config)) *sweep.Sweeper {
	c := sweep.Config{Log: w.Log(), Queue: w.Queue(), Cursor: w.Cursor(), Now: w.Now, Logger: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&c)
	}
	return sweep.New(c)
}

// waits writes a row that waits at step 1, with the given due entry.
func waits(w *sqlitetest.World, due delivery.Due) delivery.Delivery {
	w.T.Helper()
	e := w.Archived(w.Hook("https://example.com/"))
	d := e.Delivery(e.Matched[0].Webhook)
	d.State, d.Place, d.Due, d.NextAt = delivery.Retrying, delivery.Place{Step: 1}, due, due.At
	d.ExpiresAt = w.Now().Add(delivery.Retention)
	if err := w.Log().Step(w.T.Context(), d, delivery.Place{}, &delivery.Attempt{Number: 1, Status: 500}); err != nil {
		w.T.Fatal(err)
	}
	return d
}

func sweeps(t *testing.T, s *sweep.Sweeper) {
	t.Helper()
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestWhatFallsDueIsSentOnceWithItsExactDelay(t *testing.T) {
	w := sqlitetest.New(t)
	d := waits(w, delivery.Due{At: w.Now().Add(80 * time.Second), Own: true})
	waits(w, delivery.Due{At: w.Now().Add(2 * time.Minute), Own: true})
	s := newSweeper(w)
	sweeps(t, s)
	sweeps(t, s)
	w.Pass(79 * time.Second)
	if got := w.Messages(delivery.LaneRetry); len(got) != 0 {
		t.Errorf("a second before its time %d messages are visible, want none", len(got))
	}
	w.Pass(time.Second)
	got := w.Messages(delivery.LaneRetry)
	if len(got) != 1 || got[0].UID() != d.UID || got[0].Place() != d.Place || got[0].Cause != delivery.CauseSchedule {
		t.Errorf("at its time %+v is visible, want one message of the row's step", got)
	}
}

// faultyQueue fails sends, and says how many messages are visible.
type faultyQueue struct {
	delivery.Queue
	err     error
	visible int
}

func (q *faultyQueue) Send(ctx context.Context, lane delivery.Lane, parcels ...delivery.Parcel) error {
	if q.err != nil && len(parcels) > 0 {
		return q.err
	}
	return q.Queue.Send(ctx, lane, parcels...)
}

func (q *faultyQueue) Visible(ctx context.Context, lane delivery.Lane) (int, error) {
	if q.visible > 0 {
		return q.visible, nil
	}
	return q.Queue.Visible(ctx, lane)
}

func TestTheCursorMovesOnlyAfterTheSend(t *testing.T) {
	w := sqlitetest.New(t)
	waits(w, delivery.Due{At: w.Now().Add(time.Minute), Own: true})
	q := &faultyQueue{Queue: w.Queue(), err: errDown}
	s := newSweeper(w, func(c *sweep.Config) { c.Queue = q })
	if err := s.Sweep(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("Sweep = %v, want why nothing was sent", err)
	}
	q.err = nil
	sweeps(t, s)
	w.Pass(time.Minute)
	if got := w.Messages(delivery.LaneRetry); len(got) != 1 {
		t.Errorf("after the fault %d messages are sent, want the one", len(got))
	}
}

func TestWhatFellDueWhileNobodySweptIsSent(t *testing.T) {
	w := sqlitetest.New(t)
	s := newSweeper(w)
	sweeps(t, s)
	waits(w, delivery.Due{At: w.Now().Add(20 * time.Minute), Own: true})
	w.Pass(50 * time.Minute)
	sweeps(t, s)
	if got := w.Messages(delivery.LaneRetry); len(got) != 1 {
		t.Errorf("after a pause over its time %d messages are sent, want 1", len(got))
	}
}

func TestALostStepIsSentAgainOnceAnHourAndCounted(t *testing.T) {
	tests := []struct {
		name string
		own  bool
		lost time.Duration // from now until the sweeper concludes that it is lost
	}{
		{"overdue by an hour", true, 2 * time.Hour},
		{"its watchdog", false, time.Hour},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := sqlitetest.New(t)
			d := waits(w, delivery.Due{At: w.Now().Add(time.Hour), Own: test.own})
			s := newSweeper(w)
			w.Pass(test.lost - time.Second)
			sweeps(t, s)
			w.Messages(delivery.LaneRetry) // its own message, which is lost
			sweeps(t, s)
			if got := w.Messages(delivery.LaneRetry); len(got) != 0 {
				t.Errorf("a second before it is lost %d messages are sent, want none", len(got))
			}
			w.Pass(time.Second)
			for range 3 {
				sweeps(t, s)
			}
			if got := w.Messages(delivery.LaneRetry); len(got) != 1 || got[0].Cause != delivery.CauseSchedule {
				t.Errorf("three sweeps after it was lost send %+v, want its step once", got)
			}
			row := w.Row(d.UID)
			if row.Resends != 1 || row.Due != (delivery.Due{At: w.Now().Add(time.Hour)}) {
				t.Errorf("the row counts %d with due %+v, want 1 and an hour from now", row.Resends, row.Due)
			}
		})
	}
}

func TestWhileRetryIsCongestedNothingIsTakenForLost(t *testing.T) {
	w := sqlitetest.New(t)
	waits(w, delivery.Due{At: w.Now().Add(time.Hour)})
	w.Pass(time.Hour)
	s := newSweeper(w, func(c *sweep.Config) { c.Queue = &faultyQueue{Queue: w.Queue(), visible: 10_001} })
	sweeps(t, s)
	if got := w.Messages(delivery.LaneRetry); len(got) != 0 {
		t.Errorf("beside 10,001 visible messages %d steps are sent again, want none", len(got))
	}
}

func TestAfter24ResendsTheDeliveryIsBuried(t *testing.T) {
	w := sqlitetest.New(t)
	waits(w, delivery.Due{At: w.Now().Add(time.Hour)})
	s := newSweeper(w)
	for n := range 25 {
		w.Pass(time.Hour)
		sweeps(t, s)
		want := delivery.CauseSchedule
		if n == 24 {
			want = delivery.CauseBury
		}
		if got := w.Messages(delivery.LaneRetry); len(got) != 1 || got[0].Cause != want {
			t.Fatalf("hour %d sends %+v, want one message with cause %s", n+1, got, want)
		}
	}
}

func TestARowThatMovedMeanwhileIsNotCounted(t *testing.T) {
	w := sqlitetest.New(t)
	d := waits(w, delivery.Due{At: w.Now().Add(time.Hour)})
	w.Pass(time.Hour)
	moving := &movingQueue{Queue: w.Queue(), move: func() {
		next := d
		next.Place.Step, next.Due = 2, delivery.Due{At: w.Now().Add(3 * time.Hour), Own: true}
		if err := w.Log().Step(t.Context(), next, d.Place, &delivery.Attempt{Number: 2, Status: 500}); err != nil {
			t.Error(err)
		}
	}}
	sweeps(t, newSweeper(w, func(c *sweep.Config) { c.Queue = moving }))
	if row := w.Row(d.UID); row.Resends != 0 || row.Place.Step != 2 || !row.Due.Own {
		t.Errorf("the row that moved is %+v, want it untouched", row)
	}
}

// movingQueue lets a row move right after its message was sent.
type movingQueue struct {
	delivery.Queue
	move func()
}

func (q *movingQueue) Send(ctx context.Context, lane delivery.Lane, parcels ...delivery.Parcel) error {
	err := q.Queue.Send(ctx, lane, parcels...)
	if len(parcels) > 0 {
		q.move()
	}
	return err
}

func TestTwoSweepersAtOnceLoseNothing(t *testing.T) {
	w := sqlitetest.New(t)
	const rows = 600 // more than a page
	hook := w.Hook("https://example.com/")
	for range rows {
		e := w.Archived(hook)
		d := e.Delivery(hook.UID)
		d.State, d.Place, d.Due = delivery.Retrying, delivery.Place{Step: 1}, delivery.Due{At: w.Now().Add(time.Minute), Own: true}
		d.ExpiresAt = w.Now().Add(delivery.Retention)
		if err := w.Log().Step(t.Context(), d, delivery.Place{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if err := newSweeper(w).Sweep(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	w.Pass(time.Minute)
	seen := map[delivery.UID]bool{}
	for range 2*rows/64 + 1 { // a group has at most 64 messages in hand
		for _, m := range w.Messages(delivery.LaneRetry) {
			seen[m.UID()] = true
		}
	}
	if len(seen) != rows {
		t.Errorf("two sweepers sent %d of %d steps", len(seen), rows)
	}
}
