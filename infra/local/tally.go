package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/tally"
	"hermod/shared/webhook"
)

// flushTime is how often what was counted is written: what the last second counted is lost when the process is killed.
const flushTime = time.Second

// tallier adds up what is written of deliveries, in memory, and writes the sums now and then. It is safe for concurrent use.
type tallier struct {
	logger *slog.Logger
	notes  tally.Notes

	mu   sync.Mutex
	sums tally.Sums
}

func newTallier(logger *slog.Logger) *tallier {
	return &tallier{logger: logger, sums: tally.Sums{}}
}

// observe counts a write of a delivery's row.
func (t *tallier) observe(before, after delivery.Delivery) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sums.Count(before, after, now)
}

// run writes the sums until ctx ends.
func (t *tallier) run(ctx context.Context, to webhook.Counters) {
	tick := time.NewTicker(flushTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t.flush(context.WithoutCancel(ctx), to)
		}
	}
}

// flush writes what was counted since the flush before. What cannot be written is counted no more.
func (t *tallier) flush(ctx context.Context, to webhook.Counters) {
	t.mu.Lock()
	sums := t.sums
	t.sums = tally.Sums{}
	t.mu.Unlock()
	for p, err := range sums.Write(ctx, to, &t.notes, time.Now()) {
		t.logger.Error("counters not written", "webhook", p.Webhook, "project", p.Project, "error", err.Error())
	}
}
