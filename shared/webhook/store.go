package webhook

import (
	"context"
	"time"
)

// Store keeps webhooks. It is safe for concurrent use; a write is atomic and durable when it returns. Every error that is none
// of the sentinels means that the outcome is unknown.
//
// A project's hooks version grows with each create, update and delete of any of its webhooks, in the same atomic write. A
// list of matches read after a version is good for as long as the version is the same.
type Store interface {
	// Create writes a new webhook, version 1. ErrQuota beyond MaxPerProject, ErrJobQuota beyond MaxPerJob of the webhook's job.
	Create(ctx context.Context, w Webhook) error
	// Get reads a webhook of the project, as of the last write that returned. ErrNotFound also for another project's and for
	// a deleted one.
	Get(ctx context.Context, project, uid string) (Webhook, error)
	// Update writes w on condition that the stored webhook has version w.Version-1: ErrStale if not, ErrNotFound without
	// one; ErrJobQuota if it would give a job more than MaxPerJob. It leaves ParkedUntil alone.
	Update(ctx context.Context, w Webhook) error
	// Delete removes a webhook; its uid is never used again. ErrNotFound without one.
	Delete(ctx context.Context, project, uid string) error
	// List returns up to limit webhooks of the project, newest first, with a uid below before (empty: from the newest).
	List(ctx context.Context, project, before string, limit int) ([]Webhook, error)
	// Park makes ParkedUntil at least until. It is not an update: version and hooks version stay. A missing webhook is no error.
	Park(ctx context.Context, project, uid string, until time.Time) error
	// HooksVersion reads the project's hooks version, and whether any of its jobs has webhooks of its own, as of the last write
	// that returned. If none has, JobMatches need not be asked for as long as the version is the same.
	HooksVersion(ctx context.Context, project string) (version int, ofJobs bool, err error)
	// ProjectMatches lists the matches of the project's webhooks that are not bound to one job, as of the last write that returned.
	ProjectMatches(ctx context.Context, project string) ([]Match, error)
	// JobMatches lists the matches of the webhooks that are bound to the job, as of the last write that returned.
	JobMatches(ctx context.Context, project, jobUID string) ([]Match, error)
}
