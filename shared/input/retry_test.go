package input_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/input"
	"hermod/shared/job"
)

const (
	wouldAgain = "errors of this class would come again: force sends such inputs back nevertheless"
	notFailed  = "they have not failed: only failed inputs are sent back"
)

// partly returns a job that finished: input 0 succeeded, 1 and 600 may be retried, 2 and 601 after a refresh, 3 and 602 may not.
func (r *rig) partly() job.Job {
	j := r.prepared(603)
	reports := reportsOf(4, 600, succeeded(0))
	reports = append(reports, succeeded(0, `"row"`), failed(1, "STATUS_429", "slow"), failed(2, "LK_BAD_COOKIE", "old"), failed(3, "STATUS_404", "gone"),
		failed(600, "STATUS_429", "slow"), failed(601, "LK_BAD_COOKIE", "old"), failed(602, "STATUS_404", "gone"))
	for len(reports) > 0 {
		n := min(len(reports), input.MaxReport)
		r.report(j, reports[:n]...)
		reports = reports[n:]
	}
	if j = r.job(j); j.Status != job.Finished {
		r.T.Fatalf("the job is %s, want finished", j.Status)
	}
	return j
}

func TestARetrySendsBackWhatMayBeSentBack(t *testing.T) {
	gone := func(n int) input.Left { return input.Left{Label: "STATUS_404", Count: n, Reason: wouldAgain} }
	tests := []struct {
		name string
		sel  input.Selection
		back []int
		left []input.Left
	}{
		{"all", input.Selection{}, []int{1, 2, 600, 601}, []input.Left{gone(2)}},
		{"all by force", input.Selection{Force: true}, []int{1, 2, 3, 600, 601, 602}, nil},
		{"one label", input.Selection{Labels: []string{"LK_BAD_COOKIE"}}, []int{2, 601}, nil},
		{"labels, one of them not to be retried", input.Selection{Labels: []string{"LK_BAD_COOKIE", "STATUS_404"}}, []int{2, 601}, []input.Left{gone(2)}},
		{"indexes", input.Selection{Indexes: []int{602, 1, 0, 601, 1}}, []int{1, 601}, []input.Left{{Count: 1, Reason: notFailed}, gone(1)}},
		{"indexes of one chunk", input.Selection{Indexes: []int{600}}, []int{600}, nil},
		{"indexes by force", input.Selection{Indexes: []int{602, 3}, Force: true}, []int{3, 602}, nil},
		{"indexes and labels", input.Selection{Indexes: []int{1, 2, 3}, Labels: []string{"STATUS_429"}}, []int{1}, nil},
		{"indexes that there are not", input.Selection{Indexes: []int{1, 603, -1}}, []int{1}, []input.Left{{Count: 2, Reason: "the job has 603 inputs: indexes are 0 to 602"}}},
	}
	for _, test := range tests {
		r := newRig(t)
		j := r.partly()
		got, err := r.service.Retry(t.Context(), j.Project, j.UID, test.sel)
		if err != nil || got.Count != len(test.back) {
			t.Errorf("%s: Retry sends %d back, %v, want %d", test.name, got.Count, err, len(test.back))
			continue
		}
		if diff := cmp.Diff(test.left, got.Left); diff != "" {
			t.Errorf("%s: left (-want +got):\n%s", test.name, diff)
		}
		if diff := cmp.Diff(r.job(j), got.Job); diff != "" || got.Job.Status != job.Pending || got.Job.Retries != 1 {
			t.Errorf("%s: the job is %s, retried %d times, want pending, once (-stored +returned):\n%s", test.name, got.Job.Status, got.Job.Retries, diff)
		}
		var back []int
		for _, in := range r.list(j, input.Query{Status: input.Pending}) {
			back = append(back, in.Index)
			if in.Retries != 1 || in.LastError == nil || in.LastError.Message == "" || !in.StartedAt.IsZero() || !in.FinishedAt.IsZero() {
				t.Errorf("%s: input %d is sent back as %+v", test.name, in.Index, in)
			}
		}
		if diff := cmp.Diff(test.back, back); diff != "" {
			t.Errorf("%s: sent back (-want +got):\n%s", test.name, diff)
		}
		if c := got.Job.Counts(); c.Pending != len(test.back) || c.Total() != 603 {
			t.Errorf("%s: the job counts %+v, want %d pending of 603", test.name, c, len(test.back))
		}
	}
}

