package redrive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/uid"
)

// Missing, in the place of a delivery's state, asks for deliveries that are matched in the archive and have no row.
const Missing delivery.State = "missing"

const (
	// DefaultRate and MaxRate are in deliveries a second.
	DefaultRate = 100
	MaxRate     = 1000
	// MaxCount is where counting what a redrive would take stops.
	MaxCount = 10_000
	// MissingAfter is how old an event must be before a delivery without a row is taken for missing: younger ones may still be
	// on their way.
	MissingAfter = 5 * time.Minute

	sampleSize = 10
	// samplePages is how many pages of the log are read for a sample at most.
	samplePages = 10
	// freshBelow is how many deliveries a task may have sent for its counts to be made anew at each look.
	freshBelow = 1000
)

// Config is what a Service needs. The seams are required.
type Config struct {
	Tasks   Store
	Log     delivery.Log
	Archive delivery.Archive
	Queue   delivery.Queue

	LetterWait time.Duration    // how long a receive waits for letters; a queue such as SQS may overlook some without
	Now        func() time.Time // nil: time.Now
	Logger     *slog.Logger     // nil: slog.Default
}

// Service starts redrives and carries them out. It is safe for concurrent use.
type Service struct{ Config }

// New returns a Service; a missing seam is a panic.
func New(c Config) *Service {
	if c.Tasks == nil || c.Log == nil || c.Archive == nil || c.Queue == nil {
		panic("redrive: a seam is missing in Config")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Service{c}
}

// Preview is what a redrive would take.
type Preview struct {
	Matched int  // counted, up to MaxCount
	More    bool // there are more, or may be: counting stopped before the end
	Sample  []delivery.Delivery
}

// Preview counts what a redrive of the query would take now. The query's State is Dead, Cancelled or Missing.
func (s *Service) Preview(ctx context.Context, q delivery.Query) (Preview, error) {
	preview := s.previewRows
	if q.State == Missing {
		preview = s.previewMissing
	}
	p, err := preview(ctx, q)
	if err != nil {
		return p, fmt.Errorf("preview redrive: %w", err)
	}
	return p, nil
}

// previewRows has the log count. The sample is of those that were counted; where they are rare, it takes several pages to come to them.
func (s *Service) previewRows(ctx context.Context, q delivery.Query) (p Preview, err error) {
	q = resting(q)
	if p.Matched, p.More, err = s.Log.Count(ctx, q, MaxCount); err != nil {
		return p, err
	}
	want, next := min(p.Matched, sampleSize), ""
	for range samplePages {
		if len(p.Sample) == want {
			break
		}
		var page []delivery.Delivery
		q.Before, q.Limit = next, want-len(p.Sample)
		if page, next, err = s.Log.List(ctx, q); err != nil {
			return p, err
		}
		if p.Sample = append(p.Sample, page...); next == "" {
			break
		}
	}
	return p, nil
}

// previewMissing counts in the newest part of the archive: to compare all of it takes minutes.
func (s *Service) previewMissing(ctx context.Context, q delivery.Query) (p Preview, err error) {
	q.Before, q.Limit = "", pageSize
	for compared := 0; compared < maxCompared; {
		page, next, n, err := s.compare(ctx, q)
		if err != nil {
			return p, err
		}
		p.Matched, p.More = p.Matched+len(page), next != ""
		p.Sample = append(p.Sample, page[:min(len(page), sampleSize-len(p.Sample))]...)
		if !p.More {
			break
		}
		q.Before, compared = next, compared+n
	}
	return p, nil
}

// Start begins a redrive of the query, at the given rate (0: DefaultRate). It takes all that the query does, whatever was counted.
func (s *Service) Start(ctx context.Context, q delivery.Query, rate int) (Task, error) {
	preview, err := s.Preview(ctx, q)
	if err != nil {
		return Task{}, err
	}
	if rate == 0 {
		rate = DefaultRate
	}
	now := s.Now().UTC().Truncate(time.Millisecond)
	t := Task{
		UID: uid.New(now), Project: q.Project, Version: 1, State: Sending, Query: q, Rate: rate, Matched: preview.Matched,
		CreatedAt: now, UpdatedAt: now,
	}
	if err := s.Tasks.CreateTask(ctx, t); err != nil {
		return Task{}, fmt.Errorf("create redrive: %w", err)
	}
	if err := s.proceed(ctx, t, 0); err != nil {
		_, undo := s.Cancel(ctx, t.Project, t.UID)
		return Task{}, errors.Join(err, undo)
	}
	return t, nil
}

// Task reads a task of the project, with counts as of now where that is cheap. Errors: ErrNotFound.
func (s *Service) Task(ctx context.Context, project, taskUID string) (Task, error) {
	t, err := s.Tasks.Task(ctx, project, taskUID)
	if err != nil || t.Sent == 0 || t.Sent > freshBelow {
		return t, err
	}
	t, _, err = s.count(ctx, t)
	return t, err
}

// List returns tasks of the project, newest first, as they were counted last.
func (s *Service) List(ctx context.Context, project, before string, limit int) ([]Task, error) {
	return s.Tasks.ListTasks(ctx, project, before, limit)
}

// Cancel ends a task: what it has sent stays sent. A task that has ended already is returned as it is. Errors: ErrNotFound.
func (s *Service) Cancel(ctx context.Context, project, taskUID string) (Task, error) {
	for {
		t, err := s.Tasks.Task(ctx, project, taskUID)
		if err != nil || t.State.Ended() {
			return t, err
		}
		t = s.end(t, Cancelled)
		if err = s.Tasks.UpdateTask(ctx, t); !errors.Is(err, ErrStale) {
			return t, err
		}
	}
}

func (s *Service) end(t Task, state State) Task {
	t.State, t.Version = state, t.Version+1
	t.UpdatedAt = s.Now().UTC().Truncate(time.Millisecond)
	t.EndedAt = t.UpdatedAt
	return t
}
