package input_test

import (
	"context"
	"fmt"
	"testing"

	"hermod/shared/job"
)

// BenchmarkReport reports jobs of 100,000 inputs in aligned batches, one row an input, and tells what a report costs besides its time: how
// many bytes its chunk and its result page have.
func BenchmarkReport(b *testing.B) {
	r := newRig(b)
	sizes := &sizes{Inputs: r.seam.Inputs}
	r.seam.Inputs = sizes
	var j job.Job
	b.ResetTimer()
	for i := range b.N {
		from := i * job.ChunkSize % job.MaxInputs
		if from == 0 {
			b.StopTimer()
			j = r.prepared(job.MaxInputs)
			b.StartTimer()
		}
		r.report(j, reportsOf(from, from+job.ChunkSize, succeeded(0, fmt.Sprintf(`{"name":"somebody","page":%d}`, from)))...)
		if i%20 == 0 {
			if err := r.service.Settle(b.Context(), j.Project, j.UID); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(sizes.chunks)/float64(b.N), "chunk-B/op")
	b.ReportMetric(float64(sizes.results)/float64(b.N), "result-B/op")
}

// sizes adds up the bytes that are written.
type sizes struct {
	job.Inputs
	chunks, results int
}

func (s *sizes) PutChunk(ctx context.Context, r job.Ref, c job.Chunk) error {
	s.chunks += len(c.Doc)
	return s.Inputs.PutChunk(ctx, r, c)
}

func (s *sizes) PutNewPage(ctx context.Context, r job.Ref, p job.Page) error {
	if p.Kind == job.ResultPage {
		s.results += len(p.Doc)
	}
	return s.Inputs.PutNewPage(ctx, r, p)
}
