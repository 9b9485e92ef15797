package api

import (
	"testing"

	"hermod/shared/job"
	"hermod/shared/uid"
)

func TestPausedJobsAreResumed(t *testing.T) {
	w := newWorld(t)
	flow, other := w.newFlow(), w.newFlow()
	var paused []string
	for range 12 {
		paused = append(paused, w.newJob(flow, job.Paused))
	}
	elsewhere, running, stopped := w.newJob(other, job.Running, job.Paused), w.newJob(flow, job.Running), w.newJob(flow, job.Paused)
	w.call("POST", "/jobs/"+stopped+"/cancel", nil).must(200)
	if got := w.call("POST", "/jobs/resume", map[string]any{"workflow_uid": flow}).must(200); got["count"] != 12.0 || got["more"] != false {
		t.Errorf("resuming one workflow answers %v, want 12 and no more", got)
	}
	for _, id := range append(paused, running) {
		if j := w.stored(id); j.Status != job.Running {
			t.Errorf("a job that was resumed is %s, want running", j.Status)
		}
	}
	if j := w.stored(elsewhere); j.Status != job.Paused {
		t.Errorf("a job of another workflow is %s, want paused", j.Status)
	}
	if got := w.call("POST", "/jobs/resume", nil).must(200); got["count"] != 1.0 {
		t.Errorf("resuming all answers %v, want the one that was left", got)
	}
	if got := w.call("POST", "/jobs/resume", `{"workflow_uid":null}`).must(200); got["count"] != 0.0 {
		t.Errorf("resuming again answers %v, want none", got)
	}
	if j := w.stored(stopped); j.Status != job.Stopped {
		t.Errorf("a stopped job is %s, want stopped", j.Status)
	}
}

// A job that was paused when its last input was reported finishes when it is resumed.
func TestAJobWithoutOpenInputsFinishesWhenItIsResumed(t *testing.T) {
	w := newWorld(t)
	id := w.launch(w.newFlow(), 1)
	w.call("PATCH", "/jobs/"+id, `{"status":"paused"}`).must(200)
	w.report(id, 0, 1, succeeded)
	if got := w.call("POST", "/jobs/resume", nil).must(200); got["count"] != 1.0 {
		t.Errorf("the answer is %v, want one job", got)
	}
	if j := w.stored(id); j.Status != job.Finished {
		t.Errorf("the job is %s, want finished", j.Status)
	}
}

func TestAResumptionSaysThatThereAreMore(t *testing.T) {
	w := newWorld(t)
	j := w.stored(w.newJob(w.newFlow(), job.Paused))
	for range maxResumed {
		next := j
		next.UID = uid.New(w.clock.Now())
		w.noError(w.db.Jobs().Create(w.Context(), next))
	}
	for _, want := range []map[string]any{{"count": 1000.0, "more": true}, {"count": 1.0, "more": false}, {"count": 0.0, "more": false}} {
		if got := w.call("POST", "/jobs/resume", nil).must(200); got["count"] != want["count"] || got["more"] != want["more"] {
			t.Errorf("resuming 1,001 jobs answers %v, want %v", got, want)
		}
	}
}
