package scenario

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

// reported is how many inputs an executor reports at a time while it is disturbed: fewer than a chunk, so that several write the same one.
const reported = 40

// CrashInputs reports a job's inputs from several executors while the service is killed so many times, each repeating a report until it
// is answered, and checks that every input and every row counts once, and that the job finishes, and says so, exactly once.
func CrashInputs(t *testing.T, g Target, inputs, kills int) {
	r, workflow := newReceiver(t), g.workflow(t)
	g.webhook(t, object{"url": r.URL, "events": []string{"created", "succeeded", "failed"}, "workflow_uid": workflow, "secret": secret,
		"payload": "standard", "retry_schedule": []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}})
	job := g.launchInputs(t, workflow, inputs)
	work := make(chan int)
	var executors sync.WaitGroup
	for range 4 {
		executors.Go(func() {
			for first := range work {
				g.until(t, fmt.Sprintf("report of %d answered", first), func() bool {
					_, err := g.call("POST", "/jobs/"+job+"/inputs/report", object{"inputs": numbered(first, min(first+reported, inputs))}, nil)
					return err == nil
				})
			}
		})
	}
	reports := (inputs + reported - 1) / reported
	for n := range reports {
		work <- n * reported
		if n > 0 && n%(reports/(kills+1)) == 0 && n/(reports/(kills+1)) <= kills {
			g.Crash(t)
		}
	}
	close(work)
	executors.Wait()
	g.totals(t, job, fmt.Sprintf("finished, map[failed:0 pending:0 running:0 succeeded:%d], %d rows", inputs, inputs))
	var numbers []int
	for _, row := range rows[struct{ N int }](t, g, "/jobs/"+job+"/results?limit=100") {
		numbers = append(numbers, row.N)
	}
	if slices.Sort(numbers); !slices.Equal(numbers, upTo(inputs)) {
		t.Errorf("there are %d rows of results, want those of %d inputs, each once", len(numbers), inputs)
	}
	g.until(t, "the event of the finish", func() bool { return len(finishes(r.got(t))) > 0 })
	if ids := finishes(r.got(t)); len(ids) != 1 {
		t.Errorf("the job told %d times that it succeeded: %v", len(ids), ids)
	}
}

// numbered are outcomes with one result each, the number of its input.
func numbered(first, last int) []object {
	list := outcomes(first, last, object{"status": "succeeded"})
	for _, o := range list {
		o["results"] = []object{{"n": o["index"]}}
	}
	return list
}

// finishes are the webhook-ids of the events that tell of success.
func finishes(arrivals []arrival) (ids []string) {
	for _, a := range arrivals {
		if a.Fields["type"] == "job.succeeded" && !slices.Contains(ids, a.ID) {
			ids = append(ids, a.ID)
		}
	}
	return ids
}
