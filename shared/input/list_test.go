package input_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/input"
	"hermod/shared/job"
)

func TestInputsAreListedByWhatIsAskedFor(t *testing.T) {
	r := newRig(t)
	j := r.partly()
	if _, err := r.service.Retry(t.Context(), j.Project, j.UID, input.Selection{Indexes: []int{1, 601}}); err != nil {
		t.Fatal(err)
	}
	yes, no := true, false
	tests := []struct {
		name  string
		query input.Query
		want  []int
	}{
		{"failed", input.Query{Status: input.Failed}, []int{2, 3, 600, 602}},
		{"pending", input.Query{Status: input.Pending}, []int{1, 601}},
		{"running", input.Query{Status: input.Running}, nil},
		{"a label, whatever became of it", input.Query{Label: "STATUS_429"}, []int{1, 600}},
		{"a label, failed", input.Query{Label: "STATUS_429", Status: input.Failed}, []int{600}},
		{"retryable", input.Query{Retryable: &yes}, []int{2, 600}},
		{"not retryable", input.Query{Retryable: &no}, []int{3, 602}},
		{"not retryable, from 4", input.Query{Retryable: &no, From: 4}, []int{602}},
		{"a label that there is not", input.Query{Label: "X"}, nil},
		{"from beyond the end", input.Query{From: 603}, nil},
	}
	for _, test := range tests {
		for _, limit := range []int{1, 2, 100} {
			var got []int
			test.query.Limit = limit
			for _, in := range r.list(j, test.query) {
				got = append(got, in.Index)
				if want := fmt.Sprintf(`{"number":%d}`, in.Index); string(in.Data.Input) != want {
					t.Errorf("%s: input %d is %s, want %s", test.name, in.Index, in.Data.Input, want)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s, %d a page (-want +got):\n%s", test.name, limit, diff)
			}
		}
	}
	if all := r.list(j, input.Query{}); len(all) != 603 || all[602].Index != 602 {
		t.Errorf("%d inputs are listed, want 603", len(all))
	}
}

func TestASearchThatFindsLittleComesBackSoon(t *testing.T) {
	r := newRig(t)
	j := r.prepared(30_000)
	r.report(j, failed(29_999, "A", "the last"))
	r.seam.since("chunks")
	page, next, err := r.service.List(t.Context(), j, input.Query{Status: input.Failed, Limit: 10})
	if n := r.seam.since("chunks"); err != nil || len(page) != 0 || next != 10_000 || n != 20 {
		t.Errorf("List = %d inputs, go on from %d, %v, after %d chunks; want none, 10000, after 20", len(page), next, err, n)
	}
	if got := r.list(j, input.Query{Status: input.Failed}); len(got) != 1 || got[0].LastError.Message != "the last" {
		t.Errorf("the whole search finds %+v, want the last input", got)
	}
	r.report(j, succeeded(29_998, `1`))
	r.seam.since("chunks")
	rows, at, err := r.service.Results(t.Context(), j, "", 10)
	if n := r.seam.since("chunks"); err != nil || len(rows) != 0 || at == "" || n != 20 {
		t.Errorf("Results = %d rows, go on from %q, %v, after %d chunks; want none, after 20", len(rows), at, err, n)
	}
	if got := r.results(j, 10); len(got) != 1 {
		t.Errorf("the whole search finds %d rows, want 1", len(got))
	}
}

func TestAnAnswerIsNotTooLong(t *testing.T) {
	r := newRig(t)
	j := r.Launch("long")
	for from := 0; from < 30; from += 10 {
		var list []input.Data
		for i := range 10 {
			list = append(list, sized(from+i, 250_000))
		}
		if _, err := r.service.Append(t.Context(), j.Project, j.UID, from, list, from == 20); err != nil {
			t.Fatal(err)
		}
	}
	row := `"` + strings.Repeat("r", 250_000) + `"`
	for i := range 30 {
		r.report(j, succeeded(i, row))
	}
	page, next, err := r.service.List(t.Context(), r.job(j), input.Query{Limit: 100})
	if err != nil || len(page) != 8 || next != 8 {
		t.Errorf("List = %d inputs of 250 KB, go on from %d, %v; want 8", len(page), next, err)
	}
	rows, _, err := r.service.Results(t.Context(), r.job(j), "", 100)
	if err != nil || len(rows) != 8 {
		t.Errorf("Results = %d rows of 250 KB, %v; want 8", len(rows), err)
	}
	if inputs, rows := len(r.list(j, input.Query{})), len(r.results(j, 100)); inputs != 30 || rows != 30 {
		t.Errorf("page by page there are %d inputs and %d rows, want 30 and 30", inputs, rows)
	}
}

func TestManyPagesAreReadAtOnce(t *testing.T) {
	r := newRig(t)
	j := r.prepared(100)
	for i := range 100 {
		if i%2 == 0 {
			r.report(j, failed(i, "A", fmt.Sprint("because of ", i)))
		} else {
			r.report(j, succeeded(i, fmt.Sprint(i)))
		}
	}
	r.seam.since("pages")
	for _, in := range r.list(j, input.Query{Status: input.Failed}) {
		if want := fmt.Sprint("because of ", in.Index); in.LastError == nil || in.LastError.Message != want {
			t.Errorf("the error of input %d is %+v, want %s", in.Index, in.LastError, want)
		}
	}
	if n := r.seam.since("pages"); n > 4 {
		t.Errorf("50 errors take %d reads of pages, want at most 4", n)
	}
	rows := r.results(j, 100)
	if n := r.seam.since("pages"); n > 4 || len(rows) != 50 {
		t.Errorf("%d rows take %d reads of pages, want 50 in at most 4", len(rows), n)
	}
	if !slices.IsSortedFunc(rows, func(x, y input.Row) int { return x.Index - y.Index }) {
		t.Errorf("rows that were reported one by one are out of order: %v", rows)
	}
}

func TestNoRowIsSeenTwiceWhileMoreIsReported(t *testing.T) {
	r := newRig(t)
	j := r.prepared(600)
	for i := 0; i < 600; i += 3 {
		r.report(j, succeeded(i, fmt.Sprint(i), fmt.Sprint(i)+".5"))
	}
	seen := map[string]int{}
	next := 0
	for from := ""; ; {
		rows, at, err := r.service.Results(t.Context(), j, from, 17)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			seen[string(row.Doc)]++
		}
		for range 10 { // reports go on, before and behind the reader
			if next++; next < 600 && next%3 != 0 {
				r.report(j, succeeded(next, fmt.Sprint(next)))
			}
		}
		if at == "" {
			break
		}
		from = at
	}
	for i := 0; i < 600; i += 3 {
		for _, row := range []string{fmt.Sprint(i), fmt.Sprint(i) + ".5"} {
			if seen[row] != 1 {
				t.Errorf("row %s was seen %d times, want once", row, seen[row])
			}
		}
	}
	for row, n := range seen {
		if n > 1 {
			t.Errorf("row %s was seen %d times", row, n)
		}
	}
}

