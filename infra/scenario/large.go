package scenario

import (
	"fmt"
	"testing"
)

// batch is how many inputs are reported at a time: a chunk of them, if the first of each is aligned.
const batch = 500

// Large is a job of many inputs, each of which succeeds with one output.
type Large struct {
	target Target
	job    string
	inputs int
}

// NewLarge launches a job with so many inputs.
func NewLarge(t testing.TB, g Target, inputs int) *Large {
	t.Helper()
	return &Large{target: g, job: g.launchInputs(t, g.workflow(t), inputs), inputs: inputs}
}

// Reports is how many reports there are to make.
func (l *Large) Reports() int { return (l.inputs + batch - 1) / batch }

// Report makes the nth of them, and checks that all of it was taken.
func (l *Large) Report(t testing.TB, n int) {
	t.Helper()
	inputs := outcomes(n*batch, min((n+1)*batch, l.inputs), object{"status": "succeeded", "output_count": 1})
	var got struct{ Applied []int }
	l.target.must(t, "POST", "/jobs/"+l.job+"/inputs/report", object{"inputs": inputs}, &got)
	if len(got.Applied) != len(inputs) {
		t.Fatalf("report %d: %d of %d inputs were taken", n, len(got.Applied), len(inputs))
	}
}

// Finished waits until the job has finished by itself, and every input counts.
func (l *Large) Finished(t testing.TB) {
	t.Helper()
	l.target.totals(t, l.job, fmt.Sprintf("finished, map[failed:0 pending:0 running:0 succeeded:%d], %d rows", l.inputs, l.inputs))
}
