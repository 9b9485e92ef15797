package api

import (
	"encoding/json"
	"fmt"
	"slices"
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

func TestAnIllegalTransitionTellsTheOthers(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	for is, want := range map[job.Status]string{
		job.Pending:  "can become running or shutdown or paused or stopped by a status update, stopped by a cancel.",
		job.Paused:   "can become running by a status update, stopped by a cancel, pending by a retry.",
		job.Shutdown: "can become stopped by a cancel, pending by a retry.",
		job.Stopped:  "can become pending by a retry.",
	} {
		id := w.newJob(flow)
		if is != job.Pending {
			w.call("PATCH", "/jobs/"+id, map[string]any{"status": is}).must(200)
		}
		if message, _ := w.call("PATCH", "/jobs/"+id, `{"status":"finished"}`).refused(badMove); !strings.HasSuffix(message, want) {
			t.Errorf("of a job that is %s the message is %q, want it to end %q", is, message, want)
		}
	}
}

// Totals trail behind reports: what a refusal tells is what it was judged by.
func TestARefusedResultTellsTheCountsItWasJudgedBy(t *testing.T) {
	w := newWorld(t)
	id := w.newJob(w.newFlow())
	w.call("POST", "/jobs/"+id+"/inputs", `{"from":0,"inputs":[{"input_data":1},{"input_data":2}]}`).must(201)
	w.call("POST", "/jobs/"+id+"/inputs/report", `{"inputs":[{"index":0,"status":"failed"},{"index":1,"status":"failed"}]}`).must(200)
	_, params := w.call("PATCH", "/jobs/"+id, `{"status":"finished"}`).refused(badResult)
	if counts, _ := params["counts"].(map[string]any); counts["failed"] != 2.0 || counts["pending"] != 0.0 {
		t.Errorf("counts are %v, want two that failed", params["counts"])
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
	open, failed, mixed := w.launch(flow, 2), w.newJob(flow), w.newJob(flow)
	w.report(open, 0, 1, succeeded)
	for _, id := range []string{failed, mixed} { // their lists stay open, so they do not finish by themselves
		w.call("POST", "/jobs/"+id+"/inputs", `{"from":0,"inputs":[{"input_data":1},{"input_data":2}]}`).must(201)
		w.report(id, 0, 1, failure("BAD_INPUT"))
	}
	w.report(failed, 1, 2, failure("BAD_INPUT"))
	w.report(mixed, 1, 2, succeeded)
	for _, row := range []struct{ id, status string }{{open, "finished"}, {open, "warning"}, {failed, "finished"}, {mixed, "warning"}} {
		w.call("PATCH", "/jobs/"+row.id, map[string]any{"status": row.status}).refused(badResult)
	}
	w.call("PATCH", "/jobs/"+mixed, `{"status":"finished"}`).must(200)
	got := w.call("PATCH", "/jobs/"+failed, `{"status":"warning"}`).must(200)
	if got["error_message"] != "BAD_INPUT: first of BAD_INPUT" || fmt.Sprint(got["counts"]) != "map[failed:2 pending:0 running:0 succeeded:0]" {
		t.Errorf("a warning without a message is %v, want the inputs' error and exact counts", got)
	}
	if got := w.call("PATCH", "/jobs/"+open, `{"status":"stopped"}`).must(200); got["status"] != "stopped" {
		t.Errorf("a job with an open input is %v, want stopped", got["status"])
	}
}

func TestAFailureKeepsTheMessageOfItsExecutor(t *testing.T) {
	w := newWorld(t)
	id := w.launch(w.newFlow(), 2)
	w.report(id, 0, 1, failure("BAD_INPUT"))
	if got := w.call("PATCH", "/jobs/"+id, `{"status":"shutdown","error_message":"disk full"}`).must(200); got["error_message"] != "disk full" {
		t.Errorf("error_message is %v, want what the executor said", got["error_message"])
	}
}

// A job that was paused when its last input was reported finishes when it runs again.
func TestAJobWithoutOpenInputsFinishesWhenItRuns(t *testing.T) {
	w := newWorld(t)
	id := w.launch(w.newFlow(), 2)
	w.report(id, 0, 1, succeeded)
	w.call("PATCH", "/jobs/"+id, `{"status":"paused"}`).must(200)
	if got := w.report(id, 1, 2, succeeded)["job"].(map[string]any); got["status"] != "paused" {
		t.Fatalf("a paused job whose inputs are done is %v, want paused", got["status"])
	}
	if got := w.call("PATCH", "/jobs/"+id, `{"status":"running"}`).must(200); got["status"] != "finished" {
		t.Errorf("the answer to running is %v, want finished", got["status"])
	}
}

func TestJobsAreListedNewestFirstAndNarrowed(t *testing.T) {
	w := newWorld(t)
	flow, other := w.newFlow(), w.newFlow()
	var ids []string
	for i := range 7 {
		w.clock.Move(time.Hour)
		ids = append([]string{w.newJob([]string{flow, other}[i%2])}, ids...)
	}
	w.call("PATCH", "/jobs/"+ids[1], `{"status":"running"}`).must(200)
	since := w.clock.Now().Add(-3 * time.Hour).Format(time.RFC3339)
	for query, want := range map[string][]string{
		"":                                      ids,
		"&workflow_uid=" + flow:                 {ids[0], ids[2], ids[4], ids[6]},
		"&status=running":                       {ids[1]},
		"&status=finished":                      nil,
		"&since=" + since:                       ids[:4],
		"&until=" + since:                       ids[4:],
		"&status=pending&workflow_uid=" + other: {ids[3], ids[5]},
	} {
		got := uidsOf(w.everyPage("/jobs?limit=2" + query))
		if !slices.Equal(got, want) {
			t.Errorf("/jobs?limit=2%s lists %v, want %v", query, got, want)
		}
	}
	if got := w.call("GET", "/jobs", nil, as("other")).must(200); len(got["results"].([]any)) != 0 {
		t.Errorf("another project sees %v", got)
	}
}

func TestAWorkflowsJobsComeByThePage(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	old := w.newJob(flow)
	w.clock.Move(job.Retention + time.Hour)
	for range 101 {
		w.newJob(flow)
	}
	w.newJob(w.newFlow())
	var seen []string
	for page, want := range []int{100, 1, 0, 0} {
		a := w.call("GET", fmt.Sprintf("/workflows/%s/jobs?page=%d", flow, page), nil)
		a.must(200)
		var list []struct{ UID string }
		w.noError(json.Unmarshal(a.body, &list))
		if len(list) != want {
			t.Errorf("page %d has %d jobs, want %d", page, len(list), want)
		}
		for _, j := range list {
			seen = append(seen, j.UID)
		}
	}
	if slices.Contains(seen, old) || !slices.IsSortedFunc(seen, func(x, y string) int { return strings.Compare(y, x) }) {
		t.Errorf("the pages have %v, want newest first and none older than two months", seen)
	}
	first := w.call("GET", "/workflows/"+flow+"/jobs", nil)
	if again := w.call("GET", "/workflows/"+flow+"/jobs?page=0", nil); string(first.body) != string(again.body) {
		t.Error("without page the answer is not page 0")
	}
	w.call("GET", "/workflows/"+flow+"/jobs?page=-1", nil).refused(badParameter, "parameter", "page")
	w.call("GET", "/workflows/"+flow+"/jobs", nil, as("other")).refused(notFound)
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
