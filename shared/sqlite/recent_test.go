package sqlite

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"hermod/shared/job"
	"hermod/shared/webhook"
)

func aHook(uid string) webhook.Webhook {
	return webhook.Webhook{
		UID: uid, Project: "p", Version: 1, URL: "https://example.com/", Events: []job.EventType{job.EventCreated}, Payload: job.FormatV3,
		Headers: []webhook.Header{{Name: "X-A"}}, Schedule: []time.Duration{time.Second},
	}
}

func TestWebhookIsReadFromMemory(t *testing.T) {
	db := open(t, nil, func(c *Config) { c.Readers = 1 })
	hooks := db.Webhooks()
	if err := hooks.Create(t.Context(), aHook("w")); err != nil {
		t.Fatal(err)
	}
	reader := <-db.readers // with none left, a Get that asks the file would wait for ever
	got, err := hooks.Get(t.Context(), "p", "w")
	if err != nil || got.URL != "https://example.com/" {
		t.Errorf("Get = %+v, %v", got, err)
	}
	got.Events[0], got.Headers[0].Name, got.Schedule[0] = "changed", "changed", 0
	if again, _ := hooks.Get(t.Context(), "p", "w"); again.Events[0] != job.EventCreated || again.Headers[0].Name != "X-A" || again.Schedule[0] != time.Second {
		t.Errorf("Get = %+v: a caller changed what others get", again)
	}
	if _, err := hooks.Get(t.Context(), "other", "w"); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("Get for another project = %v, want ErrNotFound", err)
	}
	db.readers <- reader
}

