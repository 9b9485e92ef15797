package input

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/job"
)

const noon = 1_772_600_000_000 // Unix milliseconds

// filled returns a chunk whose inputs f makes.
func filled(f func(i int) state) *chunk {
	c := newChunk(3)
	c.version = 7
	for i := range c.inputs {
		c.inputs[i] = f(i)
	}
	return c
}

func succeeded(at int64, outputs int) state {
	return state{status: Succeeded, outputs: outputs, started: at, finished: at}
}

// samples are chunks, each with how many bytes its document has at most.
func samples() map[string]struct {
	chunk *chunk
	most  int
} {
	r := rand.New(rand.NewPCG(1, 2))
	labels := []failure{{"STATUS_404", "input"}, {"STATUS_429", "server"}, {"LK_BAD_COOKIE", "auth"}, {"API_TIMEOUT_ERROR", "server"}}
	any := func(at, took int64) state {
		s := state{status: Succeeded, retries: r.IntN(3), outputs: r.IntN(32), started: at, finished: at + took}
		if r.IntN(2) == 0 {
			s.status, s.outputs, s.failure = Failed, 0, labels[r.IntN(len(labels))]
		}
		return s
	}
	type sample = struct {
		chunk *chunk
		most  int
	}
	return map[string]sample{
		"never written": {newChunk(3), 20},
		"all running":   {filled(func(i int) state { return state{status: Running, started: noon} }), 50},
		"all succeeded in one batch, one result each": {filled(func(i int) state { return succeeded(noon, 1) }), 50},
		"one batch of ordinary outcomes, running first": {filled(func(i int) state {
			s := succeeded(noon, r.IntN(32))
			s.finished += 42_000
			if s.detail = (token{1}); i%10 == 7 {
				s.status, s.outputs, s.failure = Failed, 0, labels[i%4]
			}
			return s
		}), 700},
		"one batch, everything at random": {filled(func(i int) state { return any(noon, 0) }), 1000},
		"each input reported on its own, in ten minutes, up to half a minute each": {filled(func(i int) state {
			return any(noon+int64(i)*1200+r.Int64N(800), r.Int64N(30_000))
		}), 2560},
		"all different, out of order, over a day": {filled(func(i int) state {
			s := any(noon+r.Int64N(86_400_000), r.Int64N(3_600_000))
			s.outputs, s.failure, s.detail = r.IntN(MaxOutputs), failure{fmt.Sprintf("LABEL_%d", i), "x"}, newToken(i)
			return s
		}), 16_000},
		"one that is unlike the others": {filled(func(i int) state {
			if i == 250 {
				return state{status: Succeeded, retries: 9, outputs: MaxOutputs, started: 1, finished: noon}
			}
			return succeeded(noon, 1)
		}), 120},
		"sent back": {filled(func(i int) state { return any(noon, 9).reopen() }), 500},
	}
}

func TestAChunkIsReadAsItWasWritten(t *testing.T) {
	for name, s := range samples() {
		doc := s.chunk.encode()
		got, err := decodeChunk(job.Chunk{Number: 3, Version: s.chunk.version, Doc: doc})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(s.chunk, got, cmp.AllowUnexported(chunk{}, state{}, failure{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestADocumentIsSmall(t *testing.T) {
	for name, s := range samples() {
		if size := len(s.chunk.encode()); size > s.most {
			t.Errorf("%s: %d bytes, want at most %d", name, size, s.most)
		}
	}
}

func TestForeignBytesAreNoChunk(t *testing.T) {
	doc := filled(func(i int) state {
		return state{status: Failed, started: noon, finished: noon, failure: failure{"A", "b"}, detail: token{byte(1 + i%3)}}
	}).encode()
	foreign := map[string][]byte{
		"nothing":          nil,
		"another format":   append([]byte{2}, doc[1:]...),
		"something behind": append(append([]byte{}, doc...), 0),
		"too many lists":   {chunkFormat, 0xff, 0xff, 0xff},
	}
	for n := range len(doc) {
		foreign[fmt.Sprintf("only %d of %d bytes", n, len(doc))] = doc[:n]
	}
	for name, b := range foreign {
		if _, err := decodeChunk(job.Chunk{Version: 1, Doc: b}); !errors.Is(err, errForeign) {
			t.Errorf("%s: %v, want an error", name, err)
		}
	}
}

func FuzzChunk(f *testing.F) {
	for _, s := range samples() {
		f.Add(s.chunk.encode())
	}
	f.Add([]byte{chunkFormat})
	f.Fuzz(func(t *testing.T, doc []byte) {
		first, err := decodeChunk(job.Chunk{Number: 3, Version: 1, Doc: doc})
		if err != nil {
			return
		}
		second, err := decodeChunk(job.Chunk{Number: 3, Version: 1, Doc: first.encode()})
		if err != nil || *second != *first {
			t.Errorf("a chunk that was read is not read again once written: %v", err)
		}
	})
}
