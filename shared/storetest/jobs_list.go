package storetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"hermod/shared/job"
)

var jobListTests = []test[job.Store]{
	{"jobs are listed newest first, without their configurations", jobsListed},
	{"a project lists its own jobs", jobsOfProject},
	{"jobs are listed by what they are", jobsFiltered},
	{"jobs are listed from and until the time of their uid", jobsBetween},
	{"a job is listed as it was written last", jobsListedAsWritten},
	{"the newest jobs of a workflow are passed over", jobsSkipped},
	{"all paused jobs are found among many", jobsPaused},
	{"a job whose time is over is not listed", jobsListedNotExpired},
	{"pages skip and repeat nothing while jobs are written", jobsPagedWhileWritten},
}

// listJobs reads the whole list, one page after another; between runs before each page but the first.
func listJobs(t *testing.T, s job.Store, q job.Query, between func()) (all []job.Job) {
	t.Helper()
	for range 10_000 {
		page, next, err := s.List(t.Context(), q)
		must(t, err, "List")
		if len(page) > q.Limit {
			t.Fatalf("List with limit %d = %d jobs", q.Limit, len(page))
		}
		all = append(all, page...)
		if next == "" {
			return all
		}
		if between != nil {
			between()
		}
		q.Before, q.Skip = next, 0
	}
	t.Fatal("List does not come to an end after 10,000 pages")
	return nil
}

// asListed returns the jobs as a list shows them.
func asListed(jobs []job.Job) []job.Job {
	list := slices.Clone(jobs)
	for i := range list {
		list[i].Configuration = nil
	}
	slices.SortFunc(list, func(a, b job.Job) int { return cmp.Compare(b.UID, a.UID) })
	return list
}

func wantJobsListed(t *testing.T, s job.Store, q job.Query, want ...job.Job) {
	t.Helper()
	eventually(t, func() string {
		if diff := same(asListed(want), listJobs(t, s, q, nil)); diff != "" {
			return fmt.Sprintf("List of %+v (-want +got):\n%s", q, diff)
		}
		return ""
	})
}

// createMany creates n jobs of project p1, a few days apart, so that they lie in several months, in turn of two workflows.
func createMany(t *testing.T, s job.Store, c *Clock, n int) (all []job.Job) {
	t.Helper()
	for i := range n {
		c.Advance(53*time.Hour + time.Millisecond)
		all = append(all, createListed(t, s, c, i))
	}
	return all
}

func createListed(t *testing.T, s job.Store, c *Clock, i int) job.Job {
	t.Helper()
	j := newJob("p1", c)
	j.Workflow, j.Name = fmt.Sprintf("f%d", i%2), fmt.Sprint("job ", i)
	must(t, s.Create(t.Context(), j), "Create")
	return j
}

func jobsListed(t *testing.T, s job.Store, c *Clock) {
	wantJobsListed(t, s, job.Query{Project: "p1", Limit: 10})
	all := createMany(t, s, c, 23)
	all = append(all, createListed(t, s, c, 0), createListed(t, s, c, 1), createListed(t, s, c, 2)) // at the same time
	known := newJob("p1", c)
	known.Configuration, known.Inputs, known.Closed, known.Totals = json.RawMessage(`{"delay":5}`), 4000, true, totalsAt(9)
	must(t, s.Create(t.Context(), known), "Create")
	all = append(all, known)
	for _, limit := range []int{1, 2, 10, 1000} {
		wantJobsListed(t, s, job.Query{Project: "p1", Limit: limit}, all...)
	}
	from := asListed(all)[6].UID
	older := slices.DeleteFunc(slices.Clone(all), func(j job.Job) bool { return j.UID >= from })
	wantJobsListed(t, s, job.Query{Project: "p1", Before: from, Limit: 4}, older...)
}

func jobsOfProject(t *testing.T, s job.Store, c *Clock) {
	mine, theirs := newJob("p1", c), newJob("p2", c) // of workflows of the same uid
	for _, j := range []job.Job{mine, theirs} {
		must(t, s.Create(t.Context(), j), "Create")
	}
	for _, q := range []job.Query{{}, {Workflow: mine.Workflow}, {Status: job.Pending}} {
		q.Limit = 10
		for project, want := range map[string][]job.Job{"p1": {mine}, "p2": {theirs}, "p3": nil} {
			q.Project = project
			wantJobsListed(t, s, q, want...)
		}
	}
}

