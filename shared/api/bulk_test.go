package api

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"hermod/shared/job"
)

func TestManyUpdatesAreAnsweredOneByOne(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	a, b, c := w.newJob(flow), w.newJob(flow, job.Running), w.launch(flow, 1)
	foreign := w.call("POST", "/workflows/"+w.call("POST", "/workflows", `{"name":"x"}`, as("other")).must(201)["uid"].(string)+"/schedule", nil, as("other")).
		must(200)["uid"].(string)
	w.report(c, 0, 1, failure("BAD_INPUT"))
	got := w.call("POST", "/jobs/status", map[string]any{"updates": []any{
		map[string]any{"uid": a, "status": "running"},
		map[string]any{"uid": b, "status": "shutdown", "error_message": "out of memory", "version": 2},
		map[string]any{"uid": a, "status": "finished"},
		map[string]any{"uid": b, "status": "running"},
		map[string]any{"uid": a, "status": "finished", "version": 1},
		map[string]any{"uid": foreign, "status": "running"},
		map[string]any{"uid": c, "status": "warning", "error_message": nil},
	}})
	type result struct {
		UID        string
		StatusCode int `json:"status_code"`
		Job        *job.Record
		Error      *report
	}
	var answer struct{ Results []result }
	got.must(200)
	w.noError(json.Unmarshal(got.body, &answer))
	want := []struct {
		uid    string
		status int
		is     string // the job's status, or the error's label
	}{{a, 200, "running"}, {b, 200, "shutdown"}, {a, 200, "finished"}, {b, 409, "ILLEGAL_TRANSITION"}, {a, 409, "STALE_VERSION"}, {foreign, 404, "NOT_FOUND"}, {c, 200, "warning"}}
	if len(answer.Results) != len(want) {
		t.Fatalf("%d results, want %d", len(answer.Results), len(want))
	}
	for i, r := range answer.Results {
		is := ""
		if r.Job != nil {
			is = string(r.Job.Status)
		}
		if r.Error != nil {
			if is += string(r.Error.Label); r.Error.Status != r.StatusCode || r.Error.Ref != got.header.Get("X-Request-Id") {
				t.Errorf("update %d: the error is %+v", i, r.Error)
			}
		}
		if r.UID != want[i].uid || r.StatusCode != want[i].status || is != want[i].is {
			t.Errorf("update %d is answered %d %s for %s, want %d %s for %s", i, r.StatusCode, is, r.UID, want[i].status, want[i].is, want[i].uid)
		}
	}
	if j := w.stored(b); j.Error != "out of memory" {
		t.Errorf("error_message is %q", j.Error)
	}
}

func TestManyUpdatesAreJudgedByTheirFields(t *testing.T) {
	w := newWorld(t)
	id := w.newJob(w.newFlow())
	one := `{"uid":"` + id + `","status":"running"}`
	for body, field := range map[string]string{
		`{}`: "updates", `{"updates":[]}`: "updates", `{"updates":[` + strings.Repeat(one+",", 100) + one + `]}`: "updates",
		`{"updates":[` + one + `,{"uid":"` + id + `","status":"running","x":1}]}`: "updates[1].x",
		`{"updates":[` + one + `,{"status":"running"}]}`:                          "updates[1].uid",
		`{"updates":[{"uid":"x","status":"running"}]}`:                            "updates[0].uid",
		`{"updates":[{"uid":"` + id + `"}]}`:                                      "updates[0].status",
		`{"updates":[{"uid":"` + id + `","status":"done"}]}`:                      "updates[0].status",
	} {
		w.call("POST", "/jobs/status", body).refused(badField, "field", field)
	}
	if j := w.stored(id); j.Status != job.Pending {
		t.Errorf("after updates that were refused whole the job is %s, want pending", j.Status)
	}
}

// A hundred jobs, each of which is launched with as much configuration as there may be, are no answer that nothing can carry.
func TestAHundredUpdatesAtOnce(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	var updates []map[string]any
	for range 100 {
		id := w.call("POST", "/workflows/"+flow+"/schedule", `{"unstructure_meta":"`+strings.Repeat("x", 200_000)+`"}`).must(200)["uid"]
		updates = append(updates, map[string]any{"uid": id, "status": "running"})
	}
	a := w.call("POST", "/jobs/status", map[string]any{"updates": updates})
	if n := strings.Count(string(a.body), `"status":"running"`); a.status != 200 || n != 100 || len(a.body) > 1<<20 {
		t.Errorf("the answer is %d with %d running jobs in %d bytes, want 200, 100 and less than 1 MB", a.status, n, len(a.body))
	}
	if got := w.call("GET", fmt.Sprint("/jobs/", updates[7]["uid"]), nil).must(200); len(got["configuration"].(map[string]any)) != 1 {
		t.Errorf("the configuration is gone: %v", got["configuration"])
	}
}

// someBroken are jobs of which one cannot be read.
type someBroken struct {
	job.Store
	uid string
}

func (s someBroken) Get(ctx context.Context, project, uid string) (job.Job, error) {
	if uid == s.uid {
		return job.Job{}, busyError{}
	}
	return s.Store.Get(ctx, project, uid)
}

func TestOneUpdateThatFailsIsOneOfMany(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	a, b := w.newJob(flow), w.newJob(flow)
	w.config.Jobs = someBroken{w.config.Jobs, a}
	w.start()
	body := `{"updates":[{"uid":"` + a + `","status":"running"},{"uid":"` + b + `","status":"running"}]}`
	got := w.call("POST", "/jobs/status", body).must(200)["results"].([]any)
	if first, second := got[0].(map[string]any), got[1].(map[string]any); first["status_code"] != 503.0 || second["status_code"] != 200.0 {
		t.Errorf("results are %v, want 503 and 200", got)
	}
	alone := w.call("POST", "/jobs/status", `{"updates":[{"uid":"`+a+`","status":"running"}]}`)
	if alone.refused(outOfReach); alone.header.Get("Retry-After") == "" {
		t.Error("updates of which none could be carried out are answered without Retry-After")
	}
	w.server.Close()
	if log := w.log.String(); !strings.Contains(log, `"one of many updates"`) || strings.Contains(string(alone.body), "secret") {
		t.Errorf("the log has no line of the update that failed, or the answer tells of it: %s", alone.body)
	}
}

func TestAPanicInOneOfManyIsTold(t *testing.T) {
	w := newWorld(t)
	w.config.Jobs = failing{Store: w.config.Jobs}
	w.start()
	a := w.call("POST", "/jobs/status", `{"updates":[{"uid":"0197f39e-0000-7e6f-9071-829304152637","status":"running"}]}`)
	a.refused(internalError)
	w.server.Close()
	if log := w.log.String(); !strings.Contains(log, "failing.Get") || strings.Contains(string(a.body), "secret") {
		t.Errorf("the answer is %s, and the log has no stack: %s", a.body, log)
	}
}
