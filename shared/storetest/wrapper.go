package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"hermod/shared/seal"
)

// Wrapper is the suite of seal.Wrapper. Each call of open returns one with a key of its own.
func Wrapper(t *testing.T, open func(t *testing.T) seal.Wrapper) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, w, other seal.Wrapper)
	}{
		{"a key is unwrapped as it was wrapped", keyUnwrapped},
		{"a key is unwrapped for its own project only", keyOfOtherProject},
		{"a key that was wrapped elsewhere is refused", keyWrappedElsewhere},
		{"whatever was altered is refused", keyAltered},
		{"many at once get their own keys", keysAtOnce},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t), open(t)) })
	}
}

// dataKey returns a key of 32 bytes.
func dataKey(n int) []byte { return wrapped(n)[:32] }

func wrap(t *testing.T, w seal.Wrapper, project string, key []byte) []byte {
	t.Helper()
	wrapped, err := w.Wrap(t.Context(), project, key)
	must(t, err, "Wrap")
	return wrapped
}

func wantUnwrapped(t *testing.T, w seal.Wrapper, project string, wrapped, want []byte) {
	t.Helper()
	if got, err := w.Unwrap(t.Context(), project, wrapped); err != nil || !bytes.Equal(got, want) {
		t.Errorf("Unwrap for %s = %x, %v, want %x", project, got, err, want)
	}
}

// wantRefused wants ErrTampered, or ErrFormat: what was altered may look like that of a later release.
func wantRefused(t *testing.T, w seal.Wrapper, how, project string, wrapped []byte) {
	t.Helper()
	got, err := w.Unwrap(t.Context(), project, wrapped)
	if got != nil || !errors.Is(err, seal.ErrTampered) && !errors.Is(err, seal.ErrFormat) {
		t.Errorf("Unwrap of %s = %x, %v, want ErrTampered", how, got, err)
	}
}

func keyUnwrapped(t *testing.T, w, _ seal.Wrapper) {
	for _, key := range [][]byte{dataKey(1), make([]byte, 32), bytes.Repeat([]byte{0xff}, 32)} {
		was := bytes.Clone(key)
		first, second := wrap(t, w, "p1", key), wrap(t, w, "p1", key)
		if !bytes.Equal(key, was) {
			t.Error("Wrap changed the key that it was given")
		}
		for _, wrapped := range [][]byte{first, second, first} {
			if bytes.Contains(wrapped, key) {
				t.Errorf("the key %x can be read in what wraps it", key)
			}
			was := bytes.Clone(wrapped)
			wantUnwrapped(t, w, "p1", wrapped, key)
			if !bytes.Equal(wrapped, was) {
				t.Error("Unwrap changed what it was given")
			}
		}
	}
}

func keyOfOtherProject(t *testing.T, w, _ seal.Wrapper) {
	wrapped := wrap(t, w, "p1", dataKey(1))
	for _, project := range []string{"p2", "p", "p11", "P1", "p1 ", "1p"} {
		wantRefused(t, w, "a key of p1 for "+project, project, wrapped)
	}
	wantUnwrapped(t, w, "p1", wrapped, dataKey(1))
}

func keyWrappedElsewhere(t *testing.T, w, other seal.Wrapper) {
	mine, theirs := wrap(t, w, "p1", dataKey(1)), wrap(t, other, "p1", dataKey(1))
	wantRefused(t, w, "a key that another key wraps", "p1", theirs)
	wantRefused(t, other, "a key that another key wraps", "p1", mine)
	wantUnwrapped(t, other, "p1", theirs, dataKey(1))
}

func keyAltered(t *testing.T, w, _ seal.Wrapper) {
	wrapped := wrap(t, w, "p1", dataKey(1))
	for i := range wrapped {
		altered := bytes.Clone(wrapped)
		altered[i] ^= 1 << (i % 8)
		wantRefused(t, w, fmt.Sprintf("a key with byte %d altered", i), "p1", altered)
	}
	for _, n := range []int{0, 1, len(wrapped) / 2, len(wrapped) - 1} {
		wantRefused(t, w, fmt.Sprintf("the first %d bytes of a wrapped key", n), "p1", wrapped[:n])
	}
	wantRefused(t, w, "a wrapped key and a byte more", "p1", append(bytes.Clone(wrapped), 0))
	wantRefused(t, w, "nothing", "p1", nil)
	wantRefused(t, w, "a key that nothing wraps", "p1", dataKey(1))
	wantRefused(t, w, "far more than a key", "p1", make([]byte, 10_000))
}

func keysAtOnce(t *testing.T, w, _ seal.Wrapper) {
	for i, err := range atOnce(writers, func(i int) error {
		project := fmt.Sprint("p", i)
		wrapped, err := w.Wrap(t.Context(), project, dataKey(i))
		if err != nil {
			return err
		}
		got, err := w.Unwrap(t.Context(), project, wrapped)
		if err == nil && !bytes.Equal(got, dataKey(i)) {
			err = fmt.Errorf("unwrapped %x, want %x", got, dataKey(i))
		}
		return err
	}) {
		must(t, err, "Wrap and Unwrap for project %d of %d", i, writers)
	}
}
