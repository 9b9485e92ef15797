package sweep_test

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/sqlite/sqlitetest"
	"hermod/shared/sweep"
	"hermod/shared/webhook"
)

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
	return waitsFor(w, w.Hook("https://example.com/"), due)
}

func waitsFor(w *sqlitetest.World, h webhook.Webhook, due delivery.Due) delivery.Delivery {
	w.T.Helper()
	d := w.Archived(h).Delivery(h.UID)
	d.State, d.Place, d.Due, d.NextAt = delivery.Retrying, delivery.Place{Step: 1}, due, due.At
	d.ExpiresAt = w.Now().Add(delivery.Retention)
	if err := w.Log().Step(w.T.Context(), d, delivery.Place{}, &delivery.Attempt{Number: 1, Status: 500}); err != nil {
		w.T.Fatal(err)
	}
	return d
}

// waitFor writes many such rows, in no order.
func waitFor(w *sqlitetest.World, n int, due delivery.Due) []delivery.Delivery {
	w.T.Helper()
	hook := w.Hook("https://example.com/")
	rows := make([]delivery.Delivery, n)
	var writers sync.WaitGroup
	for first := range 16 {
		writers.Go(func() {
			for i := first; i < n; i += 16 {
				rows[i] = waitsFor(w, hook, due)
			}
		})
	}
	writers.Wait()
	return rows
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
	sweeps(t, s)
	if got := w.Messages(delivery.LaneRetry); len(got) != 0 {
		t.Errorf("the next sweep sends %d messages, want none", len(got))
	}
}

// What is due after the end of a sweep's look is the next one's, wherever the sweeps fall.
func TestEachStepIsSentByOneOfTheSweeps(t *testing.T) {
	w := sqlitetest.New(t)
	hook := w.Hook("https://example.com/")
	want := map[delivery.UID]time.Time{}
	for n := range 300 {
		d := waitsFor(w, hook, delivery.Due{At: w.Now().Add(time.Duration(n) * 2500 * time.Millisecond), Own: true})
		want[d.UID] = d.Due.At
	}
	s := newSweeper(w)
	next := w.Now()
	for range 800 {
		if !w.Now().Before(next) {
			sweeps(t, s)
			next = next.Add(sweep.Every)
		}
		for _, m := range w.Messages(delivery.LaneRetry) {
			at, ok := want[m.UID()]
			if late := w.Now().Sub(at); !ok || late < 0 || late >= time.Second {
				t.Errorf("a step that is due at %v comes at %v (once: %v)", at, w.Now(), ok)
			}
			delete(want, m.UID())
		}
		w.Pass(time.Second)
	}
	if len(want) != 0 {
		t.Errorf("%d of 300 steps never came", len(want))
	}
}

func TestTheFirstSweepOfAllTakesEverything(t *testing.T) {
	w := sqlitetest.New(t)
	waits(w, delivery.Due{At: w.Now().Add(time.Minute), Own: true})
	w.Pass(59 * time.Minute)
	sweeps(t, newSweeper(w))
	if got := w.Messages(delivery.LaneRetry); len(got) != 1 {
		t.Errorf("%d messages are sent, want the step that was due", len(got))
	}
}

func TestMoreThanAPageIsSentEachOnce(t *testing.T) {
	const rows = 1001 // pages have 500
	for _, own := range []bool{true, false} {
		w := sqlitetest.New(t)
		waitFor(w, rows, delivery.Due{At: w.Now().Add(time.Minute), Own: own})
		if !own {
			w.Pass(time.Minute)
		}
		sweeps(t, newSweeper(w))
		w.Pass(time.Minute)
		if n := len(drain(w)); n != rows {
			t.Errorf("own %v: %d messages are sent, want %d", own, n, rows)
		}
	}
}

// drain takes all visible messages out of retry, of which a webhook may have 64 in hand.
func drain(w *sqlitetest.World) (all []delivery.Message) {
	w.T.Helper()
	for {
		got := w.Messages(delivery.LaneRetry)
		if len(got) == 0 {
			return all
		}
		all = append(all, got...)
	}
}

func TestTwoSweepersAtOnceLoseNothing(t *testing.T) {
	w := sqlitetest.New(t)
	const rows = 600 // more than a page
	due := waitFor(w, rows, delivery.Due{At: w.Now().Add(time.Minute), Own: true})
	lost := waitFor(w, 50, delivery.Due{At: w.Now()})
	want := map[delivery.UID]delivery.Place{}
	for _, d := range append(due, lost...) {
		want[d.UID] = d.Place
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
	seen := map[delivery.UID]int{}
	for _, m := range drain(w) {
		if seen[m.UID()]++; m.Place() != want[m.UID()] || m.Cause != delivery.CauseSchedule {
			t.Errorf("sent is %+v, want the row's step", m)
		}
	}
	if len(seen) != len(want) {
		t.Errorf("two sweepers sent %d of %d steps", len(seen), len(want))
	}
	for u, n := range seen {
		if row := w.Row(u); n > 2 || row.Resends > 2 {
			t.Errorf("a step was sent %d times and counts %d, want at most once by each sweeper", n, row.Resends)
		}
	}
}
