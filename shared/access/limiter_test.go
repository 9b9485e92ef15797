package access_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hermod/shared/access"
)

// counted is a meter that counts how often it is asked, and may fail.
type counted struct {
	access.Memory
	asked atomic.Int64
	err   error
}

func (m *counted) Lease(ctx context.Context, key string, window time.Time, n int) (int, error) {
	m.asked.Add(1)
	if m.err != nil {
		return 0, m.err
	}
	return m.Memory.Lease(ctx, key, window, n)
}

// limited is a Limiter at noon.
type limited struct {
	*access.Limiter
	meter *counted
	now   time.Time
}

func limit(perMinute int, m *counted) *limited {
	l := &limited{meter: m, now: noon}
	l.Limiter = access.NewLimiter(access.LimiterConfig{PerMinute: perMinute, Meter: m, Now: func() time.Time { return l.now }})
	return l
}

// pass counts how many of n requests pass.
func (l *limited) pass(t *testing.T, key string, n int) (passed int) {
	t.Helper()
	for range n {
		_, ok, err := l.Take(t.Context(), key)
		if err != nil {
			t.Fatalf("Take = %v, want nil", err)
		}
		if ok {
			passed++
		}
	}
	return passed
}

func ExampleLimiter() {
	now := time.Date(2026, 1, 31, 9, 30, 15, 0, time.UTC)
	l := access.NewLimiter(access.LimiterConfig{PerMinute: 2, Meter: new(access.Memory), Now: func() time.Time { return now }})
	for range 3 {
		a, ok, _ := l.Take(context.Background(), "key")
		fmt.Println(ok, a.Limit, a.Remaining, a.Reset.Format(time.TimeOnly))
	}
	// Output:
	// true 2 1 09:31:00
	// true 2 0 09:31:00
	// false 2 0 09:31:00
}

func TestAProcessAloneLetsPassExactlyTheLimit(t *testing.T) {
	for _, perMinute := range []int{1, 2, 99, 100, 101, 999, 1000, 1999, 60_000, 6_543} {
		l := limit(perMinute, new(counted))
		for minute := range 3 {
			for n := range perMinute {
				a, ok, err := l.Take(t.Context(), "k")
				want := access.Allowance{Limit: perMinute, Remaining: perMinute - n - 1, Reset: noon.Add(time.Duration(minute+1) * time.Minute)}
				if !ok || err != nil || a != want {
					t.Fatalf("request %d of %d = %+v, %v, %v, want %+v", n+1, perMinute, a, ok, err, want)
				}
			}
			l.now = l.now.Add(59 * time.Second)
			if got := l.pass(t, "k", 10); got != 0 {
				t.Errorf("%d requests beyond %d pass, want none", got, perMinute)
			}
			l.now = l.now.Add(time.Second)
		}
	}
}

func TestKeysAreLimitedApart(t *testing.T) {
	l := limit(3, new(counted))
	for _, key := range []string{"a", "b", "c"} {
		if got := l.pass(t, key, 5); got != 3 {
			t.Errorf("%d of 5 requests of key %s pass, want 3", got, key)
		}
	}
}

func TestTheMeterIsAskedForBlocks(t *testing.T) {
	tests := []struct{ perMinute, requests, asked int }{
		{60_000, 1, 1},
		{60_000, 60, 1},
		{60_000, 61, 2},
		{60_000, 180, 2},
		{60_000, 900, 4},
		{60_000, 60_000, 103},
		{1000, 1000, 103},
		{100, 100, 100},
	}
	for _, test := range tests {
		l := limit(test.perMinute, new(counted))
		l.pass(t, "k", test.requests)
		if got := l.meter.asked.Load(); got != int64(test.asked) {
			t.Errorf("for %d requests of %d a minute the meter is asked %d times, want %d", test.requests, test.perMinute, got, test.asked)
		}
	}
	l := limit(100, new(counted))
	l.pass(t, "k", 100)
	before := l.meter.asked.Load()
	if l.pass(t, "k", 1000); l.meter.asked.Load() != before {
		t.Errorf("1,000 requests that are refused ask the meter %d times, want never", l.meter.asked.Load()-before)
	}
}

