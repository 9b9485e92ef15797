package input

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"hermod/shared/job"
)

// maxCheckOpen is how many inputs may still be open by the job's totals for a report to look whether it was the last one. Looking reads
// all chunks of the job: of a big job that would be most of what its reports cost. Totals trail behind by a second or so, so a job whose
// last inputs come faster than that is finished by Settle, which follows every chunk.
const maxCheckOpen = 10_000

// batch is what a report says of one chunk.
type batch struct {
	number  int
	reports []Report
	kept    bundle // a page is taken from it when it is written
}

// Report takes what became of inputs, up to MaxReport. Errors: job.ErrNotFound, ErrBusy; what was taken before an error stays taken.
func (s *Service) Report(ctx context.Context, project, uid string, reports []Report) (Reported, error) {
	j, err := s.Jobs.Get(ctx, project, uid)
	if err != nil {
		return Reported{}, err
	}
	out := Reported{Job: j}
	parts := map[int][]Report{}
	for _, r := range reports {
		if why := unfit(j, r); why != "" {
			out.Refused = append(out.Refused, Refusal{r.Index, why})
			continue
		}
		parts[chunkOf(r.Index)] = append(parts[chunkOf(r.Index)], r)
	}
	done := false
	for _, n := range slices.Sorted(maps.Keys(parts)) {
		b, err := newBatch(n, parts[n])
		if err != nil {
			return out, err
		}
		none, err := s.reportChunk(ctx, &out, b)
		if err != nil {
			return out, err
		}
		done = done || none
	}
	if done {
		out.Job, err = s.check(ctx, out.Job)
	}
	return out, err
}

// unfit says why a report can be none of the job's inputs; empty if it can.
func unfit(j job.Job, r Report) string {
	switch {
	case r.Index < 0 || r.Index >= j.Inputs:
		return indexesAre(j)
	case r.Status != Running && r.Status != Succeeded && r.Status != Failed:
		return "an input is reported as running, succeeded or failed"
	case r.Outputs < 0 || r.Outputs > MaxOutputs:
		return fmt.Sprintf("output_count is 0 to %d", MaxOutputs)
	case r.Status == Succeeded && SizeOf(r.Rows) > MaxResults:
		return fmt.Sprintf("its results have %d bytes as a JSON array; at most %d are kept", SizeOf(r.Rows), MaxResults)
	}
	return ""
}

// indexesAre says which indexes a job's inputs have.
func indexesAre(j job.Job) string {
	if j.Inputs == 0 {
		return "the job has no inputs"
	}
	return fmt.Sprintf("the job has %d inputs: indexes are 0 to %d", j.Inputs, j.Inputs-1)
}

// newBatch lays out what is kept of the reports of a chunk. Of several reports of an input only the first outcome may apply.
func newBatch(number int, reports []Report) (*batch, error) {
	var kept []keepsake
	seen := map[int]bool{}
	for _, r := range reports {
		if r.Status.Open() || seen[r.Index] {
			continue
		}
		seen[r.Index] = true
		k, ok, err := keep(r)
		if err != nil {
			return nil, err
		}
		if ok {
			kept = append(kept, k)
		}
	}
	bound, err := bind(number, kept)
	return &batch{number: number, reports: reports, kept: bound}, err
}

