package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Clients of the v3 API that are in use, replayed: the requests that each makes, with the headers that it sends, and the fields that it
// reads, as it reads them. What they read was taken from their sources:
//
//   - the Airbyte source: airbytehq/airbyte, airbyte-integrations/connectors/source-captain-data/manifest.yaml
//   - the Activepieces piece: activepieces/activepieces, packages/pieces/community/captain-data
//   - a native Go connector that sends paging.next back as the cursor, whole
//   - scripts with Python's requests, which send a JSON text without a Content-Type
//   - a key scanner, which tells a good key from a bad one by GET /workspace

// replay is one client: its own headers on each request.
type replay struct {
	*world
	headers map[string]string
}

// send makes a request as the client does: nothing is added to it.
func (c replay) send(method, target, body string) *answered {
	c.Helper()
	var content any
	if body != "" {
		content = body
	}
	return c.raw(method, target, content, func(_ *world, r *http.Request) {
		r.Header.Del("X-Api-Key")
		r.Header.Del("Content-Type")
		for name, value := range c.headers {
			r.Header.Set(name, value)
		}
	})
}

// read decodes a successful answer.
func read[T any](c replay, method, target, body string) (v T) {
	c.Helper()
	a := c.send(method, target, body)
	if a.status != http.StatusOK {
		c.Fatalf("%s %s answers %d, and the client takes 200 only: %s", method, target, a.status, a.body)
	}
	if err := json.Unmarshal(a.body, &v); err != nil {
		c.Fatalf("%s %s: %v: %s", method, target, err, a.body)
	}
	return v
}

