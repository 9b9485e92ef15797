package sqlite

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/uid"
)

// watcher notes what a database tells of its deliveries: state and attempts before and after.
type watcher struct {
	mu   sync.Mutex
	seen []string
}

func (w *watcher) observe(before, after delivery.Delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, fmt.Sprintf("%s/%d to %s/%d", before.State, len(before.Attempts), after.State, len(after.Attempts)))
}

func (w *watcher) take() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := fmt.Sprint(w.seen)
	w.seen = nil
	return seen
}

func TestWritesOfDeliveriesAreObservedAfterTheyWereMade(t *testing.T) {
	clock, w := newClock(), &watcher{}
	db := open(t, clock.now, func(c *Config) { c.Observe = w.observe })
	log, ctx := db.Log(), t.Context()
	fresh := func(s delivery.State) (delivery.Delivery, delivery.Attempt) {
		clock.pass(time.Second)
		d, a := aDelivery(uid.New(clock.now()), uid.New(clock.now()), clock.now())
		d.State = s
		return d, a
	}
	again := func(a delivery.Attempt) delivery.Attempt {
		a.Number, a.Step = a.Number+1, a.Step+1
		return a
	}
	once, first := fresh(delivery.Succeeded)
	failing, failed := fresh(delivery.Retrying)
	manual, tried := fresh(delivery.Pending)
	dead := failing
	dead.State, dead.Place = delivery.Dead, delivery.Place{Step: 2}
	failing.Place = delivery.Place{Step: 1}
	tests := []struct {
		name string
		do   func() error
		err  error
		want string
	}{
		{"success at once", func() error { return log.Succeed(ctx, once, first) }, nil, "[/0 to succeeded/1]"},
		{"the same again", func() error { return log.Succeed(ctx, once, first) }, nil, "[succeeded/1 to succeeded/1]"},
		{"a manual attempt after success", func() error { return log.Append(ctx, once, again(first)) }, nil, "[succeeded/1 to succeeded/2]"},
		{"a first failure", func() error { return log.Step(ctx, failing, delivery.Place{}, &failed) }, nil, "[/0 to retrying/1]"},
		{"a stale one", func() error { return log.Step(ctx, failing, delivery.Place{}, &failed) }, delivery.ErrStale, "[]"},
		{"a due entry that moves", func() error { return log.Resent(ctx, failing.UID, failing.Place, delivery.Due{At: clock.now()}) }, nil, "[]"},
		{"a death without a request", func() error { return log.Step(ctx, dead, delivery.Place{Step: 1}, nil) }, nil, "[retrying/1 to dead/1]"},
		{"a reopening", func() error {
			_, err := log.Reopen(ctx, dead.UID, 0, clock.now(), delivery.Due{}, clock.now().Add(delivery.Retention))
			return err
		}, nil, "[dead/1 to retrying/1]"},
		{"success in the end", func() error { return log.Succeed(ctx, failing, again(failed)) }, nil, "[retrying/1 to succeeded/2]"},
		{"a manual failure without a row", func() error { return log.Append(ctx, manual, tried) }, nil, "[/0 to pending/1]"},
	}
	for _, tt := range tests {
		if err := tt.do(); !errors.Is(err, tt.err) {
			t.Errorf("%s = %v, want %v", tt.name, err, tt.err)
		}
		if got := w.take(); got != tt.want {
			t.Errorf("of %s is observed %s, want %s", tt.name, got, tt.want)
		}
	}
}
