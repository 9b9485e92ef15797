package input

import (
	"context"
	"errors"
	"fmt"

	"hermod/shared/job"
)

var errMissing = errors.New("there is no such page")

// Prepare writes the inputs of a job that is about to be created, and returns the job that has them, its list closed. Without inputs it
// returns the job as it is, its list open. Errors: ErrQuota.
func (s *Service) Prepare(ctx context.Context, j job.Job, list []Data) (job.Job, error) {
	switch {
	case len(list) == 0:
		return j, nil
	case len(list) > job.MaxInputs:
		return j, ErrQuota
	}
	first, more, err := layOut(0, list, true)
	if err == nil {
		err = s.writeAppend(ctx, refOf(j), first, more)
	}
	if err == nil {
		j.Inputs, j.Closed = len(list), true
	}
	return j, err
}

// Append adds inputs at the end of a job's list, and closes it if last is true. from is the index of the first of them. The same append
// again changes nothing. Errors: job.ErrNotFound, ErrClosed, ErrEnded, ErrOther, ErrQuota, *GapError.
func (s *Service) Append(ctx context.Context, project, uid string, from int, list []Data, last bool) (job.Job, error) {
	j, err := s.Jobs.Get(ctx, project, uid)
	if err != nil {
		return job.Job{}, err
	}
	if len(list) == 0 {
		j, err = s.appendNothing(ctx, j, from, last)
	} else {
		j, err = s.appendList(ctx, j, from, list, last)
	}
	if err != nil || !last {
		return j, err
	}
	return s.check(ctx, j)
}

// appendNothing closes the list if last is true. The job alone decides that: there is no page.
func (s *Service) appendNothing(ctx context.Context, j job.Job, from int, last bool) (job.Job, error) {
	if from == j.Inputs && last && !j.Closed {
		if j.Status.Ended() {
			return j, ErrEnded
		}
		var err error
		if j, err = s.extend(ctx, j, from, from, true); err != nil {
			return j, err
		}
	}
	switch {
	case from == j.Inputs && j.Closed == last, from <= j.Inputs && !last:
		return j, nil
	case j.Closed:
		return j, ErrClosed
	case from > j.Inputs:
		return j, &GapError{From: from, End: j.Inputs}
	}
	return j, ErrOther
}

// appendList appends inputs. The page of the first of them decides whose append it is; whoever comes upon it extends the job, so that
// an append whose owner crashed in between is in nobody's way.
func (s *Service) appendList(ctx context.Context, j job.Job, from int, list []Data, last bool) (job.Job, error) {
	switch {
	case j.Closed && from >= j.Inputs:
		return j, ErrClosed
	case j.Status.Ended() && from >= j.Inputs:
		return j, ErrEnded
	case from > j.Inputs:
		return j, &GapError{From: from, End: j.Inputs}
	case from+len(list) > job.MaxInputs:
		return j, ErrQuota
	}
	own, more, err := layOut(from, list, last)
	if err != nil {
		return j, err
	}
	decided := own
	if from == j.Inputs {
		err = s.writeAppend(ctx, refOf(j), own, more)
	}
	if from < j.Inputs || errors.Is(err, job.ErrPageExists) {
		decided, err = s.decided(ctx, refOf(j), from)
	}
	if err != nil {
		return j, err
	}
	if from == j.Inputs {
		if j, err = s.extend(ctx, j, from, from+decided.Count, decided.Last); err != nil {
			return j, err
		}
	}
	switch {
	case j.Inputs > from && decided.Hash == own.Hash && decided.Last == last:
		return j, nil
	case j.Closed:
		return j, ErrClosed
	}
	return j, ErrOther
}

// writeAppend writes the pages of an append, the first one last. Errors: job.ErrPageExists if another append was there before.
func (s *Service) writeAppend(ctx context.Context, r job.Ref, first dataPage, more []dataPage) error {
	for i, m := range more {
		p, err := m.page(first.More[i].Name)
		if err != nil {
			return err
		}
		if err := s.Inputs.PutPage(ctx, r, p); err != nil {
			return fmt.Errorf("write data page %s of job %s: %w", p.Name, r.Job, err)
		}
	}
	p, err := first.page(firstName(first.From))
	if err != nil {
		return err
	}
	return s.writeNew(ctx, r, p)
}

// decided reads the first page of the append that begins at from. In the middle of another append there is none: zero.
func (s *Service) decided(ctx context.Context, r job.Ref, from int) (dataPage, error) {
	found, err := s.readPages(ctx, r, job.DataPage, firstName(from))
	if err != nil || len(found) == 0 {
		return dataPage{}, err
	}
	return parseData(found[0])
}

// extend moves the end of the list, and returns the job as it stands then, also if somebody else was there before.
func (s *Service) extend(ctx context.Context, j job.Job, from, to int, closed bool) (job.Job, error) {
	err := s.Jobs.Extend(ctx, j.Project, j.UID, from, to, closed)
	if err != nil && !errors.Is(err, job.ErrStale) {
		return j, fmt.Errorf("extend job %s to %d inputs: %w", j.UID, to, err)
	}
	return s.Jobs.Get(ctx, j.Project, j.UID)
}
