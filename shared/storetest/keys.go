package storetest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"hermod/shared/seal"
)

// Keys is the suite of seal.Keys.
func Keys(t *testing.T, open func(t *testing.T, now func() time.Time) seal.Keys) {
	run(t, open, []test[seal.Keys]{
		{"a project without a data key has none", dataKeyNone},
		{"a data key is read as it was put, for ever", dataKeyReadAsPut},
		{"a data key is never replaced", dataKeyPutOnce},
		{"of many data keys put at once one counts", dataKeyRace},
	})
}

func wantDataKey(t *testing.T, s seal.Keys, project string, want []byte) {
	t.Helper()
	if got, err := s.DataKey(t.Context(), project); err != nil || !bytes.Equal(got, want) {
		t.Errorf("DataKey of %s = %x, %v, want %x", project, got, err, want)
	}
}

// wrapped returns 60 bytes of every kind.
func wrapped(n int) []byte {
	sum := sha256.Sum256(fmt.Append(nil, n))
	return append(sum[:], "\x00\xff\xfe'\"\n and a rest of 28 bytes"[:28]...)
}

func dataKeyNone(t *testing.T, s seal.Keys, _ *Clock) {
	must(t, s.PutDataKey(t.Context(), "p1", wrapped(1)), "PutDataKey")
	for _, project := range []string{"p2", "p", "P1", ""} {
		if got, err := s.DataKey(t.Context(), project); !errors.Is(err, seal.ErrNoKey) || got != nil {
			t.Errorf("DataKey of %q = %x, %v, want ErrNoKey", project, got, err)
		}
	}
}

func dataKeyReadAsPut(t *testing.T, s seal.Keys, c *Clock) {
	for n, project := range []string{"p1", "p2"} {
		must(t, s.PutDataKey(t.Context(), project, wrapped(n)), "PutDataKey")
	}
	c.Advance(10 * 365 * 24 * time.Hour)
	for n, project := range []string{"p1", "p2"} {
		wantDataKey(t, s, project, wrapped(n))
	}
}

func dataKeyPutOnce(t *testing.T, s seal.Keys, _ *Clock) {
	must(t, s.PutDataKey(t.Context(), "p1", wrapped(1)), "PutDataKey")
	for _, n := range []int{2, 1} {
		if err := s.PutDataKey(t.Context(), "p1", wrapped(n)); !errors.Is(err, seal.ErrKeyExists) {
			t.Errorf("PutDataKey of a project that has one = %v, want ErrKeyExists", err)
		}
	}
	wantDataKey(t, s, "p1", wrapped(1))
}

func dataKeyRace(t *testing.T, s seal.Keys, _ *Clock) {
	won := winner(t, seal.ErrKeyExists, atOnce(writers, func(i int) error {
		err := s.PutDataKey(t.Context(), "p1", wrapped(i))
		if errors.Is(err, seal.ErrKeyExists) {
			if got, readErr := s.DataKey(t.Context(), "p1"); readErr != nil || len(got) == 0 {
				return fmt.Errorf("DataKey after ErrKeyExists = %x, %w", got, readErr)
			}
		}
		return err
	}))
	wantDataKey(t, s, "p1", wrapped(won))
}
