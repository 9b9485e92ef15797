package api

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/delivery"
	"hermod/shared/input"
	"hermod/shared/job"
)

// The whole life of a job: 1,200 inputs, reported in three requests, and the events that it is.
func TestAJobFinishesWithItsLastInput(t *testing.T) {
	w := newWorld(t)
	w.newHook(map[string]any{"payload": "standard"})
	w.clock.Move(time.Second)
	id := w.launch(w.newFlow(), 1200)
	w.clock.Move(time.Second)
	first := w.report(id, 0, 500, map[string]any{"status": "succeeded", "results": []any{1, 2}})
	if got := first["job"].(map[string]any); got["status"] != "running" || len(first["applied"].([]any)) != 500 {
		t.Errorf("after the first report the job is %v, with %d inputs applied", got["status"], len(first["applied"].([]any)))
	}
	w.clock.Move(time.Second)
	w.report(id, 500, 1000, failure("NO_RESULT"))
	w.clock.Move(time.Second)
	got := w.report(id, 1000, 1200, map[string]any{"status": "succeeded", "output_count": 10})["job"].(map[string]any)
	if got["status"] != "finished" || got["row_count"] != 3000.0 || got["total_row_count"] != 3000.0 || got["finish_time"] != "2026-01-31T09:30:04.000Z" ||
		fmt.Sprint(got["counts"]) != "map[failed:500 pending:0 running:0 succeeded:700]" {
		t.Errorf("after its last input the job is %v", got)
	}
	checkEvents(t, w.archive(id), job.EventRequested, job.EventCreated, job.EventSucceeded)
	if again := w.report(id, 1000, 1200, map[string]any{"status": "succeeded", "output_count": 10}); len(again["already"].([]any)) != 200 || len(again["applied"].([]any)) != 0 {
		t.Errorf("the same report again answers %v, want that all was so", again)
	}
	checkEvents(t, w.archive(id), job.EventRequested, job.EventCreated, job.EventSucceeded)
}

