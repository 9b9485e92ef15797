package fanout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/webhook"
)

// atOnce bounds how many events of a batch are archived at the same time.
const atOnce = 64

// Config is what a Fanout needs. The seams are required.
type Config struct {
	Archive  delivery.Archive
	Webhooks webhook.Store
	Queue    delivery.Queue

	// Decode reads an image as the engine's stream hands it out; required for HandleImages.
	Decode func(json.RawMessage) (job.Job, error)
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: slog.Default
}

// Fanout is safe for concurrent use.
type Fanout struct {
	Config
	hooks hookLists
}

// New returns a Fanout; a missing seam is a panic.
func New(c Config) *Fanout {
	if c.Archive == nil || c.Webhooks == nil || c.Queue == nil {
		panic("fanout: a seam is missing in Config")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Fanout{Config: c, hooks: hookLists{store: c.Webhooks, known: map[string]hookList{}}}
}

// record is one job image on its way.
type record struct {
	job  job.Job
	raw  json.RawMessage // the image as the stream handed it out, if it did
	sent []delivery.Message
	err  error // the store could not be reached: the record must come again
	bad  error // the record cannot be processed: it is parked
}

// Handle fans a batch of job images out, each as it was right after a change. It returns an error for each that has to come
// again, nil for those that passed.
func (f *Fanout) Handle(ctx context.Context, images []job.Job) []error {
	batch := make([]record, len(images))
	for i, j := range images {
		batch[i].job = j
	}
	return f.handle(ctx, batch)
}

// HandleImages is Handle for images as the engine's stream hands them out. One that cannot be read is parked as it is.
func (f *Fanout) HandleImages(ctx context.Context, images []json.RawMessage) []error {
	batch := make([]record, len(images))
	for i, raw := range images {
		batch[i].raw = raw
		batch[i].decode(f.Decode)
	}
	return f.handle(ctx, batch)
}

func (r *record) decode(read func(json.RawMessage) (job.Job, error)) {
	r.bad = contain(func() (err error) {
		r.job, err = read(r.raw)
		return err
	})
}

func (f *Fanout) handle(ctx context.Context, batch []record) []error {
	start := f.Now()
	f.archive(ctx, batch)
	f.send(ctx, batch)
	f.park(ctx, batch)
	errs := make([]error, len(batch))
	sent, failed := 0, 0
	for i, r := range batch {
		sent += len(r.sent)
		if errs[i] = r.err; r.err != nil {
			failed++
			f.Logger.Error("event not fanned out", "job", r.job.UID, "project", r.job.Project, "version", r.job.Version, "error", r.err.Error())
		}
	}
	f.Logger.Debug("fanout", "records", len(batch), "failed", failed, "messages", sent, "duration_ms", f.Now().Sub(start).Milliseconds())
	return errs
}

// archive archives the events of the batch and makes their messages.
func (f *Fanout) archive(ctx context.Context, batch []record) {
	lists := f.hooks.of(ctx, batch)
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i := range batch {
		if batch[i].bad != nil {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			r := &batch[i]
			if panicked := contain(func() error { f.archiveOne(ctx, r, lists[r.job.Project]); return nil }); panicked != nil {
				r.bad = panicked
			}
		})
	}
	wg.Wait()
}

func (f *Fanout) archiveOne(ctx context.Context, r *record, hooks hookList) {
	if hooks.err != nil || hooks.bad != nil {
		r.err, r.bad = hooks.err, hooks.bad
		return
	}
	if len(r.job.Changes) == 0 {
		r.bad = errors.New("the image has no change")
		return
	}
	change := r.job.Last()
	if change.Event == job.NoEvent {
		return
	}
	var own []webhook.Match
	var err error
	if hooks.ofJobs {
		own, err = f.Webhooks.JobMatches(ctx, r.job.Project, r.job.UID)
	}
	if err != nil {
		r.err = fmt.Errorf("list webhooks of job %s: %w", r.job.UID, err)
		return
	}
	e, err := newEvent(r.job, change, hooks.matches, own)
	if err != nil {
		r.bad = err
		return
	}
	stored, existed, err := f.Archive.Put(ctx, e)
	if err != nil {
		r.err = fmt.Errorf("archive event %s: %w", e.UID, err)
		return
	}
	for _, m := range stored.Matched {
		msg := delivery.NewMessage(stored.Project, delivery.UID{Event: stored.UID, Webhook: m.Webhook}, delivery.Place{}, delivery.CauseSchedule)
		msg.MaybeDup = existed
		r.sent = append(r.sent, msg)
	}
}

// newEvent renders the event that a change is, for the webhooks that take it.
func newEvent(j job.Job, c job.Change, lists ...[]webhook.Match) (delivery.Event, error) {
	e := delivery.Event{
		UID: j.EventUID(c), Project: j.Project, Job: j.UID, Workflow: j.Workflow, Type: c.Event, Sequence: c.Version, At: c.At,
		Bodies: map[job.Format][]byte{},
	}
	for _, list := range lists {
		for _, m := range list {
			if !m.Takes(j, c.Event) || !m.Before(c.At) {
				continue
			}
			e.Matched = append(e.Matched, delivery.Match{Webhook: m.Webhook, Format: m.Payload})
			if e.Bodies[m.Payload] != nil {
				continue
			}
			body, err := j.Payload(e.UID, c, m.Payload)
			if err != nil {
				return delivery.Event{}, fmt.Errorf("render event %s: %w", e.UID, err)
			}
			e.Bodies[m.Payload] = body
		}
	}
	return e, nil
}

// send sends the messages of the whole batch together, so that queue requests are full.
func (f *Fanout) send(ctx context.Context, batch []record) {
	var parcels []delivery.Parcel
	var owner []int
	now := f.Now()
	for i, r := range batch {
		for _, m := range r.sent {
			parcels, owner = append(parcels, m.Parcel(now, 0)), append(owner, i)
		}
	}
	if len(parcels) == 0 {
		return
	}
	err := contain(func() error { return f.Queue.Send(ctx, delivery.LaneFirst, parcels...) })
	if err == nil {
		return
	}
	err = fmt.Errorf("send first attempts: %w", err)
	var partial *delivery.SendError
	if !errors.As(err, &partial) {
		for _, i := range owner {
			batch[i].err = err
		}
		return
	}
	for _, n := range partial.Failed {
		batch[owner[n]].err = err
	}
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
