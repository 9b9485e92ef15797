package storetest

import (
	"errors"
	"testing"
	"time"

	"hermod/shared/delivery"
)

var reopenTests = []test[delivery.Log]{
	{"what is dead or cancelled in the cycle is reopened", reopenEnded},
	{"anything else is not reopened", reopenStale},
	{"of many reopenings at once one wins", reopenRace},
	{"a reopened row is kept for longer", reopenKeeps},
	{"a step sent again is counted until it moves", resentCounts},
	{"a step that does not wait there is not sent again", resentStale},
	{"of many sent again at once each is counted", resentRace},
}

func reopenEnded(t *testing.T, l delivery.Log, c *Clock) {
	for _, s := range standings {
		if s.state != delivery.Dead && s.state != delivery.Cancelled {
			continue
		}
		before := s.row(t, l, c)
		c.Advance(24 * time.Hour)
		next, due, expires := c.Now().Add(time.Minute), delivery.Due{At: c.Now().Add(time.Hour)}, c.Now().Add(delivery.Retention)
		got, err := l.Reopen(t.Context(), before.UID, before.Place.Cycle, next, due, expires)
		want := before
		want.State, want.Reason, want.Place, want.EndedAt = delivery.Retrying, "", delivery.Place{Cycle: before.Place.Cycle + 1}, time.Time{}
		want.NextAt, want.Due, want.ExpiresAt = next, due, expires
		if diff := same(want, got); err != nil || diff != "" {
			t.Errorf("Reopen of a row that is %s = %v (-want +got):\n%s", s, err, diff)
		}
		wantRow(t, l, "reopening one that is "+s.String(), want)
	}
}

func reopenStale(t *testing.T, l delivery.Log, c *Clock) {
	reopen := func(u delivery.UID, cycle int) error {
		_, err := l.Reopen(t.Context(), u, cycle, c.Now(), delivery.Due{At: c.Now().Add(time.Hour)}, c.Now().Add(2*delivery.Retention))
		return err
	}
	for _, s := range standings {
		before := s.row(t, l, c)
		for cycle := range 4 {
			if cycle == s.place.Cycle && (s.state == delivery.Dead || s.state == delivery.Cancelled) {
				continue
			}
			if err := reopen(before.UID, cycle); !errors.Is(err, delivery.ErrStale) {
				t.Errorf("Reopen in cycle %d of a row that is %s = %v, want ErrStale", cycle, s, err)
			}
		}
		wantRow(t, l, "reopenings that were refused", before)
	}
	missing := newDelivery("p1", c)
	if err := reopen(missing.UID, 0); !errors.Is(err, delivery.ErrStale) && !errors.Is(err, delivery.ErrNoDelivery) {
		t.Errorf("Reopen without a row = %v, want ErrStale or ErrNoDelivery", err)
	}
	wantNoRow(t, l, "a reopening that was refused", missing.UID)
}

func reopenRace(t *testing.T, l delivery.Log, c *Clock) {
	before := standing{delivery.Dead, delivery.Place{Cycle: 1, Step: 3}}.row(t, l, c)
	winner(t, delivery.ErrStale, atOnce(writers, func(int) error {
		_, err := l.Reopen(t.Context(), before.UID, 1, c.Now(), delivery.Due{At: c.Now().Add(time.Hour)}, before.ExpiresAt)
		return err
	}))
	if got := readRow(t, l, before.UID); got.Place != (delivery.Place{Cycle: 2}) {
		t.Errorf("after reopenings at once the row is at %v, want cycle 2", got.Place)
	}
}

func reopenKeeps(t *testing.T, l delivery.Log, c *Clock) {
	d := standing{delivery.Dead, delivery.Place{Step: 1}}.row(t, l, c)
	c.Advance(delivery.Retention - time.Hour)
	expires := c.Now().Add(delivery.Retention)
	d, err := l.Reopen(t.Context(), d.UID, 0, c.Now(), delivery.Due{At: c.Now().Add(time.Hour)}, expires)
	must(t, err, "Reopen")
	c.Advance(delivery.Retention - time.Minute)
	wantRow(t, l, "all its time but a minute since it was reopened", d)
	c.Advance(2 * time.Minute)
	wantNoRow(t, l, "all its time since it was reopened", d.UID)
}

func resentCounts(t *testing.T, l delivery.Log, c *Clock) {
	for _, s := range standings {
		if !s.state.Waits() {
			continue
		}
		want := s.row(t, l, c)
		for range 3 {
			want.Due = delivery.Due{At: want.Due.At.Add(time.Hour)}
			want.Resends++
			must(t, l.Resent(t.Context(), want.UID, want.Place, want.Due), "Resent")
			wantRow(t, l, "its step was sent again", want)
		}
		a := failing(want.NextNumber(), want.Place, c)
		next := waiting(want, delivery.Place{Cycle: want.Place.Cycle, Step: want.Place.Step + 1}, time.Hour, c)
		next.Resends = 0
		must(t, l.Step(t.Context(), unattempted(next), want.Place, &a), "Step")
		wantRow(t, l, "a step that moved", next.Record(a))
	}
}

func resentStale(t *testing.T, l delivery.Log, c *Clock) {
	due := delivery.Due{At: c.Now().Add(5 * time.Hour)}
	for _, s := range standings {
		before := s.row(t, l, c)
		for _, p := range []delivery.Place{zero, {Step: 1}, {Step: 3}, {Cycle: 1}, {Cycle: 1, Step: 1}, {Cycle: 1, Step: 2}, {Cycle: 1, Step: 3}, {Cycle: 2, Step: 3}} {
			if before.At(p) {
				continue
			}
			if err := l.Resent(t.Context(), before.UID, p, due); !errors.Is(err, delivery.ErrStale) {
				t.Errorf("Resent at %v of a row that is %s = %v, want ErrStale", p, s, err)
			}
		}
		wantRow(t, l, "re-sends that were refused", before)
	}
	missing := newDelivery("p1", c).UID
	if err := l.Resent(t.Context(), missing, zero, due); !errors.Is(err, delivery.ErrStale) && !errors.Is(err, delivery.ErrNoDelivery) {
		t.Errorf("Resent without a row = %v, want ErrStale or ErrNoDelivery", err)
	}
	wantNoRow(t, l, "a re-send that was refused", missing)
}

func resentRace(t *testing.T, l delivery.Log, c *Clock) {
	want := standing{delivery.Retrying, delivery.Place{Step: 1}}.row(t, l, c)
	want.Due = delivery.Due{At: want.Due.At.Add(time.Hour)}
	for _, err := range atOnce(writers, func(int) error { return l.Resent(t.Context(), want.UID, want.Place, want.Due) }) {
		must(t, err, "Resent, one of %d at once", writers)
	}
	want.Resends = writers
	wantRow(t, l, "many re-sends at once", want)
}
