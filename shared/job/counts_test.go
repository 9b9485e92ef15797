package job_test

import (
	"errors"
	"testing"

	"hermod/shared/job"
)

func TestTheResultOfAJobIsThatOfItsInputs(t *testing.T) {
	tests := []struct {
		name   string
		counts job.Counts
		status job.Status
		want   error
	}{
		{"no inputs, finished", job.Counts{}, job.Finished, nil},
		{"no inputs, warning", job.Counts{}, job.Warning, nil},
		{"one of two succeeded, finished", job.Counts{Succeeded: 1, Failed: 1}, job.Finished, nil},
		{"one of two succeeded, warning", job.Counts{Succeeded: 1, Failed: 1}, job.Warning, job.ErrResult},
		{"all succeeded, warning", job.Counts{Succeeded: 2}, job.Warning, job.ErrResult},
		{"all failed, warning", job.Counts{Failed: 2}, job.Warning, nil},
		{"all failed, finished", job.Counts{Failed: 2}, job.Finished, job.ErrResult},
		{"all failed, shutdown", job.Counts{Failed: 2}, job.Shutdown, nil},
		{"one succeeded, shutdown", job.Counts{Succeeded: 1, Failed: 1}, job.Shutdown, nil},
		{"one pending, finished", job.Counts{Pending: 1, Succeeded: 5}, job.Finished, job.ErrOpenInputs},
		{"one running, finished", job.Counts{Running: 1, Succeeded: 5}, job.Finished, job.ErrOpenInputs},
		{"one running, warning", job.Counts{Running: 1, Failed: 5}, job.Warning, job.ErrOpenInputs},
		{"open inputs, shutdown", job.Counts{Pending: 1, Running: 1}, job.Shutdown, nil},
		{"open inputs, stopped", job.Counts{Pending: 1, Running: 1}, job.Stopped, nil},
		{"open inputs, paused", job.Counts{Pending: 1, Running: 1}, job.Paused, nil},
	}
	for _, test := range tests {
		j := at(t, job.Running)
		c := test.counts
		j.Inputs, j.Totals = c.Total(), job.Totals{Running: c.Running, Succeeded: c.Succeeded, Failed: c.Failed}
		_, changed, err := j.Apply(job.Update{Status: test.status}, j.UpdatedAt)
		if !errors.Is(err, test.want) || changed != (test.want == nil) {
			t.Errorf("%s: Apply = changed %v, %v, want %v", test.name, changed, err, test.want)
		}
	}
}

func TestCountsAddUp(t *testing.T) {
	c := job.Counts{Pending: 1, Running: 2, Succeeded: 4, Failed: 8}
	if c.Total() != 15 || c.Open() != 3 {
		t.Errorf("Total, Open of %+v = %d, %d, want 15, 3", c, c.Total(), c.Open())
	}
}