func TestWebhookInMemoryFollowsEachWrite(t *testing.T) {
	db := open(t, nil)
	hooks := db.Webhooks()
	w := aHook("w")
	if err := hooks.Create(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	until := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := hooks.Park(t.Context(), "p", "w", until); err != nil {
		t.Fatal(err)
	}
	if got, _ := hooks.Get(t.Context(), "p", "w"); !got.ParkedUntil.Equal(until) {
		t.Errorf("ParkedUntil after Park = %v, want %v", got.ParkedUntil, until)
	}
	w.Version, w.URL = 2, "https://example.com/new"
	if err := hooks.Update(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if got, _ := hooks.Get(t.Context(), "p", "w"); got.URL != w.URL || !got.ParkedUntil.Equal(until) {
		t.Errorf("Get after Update = %+v, want the new URL and the old ParkedUntil", got)
	}
	if err := hooks.Delete(t.Context(), "p", "w"); err != nil {
		t.Fatal(err)
	}
	if got, err := hooks.Get(t.Context(), "p", "w"); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("Get after Delete = %+v, %v, want ErrNotFound", got, err)
	}
	if err := hooks.Create(t.Context(), aHook("w")); err == nil {
		t.Error("Create with the uid of a deleted webhook = nil, want an error")
	}
}

func later(a, b int) bool { return a > b }

// Two reads before and after a commit, whose write has not replaced anything yet, end in either order.
func TestAnOlderReadDoesNotReplaceANewerOne(t *testing.T) {
	for _, order := range [][2]int{{1, 2}, {2, 1}} {
		r := newRecent(10, later)
		first, second := r.before(), r.before()
		r.replace("another", 1) // a write of something else ends in between
		r.before()("k", order[0])
		first("k", order[1])
		second("k", 1)
		if got, ok := r.get("k"); !ok || got != 2 {
			t.Errorf("reads of %v leave %d, %v, want the newer", order, got, ok)
		}
	}
}

func TestReadBeforeAWriteIsNotRemembered(t *testing.T) {
	r := newRecent(10, later)
	remember := r.before()
	r.replace("k", 2)
	remember("k", 1)
	if got, ok := r.get("k"); !ok || got != 2 {
		t.Errorf("get = %d, %v, want the one that was written", got, ok)
	}
	r.forget("k")
	if got, ok := r.get("k"); ok {
		t.Errorf("get = %d after it was forgotten, want none", got)
	}
	r.before()("k", 3)
	if got, ok := r.get("k"); !ok || got != 3 {
		t.Errorf("get = %d, %v, want what was read after the last write", got, ok)
	}
}

func TestPartThatIsWrittenIsChangedInMemoryWhereverItLies(t *testing.T) {
	r := newRecent(2, later)
	double := func(n int) int { return 2 * n }
	remember := r.before()
	r.change("k", double)
	remember("k", 7)
	if got, ok := r.get("k"); ok {
		t.Errorf("get = %d after a change of what was not in memory, want none: it was read before", got)
	}
	r.replace("k", 1)
	r.change("k", double)
	r.replace("other", 0)
	r.replace("a third", 0) // k is of the old generation
	r.change("k", double)
	if got, ok := r.get("k"); !ok || got != 4 {
		t.Errorf("get = %d, %v, want 1 doubled twice", got, ok)
	}
}

// Of a job, parts are written by themselves: any of them tells which of two is later.
func TestJobInMemoryFollowsEachWrite(t *testing.T) {
	db := open(t, nil, func(c *Config) { c.Readers = 1 })
	ctx, jobs := t.Context(), db.Jobs()
	launch(t, db, "j")
	reader := <-db.readers // with none left, a Get that asks the file would wait for ever
	want := func(doing string, err error, inputs int, closed bool, clock, version int) {
		t.Helper()
		got, reading := jobs.Get(ctx, "p", "j")
		if err != nil || reading != nil || got.Inputs != inputs || got.Closed != closed || got.Totals.Clock != clock || got.Version != version {
			t.Errorf("Get after %s = %+v, %v, %v, want %d inputs, closed: %v, clock %d, version %d", doing, got, err, reading, inputs, closed, clock, version)
		}
	}
	read, _ := jobs.Get(ctx, "p", "j")
	want("Extend", jobs.Extend(ctx, "p", "j", 0, 500, false), 500, false, 0, 1)
	next, _, _ := read.Apply(job.Update{Status: job.Running}, db.Now())
	want("Update", jobs.Update(ctx, next), 500, false, 0, 2)
	want("SetTotals", jobs.SetTotals(ctx, "p", "j", job.Totals{Clock: 3}), 500, false, 3, 2)
	want("earlier totals", jobs.SetTotals(ctx, "p", "j", job.Totals{Clock: 2}), 500, false, 3, 2)
	want("Extend that closes", jobs.Extend(ctx, "p", "j", 500, 600, true), 600, true, 3, 2)
	db.readers <- reader
	db.jobs.forget("j")
	want("forgetting", nil, 600, true, 3, 2)
	reader = <-db.readers
	want("reading", nil, 600, true, 3, 2)
	db.readers <- reader
}

func TestLaterOfTwoJobs(t *testing.T) {
	old := job.Job{Version: 3, Inputs: 500, Totals: job.Totals{Clock: 7}}
	for name, change := range map[string]func(*job.Job){
		"a change": func(j *job.Job) { j.Version++ }, "an extension": func(j *job.Job) { j.Inputs++ },
		"closing": func(j *job.Job) { j.Closed = true }, "totals": func(j *job.Job) { j.Totals.Clock++ },
	} {
		later := old
		change(&later)
		if !jobMoved(later, old) || jobMoved(old, later) || jobMoved(old, old) {
			t.Errorf("after %s: later than before %v, before later than it %v, than itself %v; want true, false, false",
				name, jobMoved(later, old), jobMoved(old, later), jobMoved(old, old))
		}
	}
}

func TestWorkflowInMemoryFollowsEachWrite(t *testing.T) {
	db := open(t, nil, func(c *Config) { c.Readers = 1 })
	ctx, jobs := t.Context(), db.Jobs()
	w := job.Workflow{UID: "f", Project: "p", Version: 1}
	if err := jobs.CreateWorkflow(ctx, w); err != nil {
		t.Fatal(err)
	}
	if _, err := jobs.Workflow(ctx, "p", "f"); err != nil {
		t.Fatal(err)
	}
	reader := <-db.readers
	w.Version, w.Steps = 2, []job.Step{{UID: "s"}}
	if err := jobs.UpdateWorkflow(ctx, w); err != nil {
		t.Fatal(err)
	}
	w.Steps[0].UID = "changed by the caller"
	if got, err := jobs.Workflow(ctx, "p", "f"); err != nil || got.Version != 2 || len(got.Steps) != 1 || got.Steps[0].UID != "s" {
		t.Errorf("Workflow after UpdateWorkflow = %+v, %v, want version 2 with its step", got, err)
	}
	if err := jobs.DeleteWorkflow(ctx, "p", "f"); err != nil {
		t.Fatal(err)
	}
	db.readers <- reader
	if got, err := jobs.Workflow(ctx, "p", "f"); !errors.Is(err, job.ErrNoWorkflow) {
		t.Errorf("Workflow after DeleteWorkflow = %+v, %v, want ErrNoWorkflow", got, err)
	}
}

func TestMemoryIsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	const limit = 100
	r := newRecent(limit, later)
	r.replace("used", 1)
	for i := range 10 * limit {
		r.replace(fmt.Sprint(i), i)
		if _, ok := r.get("used"); !ok {
			t.Fatalf("what is used each time is forgotten after %d others", i)
		}
	}
	if n := len(r.fresh) + len(r.old); n > 2*limit {
		t.Errorf("%d values are in memory, want at most %d", n, 2*limit)
	}
	if _, ok := r.get("0"); ok {
		t.Error("what was not used for ten generations is still there")
	}
}

func TestWebhookIsExactUnderConcurrentWrites(t *testing.T) {
	db := open(t, nil)
	hooks := db.Webhooks()
	w := aHook("w")
	if err := hooks.Create(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var readers, writer sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			last := 0
			for {
				select {
				case <-stop:
					return
				default:
				}
				got, err := hooks.Get(t.Context(), "p", "w")
				if err != nil || got.Version < last {
					t.Errorf("Get = version %d, %v after version %d was seen", got.Version, err, last)
					return
				}
				last = got.Version
			}
		})
	}
	writer.Go(func() {
		for i := range 100 {
			w.Version++
			if err := hooks.Update(t.Context(), w); err != nil {
				t.Errorf("Update = %v", err)
			}
			if i%3 == 0 { // forgets
				hooks.Park(t.Context(), "p", "w", time.Unix(int64(i+1), 0))
			}
			if got, _ := hooks.Get(t.Context(), "p", "w"); got.Version != w.Version {
				t.Errorf("Get after Update = version %d, want %d", got.Version, w.Version)
			}
		}
	})
	writer.Wait()
	close(stop)
	readers.Wait()
}
