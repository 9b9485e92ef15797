package storetest

import (
	"testing"
	"time"

	"hermod/shared/sweep"
)

// Cursor is the suite of sweep.Cursor.
func Cursor(t *testing.T, open func(t *testing.T, now func() time.Time) sweep.Cursor) {
	run(t, open, []test[sweep.Cursor]{
		{"there is no cursor before the first sweep", cursorZero},
		{"the cursor never moves backwards", cursorMoves},
		{"of many moves at once the latest stays", cursorRace},
		{"the cursor stays for ever", cursorStays},
	})
}

func wantCursor(t *testing.T, s sweep.Cursor, want time.Time) {
	t.Helper()
	if got, err := s.SweptUntil(t.Context()); err != nil || !got.Equal(want) {
		t.Errorf("SweptUntil = %v, %v, want %v", got, err, want)
	}
}

func cursorZero(t *testing.T, s sweep.Cursor, _ *Clock) {
	got, err := s.SweptUntil(t.Context())
	if err != nil || !got.IsZero() {
		t.Errorf("SweptUntil = %v, %v, want the zero time", got, err)
	}
}

func cursorMoves(t *testing.T, s sweep.Cursor, c *Clock) {
	at := func(ms int) time.Time { return c.Now().Add(time.Duration(ms) * time.Millisecond) }
	for _, move := range []struct{ to, want int }{{7, 7}, {90_000, 90_000}, {89_999, 90_000}, {90_000, 90_000}, {-90_000, 90_000}, {90_001, 90_001}} {
		must(t, s.Swept(t.Context(), at(move.to)), "Swept")
		wantCursor(t, s, at(move.want))
	}
}

func cursorRace(t *testing.T, s sweep.Cursor, c *Clock) {
	for _, err := range atOnce(writers, func(i int) error {
		return s.Swept(t.Context(), c.Now().Add(time.Duration(i*37%writers)*time.Second))
	}) {
		must(t, err, "Swept, one of %d at once", writers)
	}
	wantCursor(t, s, c.Now().Add((writers-1)*time.Second))
}

func cursorStays(t *testing.T, s sweep.Cursor, c *Clock) {
	at := c.Now()
	must(t, s.Swept(t.Context(), at), "Swept")
	c.Advance(365 * 24 * time.Hour)
	wantCursor(t, s, at)
}
