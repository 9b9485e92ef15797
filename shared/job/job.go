package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// Caps. Texts are counted in bytes of UTF-8.
const (
	MaxName    = 256 // bytes of a job's or workflow's name
	MaxError   = 512 // bytes of error_message; what is longer is cut
	MaxChanges = 20  // changes a job remembers, newest last
	// Retention is how long a job is kept after its last change.
	Retention = 62 * 24 * time.Hour
)

var (
	ErrNotFound   = errors.New("no such job")
	ErrExists     = errors.New("a job with this uid exists")
	ErrStale      = errors.New("the job has changed meanwhile")
	ErrOpenInputs = errors.New("inputs of the job are still open")
	ErrResult     = errors.New("the status is not the result of the job's inputs")
)

// TransitionError says that a job cannot move from one status to another.
type TransitionError struct{ From, To Status }

func (e *TransitionError) Error() string {
	return fmt.Sprintf("a job that is %s cannot become %s", e.From, e.To)
}

// Job is one execution of a workflow. Zero times and empty texts are unknown.
type Job struct {
	UID           string
	Project       string
	Workflow      string // uid
	WorkflowName  string // as it was at launch
	Name          string
	Status        Status
	Version       int             // 1 at launch, one more with each change of status
	Error         string          // error_message of the last change
	Configuration json.RawMessage // what the launch asked for besides inputs; nil: {}
	Inputs        int             // how many the list of inputs has so far; indexes are below it
	Closed        bool            // the list of inputs is complete
	Totals        Totals          // how they stand; may trail behind by a second or so
	Retries       int             // how often the job went back to pending
	CreatedAt     time.Time       //
	UpdatedAt     time.Time       // the last change
	ScheduledAt   time.Time       // told, not enforced
	StartedAt     time.Time       // first running; zero: never ran
	FinishedAt    time.Time       // when it ended last; zero while it has not
	Changes       []Change        // the last MaxChanges, newest last
}

// Change is one change of status. It is an event unless Event is NoEvent.
type Change struct {
	Version int
	Status  Status
	Event   EventType
	Cause   Cause // of requested
	Error   string
	At      time.Time // whole milliseconds, never before the change before it
}

// Launch returns a job that was asked for: version 1, pending, its first event requested. The caller has filled UID,
// Project, the names and the configuration.
func Launch(j Job, at time.Time) Job {
	j.CreatedAt = at.UTC().Truncate(time.Millisecond)
	return j.move(Pending, CauseLaunched, "", j.CreatedAt)
}

// Update is an executor's report.
type Update struct {
	Status  Status
	Error   string // error_message; replaces the one before
	Version int    // the version the executor last saw; 0: whatever it is
}

// Apply returns the job after the report, and whether anything changed: a status the job already has is no change. Of a job that
// has inputs, finished and warning are judged by its Totals, which must be exact. Errors: ErrStale, *TransitionError,
// ErrOpenInputs, ErrResult.
func (j Job) Apply(u Update, at time.Time) (Job, bool, error) {
	switch {
	case u.Version != 0 && u.Version != j.Version:
		return j, false, ErrStale
	case u.Status == j.Status:
		return j, false, nil
	case !j.Status.MayBecome(u.Status):
		return j, false, &TransitionError{From: j.Status, To: u.Status}
	}
	if err := j.Counts().allows(u.Status); err != nil {
		return j, false, err
	}
	return j.move(u.Status, NoCause, cut(u.Error), at), true, nil
}

// Retry returns the job back at pending. Errors: *TransitionError.
func (j Job) Retry(at time.Time) (Job, error) {
	if !j.Status.MayBeRetried() {
		return j, &TransitionError{From: j.Status, To: Pending}
	}
	j.Retries++
	j.FinishedAt = time.Time{}
	return j.move(Pending, CauseRetried, "", at), nil
}

// Cancel returns the job stopped, and whether that changed anything. Errors: *TransitionError.
func (j Job) Cancel(at time.Time) (Job, bool, error) {
	switch {
	case j.Status == Stopped:
		return j, false, nil
	case !j.Status.MayBeCancelled():
		return j, false, &TransitionError{From: j.Status, To: Stopped}
	}
	return j.move(Stopped, NoCause, "", at), true, nil
}

// Last is the job's newest change.
func (j Job) Last() Change { return j.Changes[len(j.Changes)-1] }

// EventUID is the uid of the event that one of the job's changes is.
func (j Job) EventUID(c Change) string { return EventUID(j.UID, c.Version, c.At) }

// move is the one place where a status, a version and a change are written.
func (j Job) move(next Status, cause Cause, message string, at time.Time) Job {
	at = at.UTC().Truncate(time.Millisecond)
	if at.Before(j.UpdatedAt) {
		at = j.UpdatedAt
	}
	event := announces(next, !j.StartedAt.IsZero())
	j.Status, j.Error, j.UpdatedAt = next, message, at
	j.Version++
	if next == Running && j.StartedAt.IsZero() {
		j.StartedAt = at
	}
	if next.Ended() {
		j.FinishedAt = at
	}
	j.Changes = append(slices.Clone(j.Changes), Change{Version: j.Version, Status: next, Event: event, Cause: cause, Error: message, At: at})
	if extra := len(j.Changes) - MaxChanges; extra > 0 {
		j.Changes = j.Changes[extra:]
	}
	return j
}

// cut shortens a message to MaxError bytes, the last of them an ellipsis: a report with a long message must not be lost.
func cut(message string) string {
	if len(message) <= MaxError {
		return message
	}
	end := MaxError - len("…")
	for !utf8.RuneStart(message[end]) {
		end--
	}
	return message[:end] + "…"
}
