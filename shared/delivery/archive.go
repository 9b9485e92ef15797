package delivery

import (
	"context"
	"errors"
	"time"

	"hermod/shared/job"
)

// ErrNoEvent says that the archive has no such event, or not any more.
var ErrNoEvent = errors.New("no such event in the archive")

// Archive keeps events for Retention after Put or the latest Extend; expired ones are not found, whether removed yet or not.
// It is safe for concurrent use; a write is atomic and durable when it returns. Every error that is not ErrNoEvent means that
// the outcome is unknown.
type Archive interface {
	// Put stores the event unless one of its uid is there. It returns the event as stored and whether it was there before: a
	// run again goes on with the bodies and matches of the first run.
	Put(ctx context.Context, e Event) (stored Event, existed bool, err error)
	// Event reads one of the project, as of the last write that returned. ErrNoEvent also for another project's.
	Event(ctx context.Context, project, uid string) (Event, error)
	// AddMatch adds a webhook to an event, and its body if the event has none in that format; a webhook already matched, and a
	// body already there, stay as they are. It returns the event as stored. ErrNoEvent without one.
	AddMatch(ctx context.Context, project, uid string, m Match, body []byte) (Event, error)
	// Extend keeps the event until at least the given time. A missing event is no error.
	Extend(ctx context.Context, project, uid string, until time.Time) error
	// Events lists events of the project, newest first, without their bodies. A page may be short, even empty, before the end;
	// next is the position to go on from, empty at the end. What was there when paging began is neither skipped nor repeated.
	Events(ctx context.Context, q EventQuery) (page []Event, next string, err error)
}

// EventQuery says which events are listed. Zero fields do not narrow.
type EventQuery struct {
	Project string
	Job     string
	Webhook string // matched
	Type    job.EventType
	Since   time.Time // inclusive
	Until   time.Time // exclusive
	Before  string    // a position: only events whose uid is below it
	Limit   int       // 1 to 1,000
}
