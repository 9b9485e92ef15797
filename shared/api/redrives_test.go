package api

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/delivery"
)

func TestADryRunCountsAndSendsNothing(t *testing.T) {
	w := newWorld(t)
	hook, other := w.newHook(nil), w.newHook(nil)
	events := w.archive(w.newJob(w.newFlow(), "running", "shutdown"))
	w.outcome(events[0], hook, delivery.Dead)
	w.outcome(events[1], hook, delivery.Cancelled)
	w.outcome(events[2], other, delivery.Dead)
	w.clock.Move(time.Hour) // the rest is missing by then
	for _, row := range []struct {
		filters map[string]any
		want    float64
	}{
		{map[string]any{}, 2},
		{map[string]any{"state": "dead", "webhook_uid": hook}, 1},
		{map[string]any{"state": "cancelled"}, 1},
		{map[string]any{"state": "missing"}, 3},
		{map[string]any{"state": "missing", "webhook_uid": other, "event": "created"}, 1},
		{map[string]any{"event": "failed"}, 1},
		{map[string]any{"error_class": "status"}, 2},
		{map[string]any{"error_class": "timeout"}, 0},
		{map[string]any{"since": events[2].At}, 1},
		{map[string]any{"until": events[2].At}, 1},
		{map[string]any{"job_uid": "0197f39e-0000-7e6f-9071-829304152637"}, 0},
		{map[string]any{"workflow_uid": events[0].Workflow, "rate": 5}, 2},
	} {
		row.filters["dry_run"] = true
		a := w.call("POST", "/redrives", row.filters).must(200)
		if a["matched"] != row.want || a["more"] != false || len(a["sample"].([]any)) != int(row.want) {
			t.Errorf("%v: %v, want %v matched", row.filters, a, row.want)
		}
	}
	if sent := w.sent(); len(sent) > 0 {
		t.Errorf("dry runs sent %v", sent)
	}
	if a := w.call("GET", "/redrives", nil).must(200); len(a["results"].([]any)) != 0 {
		t.Errorf("dry runs made %v", a)
	}
}

func TestARedriveIsStartedReadAndCancelled(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(nil)
	events := w.archive(w.newJob(w.newFlow(), "running", "shutdown"))
	w.outcome(events[2], hook, delivery.Dead)
	a := w.call("POST", "/redrives", map[string]any{"webhook_uid": hook, "error_class": "status", "rate": 7, "since": "2026-01-31T10:30:00+01:00"}).must(202)
	want := map[string]any{
		"state": "dead", "webhook_uid": hook, "workflow_uid": nil, "job_uid": nil, "event": nil, "error_class": "status",
		"since": "2026-01-31T09:30:00.000Z", "until": nil,
	}
	if diff := cmp.Diff(want, a["filters"]); diff != "" || a["rate"] != 7.0 || a["matched"] != 1.0 || a["state"] != "sending" {
		t.Errorf("started as %v\n%s", a, diff)
	}
	path := "/redrives/" + a["uid"].(string)
	if diff := cmp.Diff(a, w.call("GET", path, nil).must(200)); diff != "" {
		t.Errorf("read (- as started, + got)\n%s", diff)
	}
	if got := w.call("POST", path+"/cancel", nil).must(200); got["state"] != "cancelled" || got["ended_at"] == nil {
		t.Errorf("cancelled is %v", got)
	}
	w.call("POST", path+"/cancel", nil).must(200)
	w.clock.Move(time.Second)
	second := w.call("POST", "/redrives", map[string]any{"state": "cancelled"}).must(202)["uid"]
	first := w.call("GET", "/redrives?limit=1", nil).must(200)
	if got := first["results"].([]any)[0].(map[string]any)["uid"]; got != second || first["paging"].(map[string]any)["have_next_page"] != true {
		t.Errorf("the first page of one is %v, want the newest", first)
	}
}

func TestARedriveIsJudgedByItsFields(t *testing.T) {
	w := newWorld(t)
	for body, field := range map[string]string{
		`{"state":"pending"}`: "state", `{"state":"succeeded"}`: "state", `{"rate":0}`: "rate", `{"rate":1001}`: "rate", `{"dry_run":"yes"}`: "dry_run",
		`{"webhook_uid":"x"}`: "webhook_uid", `{"error_class":"boom"}`: "error_class", `{"since":"x"}`: "since", `{"event":"job.failed"}`: "event",
		`{"state":"missing","error_class":"status"}`: "error_class", `{"limit":5}`: "limit", `{"until":null}`: "until",
	} {
		w.call("POST", "/redrives", body).refused(badField, "field", field)
	}
}
