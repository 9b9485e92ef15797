package awsdynamo

import (
	"errors"
	"testing"
	"time"

	"hermod/shared/delivery"
)

// unspoiled is the same table, past the faults.
func unspoiled(db *DB, f *faults) *DB {
	clean := *db
	clean.client = client(*db.client.Options().BaseEndpoint, f.next)
	return &clean
}

// outcomes are the writes of an attempt's outcome, each on a row that was brought where it is made.
var outcomes = []struct {
	name     string
	failures int // of the schedule, before
	status   int
	write    func(*testing.T, *DB, delivery.Delivery, delivery.Attempt) error
	late     error // what the write returns when another's success was faster
}{
	{"a first failure", 0, 503, stepped, delivery.ErrStale},
	{"a second failure", 1, 503, stepped, delivery.ErrStale},
	{"a success at once", 0, 200, succeeded, nil},
	{"a success after failures", 2, 200, succeeded, nil},
	{"a manual attempt without a row", 0, 503, appended, nil},
	{"a manual attempt", 1, 503, appended, nil},
}

func stepped(t *testing.T, db *DB, d delivery.Delivery, a delivery.Attempt) error {
	return db.Log().Step(t.Context(), waits(d, delivery.Place{Step: d.Place.Step + 1}, a.StartedAt), d.Place, &a)
}

func succeeded(t *testing.T, db *DB, d delivery.Delivery, a delivery.Attempt) error {
	return db.Log().Succeed(t.Context(), ends(d, delivery.Succeeded, d.Place, a.StartedAt), a)
}

func appended(t *testing.T, db *DB, d delivery.Delivery, a delivery.Attempt) error {
	a.Cause = delivery.CauseManual
	d.ExpiresAt = a.StartedAt.Add(delivery.Retention)
	return db.Log().Append(t.Context(), d, a)
}

// written writes an outcome as dispatch does: again when nobody knows what came of it; and when its step was taken, the request is
// appended to the row all the same.
func written(t *testing.T, db *DB, d delivery.Delivery, a delivery.Attempt, write func(*testing.T, *DB, delivery.Delivery, delivery.Attempt) error) (tries int) {
	t.Helper()
	for tries = 1; tries <= 10; tries++ {
		err := write(t, db, d, a)
		if errors.Is(err, delivery.ErrStale) {
			if tries == 1 {
				t.Errorf("the first write = %v, want an unknown outcome: it may have been ours", err)
			}
			err = db.Log().Append(t.Context(), d, a)
		}
		if err == nil {
			return tries
		}
	}
	t.Errorf("the outcome is not written after %d tries", tries)
	return tries
}

func TestAnAttemptWhoseAnswerIsLostIsCountedOnce(t *testing.T) {
	plans := []struct {
		name  string
		plan  []spoil
		tries int
	}{
		{"no fault", nil, 1},
		{"not carried out, then throttled", []spoil{cut, throttled}, 1},
		{"carried out, the answer lost", []spoil{lost}, 2},
		{"carried out, the answer lost, then throttled", []spoil{lost, limited, throttled}, 2},
		{"every answer lost", []spoil{lost, lost, lost, lost}, 2},
		{"every answer lost, twice", []spoil{lost, lost, lost, lost, lost, lost, lost, lost}, 3},
		{"no answer from a server in trouble", []spoil{away, broken, away}, 1},
		{"in trouble for longer", []spoil{away, broken, away, cut, away}, 2},
	}
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	for _, outcome := range outcomes {
		for _, p := range plans {
			t.Run(outcome.name+"; "+p.name, func(t *testing.T) {
				f.then("PutItem") // nothing of the plan before
				d := aDelivery(t, c)
				for range outcome.failures {
					d = failed(t, db, d, c)
					c.advance(time.Minute)
				}
				a := someAttempt(d.NextNumber(), d.Place, c.now(), outcome.status)
				a.Answer = nil
				f.then("PutItem", p.plan...)
				if tries := written(t, db, d, a, outcome.write); tries > p.tries {
					t.Errorf("the outcome took %d writes, want %d", tries, p.tries)
				}
				rows, err := db.Log().Rows(t.Context(), d.UID)
				if err != nil || len(rows) != 1 || rows[0].AttemptCount != outcome.failures+1 || len(rows[0].Attempts) != outcome.failures+1 {
					t.Errorf("the row is %+v, %v, want %d attempts", rows, err, outcome.failures+1)
				}
			})
		}
	}
}

