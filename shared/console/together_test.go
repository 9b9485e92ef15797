package console

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
)

// A goroutine that panics ends the process, and with it, on one machine, everybody's deliveries.
func TestAPanicWithinAPageEndsTheRequestAlone(t *testing.T) {
	err := together(
		func() error { return nil },
		func() error { panic("what nobody thought of") },
	)
	if err == nil || !strings.Contains(err.Error(), "what nobody thought of") || !strings.Contains(err.Error(), "together_test.go") {
		t.Errorf("the error is %v, want the panic with its place", err)
	}
}

func TestEachCallsAllAndReturnsTheFirstError(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	var calls, now, most atomic.Int32
	err := each(100, func(i int) error {
		calls.Add(1)
		for n := now.Add(1); n > most.Load(); {
			most.Store(n)
		}
		defer now.Add(-1)
		switch i {
		case 40:
			return first
		case 20 + 40:
			return second
		}
		return nil
	})
	if err != first || calls.Load() != 100 || most.Load() > atOnce {
		t.Errorf("each returned %v after %d calls, %d of them at once; want %v, 100, at most %d", err, calls.Load(), most.Load(), first, atOnce)
	}
}
