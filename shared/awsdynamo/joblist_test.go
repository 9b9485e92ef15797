package awsdynamo

import (
	"strings"
	"testing"
	"time"

	"hermod/shared/job"
	"hermod/shared/uid"
)

// ofWorkflow launches a job of a workflow now.
func ofWorkflow(t *testing.T, db *DB, project, workflow string, c *clock) job.Job {
	t.Helper()
	j := aJob(c)
	j.Project, j.Workflow = project, workflow
	must(t, db.Jobs().Create(t.Context(), j), "Create")
	return j
}

// wantListed reads the list page by page and compares uids. It returns how many pages there were.
func wantListed(t *testing.T, db *DB, q job.Query, want ...job.Job) (pages int) {
	t.Helper()
	var got, wanted []string
	for _, j := range want {
		wanted = append(wanted, j.UID)
	}
	for {
		page, next, err := db.Jobs().List(t.Context(), q)
		must(t, err, "List")
		for _, j := range page {
			got = append(got, j.UID)
		}
		if pages++; next == "" {
			break
		}
		q.Before, q.Skip = next, 0
	}
	if strings.Join(got, " ") != strings.Join(wanted, " ") {
		t.Errorf("List of %+v = %q, want %q", q, got, wanted)
	}
	return pages
}

func TestAnEntryWhoseJobIsNotThereIsNotListed(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	project, workflow := uid.New(c.now()), uid.New(c.now())
	lapsed := ofWorkflow(t, db, project, workflow, c)
	c.advance(time.Hour)
	kept := ofWorkflow(t, db, project, workflow, c)
	never, other := kept, kept
	never.UID, other.UID = uid.New(c.now().Add(time.Second)), ofWorkflow(t, db, project, uid.New(c.now()), c).UID
	for _, j := range []job.Job{never, other} {
		must(t, db.put(t.Context(), flowEntryItem(j), "", nil), "put")
	}
	q := job.Query{Project: project, Workflow: workflow, Limit: 10}
	wantListed(t, db, q, kept, lapsed)
	c.advance(job.Retention - 2*time.Hour)
	kept = changed(t, kept, c)
	must(t, db.Jobs().Update(t.Context(), kept), "Update")
	c.advance(2 * time.Hour)
	wantListed(t, db, q, kept)
	c.advance(job.Retention)
	wantListed(t, db, q)
	q.Workflow = ""
	wantListed(t, db, q)
}

func TestJobsThatAreThereForSureArePassedOverUnread(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	project, workflow := uid.New(c.now()), uid.New(c.now())
	var all []job.Job // newest first
	for range 30 {
		c.advance(time.Hour)
		all = append([]job.Job{ofWorkflow(t, db, project, workflow, c)}, all...)
	}
	f.count()
	wantListed(t, db, job.Query{Project: project, Workflow: workflow, Skip: 27, Limit: 10}, all[27:]...)
	for _, r := range f.requests("BatchGetItem") {
		if n := strings.Count(r, `"pk"`); n != 3 {
			t.Errorf("%d jobs were read to list three", n)
		}
	}
	for n := range 10 { // the oldest ten, but for one, live on for longer
		if n != 3 {
			all[20+n] = changed(t, all[20+n], c)
			must(t, db.Jobs().Update(t.Context(), all[20+n]), "Update")
		}
	}
	lives := append(append([]job.Job{}, all[20:23]...), all[24:]...)
	c.at = lives[0].UpdatedAt.Add(job.Retention - time.Second)
	young := ofWorkflow(t, db, project, workflow, c)
	lives = append([]job.Job{young}, lives...)
	for _, skip := range []int{0, 1, 3, 4, 9, 10, 11, 40} {
		wantListed(t, db, job.Query{Project: project, Workflow: workflow, Skip: skip, Limit: 2}, lives[min(skip, len(lives)):]...)
	}
}

func TestAListOfAWorkflowLooksAtTheMonthsItMayHaveJobsOf(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	project, workflow := uid.New(c.now()), uid.New(c.now()) // March 2026
	first := ofWorkflow(t, db, project, workflow, c)
	for range 5 {
		c.advance(50 * 24 * time.Hour)
		first = changed(t, first, c)
		must(t, db.Jobs().Update(t.Context(), first), "Update")
	}
	last := ofWorkflow(t, db, project, workflow, c) // November
	q := job.Query{Project: project, Workflow: workflow, Limit: 10}
	for _, test := range []struct {
		name       string
		since      time.Time
		want       []job.Job
		atOnce, in int
	}{
		{"all", time.Time{}, []job.Job{last, first}, 10, 9},
		{"since a time of this month", c.now().Add(-time.Hour), []job.Job{last}, 10, 1},
		{"since a time of another", time.Date(2026, 9, 30, 23, 59, 59, 999e6, time.UTC), []job.Job{last}, 10, 3},
		{"one, of this month", time.Time{}, nil, 1, 1},
	} {
		f.count()
		if q.Since, q.Limit = test.since, test.atOnce; test.want != nil {
			wantListed(t, db, q, test.want...)
		} else if page, _, err := db.Jobs().List(t.Context(), q); err != nil || len(page) != 1 || page[0].UID != last.UID {
			t.Errorf("%s: List = %v, %v, want the newest job", test.name, page, err)
		}
		if n := len(f.requests("Query")); n != test.in {
			t.Errorf("%s: %d months were looked at, want %d", test.name, n, test.in)
		}
	}
}

