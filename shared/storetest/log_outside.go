package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"hermod/shared/delivery"
)

var outsideTests = []test[delivery.Log]{
	{"the first success makes the row", succeedMakesRow},
	{"a success is written over every state", succeedOverAll},
	{"a success over succeeded only appends", succeedOverSucceeded},
	{"of many successes at once none is lost", succeedRace},
	{"whatever races with a success, the row ends succeeded", succeedAgainstStep},
	{"an attempt appended leaves the rest of the row alone", appendLeavesRow},
	{"an attempt appended without a row makes it", appendMakesRow},
	{"an attempt written again, because its outcome was unknown, is there once", attemptWrittenAgain},
	{"no attempt is lost among many appended at once", appendRace},
	{"no attempt is lost among many of the same number appended at once, and each, written again, is there once", appendRaceOfOneNumber},
	{"no attempt is lost when a step moves meanwhile", appendAgainstStep},
}

func succeedMakesRow(t *testing.T, l delivery.Log, c *Clock) {
	c.Advance(7 * time.Millisecond)
	d := over(newDelivery("p1", c), delivery.Succeeded, zero, c)
	a := accepted(1, zero, c)
	must(t, l.Succeed(t.Context(), d, a), "Succeed")
	wantRow(t, l, "the first success", d.Record(a))
}

func succeedOverAll(t *testing.T, l delivery.Log, c *Clock) {
	for _, s := range standings {
		if s.state == delivery.Succeeded {
			continue
		}
		before := s.row(t, l, c)
		if before.State.Waits() {
			must(t, l.Resent(t.Context(), before.UID, before.Place, before.Due), "Resent")
		}
		c.Advance(time.Minute)
		a := accepted(before.NextNumber(), zero, c)
		d := over(before, delivery.Succeeded, zero, c) // the place of a message that is behind
		must(t, l.Succeed(t.Context(), unattempted(d), a), "Succeed")
		want := over(before, delivery.Succeeded, before.Place, c).Record(a)
		if diff := same(want, readRow(t, l, d.UID), cmpopts.IgnoreFields(want, "Resends", "ExpiresAt")); diff != "" {
			t.Errorf("the row after a success over one that is %s (-want +got):\n%s", s, diff)
		}
	}
}

func succeedOverSucceeded(t *testing.T, l delivery.Log, c *Clock) {
	for _, s := range standings {
		if s.state != delivery.Succeeded {
			continue
		}
		before := s.row(t, l, c)
		c.Advance(time.Minute)
		a := accepted(before.NextNumber(), before.Place, c)
		d := over(before, delivery.Succeeded, delivery.Place{Cycle: 7, Step: 7}, c)
		d.ExpiresAt = d.ExpiresAt.Add(24 * time.Hour)
		must(t, l.Succeed(t.Context(), unattempted(d), a), "Succeed")
		wantRow(t, l, "a success over one that is "+s.String(), before.Record(a))
	}
}

func succeedRace(t *testing.T, l delivery.Log, c *Clock) {
	d := over(newDelivery("p1", c), delivery.Succeeded, zero, c)
	for _, err := range atOnce(writers, func(i int) error { return l.Succeed(t.Context(), d, accepted(i+1, zero, c)) }) {
		must(t, err, "Succeed, one of %d at once", writers)
	}
	wantAttempts(t, readRow(t, l, d.UID), delivery.Succeeded, writers)
}

// wantAttempts checks that requests 1 to n are all there, in whatever order.
func wantAttempts(t *testing.T, got delivery.Delivery, s delivery.State, n int) {
	t.Helper()
	seen := map[int]int{}
	for _, a := range got.Attempts {
		seen[a.Number]++
	}
	if got.State != s || got.AttemptCount != n || len(got.Attempts) != n || len(seen) != n {
		t.Errorf("the row is %s, counts %d requests and keeps %d, %d of them different, want %s and %d", got.State, got.AttemptCount, len(got.Attempts), len(seen), s, n)
	}
}

func succeedAgainstStep(t *testing.T, l delivery.Log, c *Clock) {
	for round := range 30 {
		s := []standing{{delivery.Retrying, delivery.Place{Step: 1}}, {delivery.Pending, zero}, {}}[round%3]
		before := newDelivery("p1", c)
		if s.state != "" {
			before = s.row(t, l, c)
		}
		n := before.AttemptCount
		errs := atOnce(3, func(i int) error {
			switch i {
			case 0:
				return l.Succeed(t.Context(), unattempted(over(before, delivery.Succeeded, before.Place, c)), accepted(n+1, before.Place, c))
			case 1:
				a := failing(n+2, before.Place, c)
				return l.Step(t.Context(), unattempted(waiting(before, delivery.Place{Step: before.Place.Step + 1}, time.Minute, c)), before.Place, &a)
			default:
				return l.Step(t.Context(), unattempted(over(before, delivery.Cancelled, before.Place, c)), before.Place, nil)
			}
		})
		must(t, errs[0], "Succeed")
		want := n + 1
		for i, err := range errs[1:] {
			if err == nil && i == 0 {
				want++
			}
			if err != nil && !errors.Is(err, delivery.ErrStale) {
				t.Errorf("Step against a success = %v, want nil or ErrStale", err)
			}
		}
		if errs[1] == nil && errs[2] == nil {
			t.Errorf("both a failure and a cancellation of one step were written")
		}
		got := readRow(t, l, before.UID)
		if got.State != delivery.Succeeded || got.AttemptCount != want || got.Due != (delivery.Due{}) || got.Reason != "" {
			t.Errorf("the row is %s (%s), due %v, with %d requests, want succeeded, no entry, %d", got.State, got.Reason, got.Due, got.AttemptCount, want)
		}
	}
}

