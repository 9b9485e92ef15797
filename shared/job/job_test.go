package job_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/job"
)

const (
	jobUID      = "0190a5d1-7c00-7abc-8def-0123456789ab"
	projectUID  = "0190a5d1-7c00-7abc-8def-00000000000a"
	workflowUID = "0190a5d1-7c00-7abc-8def-00000000000f"
)

var launchedAt = time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)

func launched() job.Job {
	return job.Launch(job.Job{UID: jobUID, Project: projectUID, Workflow: workflowUID, WorkflowName: "Enrich", Name: "March"}, launchedAt)
}

// at returns a job that came to a status by the shortest way an executor can report.
func at(t *testing.T, s job.Status) job.Job {
	t.Helper()
	ways := map[job.Status][]job.Status{
		job.Pending: {}, job.Running: {job.Running}, job.Finished: {job.Running, job.Finished}, job.Warning: {job.Running, job.Warning},
		job.Shutdown: {job.Shutdown}, job.Paused: {job.Paused}, job.Stopped: {job.Stopped},
	}
	j := launched()
	for _, next := range ways[s] {
		j = apply(t, j, job.Update{Status: next})
	}
	return j
}

func apply(t *testing.T, j job.Job, u job.Update) job.Job {
	t.Helper()
	next, changed, err := j.Apply(u, j.UpdatedAt.Add(time.Second))
	if err != nil || !changed {
		t.Fatalf("Apply(%s) to a job that is %s = changed %v, %v, want it to move", u.Status, j.Status, changed, err)
	}
	return next
}

func ExampleJob_Apply() {
	j := job.Launch(job.Job{UID: jobUID, Project: projectUID, Name: "March"}, launchedAt)
	for _, next := range []job.Status{job.Running, job.Running, job.Finished, job.Paused} {
		after, changed, err := j.Apply(job.Update{Status: next}, launchedAt.Add(time.Minute))
		fmt.Println(next, changed, err)
		if changed {
			j = after
		}
	}
	fmt.Println("version", j.Version, "announces", j.Last().Event.Qualified())
	// Output:
	// running true <nil>
	// running false <nil>
	// finished true <nil>
	// paused false a job that is finished cannot become paused
	// version 3 announces job.succeeded
}

