package storetest

import (
	"errors"
	"sync/atomic"
	"testing"

	"hermod/shared/webhook"
)

func webhookProjectQuota(t *testing.T, s webhook.Store, c *Clock) {
	inTurn(webhook.MaxPerProject, func(i int) {
		if err := s.Create(t.Context(), newHook("p1", c)); err != nil {
			t.Errorf("Create %d of %d = %v, want nil", i, webhook.MaxPerProject, err)
		}
	})
	before := hooksVersion(t, s, "p1")
	beyond := newHook("p1", c)
	if err := s.Create(t.Context(), beyond); !errors.Is(err, webhook.ErrQuota) {
		t.Errorf("Create beyond the quota = %v, want ErrQuota", err)
	}
	wantNoHook(t, s, "p1", beyond.UID)
	if after := hooksVersion(t, s, "p1"); after != before {
		t.Errorf("HooksVersion went from %d to %d by a create that was refused", before, after)
	}
	matches, err := s.ProjectMatches(t.Context(), "p1")
	if err != nil || len(matches) != webhook.MaxPerProject {
		t.Errorf("ProjectMatches = %d of them, %v, want %d", len(matches), err, webhook.MaxPerProject)
	}
	must(t, s.Create(t.Context(), newHook("p2", c)), "Create of another project")
	must(t, s.Delete(t.Context(), "p1", matches[0].Webhook), "Delete")
	must(t, s.Create(t.Context(), newHook("p1", c)), "Create after a delete")
}

func ofJob(uid string) func(*webhook.Webhook) { return func(w *webhook.Webhook) { w.Job = uid } }

func webhookJobQuota(t *testing.T, s webhook.Store, c *Clock) {
	var last webhook.Webhook
	for range webhook.MaxPerJob {
		last = createHook(t, s, c, ofJob("j1"))
	}
	beyond := newHook("p1", c)
	beyond.Job = "j1"
	if err := s.Create(t.Context(), beyond); !errors.Is(err, webhook.ErrJobQuota) {
		t.Errorf("Create beyond the job's quota = %v, want ErrJobQuota", err)
	}
	wantNoHook(t, s, "p1", beyond.UID)
	createHook(t, s, c, ofJob("j2"))
	createHook(t, s, c)
	must(t, s.Delete(t.Context(), "p1", last.UID), "Delete")
	createHook(t, s, c, ofJob("j1"))
}

func webhookJobQuotaOfUpdates(t *testing.T, s webhook.Store, c *Clock) {
	free, bound := createHook(t, s, c), createHook(t, s, c, ofJob("j2"))
	var last webhook.Webhook
	for range webhook.MaxPerJob {
		last = createHook(t, s, c, ofJob("j1"))
	}
	before := hooksVersion(t, s, "p1")
	for _, w := range []webhook.Webhook{free, bound} {
		moved := w
		moved.Version, moved.Job = 2, "j1"
		if err := s.Update(t.Context(), moved); !errors.Is(err, webhook.ErrJobQuota) {
			t.Errorf("Update that gives a job a webhook beyond its quota = %v, want ErrJobQuota", err)
		}
		wantHook(t, s, w)
	}
	if after := hooksVersion(t, s, "p1"); after != before {
		t.Errorf("HooksVersion went from %d to %d by updates that were refused", before, after)
	}
	last.Version, last.Name = 2, "renamed"
	must(t, s.Update(t.Context(), last), "Update of one of the job's own")
	last.Version, last.Job = 3, "j2"
	must(t, s.Update(t.Context(), last), "Update that takes one away from the job")
	free.Version, free.Job = 2, "j1"
	must(t, s.Update(t.Context(), free), "Update that gives the job another in its place")
	bound.Version, bound.Job = 2, "j1"
	if err := s.Update(t.Context(), bound); !errors.Is(err, webhook.ErrJobQuota) {
		t.Errorf("Update that gives the job one more = %v, want ErrJobQuota", err)
	}
}

func webhookQuotaRace(t *testing.T, s webhook.Store, c *Clock) {
	hooks := make([]webhook.Webhook, writers)
	for i := range hooks {
		if hooks[i] = newHook("p1", c); i%2 == 0 { // half of them are there, and of no job or of another
			hooks[i].Job = []string{"", "j2"}[i/2%2]
			must(t, s.Create(t.Context(), hooks[i]), "Create")
		}
	}
	var given atomic.Int64
	atOnce(writers, func(i int) bool {
		w, write := hooks[i], s.Create
		if w.Job = "j1"; i%2 == 0 {
			w.Version, write = 2, s.Update
		}
		switch err := write(t.Context(), w); {
		case err == nil:
			given.Add(1)
		case !errors.Is(err, webhook.ErrJobQuota):
			t.Errorf("Create or Update = %v, want nil or ErrJobQuota", err)
		}
		return true
	})
	matches, err := s.JobMatches(t.Context(), "p1", "j1")
	if err != nil || given.Load() != webhook.MaxPerJob || len(matches) != webhook.MaxPerJob {
		t.Errorf("of %d writes at once %d were answered well and %d matches are there, %v, want %d", writers, given.Load(), len(matches), err, webhook.MaxPerJob)
	}
}
