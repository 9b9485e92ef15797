package input

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"hermod/shared/job"
)

// Why a retry leaves inputs as they are.
const (
	notFailed  = "they have not failed: only failed inputs are sent back"
	wouldAgain = "errors of this class would come again: force sends such inputs back nevertheless"
	othersLeft = "they have labels besides those that are told"
)

// maxLeft is how many labels and reasons are told of what a retry left: inputs may have failed for a hundred thousand.
const maxLeft = 100

// Retry sends failed inputs back, and the job to pending. Inputs that are open already are as good as sent back: an earlier retry may have
// crashed. Unless the selection narrows it, a job goes back as a whole that has no inputs, or whose list is open. Errors: job.ErrNotFound,
// *job.TransitionError, *NothingError, ErrBusy.
func (s *Service) Retry(ctx context.Context, project, uid string, sel Selection) (Retried, error) {
	j, err := s.Jobs.Get(ctx, project, uid)
	if err != nil {
		return Retried{}, err
	}
	if _, err := j.Retry(s.Now()); err != nil {
		return Retried{Job: j}, err
	}
	out := Retried{Job: j}
	left := leftovers{places: map[Left]int{}}
	open, err := s.reopen(ctx, &out, sel, &left)
	out.Left = left.list
	whole := !sel.narrows() && (j.Inputs == 0 || !j.Closed)
	switch {
	case err != nil:
		return out, err
	case out.Count == 0 && open == 0 && !whole:
		return out, out.nothing()
	}
	return out, s.sendBack(ctx, &out)
}

func (sel Selection) narrows() bool { return sel.Indexes != nil || sel.Labels != nil }

// reopen sends the selected inputs back, chunk by chunk, and returns how many of them were open before.
func (s *Service) reopen(ctx context.Context, out *Retried, sel Selection, left *leftovers) (open int, err error) {
	from, to := 0, chunksOf(out.Job)
	if sel.Indexes != nil {
		own := slices.DeleteFunc(slices.Clone(sel.Indexes), func(i int) bool { return i < 0 || i >= out.Job.Inputs })
		if foreign := len(sel.Indexes) - len(own); foreign > 0 {
			left.add(Left{Count: foreign, Reason: indexesAre(out.Job)})
		}
		if len(own) == 0 {
			return 0, nil
		}
		slices.Sort(own)
		own = slices.Compact(own)
		sel.Indexes = own
		from, to = chunkOf(own[0]), chunkOf(own[len(own)-1])+1
	}
	err = s.eachChunk(ctx, refOf(out.Job), from, to, func(c *chunk) error {
		found, err := s.reopenChunk(ctx, c, out, sel, left)
		open += found
		return err
	})
	return open, err
}

// reopenChunk sends the selected inputs of one chunk back. A write that lost against another is decided again.
func (s *Service) reopenChunk(ctx context.Context, c *chunk, out *Retried, sel Selection, left *leftovers) (open int, err error) {
	for try := range maxTries {
		after, count, open, more := c.reopen(out.Job, sel)
		err = nil
		if count > 0 {
			err = s.writeChunk(ctx, refOf(out.Job), after)
		}
		if !errors.Is(err, job.ErrChunkStale) {
			if err == nil {
				out.Count += count
				left.add(more...)
			}
			return open, err
		}
		if err = rest(ctx, try); err == nil {
			c, err = s.readChunk(ctx, refOf(out.Job), c.number)
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, ErrBusy
}

// reopen returns the chunk with the selected inputs sent back, how many those are, how many were open before, and which were left.
func (c *chunk) reopen(j job.Job, sel Selection) (after *chunk, count, open int, left []Left) {
	copied := *c
	for i, s := range c.of(j) {
		asked := true
		if sel.Indexes != nil {
			_, asked = slices.BinarySearch(sel.Indexes, c.first()+i)
		}
		switch {
		case !asked:
		case s.status == Succeeded:
			if sel.Indexes != nil {
				left = append(left, Left{Count: 1, Reason: notFailed})
			}
		case sel.Labels != nil && (s.failure == failure{} && s.status != Failed || !slices.Contains(sel.Labels, s.failure.label)):
		case s.status.Open():
			open++
		case s.class() == RetryNo && !sel.Force:
			left = append(left, Left{Label: s.failure.label, Count: 1, Reason: wouldAgain})
		default:
			copied.inputs[i] = s.reopen()
			count++
		}
	}
	return &copied, count, open, left
}

// leftovers add up what was left, by label and reason.
type leftovers struct {
	list   []Left
	places map[Left]int // in the list, by a Left without a count
}

func (l *leftovers) add(more ...Left) {
	for _, m := range more {
		key := Left{Label: m.Label, Reason: m.Reason}
		place, ok := l.places[key]
		if !ok && len(l.list) >= maxLeft {
			key = Left{Reason: othersLeft}
			place, ok = l.places[key]
		}
		if !ok {
			place = len(l.list)
			l.places[key], l.list = place, append(l.list, key)
		}
		l.list[place].Count += m.Count
	}
}

// sendBack takes the job to pending, which is the publish. Where reports that came meanwhile have left nothing open of a list that is
// closed, the job stays as it is: pending, it would wait for ever.
func (s *Service) sendBack(ctx context.Context, out *Retried) error {
	for range maxTries {
		j := out.Job
		if j.Inputs > 0 {
			n, err := s.count(ctx, j)
			if err != nil {
				return err
			}
			if j.Totals = n.totals; j.Closed && j.Counts().Open() == 0 {
				return out.nothing()
			}
		}
		back, err := j.Retry(s.Now())
		if err == nil {
			err = s.Jobs.Update(ctx, back)
		}
		var moved *job.TransitionError
		switch {
		case err == nil:
			out.Job = back
			return nil
		case errors.As(err, &moved) && out.Count > 0:
			return nil // another retry has sent the job back, and these inputs with it
		case !errors.Is(err, job.ErrStale):
			return fmt.Errorf("send job %s back: %w", j.UID, err)
		}
		if out.Job, err = s.Jobs.Get(ctx, j.Project, j.UID); err != nil {
			return err
		}
	}
	return ErrBusy
}

// nothing says why no input was sent back; nil if some were.
func (r *Retried) nothing() error {
	if r.Count > 0 {
		return nil
	}
	return &NothingError{r.Left}
}
