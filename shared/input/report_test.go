package input_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hermod/shared/input"
	"hermod/shared/job"
)

func TestAReportSaysWhatBecameOfEachOfItsInputs(t *testing.T) {
	r := newRig(t)
	j := r.prepared(10)
	r.report(j, succeeded(0, `1`, `2`), failed(1, "STATUS_404", "gone"), input.Report{Index: 2, Status: input.Running})
	got := r.report(j,
		succeeded(3),
		succeeded(0, `1`, `2`),
		failed(1, "STATUS_404", "gone"),
		input.Report{Index: 2, Status: input.Running},
		input.Report{Index: 4, Status: input.Running}, succeeded(4, `"x"`), // in the order of the report
		failed(5, "A", ""), failed(5, "B", ""), failed(5, "A", "again"),
		succeeded(1), failed(0, "A", ""), succeeded(0, `1`),
		input.Report{Index: 1, Status: input.Running}, failed(1, "STATUS_429", ""),
		succeeded(10), succeeded(-1),
		input.Report{Index: 6, Status: input.Pending}, input.Report{Index: 6, Status: input.Succeeded, Outputs: -1},
		succeeded(6, `"`+strings.Repeat("x", input.MaxResults)+`"`),
	)
	want := input.Reported{
		Job:     r.job(j),
		Applied: []int{3, 4, 4, 5},
		Already: []int{0, 1, 2, 5},
		Refused: []input.Refusal{
			{10, "the job has 10 inputs: indexes are 0 to 9"},
			{-1, "the job has 10 inputs: indexes are 0 to 9"},
			{6, "an input is reported as running, succeeded or failed"},
			{6, "output_count is 0 to 1073741824"},
			{6, "its results have 262148 bytes as a JSON array; at most 262144 are kept"},
			{5, "it has failed with another error, and that stands until a retry sends it back"},
			{1, "it has failed, and that stands until a retry sends it back"},
			{0, "it has succeeded, and that is final"},
			{0, "it has succeeded with 2 outputs, and that is final"},
			{1, "it has failed, and that stands until a retry sends it back"},
			{1, "it has failed with another error, and that stands until a retry sends it back"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Report (-want +got):\n%s", diff)
	}
}

func TestAReportOfAJobWithoutInputsIsRefused(t *testing.T) {
	r := newRig(t)
	got := r.report(r.Launch("none"), succeeded(0))
	if diff := cmp.Diff([]input.Refusal{{0, "the job has no inputs"}}, got.Refused); diff != "" || got.Job.Status != job.Pending {
		t.Errorf("Report = %s, refused (-want +got):\n%s", got.Job.Status, diff)
	}
}

func TestWhetherAReportAppliesDependsOnTheJob(t *testing.T) {
	tests := []struct {
		along []job.Status
		after job.Status // of the job
		why   string     // refused
	}{
		{nil, job.Running, ""},
		{[]job.Status{job.Running}, job.Running, ""},
		{[]job.Status{job.Running, job.Paused}, job.Paused, ""},
		{[]job.Status{job.Paused}, job.Paused, ""},
		{[]job.Status{job.Shutdown}, job.Shutdown, "the job is shutdown, and takes no reports until it is retried"},
		{[]job.Status{job.Running, job.Stopped}, job.Stopped, "the job is stopped, and takes no reports until it is retried"},
	}
	for _, test := range tests {
		r := newRig(t)
		j := r.update(r.prepared(3), test.along...)
		got := r.report(j, succeeded(1))
		want := input.Reported{Job: r.job(j), Applied: []int{1}}
		if test.why != "" {
			want.Applied, want.Refused = nil, []input.Refusal{{1, test.why}}
		}
		if diff := cmp.Diff(want, got); diff != "" || got.Job.Status != test.after {
			t.Errorf("Report of a job that went %v: the job is %s, want %s (-want +got):\n%s", test.along, got.Job.Status, test.after, diff)
		}
	}
}

func TestWhatIsSoAlreadyIsSoAlsoOfAJobThatEnded(t *testing.T) {
	r := newRig(t)
	j := r.prepared(2)
	for _, reports := range [][]input.Report{{succeeded(0), succeeded(1)}, {succeeded(1)}} {
		if got := r.report(j, reports...); got.Job.Status != job.Finished || len(got.Refused) > 0 {
			t.Errorf("Report = %+v, want the job finished, nothing refused", got)
		}
	}
	want := []input.Refusal{{0, "the job is finished, and takes no reports until it is retried"}}
	if got := r.report(j, failed(0, "A", ""), succeeded(1)); !cmp.Equal(got.Refused, want) || !cmp.Equal(got.Already, []int{1}) {
		t.Errorf("Report = %+v, want %+v", got, want)
	}
}

func TestAJobFinishesWithItsLastInput(t *testing.T) {
	integ := input.Report{Status: input.Failed, Error: &input.Error{Label: "ODD", Scope: "integ"}}
	tests := []struct {
		name    string
		reports []input.Report
		status  job.Status
		message string
	}{
		{"all succeeded", []input.Report{succeeded(0), succeeded(1), succeeded(2)}, job.Finished, ""},
		{"one succeeded", []input.Report{failed(0, "UNKNOWN_ERROR", "odd"), succeeded(1), failed(2, "NO_ACCESS", "")}, job.Finished, ""},
		{"all failed by their inputs", []input.Report{failed(0, "NO_ACCESS", "locked"), failed(1, "STATUS_404", "profile not found"), failed(2, "STATUS_404", "other")},
			job.Warning, "STATUS_404: profile not found"},
		{"one failed technically", []input.Report{failed(0, "NO_ACCESS", ""), failed(1, "PROXY_ERROR", "down"), failed(2, "NO_ACCESS", "locked")}, job.Shutdown, "NO_ACCESS: locked"},
		{"one failed by the integration", []input.Report{failed(0, "NO_ACCESS", ""), integ, failed(2, "STATUS_404", "")}, job.Shutdown, "NO_ACCESS"},
		{"none told why", []input.Report{failed(0, "", ""), failed(1, "", ""), {Index: 2, Status: input.Failed}}, job.Shutdown, ""},
		{"a message without a label", []input.Report{failed(0, "", ""), failed(1, "", "it is raining"), failed(2, "", "snow")}, job.Shutdown, "it is raining"},
		{"a label counts more than none", []input.Report{failed(0, "", "it is raining"), failed(1, "", ""), failed(2, "STATUS_403", "no")}, job.Shutdown, "STATUS_403: no"},
	}
	for _, test := range tests {
		r := newRig(t)
		j := r.prepared(3)
		for i := range test.reports {
			test.reports[i].Index = i
		}
		r.report(j, test.reports[:2]...)
		if now := r.job(j); now.Status != job.Running {
			t.Errorf("%s: the job is %s while an input is open, want running", test.name, now.Status)
		}
		got := r.report(j, test.reports[2]).Job
		if got.Status != test.status || got.Error != test.message {
			t.Errorf("%s: the job is %s, %q, want %s, %q", test.name, got.Status, got.Error, test.status, test.message)
		}
		if diff := cmp.Diff(r.job(j), got); diff != "" {
			t.Errorf("%s: Report returns another job than is stored (-stored +returned):\n%s", test.name, diff)
		}
		if c := got.Counts(); c.Open() != 0 || c.Total() != 3 {
			t.Errorf("%s: the job counts %+v, want none open of 3", test.name, c)
		}
		if want := []job.EventType{job.EventRequested, job.EventCreated}; !slices.Equal(events(got)[:2], want) || len(events(got)) != 3 {
			t.Errorf("%s: events %v, want %v and one more", test.name, events(got), want)
		}
	}
}

func events(j job.Job) (all []job.EventType) {
	for _, c := range j.Changes {
		all = append(all, c.Event)
	}
	return all
}

func TestAPausedJobFinishesOnceItRunsAgain(t *testing.T) {
	r := newRig(t)
	j := r.update(r.prepared(2), job.Running, job.Paused)
	if got := r.report(j, succeeded(0), succeeded(1)).Job; got.Status != job.Paused {
		t.Errorf("a paused job is %s after its last report, want paused", got.Status)
	}
	r.update(j, job.Running)
	if err := r.service.Settle(t.Context(), j.Project, j.UID); err != nil {
		t.Fatal(err)
	}
	if got := r.job(j); got.Status != job.Finished {
		t.Errorf("the job is %s once it runs again and is settled, want finished", got.Status)
	}
}

func TestSettleBringsTotalsUpToDate(t *testing.T) {
	r := newRig(t)
	j := r.prepared(1200)
	r.report(j, append(reportsOf(400, 600, input.Report{Status: input.Succeeded, Outputs: 3}), failed(1199, "A", ""), input.Report{Index: 0, Status: input.Running})...)
	for range 2 {
		if err := r.service.Settle(t.Context(), j.Project, j.UID); err != nil {
			t.Fatal(err)
		}
		want := job.Totals{Running: 1, Succeeded: 200, Failed: 1, Outputs: 600, Clock: 3}
		if got := r.job(j); got.Totals != want || got.Status != job.Running || got.Version != 2 {
			t.Errorf("after Settle the job is %s, version %d, %+v; want running, 2, %+v", got.Status, got.Version, got.Totals, want)
		}
	}
}

func TestTimesAreThoseOfTheReports(t *testing.T) {
	r := newRig(t)
	j := r.prepared(3)
	begun := r.Now()
	r.report(j, input.Report{Index: 0, Status: input.Running})
	r.Pass(1500 * time.Millisecond)
	r.report(j, succeeded(0), failed(1, "STATUS_429", "slow down"))
	r.Pass(time.Second)
	if _, err := r.service.Retry(t.Context(), j.Project, j.UID, input.Selection{}); err == nil {
		t.Fatal("a running job can be retried")
	}
	done := begun.Add(1500 * time.Millisecond)
	want := []input.Input{
		{Index: 0, Status: input.Succeeded, StartedAt: begun, FinishedAt: done},
		{Index: 1, Status: input.Failed, StartedAt: done, FinishedAt: done, LastError: &input.Error{Label: "STATUS_429", Scope: "server", Message: "slow down"}},
		{Index: 2, Status: input.Pending},
	}
	if diff := cmp.Diff(want, r.list(j, input.Query{}), cmpopts.IgnoreFields(input.Input{}, "UID", "Data")); diff != "" {
		t.Errorf("inputs (-want +listed):\n%s", diff)
	}
}

func TestErrorsAndRowsAreKeptAsTheyWereReported(t *testing.T) {
	r := newRig(t)
	j := r.prepared(600)
	why := &input.Error{Label: "ODD", Scope: "integ", Message: "<odd> & \u2028", Ref: "r1", Params: json.RawMessage(`{"a<":[1,2.50]}`)}
	long := strings.Repeat("é", input.MaxMessage)
	r.report(j,
		succeeded(0, `{"b":1,"a":"<&>"}`, `null`, `1.50`), input.Report{Index: 1, Status: input.Failed, Error: why},
		succeeded(2), succeeded(599, `"last"`), failed(3, "", long), input.Report{Index: 4, Status: input.Failed, Error: &input.Error{Params: json.RawMessage("null")}},
	)
	if n := len(r.seam.names); n != 1+2 {
		t.Errorf("%d pages were written, want 1 of data, and 1 of results for each of two chunks", n)
	}
	wantRows := []input.Row{
		{Index: 0, Doc: json.RawMessage(`{"b":1,"a":"<&>"}`)}, {Index: 0, Doc: json.RawMessage(`null`)}, {Index: 0, Doc: json.RawMessage(`1.50`)},
		{Index: 599, Doc: json.RawMessage(`"last"`)},
	}
	for _, limit := range []int{1, 2, 100} {
		if diff := cmp.Diff(wantRows, r.results(j, limit)); diff != "" {
			t.Errorf("rows, %d a page (-want +got):\n%s", limit, diff)
		}
	}
	cut := &input.Error{Message: long[:input.MaxMessage-4] + "…"}
	for i, want := range []*input.Error{nil, why, nil, cut, nil} {
		if diff := cmp.Diff(want, r.input(j, i).LastError); diff != "" {
			t.Errorf("error of input %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestWhatNobodyNeedsIsNotWritten(t *testing.T) {
	same := &input.Error{Label: "A", Message: strings.Repeat("x", input.MaxMessage), Params: json.RawMessage(`"` + strings.Repeat("y", input.MaxParams-2) + `"`)}
	tests := []struct {
		name    string
		reports []input.Report
		pages   int
	}{
		{"nothing but outcomes", append(reportsOf(0, 250, succeeded(0)), reportsOf(250, 500, failed(0, "A", ""))...), 0},
		{"one error for all", reportsOf(0, 500, input.Report{Status: input.Failed, Error: same}), 1},
		{"a row each", reportsOf(0, 500, succeeded(0, `{"name":"somebody","age":40}`)), 1},
		{"many bytes of rows", reportsOf(0, 4, succeeded(0, `"`+strings.Repeat("z", 200_000)+`"`)), 4},
		{"rows of inputs that only run", reportsOf(0, 5, input.Report{Status: input.Running, Rows: []json.RawMessage{[]byte(`1`)}}), 0},
	}
	for _, test := range tests {
		r := newRig(t)
		j := r.prepared(501)
		r.seam.names = nil
		r.report(j, test.reports...)
		if n := len(r.seam.names); n != test.pages {
			t.Errorf("%s: %d pages, want %d", test.name, n, test.pages)
		}
		r.seam.names = nil
		r.report(j, test.reports...)
		if n := len(r.seam.names); n != 0 {
			t.Errorf("%s, reported again: %d pages, want none", test.name, n)
		}
		if n, writes := len(r.results(j, 7)), r.seam.since("put chunk"); writes != 1 || n != rowsOf(test.reports) {
			t.Errorf("%s: %d writes of the chunk, %d rows; want 1, %d", test.name, writes, n, rowsOf(test.reports))
		}
	}
}

func rowsOf(reports []input.Report) (n int) {
	for _, r := range reports {
		if r.Status == input.Succeeded {
			n += len(r.Rows)
		}
	}
	return n
}

func TestAReportThatLosesIsDecidedAgain(t *testing.T) {
	r := newRig(t)
	j := r.prepared(3)
	r.seam.putChunk = func(put func() error) error {
		r.seam.putChunk = nil
		r.report(j, succeeded(0, `"theirs"`), failed(1, "A", "theirs"))
		return put()
	}
	got := r.report(j, succeeded(0, `"ours"`), failed(1, "B", "ours"), succeeded(2, `"third"`))
	want := input.Reported{Job: r.job(j), Applied: []int{2}, Already: []int{0}, Refused: []input.Refusal{{1, "it has failed with another error, and that stands until a retry sends it back"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Report (-want +got):\n%s", diff)
	}
	rows := []input.Row{{Index: 0, Doc: json.RawMessage(`"theirs"`)}, {Index: 2, Doc: json.RawMessage(`"third"`)}}
	if diff := cmp.Diff(rows, r.results(j, 100), cmpopts.SortSlices(func(x, y input.Row) bool { return x.Index < y.Index })); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if e := r.list(j, input.Query{Status: input.Failed})[0].LastError; e.Label != "A" || e.Message != "theirs" {
		t.Errorf("the error is %+v, want that of the report that came first", e)
	}
}

// A client of the engine may repeat a write by itself whose answer was lost, and is told then that it lost.
func TestAWriteThatLostAgainstItselfHasWon(t *testing.T) {
	r := newRig(t)
	j := r.prepared(2)
	r.seam.putChunk = func(put func() error) error {
		r.seam.putChunk = nil
		if err := put(); err != nil {
			return err
		}
		return put()
	}
	got := r.report(j, succeeded(0, `"once"`), succeeded(1))
	if !cmp.Equal(got.Applied, []int{0, 1}) || got.Job.Status != job.Finished || len(r.results(j, 100)) != 1 {
		t.Errorf("Report = %+v with %d rows, want both applied, the job finished, one row", got, len(r.results(j, 100)))
	}
}

func TestAReportGivesUpWhereOthersWriteAllTheTime(t *testing.T) {
	r := newRig(t)
	j := r.prepared(2)
	r.seam.putChunk = func(func() error) error { return fmt.Errorf("put: %w", job.ErrChunkStale) }
	if _, err := r.service.Report(t.Context(), j.Project, j.UID, []input.Report{succeeded(0, `1`)}); !errors.Is(err, input.ErrBusy) {
		t.Errorf("Report = %v, want ErrBusy", err)
	}
	if tries, pages := r.seam.since("put chunk"), len(r.seam.names); tries != 8 || pages != 2 {
		t.Errorf("%d tries and %d pages, want 8, and 1 besides that of the data", tries, pages)
	}
}

func TestAWriteOfUnknownOutcomeIsNotRepeated(t *testing.T) {
	r := newRig(t)
	j := r.prepared(2)
	down := errors.New("the store is down")
	r.seam.putChunk = func(func() error) error { return down }
	if _, err := r.service.Report(t.Context(), j.Project, j.UID, []input.Report{succeeded(0)}); !errors.Is(err, down) {
		t.Errorf("Report = %v, want %v", err, down)
	}
	if tries := r.seam.since("put chunk"); tries != 1 {
		t.Errorf("%d tries, want 1", tries)
	}
}

func TestAJobThatMovesMeanwhileIsNotStarted(t *testing.T) {
	both := []input.Report{succeeded(0), succeeded(1)}
	tests := []struct {
		name      string
		meanwhile func(r *rig, j job.Job)
		want      input.Reported
	}{
		{"stopped", func(r *rig, j job.Job) { r.update(j, job.Stopped) },
			input.Reported{Refused: []input.Refusal{{0, "the job is stopped, and takes no reports until it is retried"}, {1, "the job is stopped, and takes no reports until it is retried"}}}},
		{"started", func(r *rig, j job.Job) { r.update(j, job.Running) }, input.Reported{Applied: []int{0, 1}}},
		{"finished by the same report", func(r *rig, j job.Job) { r.report(j, both...) }, input.Reported{Already: []int{0, 1}}},
	}
	for _, test := range tests {
		r := newRig(t)
		j := r.prepared(2)
		jobs := meanwhile{r.Jobs(), func() {
			if r.job(j).Status == job.Pending {
				test.meanwhile(r, j)
			}
		}}
		service := input.New(input.Config{Jobs: jobs, Inputs: r.Inputs(), Now: r.Now})
		got, err := service.Report(t.Context(), j.Project, j.UID, both)
		test.want.Job = r.job(j)
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: Report = %v (-want +got):\n%s", test.name, err, diff)
		}
	}
}

// meanwhile are jobs to which something happens right before each update.
type meanwhile struct {
	job.Store
	happen func()
}

func (s meanwhile) Update(ctx context.Context, j job.Job) error {
	s.happen()
	return s.Store.Update(ctx, j)
}

func TestAReportThatChangesNothingFinishesWhatIsDone(t *testing.T) {
	r := newRig(t)
	j := r.Launch("crash")
	if _, err := r.service.Append(t.Context(), j.Project, j.UID, 0, numbered(0, 2), false); err != nil {
		t.Fatal(err)
	}
	r.report(j, succeeded(0), succeeded(1))
	if err := r.Jobs().Extend(t.Context(), j.Project, j.UID, 2, 2, true); err != nil { // and then its owner crashed
		t.Fatal(err)
	}
	if got := r.report(j, succeeded(1)); got.Job.Status != job.Finished || len(got.Applied) > 0 {
		t.Errorf("Report = %+v, want nothing applied, and the job finished", got)
	}
}

// What a report of a big job costs does not grow with the job: only near its end all chunks are read.
func TestReportsStayFlatUntilTheEndIsNear(t *testing.T) {
	r := newRig(t)
	j := r.prepared(30_000)
	var chunks []int
	for from := 0; from < j.Inputs; from += job.ChunkSize {
		r.report(j, reportsOf(from, from+job.ChunkSize, succeeded(0))...)
		chunks = append(chunks, r.seam.since("chunks"))
		if err := r.service.Settle(t.Context(), j.Project, j.UID); err != nil {
			t.Fatal(err)
		}
		r.seam.since("chunks")
	}
	for i, n := range chunks {
		if want := 1 + max(0, 1-i); i*job.ChunkSize < j.Inputs-10_000 && n != want { // the first one starts the job
			t.Errorf("report %d reads %d chunks, want %d", i, n, want)
		} else if want += 60; n > want {
			t.Errorf("report %d reads %d chunks, want at most %d", i, n, want)
		}
	}
	if got := r.job(j); got.Status != job.Finished || got.Totals.Succeeded != 30_000 {
		t.Errorf("the job is %s with %+v, want finished", got.Status, got.Totals)
	}
}

func TestRowsCountAsAJSONArray(t *testing.T) {
	for _, rows := range [][]string{{}, {`1`}, {`1`, `"two"`}, {`1`, `2`, `3`}} {
		list := make([]json.RawMessage, len(rows))
		for i, r := range rows {
			list[i] = json.RawMessage(r)
		}
		if got, want := input.SizeOf(list), len("["+strings.Join(rows, ",")+"]"); got != want {
			t.Errorf("SizeOf(%v) = %d, want %d", rows, got, want)
		}
	}
}