// takeTo returns the job after changes that lead to a status, written.
func takeTo(t *testing.T, s job.Store, j job.Job, c *Clock, path ...job.Status) job.Job {
	t.Helper()
	for _, status := range path {
		next, _, err := j.Apply(job.Update{Status: status}, c.Now())
		must(t, err, "Apply of %s", status)
		must(t, s.Update(t.Context(), next), "Update to %s", status)
		j = next
	}
	return j
}

func jobsFiltered(t *testing.T, s job.Store, c *Clock) {
	paths := [][]job.Status{nil, {job.Running}, {job.Running, job.Finished}, {job.Paused}, {job.Running, job.Shutdown}}
	all := createMany(t, s, c, 20)
	for i := range all {
		all[i] = takeTo(t, s, all[i], c, paths[i%len(paths)]...)
	}
	for _, q := range []job.Query{
		{Workflow: "f0"}, {Workflow: "f9"}, {Status: job.Running}, {Status: job.Paused}, {Status: job.Warning},
		{Workflow: "f1", Status: job.Finished}, {Workflow: "f0", Status: job.Paused}, {Workflow: "f9", Status: job.Paused},
		{Workflow: "f1", Since: all[3].CreatedAt, Until: all[15].CreatedAt}, {Status: job.Paused, Since: all[3].CreatedAt, Until: all[15].CreatedAt},
		{Workflow: "f0", Before: all[14].UID}, {Status: job.Shutdown, Before: all[14].UID},
		{Workflow: "f1", Status: job.Paused, Since: all[3].CreatedAt, Before: all[14].UID},
	} {
		var want []job.Job
		for _, j := range all {
			if (q.Workflow == "" || q.Workflow == j.Workflow) && (q.Status == "" || q.Status == j.Status) &&
				between(j.CreatedAt, q.Since, q.Until) && (q.Before == "" || j.UID < q.Before) {
				want = append(want, j)
			}
		}
		for _, limit := range []int{1, 100} {
			q.Project, q.Limit = "p1", limit
			wantJobsListed(t, s, q, want...)
		}
	}
}

func jobsBetween(t *testing.T, s job.Store, c *Clock) {
	all := createMany(t, s, c, 12)
	at, ms := func(i int) time.Time { return all[i].CreatedAt }, time.Millisecond
	for _, span := range []struct {
		since, until time.Time
		want         []job.Job
	}{
		{at(4), time.Time{}, all[4:]},
		{at(4).Add(ms), time.Time{}, all[5:]},
		{time.Time{}, at(4), all[:4]},
		{time.Time{}, at(4).Add(ms), all[:5]},
		{at(4), at(8), all[4:8]},
		{at(4), at(4).Add(ms), all[4:5]},
		{at(4), at(4), nil},
		{at(8), at(4), nil},
		{at(11).Add(ms), time.Time{}, nil},
		{time.Time{}, at(0), nil},
		{start.AddDate(-1, 0, 0), start.AddDate(1, 0, 0), all},
	} {
		wantJobsListed(t, s, job.Query{Project: "p1", Since: span.since, Until: span.until, Limit: 3}, span.want...)
	}
}

func jobsListedAsWritten(t *testing.T, s job.Store, c *Clock) {
	j := createListed(t, s, c, 0)
	want := func() {
		t.Helper()
		for _, q := range []job.Query{{}, {Workflow: "f0"}, {Status: j.Status}} {
			q.Project, q.Limit = "p1", 10
			wantJobsListed(t, s, q, j)
		}
	}
	want()
	for _, status := range []job.Status{job.Running, job.Paused, job.Running, job.Stopped} {
		before := j.Status
		c.Advance(time.Minute)
		j = takeTo(t, s, j, c, status)
		want()
		wantJobsListed(t, s, job.Query{Project: "p1", Status: before, Limit: 10})
	}
	j = extended(t, s, j, 500, false)
	j = counted(t, s, j, totalsAt(5))
	want()
}

