package access

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// PerMinute is how many requests a key may make in a minute where nothing else is said.
	PerMinute = 60_000
	// limitWindow is the time over which requests are counted. Windows begin with the minutes of UTC.
	limitWindow = time.Minute
	// A process leases so large a part of the limit at first, then twice as much each time, up to so large a part. What it leases
	// and does not use is lost to the others until the window ends: a thousand processes may begin at once before that is felt.
	firstPart, lastPart = 1000, 100
	// leaseTime bounds the wait for the meter.
	leaseTime = time.Second
)

// LimiterConfig is what a Limiter needs.
type LimiterConfig struct {
	PerMinute int              // requests that a key may make in a minute; required
	Meter     Meter            // required
	Now       func() time.Time // nil: time.Now
}

// Limiter says whether a key may make one more request in this minute. It leases requests from the meter in blocks, so that most
// are decided in memory, and those that are refused ask nobody. It is safe for concurrent use.
//
// Processes that share a meter keep the limit together: never more than it is let pass, and less only by what was leased and not
// used, at most a hundredth of the limit for each process. A process alone lets pass exactly the limit. When the meter cannot be
// asked, requests pass as if nobody else had leased any since it was asked last.
//
// It knows keys, not addresses: who has no key is stopped before, by whatever stands in front of the service.
type Limiter struct {
	perMinute int
	meter     Meter
	now       func() time.Time

	mu      sync.Mutex
	window  time.Time
	budgets map[string]*budget // of the window, by key
	told    bool               // in this window, that the meter could not be asked
}

// budget is what this process has of a key's window.
type budget struct {
	mu     sync.Mutex
	window time.Time
	block  int // requests leased last
	left   int // leased and not used
	total  int // leased by all, as far as is known
}

// Allowance is what a key has.
type Allowance struct {
	Limit     int       // requests in a window
	Remaining int       // in this one, as far as this process knows
	Reset     time.Time // when the next one begins
}

// NewLimiter returns a Limiter.
func NewLimiter(c LimiterConfig) *Limiter {
	if c.Meter == nil || c.PerMinute < 1 {
		panic("access: LimiterConfig.Meter or PerMinute is missing")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Limiter{perMinute: c.PerMinute, meter: c.Meter, now: c.Now}
}

// Take counts one request of a key. It is to be refused if ok is false. An error says that the meter could not be asked, once in a
// window for all keys; the request passes.
func (l *Limiter) Take(ctx context.Context, keyUID string) (a Allowance, ok bool, err error) {
	b := l.budget(keyUID)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left == 0 && b.total < l.perMinute {
		if err = l.lease(ctx, keyUID, b); err != nil {
			err = l.tell(err)
		}
	}
	if ok = b.left > 0; ok {
		b.left--
	}
	return Allowance{Limit: l.perMinute, Remaining: b.left + max(0, l.perMinute-b.total), Reset: b.window.Add(limitWindow)}, ok, err
}

// budget returns the key's budget of the window that is now. The clock is read under the lock, so that no request opens a window
// that is over.
func (l *Limiter) budget(keyUID string) *budget {
	l.mu.Lock()
	defer l.mu.Unlock()
	if window := l.now().UTC().Truncate(limitWindow); !window.Equal(l.window) {
		l.window, l.budgets, l.told = window, map[string]*budget{}, false
	}
	b := l.budgets[keyUID]
	if b == nil {
		b = &budget{window: l.window}
		l.budgets[keyUID] = b
	}
	return b
}

// lease gets the next block. A client that hangs up does not end it: the block is for others too.
func (l *Limiter) lease(ctx context.Context, keyUID string, b *budget) error {
	b.block = min(max(1, l.perMinute/firstPart, 2*b.block), max(1, l.perMinute/lastPart))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseTime)
	defer cancel()
	total, err := l.meter.Lease(ctx, keyUID, b.window, b.block)
	if err != nil {
		total = b.total + b.block
	}
	b.left, b.total = max(0, b.block-max(0, total-l.perMinute)), total
	return err
}

// tell returns the error if it is the window's first.
func (l *Limiter) tell(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.told {
		return nil
	}
	l.told = true
	return fmt.Errorf("lease requests: %w", err)
}
