package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// hold keeps the writer busy until release is called. Operations that come meanwhile are one group.
func hold(t *testing.T, db *DB) (release func()) {
	t.Helper()
	begun, gate := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := db.write(t.Context(), "test", func(*tx) error { close(begun); <-gate; return nil }); err != nil {
			t.Errorf("the operation that holds the writer = %v", err)
		}
	})
	<-begun
	return func() { close(gate); wg.Wait() }
}

// gathered returns when n operations wait.
func gathered(db *DB, n int) {
	for {
		db.writer.mu.Lock()
		waiting := len(db.writer.queue)
		db.writer.mu.Unlock()
		if waiting >= n {
			return
		}
		runtime.Gosched()
	}
}

func addState(name string) func(*tx) error {
	return func(t *tx) error {
		_, err := t.exec("INSERT INTO state (name, value) VALUES (?, 1)", name)
		return err
	}
}

func stateNames(t *testing.T, db *DB) string {
	t.Helper()
	var names []string
	err := db.read(t.Context(), "test", func(c *conn) (err error) {
		names, err = collect(c.rows("SELECT name FROM state WHERE name LIKE 'test %' ORDER BY name"), func(r row) (string, error) {
			return strings.TrimPrefix(r.text(0), "test "), nil
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

func TestOperationsThatWaitShareATransaction(t *testing.T) {
	const callers = 300
	db := open(t, nil)
	release := hold(t, db)
	before := db.writer.commits.Load()
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			if err := db.write(t.Context(), "test", addState(fmt.Sprintf("test %d", i))); err != nil {
				t.Errorf("write %d = %v", i, err)
			}
		})
	}
	gathered(db, callers)
	release()
	wg.Wait()
	if n := db.writer.commits.Load() - before; n > 2 {
		t.Errorf("%d operations that waited took %d transactions, want at most the one that held them up and one more", callers, n)
	}
	if n := len(strings.Fields(stateNames(t, db))); n != callers {
		t.Errorf("%d of %d writes are there", n, callers)
	}
}

func TestManyCallersTakeFewTransactions(t *testing.T) {
	const callers, each = 64, 20
	db := open(t, nil)
	before := db.writer.commits.Load()
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for j := range each {
				if err := db.write(t.Context(), "test", addState(fmt.Sprintf("test %d %d", i, j))); err != nil {
					t.Errorf("write = %v", err)
				}
			}
		})
	}
	wg.Wait()
	if n := db.writer.commits.Load() - before; n > callers*each/4 {
		t.Errorf("%d writes of %d callers took %d transactions, want at most a quarter", callers*each, callers, n)
	}
}

func TestOneBadOperationFailsAlone(t *testing.T) {
	refusal := errors.New("refused")
	tests := []struct {
		name string
		bad  func(*tx) error
		want string // part of the error
	}{
		{"it is refused", func(t *tx) error { return refusal }, "refused"},
		{"its statement breaks a constraint", addState("test there"), "UNIQUE"},
		{"its statement is none", func(t *tx) error { _, err := t.exec("NONSENSE"); return err }, "syntax"},
		{"it writes before it is refused", func(t *tx) error { return errors.Join(addState("test wrong")(t), refusal) }, "refused"},
		{"it panics", func(t *tx) error { addState("test wrong")(t); panic("oh") }, "panicked: oh"},
		{"an argument cannot be bound", func(t *tx) error { _, err := t.exec("SELECT ?", struct{}{}); return err }, "type struct {}"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			db := open(t, nil)
			if err := db.write(t.Context(), "test", addState("test there")); err != nil {
				t.Fatal(err)
			}
			release := hold(t, db)
			operations := []func(*tx) error{addState("test a"), addState("test b"), test.bad, addState("test c")}
			errs := make([]error, len(operations))
			var wg sync.WaitGroup
			for i, op := range operations {
				wg.Go(func() { errs[i] = db.write(t.Context(), "test", op) })
				gathered(db, i+1)
			}
			release()
			wg.Wait()
			if errs[2] == nil || !strings.Contains(errs[2].Error(), test.want) {
				t.Errorf("the bad operation = %v, want an error with %q", errs[2], test.want)
			}
			for _, i := range []int{0, 1, 3} {
				if errs[i] != nil {
					t.Errorf("operation %d of the group = %v, want nil", i, errs[i])
				}
			}
			if got := stateNames(t, db); got != "a b c there" {
				t.Errorf("rows = %q, want those of the good operations only", got)
			}
		})
	}
}

