package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"hermod/shared/delivery"
)

var stepTests = []test[delivery.Log]{
	{"the first failure makes the row", stepMakesRow},
	{"a failure moves the row and keeps its attempts", stepMovesRow},
	{"the first cancellation makes the row, without an attempt", stepCancels},
	{"a step spent without a request counts none", stepSpent},
	{"what the writer knows of attempts does not count", stepIgnoresWritersAttempts},
	{"a step is written only where the row waits", stepStale},
	{"without a row a step is written at the start only", stepStaleWithoutRow},
	{"of many first failures at once one wins", stepRaceWithoutRow},
	{"of many failures of one step at once one wins", stepRace},
	{"one row's writes leave another's alone", stepTouchesOneRow},
}

func stepMakesRow(t *testing.T, l delivery.Log, c *Clock) {
	c.Advance(7 * time.Millisecond)
	d := newDelivery("p1", c)
	d.Test = true
	wantNoRow(t, l, "nothing", d.UID)
	a := failing(1, zero, c)
	d = waiting(d, delivery.Place{Step: 1}, 5*time.Second, c)
	must(t, l.Step(t.Context(), d, zero, &a), "Step")
	wantRow(t, l, "the first failure", d.Record(a))

	dead := over(newDelivery("p1", c), delivery.Dead, delivery.Place{Step: 1}, c)
	dead.Reason = delivery.ReasonGone
	must(t, l.Step(t.Context(), dead, zero, &a), "Step")
	wantRow(t, l, "a first failure that is the last", dead.Record(a))
}

func stepMovesRow(t *testing.T, l delivery.Log, c *Clock) {
	for _, from := range []standing{{delivery.Pending, zero}, {delivery.Retrying, delivery.Place{Step: 1}}, {delivery.Retrying, delivery.Place{Cycle: 1}}} {
		before := from.row(t, l, c)
		c.Advance(time.Minute)
		a := failing(before.NextNumber(), before.Place, c)
		next := waiting(before, delivery.Place{Cycle: before.Place.Cycle, Step: before.Place.Step + 1}, time.Hour, c)
		must(t, l.Step(t.Context(), unattempted(next), before.Place, &a), "Step")
		next = next.Record(a)
		wantRow(t, l, "a failure of a row "+from.String(), next)

		a = failing(next.NextNumber(), next.Place, c)
		dead := over(next, delivery.Dead, delivery.Place{Cycle: next.Place.Cycle, Step: next.Place.Step + 1}, c)
		must(t, l.Step(t.Context(), unattempted(dead), next.Place, &a), "Step")
		wantRow(t, l, "the last failure", dead.Record(a))
	}
}

func stepCancels(t *testing.T, l delivery.Log, c *Clock) {
	first := over(newDelivery("p1", c), delivery.Cancelled, zero, c)
	must(t, l.Step(t.Context(), first, zero, nil), "Step")
	wantRow(t, l, "a cancellation without a row", first)

	waits := standing{delivery.Retrying, delivery.Place{Cycle: 1, Step: 2}}.row(t, l, c)
	cancelled := over(waits, delivery.Cancelled, waits.Place, c)
	must(t, l.Step(t.Context(), unattempted(cancelled), waits.Place, nil), "Step")
	wantRow(t, l, "a cancellation, which leaves the last outcome", cancelled)
}

func stepSpent(t *testing.T, l delivery.Log, c *Clock) {
	before := standing{delivery.Retrying, delivery.Place{Step: 1}}.row(t, l, c)
	spent := delivery.Attempt{Cause: delivery.CauseSchedule, Step: 1, StartedAt: c.Now(), Class: delivery.ClassBreakerOpen, Error: "the receiver was not called"}
	next := waiting(before, delivery.Place{Step: 2}, time.Minute, c)
	must(t, l.Step(t.Context(), unattempted(next), before.Place, &spent), "Step")
	want := next.Record(spent)
	wantRow(t, l, "a step spent without a request", want)
	if want.AttemptCount != before.AttemptCount || len(want.Attempts) != len(before.Attempts)+1 {
		t.Errorf("%d counted, %d attempts, want %d and one more", want.AttemptCount, len(want.Attempts), before.AttemptCount)
	}
}

func stepIgnoresWritersAttempts(t *testing.T, l delivery.Log, c *Clock) {
	read := standing{delivery.Retrying, delivery.Place{Step: 1}}.row(t, l, c)
	manual := failing(2, read.Place, c)
	must(t, l.Append(t.Context(), read, manual), "Append")
	a := failing(2, read.Place, c)
	next := waiting(read, delivery.Place{Step: 2}, time.Minute, c) // it still has the attempts that were read
	must(t, l.Step(t.Context(), next, read.Place, &a), "Step")
	want := next.Record(manual).Record(a)
	wantRow(t, l, "a step of a writer who read the row before another attempt", want)
	s := accepted(2, want.Place, c)
	must(t, l.Succeed(t.Context(), over(read, delivery.Succeeded, read.Place, c), s), "Succeed")
	want = want.Record(s)
	if diff := same(want.Attempts, readRow(t, l, read.UID).Attempts); diff != "" {
		t.Errorf("attempts after a success of a writer who read the row long before (-want +got):\n%s", diff)
	}
}