func checkEvents(t *testing.T, events []delivery.Event, want ...job.EventType) {
	t.Helper()
	var got []job.EventType
	for _, e := range events {
		got = append(got, e.Type)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// If all inputs failed, why decides between warning and shutdown; payload v3 tells the most frequent label with its first message.
func TestAJobWhoseInputsAllFailedTellsWhy(t *testing.T) {
	for name, row := range map[string]struct {
		labels []string
		status string
		error  string
	}{
		"all in the inputs":        {[]string{"BAD_INPUT", "STATUS_401", "BAD_INPUT"}, "warning", "BAD_INPUT: first of BAD_INPUT"},
		"one in the work":          {[]string{"BAD_INPUT", "BAD_INPUT", "API_TIMEOUT_ERROR"}, "shutdown", "BAD_INPUT: first of BAD_INPUT"},
		"the second label oftener": {[]string{"BAD_INPUT", "PROXY_ERROR", "PROXY_ERROR"}, "shutdown", "PROXY_ERROR: first of PROXY_ERROR"},
		"a label of their own":     {[]string{"MINE"}, "shutdown", "MINE: first of MINE"},
	} {
		w := newWorld(t)
		w.newHook(nil)
		w.clock.Move(time.Second)
		id := w.launch(w.newFlow(), len(row.labels))
		var got map[string]any
		for i, label := range row.labels {
			got = w.report(id, i, i+1, failure(label))["job"].(map[string]any)
		}
		if got["status"] != row.status || got["error_message"] != row.error {
			t.Errorf("%s: the job is %v with %v, want %s with %s", name, got["status"], got["error_message"], row.status, row.error)
		}
		events := w.archive(id)
		checkEvents(t, events, job.EventRequested, job.EventCreated, job.EventFailed)
		if body := string(events[2].Bodies[job.FormatV3]); !strings.Contains(body, fmt.Sprintf(`"error":%q`, row.error)) {
			t.Errorf("%s: payload v3 is %s, want the error %s", name, body, row.error)
		}
	}
}

func TestAReportSaysOfEachInputWhatBecameOfIt(t *testing.T) {
	w := newWorld(t)
	id := w.launch(w.newFlow(), 4)
	w.report(id, 0, 1, succeeded)
	w.report(id, 1, 2, failure("NO_RESULT"))
	got := w.call("POST", "/jobs/"+id+"/inputs/report", map[string]any{"inputs": []any{
		map[string]any{"index": 0, "status": "succeeded"},
		map[string]any{"uid": input.UID(id, 1), "status": "succeeded"},
		map[string]any{"uid": input.UID(id, 2), "status": "running"},
		map[string]any{"index": 3, "status": "succeeded", "error": nil, "results": nil, "output_count": nil},
		map[string]any{"index": 4, "status": "failed"},
	}}).must(200)
	if fmt.Sprint(got["already"]) != "[0]" || fmt.Sprint(got["applied"]) != "[2 3]" {
		t.Errorf("already %v, applied %v; want [0] and [2 3]", got["already"], got["applied"])
	}
	reasons := map[string]bool{}
	for _, r := range got["refused"].([]any) {
		r := r.(map[string]any)
		if reasons[fmt.Sprint(r["index"], " ", r["uid"])] = true; r["reason"] == "" {
			t.Errorf("input %v was refused without a reason", r["index"])
		}
	}
	if want := map[string]bool{"1 " + input.UID(id, 1): true, "4 " + input.UID(id, 4): true}; len(reasons) != 2 || !cmp.Equal(reasons, want) {
		t.Errorf("refused are %v, want %v", reasons, want)
	}
}

func TestInputsOfAJobThatEndedAreNotReported(t *testing.T) {
	w := newWorld(t)
	id := w.launch(w.newFlow(), 2)
	w.call("POST", "/jobs/"+id+"/cancel", nil).must(200)
	got := w.report(id, 0, 1, succeeded)
	if refused := got["refused"].([]any); len(refused) != 1 || !strings.Contains(fmt.Sprint(refused[0]), "stopped") {
		t.Errorf("a report of a stopped job answers %v, want it refused for that", got)
	}
}

// One report, sent many times at once, counts once.
func TestTheSameReportAtOnceCountsOnce(t *testing.T) {
	w := newWorld(t)
	id := w.launch(w.newFlow(), 1000)
	var wg sync.WaitGroup
	for range 4 {
		for first := 0; first < 1000; first += 500 {
			wg.Go(func() {
				var list []map[string]any
				for i := first; i < first+500; i++ {
					list = append(list, map[string]any{"index": i, "status": "succeeded", "results": []int{i}})
				}
				a := w.call("POST", "/jobs/"+id+"/inputs/report", map[string]any{"inputs": list})
				if a.status != 200 {
					if a.refused(inputsBusy); a.header.Get("Retry-After") == "" {
						t.Error("503 has no Retry-After")
					}
				}
			})
		}
	}
	wg.Wait()
	got := w.call("GET", "/jobs/"+id, nil).must(200)
	if got["status"] != "finished" || got["row_count"] != 1000.0 || got["version"] != 3.0 {
		t.Errorf("the job is %v with %v rows at version %v, want finished, 1000, 3", got["status"], got["row_count"], got["version"])
	}
	if rows := bothWays[any](w, "/jobs/"+id+"/results?limit=100"); len(rows) != 1000 {
		t.Errorf("%d rows, want 1000", len(rows))
	}
}

func TestAReportOfInputsIsJudgedByItsFields(t *testing.T) {
	w := newWorld(t)
	id := w.launch(w.newFlow(), 2)
	other := w.launch(w.newFlow(), 2)
	for item, field := range map[string]string{
		`{"status":"running"}`: "inputs[1]",
		`{"index":1,"uid":"` + input.UID(id, 1) + `","status":"failed"}`:                           "inputs[1]",
		`{"uid":"` + input.UID(other, 1) + `","status":"failed"}`:                                  "inputs[1].uid",
		`{"uid":"x","status":"failed"}`:                                                            "inputs[1].uid",
		`{"index":-1,"status":"failed"}`:                                                           "inputs[1].index",
		`{"index":100000,"status":"failed"}`:                                                       "inputs[1].index",
		`{"index":1}`:                                                                              "inputs[1].status",
		`{"index":1,"status":"pending"}`:                                                           "inputs[1].status",
		`{"index":1,"status":"running","error":{"label":"X"}}`:                                     "inputs[1].error",
		`{"index":1,"status":"succeeded","error":{"label":"X"}}`:                                   "inputs[1].error",
		`{"index":1,"status":"failed","results":[1]}`:                                              "inputs[1].results",
		`{"index":1,"status":"failed","output_count":1}`:                                           "inputs[1].output_count",
		`{"index":1,"status":"succeeded","output_count":-1}`:                                       "inputs[1].output_count",
		`{"index":1,"status":"failed","error":{}}`:                                                 "inputs[1].error.label",
		`{"index":1,"status":"failed","error":{"label":""}}`:                                       "inputs[1].error.label",
		`{"index":1,"status":"failed","error":{"label":"X","code":1}}`:                             "inputs[1].error.code",
		`{"index":1,"status":"failed","rows":[]}`:                                                  "inputs[1].rows",
		fmt.Sprintf(`{"index":1,"status":"failed","error":{"label":"%065d"}}`, 0):                  "inputs[1].error.label",
		fmt.Sprintf(`{"index":1,"status":"failed","error":{"label":"X","scope":"%033d"}}`, 0):      "inputs[1].error.scope",
		fmt.Sprintf(`{"index":1,"status":"failed","error":{"label":"X","error_ref":"%0257d"}}`, 0): "inputs[1].error.error_ref",
		fmt.Sprintf(`{"index":1,"status":"failed","error":{"label":"X","params":"%04095d"}}`, 0):   "inputs[1].error.params",
		fmt.Sprintf(`{"index":1,"status":"succeeded","results":["%0131070d","%0131071d"]}`, 0, 0):  "inputs[1].results",
	} {
		w.call("POST", "/jobs/"+id+"/inputs/report", `{"inputs":[{"index":0,"status":"succeeded"},`+item+`]}`).refused(badField, "field", field)
	}
	for _, body := range []string{`{}`, `{"inputs":[]}`, `{"inputs":[` + strings.Repeat(`{"index":0,"status":"running"},`, 500) + `{"index":0,"status":"running"}]}`} {
		w.call("POST", "/jobs/"+id+"/inputs/report", body).refused(badField, "field", "inputs")
	}
	if got := w.stored(id); got.Status != job.Pending {
		t.Errorf("after reports that were refused whole the job is %s, want pending", got.Status)
	}
	w.call("POST", "/jobs/"+id+"/inputs/report", fmt.Sprintf(`{"inputs":[{"index":0,"status":"failed","error":{"label":"%064d","message":"%05000d"}}]}`, 0, 0)).must(200)
	got := w.everyPage("/jobs/" + id + "/inputs?status=failed")[0]["last_error"].(map[string]any)["message"].(string)
	if len(got) != input.MaxMessage || !strings.HasSuffix(got, "…") {
		t.Errorf("a long message is kept with %d bytes, want it cut to %d", len(got), input.MaxMessage)
	}
}

// staleChunks are inputs that somebody else always writes first.
type staleChunks struct{ job.Inputs }

func (staleChunks) PutChunk(context.Context, job.Ref, job.Chunk) error { return job.ErrChunkStale }

func TestAReportThatOthersAlwaysOvertakeIsAskedToComeBack(t *testing.T) {
	w := newWorld(t)
	id := w.launch(w.newFlow(), 1)
	w.config.Inputs = input.New(input.Config{Jobs: w.db.Jobs(), Inputs: staleChunks{w.db.Inputs()}, Now: w.clock.Now})
	w.start()
	a := w.call("POST", "/jobs/"+id+"/inputs/report", `{"inputs":[{"index":0,"status":"succeeded"}]}`)
	if a.refused(inputsBusy); a.status != 503 || a.header.Get("Retry-After") != "1" {
		t.Errorf("the answer is %d with Retry-After %q, want 503 with 1", a.status, a.header.Get("Retry-After"))
	}
}
