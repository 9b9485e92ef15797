package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/input"
	"hermod/shared/job"
)

// appended is the body of an append of numbers from first to before last.
func appended(first, last int, more map[string]any) map[string]any {
	list := []map[string]any{}
	for i := first; i < last; i++ {
		list = append(list, map[string]any{"input_data": i})
	}
	body := map[string]any{"from": first, "inputs": list}
	for name, value := range more {
		body[name] = value
	}
	return body
}

func TestAnInputHasAllItsKeysFromTheBeginning(t *testing.T) {
	w := newWorld(t)
	id := w.newJob(w.newFlow())
	w.call("POST", "/jobs/"+id+"/inputs", `{"from":0,"inputs":[{"input_data":{"a":[1.50]},"custom_data":"<x>"},{"input_data":null}]}`).must(201)
	got := w.everyPage("/jobs/" + id + "/inputs?limit=1")
	want := []map[string]any{
		{"index": 0.0, "uid": id[:28] + "00000000", "status": "pending", "input_data": map[string]any{"a": []any{1.5}}, "custom_data": "<x>",
			"last_error": nil, "output_count": 0.0, "retry_count": 0.0, "started_at": nil, "finished_at": nil},
		{"index": 1.0, "uid": id[:28] + "00000001", "status": "pending", "input_data": nil, "custom_data": nil,
			"last_error": nil, "output_count": 0.0, "retry_count": 0.0, "started_at": nil, "finished_at": nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
	if a := w.call("GET", "/jobs/"+id+"/inputs", nil); !strings.Contains(string(a.body), `{"a":[1.50]}`) || !strings.Contains(string(a.body), `"<x>"`) {
		t.Errorf("data is not as it was sent: %s", a.body)
	}
}

func TestAnInputTellsItsLastError(t *testing.T) {
	w := newWorld(t)
	id := w.launch(w.newFlow(), 4)
	w.clock.Move(time.Second)
	w.call("POST", "/jobs/"+id+"/inputs/report", `{"inputs":[
		{"index":0,"status":"failed","error":{"label":"LIMIT_REACHED","message":"later","error_ref":"r-1","params":{"wait":5}}},
		{"index":1,"status":"failed","error":{"label":"OWN","scope":"param"}},{"index":2,"status":"failed"},{"index":3,"status":"running"}]}`).must(200)
	var got []any
	for _, in := range w.everyPage("/jobs/" + id + "/inputs") {
		got = append(got, in["last_error"])
		if in["started_at"] != "2026-01-31T09:30:01.000Z" || (in["finished_at"] == nil) != (in["status"] == "running") {
			t.Errorf("the times of a reported input are %v, %v", in["started_at"], in["finished_at"])
		}
	}
	want := []any{
		map[string]any{"label": "LIMIT_REACHED", "scope": "server", "message": "later", "retryable": true, "error_ref": "r-1", "params": map[string]any{"wait": 5.0}},
		map[string]any{"label": "OWN", "scope": "param", "message": nil, "retryable": false, "error_ref": nil, "params": nil},
		nil, nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("last errors (-want +got):\n%s", diff)
	}
}

func TestInputsAreNarrowed(t *testing.T) {
	w := newWorld(t)
	id := w.launch(w.newFlow(), 1200)
	w.report(id, 0, 100, failure("BAD_INPUT"))
	w.report(id, 600, 700, failure("LK_BAD_COOKIE"))
	w.report(id, 1100, 1200, failure("API_TIMEOUT_ERROR"))
	w.report(id, 400, 600, succeeded)
	for query, want := range map[string]struct{ n, first int }{
		"limit=100":                           {1200, 0},
		"limit=7&status=failed":               {300, 0},
		"status=succeeded":                    {200, 400},
		"status=running":                      {0, 0},
		"limit=100&status=pending":            {700, 100},
		"limit=50&label=LK_BAD_COOKIE":        {100, 600},
		"label=NONE":                          {0, 0},
		"retryable=true":                      {200, 600},
		"retryable=false":                     {100, 0},
		"retryable=false&label=LK_BAD_COOKIE": {0, 0},
	} {
		got := w.everyPage("/jobs/" + id + "/inputs?" + query)
		if len(got) != want.n || len(got) > 0 && got[0]["index"] != float64(want.first) {
			t.Errorf("%s lists %d inputs, want %d from %d on", query, len(got), want.n, want.first)
		}
		for i := 1; i < len(got); i++ {
			if got[i]["index"].(float64) <= got[i-1]["index"].(float64) {
				t.Errorf("%s lists input %v after %v", query, got[i]["index"], got[i-1]["index"])
			}
		}
	}
	w.call("GET", "/jobs/"+id+"/inputs?retryable=maybe", nil).refused(badParameter, "parameter", "retryable")
	w.call("GET", "/jobs/"+id+"/inputs?status=finished", nil).refused(badParameter, "parameter", "status")
}

// A page of long inputs must fit an answer of Lambda's, which is 6 MB as a text in JSON.
func TestAPageOfLongInputsIsShort(t *testing.T) {
	w := newWorld(t)
	id := w.newJob(w.newFlow())
	long := strings.Repeat(`\"`, 120_000)
	for i := range 30 {
		w.call("POST", "/jobs/"+id+"/inputs", fmt.Sprintf(`{"from":%d,"inputs":[{"input_data":"%s"}]}`, i, long)).must(201)
	}
	first := w.call("GET", "/jobs/"+id+"/inputs?limit=100", nil)
	text, err := json.Marshal(string(first.body))
	w.noError(err)
	if got := w.everyPage("/jobs/" + id + "/inputs?limit=100"); len(got) != 30 || len(text) > 6<<20 {
		t.Errorf("%d inputs were read, of which the first page is %d bytes as a text; want 30, and at most 6 MB", len(got), len(text))
	}
}

func TestAnOpenListTakesAppendsUntilTheLast(t *testing.T) {
	w := newWorld(t)
	id := w.newJob(w.newFlow())
	path := "/jobs/" + id + "/inputs"
	first := w.call("POST", path, appended(0, 500, nil))
	if got := first.must(201); got["number_inputs"] != 500.0 || got["uid"] != id {
		t.Errorf("an append answers %v", got)
	}
	if again := w.call("POST", path, appended(0, 500, nil)); string(again.body) != string(first.body) {
		t.Errorf("the same append again answers %s, want %s", again.body, first.body)
	}
	other := appended(0, 500, nil)
	other["inputs"].([]map[string]any)[499]["input_data"] = "another"
	_, params := w.call("POST", path, other).refused(otherInputs, "field", "from")
	message, gap := w.call("POST", path, appended(501, 502, nil)).refused(inputsGap, "field", "from")
	if params["end"] != 500.0 || gap["end"] != 500.0 || !strings.Contains(message, "500") {
		t.Errorf("conflicts say that the list ends at %v and %v (%s), want 500", params["end"], gap["end"], message)
	}
	w.report(id, 0, 500, succeeded)
	if got := w.call("GET", "/jobs/"+id, nil).must(200); got["status"] != "running" {
		t.Errorf("a job whose list is open is %v, want running", got["status"])
	}
	w.call("POST", path, appended(500, 503, map[string]any{"last": true})).must(201)
	w.call("POST", path, appended(500, 503, map[string]any{"last": true})).must(201)
	if message, params := w.call("POST", path, appended(503, 504, nil)).refused(listClosed); params["end"] != 503.0 || !strings.Contains(message, "503") {
		t.Errorf("a closed list answers %s %v, want where it ended", message, params)
	}
	if got := w.report(id, 500, 503, failure("NO_RESULT"))["job"].(map[string]any); got["status"] != "finished" || got["number_inputs"] != 503.0 {
		t.Errorf("after its last input the job is %v, want finished", got)
	}
}

func TestAListIsClosedByNothingMore(t *testing.T) {
	w := newWorld(t)
	id := w.newJob(w.newFlow())
	path := "/jobs/" + id + "/inputs"
	w.call("POST", path, appended(0, 2, nil)).must(201)
	w.report(id, 0, 2, failure("BAD_INPUT"))
	if got := w.call("POST", path, `{"from":2,"inputs":[],"last":true}`).must(201); got["status"] != "warning" || got["error_message"] != "BAD_INPUT: first of BAD_INPUT" {
		t.Errorf("a list that is closed after its inputs failed leaves the job %v with %v", got["status"], got["error_message"])
	}
	empty := w.newJob(w.newFlow(), job.Running)
	if got := w.call("POST", "/jobs/"+empty+"/inputs", `{"from":0,"inputs":[],"last":true}`).must(201); got["status"] != "running" {
		t.Errorf("a job whose empty list is closed is %v, want running: it has what its executor says", got["status"])
	}
}

func TestAnAppendIsJudgedByItsFields(t *testing.T) {
	w := newWorld(t)
	path := "/jobs/" + w.newJob(w.newFlow()) + "/inputs"
	long := strings.Repeat("x", input.MaxData)
	for body, field := range map[string]string{
		`{"from":0,"inputs":[]}`:                                              "inputs",
		`{"from":0}`:                                                          "inputs",
		`{"inputs":[{"input_data":1}]}`:                                       "from",
		`{"from":-1,"inputs":[{"input_data":1}]}`:                             "from",
		`{"from":100001,"inputs":[{"input_data":1}]}`:                         "from",
		`{"from":0,"inputs":[{"custom_data":1}]}`:                             "inputs[0].input_data",
		`{"from":0,"inputs":[{"input_data":1},{"data":1}]}`:                   "inputs[1].data",
		`{"from":0,"inputs":[{"input_data":1}],"last":null}`:                  "last",
		`{"from":0,"inputs":[1]}`:                                             "inputs[0]",
		`{"from":0,"inputs":[{"input_data":"` + long + `"}]}`:                 "inputs[0]",
		`{"from":0,"inputs":[{"input_data":1,"custom_data":"` + long + `"}]}`: "inputs[0]",
	} {
		w.call("POST", path, body).refused(badField, "field", field)
	}
	w.call("POST", path, appended(0, 501, nil)).refused(badField, "field", "inputs")
	w.call("POST", path, appended(99_900, 100_001, nil)).refused(inputsGap)
}

func TestAJobHasAHundredThousandInputs(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	list := make([]int, job.MaxInputs+1)
	w.call("POST", "/workflows/"+flow+"/schedule", map[string]any{"inputs": list}).refused(quota)
	got := w.call("POST", "/workflows/"+flow+"/schedule", map[string]any{"inputs": list[1:]}).must(200)
	if got["number_inputs"] != float64(job.MaxInputs) {
		t.Errorf("number_inputs is %v, want %d", got["number_inputs"], job.MaxInputs)
	}
	path := "/jobs/" + got["uid"].(string) + "/inputs"
	last := w.call("GET", path+"?limit=1&status=running", nil).must(200)
	if paging := last["paging"].(map[string]any); len(last["results"].([]any)) != 0 {
		t.Errorf("inputs that run are %v, with %v; want none", last["results"], paging)
	}
	if got := w.everyPage(path + "?status=running"); len(got) != 0 {
		t.Errorf("%d inputs run, want none", len(got))
	}
}

func TestNextOfInputsIsBoundToItsFilters(t *testing.T) {
	w := newWorld(t)
	id := w.launch(w.newFlow(), 3)
	next := w.call("GET", "/jobs/"+id+"/inputs?limit=1", nil).must(200)["paging"].(map[string]any)["next"].(string)
	token := tokenIn(next)
	w.call("GET", "/jobs/"+id+"/inputs?limit=2&cursor="+token, nil).must(200)
	w.call("GET", "/jobs/"+id+"/inputs?status=pending&cursor="+token, nil).refused(badCursor, "parameter", "cursor")
	w.call("GET", "/jobs/"+w.launch(w.newFlow(), 3)+"/inputs?cursor="+token, nil).refused(badCursor, "parameter", "cursor")
}

// What real clients launch with is an input each, as it stands.
func TestALaunchTakesInputsAsTheyStand(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	got := w.call("POST", "/workflows/"+flow+"/schedule", `{"job_name":"x","inputs":[{"linkedin_profile_url":"https://x/y"},"text",7,null,[true]]}`).must(200)
	if got["number_inputs"] != 5.0 || fmt.Sprint(got["counts"]) != "map[failed:0 pending:5 running:0 succeeded:0]" {
		t.Errorf("the launch answers %v", got)
	}
	id := got["job_uid"].(string)
	var data []string
	for _, in := range w.everyPage("/jobs/" + id + "/inputs?limit=2") {
		text, err := json.Marshal(in["input_data"])
		w.noError(err)
		data = append(data, string(text))
	}
	if want := []string{`{"linkedin_profile_url":"https://x/y"}`, `"text"`, `7`, `null`, `[true]`}; !slices.Equal(data, want) {
		t.Errorf("input_data is %v, want %v", data, want)
	}
	w.call("POST", "/jobs/"+id+"/inputs", appended(5, 6, nil)).refused(listClosed)
	for _, inputs := range []string{`[]`, `null`} {
		open := w.call("POST", "/workflows/"+flow+"/schedule", `{"inputs":`+inputs+`}`).must(200)["job_uid"].(string)
		w.call("POST", "/jobs/"+open+"/inputs", appended(0, 1, nil)).must(201)
	}
}
