package api

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"hermod/shared/job"
)

func TestAReportMovesTheJob(t *testing.T) {
	w := newWorld(t)
	id := w.newJob(w.newFlow())
	w.clock.Move(time.Second)
	a := w.call("PATCH", "/jobs/"+id, `{"status":"running"}`).must(200)
	if a["version"] != 2.0 || a["start_time"] != "2026-01-31T09:30:01.000Z" {
		t.Errorf("running is %v", a)
	}
	w.clock.Move(time.Second)
	a = w.call("PATCH", "/jobs/"+id, `{"status":"shutdown","error_message":"out of <memory>","version":2}`).must(200)
	if a["version"] != 3.0 || a["error_message"] != "out of <memory>" || a["finish_time"] != "2026-01-31T09:30:02.000Z" {
		t.Errorf("shutdown is %v", a)
	}
	got := w.call("GET", "/jobs/"+id, nil)
	if !strings.Contains(string(got.body), "out of <memory>") {
		t.Errorf("texts are escaped beyond need: %s", got.body)
	}
}

func TestTheStatusAJobHasChangesNothing(t *testing.T) {
	w := newWorld(t)
	id := w.newJob(w.newFlow(), "running")
	if a := w.call("PATCH", "/jobs/"+id, `{"status":"running","error_message":"x"}`).must(200); a["version"] != 2.0 || a["error_message"] != nil {
		t.Errorf("running again is %v", a)
	}
	message, params := w.call("PATCH", "/jobs/"+id, `{"status":"running","version":1}`).refused(staleVersion, "field", "version")
	if params["version"] != 2.0 || params["status"] != "running" || !strings.Contains(message, "version 2") {
		t.Errorf("stale: %s %v", message, params)
	}
}

func TestAnIllegalTransitionNamesBothStatuses(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	for _, row := range []struct {
		is []job.Status
		to job.Status
	}{{nil, "finished"}, {nil, "warning"}, {[]job.Status{"running", "finished"}, "running"}, {[]job.Status{"running"}, "pending"}, {[]job.Status{"stopped"}, "paused"}} {
		id := w.newJob(flow, row.is...)
		from := "pending"
		if len(row.is) > 0 {
			from = string(row.is[len(row.is)-1])
		}
		message, _ := w.call("PATCH", "/jobs/"+id, map[string]any{"status": row.to}).refused(badMove, "from", from, "to", string(row.to))
		if !strings.Contains(message, from) || !strings.Contains(message, string(row.to)) {
			t.Errorf("%s: the message is %q", row.to, message)
		}
	}
}

func TestAReportIsJudgedByItsFields(t *testing.T) {
	w := newWorld(t)
	id := w.newJob(w.newFlow())
	for body, field := range map[string]string{
		`{}`: "status", `{"status":null}`: "status", `{"status":"done"}`: "status", `{"status":"running","version":0}`: "version",
		`{"status":"running","version":null}`: "version", `{"status":"running","version":1.5}`: "version",
		`{"status":"running","error_message":7}`: "error_message", `{"status":"running","name":"x"}`: "name",
	} {
		w.call("PATCH", "/jobs/"+id, body).refused(badField, "field", field)
	}
}

func TestTheResultRuleIsKept(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	now := w.clock.Now()
	with := func(c job.Counts) string {
		j := job.Launch(job.Job{UID: w.newJob(flow), Project: w.project, Workflow: flow}, now)
		j.UID = strings.Replace(j.UID, "-7", "-6", 1)
		j.Counts = c
		j, _, err := j.Apply(job.Update{Status: job.Running}, now)
		w.noError(err)
		w.noError(w.db.Jobs().Create(w.Context(), j))
		return j.UID
	}
	open, failed := with(job.Counts{Pending: 1, Succeeded: 1}), with(job.Counts{Failed: 2})
	w.call("PATCH", "/jobs/"+open, `{"status":"finished"}`).refused(badResult)
	w.call("PATCH", "/jobs/"+failed, `{"status":"finished"}`).refused(badResult)
	w.call("PATCH", "/jobs/"+failed, `{"status":"warning"}`).must(200)
	w.call("PATCH", "/jobs/"+open, `{"status":"stopped"}`).must(200)
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	for _, statuses := range [][]job.Status{nil, {"running"}, {"paused"}, {"running", "warning"}, {"shutdown"}, {"stopped"}} {
		id := w.newJob(flow, statuses...)
		if a := w.call("POST", "/jobs/"+id+"/cancel", nil).must(200); a["status"] != "stopped" {
			t.Errorf("a job that was %v is cancelled as %v", statuses, a)
		}
	}
	id := w.newJob(flow, "running", "finished")
	w.call("POST", "/jobs/"+id+"/cancel", nil).refused(badMove, "from", "finished", "to", "stopped")
}

// Of many reports at once each is applied to the job as the one before left it.
func TestReportsAtOnceAreAppliedOneAfterTheOther(t *testing.T) {
	w := newWorld(t)
	id := w.newJob(w.newFlow(), "running")
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	for i := range 12 {
		wg.Go(func() {
			status := []string{"paused", "running"}[i%2]
			a := w.call("PATCH", "/jobs/"+id, map[string]any{"status": status})
			mu.Lock()
			got[a.status]++
			mu.Unlock()
			if a.status != 200 {
				if message, _ := a.refused(busy); a.header.Get("Retry-After") == "" {
					t.Error(message)
				}
			}
		})
	}
	wg.Wait()
	j := w.stored(id)
	for i, change := range j.Changes {
		if change.Version != i+1 {
			t.Errorf("changes are %+v", j.Changes)
		}
	}
	if got[200] == 0 {
		t.Errorf("answers are %v", got)
	}
}

// One of two reports that name the version they saw wins; the other is told.
func TestOfTwoReportsAboutOneVersionOneWins(t *testing.T) {
	w := newWorld(t)
	id := w.newJob(w.newFlow(), "running")
	var wg sync.WaitGroup
	answers := make(chan string, 2)
	for _, status := range []string{"finished", "shutdown"} {
		wg.Go(func() {
			a := w.call("PATCH", "/jobs/"+id, fmt.Sprintf(`{"status":%q,"version":2}`, status))
			if a.status == 409 {
				a.refused(staleVersion)
			}
			answers <- fmt.Sprint(a.status)
		})
	}
	wg.Wait()
	if a, b := <-answers, <-answers; a == b {
		t.Errorf("both were answered %s", a)
	}
}
