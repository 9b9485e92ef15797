package input

import (
	"context"
	"errors"
	"fmt"

	"hermod/shared/job"
)

// census is how the inputs of a job stand.
type census struct {
	totals    job.Totals
	technical bool               // a failure lies in the work, not in the inputs
	reasons   []*reason          // in the order of their first inputs
	labels    map[string]*reason // the same
}

// reason is a label of errors.
type reason struct {
	label string
	count int
	first int   // the first of its inputs whose error has more than a label and a scope
	where token // of that error; zero: there is none such
}

// take counts one chunk.
func (n *census) take(c *chunk) {
	n.totals.Clock += c.version
	for i, s := range &c.inputs {
		switch s.status {
		case Running:
			n.totals.Running++
		case Succeeded:
			n.totals.Succeeded++
		case Failed:
			n.totals.Failed++
			n.technical = n.technical || !Functional(s.failure.scope)
			n.blame(s, c.first()+i)
		}
		n.totals.Outputs += s.outputs
	}
}

// blame counts a failure.
func (n *census) blame(s state, index int) {
	r := n.labels[s.failure.label]
	if r == nil {
		r = &reason{label: s.failure.label}
		n.reasons, n.labels[r.label] = append(n.reasons, r), r
	}
	if r.count++; r.where == (token{}) {
		r.first, r.where = index, s.detail
	}
}

// result is the status of a job whose inputs all have an outcome.
func (n *census) result() job.Status {
	switch {
	case n.totals.Succeeded > 0:
		return job.Finished
	case n.technical:
		return job.Shutdown
	}
	return job.Warning
}

// worst is the most frequent reason, of equals the one that came first; one without a label only if there is no other. nil: nothing failed.
func (n *census) worst() (worst *reason) {
	for _, r := range n.reasons {
		if worst == nil || worst.label == "" || r.label != "" && r.count > worst.count {
			worst = r
		}
	}
	return worst
}

// count takes the census of a job. Every input that has an outcome counts, also one that was appended since the job was read: totals
// with the same clock are always the same.
func (s *Service) count(ctx context.Context, j job.Job) (*census, error) {
	n := &census{labels: map[string]*reason{}}
	err := s.eachChunk(ctx, refOf(j), 0, chunksOf(j), func(c *chunk) error {
		n.take(c)
		return nil
	})
	return n, err
}

// why says in one line why inputs failed.
func (s *Service) why(ctx context.Context, r job.Ref, n *census) (string, error) {
	worst := n.worst()
	switch {
	case worst == nil:
		return "", nil
	case worst.where == token{}:
		return worst.label, nil
	}
	pages, err := s.readResults(ctx, r, chunkOf(worst.first), worst.where)
	if err != nil {
		return "", err
	}
	e := pages[worst.where].error(worst.first)
	switch {
	case e == nil || e.Message == "":
		return worst.label, nil
	case worst.label == "":
		return e.Message, nil
	}
	return worst.label + ": " + e.Message, nil
}

// Count returns the job with exact totals, and why its inputs failed in one line: the most frequent label and its first message; empty if
// none failed, or none was told why. A status that states a result must be judged on it.
func (s *Service) Count(ctx context.Context, j job.Job) (counted job.Job, why string, err error) {
	n, err := s.count(ctx, j)
	if err != nil {
		return j, "", err
	}
	j.Totals = n.totals
	why, err = s.why(ctx, refOf(j), n)
	return j, why, err
}

// Finish finishes the job if its list is closed and no input is open, and returns it as it stands. A job that ended or is paused, or has
// no inputs, is left as it is.
func (s *Service) Finish(ctx context.Context, project, uid string) (job.Job, error) {
	for range maxTries {
		j, err := s.Jobs.Get(ctx, project, uid)
		if err != nil || !j.Closed || j.Inputs == 0 || j.Status != job.Pending && j.Status != job.Running {
			return j, err
		}
		n, err := s.count(ctx, j)
		if err != nil {
			return j, err
		}
		if j.Totals = n.totals; j.Counts().Open() > 0 {
			return j, nil
		}
		if j, err = s.finish(ctx, j, n); !errors.Is(err, job.ErrStale) {
			return j, err
		}
	}
	return job.Job{}, ErrBusy
}

// finish takes a job whose inputs all have an outcome to its result.
func (s *Service) finish(ctx context.Context, j job.Job, n *census) (job.Job, error) {
	u := job.Update{Status: n.result()}
	var err error
	if u.Status != job.Finished {
		if u.Error, err = s.why(ctx, refOf(j), n); err != nil {
			return j, err
		}
	}
	if j.Status == job.Pending {
		if j, err = s.move(ctx, j, job.Update{Status: job.Running}); err != nil {
			return j, err
		}
	}
	if j, err = s.move(ctx, j, u); err == nil {
		s.Logger.Info("job finished with its last input", "job", j.UID, "project", j.Project, "status", string(j.Status),
			"inputs", j.Inputs, "succeeded", n.totals.Succeeded, "failed", n.totals.Failed, "outputs", n.totals.Outputs)
	}
	return j, err
}

// move changes the status of a job. Errors: job.ErrStale.
func (s *Service) move(ctx context.Context, j job.Job, u job.Update) (job.Job, error) {
	moved, _, err := j.Apply(u, s.Now())
	if err == nil {
		err = s.Jobs.Update(ctx, moved)
	}
	if err != nil {
		return j, fmt.Errorf("take job %s to %s: %w", j.UID, u.Status, err)
	}
	return moved, nil
}

// Settle brings the job's totals up to date and finishes it if it is time. It may be called at any time, any number of times, and by
// several at once. A job that is gone is no error.
//
// Totals come first: whoever takes the job back to pending on older ones, because inputs are open by them, loses and counts again.
func (s *Service) Settle(ctx context.Context, project, uid string) error {
	j, err := s.Jobs.Get(ctx, project, uid)
	switch {
	case errors.Is(err, job.ErrNotFound):
		return nil
	case err != nil:
		return err
	case j.Inputs == 0:
		return nil
	}
	n, err := s.count(ctx, j)
	if err != nil {
		return err
	}
	if n.totals.Clock > j.Totals.Clock {
		if err := s.Jobs.SetTotals(ctx, project, uid, n.totals); err != nil {
			return fmt.Errorf("set the totals of job %s: %w", uid, err)
		}
	}
	if j.Totals = n.totals; j.Counts().Open() > 0 {
		return nil
	}
	_, err = s.Finish(ctx, project, uid)
	if errors.Is(err, job.ErrNotFound) {
		return nil
	}
	return err
}
