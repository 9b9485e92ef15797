package input

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAReportIsJudgedOnTheInputAsItStands(t *testing.T) {
	pending := state{status: Pending}
	running := state{status: Running, started: 10}
	succeeded := state{status: Succeeded, outputs: 3, started: 10, finished: 20}
	failed := state{status: Failed, started: 10, finished: 20, failure: failure{"STATUS_404", "input"}}
	unexplained := state{status: Failed, started: 10, finished: 20}
	again := state{status: Pending, retries: 2, failure: failed.failure, detail: token{1}}
	page := token{7}

	ok := Report{Status: Succeeded, Outputs: 3}
	gone := Report{Status: Failed, Error: &Error{Label: "STATUS_404", Message: "no such profile"}}
	tests := []struct {
		name    string
		before  state
		report  Report
		verdict verdict
		after   state
	}{
		{"pending, running", pending, Report{Status: Running}, applied, state{status: Running, started: 30}},
		{"pending, succeeded", pending, ok, applied, state{status: Succeeded, outputs: 3, started: 30, finished: 30, detail: page}},
		{"pending, failed", pending, gone, applied, state{status: Failed, started: 30, finished: 30, failure: failed.failure, detail: page}},
		{"pending, failed without an error", pending, Report{Status: Failed}, applied, state{status: Failed, started: 30, finished: 30, detail: page}},
		{"running, running", running, Report{Status: Running}, already, running},
		{"running, succeeded", running, ok, applied, state{status: Succeeded, outputs: 3, started: 10, finished: 30, detail: page}},
		{"running, failed", running, gone, applied, state{status: Failed, started: 10, finished: 30, failure: failed.failure, detail: page}},
		{"succeeded, running", succeeded, Report{Status: Running}, refused, succeeded},
		{"succeeded, succeeded", succeeded, ok, already, succeeded},
		{"succeeded, succeeded with more", succeeded, Report{Status: Succeeded, Outputs: 4}, refused, succeeded},
		{"succeeded, failed", succeeded, gone, refused, succeeded},
		{"failed, running", failed, Report{Status: Running}, refused, failed},
		{"failed, succeeded", failed, ok, refused, failed},
		{"failed, failed", failed, gone, already, failed},
		{"failed, failed with another message", failed, Report{Status: Failed, Error: &Error{Label: "STATUS_404", Scope: "input"}}, already, failed},
		{"failed, failed with another scope", failed, Report{Status: Failed, Error: &Error{Label: "STATUS_404", Scope: "auth"}}, refused, failed},
		{"failed, failed without an error", failed, Report{Status: Failed}, refused, failed},
		{"failed without an error, the same", unexplained, Report{Status: Failed}, already, unexplained},
		{"sent back, running", again, Report{Status: Running}, applied, state{status: Running, retries: 2, started: 30, failure: failed.failure, detail: token{1}}},
		{"sent back, succeeded", again, ok, applied, state{status: Succeeded, retries: 2, outputs: 3, started: 30, finished: 30, detail: page}},
	}
	for _, test := range tests {
		after, v := test.before.take(test.report, 30, page)
		if diff := cmp.Diff(test.after, after, cmp.AllowUnexported(state{}, failure{})); v != test.verdict || diff != "" {
			t.Errorf("%s: verdict %d, want %d; after it (-want +got):\n%s", test.name, v, test.verdict, diff)
		}
		if said := test.before.refusal(test.report); v == refused && said == "" {
			t.Errorf("%s: refused without a reason", test.name)
		}
	}
}

func TestAnOutcomeIsNeverBeforeTheStart(t *testing.T) {
	s, _ := state{status: Running, started: 50}.take(Report{Status: Succeeded}, 40, token{})
	if s.finished != 50 {
		t.Errorf("finished at %d by a clock that ran back, want 50, when it started", s.finished)
	}
}

func TestAnInputSentBackKeepsWhyItFailed(t *testing.T) {
	s := state{status: Failed, retries: 1, outputs: 2, started: 10, finished: 20, failure: failure{"A", "auth"}, detail: token{1}}.reopen()
	want := state{status: Pending, retries: 2, failure: failure{"A", "auth"}, detail: token{1}}
	if s != want {
		t.Errorf("reopen = %+v, want %+v", s, want)
	}
}
