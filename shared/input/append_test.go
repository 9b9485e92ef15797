package input_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/input"
	"hermod/shared/job"
)

func TestAppendsFollowOneAnother(t *testing.T) {
	const two = `[{"n":1},{"n":2}]`
	type step struct {
		from   int
		list   string
		last   bool
		want   error // a GapError stands for any
		inputs int   // of the job after it
		closed bool
	}
	gap := &input.GapError{}
	tests := []struct {
		name  string
		steps []step
	}{
		{"one after the other, the last one closes", []step{{0, two, false, nil, 2, false}, {2, two, true, nil, 4, true}}},
		{"the same again changes nothing", []step{{0, two, false, nil, 2, false}, {0, two, false, nil, 2, false}}},
		{"the same again, written otherwise", []step{{0, two, false, nil, 2, false}, {0, `[ {"n": 1}, {"n": 2} ]`, false, nil, 2, false}}},
		{"the same again after others", []step{{0, two, false, nil, 2, false}, {2, two, false, nil, 4, false}, {0, two, false, nil, 4, false}}},
		{"the same again on a closed list", []step{{0, two, false, nil, 2, false}, {2, two, true, nil, 4, true}, {2, two, true, nil, 4, true}, {0, two, false, nil, 4, true}}},
		{"others at the same place", []step{{0, two, false, nil, 2, false}, {0, `[{"n":1},{"n":3}]`, false, input.ErrOther, 2, false}}},
		{"fewer at the same place", []step{{0, two, false, nil, 2, false}, {0, `[{"n":1}]`, false, input.ErrOther, 2, false}}},
		{"in the middle of another", []step{{0, two, false, nil, 2, false}, {1, `[{"n":2}]`, false, input.ErrOther, 2, false}}},
		{"the same, but it closes now", []step{{0, two, false, nil, 2, false}, {0, two, true, input.ErrOther, 2, false}}},
		{"beyond the end", []step{{0, two, false, nil, 2, false}, {3, two, false, gap, 2, false}}},
		{"behind a closed list", []step{{0, two, true, nil, 2, true}, {2, two, false, input.ErrClosed, 2, true}, {3, two, false, input.ErrClosed, 2, true}}},
		{"others on a closed list", []step{{0, two, true, nil, 2, true}, {0, `[{"n":4},{"n":5}]`, true, input.ErrClosed, 2, true}}},
		{"nothing, and it closes", []step{{0, two, false, nil, 2, false}, {2, `[]`, true, nil, 2, true}, {2, `[]`, true, nil, 2, true}}},
		{"nothing at all", []step{{0, `[]`, false, nil, 0, false}, {0, `[]`, true, nil, 0, true}, {0, `[]`, true, nil, 0, true}}},
		{"nothing before the end", []step{{0, two, false, nil, 2, false}, {1, `[]`, false, nil, 2, false}, {1, `[]`, true, input.ErrOther, 2, false}}},
		{"nothing beyond the end", []step{{1, `[]`, true, gap, 0, false}, {1, `[]`, false, gap, 0, false}}},
		{"nothing on a closed list", []step{{0, two, true, nil, 2, true}, {1, `[]`, true, input.ErrClosed, 2, true}, {2, `[]`, false, nil, 2, true}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			j := r.Launch(test.name)
			for i, s := range test.steps {
				var docs []json.RawMessage
				if err := json.Unmarshal([]byte(s.list), &docs); err != nil {
					t.Fatal(err)
				}
				list := make([]input.Data, len(docs))
				for i, d := range docs {
					list[i].Input = d
				}
				got, err := r.service.Append(t.Context(), j.Project, j.UID, s.from, list, s.last)
				var is *input.GapError
				if !errors.Is(err, s.want) && !(errors.As(s.want, &is) && errors.As(err, &is)) || s.want == nil && err != nil {
					t.Errorf("step %d: Append = %v, want %v", i, err, s.want)
				}
				if err == nil {
					if diff := cmp.Diff(r.job(j), got); diff != "" {
						t.Errorf("step %d: Append returns another job than is stored (-stored +returned):\n%s", i, diff)
					}
				}
				if now := r.job(j); now.Inputs != s.inputs || now.Closed != s.closed || now.Version != 1 {
					t.Errorf("step %d: the job has %d inputs, closed %v, version %d; want %d, %v, 1", i, now.Inputs, now.Closed, now.Version, s.inputs, s.closed)
				}
			}
		})
	}
}

