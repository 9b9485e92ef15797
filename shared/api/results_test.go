package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/job"
)

func TestResultsAreReadAsTheyWereReported(t *testing.T) {
	w := newWorld(t)
	id := w.launch(w.newFlow(), 700)
	var want []any
	for first := 0; first < 700; first += 350 {
		var list []map[string]any
		for i := first; i < first+350; i++ {
			rows := []any{}
			for n := range i % 3 {
				rows = append(rows, map[string]any{"input": float64(i), "row": float64(n), "text": "<ü>"})
			}
			want = append(want, rows...)
			list = append(list, map[string]any{"index": i, "status": "succeeded", "results": rows})
		}
		w.call("POST", "/jobs/"+id+"/inputs/report", map[string]any{"inputs": list}).must(200)
		if got := bothWays[any](w, "/jobs/"+id+"/results?limit=33"); len(got) != len(want) {
			t.Errorf("after %d inputs there are %d rows, want %d: they are readable before the job ends", first+350, len(got), len(want))
		}
	}
	sorted := func(rows []any) (texts map[string]int) {
		texts = map[string]int{}
		for _, r := range rows {
			texts[fmt.Sprint(r)]++
		}
		return texts
	}
	if diff := cmp.Diff(sorted(want), sorted(bothWays[any](w, "/jobs/"+id+"/results?limit=100"))); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if got := w.call("GET", "/jobs/"+id, nil).must(200); got["row_count"] != float64(len(want)) {
		t.Errorf("row_count is %v, want %d", got["row_count"], len(want))
	}
}

func TestAPageOfLongRowsIsShort(t *testing.T) {
	w := newWorld(t)
	id := w.launch(w.newFlow(), 40)
	for i := range 40 {
		w.report(id, i, i+1, map[string]any{"status": "succeeded", "results": []any{strings.Repeat(`"`, 120_000)}})
	}
	first := w.call("GET", "/jobs/"+id+"/results?limit=100", nil)
	text, err := json.Marshal(string(first.body))
	w.noError(err)
	if got := bothWays[any](w, "/jobs/"+id+"/results?limit=100"); len(got) != 40 || len(text) > 6<<20 {
		t.Errorf("%d rows were read, of which the first page is %d bytes as a text; want 40, and at most 6 MB", len(got), len(text))
	}
}

func TestTheLastResultsAreThoseOfTheNewestFinishedJob(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	path := "/workflows/" + flow + "/results/last"
	if a := w.call("GET", path, nil); string(a.body) != `{"results":[]}`+"\n" {
		t.Errorf("a workflow that never ran answers %s", a.body)
	}
	run := func(row string) {
		w.clock.Move(time.Minute)
		w.report(w.launch(flow, 1), 0, 1, map[string]any{"status": "succeeded", "results": []any{row}})
	}
	run("first")
	run("second")
	w.newJob(flow, job.Running)
	w.report(w.launch(flow, 1), 0, 1, failure("BAD_INPUT"))
	w.report(w.launch(w.newFlow(), 1), 0, 1, map[string]any{"status": "succeeded", "results": []any{"another workflow's"}})
	if got := w.call("GET", path, nil).must(200)["results"]; fmt.Sprint(got) != "[second]" {
		t.Errorf("the last results are %v, want those of the second run", got)
	}
	w.newJob(flow, job.Running, job.Finished)
	if got := w.call("GET", path, nil).must(200)["results"]; fmt.Sprint(got) != "[]" {
		t.Errorf("the last results are %v, want none: the last job had no inputs", got)
	}
	w.call("GET", path, nil, as("other")).refused(notFound)
}

// What one answer cannot hold is read on as the job's own results.
func TestTheLastResultsLeadToTheRest(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	id := w.launch(flow, 13)
	rows := make([]int, 500)
	for i := range 13 {
		w.report(id, i, i+1, map[string]any{"status": "succeeded", "results": rows})
	}
	a := w.call("GET", "/workflows/"+flow+"/results/last", nil)
	var p page[any]
	a.must(200)
	w.noError(json.Unmarshal(a.body, &p))
	if len(p.Results) != maxLastRows || p.Paging.Next == nil || !strings.Contains(*p.Paging.Next, "/v3/jobs/"+id+"/results?") {
		t.Fatalf("the last results are %d rows, then %v; want %d and a page of the job's", len(p.Results), p.Paging.Next, maxLastRows)
	}
	n := len(p.Results)
	for p.Paging.Next != nil {
		a := w.raw("GET", *p.Paging.Next, nil)
		a.must(200)
		p = page[any]{}
		w.noError(json.Unmarshal(a.body, &p))
		n += len(p.Results)
	}
	if n != 6500 {
		t.Errorf("%d rows were read, want 6500", n)
	}
}
