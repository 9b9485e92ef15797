package api

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"hermod/shared/job"
)

func TestWorkflowsAreABareArray(t *testing.T) {
	w := newWorld(t)
	if a := w.call("GET", "/workflows", nil); string(a.body) != "[]\n" {
		t.Errorf("none is %s, want []", a.body)
	}
	first := w.newFlow()
	w.clock.Move(time.Second)
	second := w.newFlow()
	var list []map[string]any
	w.noError(json.Unmarshal(w.call("GET", "/workflows", nil).body, &list))
	if len(list) != 2 || list[0]["uid"] != second || list[1]["uid"] != first {
		t.Errorf("workflows are %v, want the newest first", list)
	}
	got := w.call("GET", "/workflows/"+first, nil).must(200)
	if got["created_at"] != "2026-01-31T09:30:00.000Z" || got["project_uid"] != w.project || got["project_id"] != nil {
		t.Errorf("workflow is %v", got)
	}
}

func TestAWorkflowNeedsAName(t *testing.T) {
	w := newWorld(t)
	for _, body := range []string{``, `{}`, `{"name":""}`, `{"name":"  "}`, `{"name":null}`, `{"name":"` + strings.Repeat("é", 129) + `"}`} {
		w.call("POST", "/workflows", body).refused(badField, "field", "name")
	}
	w.call("POST", "/workflows", `{"name":"`+strings.Repeat("é", 128)+`"}`).must(201)
}

func TestAWorkflowHasStepsThatKeepTheirUIDs(t *testing.T) {
	w := newWorld(t)
	a := w.call("POST", "/workflows", `{"name":"Import","steps":[{"name":"Extract","step_uid":"extract"},{"name":"Load","step_uid":null}]}`).must(201)
	path := "/workflows/" + a["uid"].(string)
	steps := a["steps"].([]any)
	extract, load := steps[0].(map[string]any), steps[1].(map[string]any)
	if extract["step_uid"] != "extract" || load["step_uid"] != load["uid"] || load["name"] != "Load" {
		t.Errorf("steps are %v, want step_uid as given, or the step's own uid", steps)
	}
	body := map[string]any{"steps": []any{map[string]any{"uid": load["uid"], "name": "Load all"}, map[string]any{"name": "Check"}}}
	got := w.call("PATCH", path, body).must(200)
	steps = got["steps"].([]any)
	if first := steps[0].(map[string]any); len(steps) != 2 || first["uid"] != load["uid"] || first["name"] != "Load all" || got["name"] != "Import" {
		t.Errorf("after the change the workflow is %v", got)
	}
	if again := w.call("GET", path, nil).must(200); again["name"] != "Import" || len(again["steps"].([]any)) != 2 {
		t.Errorf("read again the workflow is %v", again)
	}
	w.call("PATCH", path, `{"name":"Export"}`).must(200)
	if renamed := w.call("PATCH", path, `{}`).must(200); renamed["name"] != "Export" || len(renamed["steps"].([]any)) != 2 {
		t.Errorf("a new name changed more: %v", renamed)
	}
	for body, field := range map[string]string{
		`{"name":" "}`: "name", `{"steps":[{"name":""}]}`: "steps[0].name", `{"steps":[{}]}`: "steps[0].name", `{"steps":null}`: "steps",
		`{"steps":[{"name":"x","uid":"` + extract["uid"].(string) + `"}]}`: "steps[0].uid", `{"steps":[{"name":"x","kind":"y"}]}`: "steps[0].kind",
	} {
		w.call("PATCH", path, body).refused(badField, "field", field)
	}
	many := make([]any, job.MaxSteps+1)
	for i := range many {
		many[i] = map[string]any{"name": "x"}
	}
	w.call("PATCH", path, map[string]any{"steps": many}).refused(badField, "field", "steps")
	long := make([]any, 9)
	for i := range long {
		long[i] = map[string]any{"name": strings.Repeat("x", job.MaxName)}
	}
	w.call("PATCH", path, map[string]any{"steps": long[:8]}).must(200)
	w.call("PATCH", path, map[string]any{"steps": long}).refused(badField, "field", "steps")
}

