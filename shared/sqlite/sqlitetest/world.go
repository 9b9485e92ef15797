// Package sqlitetest gives the tests of other packages a small world on the real engine: an empty database, a clock that stands
// still until it is moved, a project with webhooks, jobs, and a way to look into the lanes.
package sqlitetest

import (
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/seal"
	"hermod/shared/signature"
	"hermod/shared/sqlite"
	"hermod/shared/uid"
	"hermod/shared/webhook"
)

// Secret signs every delivery of a world.
const Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="

// World is one database with one project. It is safe for concurrent use.
type World struct {
	*sqlite.DB
	T        testing.TB
	Box      *seal.Box
	Project  string
	Workflow string

	mu sync.Mutex
	at time.Time
}

// New opens an empty world.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{T: t, at: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	db, err := sqlite.Open(t.Context(), sqlite.Config{
		Path: filepath.Join(t.TempDir(), "hermod.db"), Now: w.Now, CleanEvery: -1, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	keys, err := seal.OpenKeyFile(filepath.Join(t.TempDir(), "hermod.key"))
	if err != nil {
		t.Fatal(err)
	}
	if w.Box, err = seal.New(seal.Config{Wrapper: keys, Keys: db.Keys()}); err != nil {
		t.Fatal(err)
	}
	w.DB, w.Project, w.Workflow = db, uid.New(w.at), uid.New(w.at)
	return w
}

// Now is the world's time.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

// Pass moves the clock.
func (w *World) Pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

// Hook creates a webhook that takes every event; change may make it another.
func (w *World) Hook(url string, change ...func(*webhook.Webhook)) webhook.Webhook {
	w.T.Helper()
	now := w.Now()
	h := webhook.Webhook{
		UID: uid.New(now), Project: w.Project, Version: 1, URL: url, Events: job.EventTypes, Payload: job.FormatV3, Enabled: true,
		CreatedAt: now, UpdatedAt: now,
	}
	h.Secrets = []webhook.Secret{w.Seal(h, Secret)}
	for _, f := range change {
		f(&h)
	}
	if err := w.Webhooks().Create(w.T.Context(), h); err != nil {
		w.T.Fatal(err)
	}
	return h
}

// Seal seals a signing secret of a webhook.
func (w *World) Seal(h webhook.Webhook, text string) webhook.Secret {
	w.T.Helper()
	secret, err := signature.Parse(text)
	if err != nil {
		w.T.Fatal(err)
	}
	sealed, err := w.Box.Seal(w.T.Context(), h.Project, h.UID, webhook.SecretField, []byte(text))
	if err != nil {
		w.T.Fatal(err)
	}
	return webhook.Secret{Sealed: sealed, Hint: secret.Hint(), CreatedAt: w.Now()}
}

// Launch stores a launched job.
func (w *World) Launch(name string) job.Job {
	w.T.Helper()
	j := job.Launch(job.Job{UID: uid.New(w.Now()), Project: w.Project, Workflow: w.Workflow, WorkflowName: "Import", Name: name}, w.Now())
	if err := w.Jobs().Create(w.T.Context(), j); err != nil {
		w.T.Fatal(err)
	}
	return j
}

// Archived archives the launch of a new job as an event for the webhooks.
func (w *World) Archived(hooks ...webhook.Webhook) delivery.Event {
	w.T.Helper()
	j := w.Launch("archived")
	body, err := j.Payload(j.EventUID(j.Last()), j.Last(), job.FormatV3)
	if err != nil {
		w.T.Fatal(err)
	}
	e := delivery.Event{
		UID: j.EventUID(j.Last()), Project: w.Project, Job: j.UID, Workflow: j.Workflow, Type: j.Last().Event, Sequence: 1, At: j.CreatedAt,
		Bodies: map[job.Format][]byte{job.FormatV3: body},
	}
	for _, h := range hooks {
		e.Matched = append(e.Matched, delivery.Match{Webhook: h.UID, Format: h.Payload})
	}
	if e, _, err = w.Archive().Put(w.T.Context(), e); err != nil {
		w.T.Fatal(err)
	}
	return e
}

// Row reads a delivery's row; nil if it has none.
func (w *World) Row(u delivery.UID) *delivery.Delivery {
	w.T.Helper()
	rows, err := w.Log().Rows(w.T.Context(), u)
	if err != nil {
		w.T.Fatal(err)
	}
	if len(rows) == 0 {
		return nil
	}
	return &rows[0]
}

// Receive takes what is visible in a lane in hand.
func (w *World) Receive(lane delivery.Lane) []delivery.Receipt {
	w.T.Helper()
	var all []delivery.Receipt
	for {
		got, err := w.Queue().Receive(w.T.Context(), lane, 100, 0)
		if err != nil {
			w.T.Fatal(err)
		}
		if len(got) == 0 {
			return all
		}
		all = append(all, got...)
	}
}

// Messages takes the messages that are visible in a lane out of it.
func (w *World) Messages(lane delivery.Lane) []delivery.Message {
	w.T.Helper()
	var all []delivery.Message
	for _, r := range w.Receive(lane) {
		m, err := delivery.ParseMessage(r.Body)
		if err != nil {
			w.T.Fatal(err)
		}
		if err := w.Queue().Delete(w.T.Context(), r); err != nil {
			w.T.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// Settle does with a message what a verdict says.
func (w *World) Settle(r delivery.Receipt, v delivery.Verdict) {
	w.T.Helper()
	var err error
	if v.Acknowledge {
		err = w.Queue().Delete(w.T.Context(), r)
	} else {
		err = w.Queue().Hide(w.T.Context(), r, v.VisibleAfter)
	}
	if err != nil {
		w.T.Fatal(err)
	}
}
