package storetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/webhook"
)

// ErrFault is what a write that was told to fail returns: to its caller the outcome is unknown.
var ErrFault = errors.New("a fault that the test asked for")

// Faults makes one of the writes that go through it fail. It is safe for concurrent use.
type Faults struct {
	mu     sync.Mutex
	writes int
	fail   int
	after  bool
}

// Fail makes write number n from now on fail, counted from 1: before it is carried out, or after. 0 lets all pass.
func (f *Faults) Fail(n int, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes, f.fail, f.after = 0, n, after
}

// Writes is how many there were since Fail.
func (f *Faults) Writes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}

// failedBefore reports whether a write failed before it was carried out.
func (f *Faults) failedBefore() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.after && f.fail > 0 && f.writes >= f.fail
}

// write carries a write out, unless it is the one to fail.
func (f *Faults) write(do func() error) error {
	f.mu.Lock()
	f.writes++
	fails, after := f.writes == f.fail, f.after
	f.mu.Unlock()
	if fails && !after {
		return ErrFault
	}
	if err := do(); !fails {
		return err
	}
	return ErrFault
}

// Log returns a log whose writes may fail.
func (f *Faults) Log(l delivery.Log) delivery.Log { return faultyLog{l, f} }

// Archive returns an archive whose extensions may fail.
func (f *Faults) Archive(a delivery.Archive) delivery.Archive { return faultyArchive{a, f} }

// Webhooks returns webhooks whose changes by dispatch may fail.
func (f *Faults) Webhooks(s webhook.Store) webhook.Store { return faultyWebhooks{s, f} }

// Queue returns a queue whose sends may fail.
func (f *Faults) Queue(q delivery.Queue) delivery.Queue { return faultyQueue{q, f} }

type faultyLog struct {
	delivery.Log
	faults *Faults
}

func (l faultyLog) Step(ctx context.Context, d delivery.Delivery, was delivery.Place, a *delivery.Attempt) error {
	return l.faults.write(func() error { return l.Log.Step(ctx, d, was, a) })
}

func (l faultyLog) Succeed(ctx context.Context, d delivery.Delivery, a delivery.Attempt) error {
	return l.faults.write(func() error { return l.Log.Succeed(ctx, d, a) })
}

func (l faultyLog) Append(ctx context.Context, d delivery.Delivery, a delivery.Attempt) error {
	return l.faults.write(func() error { return l.Log.Append(ctx, d, a) })
}

func (l faultyLog) Reopen(ctx context.Context, u delivery.UID, cycle int, next time.Time, due delivery.Due, expires time.Time) (d delivery.Delivery, err error) {
	err = l.faults.write(func() (err error) {
		d, err = l.Log.Reopen(ctx, u, cycle, next, due, expires)
		return err
	})
	if err != nil {
		d = delivery.Delivery{}
	}
	return d, err
}

func (l faultyLog) Resent(ctx context.Context, u delivery.UID, at delivery.Place, due delivery.Due) error {
	return l.faults.write(func() error { return l.Log.Resent(ctx, u, at, due) })
}

type faultyArchive struct {
	delivery.Archive
	faults *Faults
}

func (a faultyArchive) Extend(ctx context.Context, project, uid string, until time.Time) error {
	return a.faults.write(func() error { return a.Archive.Extend(ctx, project, uid, until) })
}

type faultyWebhooks struct {
	webhook.Store
	faults *Faults
}

func (s faultyWebhooks) Update(ctx context.Context, w webhook.Webhook) error {
	return s.faults.write(func() error { return s.Store.Update(ctx, w) })
}

func (s faultyWebhooks) Park(ctx context.Context, project, uid string, until time.Time) error {
	return s.faults.write(func() error { return s.Store.Park(ctx, project, uid, until) })
}

type faultyQueue struct {
	delivery.Queue
	faults *Faults
}

func (q faultyQueue) Send(ctx context.Context, lane delivery.Lane, parcels ...delivery.Parcel) error {
	return q.faults.write(func() error { return q.Queue.Send(ctx, lane, parcels...) })
}
