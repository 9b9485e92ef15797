package redrive

import (
	"context"
	"errors"
	"time"

	"hermod/shared/delivery"
)

// State is where a task stands.
type State string

const (
	Sending   State = "sending"   // pages are being sent to the lane retry
	Settling  State = "settling"  // everything was sent; dispatch has not reopened all of it yet
	Completed State = "completed" // everything sent was reopened, or an hour has passed; deliveries go their way
	Cancelled State = "cancelled" // on request; what was sent before stays sent
)

// Ended reports whether the task does nothing any more.
func (s State) Ended() bool { return s == Completed || s == Cancelled }

// Retention is how long a task is kept.
const Retention = 30 * 24 * time.Hour

var (
	ErrNotFound = errors.New("no such redrive")
	ErrStale    = errors.New("the redrive has moved meanwhile")
)

// Task is one request to reopen deliveries, and how far it is.
type Task struct {
	UID       string
	Project   string
	Version   int // grows by one with each write; the condition of the next, and what the task's message in ops must carry
	State     State
	Query     delivery.Query // what is reopened; Limit and Before are not used. State is Dead, Cancelled or Missing
	Rate      int            // deliveries a second
	Matched   int            // counted when it was asked for, as Preview counts; Sent may come to exceed it
	Sent      int
	Succeeded int       // of those sent, at CountedAt
	Failed    int       // dead or cancelled again after having been reopened, at CountedAt
	Waiting   int       // of those sent, neither succeeded nor ended again
	Position  string    // where the next page begins
	Pages     int       // pages sent
	SentAt    time.Time // when the last page was sent
	CountedAt time.Time
	CreatedAt time.Time
	UpdatedAt time.Time
	EndedAt   time.Time
}

// Item is one delivery that a task sent, and the cycle its row had.
type Item struct {
	UID   delivery.UID
	Cycle int
}

// Store keeps tasks and what they sent, for Retention. It is safe for concurrent use; a write is atomic and durable when it
// returns.
type Store interface {
	// CreateTask writes a new task.
	CreateTask(ctx context.Context, t Task) error
	// Task reads one of the project. ErrNotFound also for another project's.
	Task(ctx context.Context, project, uid string) (Task, error)
	// UpdateTask writes t on condition that the stored task has version t.Version-1. ErrStale if not.
	UpdateTask(ctx context.Context, t Task) error
	// ListTasks returns up to limit tasks of the project, newest first, with a uid below before (empty: from the newest).
	ListTasks(ctx context.Context, project, before string, limit int) ([]Task, error)
	// PutPage keeps what page n of a task sends; writing it again replaces it.
	PutPage(ctx context.Context, task string, n int, items []Item) error
	// Page reads page n of a task; none is empty.
	Page(ctx context.Context, task string, n int) ([]Item, error)
}