func TestARetryThatFindsNothingSaysWhy(t *testing.T) {
	tests := []struct {
		name string
		sel  input.Selection
		left []input.Left
	}{
		{"not to be retried", input.Selection{Labels: []string{"STATUS_404"}}, []input.Left{{Label: "STATUS_404", Count: 2, Reason: wouldAgain}}},
		{"a label that there is not", input.Selection{Labels: []string{"STATUS_500"}}, nil},
		{"inputs that did not fail", input.Selection{Indexes: []int{0, 4}}, []input.Left{{Count: 2, Reason: notFailed}}},
		{"indexes that there are not", input.Selection{Indexes: []int{1000}}, []input.Left{{Count: 1, Reason: "the job has 603 inputs: indexes are 0 to 602"}}},
		{"no indexes", input.Selection{Indexes: []int{}}, nil},
	}
	r := newRig(t)
	j := r.partly()
	for _, test := range tests {
		_, err := r.service.Retry(t.Context(), j.Project, j.UID, test.sel)
		var nothing *input.NothingError
		if !errors.As(err, &nothing) {
			t.Errorf("%s: Retry = %v, want a NothingError", test.name, err)
			continue
		}
		if diff := cmp.Diff(test.left, nothing.Left); diff != "" {
			t.Errorf("%s: left (-want +got):\n%s", test.name, diff)
		}
	}
	if diff := cmp.Diff(j, r.job(j)); diff != "" {
		t.Errorf("the job has changed (-before +after):\n%s", diff)
	}
}

// A selection is not widened: what is open besides it is no reason to send a job back.
func TestASelectionDecidesWhetherAJobWithOpenInputsGoesBack(t *testing.T) {
	tests := []struct {
		name string
		sel  input.Selection
		ok   bool
	}{
		{"no selection", input.Selection{}, true},
		{"an open input", input.Selection{Indexes: []int{1}}, true},
		{"an input that was sent back", input.Selection{Indexes: []int{2}}, true},
		{"the label of an input that was sent back", input.Selection{Labels: []string{"STATUS_429"}}, true},
		{"a label that may not be retried", input.Selection{Labels: []string{"STATUS_404"}}, false},
		{"the same, by force", input.Selection{Labels: []string{"STATUS_404"}, Force: true}, true},
		{"an input that may not be retried", input.Selection{Indexes: []int{0}}, false},
	}
	for _, test := range tests {
		r := newRig(t)
		j := r.prepared(3)
		r.report(j, failed(0, "STATUS_404", "gone"), failed(2, "STATUS_429", "slow"))
		j = r.update(r.job(j), job.Shutdown)
		if _, err := r.service.Retry(t.Context(), j.Project, j.UID, input.Selection{}); err != nil {
			t.Fatal(err)
		}
		j = r.update(r.job(j), job.Running, job.Stopped) // 0 has failed, 1 is open, 2 was sent back
		_, err := r.service.Retry(t.Context(), j.Project, j.UID, test.sel)
		var nothing *input.NothingError
		if test.ok != (err == nil) || !test.ok && !errors.As(err, &nothing) {
			t.Errorf("%s: Retry = %v, want it sent back: %v", test.name, err, test.ok)
		}
	}
}

func TestAJobWhoseListIsOpenGoesBackAsAWhole(t *testing.T) {
	r := newRig(t)
	j := r.prepared(0)
	if _, err := r.service.Append(t.Context(), j.Project, j.UID, 0, numbered(0, 2), false); err != nil {
		t.Fatal(err)
	}
	r.report(j, succeeded(0), succeeded(1))
	j = r.update(r.job(j), job.Shutdown)
	var nothing *input.NothingError
	if _, err := r.service.Retry(t.Context(), j.Project, j.UID, input.Selection{Indexes: []int{0}}); !errors.As(err, &nothing) {
		t.Errorf("Retry of an input that succeeded = %v, want a NothingError", err)
	}
	if got, err := r.service.Retry(t.Context(), j.Project, j.UID, input.Selection{}); err != nil || got.Job.Status != job.Pending {
		t.Errorf("Retry of a job whose list is open = %s, %v, want pending: more inputs may come", got.Job.Status, err)
	}
}

// An answer must stay small, whatever inputs have failed for.
func TestARetryTellsOfAHundredLabels(t *testing.T) {
	r := newRig(t)
	j := r.prepared(300)
	for i := range 300 {
		r.report(j, input.Report{Index: i, Status: input.Failed, Error: &input.Error{Label: fmt.Sprint("LABEL_", i), Scope: "input"}})
	}
	_, err := r.service.Retry(t.Context(), j.Project, j.UID, input.Selection{})
	var nothing *input.NothingError
	if !errors.As(err, &nothing) || len(nothing.Left) != 101 {
		t.Fatalf("Retry = %v, want it to tell of 100 labels and of the rest", err)
	}
	if last := nothing.Left[100]; last.Label != "" || last.Count != 200 {
		t.Errorf("the rest is told as %+v, want 200 inputs", last)
	}
}

