package storetest

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"hermod/shared/job"
)

var jobInputsTests = []test[job.Store]{
	{"a list of inputs is extended where it ends, while it is open", jobExtended},
	{"a list that was created closed is not extended", jobCreatedClosed},
	{"of many extensions from one end one wins", jobExtendRace},
	{"an extension is no change of the job", jobExtendIsNoChange},
	{"an update leaves the list of inputs alone", jobUpdateLeavesInputs},
	{"a job that is not there is not extended", jobExtendNotFound},
	{"later totals are kept, others are not", jobTotalsKept},
	{"of many totals at once the latest stay", jobTotalsRace},
	{"totals of a job that is not there are no error", jobTotalsNotFound},
	{"an update needs totals that are not earlier than those stored", jobUpdateNeedsTotals},
	{"changes, extensions and totals at once lose nothing", jobNothingLost},
	{"extensions and totals do not make a job last", jobExtendedExpires},
}

func wantExtendError(t *testing.T, s job.Store, j job.Job, from, to int, closed bool, want error) {
	t.Helper()
	if err := s.Extend(t.Context(), j.Project, j.UID, from, to, closed); !errors.Is(err, want) {
		t.Errorf("Extend of a list of %d (closed: %v) from %d to %d = %v, want %v", j.Inputs, j.Closed, from, to, err, want)
	}
}

// extended returns the job after an extension that works.
func extended(t *testing.T, s job.Store, j job.Job, to int, closed bool) job.Job {
	t.Helper()
	must(t, s.Extend(t.Context(), j.Project, j.UID, j.Inputs, to, closed), "Extend from %d to %d", j.Inputs, to)
	j.Inputs, j.Closed = to, closed
	return j
}

// counted returns the job after totals that are kept.
func counted(t *testing.T, s job.Store, j job.Job, totals job.Totals) job.Job {
	t.Helper()
	must(t, s.SetTotals(t.Context(), j.Project, j.UID, totals), "SetTotals of clock %d", totals.Clock)
	j.Totals = totals
	return j
}

func totalsAt(clock int) job.Totals {
	return job.Totals{Running: 1000 + clock, Succeeded: 2000 + clock, Failed: 3000 + clock, Outputs: 1_000_000 + clock, Clock: clock}
}

func jobExtended(t *testing.T, s job.Store, c *Clock) {
	j, other := createJob(t, s, c), createJob(t, s, c)
	for _, to := range []int{500, 501, 1000, 1000} {
		j = extended(t, s, j, to, false)
		wantJob(t, s, j)
	}
	for _, from := range []int{0, 500, 999, 1001} {
		wantExtendError(t, s, j, from, 2000, false, job.ErrStale)
		wantExtendError(t, s, j, from, 2000, true, job.ErrStale)
	}
	wantJob(t, s, j)
	j = extended(t, s, j, job.MaxInputs, true)
	wantJob(t, s, j)
	for _, from := range []int{1000, job.MaxInputs} {
		wantExtendError(t, s, j, from, job.MaxInputs, true, job.ErrStale)
		wantExtendError(t, s, j, from, job.MaxInputs, false, job.ErrStale)
	}
	wantJob(t, s, j)
	wantJob(t, s, extended(t, s, other, 0, true))
}

func jobCreatedClosed(t *testing.T, s job.Store, c *Clock) {
	j := newJob("p1", c)
	j.Inputs, j.Closed = 700, true
	must(t, s.Create(t.Context(), j), "Create")
	wantExtendError(t, s, j, 700, 800, false, job.ErrStale)
	wantJob(t, s, j)
}

func jobExtendRace(t *testing.T, s job.Store, c *Clock) {
	j := createJob(t, s, c)
	for range 4 {
		won := winner(t, job.ErrStale, atOnce(writers, func(i int) error {
			return s.Extend(t.Context(), j.Project, j.UID, j.Inputs, j.Inputs+1+i, false)
		}))
		j.Inputs += 1 + won
		wantJob(t, s, j)
	}
	closes := func(i int) bool { return i%2 == 0 }
	won := winner(t, job.ErrStale, atOnce(writers, func(i int) error {
		return s.Extend(t.Context(), j.Project, j.UID, j.Inputs, j.Inputs+1+i, closes(i))
	}))
	j.Inputs, j.Closed = j.Inputs+1+won, closes(won)
	wantJob(t, s, j)
}

func jobExtendIsNoChange(t *testing.T, s job.Store, c *Clock) {
	j := createJob(t, s, c)
	c.Advance(time.Minute)
	j = extended(t, s, j, 500, false)
	j = counted(t, s, j, totalsAt(3))
	wantJob(t, s, j) // also its version and the time of its last change
	c.Advance(time.Minute)
	j = moved(j, c.Now())
	must(t, s.Update(t.Context(), j), "Update to the next version")
	j = extended(t, s, j, 900, true)
	wantJob(t, s, j)
}

// The caller read the job before the list was extended and closed, and writes it after.
func jobUpdateLeavesInputs(t *testing.T, s job.Store, c *Clock) {
	j := createJob(t, s, c)
	for _, closed := range []bool{false, true} {
		stale := moved(j, c.Now())
		j = extended(t, s, j, j.Inputs+500, closed)
		must(t, s.Update(t.Context(), stale), "Update")
		stale.Inputs, stale.Closed = j.Inputs, j.Closed
		j = stale
		wantJob(t, s, j)
	}
	pretended := moved(j, c.Now())
	pretended.Inputs, pretended.Closed = 77, false
	must(t, s.Update(t.Context(), pretended), "Update of a job that says it has other inputs")
	pretended.Inputs, pretended.Closed = j.Inputs, j.Closed
	wantJob(t, s, pretended)
}

