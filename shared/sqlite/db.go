package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/webhook"
)

// Config says which file, and how to work with it. Only Path is required.
type Config struct {
	Path             string           // the file; it is made if it is not there, its folder is not
	Now              func() time.Time // nil: time.Now
	InFlightPerGroup int              // messages of one webhook in hand at once, in each of the lanes first and retry; 0: 64
	Readers          int              // connections that read; 0: 4
	CleanEvery       time.Duration    // how often expired rows are removed; 0: 10 minutes; negative: never
	// Observe is told of each write of a delivery's state or attempts, after its commit: the row before it, zero where there was none,
	// and after it. Many goroutines call it at once, and what it takes each delivery takes. nil: nobody is told.
	Observe func(before, after delivery.Delivery)
	Logger  *slog.Logger // nil: slog.Default
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.InFlightPerGroup == 0 {
		c.InFlightPerGroup = 64
	}
	if c.Readers == 0 {
		c.Readers = 4
	}
	if c.Observe == nil {
		c.Observe = func(delivery.Delivery, delivery.Delivery) {}
	}
	if c.CleanEvery == 0 {
		c.CleanEvery = 10 * time.Minute
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// Pragmas of the connections. WAL keeps readers and the writer out of each other's way; FULL makes a commit wait for the disk,
// fullfsync also on macOS. Sizes are pages of 4 KB for the checkpoint, bytes for the log, and KB (negative) for the caches.
var (
	writing = []string{
		"journal_mode = wal", "synchronous = full", "fullfsync = on", "checkpoint_fullfsync = on",
		"wal_autocheckpoint = 2000", "journal_size_limit = 67108864", "cache_size = -16000",
	}
	reading = []string{"query_only = on", "cache_size = -4000"}
)

// DB is an open file. It is safe for concurrent use. The types that it hands out are thin and made for each call.
type DB struct {
	Config
	lock    *lock
	writer  *writer
	readers chan *conn
	lastID  int64 // of messages and outbox entries; belongs to the writer

	hooks  *recent[webhook.Webhook]
	lists  *recent[hookList]
	jobs   *recent[job.Job]
	flows  *recent[job.Workflow]
	events *recent[archived]
	outbox *outbox
	marked chan struct{} // of size 1: a job is to be settled
	lanes  lanes

	closing   chan struct{}
	closeOnce sync.Once
	closeErr  error
	cleaner   sync.WaitGroup
}

// Open opens the file, or makes it, and takes hold of it for this process. Errors wrap ErrInUse, ErrReadOnly, ErrFull,
// ErrForeign, ErrNewer or ErrCorrupt, and say what to do; of a file that is refused nothing changes.
func Open(ctx context.Context, c Config) (*DB, error) {
	if c.Path == "" {
		return nil, errors.New("sqlite: Config.Path is missing")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	held, err := takeLock(c.Path + ".lock")
	if err != nil {
		return nil, err
	}
	db := &DB{
		Config: c.withDefaults(), lock: held, closing: make(chan struct{}), outbox: newOutbox(),
		marked: make(chan struct{}, 1),
		hooks:  newRecent(10_000, func(a, b webhook.Webhook) bool { return a.Version > b.Version }),
		lists:  newRecent(1000, func(a, b hookList) bool { return a.version > b.version }),
		jobs:   newRecent(20_000, jobMoved),
		flows:  newRecent(1000, func(a, b job.Workflow) bool { return a.Version > b.Version }),
		events: newRecent(4000, func(a, b archived) bool {
			return len(a.event.Matched) > len(b.event.Matched) || a.expires.After(b.expires)
		}),
	}
	if err := db.open(); err != nil {
		db.hangUp()
		return nil, err
	}
	go db.writer.loop()
	if db.CleanEvery > 0 {
		db.cleaner.Go(db.cleanNowAndThen)
	}
	return db, nil
}

func (db *DB) open() error {
	version, err := admit(db.Path)
	if err != nil {
		return err
	}
	c, err := dial(db.Path, "rw", writing...)
	if err != nil {
		return damaged(db.Path, err)
	}
	db.writer = newWriter(c, db.Logger)
	if err := prepare(c, version); err != nil {
		return damaged(db.Path, err)
	}
	if db.lastID, err = firstID(c); err != nil {
		return err
	}
	if err := freeClaims(c, db.Now()); err != nil {
		return err
	}
	db.lanes = newLanes(db.InFlightPerGroup)
	if err := db.lanes.load(c, db.now()); err != nil {
		return err
	}
	return db.dialReaders()
}

// prepare makes the file what this release works with.
func prepare(c *conn, version int) error {
	r, err := c.get("PRAGMA journal_mode")
	if err != nil {
		return err
	}
	if mode := r.text(0); mode != "wal" {
		return fmt.Errorf("the file system does not let SQLite keep a write-ahead log (its mode stays %q); use a local disk", mode)
	}
	return migrate(c, version)
}

// firstID counts this opening and returns the id below all that it gives out: ids grow for as long as the file lives, also
// where the row with the highest one was deleted.
func firstID(c *conn) (int64, error) {
	if _, err := c.exec("INSERT INTO state (name, value) VALUES ('opened', 1) ON CONFLICT DO UPDATE SET value = value + 1"); err != nil {
		return 0, fmt.Errorf("count the opening: %w", err)
	}
	n, err := c.number("SELECT value FROM state WHERE name = 'opened'")
	return int64(n) << 40, err
}

// nextID returns a new id. Only operations call it.
func (db *DB) nextID() int64 {
	db.lastID++
	return db.lastID
}

func (db *DB) dialReaders() error {
	readers := make(chan *conn, db.Readers)
	for range db.Readers {
		c, err := dial(db.Path, "ro", reading...)
		if err != nil {
			for range len(readers) {
				(<-readers).close()
			}
			return err
		}
		readers <- c
	}
	db.readers = readers
	return nil
}

// write has an operation carried out by the writer; see writer.do. doing is what an error says was tried.
func (db *DB) write(ctx context.Context, doing string, run func(*tx) error) error {
	if err := db.writer.do(ctx, run); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// read runs f with a connection that reads. What it reads includes every write that returned before.
func (db *DB) read(ctx context.Context, doing string, f func(*conn) error) error {
	select {
	case c := <-db.readers:
		defer func() { db.readers <- c }()
		if err := f(c); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	case <-db.closing:
		return fmt.Errorf("%s: %w", doing, ErrClosed)
	}
}

// readOne reads one item; none is the error where there is no row.
func readOne[T any](ctx context.Context, db *DB, doing string, none error, decode func(row) (T, error), query string, args ...any) (item T, err error) {
	err = db.read(ctx, doing, func(c *conn) error {
		r, err := c.get(query, args...)
		switch {
		case err != nil:
			return err
		case r == nil:
			return none
		}
		item, err = decode(r)
		return err
	})
	return item, err
}

// readAll reads a list.
func readAll[T any](ctx context.Context, db *DB, doing string, decode func(row) (T, error), query string, args ...any) (list []T, err error) {
	err = db.read(ctx, doing, func(c *conn) error {
		list, err = collect(c.rows(query, args...), decode)
		return err
	})
	return list, err
}

func (db *DB) closed() bool {
	select {
	case <-db.closing:
		return true
	default:
		return false
	}
}

// Close finishes the writes that were asked for, moves the log into the file and lets go of it. Every call after it returns
// ErrClosed.
func (db *DB) Close() error {
	db.closeOnce.Do(func() {
		close(db.closing)
		db.cleaner.Wait()
		db.writer.close()
		db.closeErr = db.hangUp()
	})
	return db.closeErr
}

// hangUp closes what is open: readers first, so that the writer is the last and removes the log.
func (db *DB) hangUp() error {
	var errs []error
	for range cap(db.readers) {
		errs = append(errs, (<-db.readers).close())
	}
	if db.writer != nil {
		errs = append(errs, db.writer.tx.close())
	}
	return errors.Join(append(errs, db.lock.release())...)
}

// now is the moment that rows are judged by: one is there for as long as its expires_at is later.
func (db *DB) now() int64 { return stamp(db.Now()) }
