package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"hermod/shared/sqlite"
)

const (
	// settleEvery is how often one job is settled at most.
	settleEvery = time.Second
	// settleBatch is how many jobs are taken at once, and settleAtOnce how many of them are worked on at the same time.
	settleBatch  = 256
	settleAtOnce = 16
)

// settler settles the jobs that are marked: their totals follow the reports, and none that could finish stays running.
type settler struct {
	jobs   *sqlite.Jobs
	settle func(ctx context.Context, project, job string) error
	logger *slog.Logger
}

// run makes rounds until ctx ends. A round comes to each job that is marked, once; what fails is tried again in the next.
func (s settler) run(ctx context.Context) {
	for ctx.Err() == nil {
		marks, err := s.jobs.Unsettled(ctx, "", settleBatch, pollTime)
		if err == nil && len(marks) == 0 {
			continue
		}
		next := time.Now().Add(settleEvery)
		for err == nil && len(marks) > 0 && ctx.Err() == nil {
			if err = s.batch(ctx, marks); err == nil {
				marks, err = s.jobs.Unsettled(ctx, marks[len(marks)-1].Job, settleBatch, 0)
			}
		}
		if err != nil && ctx.Err() == nil {
			s.logger.Error("marks of jobs not readable or not removed", "error", err.Error())
		}
		pause(ctx, time.Until(next))
	}
}

// batch settles jobs and removes the marks of those that are settled. What has begun is not cut off by a stop.
func (s settler) batch(ctx context.Context, marks []sqlite.Mark) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), workTime)
	defer cancel()
	var mu sync.Mutex
	var settled []sqlite.Mark
	var all sync.WaitGroup
	slots := make(chan struct{}, settleAtOnce)
	for _, m := range marks {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			if err := s.settle(ctx, m.Project, m.Job); err != nil {
				s.logger.Error("job not settled", "job", m.Job, "project", m.Project, "error", err.Error())
				return
			}
			mu.Lock()
			defer mu.Unlock()
			settled = append(settled, m)
		})
	}
	all.Wait()
	return s.jobs.Settled(ctx, settled...)
}
