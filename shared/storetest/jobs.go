package storetest

import (
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"hermod/shared/job"
)

// Jobs is the suite of job.Store.
func Jobs(t *testing.T, open func(t *testing.T, now func() time.Time) job.Store) {
	run(t, open, slices.Concat(jobTests, jobInputsTests, jobListTests))
}

var jobTests = []test[job.Store]{
	{"a job is read as it was created", jobReadAsCreated},
	{"a job of which little is known is read as it was created", jobReadAsCreatedBare},
	{"a job is read as it was updated last", jobReadAsUpdated},
	{"a uid is given once", jobUIDGivenOnce},
	{"of many creates at once one wins", jobCreateRace},
	{"a job that is not there is not found", jobNotFound},
	{"another project's job is not found and not changed", jobOfAnotherProject},
	{"an update needs the version before it", jobUpdateNeedsVersion},
	{"of many updates of a version one wins", jobUpdateRace},
	{"no update is lost among many writers", jobNoLostUpdate},
	{"a job is gone when its time is over since its last change", jobExpires},
}

// newJob returns a job that was launched now.
func newJob(project string, c *Clock) job.Job {
	return job.Launch(job.Job{UID: newUID(c), Project: project, Workflow: "enrich", WorkflowName: "Enrich", Name: "March"}, c.Now())
}

func createJob(t *testing.T, s job.Store, c *Clock) job.Job {
	t.Helper()
	j := newJob("p1", c)
	must(t, s.Create(t.Context(), j), "Create")
	return j
}

// moved returns the job after the next change of an endless life.
func moved(j job.Job, at time.Time) job.Job {
	next := job.Running
	if j.Status == job.Running {
		next = job.Paused
	}
	j, _, err := j.Apply(job.Update{Status: next}, at)
	if err != nil {
		panic(err)
	}
	return j
}

func wantJob(t *testing.T, s job.Store, want job.Job) {
	t.Helper()
	got, err := s.Get(t.Context(), want.Project, want.UID)
	if diff := same(want, got); err != nil || diff != "" {
		t.Errorf("Get = %v (-want +got):\n%s", err, diff)
	}
}

func wantNoJob(t *testing.T, s job.Store, project, uid string) {
	t.Helper()
	if got, err := s.Get(t.Context(), project, uid); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("Get = %+v, %v, want ErrNotFound", got, err)
	}
}

func jobReadAsCreated(t *testing.T, s job.Store, c *Clock) {
	j := newJob("p1", c)
	j.Name = `März "2026" – 三月`
	j.Configuration = json.RawMessage(`{"delay":5,"steps":[{"uid":"s1"}]}`)
	j.ScheduledAt = c.Now().Add(time.Minute + 7*time.Millisecond)
	for range job.MaxChanges {
		c.Advance(1234 * time.Millisecond)
		j = moved(j, c.Now())
	}
	j, err := j.Retry(c.Now())
	must(t, err, "Retry")
	j.Error = "not <yet> over"
	j.Inputs, j.Totals = 4321, job.Totals{Running: 20, Succeeded: 300, Failed: 4000}
	j.FinishedAt = c.Now()
	must(t, s.Create(t.Context(), j), "Create")
	wantJob(t, s, j)
}

func jobReadAsCreatedBare(t *testing.T, s job.Store, c *Clock) {
	j := job.Launch(job.Job{UID: newUID(c), Project: "p1"}, c.Now())
	must(t, s.Create(t.Context(), j), "Create")
	wantJob(t, s, j)
}

func jobReadAsUpdated(t *testing.T, s job.Store, c *Clock) {
	j := createJob(t, s, c)
	other := createJob(t, s, c)
	for range 5 {
		c.Advance(time.Minute)
		j = moved(j, c.Now())
		must(t, s.Update(t.Context(), j), "Update to version %d", j.Version)
		wantJob(t, s, j)
	}
	wantJob(t, s, other)
}

