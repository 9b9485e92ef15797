package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"hermod/shared/input"
	"hermod/shared/job"
)

// inputWorld is a service on an engine whose writes may fail.
type inputWorld struct {
	jobs    job.Store
	service *input.Service
	faults  *Faults
}

func newInputWorld(jobs job.Store, inputs job.Inputs, now func() time.Time) *inputWorld {
	f := &Faults{}
	return &inputWorld{jobs: jobs, faults: f, service: input.New(input.Config{
		Jobs: faultyJobs{jobs, f}, Inputs: faultyInputs{inputs, f}, Now: now, Logger: slog.New(slog.DiscardHandler),
	})}
}

type faultyJobs struct {
	job.Store
	faults *Faults
}

func (s faultyJobs) Update(ctx context.Context, j job.Job) error {
	return s.faults.write(func() error { return s.Store.Update(ctx, j) })
}

func (s faultyJobs) Extend(ctx context.Context, project, uid string, from, to int, closed bool) error {
	return s.faults.write(func() error { return s.Store.Extend(ctx, project, uid, from, to, closed) })
}

func (s faultyJobs) SetTotals(ctx context.Context, project, uid string, t job.Totals) error {
	return s.faults.write(func() error { return s.Store.SetTotals(ctx, project, uid, t) })
}

type faultyInputs struct {
	job.Inputs
	faults *Faults
}

func (s faultyInputs) PutPage(ctx context.Context, r job.Ref, p job.Page) error {
	return s.faults.write(func() error { return s.Inputs.PutPage(ctx, r, p) })
}

func (s faultyInputs) PutNewPage(ctx context.Context, r job.Ref, p job.Page) error {
	return s.faults.write(func() error { return s.Inputs.PutNewPage(ctx, r, p) })
}

func (s faultyInputs) PutChunk(ctx context.Context, r job.Ref, c job.Chunk) error {
	return s.faults.write(func() error { return s.Inputs.PutChunk(ctx, r, c) })
}

// wantSound checks what is always so of a job that is settled: its totals are those of its inputs, it has finished if none of them is
// open, at most as often as it may, and each input that succeeded has its rows once. It returns the job, and how many rows there are.
func (w *inputWorld) wantSound(t *testing.T, j job.Job, finishes int) (job.Job, int) {
	t.Helper()
	j, err := w.jobs.Get(t.Context(), j.Project, j.UID)
	must(t, err, "Get")
	var counts job.Counts
	rows := map[int]int{}
	for _, in := range w.list(t, j) {
		switch in.Status {
		case input.Pending:
			counts.Pending++
		case input.Running:
			counts.Running++
		case input.Failed:
			if counts.Failed++; in.LastError == nil || in.LastError.Message == "" {
				t.Errorf("input %d failed with %+v, want the message that was reported", in.Index, in.LastError)
			}
		case input.Succeeded:
			counts.Succeeded++
			rows[in.Index]++
		}
		if in.Retries > j.Retries+1 {
			t.Errorf("input %d was sent back %d times, and the job %d times", in.Index, in.Retries, j.Retries)
		}
	}
	if j.Counts() != counts {
		t.Errorf("the job counts %+v, and its inputs are %+v", j.Counts(), counts)
	}
	if j.Closed && j.Inputs > 0 && counts.Open() == 0 && !j.Status.Ended() {
		t.Errorf("the job is %s and has no open input", j.Status)
	}
	if n := finishesOf(j); n > finishes {
		t.Errorf("the job has finished %d times, want at most %d", n, finishes)
	}
	n := 0
	for _, row := range w.rows(t, j) {
		rows[row.Index]--
		n++
	}
	for index, n := range rows {
		if n != 0 {
			t.Errorf("of input %d there are %d rows too few", index, n)
		}
	}
	return j, n
}

func finishesOf(j job.Job) (n int) {
	for _, c := range j.Changes {
		if c.Event == job.EventSucceeded || c.Event == job.EventFailed {
			n++
		}
	}
	return n
}

func (w *inputWorld) list(t *testing.T, j job.Job) (all []input.Input) {
	t.Helper()
	for q := (input.Query{Limit: 100}); q.From >= 0; {
		page, next, err := w.service.List(t.Context(), j, q)
		must(t, err, "List")
		all, q.From = append(all, page...), next
	}
	if len(all) != j.Inputs {
		t.Errorf("%d inputs are listed, want %d", len(all), j.Inputs)
	}
	return all
}

