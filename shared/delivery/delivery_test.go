package delivery_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/delivery"
	"hermod/shared/job"
)

func ExampleDelivery_Record() {
	var d delivery.Delivery
	d = d.Record(delivery.Attempt{Number: d.NextNumber(), Status: 503, Class: delivery.ClassStatus, Error: "the receiver answered 503"})
	d = d.Record(delivery.Attempt{Class: delivery.ClassBreakerOpen, Error: "the receiver was not called"})
	d = d.Record(delivery.Attempt{Number: d.NextNumber(), Status: 200})
	fmt.Println(len(d.Attempts), "attempts,", d.AttemptCount, "requests, last status", d.LastStatus)
	// Output: 3 attempts, 2 requests, last status 200
}

func TestRecordKeepsTheLastOutcome(t *testing.T) {
	fails := delivery.Attempt{Number: 1, Cause: delivery.CauseSchedule, Status: 500, Class: delivery.ClassStatus, Error: "500", Answer: &delivery.Answer{Body: []byte("no")}}
	got := delivery.Delivery{State: delivery.Retrying, Place: delivery.Place{Step: 1}}.Record(fails)
	kept := fails
	kept.Answer = nil // it is kept apart from the row
	want := delivery.Delivery{
		State: delivery.Retrying, Place: delivery.Place{Step: 1},
		AttemptCount: 1, LastStatus: 500, LastClass: delivery.ClassStatus, LastError: "500", Attempts: []delivery.Attempt{kept},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Record (-want +got):\n%s", diff)
	}
	if fails.Answer == nil {
		t.Error("Record took the answer away from its caller")
	}
	got = got.Record(delivery.Attempt{Number: 2, Status: 204})
	if got.AttemptCount != 2 || got.LastStatus != 204 || got.LastClass != delivery.ClassNone || got.LastError != "" {
		t.Errorf("after a success: %d requests, last %d, %q, %q, want 2, 204 and no error", got.AttemptCount, got.LastStatus, got.LastClass, got.LastError)
	}
}

func TestRecordDropsTheOldestAttemptsAndCountsThemAll(t *testing.T) {
	var d delivery.Delivery
	for range delivery.MaxAttempts + 5 {
		d = d.Record(delivery.Attempt{Number: d.NextNumber()})
	}
	if d.AttemptCount != delivery.MaxAttempts+5 || len(d.Attempts) != delivery.MaxAttempts || d.Attempts[0].Number != 6 || d.NextNumber() != delivery.MaxAttempts+6 {
		t.Errorf("%d requests, %d attempts from number %d, want %d, %d from 6", d.AttemptCount, len(d.Attempts), d.Attempts[0].Number, delivery.MaxAttempts+5, delivery.MaxAttempts)
	}
}

func TestRecordAddsAnAttemptOnce(t *testing.T) {
	first := delivery.Attempt{Number: 1, Cause: delivery.CauseSchedule, StartedAt: sentAt.Add(999 * time.Microsecond), Status: 500, Class: delivery.ClassStatus}
	stored := first
	stored.StartedAt = sentAt // as an engine keeps it that has milliseconds only
	row := delivery.Delivery{}.Record(stored).Record(delivery.Attempt{Number: 2, StartedAt: sentAt, Status: 200})
	if diff := cmp.Diff(row, row.Record(first)); diff != "" {
		t.Errorf("Record of an attempt that is there already (-before +after):\n%s", diff)
	}
	for name, other := range map[string]func(*delivery.Attempt){
		"id":     func(a *delivery.Attempt) { a.ID = "other" },
		"number": func(a *delivery.Attempt) { a.Number = 3 },
		"cause":  func(a *delivery.Attempt) { a.Cause = delivery.CauseManual },
		"cycle":  func(a *delivery.Attempt) { a.Cycle = 1 },
		"step":   func(a *delivery.Attempt) { a.Step = 1 },
		"time":   func(a *delivery.Attempt) { a.StartedAt = a.StartedAt.Add(time.Millisecond) },
	} {
		a := first
		other(&a)
		if got := row.Record(a); len(got.Attempts) != 3 || got.AttemptCount != 3 {
			t.Errorf("Record of an attempt of another %s: %d attempts, %d requests, want 3", name, len(got.Attempts), got.AttemptCount)
		}
	}
}

func TestRecordLeavesTheRowItReadAlone(t *testing.T) {
	before := delivery.Delivery{Attempts: make([]delivery.Attempt, 1, 8)}
	a, b := before.Record(delivery.Attempt{Number: 1}), before.Record(delivery.Attempt{Number: 2})
	if len(before.Attempts) != 1 || a.Attempts[1].Number != 1 || b.Attempts[1].Number != 2 {
		t.Errorf("two outcomes recorded on one row: %v and %v, want them apart", a.Attempts, b.Attempts)
	}
}

