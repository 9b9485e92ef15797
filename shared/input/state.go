package input

import (
	"fmt"
	"time"
)

// state is how one input stands.
type state struct {
	status   Status
	retries  int
	outputs  int
	started  int64   // Unix milliseconds of the first report of this try; 0: none yet
	finished int64   // of its outcome; 0: it has none
	failure  failure // the last one; zero: none, or none that was told
	detail   token   // of the result page with what it has besides: the error's message, or rows
}

// failure is what a program tells failures apart by.
type failure struct{ label, scope string }

// failureOf returns what a report says of a failure. An error without a scope has that of its label.
func failureOf(e *Error) failure {
	if e == nil {
		return failure{}
	}
	if e.Scope == "" {
		return failure{e.Label, ScopeOf(e.Label)}
	}
	return failure{e.Label, e.Scope}
}

// verdict is what a report of an input comes to.
type verdict int

const (
	applied verdict = iota
	already
	refused
)

// take returns the input as it stands after a report.
func (s state) take(r Report, at int64, detail token) (state, verdict) {
	switch {
	case s.standsAs(r):
		return s, already
	case !s.status.Open():
		return s, refused
	}
	if s.started == 0 {
		s.started = at
	}
	s.status = r.Status
	if r.Status.Open() {
		return s, applied
	}
	s.finished, s.outputs = max(at, s.started), r.Outputs
	s.failure, s.detail = failure{}, detail
	if r.Status == Failed {
		s.failure = failureOf(r.Error)
	}
	return s, applied
}

// standsAs reports whether a report tells nothing new.
func (s state) standsAs(r Report) bool {
	if s.status != r.Status {
		return false
	}
	switch s.status {
	case Succeeded:
		return s.outputs == r.Outputs
	case Failed:
		return s.failure == failureOf(r.Error)
	}
	return true
}

// refusal says why a report does not go.
func (s state) refusal(r Report) string {
	switch {
	case s.status == Succeeded && r.Status == Succeeded:
		return fmt.Sprintf("it has succeeded with %d outputs, and that is final", s.outputs)
	case s.status == Succeeded:
		return "it has succeeded, and that is final"
	case r.Status == Failed:
		return "it has failed with another error, and that stands until a retry sends it back"
	}
	return "it has failed, and that stands until a retry sends it back"
}

// reopen returns a failed input sent back. Why it failed stays until it succeeds.
func (s state) reopen() state {
	return state{status: Pending, retries: s.retries + 1, failure: s.failure, detail: s.detail}
}

// class says whether sending a failed input back may help.
func (s state) class() Retryable { return Class(s.failure.label, s.failure.scope) }

// moment returns a time of a state.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