func TestPausedJobsAreFoundWithoutTheOthers(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	project, workflow := uid.New(c.now()), uid.New(c.now())
	var paused []job.Job // newest first
	for n := range 200 {
		c.advance(time.Second)
		j := ofWorkflow(t, db, project, workflow, c)
		if n%50 == 0 {
			j = changed(t, changed(t, j, c), c)
			j.Version = 2
			must(t, db.Jobs().Update(t.Context(), j), "Update")
			paused = append([]job.Job{j}, paused...)
		}
	}
	f.count()
	wantListed(t, db, job.Query{Project: project, Status: job.Paused, Limit: 100}, paused...)
	if queries, batches := f.requests("Query"), f.requests("BatchGetItem"); len(queries) != 1 || len(batches) != 1 {
		t.Errorf("%d queries and %d reads of jobs were made, want one each", len(queries), len(batches))
	}
	wantListed(t, db, job.Query{Project: project, Status: job.Paused, Workflow: workflow, Limit: 3}, paused...)
	wantListed(t, db, job.Query{Project: project, Status: job.Paused, Workflow: uid.New(c.now()), Limit: 3})
	if all, _ := dueOf(t, db, time.Time{}, c.now().AddDate(100, 0, 0), 100); len(all) > 0 {
		t.Errorf("%d paused jobs are due, want none: nobody waits for a time", len(all))
	}
}

// An index of AWS shows a write after a moment. Until then a job is listed nowhere rather than where it was.
func TestAJobIsNotListedAsPausedThatIsNoMore(t *testing.T) {
	c, f, l := newClock(), newFaults(), &lagging{known: map[string]string{}}
	f.always("Query", l.query)
	db := open(t, c.now, f.between)
	j := aJob(c)
	must(t, db.Jobs().Create(t.Context(), j), "Create")
	pause := func() {
		t.Helper()
		for j = changed(t, j, c); j.Status != job.Paused; j = changed(t, j, c) {
			must(t, db.Jobs().Update(t.Context(), j), "Update")
		}
		must(t, db.Jobs().Update(t.Context(), j), "Update")
	}
	pause()
	q := job.Query{Project: j.Project, Status: job.Paused, Limit: 10}
	wantListed(t, db, q, j)
	j = changed(t, j, c)
	l.lag(true)
	must(t, db.Jobs().Update(t.Context(), j), "Update")
	wantListed(t, db, q)
	l.lag(false)
	wantListed(t, db, q)
	pause()
	wantListed(t, db, q, j)
}

func TestAListLooksAtSoManyJobsForOnePage(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	project, workflow := uid.New(c.now()), uid.New(c.now())
	oldest := ofWorkflow(t, db, project, workflow, c)
	oldest, _, err := oldest.Apply(job.Update{Status: job.Running}, c.now())
	must(t, err, "Apply")
	must(t, db.Jobs().Update(t.Context(), oldest), "Update")
	for range 1500 {
		c.advance(time.Second)
		ofWorkflow(t, db, project, workflow, c)
	}
	for _, q := range []job.Query{{}, {Workflow: workflow}} {
		q.Project, q.Status, q.Limit = project, job.Running, 20
		if pages := wantListed(t, db, q, oldest); pages != 2 {
			t.Errorf("the oldest of 1,501 jobs was found in %d pages, want two", pages)
		}
	}
	f.count()
	page, next, err := db.Jobs().List(t.Context(), job.Query{Project: project, Limit: 20})
	queries, batches := f.requests("Query"), f.requests("BatchGetItem")
	if err != nil || len(page) != 20 || next != page[19].UID || len(queries) != listShards || len(batches) != 1 {
		t.Errorf("List = %d jobs, next %q, %v, by %d queries and %d reads of jobs, want a full page by one look", len(page), next, err, len(queries), len(batches))
	}
	for _, r := range queries {
		if !strings.Contains(r, `"Limit":25`) {
			t.Errorf("a shard was asked for more entries than a page of 20 needs: %s", r)
		}
	}
}
