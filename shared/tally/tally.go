package tally

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/webhook"
)

const (
	// Patience is how old a change may be whose counters come again when they could not be written.
	Patience = 15 * time.Minute
	// atOnce bounds how many writes of a batch are made at the same time.
	atOnce = 16
)

// Config is what a Tally needs.
type Config struct {
	Counters webhook.Counters // required
	// Settle makes the totals of a job what is reported of its inputs, and finishes the job if it is time. It is idempotent, and a job
	// that is gone is no error. nil: no job is settled.
	Settle func(ctx context.Context, project, job string) error
	// Decode reads what a record of the engine's stream says; required for HandleImages. A zero Change is nothing of ours. Any error is
	// one of the record: to read it again does not help.
	Decode func(before, after json.RawMessage) (Change, error)
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: slog.Default
}

// Change is one write that the store published: of a delivery's row, or one that is a reason to settle a job.
type Change struct {
	Before delivery.Delivery // zero: the row is new
	After  delivery.Delivery // zero: it is no row of a delivery

	Job     string // that is to be settled; empty: none
	Project string // of the job
}

// Tally is safe for concurrent use.
type Tally struct {
	Config
	notes Notes
}

// New returns a Tally; a missing seam is a panic.
func New(c Config) *Tally {
	if c.Counters == nil {
		panic("tally: Config needs Counters")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Tally{Config: c}
}

// HandleImages is Handle for changes as the engine's stream hands them out: the images before and after each. One that cannot be read
// is logged and passed, for there is nobody to read it.
func (t *Tally) HandleImages(ctx context.Context, before, after []json.RawMessage) []error {
	changes := make([]Change, len(after))
	for i := range after {
		err := contain(func() (err error) {
			changes[i], err = t.Decode(before[i], after[i])
			return err
		})
		if err != nil {
			changes[i] = Change{}
			t.Logger.Error("change not tallied", "error", err.Error())
		}
	}
	return t.Handle(ctx, changes)
}

// Handle tallies a batch, in the order of the stream. It returns an error for each change that has to come again, nil for those that
// passed. The stream goes on from the first that has to: what stands behind it comes again too, so where that is a job which could
// not be settled, what stands behind is not counted yet.
func (t *Tally) Handle(ctx context.Context, changes []Change) []error {
	start := t.Now()
	errs := make([]error, len(changes))
	jobs := t.settle(ctx, changes, errs)
	passed := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	if passed < 0 {
		passed = len(changes)
	}
	places := t.count(ctx, changes[:passed], errs)
	t.Logger.Debug("tally", "records", len(changes), "passed", passed, "jobs", jobs, "counters", places,
		"duration_ms", t.Now().Sub(start).Milliseconds())
	return errs
}

// settle settles each job of the batch once, and returns how many there were.
func (t *Tally) settle(ctx context.Context, changes []Change, errs []error) int {
	owners := map[job.Ref][]int{}
	for i, c := range changes {
		if c.Job != "" && t.Settle != nil {
			r := job.Ref{Project: c.Project, Job: c.Job}
			owners[r] = append(owners[r], i)
		}
	}
	failed := forEach(slices.Collect(maps.Keys(owners)), func(r job.Ref) error { return t.Settle(ctx, r.Project, r.Job) })
	for r, err := range failed {
		t.Logger.Error("job not settled", "job", r.Job, "project", r.Project, "error", err.Error())
		for _, i := range owners[r] {
			errs[i] = fmt.Errorf("settle job %s: %w", r.Job, err)
		}
	}
	return len(owners)
}

// counted is a change that a place has counted.
type counted struct {
	index int
	at    time.Time
}

// count adds the batch up and writes what each place has; it returns how many there are.
func (t *Tally) count(ctx context.Context, changes []Change, errs []error) int {
	now, sums, owners := t.Now(), Sums{}, map[Place][]counted{}
	for i, c := range changes {
		if c.After.UID == (delivery.UID{}) {
			continue
		}
		if p, at, ok := sums.Count(c.Before, c.After, now); ok {
			owners[p] = append(owners[p], counted{i, at})
		}
	}
	for p, err := range sums.Write(ctx, t.Counters, &t.notes, now) {
		if p.Webhook == webhook.Whole {
			t.Logger.Error("counters of a project let go", "project", p.Project, "hour", p.Begin().Format(time.RFC3339), "error", err.Error())
			continue
		}
		dropped := 0
		for _, c := range owners[p] {
			if now.Sub(c.at) < Patience {
				errs[c.index] = err
			} else {
				dropped++
			}
		}
		t.Logger.Error("counters not written", "webhook", p.Webhook, "project", p.Project, "hour", p.Begin().Format(time.RFC3339),
			"changes", len(owners[p]), "let_go", dropped, "error", err.Error())
	}
	return len(sums)
}

// Write notes the health that the sums tell of, but for a success that notes know to be no news, adds the sums to the counters, and
// returns which places that failed for. The counters come second: of both they alone must not be written twice. Those of projects come
// last, each with what was written for its webhooks: what failed for a webhook counts for its project when it is counted again, and
// what failed for a project must not be.
func (s Sums) Write(ctx context.Context, to webhook.Counters, notes *Notes, now time.Time) map[Place]error {
	notes.forget(now)
	failed := forEach(slices.Collect(maps.Keys(s)), func(p Place) error {
		if err := s.note(ctx, p, to, notes, now); err != nil {
			return fmt.Errorf("note health of webhook %s: %w", p.Webhook, err)
		}
		if err := to.Add(ctx, p.Project, p.Webhook, p.Begin(), s[p].Stats); err != nil {
			return fmt.Errorf("count for webhook %s: %w", p.Webhook, err)
		}
		return nil
	})
	whole := s.whole(failed)
	maps.Copy(failed, forEach(slices.Collect(maps.Keys(whole)), func(p Place) error {
		return to.Add(ctx, p.Project, p.Webhook, p.Begin(), whole[p])
	}))
	return failed
}

func (s Sums) note(ctx context.Context, p Place, to webhook.Counters, notes *Notes, now time.Time) error {
	h := s[p].Health()
	switch {
	case h == webhook.Health{}:
		return nil
	case h.FailingSince.IsZero() && !s[p].recovered && notes.fresh(p.Webhook, now):
		return nil
	}
	if err := to.Note(ctx, p.Project, p.Webhook, h); err != nil {
		return err
	}
	notes.keep(p.Webhook, h, now)
	return nil
}

// forEach calls f for each key, some at the same time, and returns what failed. A panic is an error.
func forEach[K comparable](keys []K, f func(K) error) map[K]error {
	failed := map[K]error{}
	slots := make(chan struct{}, atOnce)
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, k := range keys {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			if err := contain(func() error { return f(k) }); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[k] = err
			}
		})
	}
	all.Wait()
	return failed
}

// contain runs f; a panic is its error.
func contain(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return f()
}
