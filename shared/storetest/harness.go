package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hermod/shared/uid"
)

const (
	// writers is how many goroutines go for one row at once.
	writers = 64
	// lag bounds how long a list may trail behind the writes that it shows.
	lag = 10 * time.Second
	// poll is how long a test waits before it asks again.
	poll = 20 * time.Millisecond
)

// start is when the clock of every engine begins: a whole second, like the expiry times of some engines.
var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// Open returns an engine's side of a seam: empty, with nobody else at it, reading its time from now. What has to be closed is
// closed by t.Cleanup.
type Open[Seam any] func(t *testing.T, now func() time.Time) Seam

// Clock is the time that an engine reads. It stands still until it is moved. It is safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// Now is the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// test is one sentence about a seam.
type test[Seam any] struct {
	name string
	run  func(t *testing.T, seam Seam, clock *Clock)
}

// run runs each test on an engine of its own.
func run[Seam any](t *testing.T, open Open[Seam], tests []test[Seam]) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			clock := &Clock{at: start}
			test.run(t, open(t, clock.Now), clock)
		})
	}
}

// atOnce runs f for 0 to n-1, each in a goroutine, all let go together. It returns what each returned.
func atOnce[R any](n int, f func(i int) R) []R {
	results := make([]R, n)
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-gate
			results[i] = f(i)
		})
	}
	close(gate)
	wg.Wait()
	return results
}

// winner returns which one of many writers at once won; the others were refused.
func winner(t *testing.T, refused error, results []error) int {
	t.Helper()
	won := -1
	for i, err := range results {
		switch {
		case err == nil && won >= 0:
			t.Errorf("both %d and %d won", won, i)
		case err == nil:
			won = i
		case !errors.Is(err, refused):
			t.Errorf("one of %d at once = %v, want nil or %v", len(results), err, refused)
		}
	}
	if won < 0 {
		t.Fatalf("none of %d at once won", len(results))
	}
	return won
}

// inTurn runs f for 0 to n-1 in a few goroutines: many writes whose order does not matter.
func inTurn(n int, f func(i int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// eventually asks until what it is told is empty: a list that may lag has caught up.
func eventually(t *testing.T, wrong func() string) {
	t.Helper()
	deadline := time.Now().Add(lag)
	for {
		said := wrong()
		if said == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still after %v: %s", lag, said)
		}
		<-time.After(poll)
	}
}

// must ends the test if what it needs to go on did not work.
func must(t *testing.T, err error, doing string, args ...any) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s = %v, want nil", fmt.Sprintf(doing, args...), err)
	}
}

// same tells how two values differ, empty if they do not. A list or map that is empty equals one that is not there, and a time
// equals the same moment elsewhere.
func same(want, got any, ignore ...cmp.Option) string {
	return cmp.Diff(want, got, append(ignore, cmpopts.EquateEmpty())...)
}

// newUID returns a uid of the clock's time.
func newUID(c *Clock) string { return uid.New(c.Now()) }