func TestAForeignPositionIsRefused(t *testing.T) {
	r := newRig(t)
	j := r.prepared(2)
	r.report(j, succeeded(0, `1`), succeeded(1, `2`))
	for _, from := range []string{"0", "0.0", "x.000000000000.0", "-1.000000000000.0", "0.00.0", "0.zzzzzzzzzzzz.0", "0.000000000000.-1", "0.000000000000.0.0"} {
		if rows, _, err := r.service.Results(t.Context(), j, from, 10); err == nil {
			t.Errorf("Results from %q = %v, want an error", from, rows)
		}
	}
	for from, want := range map[string]int{"0.000000000000.0": 2, "0.ffffffffffff.0": 0, "1.000000000000.0": 0, "900.000000000000.7": 0} {
		if rows, next, err := r.service.Results(t.Context(), j, from, 10); err != nil || len(rows) != want || next != "" {
			t.Errorf("Results from %q = %v, %q, %v, want %d rows", from, rows, next, err, want)
		}
	}
}

func TestAJobWithoutInputsHasNoRows(t *testing.T) {
	r := newRig(t)
	j := r.Launch("none")
	if rows, next, err := r.service.Results(t.Context(), j, "", 10); err != nil || len(rows) != 0 || next != "" {
		t.Errorf("Results = %v, %q, %v, want none", rows, next, err)
	}
	if page, next, err := r.service.List(t.Context(), j, input.Query{Limit: 10}); err != nil || len(page) != 0 || next != -1 {
		t.Errorf("List = %v, %d, %v, want none", page, next, err)
	}
}

func TestCountTellsTotalsAndWhy(t *testing.T) {
	r := newRig(t)
	j := r.prepared(600)
	r.report(j, failed(0, "A", "first"), failed(1, "B", "second"), failed(599, "B", "third"), input.Report{Index: 2, Status: input.Succeeded, Outputs: 4})
	got, why, err := r.service.Count(t.Context(), j)
	want := job.Totals{Succeeded: 1, Failed: 3, Outputs: 4, Clock: 2}
	if err != nil || got.Totals != want || why != "B: second" {
		t.Errorf("Count = %+v, %q, %v, want %+v, B: second", got.Totals, why, err, want)
	}
	if _, why, err := r.service.Count(t.Context(), r.prepared(3)); err != nil || why != "" {
		t.Errorf("Count of inputs none of which failed = %q, %v, want nothing", why, err)
	}
}

func ExampleUID() {
	const job = "0190a5d1-7c00-7abc-8def-0123456789ab"
	u := input.UID(job, 300)
	index, ok := input.Index(job, u)
	fmt.Println(u, index, ok)
	// Output: 0190a5d1-7c00-7abc-8def-01230000012c 300 true
}