func TestALaunchIsTheFirstVersionAndRequestsTheJob(t *testing.T) {
	got := job.Launch(job.Job{UID: jobUID, Name: "March"}, launchedAt.Add(999*time.Microsecond).In(time.FixedZone("", 3600)))
	want := job.Job{
		UID: jobUID, Name: "March", Status: job.Pending, Version: 1, CreatedAt: launchedAt, UpdatedAt: launchedAt,
		Changes: []job.Change{{Version: 1, Status: job.Pending, Event: job.EventRequested, Cause: job.CauseLaunched, At: launchedAt}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Launch (-want +got):\n%s", diff)
	}
}

// Every pair of statuses that is not in a table below must be refused.
type move struct{ from, to job.Status }

func TestAnExecutorMovesAJobAlongTheArrowsOnly(t *testing.T) {
	legal := map[move]job.EventType{
		{job.Pending, job.Running}:  job.EventCreated,
		{job.Pending, job.Shutdown}: job.EventFailed,
		{job.Pending, job.Stopped}:  job.EventStopped,
		{job.Pending, job.Paused}:   job.EventPaused,
		{job.Running, job.Finished}: job.EventSucceeded,
		{job.Running, job.Warning}:  job.EventFailed,
		{job.Running, job.Shutdown}: job.EventFailed,
		{job.Running, job.Paused}:   job.EventPaused,
		{job.Running, job.Stopped}:  job.EventStopped,
		{job.Paused, job.Running}:   job.EventCreated, // paused before it ever ran: the first running of its life
	}
	for _, from := range job.Statuses {
		for _, to := range job.Statuses {
			before := at(t, from)
			got, changed, err := before.Apply(job.Update{Status: to, Error: "why"}, before.UpdatedAt.Add(time.Second))
			event, ok := legal[move{from, to}]
			switch {
			case from == to:
				if changed || err != nil || got.Version != before.Version {
					t.Errorf("Apply(%s) to a job that is so = changed %v, version %d, %v, want no change", to, changed, got.Version, err)
				}
			case ok:
				if err != nil || !changed || got.Status != to || got.Version != before.Version+1 || got.Last().Event != event || got.Last().Error != "why" {
					t.Errorf("Apply(%s) to a job that is %s = %s, version %d, %+v, %v, want the event %q", to, from, got.Status, got.Version, got.Last(), err, event)
				}
			default:
				wantTransitionError(t, "Apply", err, from, to)
				if diff := cmp.Diff(before, got); changed || diff != "" {
					t.Errorf("a refused Apply(%s) changed a job that is %s: %s", to, from, diff)
				}
			}
		}
	}
}

func TestARetryTakesWhatEndedOrPausedBackToPending(t *testing.T) {
	legal := map[job.Status]bool{job.Finished: true, job.Warning: true, job.Shutdown: true, job.Stopped: true, job.Paused: true}
	for _, from := range job.Statuses {
		before := at(t, from)
		got, err := before.Retry(before.UpdatedAt.Add(time.Second))
		if !legal[from] {
			wantTransitionError(t, "Retry", err, from, job.Pending)
			if diff := cmp.Diff(before, got); diff != "" {
				t.Errorf("a refused Retry changed a job that is %s: %s", from, diff)
			}
			continue
		}
		last := job.Change{Version: before.Version + 1, Status: job.Pending, Event: job.EventRequested, Cause: job.CauseRetried, At: before.UpdatedAt.Add(time.Second)}
		if err != nil || got.Retries != 1 || !got.FinishedAt.IsZero() || !cmp.Equal(got.Last(), last) {
			t.Errorf("Retry of a job that is %s = %d retries, finished %v, %+v, %v, want 1, never, %+v", from, got.Retries, got.FinishedAt, got.Last(), err, last)
		}
	}
}

func TestACancelStopsWhatDidNotSucceed(t *testing.T) {
	legal := map[job.Status]bool{job.Pending: true, job.Running: true, job.Paused: true, job.Warning: true, job.Shutdown: true}
	for _, from := range job.Statuses {
		before := at(t, from)
		got, changed, err := before.Cancel(before.UpdatedAt.Add(time.Second))
		switch {
		case legal[from]:
			if err != nil || !changed || got.Status != job.Stopped || got.Last().Event != job.EventStopped || got.Version != before.Version+1 {
				t.Errorf("Cancel of a job that is %s = %s, changed %v, %+v, %v, want stopped", from, got.Status, changed, got.Last(), err)
			}
		case from == job.Stopped:
			if err != nil || changed || got.Version != before.Version {
				t.Errorf("Cancel of a stopped job = changed %v, version %d, %v, want no change", changed, got.Version, err)
			}
		default:
			wantTransitionError(t, "Cancel", err, from, job.Stopped)
		}
	}
}

func wantTransitionError(t *testing.T, what string, err error, from, to job.Status) {
	t.Helper()
	var refused *job.TransitionError
	if !errors.As(err, &refused) || *refused != (job.TransitionError{From: from, To: to}) {
		t.Errorf("%s of a job that is %s to %s = %v, want a TransitionError that names both", what, from, to, err)
	}
}

func TestAJobIsCreatedOnceInItsLife(t *testing.T) {
	j := launched()
	var created int
	step := func(next job.Status) {
		j = apply(t, j, job.Update{Status: next})
		if j.Last().Event == job.EventCreated {
			created++
		} else if next == job.Running && j.Last().Event != job.NoEvent {
			t.Errorf("running again announces %q, want nothing", j.Last().Event)
		}
	}
	step(job.Running)
	started := j.StartedAt
	step(job.Paused)
	step(job.Running)
	step(job.Finished)
	j, _ = j.Retry(j.UpdatedAt.Add(time.Second))
	step(job.Running)
	if created != 1 {
		t.Errorf("a job that ran three times was created %d times, want once", created)
	}
	if !j.StartedAt.Equal(started) {
		t.Errorf("StartedAt = %v, want the first running, %v", j.StartedAt, started)
	}
}

func TestEachEndIsAnEventOfItsOwn(t *testing.T) {
	j := at(t, job.Finished)
	first := j.EventUID(j.Last())
	j, _ = j.Retry(j.UpdatedAt)
	j = apply(t, j, job.Update{Status: job.Running})
	j = apply(t, j, job.Update{Status: job.Finished})
	if j.Last().Event != job.EventSucceeded || j.EventUID(j.Last()) == first {
		t.Errorf("the second end is %q, uid %s, want succeeded with another uid", j.Last().Event, j.EventUID(j.Last()))
	}
	if last := j.Last(); job.EventUID(j.UID, last.Version, last.At) != j.EventUID(last) {
		t.Error("the uid of an event depends on more than its job, version and time")
	}
}

func TestAStaleVersionIsRefusedWhateverTheStatus(t *testing.T) {
	j := at(t, job.Running)
	tests := []struct {
		name   string
		update job.Update
		want   error
		moves  bool
	}{
		{"no version: whatever it is", job.Update{Status: job.Finished}, nil, true},
		{"the version it has", job.Update{Status: job.Finished, Version: 2}, nil, true},
		{"an older version", job.Update{Status: job.Finished, Version: 1}, job.ErrStale, false},
		{"a version that is still to come", job.Update{Status: job.Finished, Version: 3}, job.ErrStale, false},
		{"the status it already has, an older version", job.Update{Status: job.Running, Version: 1}, job.ErrStale, false},
		{"a forbidden status, an older version", job.Update{Status: job.Pending, Version: 1}, job.ErrStale, false},
		{"the status it already has, the version it has", job.Update{Status: job.Running, Version: 2}, nil, false},
	}
	for _, test := range tests {
		if _, changed, err := j.Apply(test.update, j.UpdatedAt); changed != test.moves || !errors.Is(err, test.want) {
			t.Errorf("%s: Apply = changed %v, %v, want %v, %v", test.name, changed, err, test.moves, test.want)
		}
	}
}

func TestTimesOfChangesAreWholeMillisecondsAndNeverGoBack(t *testing.T) {
	j := launched()
	for _, at := range []time.Time{launchedAt.Add(-time.Hour), launchedAt.Add(time.Second + 999*time.Nanosecond), launchedAt} {
		next := job.Running
		if j.Status == job.Running {
			next = job.Paused
		}
		before := j.UpdatedAt
		j, _, _ = j.Apply(job.Update{Status: next}, at)
		if got := j.Last().At; got.Before(before) || got.Nanosecond()%1e6 != 0 || got.Location() != time.UTC || !got.Equal(j.UpdatedAt) {
			t.Errorf("a change at %v after one at %v is dated %v", at, before, got)
		}
	}
}

func TestOnlyAnEndHasAFinishTime(t *testing.T) {
	for _, s := range job.Statuses {
		j := at(t, s)
		ended := s == job.Finished || s == job.Warning || s == job.Shutdown || s == job.Stopped
		if s.Ended() != ended || !j.FinishedAt.IsZero() != ended {
			t.Errorf("a job that is %s: Ended = %v, FinishedAt = %v, want ended %v", s, s.Ended(), j.FinishedAt, ended)
		}
	}
	warned := at(t, job.Warning)
	stopped, _, _ := warned.Cancel(warned.UpdatedAt.Add(time.Hour))
	if !stopped.FinishedAt.Equal(warned.UpdatedAt.Add(time.Hour)) {
		t.Errorf("FinishedAt after a cancel = %v, want the time of its last end", stopped.FinishedAt)
	}
}

func TestTheErrorIsTheOneOfTheLastChange(t *testing.T) {
	j := apply(t, at(t, job.Running), job.Update{Status: job.Shutdown, Error: "no route"})
	if j.Error != "no route" || j.Last().Error != "no route" {
		t.Errorf("Error = %q, of the change %q, want both to be the reported one", j.Error, j.Last().Error)
	}
	if j, _ = j.Retry(j.UpdatedAt); j.Error != "" {
		t.Errorf("Error after a retry = %q, want none", j.Error)
	}
}

func TestAJobRemembersItsLastChanges(t *testing.T) {
	j := at(t, job.Running)
	for j.Version < 3*job.MaxChanges {
		next := job.Paused
		if j.Status == job.Paused {
			next = job.Running
		}
		j = apply(t, j, job.Update{Status: next})
	}
	if len(j.Changes) != job.MaxChanges || j.Last().Version != j.Version || j.Changes[0].Version != j.Version-job.MaxChanges+1 {
		t.Errorf("%d changes, %d to %d, want the last %d up to %d", len(j.Changes), j.Changes[0].Version, j.Last().Version, job.MaxChanges, j.Version)
	}
}

func TestARuleLeavesTheJobItReadAlone(t *testing.T) {
	j := at(t, job.Running)
	want := at(t, job.Running)
	j.Apply(job.Update{Status: job.Finished}, launchedAt)
	j.Apply(job.Update{Status: job.Paused}, launchedAt)
	j.Cancel(launchedAt)
	if diff := cmp.Diff(want, j); diff != "" {
		t.Errorf("two rules read one job and changed it (-before +after):\n%s", diff)
	}
}

func TestEveryStatusAndEventTypeIsKnown(t *testing.T) {
	for _, s := range job.Statuses {
		if !s.Known() {
			t.Errorf("%s is not known", s)
		}
	}
	for _, e := range job.EventTypes {
		if !e.Known() || e.Message() == "" || e.Qualified() != "job."+string(e) {
			t.Errorf("%s: known %v, message %q, qualified %q", e, e.Known(), e.Message(), e.Qualified())
		}
	}
	if job.Status("").Known() || job.Status("Running").Known() || job.NoEvent.Known() || job.EventType("job.created").Known() {
		t.Error("what is no status or event type is known")
	}
}

func TestALongErrorMessageIsCutBetweenCharacters(t *testing.T) {
	launched := job.Launch(job.Job{UID: "j"}, time.Now())
	for _, message := range []string{"short", strings.Repeat("x", job.MaxError), strings.Repeat("x", job.MaxError+1), strings.Repeat("é", job.MaxError), "x" + strings.Repeat("€", job.MaxError)} {
		j, _, err := launched.Apply(job.Update{Status: job.Shutdown, Error: message}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		start := strings.TrimSuffix(j.Error, "…")
		if len(j.Error) > job.MaxError || !utf8.ValidString(j.Error) || !strings.HasPrefix(message, start) || len(message) <= job.MaxError && j.Error != message {
			t.Errorf("a message of %d bytes becomes %d bytes: %q", len(message), len(j.Error), j.Error)
		}
	}
}