func jobUIDGivenOnce(t *testing.T, s job.Store, c *Clock) {
	j := createJob(t, s, c)
	for _, project := range []string{"p1", "p2"} {
		again := newJob(project, c)
		again.UID, again.Name = j.UID, "April"
		if err := s.Create(t.Context(), again); !errors.Is(err, job.ErrExists) {
			t.Errorf("Create of the same uid for %s = %v, want ErrExists", project, err)
		}
	}
	wantJob(t, s, j)
	wantNoJob(t, s, "p2", j.UID)
}

func jobCreateRace(t *testing.T, s job.Store, c *Clock) {
	j := newJob("p1", c)
	j.Retries = winner(t, job.ErrExists, atOnce(writers, func(i int) error {
		mine := j
		mine.Retries = i
		return s.Create(t.Context(), mine)
	}))
	wantJob(t, s, j)
}

func jobNotFound(t *testing.T, s job.Store, c *Clock) {
	wantNoJob(t, s, "p1", newUID(c))
	if err := s.Update(t.Context(), moved(newJob("p1", c), c.Now())); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("Update of a job that was never created = %v, want ErrNotFound", err)
	}
}

func jobOfAnotherProject(t *testing.T, s job.Store, c *Clock) {
	j := createJob(t, s, c)
	wantNoJob(t, s, "p2", j.UID)
	wantNoJob(t, s, "", j.UID)
	theirs := moved(j, c.Now())
	theirs.Project = "p2"
	if err := s.Update(t.Context(), theirs); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("Update of another project's job = %v, want ErrNotFound", err)
	}
	wantJob(t, s, j)
}

func jobUpdateNeedsVersion(t *testing.T, s job.Store, c *Clock) {
	j := createJob(t, s, c)
	j = moved(j, c.Now())
	must(t, s.Update(t.Context(), j), "Update")
	for _, version := range []int{0, 1, 2, 4, 5} {
		next := moved(j, c.Now())
		next.Version = version
		if err := s.Update(t.Context(), next); !errors.Is(err, job.ErrStale) {
			t.Errorf("Update of a job at version 2 to version %d = %v, want ErrStale", version, err)
		}
	}
	wantJob(t, s, j)
}

func jobUpdateRace(t *testing.T, s job.Store, c *Clock) {
	j := createJob(t, s, c)
	for range 4 {
		j = moved(j, c.Now())
		j.Retries = winner(t, job.ErrStale, atOnce(writers, func(i int) error {
			mine := j
			mine.Retries = i
			return s.Update(t.Context(), mine)
		}))
		wantJob(t, s, j)
	}
}

func jobNoLostUpdate(t *testing.T, s job.Store, c *Clock) {
	j := createJob(t, s, c)
	var wins atomic.Int64
	atOnce(writers, func(int) bool {
		for range 8 {
			read, err := s.Get(t.Context(), j.Project, j.UID)
			if err != nil {
				t.Errorf("Get = %v, want nil", err)
				return false
			}
			switch err := s.Update(t.Context(), moved(read, c.Now())); {
			case err == nil:
				wins.Add(1)
			case !errors.Is(err, job.ErrStale):
				t.Errorf("Update = %v, want nil or ErrStale", err)
			}
		}
		return true
	})
	got, err := s.Get(t.Context(), j.Project, j.UID)
	must(t, err, "Get")
	if int64(got.Version) != wins.Load()+1 || wins.Load() == 0 {
		t.Errorf("version %d after %d updates that won, want one more than those", got.Version, wins.Load())
	}
}

func jobExpires(t *testing.T, s job.Store, c *Clock) {
	left, kept := createJob(t, s, c), createJob(t, s, c)
	c.Advance(job.Retention - time.Hour)
	wantJob(t, s, left)
	kept = moved(kept, c.Now())
	must(t, s.Update(t.Context(), kept), "Update")
	c.Advance(2 * time.Hour)
	wantNoJob(t, s, left.Project, left.UID)
	if err := s.Update(t.Context(), moved(left, c.Now())); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("Update of a job whose time is over = %v, want ErrNotFound", err)
	}
	wantJob(t, s, kept)
	c.Advance(job.Retention)
	wantNoJob(t, s, kept.Project, kept.UID)
}