// reportChunk takes what is reported of one chunk, and returns whether none of its inputs is open then. A write that lost against
// another is decided again. One whose outcome is unknown is not repeated.
func (s *Service) reportChunk(ctx context.Context, out *Reported, b *batch) (none bool, err error) {
	var before *outcome
	at := s.Now().UnixMilli()
	for try := range maxTries {
		c, err := s.readChunk(ctx, refOf(out.Job), b.number)
		if err != nil {
			return false, err
		}
		if try > 0 && c.names(b.kept) { // a try before this one was told that it lost, and was written nevertheless
			before.addTo(out)
			return c.open(out.Job) == 0, nil
		}
		o := c.judge(out.Job, b, at)
		if len(o.applied) > 0 && out.Job.Status == job.Pending {
			if out.Job, err = s.start(ctx, out.Job); err != nil {
				return false, err
			}
			// Others may have finished the job with the same report: a chunk is judged as it stands after the job was read.
			if c, err = s.readChunk(ctx, refOf(out.Job), b.number); err != nil {
				return false, err
			}
			o = c.judge(out.Job, b, at)
		}
		if len(o.applied) > 0 {
			err = s.writeBatch(ctx, refOf(out.Job), b, &o.after)
		}
		if !errors.Is(err, job.ErrChunkStale) {
			if err == nil {
				o.addTo(out)
			}
			return o.after.open(out.Job) == 0, err
		}
		if before = o; try < maxTries-1 {
			if err := rest(ctx, try); err != nil {
				return false, err
			}
		}
	}
	return false, ErrBusy
}

// outcome is what a report of a chunk comes to.
type outcome struct {
	after   chunk
	applied []int
	already []int
	refused []Refusal
}

// judge decides a report on the chunk as it stands. Of a job that has ended nothing applies any more.
func (c *chunk) judge(j job.Job, b *batch, at int64) *outcome {
	o := &outcome{after: *c}
	for _, r := range b.reports {
		s := o.after.at(r.Index)
		after, v := s.take(r, at, b.kept.where[r.Index])
		switch {
		case v == already:
			o.already = append(o.already, r.Index)
		case j.Status.Ended():
			o.refused = append(o.refused, Refusal{r.Index, fmt.Sprintf("the job is %s, and takes no reports until it is retried", j.Status)})
		case v == refused:
			o.refused = append(o.refused, Refusal{r.Index, s.refusal(r)})
		default:
			*s = after
			o.applied = append(o.applied, r.Index)
		}
	}
	return o
}

func (o *outcome) addTo(out *Reported) {
	out.Applied = append(out.Applied, o.applied...)
	out.Already = append(out.Already, o.already...)
	out.Refused = append(out.Refused, o.refused...)
}

// names reports whether the chunk names a page of the bundle.
func (c *chunk) names(b bundle) bool {
	return slices.ContainsFunc(c.inputs[:], func(s state) bool {
		return s.detail != token{} && slices.Contains(b.tokens, s.detail)
	})
}

// open is how many of the job's inputs in the chunk have no outcome.
func (c *chunk) open(j job.Job) (n int) {
	for _, s := range c.of(j) {
		if s.status.Open() {
			n++
		}
	}
	return n
}

// writeBatch writes the pages of a report, if they are not yet, and then the chunk that names them. Errors: job.ErrChunkStale.
func (s *Service) writeBatch(ctx context.Context, r job.Ref, b *batch, after *chunk) error {
	for ; len(b.kept.pages) > 0; b.kept.pages = b.kept.pages[1:] {
		if err := s.writeNew(ctx, r, b.kept.pages[0]); err != nil {
			return err
		}
	}
	return s.writeChunk(ctx, r, after)
}

// start takes a pending job to running, and returns it as it stands then.
func (s *Service) start(ctx context.Context, j job.Job) (job.Job, error) {
	for range maxTries {
		started, err := s.move(ctx, j, job.Update{Status: job.Running})
		if !errors.Is(err, job.ErrStale) {
			return started, err
		}
		if j, err = s.Jobs.Get(ctx, j.Project, j.UID); err != nil || j.Status != job.Pending {
			return j, err
		}
	}
	return j, ErrBusy
}

// check finishes the job if its last input has got its outcome, and returns it as it stands.
func (s *Service) check(ctx context.Context, j job.Job) (job.Job, error) {
	if !j.Closed || j.Counts().Open() > maxCheckOpen {
		return j, nil
	}
	return s.Finish(ctx, j.Project, j.UID)
}
