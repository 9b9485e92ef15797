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
	inputs, ref := db.Inputs(), job.Ref{Project: project, Job: bare.UID}
	list := func(q job.Query) func() error {
		q.Project = project
		return func() error { return third(jobs.List(ctx, q)) }
	}
	update := func(j *job.Job) func() error {
		return func() error { *j = changed(t, *j, c); return jobs.Update(ctx, *j) }
	}

	tests := []struct {
		operation string
		run       func() error
		wru, rru  float64
	}{
		{"a launch: the job, its entries in the lists of project and workflow", func() error { return jobs.Create(ctx, bare) }, 3, 0},
		{"a launch with 3 KB of configuration: that (4), the job, its entries", func() error { return jobs.Create(ctx, configured) }, 7, 0},
		{"a change of a job", update(&bare), 1, 0},
		{"one to paused: the job, its entry", update(&bare), 2, 0},
		{"one from paused", update(&bare), 2, 0},
		{"twenty of those", func() error {
			for range 20 {
				if err := update(&bare)(); err != nil {
					return err
				}
			}
			return nil
		}, 40, 0},
		{"a change of a job with a configuration", update(&configured), 1, 0},
		{"the same, once in 62 days: the configuration (4), the entry in the workflow's list, the job, its paused entry; a look at its inputs", func() error {
			c.advance(61 * 24 * time.Hour)
			return update(&configured)()
		}, 7, 3},
		{"a change that is too late", func() error {
			stale := bare
			if err := jobs.Update(ctx, stale); !errors.Is(err, job.ErrStale) {
				return err
			}
			return nil
		}, 1, 0}, // refused
		{"a job read", func() error { return second(jobs.Get(ctx, bare.Project, bare.UID)) }, 0, 1},
		{"a job read with its configuration", func() error { return second(jobs.Get(ctx, configured.Project, configured.UID)) }, 0, 2},
		{"the end of a list of inputs moved", func() error { return jobs.Extend(ctx, project, bare.UID, 0, 900, false) }, 1, 0},
		{"totals", func() error { return jobs.SetTotals(ctx, project, bare.UID, job.Totals{Running: 1, Clock: 1}) }, 1, 0},
		{"earlier totals", func() error { return jobs.SetTotals(ctx, project, bare.UID, job.Totals{Clock: 1}) }, 1, 0}, // refused
		{"a list of jobs, of few: an entry in one of four shards, its job", list(job.Query{Limit: 20}), 0, 3},
		{"of a workflow: a look at each month so far, a job", list(job.Query{Workflow: bare.Workflow, Limit: 20}), 0, 2.5},
		{"of those that are paused, which are none", list(job.Query{Status: job.Paused, Limit: 20}), 0, 0.5},

		{"a page of 3 KB of a job's inputs", func() error {
			return inputs.PutPage(ctx, ref, job.Page{Kind: job.DataPage, Name: "a", Doc: make([]byte, 3000)})
		}, 3, 0},
		{"a new page of 300 KB", func() error {
			return inputs.PutNewPage(ctx, ref, job.Page{Kind: job.DataPage, Name: "b", Doc: make([]byte, job.MaxPage)})
		}, 294, 0},
		{"pages read, of 303 KB", func() error { return second(inputs.Pages(ctx, ref, job.DataPage, "a", "b")) }, 0, 75},
		{"the last page, of 3 KB", func() error { return third(inputs.LastPage(ctx, ref, job.DataPage, "", "a")) }, 0, 1},
		{"an outcome of 500 inputs", func() error { return inputs.PutChunk(ctx, ref, job.Chunk{Version: 1, Doc: make([]byte, 1900)}) }, 2, 0},
		{"another", func() error { return inputs.PutChunk(ctx, ref, job.Chunk{Version: 2, Doc: make([]byte, 800)}) }, 2, 0}, // the larger of before and after
		{"one of few", func() error { return inputs.PutChunk(ctx, ref, job.Chunk{Version: 3, Doc: make([]byte, 800)}) }, 1, 0},
		{"chunks read", func() error { return second(inputs.Chunks(ctx, ref, 0, 200)) }, 0, 1},

		{"a workflow", func() error {
			return jobs.CreateWorkflow(ctx, job.Workflow{UID: bare.Workflow, Project: project, Name: "Enrich", CreatedAt: c.now(), Version: 1})
		}, 4, 0},
		{"a workflow read", func() error { return second(jobs.Workflow(ctx, project, bare.Workflow)) }, 0, 1},
		{"a workflow changed", func() error {
			return jobs.UpdateWorkflow(ctx, job.Workflow{UID: bare.Workflow, Project: project, CreatedAt: c.now(), Version: 2})
		}, 1, 0},
		{"a workflow deleted", func() error { return jobs.DeleteWorkflow(ctx, project, bare.Workflow) }, 4, 0},

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
		{"an API key, its listing and its project's count (2 each)", func() error { return keys.CreateKey(ctx, k) }, 6, 0},
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
