package main

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/fanout"
	"hermod/shared/job"
	"hermod/shared/sqlite"
)

const (
	// workTime is how long one message or batch may be worked on: more than the longest attempt (20 s) and its outcome.
	workTime = 30 * time.Second
	// pollTime is how long a pump waits for messages before it looks whether it is to stop.
	pollTime = 20 * time.Second
	// receiveAtOnce bounds one receive.
	receiveAtOnce = 256
	// maxFree is how many goroutines of a lane wait for work.
	maxFree = 256
	// outboxBatch is how many changes are fanned out together, and outboxBatches how many such batches at the same time: while
	// one waits for the disk the next is prepared.
	outboxBatch   = 256
	outboxBatches = 2
	// faultPause is the rest after the store could not be reached.
	faultPause = time.Second
)

// pump takes messages from a lane and hands each to a goroutine of its own: a receiver that hangs costs a goroutine, and its
// webhook's share, nothing else.
type pump struct {
	queue  delivery.Queue
	lane   delivery.Lane
	atOnce int // messages in hand
	handle func(context.Context, delivery.Receipt) delivery.Verdict
	logger *slog.Logger
}

// run pumps until ctx ends, then waits for what is in hand.
func (p pump) run(ctx context.Context) {
	slots := make(chan struct{}, p.atOnce)
	crew := hands{work: make(chan delivery.Receipt), do: func(r delivery.Receipt) {
		defer func() { <-slots }()
		p.work(ctx, r)
	}}
	defer crew.dismiss()
	for ctx.Err() == nil {
		slots <- struct{}{} // wait for a place
		free := 1
		for free < receiveAtOnce && tryTake(slots) {
			free++
		}
		receipts, err := p.queue.Receive(ctx, p.lane, free, pollTime)
		for range free - len(receipts) {
			<-slots
		}
		if err != nil && ctx.Err() == nil {
			p.logger.Error("lane not readable", "lane", string(p.lane), "error", err.Error())
			pause(ctx, faultPause)
		}
		for _, r := range receipts {
			crew.give(r)
		}
	}
}

// hands are goroutines that work on messages. One that is done waits for the next message, if not too many wait already: its
// stack has grown to what the work needs, and to grow a new one would be a tenth of all the CPU that a delivery takes.
type hands struct {
	work chan delivery.Receipt
	do   func(delivery.Receipt)
	free atomic.Int32
	all  sync.WaitGroup
}

// give hands a message to a goroutine that is free, or to a new one.
func (h *hands) give(r delivery.Receipt) {
	select {
	case h.work <- r:
	default:
		h.all.Go(func() { h.loop(r) })
	}
}

func (h *hands) loop(r delivery.Receipt) {
	for ok := true; ok; {
		h.do(r)
		if h.free.Add(1) <= maxFree {
			r, ok = <-h.work
		} else {
			ok = false
		}
		h.free.Add(-1)
	}
}

// dismiss waits for what is in hand and ends the goroutines.
func (h *hands) dismiss() {
	close(h.work)
	h.all.Wait()
}

func tryTake(slots chan struct{}) bool {
	select {
	case slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// work handles one message. What has begun is not cut off when the process is asked to stop: a request that was made must have
// its outcome written.
func (p pump) work(ctx context.Context, r delivery.Receipt) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), workTime)
	defer cancel()
	v := p.handle(ctx, r)
	var err error
	if v.Acknowledge {
		err = p.queue.Delete(ctx, r)
	} else {
		err = p.queue.Hide(ctx, r, v.VisibleAfter)
	}
	if err != nil { // it comes back when its visibility ends
		p.logger.Error("message not settled", "lane", string(p.lane), "acknowledge", v.Acknowledge, "error", err.Error())
	}
}

// outboxPump hands published changes to fan-out.
type outboxPump struct {
	jobs   *sqlite.Jobs
	fanout *fanout.Fanout
	logger *slog.Logger
}

func (p outboxPump) run(ctx context.Context) {
	var batches sync.WaitGroup
	for range outboxBatches {
		batches.Go(func() { p.loop(ctx) })
	}
	batches.Wait()
}

func (p outboxPump) loop(ctx context.Context) {
	for ctx.Err() == nil {
		entries, err := p.jobs.Changes(ctx, outboxBatch, pollTime)
		if err == nil && len(entries) > 0 {
			err = p.batch(ctx, entries)
		}
		if err != nil && ctx.Err() == nil {
			p.logger.Error("outbox not passed on", "error", err.Error())
			pause(ctx, faultPause)
		}
	}
}

// batch fans a batch out. What did not pass is handed out again.
func (p outboxPump) batch(ctx context.Context, entries []sqlite.OutboxEntry) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), workTime)
	defer cancel()
	images := make([]job.Job, len(entries))
	for i, e := range entries {
		images[i] = e.Job
	}
	var passed, failed []int64
	var first error
	for i, err := range p.fanout.Handle(ctx, images) {
		if err == nil {
			passed = append(passed, entries[i].ID)
			continue
		}
		failed, first = append(failed, entries[i].ID), cmp.Or(first, err)
	}
	p.jobs.Again(failed...)
	if err := p.jobs.Passed(ctx, passed...); err != nil {
		p.jobs.Again(passed...)
		return err
	}
	return first
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
