package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"hermod/shared/job"
)

// twoChunks is how many inputs a job of two chunks has in this suite; some fail in each chunk.
const twoChunks = job.ChunkSize + 3

// InputService is the suite of what input makes of job.Store and job.Inputs together: whatever it is that crashes, and between
// whichever two writes, nothing counts twice, what was acknowledged is so, and a job finishes once.
func InputService(t *testing.T, open func(t *testing.T, now func() time.Time) (job.Store, job.Inputs)) {
	opened := func(t *testing.T, now func() time.Time) *inputWorld {
		jobs, inputs := open(t, now)
		return newInputWorld(jobs, inputs, now)
	}
	tests := []test[*inputWorld]{
		{"of identical reports at once one counts", inputSameReports},
		{"of different reports of a chunk at once all count", inputOtherReports},
		{"of different appends at once one counts", inputAppendRace},
		{"of retries at once one sends the job back", inputRetryRace},
	}
	for _, c := range inputCrashes {
		tests = append(tests, test[*inputWorld]{"crash: " + c.name, c.walk})
	}
	run(t, opened, tests)
}

// inputCrash is a request that is stopped before and after each of its writes.
type inputCrash struct {
	name string
	// given makes the job.
	given func(t *testing.T, w *inputWorld, c *Clock) job.Job
	// request makes the request. It may be made again.
	request func(ctx context.Context, w *inputWorld, j job.Job) error
	// refused reports whether an error is how the request is answered once it was carried out.
	refused func(err error) bool
	// status and finishes are how the job stands once the request was answered, and how often it has finished.
	status   job.Status
	finishes int
	counts   job.Counts
	rows     int
}

var inputCrashes = []inputCrash{
	{
		name: "an append of several pages", given: emptyJob, request: appending(0, wideInputs(4), false),
		status: job.Pending, counts: job.Counts{Pending: 4},
	},
	{
		name: "an append that closes the list", given: emptyJob, request: appending(0, wideInputs(2), true),
		status: job.Pending, counts: job.Counts{Pending: 2},
	},
	{
		name: "an append of nothing that closes the list of a job that is done", given: openListDone, request: appending(3, nil, true),
		status: job.Finished, finishes: 1, counts: job.Counts{Succeeded: 2, Failed: 1}, rows: 2,
	},
	{
		name: "a report that finishes a job", given: preparedJob(3), request: reporting(outcomesOf(0, 1, 2)...),
		status: job.Finished, finishes: 1, counts: job.Counts{Succeeded: 2, Failed: 1}, rows: 2,
	},
	{
		name: "a report after which all inputs of a job have failed", given: preparedJob(2), request: reporting(thatFails(0), thatFails(1)),
		status: job.Shutdown, finishes: 1, counts: job.Counts{Failed: 2},
	},
	{
		name: "a report of two chunks", given: preparedJob(twoChunks), request: reporting(outcomesOf(1, 498, 499, 500, 501)...),
		status: job.Running, counts: job.Counts{Pending: twoChunks - 5, Succeeded: 3, Failed: 2}, rows: 3,
	},
	{
		name: "the last report, of two chunks", given: nearlyDone, request: reporting(outcomesOf(fromTo(490, twoChunks)...)...),
		status: job.Finished, finishes: 1, counts: job.Counts{Succeeded: 335, Failed: 168}, rows: 335,
	},
	{
		name: "a retry", given: endedJob, request: retrying, refused: sentBack,
		status: job.Pending, finishes: 1, counts: job.Counts{Pending: 168, Succeeded: 335}, rows: 335,
	},
}

// walk makes the request once for each of its writes, with a crash before and after it. Then happens what happens after a crash: the
// job is settled, and the client may make the request again.
func (ic inputCrash) walk(t *testing.T, w *inputWorld, c *Clock) {
	j := ic.given(t, w, c)
	w.faults.Fail(0, false)
	must(t, ic.request(t.Context(), w, j), "the request without a crash")
	writes := w.faults.Writes()
	ic.wantDone(t, w, j)
	for n := range writes {
		for _, after := range []bool{false, true} {
			name := fmt.Sprintf("before write %d of %d", n+1, writes)
			if after {
				name = "after" + strings.TrimPrefix(name, "before")
			}
			t.Run(name, func(t *testing.T) {
				j := ic.given(t, w, c)
				w.faults.Fail(n+1, after)
				if err := ic.request(t.Context(), w, j); !errors.Is(err, ErrFault) {
					t.Fatalf("the request = %v, want it to stop at the fault", err)
				}
				must(t, w.service.Settle(t.Context(), j.Project, j.UID), "Settle")
				w.wantSound(t, j, ic.finishes)
				if err := ic.request(t.Context(), w, j); err != nil && (ic.refused == nil || !ic.refused(err)) {
					t.Errorf("the request again = %v, want nil", err)
				}
				ic.wantDone(t, w, j)
			})
			t.Run(name+", made again at once", func(t *testing.T) {
				j := ic.given(t, w, c)
				w.faults.Fail(n+1, after)
				if err := ic.request(t.Context(), w, j); !errors.Is(err, ErrFault) {
					t.Fatalf("the request = %v, want it to stop at the fault", err)
				}
				if err := ic.request(t.Context(), w, j); err != nil && (ic.refused == nil || !ic.refused(err)) {
					t.Errorf("the request again = %v, want nil", err)
				}
				ic.wantDone(t, w, j)
			})
		}
	}
}

// wantDone checks what is there once the request was answered and the job settled.
func (ic inputCrash) wantDone(t *testing.T, w *inputWorld, j job.Job) {
	t.Helper()
	must(t, w.service.Settle(t.Context(), j.Project, j.UID), "Settle")
	now, rows := w.wantSound(t, j, ic.finishes)
	if finishes := finishesOf(now); now.Status != ic.status || finishes != ic.finishes || now.Counts() != ic.counts || rows != ic.rows {
		t.Errorf("the job is %s, finished %d times, with %+v and %d rows; want %s, %d, %+v, %d",
			now.Status, finishes, now.Counts(), rows, ic.status, ic.finishes, ic.counts, ic.rows)
	}
}
