package scenario

import (
	"fmt"
	"maps"
	"testing"
)

// inputs launches a job with 1,200 inputs and reports them in batches: its totals follow while it runs, it finishes by itself, and its
// event has exact counts. Some failed; a retry is an event too, and after it the job finishes again.
func inputs(t *testing.T, g Target) {
	r, workflow := newReceiver(t), g.workflow(t)
	g.webhook(t, object{
		"url": r.URL, "events": []string{"requested", "succeeded"}, "workflow_uid": workflow, "secret": secret, "payload": "standard",
	})
	job := g.launchInputs(t, workflow, 1200)
	report := func(first, last int, fields object) {
		t.Helper()
		g.must(t, "POST", "/jobs/"+job+"/inputs/report", object{"inputs": outcomes(first, last, fields)}, nil)
	}
	report(0, 500, object{"status": "succeeded", "output_count": 2})
	report(500, 1000, object{"status": "succeeded", "results": []int{1}})
	report(1000, 1100, object{"status": "running"})
	g.totals(t, job, "running, map[failed:0 pending:100 running:100 succeeded:1000], 1500 rows")
	for range 2 {
		report(1000, 1100, object{"status": "failed", "error": object{"label": "API_TIMEOUT_ERROR"}})
	}
	report(1100, 1200, object{"status": "failed", "error": object{"label": "BAD_INPUT"}})
	r.wait(t, g, "job.succeeded", 1, "map[failed:200 pending:0 running:0 succeeded:1000]")
	g.totals(t, job, "finished, map[failed:200 pending:0 running:0 succeeded:1000], 1500 rows")

	var back struct {
		Retried int
		Left    []struct {
			Label string
			Count int
		}
	}
	g.must(t, "POST", "/jobs/"+job+"/retry", object{}, &back)
	if back.Retried != 100 || len(back.Left) != 1 || back.Left[0].Label != "BAD_INPUT" || back.Left[0].Count != 100 {
		t.Errorf("a retry sends back and leaves %+v, want 100 and the 100 with BAD_INPUT", back)
	}
	r.wait(t, g, "job.requested", 2, "map[failed:100 pending:100 running:0 succeeded:1000]")
	report(1000, 1100, object{"status": "succeeded", "results": []int{3}})
	r.wait(t, g, "job.succeeded", 2, "map[failed:100 pending:0 running:0 succeeded:1100]")
	if n := len(rows[any](t, g, "/jobs/"+job+"/results?limit=100")); n != 600 {
		t.Errorf("the job has %d results, want the 600 that were reported", n)
	}
	if n := len(rows[any](t, g, "/jobs/"+job+"/inputs?limit=100&status=failed&retryable=false")); n != 100 {
		t.Errorf("%d inputs failed for good, want 100", n)
	}
}

// launchInputs launches a job with so many inputs.
func (g Target) launchInputs(t testing.TB, workflow string, inputs int) (job string) {
	t.Helper()
	var launched struct {
		JobUID string `json:"job_uid"`
		Inputs int    `json:"number_inputs"`
	}
	g.must(t, "POST", "/workflows/"+workflow+"/schedule", object{"job_name": t.Name(), "inputs": upTo(inputs)}, &launched)
	if launched.Inputs != inputs {
		t.Fatalf("the job has %d inputs, want %d", launched.Inputs, inputs)
	}
	return launched.JobUID
}

// totals waits until the job's status and totals are as wanted.
func (g Target) totals(t testing.TB, job, want string) {
	t.Helper()
	var got struct {
		Status string
		Counts map[string]int
		Rows   int `json:"total_row_count"`
	}
	is := "never read"
	defer func() {
		if is != want {
			t.Logf("the job is %s", is)
		}
	}()
	g.until(t, "a job that is "+want, func() bool {
		if _, err := g.call("GET", "/jobs/"+job, nil, &got); err != nil {
			return false
		}
		is = fmt.Sprintf("%s, %v, %d rows", got.Status, got.Counts, got.Rows)
		return is == want
	})
}

// wait waits for the nth event of a type, and checks the counts of the last one.
func (r *receiver) wait(t testing.TB, g Target, event string, n int, counts string) {
	t.Helper()
	events := map[string]object{} // by id: one may arrive twice
	last, lastID := -1, ""
	g.until(t, fmt.Sprintf("%s number %d", event, n), func() bool {
		for _, a := range r.got(t) {
			data := a.Fields["data"].(object)
			if a.Fields["type"] != event {
				continue
			}
			if sequence := int(data["sequence"].(float64)); sequence > last {
				last, lastID = sequence, a.ID
			}
			events[a.ID] = data
		}
		return len(events) == n
	})
	if got := fmt.Sprint(events[lastID]["counts"]); got != counts {
		t.Errorf("%s number %d has the counts %s, want %s", event, n, got, counts)
	}
}

// outcomes are reports of the same about the inputs from first to before last.
func outcomes(first, last int, fields object) []object {
	list := make([]object, 0, last-first)
	for i := first; i < last; i++ {
		one := maps.Clone(fields)
		one["index"] = i
		list = append(list, one)
	}
	return list
}

// upTo are the numbers below n. As inputs, they are as good as any.
func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