// What nobody will work on is not taken: it would be there as pending for good.
func TestAJobThatHasEndedTakesNoMoreInputs(t *testing.T) {
	for _, end := range []job.Status{job.Stopped, job.Shutdown} {
		r := newRig(t)
		j := r.prepared(0)
		appended := func(from, n int, last bool) error {
			_, err := r.service.Append(t.Context(), j.Project, j.UID, from, numbered(from, n), last)
			return err
		}
		if err := appended(0, 2, false); err != nil {
			t.Fatal(err)
		}
		r.report(j, succeeded(0), succeeded(1))
		r.update(j, end)
		for _, row := range []struct {
			name    string
			from, n int
			last    bool
			want    error
		}{
			{"more", 2, 1, false, input.ErrEnded},
			{"more, far beyond the end", 9, 1, false, input.ErrEnded},
			{"nothing, and it closes", 2, 0, true, input.ErrEnded},
			{"the same again", 0, 2, false, nil},
		} {
			if err := appended(row.from, row.n, row.last); !errors.Is(err, row.want) {
				t.Errorf("%s, to a job that is %s: Append = %v, want %v", row.name, end, err, row.want)
			}
		}
		if now := r.job(j); now.Inputs != 2 || now.Closed {
			t.Errorf("a job that is %s has %d inputs, closed %v, after it; want 2, open", end, now.Inputs, now.Closed)
		}
	}
}

func TestAJobHasAtMostAsManyInputs(t *testing.T) {
	r := newRig(t)
	j := r.Launch("full")
	if err := r.Jobs().Extend(t.Context(), j.Project, j.UID, 0, job.MaxInputs-1, false); err != nil {
		t.Fatal(err)
	}
	if _, err := r.service.Append(t.Context(), j.Project, j.UID, job.MaxInputs-1, numbered(0, 2), false); !errors.Is(err, input.ErrQuota) {
		t.Errorf("Append of two where one has room = %v, want ErrQuota", err)
	}
	if _, err := r.service.Append(t.Context(), j.Project, j.UID, job.MaxInputs-1, numbered(0, 1), true); err != nil {
		t.Errorf("Append of the last that has room = %v, want nil", err)
	}
	if _, err := r.service.Prepare(t.Context(), j, make([]input.Data, job.MaxInputs+1)); !errors.Is(err, input.ErrQuota) {
		t.Errorf("Prepare of one too many = %v, want ErrQuota", err)
	}
}

func TestAnUnknownJobIsNotFound(t *testing.T) {
	r := newRig(t)
	j := r.prepared(1)
	for _, project := range []string{j.Project, "another"} {
		uid := j.UID
		if project == j.Project {
			uid = strings.Replace(uid, "-7", "-4", 1)
		}
		_, appended := r.service.Append(t.Context(), project, uid, 0, numbered(0, 1), false)
		_, reported := r.service.Report(t.Context(), project, uid, nil)
		_, retried := r.service.Retry(t.Context(), project, uid, input.Selection{})
		_, finished := r.service.Finish(t.Context(), project, uid)
		for call, err := range map[string]error{"Append": appended, "Report": reported, "Retry": retried, "Finish": finished} {
			if !errors.Is(err, job.ErrNotFound) {
				t.Errorf("%s = %v, want ErrNotFound", call, err)
			}
		}
		if err := r.service.Settle(t.Context(), project, uid); err != nil {
			t.Errorf("Settle of a job that is gone = %v, want nil", err)
		}
	}
}

// sized returns an input of about that many bytes.
func sized(n, size int) input.Data {
	return input.Data{Input: json.RawMessage(fmt.Sprintf(`{"n":%d}`, n)), Custom: json.RawMessage(`"` + strings.Repeat("<", size) + `"`)}
}

func TestAppendsOfManyPagesAreListedAsTheyWereSent(t *testing.T) {
	r := newRig(t)
	j := r.Launch("wide")
	var sent []input.Data
	for _, sizes := range [][]int{{10}, {100_000, 100_000, 100_000, 20}, {input.MaxData - 20, input.MaxData - 20, 5}, {}, {7, 7}} {
		from := len(sent)
		for _, size := range sizes {
			sent = append(sent, sized(len(sent), size))
		}
		if _, err := r.service.Append(t.Context(), j.Project, j.UID, from, sent[from:], false); err != nil {
			t.Fatal(err)
		}
	}
	got := r.list(j, input.Query{Limit: 3})
	if len(got) != len(sent) {
		t.Fatalf("%d inputs are listed, want %d", len(got), len(sent))
	}
	for i, in := range got {
		if in.Index != i || in.UID != input.UID(j.UID, i) || in.Status != input.Pending {
			t.Errorf("input %d is %d, %s, %s", i, in.Index, in.UID, in.Status)
		}
		if !bytes.Equal(in.Data.Input, sent[i].Input) || !bytes.Equal(in.Data.Custom, sent[i].Custom) {
			t.Errorf("input %d is listed as %.40s…, %.40s…; want %.40s…, %.40s…", i, in.Data.Input, in.Data.Custom, sent[i].Input, sent[i].Custom)
		}
	}
}

