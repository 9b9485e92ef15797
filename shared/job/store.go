package job

import "context"

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
	// Update writes j on condition that the stored job has the version before it. ErrStale if not, ErrNotFound without one.
	Update(ctx context.Context, j Job) error
}
