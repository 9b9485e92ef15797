package sqlite

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// maxGroup is how many operations share a transaction at most.
const maxGroup = 512

// tx is what an operation works with: the writer's connection, inside a transaction.
//
// An operation checks its conditions before it writes; the error of one that failed is the caller's answer, and leaves the
// others' work alone. It may be run a second time after the first was undone, so it starts from scratch each time.
type tx struct {
	*conn
	committed []func()
	undone    []func()
}

// onCommit has f run after the commit, before any caller gets an answer.
func (t *tx) onCommit(f func()) { t.committed = append(t.committed, f) }

// onUndo has f run if the transaction is undone; the last one first.
func (t *tx) onUndo(f func()) { t.undone = append(t.undone, f) }

// writer owns the one connection that writes. It carries out the operations of all callers in the order in which they came, as
// many as wait in one transaction: while one group is made durable the next one gathers, so nobody waits for company.
type writer struct {
	tx     tx
	logger *slog.Logger

	mu     sync.Mutex
	queue  []*operation
	closed bool
	wake   chan struct{} // of size 1

	done    chan struct{}
	idle    sync.Pool // of *operation
	commits atomic.Int64
}

type operation struct {
	ctx context.Context
	run func(*tx) error
	err error
	end chan struct{} // of size 1
}

func newWriter(c *conn, logger *slog.Logger) *writer {
	return &writer{
		tx: tx{conn: c}, logger: logger, wake: make(chan struct{}, 1), done: make(chan struct{}),
		idle: sync.Pool{New: func() any { return &operation{end: make(chan struct{}, 1)} }},
	}
}

// do has an operation carried out and returns what it returned, once that is durable. If ctx is done before the operation's
// turn comes nothing happens; after that it is carried out whatever becomes of ctx.
func (w *writer) do(ctx context.Context, run func(*tx) error) error {
	op := w.idle.Get().(*operation)
	op.ctx, op.run, op.err = ctx, run, nil
	if !w.enqueue(op) {
		return ErrClosed
	}
	<-op.end
	err := op.err
	op.ctx, op.run = nil, nil
	w.idle.Put(op)
	return err
}

func (w *writer) enqueue(op *operation) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.queue = append(w.queue, op)
	w.notify()
	return true
}

func (w *writer) notify() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// loop runs until close, and then until nothing is left to do.
func (w *writer) loop() {
	defer close(w.done)
	var group []*operation
	for {
		var open bool
		group, open = w.take(group[:0])
		switch {
		case len(group) > 0:
			w.carryOut(group)
			clear(group)
		case !open:
			return
		default:
			<-w.wake
		}
	}
}

// take moves what waits into the group. It lets others run once before, which lets callers that were just answered come back.
func (w *writer) take(group []*operation) (_ []*operation, open bool) {
	runtime.Gosched()
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.queue), maxGroup)
	group = append(group, w.queue[:n]...)
	rest := copy(w.queue, w.queue[n:])
	clear(w.queue[rest:])
	w.queue = w.queue[:rest]
	return group, !w.closed
}

// carryOut commits the group as a whole or, if the database objects, one by one: only the one that is at fault fails.
func (w *writer) carryOut(group []*operation) {
	if err := w.together(group); err != nil {
		for _, op := range group {
			if alone := w.together([]*operation{op}); alone != nil {
				op.err = alone
			}
		}
	}
	for _, op := range group {
		op.end <- struct{}{}
	}
}

// together runs operations in one transaction. An error means that all was undone.
func (w *writer) together(group []*operation) error {
	t := &w.tx
	t.committed, t.undone = t.committed[:0], t.undone[:0]
	if err := t.begin(); err != nil {
		return err
	}
	for _, op := range group {
		if op.err = op.ctx.Err(); op.err != nil {
			continue
		}
		wrote := t.wrote
		op.err = w.attempt(op)
		if t.broken == nil && op.err != nil && t.wrote > wrote {
			t.broken = op.err // it wrote before it failed
		}
		if t.broken != nil {
			return w.undo(t.broken)
		}
	}
	if err := t.commit(); err != nil {
		return w.undo(err)
	}
	w.commits.Add(1)
	for _, f := range t.committed {
		f()
	}
	return nil
}

func (w *writer) undo(why error) error {
	w.tx.rollback()
	for i := range w.tx.undone {
		w.tx.undone[len(w.tx.undone)-1-i]()
	}
	return why
}

// attempt runs one operation; a panic is its error, and undoes the transaction.
func (w *writer) attempt(op *operation) (err error) {
	defer func() {
		if p := recover(); p != nil {
			w.logger.Error("database operation panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("the operation panicked: %v", p)
			w.tx.broken = err
		}
	}()
	return op.run(&w.tx)
}

// close refuses further operations and returns when those before it are done.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	w.notify()
	w.mu.Unlock()
	<-w.done
}