func TestADeletedWorkflowLeavesItsJobs(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	id := w.newJob(flow, job.Running)
	w.call("DELETE", "/workflows/"+flow, nil).must(204)
	w.call("GET", "/workflows/"+flow, nil).refused(notFound)
	w.call("DELETE", "/workflows/"+flow, nil).refused(notFound)
	w.call("PATCH", "/workflows/"+flow, `{"name":"x"}`).refused(notFound)
	w.call("POST", "/workflows/"+flow+"/schedule", `{}`).refused(notFound)
	if j := w.call("PATCH", "/jobs/"+id, `{"status":"finished"}`).must(200); j["workflow_uid"] != flow || j["workflow_name"] != "Import" {
		t.Errorf("the job is %v, want it as before", j)
	}
}

func TestALaunchAnswersTheJobAndItsUID(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	a := w.call("POST", "/workflows/"+flow+"/schedule", `{"job_name":"nightly","inputs":[],"delay":90,
		"steps":[{"step_uid":"s","accounts":["a"],"parameters":{"n":1.50}}],"unstructure_meta":false,"repeat_option":null}`).must(200)
	for name, want := range map[string]any{
		"uid": a["job_uid"], "name": "nightly", "status": "pending", "workflow_uid": flow, "workflow_name": "Import", "version": 1.0,
		"scheduled_time": "2026-01-31T09:31:30.000Z", "start_time": nil, "error_message": nil, "total_row_count": 0.0,
	} {
		if a[name] != want {
			t.Errorf("%s is %v, want %v", name, a[name], want)
		}
	}
	got := w.call("GET", "/jobs/"+a["uid"].(string), nil)
	if !strings.Contains(string(got.body), `"configuration":{"steps":[{"step_uid":"s","accounts":["a"],"parameters":{"n":1.50}}],"unstructure_meta":false}`) {
		t.Errorf("the configuration is not what was launched with: %s", got.body)
	}
	if j := w.stored(a["uid"].(string)); j.Last().Event != job.EventRequested || j.Last().Cause != job.CauseLaunched {
		t.Errorf("the job's first change is %+v, want requested by launch", j.Last())
	}
}

func TestALaunchTakesWhatClientsLeaveOpen(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	for _, body := range []any{nil, `{}`, `{"job_name":null,"inputs":null,"steps":null,"delay":null,"unstructure_meta":null,"repeat_option":null}`, `{"delay":0}`} {
		a := w.call("POST", "/workflows/"+flow+"/schedule", body).must(200)
		if a["name"] != nil || len(a["configuration"].(map[string]any)) != 0 {
			t.Errorf("launch %v: %v", body, a)
		}
	}
}

func TestALaunchRefusesWhatItWouldIgnore(t *testing.T) {
	w := newWorld(t)
	path := "/workflows/" + w.newFlow() + "/schedule"
	for body, want := range map[string]struct {
		label label
		field string
	}{
		`{"inputs":[1,"` + strings.Repeat("x", 262_143) + `"]}`: {badField, "inputs[1]"},
		`{"inputs":{}}`: {badField, "inputs"},
		`{"repeat_option":{"type":"minute","value":1}}`: {notOffered, "repeat_option"},
		`{"delay":-1}`:       {badField, "delay"},
		`{"delay":31536001}`: {badField, "delay"},
		`{"steps":{}}`:       {badField, "steps"},
		`{"steps":["` + strings.Repeat("x", maxBody) + `"]}`:     {badField, "steps"},
		`{"job_name":"` + strings.Repeat("x", 257) + `"}`:        {badField, "job_name"},
		`{"unstructure_meta":{"a":1,"a":2}}`:                     {badField, "unstructure_meta"},
		`{"job_name":"a","webhook":{"url":"https://x.example"}}`: {badField, "webhook"},
	} {
		w.call("POST", path, body).refused(want.label, "field", want.field)
	}
}