func jobExtendNotFound(t *testing.T, s job.Store, c *Clock) {
	j := createJob(t, s, c)
	for _, who := range []job.Job{newJob("p1", c), {UID: j.UID, Project: "p2"}, {UID: j.UID}} {
		wantExtendError(t, s, who, 0, 500, false, job.ErrNotFound)
		wantExtendError(t, s, who, 0, 0, true, job.ErrNotFound)
		wantExtendError(t, s, who, 7, 500, false, job.ErrNotFound)
	}
	wantJob(t, s, j)
}

func jobTotalsKept(t *testing.T, s job.Store, c *Clock) {
	j, other := createJob(t, s, c), createJob(t, s, c)
	for _, clock := range []int{1, 2, 200, 100_000} {
		j = counted(t, s, j, totalsAt(clock))
		wantJob(t, s, j)
		for _, earlier := range []int{0, clock - 1, clock} {
			totals := totalsAt(earlier)
			totals.Failed = 99
			must(t, s.SetTotals(t.Context(), j.Project, j.UID, totals), "SetTotals of clock %d after those of %d", earlier, clock)
		}
		wantJob(t, s, j)
	}
	must(t, s.SetTotals(t.Context(), "p2", j.UID, totalsAt(200_000)), "SetTotals of another project's job")
	wantJob(t, s, j)
	wantJob(t, s, other)
	wantJob(t, s, counted(t, s, j, job.Totals{Succeeded: 1, Clock: 100_001})) // fewer, and yet later
}

func jobTotalsRace(t *testing.T, s job.Store, c *Clock) {
	j := createJob(t, s, c)
	for _, err := range atOnce(writers, func(i int) error {
		return s.SetTotals(t.Context(), j.Project, j.UID, totalsAt(1+i*37%writers))
	}) {
		must(t, err, "SetTotals, one of %d at once", writers)
	}
	j.Totals = totalsAt(writers)
	wantJob(t, s, j)
}

func jobTotalsNotFound(t *testing.T, s job.Store, c *Clock) {
	j := newJob("p1", c)
	must(t, s.SetTotals(t.Context(), j.Project, j.UID, totalsAt(1)), "SetTotals of a job that was never created")
	wantNoJob(t, s, j.Project, j.UID)
}

func jobUpdateNeedsTotals(t *testing.T, s job.Store, c *Clock) {
	j := createJob(t, s, c)
	j = counted(t, s, j, totalsAt(7))
	next := moved(j, c.Now())
	for _, clock := range []int{0, 6} {
		next.Totals = totalsAt(clock)
		if err := s.Update(t.Context(), next); !errors.Is(err, job.ErrStale) {
			t.Errorf("Update with totals of clock %d over those of 7 = %v, want ErrStale", clock, err)
		}
		wantJob(t, s, j)
	}
	for _, clock := range []int{7, 12} {
		next.Totals = totalsAt(clock)
		must(t, s.Update(t.Context(), next), "Update with totals of clock %d over those of 7", clock)
		wantJob(t, s, next)
		next = moved(next, c.Now())
	}
	next.Version--
	must(t, s.SetTotals(t.Context(), j.Project, j.UID, totalsAt(11)), "SetTotals of clock 11 after an update with those of 12")
	got, err := s.Get(t.Context(), j.Project, j.UID)
	if diff := same(totalsAt(12), got.Totals); err != nil || diff != "" {
		t.Errorf("Get = %v; totals (-want +got):\n%s", err, diff)
	}
}

// Each writer reads the job and writes what it is for, until it has done so often enough.
func jobNothingLost(t *testing.T, s job.Store, c *Clock) {
	const each, times = 4, 8
	j := createJob(t, s, c)
	var clock atomic.Int64
	write := func(i int, read job.Job) error {
		switch i % 3 {
		case 0:
			return s.Update(t.Context(), moved(read, c.Now()))
		case 1:
			return s.Extend(t.Context(), read.Project, read.UID, read.Inputs, read.Inputs+3, false)
		}
		return s.SetTotals(t.Context(), read.Project, read.UID, totalsAt(int(clock.Add(1))))
	}
	for i, err := range atOnce(3*each, func(i int) error {
		for done := 0; done < times; {
			read, err := s.Get(t.Context(), j.Project, j.UID)
			if err != nil {
				return err
			}
			switch err := write(i, read); {
			case err == nil:
				done++
			case !errors.Is(err, job.ErrStale):
				return err
			}
		}
		return nil
	}) {
		must(t, err, "writer %d", i)
	}
	got, err := s.Get(t.Context(), j.Project, j.UID)
	must(t, err, "Get")
	if got.Version != 1+each*times || got.Inputs != 3*each*times || got.Totals != totalsAt(each*times) {
		t.Errorf("Get = version %d, %d inputs, totals %+v; want version %d, %d inputs, totals %+v",
			got.Version, got.Inputs, got.Totals, 1+each*times, 3*each*times, totalsAt(each*times))
	}
}

func jobExtendedExpires(t *testing.T, s job.Store, c *Clock) {
	j := createJob(t, s, c)
	c.Advance(job.Retention - time.Hour)
	j = counted(t, s, extended(t, s, j, 500, false), totalsAt(1))
	wantJob(t, s, j)
	c.Advance(2 * time.Hour)
	wantNoJob(t, s, j.Project, j.UID)
	wantExtendError(t, s, j, 500, 600, true, job.ErrNotFound)
	must(t, s.SetTotals(t.Context(), j.Project, j.UID, totalsAt(2)), "SetTotals of a job whose time is over")
	wantNoJob(t, s, j.Project, j.UID)
}
