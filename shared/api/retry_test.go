package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"hermod/shared/job"
)

// retried launches a job whose inputs fail with these labels, and retries it.
func retried(w *world, body string, labels ...string) (id string, a *answered) {
	w.Helper()
	id = w.launch(w.newFlow(), len(labels))
	for i, label := range labels {
		w.report(id, i, i+1, failure(label))
	}
	w.clock.Move(time.Second)
	return id, w.call("POST", "/jobs/"+id+"/retry", body)
}

func TestARetrySendsBackWhatMayBeRetried(t *testing.T) {
	labels := []string{"BAD_INPUT", "API_TIMEOUT_ERROR", "LK_BAD_COOKIE", "API_TIMEOUT_ERROR", "BAD_INPUT"}
	for body, want := range map[string]struct {
		pending []float64
		left    string
	}{
		``:                                 {[]float64{1, 2, 3}, "[map[count:2 label:BAD_INPUT"},
		`{"labels":["API_TIMEOUT_ERROR"]}`: {[]float64{1, 3}, "[]"},
		`{"labels":["API_TIMEOUT_ERROR","BAD_INPUT"]}`:   {[]float64{1, 3}, "[map[count:2 label:BAD_INPUT"},
		`{"indexes":[1,4]}`:                              {[]float64{1}, "[map[count:1 label:BAD_INPUT"},
		`{"indexes":[4],"force":true}`:                   {[]float64{4}, "[]"},
		`{"force":true}`:                                 {[]float64{0, 1, 2, 3, 4}, "[]"},
		`{"indexes":[0,1,2],"labels":["LK_BAD_COOKIE"]}`: {[]float64{2}, "[]"},
		`{"indexes":null,"labels":null,"job_name":null,"steps":null,"inputs":null}`:                             {[]float64{1, 2, 3}, "[map[count:2 label:BAD_INPUT"},
		`{"job_name":"x","steps":[{"accounts":["a"]}],"inputs":[{"url":"https://x"}],"unstructure_meta":false}`: {[]float64{1, 2, 3}, "[map[count:2 label:BAD_INPUT"},
	} {
		w := newWorld(t)
		w.newHook(map[string]any{"payload": "standard"})
		w.clock.Move(time.Second)
		id, a := retried(w, body, labels...)
		got := a.must(200)
		if got["status"] != "pending" || got["retry_count"] != 1.0 || got["retried"] != float64(len(want.pending)) || !strings.HasPrefix(fmt.Sprint(got["left"]), want.left) {
			t.Errorf("retry %s answers %v, with %v sent back and left %v; want pending, %d and %s", body, got["status"], got["retried"], got["left"], len(want.pending), want.left)
		}
		var pending []float64
		for _, in := range w.everyPage("/jobs/" + id + "/inputs?status=pending") {
			if pending = append(pending, in["index"].(float64)); in["retry_count"] != 1.0 || in["last_error"] == nil {
				t.Errorf("an input that was sent back is %v, want its error and one retry", in)
			}
		}
		if fmt.Sprint(pending) != fmt.Sprint(want.pending) {
			t.Errorf("retry %s sends back %v, want %v", body, pending, want.pending)
		}
		events := w.archive(id)
		checkEvents(t, events, job.EventRequested, job.EventCreated, job.EventFailed, job.EventRequested)
		if last := string(events[3].Bodies[job.FormatStandard]); !strings.Contains(last, `"cause":"retry"`) {
			t.Errorf("the event of the retry is %s, want its cause", last)
		}
	}
}

// A job that was retried goes through its life again: no second created, and it finishes with its last input.
func TestAJobFinishesAgainAfterARetry(t *testing.T) {
	w := newWorld(t)
	w.newHook(nil)
	w.clock.Move(time.Second)
	id, a := retried(w, `{}`, "API_TIMEOUT_ERROR", "BAD_INPUT")
	a.must(200)
	got := w.report(id, 0, 1, succeeded)["job"].(map[string]any)
	if got["status"] != "finished" || got["error_message"] != nil || fmt.Sprint(got["counts"]) != "map[failed:1 pending:0 running:0 succeeded:1]" {
		t.Errorf("after the retried input succeeded the job is %v", got)
	}
	checkEvents(t, w.archive(id), job.EventRequested, job.EventCreated, job.EventFailed, job.EventRequested, job.EventSucceeded)
	if in := w.everyPage("/jobs/" + id + "/inputs")[0]; in["last_error"] != nil || in["retry_count"] != 1.0 {
		t.Errorf("an input that succeeded at last is %v, want no error", in)
	}
}

func TestARetryThatSendsNothingBackSaysWhy(t *testing.T) {
	w := newWorld(t)
	_, a := retried(w, `{}`, "BAD_INPUT", "BAD_INPUT", "STATUS_404")
	message, params := a.refused(nothingToRetry)
	left, err := json.Marshal(params["left"])
	w.noError(err)
	if !strings.Contains(message, "2 with BAD_INPUT: ") || !strings.Contains(message, "1 with STATUS_404: ") ||
		!strings.Contains(string(left), `"label":"STATUS_404"`) || !strings.Contains(string(left), `"count":2`) {
		t.Errorf("a retry without effect says %q and left %s", message, left)
	}
	for body, reasons := range map[string]int{`{"labels":["NONE"]}`: 0, `{"indexes":[7]}`: 1} {
		_, a := retried(w, body, "API_TIMEOUT_ERROR")
		if message, params := a.refused(nothingToRetry); !strings.HasSuffix(message, ".") || len(params["left"].([]any)) != reasons {
			t.Errorf("retry %s says %q and left %v, want %d reasons", body, message, params["left"], reasons)
		}
	}
}

func TestARetryIsJudgedByItsFields(t *testing.T) {
	w := newWorld(t)
	id, _ := retried(w, `{}`, "API_TIMEOUT_ERROR")
	w.call("POST", "/jobs/"+id+"/retry", nil).refused(badMove, "from", "pending", "to", "pending")
	for body, field := range map[string]string{
		`{"indexes":[]}`: "indexes", `{"labels":[]}`: "labels", `{"indexes":[-1]}`: "indexes[0]", `{"indexes":[0,100000]}`: "indexes[1]",
		`{"indexes":["0"]}`: "indexes[0]", `{"force":null}`: "force", `{"webhook":1}`: "webhook",
	} {
		w.call("POST", "/jobs/"+id+"/retry", body).refused(badField, "field", field)
	}
}

func TestAJobWithoutInputsGoesBackAsAWhole(t *testing.T) {
	w := newWorld(t)
	id := w.newJob(w.newFlow(), job.Running, job.Finished)
	if got := w.call("POST", "/jobs/"+id+"/retry", nil).must(200); got["status"] != "pending" || got["retried"] != 0.0 || fmt.Sprint(got["left"]) != "[]" {
		t.Errorf("a job without inputs is retried as %v", got)
	}
}
