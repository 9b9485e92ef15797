package input

import (
	"context"
	"slices"

	"hermod/shared/job"
)

const (
	// maxChunksRead is how many chunks a call that lists reads at most: one that finds little comes back soon.
	maxChunksRead = 20
	// maxAnswer is how many bytes of data or rows a call that lists answers with, unless the first input or row alone has more.
	maxAnswer = 2 << 20
)

// found is an input that is listed.
type found struct {
	index int
	state
}

// List returns inputs of a job in the order of their indexes, and the index to go on from; next is -1 at the end. A page may be short,
// even empty, before the end.
func (s *Service) List(ctx context.Context, j job.Job, q Query) (page []Input, next int, err error) {
	list, next, err := s.find(ctx, j, q)
	if err != nil {
		return nil, -1, err
	}
	data := dataReader{service: s, ref: refOf(j)}
	size := 0
	for i, f := range list {
		in := f.input(j)
		if in.Data, err = data.read(ctx, f.index); err != nil {
			return nil, -1, err
		}
		if size += len(in.Data.Input) + len(in.Data.Custom); size > maxAnswer && i > 0 {
			list, next = list[:i], f.index
			break
		}
		page = append(page, in)
	}
	return page, next, s.addErrors(ctx, refOf(j), list, page)
}

// find returns the inputs that a query asks for, and the index to go on from.
func (s *Service) find(ctx context.Context, j job.Job, q Query) (list []found, next int, err error) {
	from := max(q.From, 0)
	if from >= j.Inputs {
		return nil, -1, nil
	}
	to := min(chunkOf(from)+maxChunksRead, chunksOf(j))
	next = to * job.ChunkSize
	err = s.eachChunk(ctx, refOf(j), chunkOf(from), to, func(c *chunk) error {
		for i, in := range c.of(j) {
			index := c.first() + i
			switch {
			case index < from || index >= next || !q.takes(in):
			case len(list) == q.Limit:
				next = index // there is one more
			default:
				list = append(list, found{index, in})
			}
		}
		return nil
	})
	if next >= j.Inputs {
		next = -1
	}
	return list, next, err
}

// takes reports whether a query asks for an input.
func (q Query) takes(s state) bool {
	switch {
	case q.Status != "" && s.status != q.Status, q.Label != "" && s.failure.label != q.Label:
		return false
	case q.Retryable == nil:
		return true
	}
	return s.status == Failed && *q.Retryable == (s.class() != RetryNo)
}

// input returns what the chunk says of an input.
func (f found) input(j job.Job) Input {
	in := Input{
		Index: f.index, UID: UID(j.UID, f.index), Status: f.status, Outputs: f.outputs, Retries: f.retries,
		StartedAt: moment(f.started), FinishedAt: moment(f.finished),
	}
	if f.failure != (failure{}) {
		in.LastError = &Error{Label: f.failure.label, Scope: f.failure.scope}
	}
	return in
}

// addErrors adds what result pages say of the errors of inputs, which stand in the list as they do on the page.
func (s *Service) addErrors(ctx context.Context, r job.Ref, list []found, page []Input) error {
	for len(list) > 0 {
		n, chunk := 0, chunkOf(list[0].index)
		var tokens []token
		for ; n < len(list) && chunkOf(list[n].index) == chunk && len(tokens) < maxPagesRead; n++ {
			if t := list[n].detail; list[n].status != Succeeded && t != (token{}) && !slices.Contains(tokens, t) {
				tokens = append(tokens, t)
			}
		}
		if len(tokens) > 0 {
			pages, err := s.readResults(ctx, r, chunk, tokens...)
			if err != nil {
				return err
			}
			for i, f := range list[:n] {
				if e := pages[f.detail].error(f.index); e != nil && f.status != Succeeded {
					e.Label, e.Scope = f.failure.label, f.failure.scope
					page[i].LastError = e
				}
			}
		}
		list, page = list[n:], page[n:]
	}
	return nil
}
