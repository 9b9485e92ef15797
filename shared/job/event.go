package job

import (
	"slices"
	"time"

	"hermod/shared/uid"
)

// EventType is a kind of fact about a job that webhooks can ask for. In a webhook's list of events it is the bare word; in
// payloads and headers it is Qualified.
type EventType string

const (
	NoEvent        EventType = ""
	EventCreated   EventType = "created"   // the first time in its life that the job runs
	EventSucceeded EventType = "succeeded" // each time it becomes finished
	EventFailed    EventType = "failed"    // each time it becomes warning or shutdown
	EventRequested EventType = "requested" // launched, or back to pending by a retry
	EventPaused    EventType = "paused"    // each time it becomes paused
	EventStopped   EventType = "stopped"   // each time it becomes stopped
)

// EventTypes lists every event type; the core three first.
var EventTypes = []EventType{EventCreated, EventSucceeded, EventFailed, EventRequested, EventPaused, EventStopped}

// Known reports whether t is one of EventTypes.
func (t EventType) Known() bool { return slices.Contains(EventTypes, t) }

// Qualified returns the name with its subject: job.succeeded.
func (t EventType) Qualified() string { return "job." + string(t) }

// Message returns the sentence that payload v3 carries.
func (t EventType) Message() string { return messages[t] }

var messages = map[EventType]string{
	EventCreated:   "Job started.",
	EventSucceeded: "Job successfully finished.",
	EventFailed:    "Job failed.",
	EventPaused:    "Job paused.",
	EventStopped:   "Job stopped.",
	EventRequested: "Job requested.",
}

// Cause says why a job was requested.
type Cause string

const (
	NoCause       Cause = ""
	CauseLaunched Cause = "launch"
	CauseRetried  Cause = "retry"
)

// EventUID returns the uid of the event that a job's change of the given version and time is: whoever computes it, however
// often, it is the same.
func EventUID(jobUID string, version int, at time.Time) string {
	return uid.Derive(at, jobUID, version)
}

// announces returns the event of a change from one status to another. startedBefore: the job has been running in its life.
func announces(next Status, startedBefore bool) EventType {
	switch next {
	case Pending:
		return EventRequested
	case Running:
		if startedBefore {
			return NoEvent
		}
		return EventCreated
	case Finished:
		return EventSucceeded
	case Warning, Shutdown:
		return EventFailed
	case Paused:
		return EventPaused
	case Stopped:
		return EventStopped
	}
	return NoEvent
}
