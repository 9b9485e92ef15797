package delivery

import (
	"context"
	"errors"
	"time"

	"hermod/shared/job"
)

var (
	// ErrStale says that a row was not, or not any more, what a write was conditioned on. Nothing was written.
	ErrStale = errors.New("the delivery has moved meanwhile")
	// ErrNoDelivery says that there is no row.
	ErrNoDelivery = errors.New("no such delivery")
)

// Log keeps the rows of deliveries. It is safe for concurrent use; a write is atomic and durable when it returns, and touches
// one row. Expired rows are not found, whether removed yet or not. Every error that is none of the sentinels means that the
// outcome is unknown.
//
// A write adds an attempt as Delivery.Record does, so that it may be repeated when its outcome was unknown. The Answer of an
// attempt is kept for AnswerRetention; it may be written apart, before the row.
type Log interface {
	// Rows reads the rows of these deliveries, as of the last write that returned, in no order, without those that have none. At
	// most 100 are asked for.
	Rows(ctx context.Context, uids ...UID) ([]Delivery, error)
	// Answers reads what the failed attempts of a delivery got back, by the attempt's number; of several with one number, one's.
	Answers(ctx context.Context, u UID) (map[int]Answer, error)

	// Step writes the outcome of a step, or its cancellation: the row becomes d, with the attempt appended if there is one.
	// Condition: the row waits at place was; or there is no row and was is the zero place. ErrStale if not.
	Step(ctx context.Context, d Delivery, was Place, a *Attempt) error
	// Succeed writes succeeded over any other state and appends the attempt. Where there is a row its place stays; where there
	// is none it becomes d. Over succeeded it only appends.
	Succeed(ctx context.Context, d Delivery, a Attempt) error
	// Append appends an attempt made outside the schedule and leaves the rest of the row alone. Without a row it writes d.
	Append(ctx context.Context, d Delivery, a Attempt) error
	// Reopen turns a row that is dead or cancelled in the given cycle into one that waits: the next cycle, step 0, due as
	// given, kept until expires. It returns the row as written. ErrStale if the row is anything else.
	Reopen(ctx context.Context, u UID, cycle int, next time.Time, due Due, expires time.Time) (Delivery, error)
	// Resent moves the due entry of a row that waits at the place, and counts. ErrStale if the row does not wait there.
	Resent(ctx context.Context, u UID, at Place, due Due) error

	// Due lists due entries whose time lies in (after, until], in the order of their time, at most limit. next is the position to
	// go on from with the same bounds, empty at the end; entries that move meanwhile may be seen again or not. It may lag behind
	// writes by seconds.
	Due(ctx context.Context, after, until time.Time, from string, limit int) (page []DueEntry, next string, err error)

	// List lists rows of the project in one state that is not succeeded, newest event first. A page may be short, even empty,
	// before the end; next is the position to go on from, empty at the end. It may lag behind writes by seconds.
	List(ctx context.Context, q Query) (page []Delivery, next string, err error)
	// Count counts the rows that List would list, Before and Limit aside, up to most, which is at least 1. more says that there are more,
	// or may be: among many rows it stops before it has looked at all. It may lag behind writes by seconds, and one that has expired may
	// count until it is removed.
	Count(ctx context.Context, q Query, most int) (n int, more bool, err error)
}

// DueEntry is one row that waits.
type DueEntry struct {
	UID     UID
	Project string
	Place   Place
	Due     Due
	Resends int
}

// Query says which rows are listed. Zero fields but Project and State do not narrow.
type Query struct {
	Project  string
	State    State // Retrying, Dead, Cancelled, or Pending for the rows that are so
	Webhook  string
	Workflow string
	Job      string
	Event    job.EventType
	Class    ErrorClass // of the last attempt
	NoTests  bool       // without those of test events
	Since    time.Time  // of CreatedAt, inclusive
	Until    time.Time  // exclusive
	Before   string     // a position: only rows whose UID is below it
	Limit    int        // 1 to 1,000
}
