package job

import (
	"context"
	"time"
)

// Store keeps jobs. It is safe for concurrent use.
//
// A write is atomic and durable when it returns, and it is the publish: the engine hands the job as written to fan-out at
// least once, after the write. Expired jobs (Retention after the last change) are not found, whether removed yet or not.
// Every error that is none of the sentinels means that the outcome is unknown.
type Store interface {
	// Create writes a job that was launched. ErrExists if there is one of this uid.
	Create(ctx context.Context, j Job) error
	// Get reads a job of the project, as of the last write that returned. ErrNotFound also for another project's.
	Get(ctx context.Context, project, uid string) (Job, error)
	// Update writes j on condition that the stored job has the version before it and totals that are not later than those of j.
	// ErrStale if not, ErrNotFound without one. It leaves Inputs and Closed alone.
	Update(ctx context.Context, j Job) error
	// Extend moves the end of the job's list of inputs, and closes it if closed is true. It is no change: the version stays, and
	// nothing goes to fan-out. Condition: the list is open and ends at from. ErrStale if not, ErrNotFound without a job.
	Extend(ctx context.Context, project, uid string, from, to int, closed bool) error
	// SetTotals keeps totals whose clock is higher than that of the stored ones; others, and a missing job, are no error and
	// change nothing. It is no change, as Extend is none.
	SetTotals(ctx context.Context, project, uid string, t Totals) error
	// List lists jobs of the project, newest first. A page may be short, even empty, before the end; next is the position to go on
	// from, empty at the end. It may lag behind writes by seconds.
	List(ctx context.Context, q Query) (page []Job, next string, err error)
}

// Query says which jobs are listed. Zero fields but Project and Limit do not narrow. Configurations are left out.
type Query struct {
	Project  string
	Workflow string
	Status   Status
	Since    time.Time // of the uid's time, inclusive
	Until    time.Time // exclusive
	Before   string    // a position: only jobs whose uid is below it
	Skip     int       // how many of the newest to pass over; only where Workflow is given and Status is not
	Limit    int       // 1 to 1,000
}