func TestProcessesShareTheLimit(t *testing.T) {
	const perMinute, processes = 60_000, 20
	m := new(counted)
	var all []*limited
	for range processes {
		all = append(all, limit(perMinute, m))
	}
	passed := 0
	for range perMinute / processes {
		for _, l := range all {
			passed += l.pass(t, "k", 1)
		}
	}
	if passed > perMinute || passed < perMinute-processes*perMinute/100 {
		t.Errorf("%d requests pass %d processes, want %d less a block for each at most", passed, processes, perMinute)
	}
	for _, l := range all {
		passed += l.pass(t, "k", perMinute/100)
	}
	if passed != perMinute {
		t.Errorf("%d requests pass when each process has used its block, want %d", passed, perMinute)
	}
}

func TestManyProcessesThatBeginAtOnceAllGetABlock(t *testing.T) {
	m := new(counted)
	for i := range 1000 {
		if limit(60_000, m).pass(t, "k", 1) != 1 {
			t.Fatalf("the first request of process %d is refused", i+1)
		}
	}
}

func TestRequestsAtOnceDoNotPassTheLimit(t *testing.T) {
	l := limit(1000, new(counted))
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 50 {
				if _, ok, err := l.Take(t.Context(), "k"); ok && err == nil {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if passed.Load() != 1000 {
		t.Errorf("%d of 3,200 requests at once pass, want 1,000", passed.Load())
	}
}

func TestAMeterThatCannotBeAskedStopsNobody(t *testing.T) {
	down := errors.New("the table is out of reach")
	l := limit(1000, &counted{err: down})
	told := 0
	for i := range 900 {
		_, ok, err := l.Take(t.Context(), fmt.Sprint("k", i%3))
		if !ok {
			t.Fatalf("request %d is refused, want it to pass", i)
		}
		if err != nil {
			told++
			if !errors.Is(err, down) {
				t.Errorf("Take = %v, want the meter's error", err)
			}
		}
	}
	if told != 1 {
		t.Errorf("the error is told %d times in a window, want once", told)
	}
	l.now = l.now.Add(time.Minute)
	if _, ok, err := l.Take(t.Context(), "k0"); !ok || !errors.Is(err, down) {
		t.Errorf("Take in the next window = %v, %v, want it to pass and to tell again", ok, err)
	}
	l.meter.err = nil
	l.now = l.now.Add(time.Minute)
	if got := l.pass(t, "k0", 2000); got != 1000 {
		t.Errorf("%d requests pass once the meter is back, want 1,000", got)
	}
}

func TestAClientThatHangsUpDoesNotSpoilTheBlock(t *testing.T) {
	m := &contexts{}
	l := access.NewLimiter(access.LimiterConfig{PerMinute: 10, Meter: m})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, ok, err := l.Take(ctx, "k"); !ok || err != nil || m.err != nil || !m.bounded {
		t.Errorf("Take of a client that is gone = %v, %v; the meter's context has ended: %v, has a deadline: %v; want a lease with a deadline of its own",
			ok, err, m.err, m.bounded)
	}
}

// contexts is a meter that looks at its context.
type contexts struct {
	access.Memory
	err     error
	bounded bool
}

func (m *contexts) Lease(ctx context.Context, key string, window time.Time, n int) (int, error) {
	m.err = ctx.Err()
	_, m.bounded = ctx.Deadline()
	return m.Memory.Lease(ctx, key, window, n)
}

func TestAClockThatIsSetBackBeginsANewWindow(t *testing.T) {
	l := limit(2, new(counted))
	l.pass(t, "k", 2)
	l.now = l.now.Add(-time.Hour)
	if a, ok, err := l.Take(t.Context(), "k"); !ok || err != nil || !a.Reset.Equal(noon.Add(-59*time.Minute)) {
		t.Errorf("Take an hour before = %+v, %v, %v, want it to pass, until the end of that minute", a, ok, err)
	}
}

func BenchmarkTake(b *testing.B) {
	l := access.NewLimiter(access.LimiterConfig{PerMinute: 1 << 40, Meter: new(access.Memory)})
	b.Run("one after the other", func(b *testing.B) {
		for b.Loop() {
			l.Take(b.Context(), "k")
		}
	})
	b.Run("at once", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				l.Take(b.Context(), "k")
			}
		})
	})
}
