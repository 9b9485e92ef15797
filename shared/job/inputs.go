package job

import (
	"context"
	"errors"
)

// Caps on inputs.
const (
	MaxInputs = 100_000 // of a job
	ChunkSize = 500     // inputs whose outcomes are kept together; chunk n has the indexes from n×500 on
	MaxPage   = 300_000 // bytes of a page
)

var (
	ErrPageExists = errors.New("there is such a page")
	ErrChunkStale = errors.New("the chunk has changed meanwhile")
)

// Ref names a job.
type Ref struct{ Project, Job string }

// PageKind is what a page holds.
type PageKind string

const (
	DataPage   PageKind = "data"   // what inputs consist of
	ResultPage PageKind = "result" // what came of inputs: errors and rows
)

// Page is a piece of what belongs to a job's inputs. Only its kind and its name mean anything to an engine. Names are ASCII, sorted
// byte by byte.
type Page struct {
	Kind PageKind
	Name string
	Doc  []byte // at most MaxPage bytes
}

// Chunk is how the inputs of one chunk stand. The document means nothing to an engine.
type Chunk struct {
	Number  int
	Version int // 1 when it is written first, one more with each write
	Doc     []byte
}

// Inputs keeps the inputs of jobs: pages and chunks. It is safe for concurrent use; a write is atomic and durable when it returns, and
// touches one page or chunk. What is read is as of the last write that returned. Whoever asks has read the job, and so knows that it
// is the project's and has not expired; pages may be written before their job is created. They are kept as long as the job is, and
// for Retention without one. Every error that is none of the sentinels means that the outcome is unknown.
//
// Each write of a chunk, each Extend that closes a list and each change of a job from paused to running is handed on at least once,
// after the write, to whoever settles jobs.
type Inputs interface {
	// PutPage writes a page over whatever there was under its name.
	PutPage(ctx context.Context, r Ref, p Page) error
	// PutNewPage writes a page if there is none of its kind and name: ErrPageExists if there is.
	PutNewPage(ctx context.Context, r Ref, p Page) error
	// Pages reads the pages of these names, in no order, without those that do not exist. At most 100 are asked for.
	Pages(ctx context.Context, r Ref, kind PageKind, names ...string) ([]Page, error)
	// LastPage reads the page with the highest name that begins with prefix and is not above name. ok is false without one.
	LastPage(ctx context.Context, r Ref, kind PageKind, prefix, name string) (p Page, ok bool, err error)
	// PutChunk writes a chunk on condition that the stored one has the version before it; version 1: that there is none.
	// ErrChunkStale if not.
	PutChunk(ctx context.Context, r Ref, c Chunk) error
	// Chunks reads the chunks with numbers in [from, to), in the order of their numbers, without those that were never written. Each is
	// read whole; together they are no snapshot.
	Chunks(ctx context.Context, r Ref, from, to int) ([]Chunk, error)
}