func stepStale(t *testing.T, l delivery.Log, c *Clock) {
	for _, s := range standings {
		before := s.row(t, l, c)
		for _, was := range []delivery.Place{zero, {Step: 1}, {Step: 2}, {Cycle: 1}, {Cycle: 1, Step: 1}, {Cycle: 1, Step: 2}, {Cycle: 1, Step: 3}, {Cycle: 2, Step: 2}, {Cycle: 2, Step: 3}, {Cycle: 3}} {
			if before.At(was) {
				continue
			}
			a := answered(before.NextNumber(), was, c, "stale")
			next := waiting(before, delivery.Place{Cycle: was.Cycle, Step: was.Step + 1}, time.Hour, c)
			if err := l.Step(t.Context(), unattempted(next), was, &a); !errors.Is(err, delivery.ErrStale) {
				t.Errorf("Step from %v of a row that is %s = %v, want ErrStale", was, s, err)
			}
			if err := l.Step(t.Context(), unattempted(over(before, delivery.Cancelled, was, c)), was, nil); !errors.Is(err, delivery.ErrStale) {
				t.Errorf("Step to cancelled at %v of a row that is %s = %v, want ErrStale", was, s, err)
			}
		}
		wantRow(t, l, "steps from stale places", before)
	}
}

func stepStaleWithoutRow(t *testing.T, l delivery.Log, c *Clock) {
	d := newDelivery("p1", c)
	for _, was := range []delivery.Place{{Step: 1}, {Cycle: 1}, {Cycle: 1, Step: 1}} {
		a := failing(1, was, c)
		if err := l.Step(t.Context(), waiting(d, delivery.Place{Cycle: was.Cycle, Step: was.Step + 1}, time.Hour, c), was, &a); !errors.Is(err, delivery.ErrStale) {
			t.Errorf("Step from %v without a row = %v, want ErrStale", was, err)
		}
	}
	wantNoRow(t, l, "steps from stale places", d.UID)
}

// stepAtOnce lets many write a failure of the same step and returns the row that the winner of them should have written.
func stepAtOnce(t *testing.T, l delivery.Log, c *Clock, before delivery.Delivery, was delivery.Place) (want delivery.Delivery) {
	t.Helper()
	next := waiting(before, delivery.Place{Cycle: was.Cycle, Step: was.Step + 1}, 5*time.Minute, c)
	attempt := func(i int) delivery.Attempt {
		a := failing(before.NextNumber(), was, c)
		a.Status, a.Error = 500+i, fmt.Sprintf("writer %d", i)
		return a
	}
	at := func(i int) time.Time { return next.NextAt.Add(time.Duration(i) * time.Second) }
	won := winner(t, delivery.ErrStale, atOnce(writers, func(i int) error {
		a, mine := attempt(i), unattempted(next)
		mine.NextAt = at(i)
		return l.Step(t.Context(), mine, was, &a)
	}))
	want = next.Record(attempt(won))
	want.NextAt = at(won)
	return want
}

func stepRaceWithoutRow(t *testing.T, l delivery.Log, c *Clock) {
	for range 3 {
		wantRow(t, l, "many first failures", stepAtOnce(t, l, c, newDelivery("p1", c), zero))
	}
}

func stepRace(t *testing.T, l delivery.Log, c *Clock) {
	for _, s := range []standing{{delivery.Pending, zero}, {delivery.Retrying, delivery.Place{Step: 1}}, {delivery.Retrying, delivery.Place{Cycle: 1}}} {
		before := s.row(t, l, c)
		wantRow(t, l, "many failures of a row "+s.String(), stepAtOnce(t, l, c, before, before.Place))
	}
}

func stepTouchesOneRow(t *testing.T, l delivery.Log, c *Clock) {
	s := standing{delivery.Retrying, delivery.Place{Step: 1}}
	d := s.row(t, l, c)
	event, hook := newDelivery("p1", c), newDelivery("p1", c)
	event.UID.Event, hook.UID.Webhook = d.UID.Event, d.UID.Webhook // one event for two webhooks, one webhook with two events
	event, hook = s.bring(t, l, c, event), s.bring(t, l, c, hook)
	a := accepted(2, d.Place, c)
	must(t, l.Succeed(t.Context(), unattempted(over(d, delivery.Succeeded, d.Place, c)), a), "Succeed")
	wantRow(t, l, "a success of the same event for another webhook", event)
	wantRow(t, l, "a success of another event for the same webhook", hook)
}