func TestHooksFollowTheFateOfTheTransaction(t *testing.T) {
	db := open(t, nil)
	var told []string
	tell := func(s string) func() { return func() { told = append(told, s) } }
	release := hold(t, db)
	var wg sync.WaitGroup
	wg.Go(func() {
		db.write(t.Context(), "test", func(t *tx) error { t.onCommit(tell("committed")); t.onUndo(tell("undone")); return nil })
	})
	gathered(db, 1)
	wg.Go(func() { db.write(t.Context(), "test", func(t *tx) error { _, err := t.exec("NONSENSE"); return err }) })
	gathered(db, 2)
	release()
	wg.Wait()
	if got := strings.Join(told, " "); got != "undone committed" {
		t.Errorf("told %q, want undone with the group, then committed alone", got)
	}
}

func TestContextCountsUntilTheOperationBegins(t *testing.T) {
	db := open(t, nil)
	release := hold(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	var waiting error
	var wg sync.WaitGroup
	wg.Go(func() { waiting = db.write(ctx, "test", addState("test waiting")) })
	gathered(db, 1)
	cancel()
	release()
	wg.Wait()
	if !errors.Is(waiting, context.Canceled) {
		t.Errorf("an operation whose context ended before its turn = %v, want canceled", waiting)
	}
	ctx, cancel = context.WithCancel(t.Context())
	if err := db.write(ctx, "test", func(t *tx) error { cancel(); return addState("test begun")(t) }); err != nil {
		t.Errorf("an operation whose context ended after it began = %v, want nil", err)
	}
	if got := stateNames(t, db); got != "begun" {
		t.Errorf("rows = %q, want only the one of the operation that had begun", got)
	}
}

func TestCloseFinishesWhatWasAskedFor(t *testing.T) {
	c := Config{Path: t.TempDir() + "/hermod.db", CleanEvery: -1}
	db := reopen(t, c)
	release := hold(t, db)
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			if err := db.write(t.Context(), "test", addState(fmt.Sprintf("test %d", i))); err != nil {
				t.Errorf("write = %v", err)
			}
		})
	}
	gathered(db, 5)
	wg.Go(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	<-db.closing
	release()
	wg.Wait()
	if got := stateNames(t, reopen(t, c)); got != "0 1 2 3 4" {
		t.Errorf("rows after Close = %q, want all that were asked for before", got)
	}
}

func TestEveryCallAfterCloseSaysSo(t *testing.T) {
	db := open(t, time.Now)
	if err := db.Close(); err != nil {
		t.Fatalf("Close = %v", err)
	}
	ctx := t.Context()
	calls := map[string]func() error{
		"a write":   func() error { return db.write(ctx, "test", addState("x")) },
		"a read":    func() error { _, err := db.Jobs().Get(ctx, "p", "j"); return err },
		"Get":       func() error { _, err := db.Webhooks().Get(ctx, "p", "w"); return err },
		"Receive":   func() error { _, err := db.Queue().Receive(ctx, "first", 1, time.Minute); return err },
		"Changes":   func() error { _, err := db.Jobs().Changes(ctx, 1, time.Minute); return err },
		"Clean":     func() error { return db.Clean(ctx) },
		"Visible":   func() error { _, err := db.Queue().Visible(ctx, "first"); return err },
		"the cache": func() error { _, _, err := db.Webhooks().HooksVersion(ctx, "p"); return err },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close = %v, want ErrClosed", name, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Errorf("Close again = %v, want nil", err)
	}
}
