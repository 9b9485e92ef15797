package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/uid"
)

// What the suites of delivery.Log write and read.

var zero delivery.Place

// newDelivery returns a delivery of an event of now, as it is before any outcome. No two have an event or a webhook in common.
func newDelivery(project string, c *Clock) delivery.Delivery {
	hook := newUID(c)
	e := delivery.Event{UID: uid.Derive(c.Now(), hook, 1), Project: project, Job: newUID(c), Workflow: "enrich", Type: job.EventFailed, Sequence: 4, At: c.Now()}
	d := e.Delivery(hook)
	d.ExpiresAt = c.Now().Add(delivery.Retention)
	return d
}

// failing returns request number n, made at a place and answered with 503.
func failing(n int, p delivery.Place, c *Clock) delivery.Attempt {
	return delivery.Attempt{
		Number: n, Cause: delivery.CauseSchedule, Cycle: p.Cycle, Step: p.Step, StartedAt: c.Now(), Duration: 1234 * time.Millisecond,
		Timing: delivery.Timing{DNS: time.Millisecond, Connect: 20 * time.Millisecond, TLS: 30 * time.Millisecond, FirstByte: 1200 * time.Millisecond},
		Status: 503, Class: delivery.ClassStatus, Error: `the receiver answered 503 "später"`, RetryAfter: 90 * time.Second,
		SignedWith: []string{"whsec_…new", "whsec_…old"}, Headers: []string{"X-Key"},
	}
}

// accepted returns request number n, made at a place and answered with 204.
func accepted(n int, p delivery.Place, c *Clock) delivery.Attempt {
	return delivery.Attempt{Number: n, Cause: delivery.CauseSchedule, Cycle: p.Cycle, Step: p.Step, StartedAt: c.Now(), Duration: 40 * time.Millisecond, Status: 204}
}

// waiting returns the row as one that waits at a place, for so long.
func waiting(d delivery.Delivery, p delivery.Place, wait time.Duration, c *Clock) delivery.Delivery {
	d.State, d.Reason, d.Place, d.NextAt, d.EndedAt = delivery.Retrying, "", p, c.Now().Add(wait), time.Time{}
	d.Due = delivery.Due{At: d.NextAt, Own: true}
	if wait <= delivery.MaxDelay {
		d.Due = delivery.Due{At: d.NextAt.Add(time.Hour)}
	}
	return d
}

// over returns the row as one that ended at a place.
func over(d delivery.Delivery, s delivery.State, p delivery.Place, c *Clock) delivery.Delivery {
	reasons := map[delivery.State]delivery.Reason{delivery.Dead: delivery.ReasonExhausted, delivery.Cancelled: delivery.ReasonDisabled}
	d.State, d.Reason, d.Place, d.EndedAt = s, reasons[s], p, c.Now()
	d.NextAt, d.Due, d.Resends = time.Time{}, delivery.Due{}, 0
	return d
}

// unattempted returns the row as a writer passes it, who knows nothing of its attempts.
func unattempted(d delivery.Delivery) delivery.Delivery {
	d.AttemptCount, d.LastStatus, d.LastClass, d.LastError, d.Attempts = 0, 0, delivery.ClassNone, "", nil
	return d
}

// standing is a row in some state at some place.
type standing struct {
	state delivery.State
	place delivery.Place
}

// standings has each state that a row can have, in the first and in a later cycle where that makes a difference.
var standings = []standing{
	{delivery.Pending, zero},
	{delivery.Retrying, delivery.Place{Step: 1}},
	{delivery.Retrying, delivery.Place{Cycle: 1}},
	{delivery.Retrying, delivery.Place{Cycle: 2, Step: 3}},
	{delivery.Succeeded, zero},
	{delivery.Succeeded, delivery.Place{Cycle: 1, Step: 2}},
	{delivery.Dead, delivery.Place{Step: 1}},
	{delivery.Dead, delivery.Place{Cycle: 1, Step: 3}},
	{delivery.Cancelled, zero},
	{delivery.Cancelled, delivery.Place{Cycle: 1, Step: 1}},
}

