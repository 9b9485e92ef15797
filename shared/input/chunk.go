package input

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"hermod/shared/job"
)

const (
	// maxTries is how often a write is tried while others change the same thing.
	maxTries = 8
	// firstRest bounds the rest before the second try; each further rest may be twice as long, up to maxRest.
	firstRest = 5 * time.Millisecond
	maxRest   = 160 * time.Millisecond
)

// chunk is how job.ChunkSize inputs stand: the inputs of the job among them, and others that are pending.
type chunk struct {
	number  int
	version int // 0: never written
	inputs  [job.ChunkSize]state
}

// newChunk returns a chunk that was never written.
func newChunk(number int) *chunk {
	c := &chunk{number: number}
	for i := range c.inputs {
		c.inputs[i].status = Pending
	}
	return c
}

// chunkOf is the number of the chunk that has an input.
func chunkOf(index int) int { return index / job.ChunkSize }

// chunksOf is how many chunks the inputs of a job are in.
func chunksOf(j job.Job) int { return (j.Inputs + job.ChunkSize - 1) / job.ChunkSize }

func refOf(j job.Job) job.Ref { return job.Ref{Project: j.Project, Job: j.UID} }

// first is the index of the chunk's first input.
func (c *chunk) first() int { return c.number * job.ChunkSize }

// at is where the chunk has the input of an index, which must be one of its own.
func (c *chunk) at(index int) *state { return &c.inputs[index-c.first()] }

// has reports whether the index is one of the chunk's.
func (c *chunk) has(index int) bool { return 0 <= index-c.first() && index-c.first() < len(c.inputs) }

// of are the inputs of the chunk that the job has.
func (c *chunk) of(j job.Job) []state {
	return c.inputs[:min(job.ChunkSize, max(0, j.Inputs-c.first()))]
}

// eachChunk calls f with the chunks from number from up to number to, also with those that were never written.
func (s *Service) eachChunk(ctx context.Context, r job.Ref, from, to int, f func(c *chunk) error) error {
	stored, err := s.Inputs.Chunks(ctx, r, from, to)
	if err != nil {
		return fmt.Errorf("read chunks %d to %d of job %s: %w", from, to-1, r.Job, err)
	}
	for n := from; n < to; n++ {
		c := newChunk(n)
		if len(stored) > 0 && stored[0].Number == n {
			if c, err = decodeChunk(stored[0]); err != nil {
				return fmt.Errorf("read chunk %d of job %s: %w", n, r.Job, err)
			}
			stored = stored[1:]
		}
		if err := f(c); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) readChunk(ctx context.Context, r job.Ref, number int) (read *chunk, err error) {
	err = s.eachChunk(ctx, r, number, number+1, func(c *chunk) error {
		read = c
		return nil
	})
	return read, err
}

// writeChunk writes a chunk over the one that it was read as. Errors: job.ErrChunkStale.
func (s *Service) writeChunk(ctx context.Context, r job.Ref, c *chunk) error {
	err := s.Inputs.PutChunk(ctx, r, job.Chunk{Number: c.number, Version: c.version + 1, Doc: c.encode()})
	if err != nil {
		return fmt.Errorf("write chunk %d of job %s: %w", c.number, r.Job, err)
	}
	return nil
}

// rest waits a short random time before another try, longer with each.
func rest(ctx context.Context, try int) error {
	timer := time.NewTimer(rand.N(min(firstRest<<try, maxRest)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