func (w *inputWorld) rows(t *testing.T, j job.Job) (all []input.Row) {
	t.Helper()
	for from := ""; ; {
		rows, next, err := w.service.Results(t.Context(), j, from, 100)
		must(t, err, "Results")
		if all = append(all, rows...); next == "" {
			return all
		}
		from = next
	}
}

// emptyJob is a job whose list of inputs is open and empty.
func emptyJob(t *testing.T, w *inputWorld, c *Clock) job.Job {
	t.Helper()
	w.faults.Fail(0, false)
	return createJob(t, w.jobs, c)
}

// preparedJob makes jobs that were launched with inputs.
func preparedJob(n int) func(t *testing.T, w *inputWorld, c *Clock) job.Job {
	return func(t *testing.T, w *inputWorld, c *Clock) job.Job {
		t.Helper()
		w.faults.Fail(0, false)
		j, err := w.service.Prepare(t.Context(), newJob("p1", c), make([]input.Data, n))
		must(t, err, "Prepare")
		must(t, w.jobs.Create(t.Context(), j), "Create")
		return j
	}
}

// openListDone is a job whose three inputs have their outcomes, and whose list is open.
func openListDone(t *testing.T, w *inputWorld, c *Clock) job.Job {
	t.Helper()
	j := emptyJob(t, w, c)
	must(t, appending(0, wideInputs(3), false)(t.Context(), w, j), "Append")
	must(t, reporting(outcomesOf(0, 1, 2)...)(t.Context(), w, j), "Report")
	return j
}

// nearlyDone is a job of two chunks of whose inputs the first 490 have their outcomes.
func nearlyDone(t *testing.T, w *inputWorld, c *Clock) job.Job {
	t.Helper()
	j := preparedJob(twoChunks)(t, w, c)
	must(t, reporting(outcomesOf(fromTo(0, 490)...)...)(t.Context(), w, j), "Report")
	return j
}

// endedJob is a job of two chunks that finished, although in each of them inputs failed.
func endedJob(t *testing.T, w *inputWorld, c *Clock) job.Job {
	t.Helper()
	j := nearlyDone(t, w, c)
	must(t, reporting(outcomesOf(fromTo(490, twoChunks)...)...)(t.Context(), w, j), "Report")
	return j
}

func fromTo(from, to int) (indexes []int) {
	for i := from; i < to; i++ {
		indexes = append(indexes, i)
	}
	return indexes
}

// wide returns inputs of which a page takes two.
func wideInputs(n int) []input.Data {
	list := make([]input.Data, n)
	for i := range list {
		list[i].Input = json.RawMessage(fmt.Sprintf(`"%d%s"`, i, strings.Repeat("-", 120_000)))
	}
	return list
}

// outcomes reports of each input that it succeeded with one row or, one in three, that it failed.
func outcomesOf(indexes ...int) []input.Report {
	reports := make([]input.Report, len(indexes))
	for i, index := range indexes {
		reports[i] = input.Report{Index: index, Status: input.Succeeded, Outputs: 1, Rows: []json.RawMessage{json.RawMessage(fmt.Sprint(index))}}
		if index%3 == 1 {
			reports[i] = thatFails(index)
		}
	}
	return reports
}

func thatFails(index int) input.Report {
	return input.Report{Index: index, Status: input.Failed, Error: &input.Error{Label: "STATUS_429", Message: "slow down"}}
}

func appending(from int, list []input.Data, last bool) func(context.Context, *inputWorld, job.Job) error {
	return func(ctx context.Context, w *inputWorld, j job.Job) error {
		_, err := w.service.Append(ctx, j.Project, j.UID, from, list, last)
		return err
	}
}

func reporting(reports ...input.Report) func(context.Context, *inputWorld, job.Job) error {
	return func(ctx context.Context, w *inputWorld, j job.Job) error {
		out, err := w.service.Report(ctx, j.Project, j.UID, reports)
		if err == nil && len(out.Refused) > 0 {
			err = fmt.Errorf("refused: %v", out.Refused)
		}
		return err
	}
}

func retrying(ctx context.Context, w *inputWorld, j job.Job) error {
	_, err := w.service.Retry(ctx, j.Project, j.UID, input.Selection{})
	return err
}

// sentBack reports whether a retry is refused because the job was sent back already.
func sentBack(err error) bool {
	var refused *job.TransitionError
	return errors.As(err, &refused) && refused.From == job.Pending
}
