package delivery

import (
	"slices"
	"time"

	"hermod/shared/job"
)

// Times that rows are kept.
const (
	Retention       = 30 * 24 * time.Hour // rows and archived events, after they were written or reopened
	AnswerRetention = 7 * 24 * time.Hour  // what failed attempts got back
	LetterRetention = 14 * 24 * time.Hour // messages in any queue
	// MaxAttempts is how many attempts a row keeps; beyond it the oldest are dropped. AttemptCount counts them all.
	MaxAttempts = 100
)

// State is where a delivery stands.
type State string

const (
	Pending   State = "pending"   // matched, no outcome yet; or a manual attempt failed before the first step was taken
	Retrying  State = "retrying"  // a step failed, or the delivery was reopened: the next step waits
	Succeeded State = "succeeded" // a receiver accepted it; never left
	Dead      State = "dead"      // the schedule is used up; left by redrive or by a manual attempt that is accepted
	Cancelled State = "cancelled" // fell due while its webhook was disabled or deleted; left as dead is
)

// States lists every state.
var States = []State{Pending, Retrying, Succeeded, Dead, Cancelled}

// Known reports whether s is one of States.
func (s State) Known() bool { return slices.Contains(States, s) }

// Waits reports whether a step is still to come.
func (s State) Waits() bool { return s == Pending || s == Retrying }

// Reason says why a delivery is dead or cancelled.
type Reason string

const (
	ReasonExhausted Reason = "exhausted"        // dead: every attempt of the schedule failed
	ReasonGone      Reason = "gone"             // dead: the receiver answered 410
	ReasonFault     Reason = "fault"            // dead: our own fault kept its outcome from being written, too often
	ReasonDisabled  Reason = "webhook_disabled" // cancelled
	ReasonDeleted   Reason = "webhook_deleted"  // cancelled
	ReasonTest      Reason = "test_failed"      // cancelled: a test event is sent once; redrives leave it alone
)

// Place is where a delivery stands in its schedules.
type Place struct {
	Cycle int // how often it was reopened
	Step  int // the attempt of the cycle's schedule that comes next, from 0; one past the last after a death
}

// Due is a row's entry in the index of what waits. The zero Due is no entry.
type Due struct {
	At time.Time
	// Own is true for a wait too long for a message: At is the time of the attempt, and the sweeper sends the message. False:
	// a message is under way, and At, one hour after its time, is when the sweeper concludes that it was lost.
	Own bool
}

// Delivery is the row of a delivery. An engine adds the attempts; writers pass it without them.
type Delivery struct {
	UID       UID
	Project   string
	Job       string
	Workflow  string
	Event     job.EventType
	Sequence  int  // the job's version
	Test      bool // of a test event
	State     State
	Reason    Reason // of dead and cancelled
	Place     Place
	NextAt    time.Time // when the next step is to be taken; zero unless it waits
	Due       Due
	Resends   int       // how often the sweeper sent the step again; a step that moves resets it
	CreatedAt time.Time // of the event
	EndedAt   time.Time // last time it became succeeded, dead or cancelled; zero while it waits
	ExpiresAt time.Time // reopening moves it

	AttemptCount int // requests made; steps spent without one do not count
	LastStatus   int
	LastClass    ErrorClass
	LastError    string
	Attempts     []Attempt // oldest first
}

// At reports whether a step of the given place may be taken, and its failure or cancellation written: the row waits there.
func (d Delivery) At(p Place) bool { return d.State.Waits() && d.Place == p }

// NextNumber is the number of the request that would be made next. Requests that are made at once may get the same.
func (d Delivery) NextNumber() int { return d.AttemptCount + 1 }

// Record adds an attempt to the row, in memory: the one rule about counts, the last outcome and MaxAttempts that engines share.
// An attempt that is there already is not added again: a write whose outcome was unknown may have been repeated.
func (d Delivery) Record(a Attempt) Delivery {
	if slices.ContainsFunc(d.Attempts, a.Same) {
		return d
	}
	if a.Number > 0 {
		d.AttemptCount++
	}
	d.LastStatus, d.LastClass, d.LastError = a.Status, a.Class, a.Error
	a.Answer = nil
	d.Attempts = append(slices.Clone(d.Attempts), a)
	if extra := len(d.Attempts) - MaxAttempts; extra > 0 {
		d.Attempts = d.Attempts[extra:]
	}
	return d
}
