package job

import "slices"

// Status is where a job stands. An executor moves it along these arrows:
//
//	         ┌────────────> running ────> finished
//	         │               │  ▲ ├─────> warning
//	pending ─┤               ▼  │ │
//	         ├────────────> paused│
//	         └> shutdown, stopped <┘
//
// Two more moves have doors of their own: Retry takes what ended or paused back to pending, Cancel takes to stopped whatever
// did not succeed and was not stopped yet.
type Status string

const (
	Pending  Status = "pending"  // launched, or sent back by Retry; left by the first report
	Running  Status = "running"  // the executor works on it
	Finished Status = "finished" // succeeded: at least one input did, or the job has none and its executor says so
	Warning  Status = "warning"  // failed for reasons that lie in the inputs
	Shutdown Status = "shutdown" // failed for technical reasons
	Paused   Status = "paused"   // waits for running again
	Stopped  Status = "stopped"  // ended on request
)

// Statuses lists every status, in the order of a job's life.
var Statuses = []Status{Pending, Running, Finished, Warning, Shutdown, Paused, Stopped}

var (
	// arrows are the moves that an executor may report.
	arrows = map[Status][]Status{
		Pending: {Running, Shutdown, Stopped, Paused},
		Running: {Finished, Warning, Shutdown, Paused, Stopped},
		Paused:  {Running},
	}
	retryable   = []Status{Finished, Warning, Shutdown, Stopped, Paused}
	cancellable = []Status{Pending, Running, Paused, Warning, Shutdown}
)

// Known reports whether s is one of Statuses.
func (s Status) Known() bool { return slices.Contains(Statuses, s) }

// MayBecome reports whether an executor may move a job from s to next.
func (s Status) MayBecome(next Status) bool { return slices.Contains(arrows[s], next) }

// MayBeRetried reports whether Retry takes a job of this status back to pending.
func (s Status) MayBeRetried() bool { return slices.Contains(retryable, s) }

// MayBeCancelled reports whether Cancel takes a job of this status to stopped.
func (s Status) MayBeCancelled() bool { return slices.Contains(cancellable, s) }

// Ended reports whether a job with this status is over unless somebody retries it.
func (s Status) Ended() bool {
	return s == Finished || s == Warning || s == Shutdown || s == Stopped
}
