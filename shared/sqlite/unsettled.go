package sqlite

import (
	"context"
	"time"

	"hermod/shared/job"
)

// Mark says that a job is to be settled.
type Mark struct {
	job.Ref
	ID int64 // each reason to settle the job gives it a new one
}

// mark has a job settled, in the operation that is the reason.
func (db *DB) mark(t *tx, r job.Ref) error {
	t.onCommit(func() {
		select {
		case db.marked <- struct{}{}:
		default:
		}
	})
	_, err := t.exec("INSERT INTO unsettled (job, project, mark) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET mark = excluded.mark",
		r.Job, r.Project, db.nextID())
	return err
}

// Unsettled returns up to limit jobs that are marked, in the order of their uids and above after; it waits for the first one up to
// wait. None is no error. A mark stays until it is settled: it is returned again.
func (s *Jobs) Unsettled(ctx context.Context, after string, limit int, wait time.Duration) ([]Mark, error) {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for {
		marks, err := readAll(ctx, s.db, "read jobs to settle", decodeMark,
			"SELECT project, job, mark FROM unsettled WHERE job > ? ORDER BY job LIMIT ?", after, limit)
		if err != nil || len(marks) > 0 || wait <= 0 {
			return marks, err
		}
		select {
		case <-s.db.marked:
		case <-timeout.C:
			return nil, nil
		case <-s.db.closing:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Settled removes marks. A job that was marked anew meanwhile stays marked.
func (s *Jobs) Settled(ctx context.Context, marks ...Mark) error {
	return s.db.write(ctx, "settle jobs", func(t *tx) error {
		for _, m := range marks {
			if _, err := t.exec("DELETE FROM unsettled WHERE job = ? AND mark = ?", m.Job, m.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

func decodeMark(r row) (Mark, error) {
	return Mark{Ref: job.Ref{Project: r.text(0), Job: r.text(1)}, ID: r.int(2)}, nil
}
