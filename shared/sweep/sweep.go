package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"hermod/shared/delivery"
)

const (
	// Every is how often Sweep is to be run.
	Every = time.Minute
	// Ahead is how far a sweep looks: what falls due until then is sent with its exact delay. More than Every, so that a sweep
	// that is late by less than the difference makes nothing late.
	Ahead = 90 * time.Second
	// resendAfter is how long a step that was sent may take before it is sent again.
	resendAfter = time.Hour
	// maxResends is how often that is done; the next message buries the delivery.
	maxResends = 24
	// congested is how many visible messages in retry mean that steps are late, not lost.
	congested = 10_000
	pageSize  = 500
)

// Config is what a Sweeper needs. The seams are required.
type Config struct {
	Log    delivery.Log
	Queue  delivery.Queue
	Cursor Cursor

	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: slog.Default
}

// Sweeper sends what is due. Several may run at once: what both send is sent twice, and the copy is stale when it arrives.
type Sweeper struct{ Config }

// New returns a Sweeper; a missing seam is a panic.
func New(c Config) *Sweeper {
	if c.Log == nil || c.Queue == nil || c.Cursor == nil {
		panic("sweep: a seam is missing in Config")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Sweeper{c}
}

// Sweep sends the steps that fall due within Ahead, and again those that were lost.
func (s *Sweeper) Sweep(ctx context.Context) error {
	now := s.Now()
	sent, err := s.due(ctx, now)
	if err != nil {
		return fmt.Errorf("send due steps: %w", err)
	}
	resent, err := s.lost(ctx, now)
	if err != nil {
		return fmt.Errorf("send lost steps again: %w", err)
	}
	s.Logger.LogAttrs(ctx, slog.LevelDebug, "sweep", slog.Int("sent", sent), slog.Int("resent", resent),
		slog.Int64("duration_ms", s.Now().Sub(now).Milliseconds()))
	return nil
}

// due sends each step whose own time lies between the cursor and now + Ahead, then moves the cursor.
func (s *Sweeper) due(ctx context.Context, now time.Time) (sent int, err error) {
	after, err := s.Cursor.SweptUntil(ctx)
	if err != nil {
		return 0, err
	}
	until := now.Add(Ahead)
	err = s.each(ctx, after, until, func(page []delivery.DueEntry) error {
		var parcels []delivery.Parcel
		now := s.Now() // pages take their time
		for _, e := range page {
			if e.Due.Own {
				m := delivery.NewMessage(e.Project, e.UID, e.Place, delivery.CauseSchedule)
				parcels = append(parcels, m.Parcel(now, max(0, e.Due.At.Sub(now))))
			}
		}
		sent += len(parcels)
		return s.Queue.Send(ctx, delivery.LaneRetry, parcels...)
	})
	if err != nil {
		return sent, err
	}
	return sent, s.Cursor.Swept(ctx, until)
}

// lost sends each step again whose message has had an hour, moves its entry by an hour, and counts. Steps are late rather than
// lost while retry is congested.
func (s *Sweeper) lost(ctx context.Context, now time.Time) (resent int, err error) {
	visible, err := s.Queue.Visible(ctx, delivery.LaneRetry)
	if err != nil || visible > congested {
		return 0, err
	}
	err = s.each(ctx, time.Time{}, now, func(page []delivery.DueEntry) error {
		for _, e := range page {
			if e.Due.Own && e.Due.At.After(now.Add(-resendAfter)) {
				continue
			}
			if err := s.resend(ctx, e); err != nil {
				return err
			}
			resent++
		}
		return nil
	})
	return resent, err
}

func (s *Sweeper) resend(ctx context.Context, e delivery.DueEntry) error {
	now, cause := s.Now(), delivery.CauseSchedule
	if e.Resends >= maxResends {
		cause = delivery.CauseBury
	}
	m := delivery.NewMessage(e.Project, e.UID, e.Place, cause)
	if err := s.Queue.Send(ctx, delivery.LaneRetry, m.Parcel(now, 0)); err != nil {
		return err
	}
	s.Logger.Warn("step sent again", "delivery", e.UID.String(), "cycle", e.Place.Cycle, "step", e.Place.Step, "resends", e.Resends+1, "cause", string(cause))
	err := s.Log.Resent(ctx, e.UID, e.Place, delivery.Due{At: now.Add(resendAfter)})
	if errors.Is(err, delivery.ErrStale) {
		return nil // it moved meanwhile: not lost
	}
	return err
}

// each hands over the due entries in (after, until], page by page.
func (s *Sweeper) each(ctx context.Context, after, until time.Time, handle func([]delivery.DueEntry) error) error {
	for from := ""; ; {
		page, next, err := s.Log.Due(ctx, after, until, from, pageSize)
		if err != nil {
			return err
		}
		if err := handle(page); err != nil {
			return err
		}
		if from = next; from == "" {
			return nil
		}
	}
}
