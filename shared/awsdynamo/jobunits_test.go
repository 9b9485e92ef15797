package awsdynamo

import (
	"errors"
	"strings"
	"testing"
	"time"

	"hermod/infra/meter"
	"hermod/shared/access"
	"hermod/shared/job"
	"hermod/shared/uid"
)

// TestUnitsOfAPI says what each operation of jobs, webhooks and keys costs, in the units that AWS bills: a request unit writes 1 KB
// or reads 4 KB, and in a transaction it writes half of that.
func TestUnitsOfAPI(t *testing.T) {
	c := newClock()
	m := meter.New()
	db := open(t, c.now, m.Transport)
	ctx := t.Context()
	jobs, hooks, keys, cached := db.Jobs(), db.Webhooks(), db.Access(), db.CachedWebhooks(15*time.Second)
	bare, configured, k := aJob(c), aJob(c), aKey(c)
	configured.Configuration = []byte(`{"steps":"` + strings.Repeat("x", 3000) + `"}`)
	project := bare.Project
	w, ofJob := aHook(project, c), aHook(project, c)
	ofJob.Job = bare.UID
	update := func(j *job.Job) func() error {
		return func() error { *j = changed(t, *j, c); return jobs.Update(ctx, *j) }
	}

	tests := []struct {
		operation string
		run       func() error
		wru, rru  float64
	}{
		{"a launch", func() error { return jobs.Create(ctx, bare) }, 1, 0},
		{"a launch with 3 KB of configuration: that (4), the job", func() error { return jobs.Create(ctx, configured) }, 5, 0},
		{"a change of a job", update(&bare), 1, 0},
		{"twenty changes", func() error {
			for range 20 {
				if err := update(&bare)(); err != nil {
					return err
				}
			}
			return nil
		}, 20, 0},
		{"a change of a job with a configuration", update(&configured), 1, 0},
		{"the same, once in 62 days: the configuration (4), the job", func() error { c.advance(61 * 24 * time.Hour); return update(&configured)() }, 5, 0},
		{"a change that is too late", func() error {
			stale := bare
			if err := jobs.Update(ctx, stale); !errors.Is(err, job.ErrStale) {
				return err
			}
			return nil
		}, 1, 0}, // refused
		{"a job read", func() error { return second(jobs.Get(ctx, bare.Project, bare.UID)) }, 0, 1},
		{"a job read with its configuration", func() error { return second(jobs.Get(ctx, configured.Project, configured.UID)) }, 0, 2},
		{"a workflow", func() error {
			return jobs.CreateWorkflow(ctx, job.Workflow{UID: bare.Workflow, Project: project, Name: "Enrich", CreatedAt: c.now()})
		}, 4, 0},
		{"a workflow read", func() error { return second(jobs.Workflow(ctx, project, bare.Workflow)) }, 0, 1},

		{"a webhook: it, its match, its listing, the project (2 each), the end", func() error { return hooks.Create(ctx, w) }, 9, 0},
		{"a webhook of a job: one more", func() error { return hooks.Create(ctx, ofJob) }, 11, 0},
		{"a webhook changed: it, its match, the project (2 each), the end", func() error { w.Version++; return hooks.Update(ctx, w) }, 7, 1},
		{"a webhook parked", func() error { return hooks.Park(ctx, project, w.UID, c.now()) }, 1, 0},
		{"a webhook read", func() error { return second(hooks.Get(ctx, project, w.UID)) }, 0, 1},
		{"a webhook read by dispatch", func() error { return second(cached.Get(ctx, project, w.UID)) }, 0, 1},
		{"again within 15 s", func() error { return second(cached.Get(ctx, project, w.UID)) }, 0, 0},
		{"the hooks version", func() error { return third(hooks.HooksVersion(ctx, project)) }, 0, 1},
		{"a project's few matches", func() error { return second(hooks.ProjectMatches(ctx, project)) }, 0, 1},
		{"a job's matches", func() error { return second(hooks.JobMatches(ctx, project, bare.UID)) }, 0, 1},
		{"no matches of a job", func() error { return second(hooks.JobMatches(ctx, project, configured.UID)) }, 0, 1},
		{"a list of two webhooks", func() error { return second(hooks.List(ctx, project, "", 20)) }, 0, 3},
		{"a webhook deleted: it, its match, its listing, the project (2 each), the end", func() error { return hooks.Delete(ctx, project, w.UID) }, 9, 1},
		{"a project's matches when it has thirty webhooks", func() error {
			for range 30 {
				if err := hooks.Create(ctx, aHook(project, c)); err != nil {
					return err
				}
			}
			return second(hooks.ProjectMatches(ctx, project))
		}, 30 * 9, 2},

		{"a project", func() error {
			return keys.CreateProject(ctx, access.Project{UID: uid.New(c.now()), Name: "Sales", CreatedAt: c.now()})
		}, 1, 0},
		{"an API key and its listing (2 each)", func() error { return keys.CreateKey(ctx, k) }, 4, 0},
		{"an API key looked up", func() error { return second(keys.KeyByHash(ctx, k.Hash)) }, 0, 1},
		{"an Idempotency-Key: the claim, the reply", func() error {
			if _, err := keys.Begin(ctx, "name", "request", c.now()); err != nil {
				return err
			}
			return keys.Finish(ctx, "name", access.Reply{Request: "request", Status: 201, Sealed: strings.Repeat("x", 700)}, c.now())
		}, 2, 0},
		{"a reply given again", func() error { return second(keys.Begin(ctx, "name", "request", c.now())) }, 1, 0}, // refused
		{"a data key", func() error { return db.Keys().PutDataKey(ctx, project, make([]byte, 200)) }, 1, 0},
		{"a data key read", func() error { return second(db.Keys().DataKey(ctx, project)) }, 0, 1},
		{"the sweep cursor moved", func() error { return db.Cursor().Swept(ctx, c.now()) }, 1, 0},
		{"the sweep cursor read", func() error { return second(db.Cursor().SweptUntil(ctx)) }, 0, 1},
	}
	for _, test := range tests {
		before := m.Total()
		if err := test.run(); err != nil {
			t.Errorf("%s: %v", test.operation, err)
		}
		if used := m.Total().Minus(before); used.WRU() != test.wru || used.RRU() != test.rru {
			t.Errorf("%s: %v WRU and %v RRU, want %v and %v", test.operation, used.WRU(), used.RRU(), test.wru, test.rru)
		}
	}
	for _, d := range m.Differences() {
		t.Errorf("the meter and the engine differ: %s", d)
	}
}
