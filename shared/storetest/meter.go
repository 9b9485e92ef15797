package storetest

import (
	"slices"
	"testing"
	"time"

	"hermod/shared/access"
)

// Meter is the suite of access.Meter.
func Meter(t *testing.T, open func(t *testing.T, now func() time.Time) access.Meter) {
	run(t, open, []test[access.Meter]{
		{"a lease answers what was leased with it", meterSums},
		{"keys and windows are counted apart", meterApart},
		{"of many leases at once each has its own sum", meterRace},
		{"the window before is still counted when the next has begun", meterWindowBefore},
	})
}

func lease(t *testing.T, m access.Meter, key string, window time.Time, n, want int) {
	t.Helper()
	if total, err := m.Lease(t.Context(), key, window, n); err != nil || total != want {
		t.Errorf("Lease of %d for %s at %v = %d, %v, want %d", n, key, window, total, err, want)
	}
}

func meterSums(t *testing.T, m access.Meter, c *Clock) {
	window, key := c.Now().Truncate(time.Minute), newUID(c)
	for _, step := range []struct{ n, want int }{{1, 1}, {1, 2}, {600, 602}, {1_000_000, 1_000_602}} {
		lease(t, m, key, window, step.n, step.want)
	}
	c.Advance(59 * time.Second)
	lease(t, m, key, window, 1, 1_000_603)
}

func meterApart(t *testing.T, m access.Meter, c *Clock) {
	first, second := newUID(c), newUID(c)
	for range 3 {
		window := c.Now().Truncate(time.Minute)
		lease(t, m, first, window, 5, 5)
		lease(t, m, second, window, 7, 7)
		lease(t, m, first, window, 1, 6)
		c.Advance(time.Minute)
	}
	c.Advance(24 * time.Hour)
	lease(t, m, first, c.Now().Truncate(time.Minute), 2, 2)
}

func meterRace(t *testing.T, m access.Meter, c *Clock) {
	window, key := c.Now().Truncate(time.Minute), newUID(c)
	totals := atOnce(writers, func(int) int {
		total, err := m.Lease(t.Context(), key, window, 10)
		if err != nil {
			t.Errorf("Lease = %v, want nil", err)
		}
		return total
	})
	slices.Sort(totals)
	for i, total := range totals {
		if want := 10 * (i + 1); total != want {
			t.Errorf("the sums of %d leases of 10 are %v, want 10, 20 and so on", writers, totals)
			return
		}
	}
}

func meterWindowBefore(t *testing.T, m access.Meter, c *Clock) {
	window, key := c.Now().Truncate(time.Minute), newUID(c)
	lease(t, m, key, window, 5, 5)
	c.Advance(time.Minute)
	next := window.Add(time.Minute)
	lease(t, m, key, next, 1, 1)
	lease(t, m, key, window, 5, 10)
	lease(t, m, key, next, 1, 2)
}