func appendLeavesRow(t *testing.T, l delivery.Log, c *Clock) {
	for _, s := range standings {
		before := s.row(t, l, c)
		c.Advance(time.Minute)
		a := failing(before.NextNumber(), before.Place, c)
		a.Cause = delivery.CauseManual
		d := newDelivery("p1", c)
		d.UID, d.NextAt, d.Due = before.UID, c.Now(), delivery.Due{At: c.Now().Add(time.Hour)}
		must(t, l.Append(t.Context(), d, a), "Append")
		wantRow(t, l, "an attempt appended to one that is "+s.String(), before.Record(a))
	}
}

func appendMakesRow(t *testing.T, l delivery.Log, c *Clock) {
	d := newDelivery("p1", c)
	d.NextAt, d.Due = c.Now(), delivery.Due{At: c.Now().Add(time.Hour)}
	a := failing(1, zero, c)
	a.Cause = delivery.CauseManual
	must(t, l.Append(t.Context(), d, a), "Append")
	wantRow(t, l, "an attempt appended without one", d.Record(a))

	test := newDelivery("p1", c)
	test.Test, test.State, test.Reason, test.EndedAt = true, delivery.Cancelled, delivery.ReasonTest, c.Now()
	a.Cause = delivery.CauseTest
	must(t, l.Append(t.Context(), test, a), "Append")
	wantRow(t, l, "a test that failed", test.Record(a))
}

func attemptWrittenAgain(t *testing.T, l delivery.Log, c *Clock) {
	c.Advance(7*time.Millisecond + 890*time.Microsecond)
	first := over(newDelivery("p1", c), delivery.Succeeded, zero, c)
	dead := standing{delivery.Dead, delivery.Place{Step: 1}}.row(t, l, c)
	for range 3 {
		must(t, l.Succeed(t.Context(), first, accepted(1, zero, c)), "Succeed")
		wantAttempts(t, readRow(t, l, first.UID), delivery.Succeeded, 1)
		must(t, l.Append(t.Context(), unattempted(dead), failing(2, dead.Place, c)), "Append")
		wantAttempts(t, readRow(t, l, dead.UID), delivery.Dead, 2)
	}
	for range 3 {
		must(t, l.Succeed(t.Context(), unattempted(over(dead, delivery.Succeeded, dead.Place, c)), accepted(3, dead.Place, c)), "Succeed")
		wantAttempts(t, readRow(t, l, dead.UID), delivery.Succeeded, 3)
	}
}

func appendRace(t *testing.T, l delivery.Log, c *Clock) {
	d := newDelivery("p1", c)
	d.NextAt, d.Due = c.Now(), delivery.Due{At: c.Now().Add(time.Hour)}
	for _, err := range atOnce(writers, func(i int) error { return l.Append(t.Context(), d, failing(i+1, zero, c)) }) {
		must(t, err, "Append, one of %d at once", writers)
	}
	wantAttempts(t, readRow(t, l, d.UID), delivery.Pending, writers)
}

func appendRaceOfOneNumber(t *testing.T, l delivery.Log, c *Clock) {
	dead := standing{delivery.Dead, delivery.Place{Step: 1}}.row(t, l, c)
	before := dead.AttemptCount
	for range 2 {
		for _, err := range atOnce(writers, func(i int) error {
			a := failing(before+1, dead.Place, c)
			a.ID, a.Cause = fmt.Sprint(i), delivery.CauseManual
			return l.Append(t.Context(), unattempted(dead), a)
		}) {
			must(t, err, "Append, one of %d at once", writers)
		}
		got, ids := readRow(t, l, dead.UID), map[string]bool{}
		for _, a := range got.Attempts[before:] {
			ids[a.ID] = true
		}
		if got.AttemptCount != before+writers || len(got.Attempts) != before+writers || len(ids) != writers {
			t.Errorf("the row counts %d requests and keeps %d, %d of them different, want all %d", got.AttemptCount, len(got.Attempts), len(ids), before+writers)
		}
	}
}

func appendAgainstStep(t *testing.T, l delivery.Log, c *Clock) {
	before := standing{delivery.Retrying, delivery.Place{Step: 1}}.row(t, l, c)
	for _, err := range atOnce(writers-1, func(i int) error {
		a := failing(i+2, before.Place, c)
		if i%9 != 0 {
			return l.Append(t.Context(), before, a)
		}
		p := delivery.Place{Step: 1 + i/9}
		err := delivery.ErrStale
		for range 10_000 { // until the steps before are written
			if err = l.Step(t.Context(), unattempted(waiting(before, delivery.Place{Step: p.Step + 1}, time.Minute, c)), p, &a); !errors.Is(err, delivery.ErrStale) {
				break
			}
			<-time.After(time.Millisecond)
		}
		return err
	}) {
		must(t, err, "Append or Step, some of %d at once", writers)
	}
	got := readRow(t, l, before.UID)
	wantAttempts(t, got, delivery.Retrying, writers)
	if want := (delivery.Place{Step: 8}); got.Place != want {
		t.Errorf("the row waits at %v after seven steps, want %v", got.Place, want)
	}
}