// replays is a world with a workflow whose one job finished with more results than a page has, and one that is pending.
func replays(t *testing.T) (w *world, flow, done string) {
	w = newWorld(t)
	flow = w.newFlow()
	done = w.call("POST", "/workflows/"+flow+"/schedule", `{"job_name":"done","inputs":["x"]}`).must(200)["job_uid"].(string)
	rows := make([]string, 50)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"profile":"p%d"}`, i)
	}
	w.call("POST", "/jobs/"+done+"/inputs/report", `{"inputs":[{"index":0,"status":"succeeded","results":[`+strings.Join(rows, ",")+`]}]}`).must(200)
	w.newJob(flow)
	return w, flow, done
}

func TestTheAirbyteSourceSyncs(t *testing.T) {
	w, flow, done := replays(t)
	c := replay{w, map[string]string{"x-api-key": w.keys["full"], "x-project-id": w.project}}

	workspace := read[map[string]any](c, "GET", "/v3/workspace", "")
	for _, field := range []string{"name", "plan_name", "current_month_start", "current_month_end", "tasks_used", "tasks_max", "tasks_left"} {
		if _, ok := workspace[field]; !ok {
			t.Errorf("the workspace has no %s: %v", field, workspace)
		}
	}
	if s, ok := workspace["name"].(string); !ok || s == "" {
		t.Errorf("the workspace's name is its primary key, and is %v", workspace["name"])
	}

	flows := read[[]struct {
		UID       string  `json:"uid"`
		Name      *string `json:"name"`
		ProjectID *int    `json:"project_id"`
		Steps     []struct {
			UID, StepUID, Name *string
		} `json:"steps"`
	}](c, "GET", "/v3/workflows", "")
	if len(flows) != 1 || flows[0].UID != flow || flows[0].Steps == nil {
		t.Fatalf("workflows are %+v, want one, whose steps are an array", flows)
	}

	jobs := read[[]struct {
		UID           string          `json:"uid"`
		Status        string          `json:"status"`
		TotalRowCount *int            `json:"total_row_count"`
		Accounts      []*string       `json:"accounts"`
		Configuration *map[string]any `json:"configuration"`
	}](c, "GET", "/v3/workflows/"+flow+"/jobs", "")
	var successful []string
	for _, j := range jobs {
		if j.TotalRowCount == nil || j.Accounts == nil || j.Configuration == nil {
			t.Fatalf("job %+v: the filter total_row_count > 0 fails on null, and accounts and configuration are never null", j)
		}
		if *j.TotalRowCount > 0 && j.Status == "finished" {
			successful = append(successful, j.UID)
		}
	}
	if len(jobs) != 2 || len(successful) != 1 || successful[0] != done {
		t.Fatalf("of %d jobs %v are successful, want %s", len(jobs), successful, done)
	}

	rows := 0
	for path := "/v3/jobs/" + done + "/results"; ; {
		page := read[struct {
			Results []map[string]any `json:"results"`
			Paging  map[string]any   `json:"paging"`
		}](c, "GET", path, "")
		rows += len(page.Results)
		if page.Paging["have_next_page"] == false { // the stop condition: is false, nothing else
			break
		}
		path = page.Paging["next"].(string) // RequestPath: the URL as it is
		if _, err := url.ParseRequestURI(path); err != nil || rows > 50 {
			t.Fatalf("next is %q after %d rows", path, rows)
		}
	}
	if rows != 50 {
		t.Errorf("%d rows were read, want 50", rows)
	}
}

func TestTheActivepiecesPieceLaunchesAndReads(t *testing.T) {
	w, flow, done := replays(t)
	c := replay{w, map[string]string{"Authorization": "x-api-key " + w.keys["full"], "x-project-id": w.project}}
	for _, f := range read[[]struct{ UID, Name string }](c, "GET", "/v3/workflows", "") {
		if f.UID == "" || f.Name == "" {
			t.Errorf("the drop-down has an empty entry: %+v", f)
		}
	}
	found := false
	for _, j := range read[[]struct {
		UID       string  `json:"uid"`
		StartTime *string `json:"start_time"`
	}](c, "GET", "/v3/workflows/"+flow+"/jobs", "") {
		found = found || j.UID == done && j.StartTime != nil
	}
	if !found {
		t.Errorf("job %s, which ran, is not in the drop-down with its start time", done)
	}
	if got := read[map[string]any](c, "GET", "/v3/jobs/"+done+"/results", ""); len(got["results"].([]any)) == 0 {
		t.Errorf("results are %v", got)
	}
	c.headers["Content-Type"] = "application/json"
	for _, body := range []string{
		`{"inputs":[],"steps":[]}`,
		`{"job_name":"from a flow","inputs":[{"linkedin_profile_url":"https://www.linkedin.com/in/x"}],"steps":[{"accounts":["a"],
			"accounts_rotation_enabled":false,"parameters":{},"step_uid":"s"}],"delay":5}`,
		`{"job_name":null,"inputs":null,"steps":null,"delay":null}`,
	} {
		if got := read[map[string]any](c, "POST", "/v3/workflows/"+flow+"/schedule", body); got["job_uid"] == nil || got["job_uid"] != got["uid"] {
			t.Errorf("launch %s answers %v", body, got)
		}
	}
}

func TestAConnectorThatSendsNextBackAsTheCursorReadsAll(t *testing.T) {
	w, _, done := replays(t)
	c := replay{w, map[string]string{"X-API-Key": w.keys["full"], "X-Project-Id": w.project, "User-Agent": "connector"}}
	rows, query := 0, ""
	for range 10 {
		page := read[struct {
			Results []json.RawMessage
			Paging  struct {
				Next         string `json:"next"`
				HaveNextPage bool   `json:"have_next_page"`
			}
		}](c, "GET", "/v3/jobs/"+done+"/results"+query, "")
		if rows += len(page.Results); !page.Paging.HaveNextPage || page.Paging.Next == "" {
			break
		}
		query = "?" + url.Values{"cursor": {page.Paging.Next}}.Encode()
	}
	if rows != 50 {
		t.Errorf("%d rows were read, want 50", rows)
	}
}

func TestScriptsLaunchReadTheLastResultsAndRetry(t *testing.T) {
	w, flow, _ := replays(t)
	c := replay{w, map[string]string{"x-api-key": w.keys["full"], "x-project-id": w.project, "Accept": "*/*", "User-Agent": "python-requests/2.31.0"}}
	payload := `{"steps": [{"accounts": ["f8ae1c5b"], "parameters": {"max_results": 10}, "accounts_rotation_enabled": false, "step_uid": "c8cba9c6"}],
		"unstructure_meta": false, "inputs": [{"linkedin_profile_url": "https://www.linkedin.com/in/x"}], "job_name": "Extract"}`
	id := read[map[string]any](c, "POST", "/v3/workflows/"+flow+"/schedule", payload)["uid"].(string)
	if last := read[map[string][]map[string]any](c, "GET", "/v3/workflows/"+flow+"/results/last", ""); len(last["results"]) != 50 || last["results"][0]["profile"] != "p0" {
		t.Errorf("the last results are %v", last)
	}
	failed := `{"inputs":[{"index":0,"status":"failed","error":{"label":"API_TIMEOUT_ERROR"}}]}`
	w.call("POST", "/jobs/"+id+"/inputs/report", failed).must(200)
	if again := read[map[string]any](c, "POST", "/v3/jobs/"+id+"/retry", payload[:len(payload)-1]+`}`); again["status"] != "pending" {
		t.Errorf("after the retry the job is %v", again["status"])
	}
	w.call("POST", "/jobs/"+id+"/inputs/report", failed).must(200)
	if again := read[map[string]any](c, "POST", "/v3/jobs/"+id+"/retry", ""); again["uid"] != id {
		t.Errorf("a retry without a body answers %v", again)
	}
	if never := read[map[string]any](c, "GET", "/v3/workflows/"+w.newFlow()+"/results/last", ""); fmt.Sprint(never["results"]) != "[]" {
		t.Errorf("the last results of a workflow that never ran are %v, want []", never)
	}
	if past := c.send("GET", "/v3/workflows/"+flow+"/jobs?page=7", ""); string(past.body) != "[]\n" {
		t.Errorf("a page past the end is %s, want []", past.body)
	}
}

func TestAKeyScannerTellsGoodKeysFromBad(t *testing.T) {
	w := newWorld(t)
	for key, want := range map[string]int{w.keys["full"]: 200, "hmd_" + strings.Repeat("A", 43): 401} {
		c := replay{w, map[string]string{"Authorization": "x-api-key " + key, "x-project-id": w.project}}
		if a := c.send("GET", "/v3/workspace", ""); a.status != want {
			t.Errorf("GET /workspace answers %d, want %d", a.status, want)
		}
	}
}