func (s standing) String() string {
	return fmt.Sprintf("%s at cycle %d, step %d", s.state, s.place.Cycle, s.place.Step)
}

// row brings a new delivery of project p1 there, by the writes that dispatch would make, and returns its row.
func (s standing) row(t *testing.T, l delivery.Log, c *Clock) delivery.Delivery {
	t.Helper()
	return s.bring(t, l, c, newDelivery("p1", c))
}

// bring brings a delivery that has no row there.
func (s standing) bring(t *testing.T, l delivery.Log, c *Clock, d delivery.Delivery) delivery.Delivery {
	t.Helper()
	at := zero
	for cycle := range s.place.Cycle {
		dead := standing{delivery.Dead, delivery.Place{Cycle: cycle, Step: 1}}
		must(t, dead.write(t.Context(), l, c, d, at, delivery.Due{}), "bring a row to %s", dead)
		r, err := l.Reopen(t.Context(), d.UID, cycle, c.Now(), delivery.Due{At: c.Now().Add(time.Hour)}, d.ExpiresAt)
		must(t, err, "Reopen of cycle %d", cycle)
		at = r.Place
	}
	must(t, s.write(t.Context(), l, c, d, at, delivery.Due{}), "bring a row from %v to %s", at, s)
	r := readRow(t, l, d.UID)
	if r.State != s.state || r.Place != s.place {
		t.Fatalf("the row is %s, want %s", standing{r.State, r.Place}, s)
	}
	return r
}

// write brings a delivery there from another place of the cycle, where it waits or, at the zero place, has no row. A step that
// waits gets the entry due, or a watchdog if that is zero.
func (s standing) write(ctx context.Context, l delivery.Log, c *Clock, d delivery.Delivery, at delivery.Place, due delivery.Due) error {
	step := func(d delivery.Delivery) error {
		a := failing(at.Cycle+at.Step+1, at, c)
		if err := l.Step(ctx, d, at, &a); err != nil {
			return err
		}
		at = d.Place
		return nil
	}
	if s.place != at && s.state != delivery.Dead {
		next := waiting(d, s.place, 5*time.Minute, c)
		if due != (delivery.Due{}) {
			next.NextAt, next.Due = due.At, due
		}
		if err := step(next); err != nil {
			return err
		}
	}
	switch s.state {
	case delivery.Pending:
		d.NextAt, d.Due = c.Now(), delivery.Due{At: c.Now().Add(time.Hour)}
		a := failing(1, zero, c)
		a.Cause = delivery.CauseManual
		return l.Append(ctx, d, a)
	case delivery.Succeeded:
		return l.Succeed(ctx, over(d, delivery.Succeeded, at, c), accepted(at.Cycle+at.Step+1, at, c))
	case delivery.Dead:
		return step(over(d, delivery.Dead, s.place, c))
	case delivery.Cancelled:
		return l.Step(ctx, over(d, delivery.Cancelled, at, c), at, nil)
	}
	return nil
}

func readRow(t *testing.T, l delivery.Log, u delivery.UID) delivery.Delivery {
	t.Helper()
	rows, err := l.Rows(t.Context(), u)
	if err != nil || len(rows) != 1 {
		t.Fatalf("Rows of one delivery = %d rows, %v, want its row", len(rows), err)
	}
	return rows[0]
}

func wantRow(t *testing.T, l delivery.Log, what string, want delivery.Delivery) {
	t.Helper()
	if diff := same(want, readRow(t, l, want.UID)); diff != "" {
		t.Errorf("the row after %s (-want +got):\n%s", what, diff)
	}
}

func wantNoRow(t *testing.T, l delivery.Log, what string, u delivery.UID) {
	t.Helper()
	if rows, err := l.Rows(t.Context(), u); err != nil || len(rows) != 0 {
		t.Errorf("Rows after %s = %+v, %v, want none", what, rows, err)
	}
}
