package storetest

import (
	"errors"
	"testing"

	"hermod/shared/input"
	"hermod/shared/job"
)

// untilNotBusy repeats a request as its client would.
func untilNotBusy(do func() error) (err error) {
	for range 50 {
		if err = do(); !errors.Is(err, input.ErrBusy) {
			return err
		}
	}
	return err
}

func inputSameReports(t *testing.T, w *inputWorld, c *Clock) {
	const reporters = 16
	j := preparedJob(30)(t, w, c)
	reports := outcomesOf(fromTo(0, 30)...)
	applied := 0
	for i, out := range atOnce(reporters, func(int) (out input.Reported) {
		err := untilNotBusy(func() (err error) {
			out, err = w.service.Report(t.Context(), j.Project, j.UID, reports)
			return err
		})
		if err != nil || len(out.Refused) > 0 {
			t.Errorf("Report = %v, %d refused, want nil, none", err, len(out.Refused))
		}
		return out
	}) {
		applied += len(out.Applied)
		if n := len(out.Applied) + len(out.Already); n != 30 {
			t.Errorf("report %d answers for %d inputs, want 30", i, n)
		}
	}
	if applied != 30 {
		t.Errorf("%d inputs are said to have changed, want 30", applied)
	}
	w.wantFinished(t, j, job.Counts{Succeeded: 20, Failed: 10}, 20)
}

func inputOtherReports(t *testing.T, w *inputWorld, c *Clock) {
	const reporters = 16
	j := preparedJob(3*reporters)(t, w, c)
	for i, err := range atOnce(reporters, func(i int) error {
		return untilNotBusy(func() error { return reporting(outcomesOf(3*i, 3*i+1, 3*i+2)...)(t.Context(), w, j) })
	}) {
		must(t, err, "report %d", i)
	}
	w.wantFinished(t, j, job.Counts{Succeeded: 2 * reporters, Failed: reporters}, 2*reporters)
}

// wantFinished checks a job that is to be finished by its last report.
func (w *inputWorld) wantFinished(t *testing.T, j job.Job, counts job.Counts, rows int) {
	t.Helper()
	now, n := w.wantSound(t, j, 1)
	if now.Status != job.Finished || now.Counts() != counts || n != rows {
		t.Errorf("the job is %s with %+v and %d rows, want finished, %+v, %d", now.Status, now.Counts(), n, counts, rows)
	}
}

func inputAppendRace(t *testing.T, w *inputWorld, c *Clock) {
	j := emptyJob(t, w, c)
	errs := atOnce(16, func(i int) error { return appending(0, wideInputs(2+i%4), false)(t.Context(), w, j) })
	now, err := w.jobs.Get(t.Context(), j.Project, j.UID)
	must(t, err, "Get")
	for i, err := range errs {
		if won := 2+i%4 == now.Inputs; won && err != nil || !won && !errors.Is(err, input.ErrOther) {
			t.Errorf("the append of %d inputs = %v, and the list has %d", 2+i%4, err, now.Inputs)
		}
	}
	w.wantSound(t, j, 0)
}

func inputRetryRace(t *testing.T, w *inputWorld, c *Clock) {
	j := endedJob(t, w, c)
	won := 0
	for _, err := range atOnce(16, func(int) error { return untilNotBusy(func() error { return retrying(t.Context(), w, j) }) }) {
		if err == nil {
			won++
		} else if !sentBack(err) {
			t.Errorf("Retry = %v, want nil, or that the job is pending", err)
		}
	}
	must(t, w.service.Settle(t.Context(), j.Project, j.UID), "Settle")
	now, _ := w.wantSound(t, j, 1)
	if won == 0 || now.Status != job.Pending || now.Retries != 1 || now.Counts().Pending != 168 {
		t.Errorf("%d retries are acknowledged, the job is %s, sent back %d times, with %+v; want it pending, once, with 168 pending", won, now.Status, now.Retries, now.Counts())
	}
	must(t, reporting(outcomesOf(fromTo(0, 490)...)...)(t.Context(), w, j), "Report after the retry")
	must(t, reporting(outcomesOf(fromTo(490, twoChunks)...)...)(t.Context(), w, j), "last Report after the retry")
	if now, _ = w.wantSound(t, j, 2); finishesOf(now) != 2 {
		t.Errorf("the job has finished %d times after it was sent back, want twice", finishesOf(now))
	}
}