func TestNullDataIsNoData(t *testing.T) {
	r := newRig(t)
	j := r.Launch("null")
	for _, list := range [][]input.Data{
		{{Input: json.RawMessage("null")}, {Custom: json.RawMessage("[ ]")}},
		{{Custom: json.RawMessage("null")}, {Input: json.RawMessage("null"), Custom: json.RawMessage("[]")}},
	} {
		if _, err := r.service.Append(t.Context(), j.Project, j.UID, 0, list, false); err != nil {
			t.Errorf("Append(%s) = %v, want the same append as without null", list, err)
		}
	}
	if got := r.list(j, input.Query{}); len(got) != 2 || got[0].Data.Input != nil || got[0].Data.Custom != nil || string(got[1].Data.Custom) != "[]" {
		t.Errorf("listed as %+v", got)
	}
}

func TestTheFirstPageIsWrittenLast(t *testing.T) {
	r := newRig(t)
	j := r.Launch("order")
	list := []input.Data{sized(0, 200_000), sized(1, 200_000), sized(2, 200_000)}
	if _, err := r.service.Append(t.Context(), j.Project, j.UID, 0, list, false); err != nil {
		t.Fatal(err)
	}
	if n := len(r.seam.names); n != 3 || r.seam.names[n-1] != "a000000" || !slices.IsSorted(r.seam.names[:n-1]) {
		t.Errorf("pages are written in the order %v, want a000000 last of 3", r.seam.names)
	}
}

func TestAnAppendWhoseOwnerCrashedIsInNobodysWay(t *testing.T) {
	r := newRig(t)
	j := r.Launch("crash")
	crashed := j
	if _, err := r.service.Prepare(t.Context(), crashed, numbered(0, 3)); err != nil { // writes the pages, and nothing else
		t.Fatal(err)
	}
	if _, err := r.service.Append(t.Context(), j.Project, j.UID, 0, numbered(5, 2), false); !errors.Is(err, input.ErrClosed) {
		t.Errorf("another Append at the same place = %v, want ErrClosed, for the first one closes the list", err)
	}
	if now := r.job(j); now.Inputs != 3 || !now.Closed {
		t.Errorf("the job has %d inputs, closed %v; want the 3 of the append that came first", now.Inputs, now.Closed)
	}
	if _, err := r.service.Append(t.Context(), j.Project, j.UID, 0, numbered(0, 3), true); err != nil {
		t.Errorf("the first Append again = %v, want nil", err)
	}
}

func TestAFullLaunchTakesFewPages(t *testing.T) {
	r := newRig(t)
	j := r.prepared(job.MaxInputs)
	if n := len(r.seam.names); n > 12 {
		t.Errorf("%d inputs take %d pages, want at most 12", job.MaxInputs, n)
	}
	for _, from := range []int{0, 9_999, 50_000, 99_999} {
		page, _, err := r.service.List(t.Context(), j, input.Query{From: from, Limit: 1})
		if want := numbered(from, 1)[0]; err != nil || len(page) != 1 || string(page[0].Data.Input) != string(want.Input) {
			t.Errorf("List from %d = %+v, %v, want %s", from, page, err, want.Input)
		}
	}
}

func TestAnEmptyAppendThatClosesFinishesWhatIsDone(t *testing.T) {
	r := newRig(t)
	j := r.Launch("done")
	if _, err := r.service.Append(t.Context(), j.Project, j.UID, 0, numbered(0, 2), false); err != nil {
		t.Fatal(err)
	}
	if out := r.report(j, succeeded(0), succeeded(1)); out.Job.Status != job.Running {
		t.Errorf("the job is %s while its list is open, want running", out.Job.Status)
	}
	got, err := r.service.Append(t.Context(), j.Project, j.UID, 2, nil, true)
	if err != nil || got.Status != job.Finished {
		t.Errorf("the closing append = %s, %v, want the job finished", got.Status, err)
	}
}

func TestTheUIDOfAnInputTellsItsIndex(t *testing.T) {
	const jobUID, other = "0190a5d1-7c00-7abc-8def-0123456789ab", "0190a5d1-7c00-7abc-8def-0124456789ab"
	for _, index := range []int{0, 1, 500, job.MaxInputs - 1} {
		u := input.UID(jobUID, index)
		if got, ok := input.Index(jobUID, u); got != index || !ok {
			t.Errorf("Index(%s) = %d, %v, want %d", u, got, ok, index)
		}
		if got, ok := input.Index(other, u); ok {
			t.Errorf("Index(%s) of another job = %d, want none", u, got)
		}
	}
	if u := input.UID(jobUID, 17); u != "0190a5d1-7c00-7abc-8def-012300000011" {
		t.Errorf("UID(17) = %s", u)
	}
	for _, u := range []string{"", "17", jobUID, input.UID(jobUID, job.MaxInputs), strings.ToUpper(input.UID(jobUID, 10)), input.UID(jobUID, 1) + "0"} {
		if got, ok := input.Index(jobUID, u); ok {
			t.Errorf("Index(%q) = %d, want none", u, got)
		}
	}
}