func jobsSkipped(t *testing.T, s job.Store, c *Clock) {
	newest := asListed(createMany(t, s, c, 24))
	var mine []job.Job
	for _, j := range newest {
		if j.Workflow == "f1" {
			mine = append(mine, j)
		}
	}
	for _, skip := range []int{0, 1, 4, 11, 12, 13, 100_000} {
		for _, limit := range []int{1, 5, 100} {
			q := job.Query{Project: "p1", Workflow: "f1", Skip: skip, Limit: limit}
			wantJobsListed(t, s, q, mine[min(skip, len(mine)):]...)
		}
	}
	q := job.Query{Project: "p1", Workflow: "f1", Since: mine[9].CreatedAt, Skip: 6, Limit: 100}
	wantJobsListed(t, s, q, mine[6:10]...)
	wantJobsListed(t, s, job.Query{Project: "p1", Workflow: "f9", Skip: 1, Limit: 100})
}

// Every tenth job was paused once, and half of these still are.
func jobsPaused(t *testing.T, s job.Store, c *Clock) {
	var paused, some []job.Job
	for i := range 80 {
		c.Advance(time.Hour)
		j := createListed(t, s, c, i/10)
		if i%10 > 0 {
			continue
		}
		j = takeTo(t, s, j, c, job.Running, job.Paused)
		if i%40 > 10 {
			takeTo(t, s, j, c, job.Running)
			continue
		}
		paused = append(paused, j)
		if j.Workflow == "f0" {
			some = append(some, j)
		}
	}
	for _, limit := range []int{1, 3, 1000} {
		wantJobsListed(t, s, job.Query{Project: "p1", Status: job.Paused, Limit: limit}, paused...)
		wantJobsListed(t, s, job.Query{Project: "p1", Status: job.Paused, Workflow: "f0", Limit: limit}, some...)
	}
}

func jobsListedNotExpired(t *testing.T, s job.Store, c *Clock) {
	createListed(t, s, c, 0)
	old := takeTo(t, s, createListed(t, s, c, 0), c, job.Paused)
	c.Advance(2 * time.Hour)
	kept := takeTo(t, s, createListed(t, s, c, 0), c, job.Running, job.Paused)
	c.Advance(job.Retention - time.Hour)
	wantNoJob(t, s, old.Project, old.UID)
	for _, q := range []job.Query{{}, {Workflow: "f0"}, {Status: job.Paused}, {Workflow: "f0", Status: job.Paused}} {
		q.Project, q.Limit = "p1", 10
		wantJobsListed(t, s, q, kept)
	}
	kept = takeTo(t, s, kept, c, job.Running)
	c.Advance(2 * time.Hour) // it was changed, so it stays
	for _, q := range []job.Query{{}, {Workflow: "f0"}, {Status: job.Running}} {
		q.Project, q.Limit = "p1", 10
		wantJobsListed(t, s, q, kept)
	}
}

func jobsPagedWhileWritten(t *testing.T, s job.Store, c *Clock) {
	all := createMany(t, s, c, 20)
	for _, workflow := range []string{"", "f1"} {
		var want []job.Job
		for _, j := range all {
			if workflow == "" || j.Workflow == workflow {
				want = append(want, j)
			}
		}
		q := job.Query{Project: "p1", Workflow: workflow, Limit: 3}
		wantJobsListed(t, s, q, want...) // it has caught up
		written := 0
		got := listJobs(t, s, q, func() {
			c.Advance(time.Second)
			all = append(all, createListed(t, s, c, 1))
			all[written] = moved(all[written], c.Now())
			must(t, s.Update(t.Context(), all[written]), "Update")
			written++
		})
		if written == 0 {
			t.Errorf("%d jobs came in one page of at most %d", len(want), q.Limit)
		}
		if diff := same(uidsOf(asListed(want)), uidsOf(got)); diff != "" {
			t.Errorf("uids listed while jobs were written (-want +got):\n%s", diff)
		}
	}
}

func uidsOf(jobs []job.Job) (all []string) {
	for _, j := range jobs {
		all = append(all, j.UID)
	}
	return all
}
