package sqlite

import (
	"context"
	"slices"
	"sync"
	"time"

	"hermod/shared/job"
)

// maxRecent is how many published jobs are kept in memory for the reader of the outbox, which is seldom far behind.
const maxRecent = 4096

// OutboxEntry is a job as it was written, without its configuration, to be handed to fan-out. Entries have the order of their writes.
type OutboxEntry struct {
	ID  int64
	Job job.Job
}

// outbox is where its readers are. Every write of a job adds a row in the same transaction; the row goes when it was passed. An
// entry is handed out once, unless it is given back; after a restart everything that was not passed is handed out again.
type outbox struct {
	mu     sync.Mutex
	upTo   int64         // the highest id handed out
	again  []int64       // handed back, in order
	recent []OutboxEntry // the newest entries, if none above upTo is missing
	gap    bool          // some entries above upTo are in the table only
	wake   chan struct{} // of size 1
}

func newOutbox() *outbox { return &outbox{gap: true, wake: make(chan struct{}, 1)} }

// publish adds the job to the outbox, in the operation that writes it.
func (db *DB) publish(t *tx, j job.Job, doc []byte) error {
	id := db.nextID()
	if _, err := t.exec("INSERT INTO outbox (id, doc) VALUES (?, ?)", id, doc); err != nil {
		return err
	}
	j.Configuration = nil
	t.onCommit(func() { db.outbox.add(OutboxEntry{ID: id, Job: j}) })
	return nil
}

func (o *outbox) add(e OutboxEntry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.gap, e.ID <= o.upTo: // read from the table, or about to be
	case len(o.recent) == maxRecent:
		o.recent, o.gap = nil, true
	default:
		o.recent = append(o.recent, e)
	}
	o.notify()
}

func (o *outbox) notify() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Changes returns up to limit entries that were not handed out yet, or were given back; it waits for the first one up to wait.
// None is no error. Several readers share the entries. The jobs are shared with the database: they are not to be changed.
func (s *Jobs) Changes(ctx context.Context, limit int, wait time.Duration) ([]OutboxEntry, error) {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for {
		entries, err := s.handOut(ctx, limit)
		if s.db.closed() {
			return nil, ErrClosed
		}
		if err != nil || len(entries) > 0 || wait <= 0 {
			return entries, err
		}
		select {
		case <-s.db.outbox.wake:
		case <-timeout.C:
			return nil, nil
		case <-s.db.closing:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// handOut takes what there is: what was given back, else what is in memory, else what is in the table.
func (s *Jobs) handOut(ctx context.Context, limit int) ([]OutboxEntry, error) {
	o := s.db.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	entries, err := s.handOutAgain(ctx, limit)
	switch {
	case err != nil:
		return nil, err
	case len(entries) > 0:
	case o.gap:
		entries, err = s.handOutRows(ctx, limit)
	default:
		entries = o.takeRecent(limit)
	}
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	o.upTo = max(o.upTo, entries[len(entries)-1].ID)
	o.notify() // there may be more, for another reader
	return entries, nil
}

func (o *outbox) takeRecent(limit int) []OutboxEntry {
	n := min(limit, len(o.recent))
	entries := slices.Clone(o.recent[:n])
	clear(o.recent[:n])
	if o.recent = o.recent[n:]; len(o.recent) == 0 {
		o.recent = nil
	}
	return entries
}

func (s *Jobs) handOutRows(ctx context.Context, limit int) ([]OutboxEntry, error) {
	o := s.db.outbox
	entries, err := readAll(ctx, s.db, "read outbox", decodeEntry, "SELECT doc, id FROM outbox WHERE id > ? ORDER BY id LIMIT ?", o.upTo, limit)
	if err != nil {
		return nil, err
	}
	// A commit is visible here before it is added to recent, which waits for the mutex: once the end is reached nothing is missed.
	o.gap = len(entries) == limit
	return entries, nil
}

// handOutAgain reads what was given back; an entry that was passed after all is not there any more.
func (s *Jobs) handOutAgain(ctx context.Context, limit int) (entries []OutboxEntry, err error) {
	o := s.db.outbox
	for len(entries) < limit && len(o.again) > 0 {
		found, err := readAll(ctx, s.db, "read outbox", decodeEntry, "SELECT doc, id FROM outbox WHERE id = ?", o.again[0])
		if err != nil {
			o.again = append(ids(entries), o.again...)
			return nil, err
		}
		entries, o.again = append(entries, found...), o.again[1:]
	}
	return entries, nil
}

// Again gives entries back: they are handed out once more, before any other.
func (s *Jobs) Again(ids ...int64) {
	o := s.db.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		if id <= o.upTo && !slices.Contains(o.again, id) {
			o.again = append(o.again, id)
		}
	}
	slices.Sort(o.again)
	o.notify()
}

// Passed removes entries that fan-out is done with.
func (s *Jobs) Passed(ctx context.Context, ids ...int64) error {
	return s.db.write(ctx, "pass outbox entries", func(t *tx) error {
		for _, id := range ids {
			if _, err := t.exec("DELETE FROM outbox WHERE id = ?", id); err != nil {
				return err
			}
		}
		return nil
	})
}

// decodeEntry reads a row of doc and id.
func decodeEntry(r row) (OutboxEntry, error) {
	j, err := decodeImage(r)
	return OutboxEntry{ID: r.int(1), Job: j}, err
}

func ids(entries []OutboxEntry) (all []int64) {
	for _, e := range entries {
		all = append(all, e.ID)
	}
	return all
}