func TestAReopeningWhoseAnswerIsLostIsNotStale(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	d := aDelivery(t, c)
	if err := db.Log().Step(t.Context(), ends(d, delivery.Dead, delivery.Place{Step: 1}, c.now()), delivery.Place{}, nil); err != nil {
		t.Fatal(err)
	}
	reopen := func() error {
		_, err := db.Log().Reopen(t.Context(), d.UID, 0, c.now(), delivery.Due{At: c.now().Add(time.Hour)}, c.now().Add(delivery.Retention))
		return err
	}
	f.then("PutItem", lost)
	if err := reopen(); err == nil || errors.Is(err, delivery.ErrStale) || !IsUnavailable(err) {
		t.Errorf("Reopen that was carried out and got no answer = %v, want an unknown outcome", err)
	}
	if err := reopen(); !errors.Is(err, delivery.ErrStale) {
		t.Errorf("Reopen after it was carried out = %v, want ErrStale", err)
	}
	rows, err := db.Log().Rows(t.Context(), d.UID)
	if err != nil || len(rows) != 1 || rows[0].Place != (delivery.Place{Cycle: 1}) {
		t.Errorf("the row is %+v, %v, want it in cycle 1", rows, err)
	}
}

func TestAWriteThatLostAgainstAnotherIsDecidedAgain(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	for _, outcome := range outcomes {
		t.Run(outcome.name, func(t *testing.T) {
			d := aDelivery(t, c)
			for range outcome.failures {
				d = failed(t, db, d, c)
				c.advance(time.Minute)
			}
			a := someAttempt(d.NextNumber(), d.Place, c.now(), outcome.status)
			a.Answer = nil
			other := someAttempt(d.NextNumber(), d.Place, c.now().Add(time.Second), 204)
			f.count()
			f.then("PutItem", soon(func() {
				if err := succeeded(t, unspoiled(db, f), d, other); err != nil {
					t.Error(err)
				}
			}))
			if err := outcome.write(t, db, d, a); !errors.Is(err, outcome.late) {
				t.Errorf("a write that comes after another's success = %v, want %v", err, outcome.late)
			}
			added := 1
			if outcome.late == nil {
				added = 2
			}
			rows, err := db.Log().Rows(t.Context(), d.UID)
			if err != nil || len(rows) != 1 || rows[0].State != delivery.Succeeded || len(rows[0].Attempts) != outcome.failures+added {
				t.Errorf("the row is %+v, %v, want it succeeded, with %d attempts more", rows, err, added)
			}
			if puts := len(f.requests("PutItem")); puts > 2 {
				t.Errorf("%d writes were made, want one more than without the other", puts)
			}
		})
	}
}

func TestAWriteToABusyTableIsTriedAFewTimes(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	f.always("PutItem", throttled)
	d := aDelivery(t, c)
	a := someAttempt(1, delivery.Place{}, c.now(), 200)
	err := db.Log().Succeed(t.Context(), d, a)
	if tries := len(f.requests("PutItem")); !IsUnavailable(err) || tries != maxTries {
		t.Errorf("Succeed while every write is throttled = %v after %d tries, want a busy table after %d", err, tries, maxTries)
	}
	if rows, err := db.Log().Rows(t.Context(), d.UID); err != nil || len(rows) != 0 {
		t.Errorf("Rows after it = %v, %v, want none", rows, err)
	}
}

func TestRowsAreReadThoughBatchesEndEarly(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	var uids []delivery.UID
	for range 25 {
		uids = append(uids, failed(t, db, aDelivery(t, c), c).UID)
	}
	uids = append(uids, uids[0]) // DynamoDB refuses a batch that asks twice
	f.then("BatchGetItem", partly(10), partly(0), lost, partly(1), throttled, partly(10))
	rows, err := db.Log().Rows(t.Context(), uids...)
	seen := map[delivery.UID]bool{}
	for _, d := range rows {
		seen[d.UID] = true
	}
	if err != nil || len(rows) != 25 || len(seen) != 25 {
		t.Errorf("Rows of 25 deliveries = %d rows of %d, %v, want 25", len(rows), len(seen), err)
	}
	f.always("BatchGetItem", partly(0))
	f.count()
	if _, err := db.Log().Rows(t.Context(), uids...); !IsUnavailable(err) || f.count() != maxTries {
		t.Errorf("Rows while no key of a batch is read = %v, want a busy table after %d tries", err, maxTries)
	}
}