func TestAStepIsTakenOnlyWhereTheRowWaits(t *testing.T) {
	for _, s := range delivery.States {
		waits := s == delivery.Pending || s == delivery.Retrying
		d := delivery.Delivery{State: s, Place: delivery.Place{Cycle: 1, Step: 2}}
		if s.Waits() != waits || d.At(d.Place) != waits {
			t.Errorf("%s: Waits = %v, At its place = %v, want %v", s, s.Waits(), d.At(d.Place), waits)
		}
		for _, p := range []delivery.Place{{}, {Cycle: 1}, {Cycle: 1, Step: 1}, {Cycle: 1, Step: 3}, {Cycle: 0, Step: 2}, {Cycle: 2, Step: 2}} {
			if d.At(p) {
				t.Errorf("%s at %v: At(%v) = true, want false", s, d.Place, p)
			}
		}
	}
}

func TestEveryStateAndCauseIsKnown(t *testing.T) {
	for _, s := range delivery.States {
		if !s.Known() {
			t.Errorf("state %s is not known", s)
		}
	}
	for _, s := range []delivery.State{"", "Dead", "delivered"} {
		if s.Known() {
			t.Errorf("state %q is known", s)
		}
	}
	for _, c := range []delivery.Cause{"", "Schedule", "retry"} {
		if c.Known() {
			t.Errorf("cause %q is known", c)
		}
	}
}

func TestAnAttemptDeliveredIsA2xxWithoutAnError(t *testing.T) {
	tests := []struct {
		attempt delivery.Attempt
		want    bool
	}{
		{delivery.Attempt{Status: 200}, true},
		{delivery.Attempt{Status: 204}, true},
		{delivery.Attempt{Status: 299}, true},
		{delivery.Attempt{Status: 199, Class: delivery.ClassStatus}, false},
		{delivery.Attempt{Status: 301, Class: delivery.ClassStatus}, false},
		{delivery.Attempt{Status: 410, Class: delivery.ClassStatus}, false},
		{delivery.Attempt{Class: delivery.ClassTimeout}, false},
		{delivery.Attempt{}, false},
	}
	for _, test := range tests {
		if got := test.attempt.Delivered(); got != test.want {
			t.Errorf("Delivered() with status %d, class %q = %v, want %v", test.attempt.Status, test.attempt.Class, got, test.want)
		}
	}
}

func TestLettersComeFromTheLanesThatHaveSome(t *testing.T) {
	want := map[delivery.Lane]delivery.Lane{
		delivery.LaneFirst: delivery.LaneStuck, delivery.LaneOps: delivery.LaneStuck, delivery.LaneRetry: delivery.LaneDead,
		delivery.LaneDead: "", delivery.LaneStuck: "",
	}
	for lane, letters := range want {
		if got := lane.Letters(); got != letters {
			t.Errorf("%s.Letters() = %q, want %q", lane, got, letters)
		}
	}
}

func TestAnEventsDeliveryIsPendingBeforeAnyOutcome(t *testing.T) {
	e := delivery.Event{UID: eventUID, Project: projectUID, Job: "j", Workflow: "f", Type: job.EventFailed, Sequence: 3, At: sentAt, Test: true,
		Matched: []delivery.Match{{Webhook: "w1", Format: job.FormatV3}, {Webhook: hookUID, Format: job.FormatStandard}}}
	want := delivery.Delivery{UID: someUID, Project: projectUID, Job: "j", Workflow: "f", Event: job.EventFailed, Sequence: 3, Test: true, State: delivery.Pending, CreatedAt: sentAt}
	if diff := cmp.Diff(want, e.Delivery(hookUID)); diff != "" {
		t.Errorf("Delivery (-want +got):\n%s", diff)
	}
	if m, ok := e.Match(hookUID); !ok || m.Format != job.FormatStandard {
		t.Errorf("Match of a matched webhook = %v, %v, want it", m, ok)
	}
	if m, ok := e.Match("w3"); ok {
		t.Errorf("Match of another webhook = %v, want none", m)
	}
}

func TestASendErrorUnwrapsToItsCause(t *testing.T) {
	err := &delivery.SendError{Failed: []int{1, 3}, Err: fmt.Errorf("delay of %v", time.Hour)}
	if got := err.Error(); got != "2 parcels not sent: delay of 1h0m0s" || err.Unwrap() != err.Err {
		t.Errorf("SendError = %q, unwraps to %v", got, err.Unwrap())
	}
}