func TestWhetherAJobIsSentBackDependsOnItsStatus(t *testing.T) {
	tests := []struct {
		inputs int
		along  []job.Status
		ok     bool
	}{
		{0, []job.Status{job.Running, job.Finished}, true},
		{0, []job.Status{job.Shutdown}, true},
		{0, []job.Status{job.Running}, false},
		{0, nil, false},
		{2, []job.Status{job.Shutdown}, true},
		{2, []job.Status{job.Running, job.Stopped}, true},
		{2, []job.Status{job.Paused}, true},
		{2, []job.Status{job.Running}, false},
		{2, nil, false},
	}
	for _, test := range tests {
		r := newRig(t)
		j := r.update(r.prepared(test.inputs), test.along...)
		got, err := r.service.Retry(t.Context(), j.Project, j.UID, input.Selection{})
		var refused *job.TransitionError
		if test.ok != (err == nil) || !test.ok && !errors.As(err, &refused) {
			t.Errorf("Retry of a job with %d inputs that went %v = %v, want it sent back: %v", test.inputs, test.along, err, test.ok)
		}
		if err == nil && (got.Job.Status != job.Pending || got.Count != 0) {
			t.Errorf("Retry of a job with %d inputs that went %v = %s with %d inputs, want pending with none", test.inputs, test.along, got.Job.Status, got.Count)
		}
	}
}

func TestARetriedJobFinishesAgain(t *testing.T) {
	r := newRig(t)
	j := r.partly()
	for try := 1; try <= 2; try++ {
		if _, err := r.service.Retry(t.Context(), j.Project, j.UID, input.Selection{Labels: []string{"STATUS_429"}}); err != nil {
			t.Fatal(err)
		}
		got := r.report(j, failed(1, "STATUS_429", fmt.Sprint("slow again ", try)), failed(600, "STATUS_429", ""))
		if got.Job.Status != job.Finished || got.Job.Retries != try {
			t.Errorf("the job is %s after retry %d, want finished", got.Job.Status, got.Job.Retries)
		}
		in := r.input(j, 1)
		if in.Retries != try || in.LastError.Message != fmt.Sprint("slow again ", try) {
			t.Errorf("input 1 is %+v after retry %d", in, try)
		}
		if e := r.input(j, 600).LastError; e.Label != "STATUS_429" || e.Message != "" {
			t.Errorf("the error of input 600 is %+v, want that of the last report", e)
		}
	}
	if _, err := r.service.Retry(t.Context(), j.Project, j.UID, input.Selection{Indexes: []int{1}}); err != nil {
		t.Fatal(err)
	}
	r.report(j, succeeded(1, `"late"`))
	if in := r.input(j, 1); in.LastError != nil || in.Retries != 3 || in.Outputs != 1 {
		t.Errorf("input 1 is %+v once it succeeded, want no error any more", in)
	}
	if rows := r.results(j, 1); len(rows) != 2 {
		t.Errorf("%d rows, want 2: %v", len(rows), rows)
	}
}

func TestARetryThatLosesIsDecidedAgain(t *testing.T) {
	r := newRig(t)
	j := r.partly()
	var theirs input.Retried
	r.seam.putChunk = func(put func() error) (err error) {
		r.seam.putChunk = nil
		if theirs, err = r.service.Retry(t.Context(), j.Project, j.UID, input.Selection{Labels: []string{"STATUS_429"}}); err != nil {
			t.Error(err)
		}
		return put()
	}
	ours, err := r.service.Retry(t.Context(), j.Project, j.UID, input.Selection{})
	if err != nil || theirs.Count != 2 || ours.Count != 2 {
		t.Errorf("two retries at once send %d and %d back, %v, want 2 and 2", theirs.Count, ours.Count, err)
	}
	if got := r.job(j); got.Status != job.Pending || got.Retries != 1 {
		t.Errorf("the job is %s, sent back %d times, want pending, once", got.Status, got.Retries)
	}
	if n := len(r.list(j, input.Query{Status: input.Pending})); n != 4 {
		t.Errorf("%d inputs are pending, want 4", n)
	}
}

// What was sent back of a paused job may be reported before the job is.
func TestAJobIsNotSentBackWithoutOpenInputs(t *testing.T) {
	r := newRig(t)
	j := r.prepared(2)
	r.report(j, succeeded(0), input.Report{Index: 1, Status: input.Running})
	j = r.update(j, job.Paused)
	r.report(j, failed(1, "STATUS_429", ""))
	r.seam.putChunk = func(put func() error) error {
		r.seam.putChunk = nil
		err := put()
		r.report(j, succeeded(1))
		return err
	}
	got, err := r.service.Retry(t.Context(), j.Project, j.UID, input.Selection{})
	if err != nil || got.Count != 1 || got.Job.Status != job.Paused {
		t.Errorf("Retry = %s with %d inputs, %v, want it paused with 1", got.Job.Status, got.Count, err)
	}
}
