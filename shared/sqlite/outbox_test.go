package sqlite

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hermod/shared/job"
)

func launch(t *testing.T, db *DB, names ...string) {
	t.Helper()
	for _, name := range names {
		j := job.Launch(job.Job{UID: name, Project: "p", Name: name}, db.Now())
		if err := db.Jobs().Create(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
}

func changes(t *testing.T, db *DB, limit int) []OutboxEntry {
	t.Helper()
	entries, err := db.Jobs().Changes(t.Context(), limit, 0)
	if err != nil {
		t.Fatalf("Changes = %v", err)
	}
	return entries
}

func names(entries []OutboxEntry) string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Job.Name)
	}
	return strings.Join(all, " ")
}

func TestOutboxHandsEachEntryOutOnce(t *testing.T) {
	db := open(t, nil)
	launch(t, db, "a", "b", "c")
	first := changes(t, db, 2)
	if got := names(first); got != "a b" {
		t.Errorf("Changes = %q, want a b", got)
	}
	if got := names(changes(t, db, 10)); got != "c" {
		t.Errorf("Changes = %q, want c: the others are handed out", got)
	}
	db.Jobs().Again(first[1].ID)
	launch(t, db, "d")
	if got := names(changes(t, db, 10)) + ", " + names(changes(t, db, 10)); got != "b, d" {
		t.Errorf("Changes = %q, want what was given back, then what is new", got)
	}
	if got := names(changes(t, db, 10)); got != "" {
		t.Errorf("Changes = %q, want none", got)
	}
}

func TestOutboxOutlivesTheProcess(t *testing.T) {
	c := Config{Path: t.TempDir() + "/hermod.db", CleanEvery: -1}
	db := reopen(t, c)
	launch(t, db, "a", "b", "c", "d")
	if err := db.Jobs().Passed(t.Context(), ids(changes(t, db, 3))[:2]...); err != nil {
		t.Fatal(err)
	}
	db.Close()
	db = reopen(t, c)
	if got := names(changes(t, db, 10)); got != "c d" {
		t.Errorf("Changes after a restart = %q, want c, which was handed out and not passed, and d", got)
	}
	launch(t, db, "e")
	if got := names(changes(t, db, 10)); got != "e" {
		t.Errorf("Changes = %q, want e", got)
	}
}

func TestOutboxEntryIsTheJobAsWritten(t *testing.T) {
	for _, memory := range []bool{false, true} {
		db := open(t, nil)
		if memory {
			changes(t, db, 1) // from the end of the table on, entries come from memory
		}
		j := job.Launch(job.Job{UID: "j", Project: "p", Name: "one", Configuration: []byte(`{"a": "<b>"}`)}, db.Now())
		if err := db.Jobs().Create(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		next, _, err := j.Apply(job.Update{Status: job.Running}, db.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Jobs().Update(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		if err := db.Jobs().Update(t.Context(), next); !errors.Is(err, job.ErrStale) {
			t.Errorf("Update again = %v, want ErrStale", err)
		}
		got := changes(t, db, 10)
		if len(got) != 2 || got[0].Job.Version != 1 || got[1].Job.Status != job.Running || len(got[1].Job.Changes) != 2 {
			t.Errorf("Changes (from memory: %v) = %+v, want the job pending, then running; nothing of the refused write", memory, got)
		}
		if c := got[0].Job.Configuration; c != nil {
			t.Errorf("Configuration = %s (from memory: %v), want none", c, memory)
		}
	}
}

// A change that was decided before the list of inputs was extended is published with what the job has by then.
func TestOutboxEntryHasTheInputsOfItsMoment(t *testing.T) {
	for _, memory := range []bool{false, true} {
		db := open(t, nil)
		if memory {
			changes(t, db, 1)
		}
		launch(t, db, "j")
		read, err := db.Jobs().Get(t.Context(), "p", "j")
		if err != nil {
			t.Fatal(err)
		}
		next, _, err := read.Apply(job.Update{Status: job.Running}, db.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Jobs().Extend(t.Context(), "p", "j", 0, 500, true); err != nil {
			t.Fatal(err)
		}
		if err := db.Jobs().Update(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		got := changes(t, db, 10)
		if len(got) != 2 || got[1].Job.Status != job.Running || got[1].Job.Inputs != 500 || !got[1].Job.Closed {
			t.Errorf("Changes (from memory: %v) = %+v, want the job pending, then running with 500 inputs, closed", memory, got)
		}
	}
}

func TestExtensionsAndTotalsAreNotPublished(t *testing.T) {
	db := open(t, nil)
	launch(t, db, "j")
	changes(t, db, 10)
	for _, err := range []error{
		db.Jobs().Extend(t.Context(), "p", "j", 0, 500, false), db.Jobs().Extend(t.Context(), "p", "j", 500, 500, true),
		db.Jobs().SetTotals(t.Context(), "p", "j", job.Totals{Running: 1, Clock: 1}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := changes(t, db, 10); len(got) != 0 {
		t.Errorf("Changes = %+v, want none", got)
	}
}

func TestOutboxThatIsFarBehindLosesNothing(t *testing.T) {
	db := open(t, nil)
	changes(t, db, 1)
	const jobs = maxRecent + 500
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := w; i < jobs; i += 8 {
				launch(t, db, fmt.Sprintf("%05d", i))
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	var order []int64
	for {
		entries := changes(t, db, 300)
		if len(entries) == 0 {
			break
		}
		if len(seen) == 600 {
			launch(t, db, "one more")
		}
		for _, e := range entries {
			if seen[e.Job.Name] {
				t.Errorf("%s is handed out twice", e.Job.Name)
			}
			seen[e.Job.Name] = true
		}
		order = append(order, ids(entries)...)
	}
	if len(seen) != jobs+1 || !slices.IsSorted(order) {
		t.Errorf("%d of %d entries are handed out, in their order: %v", len(seen), jobs+1, slices.IsSorted(order))
	}
}

func TestOutboxIsReadByManyWhileItIsWritten(t *testing.T) {
	db := open(t, nil)
	const jobs = 400
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < jobs; i += 4 {
				launch(t, db, fmt.Sprint(i))
			}
		})
		wg.Go(func() {
			for {
				mu.Lock()
				done := len(seen) == jobs
				mu.Unlock()
				if done {
					return
				}
				entries, err := db.Jobs().Changes(t.Context(), 7, time.Millisecond)
				if err != nil {
					t.Errorf("Changes = %v", err)
					return
				}
				mu.Lock()
				for _, e := range entries {
					seen[e.Job.Name]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for name, n := range seen {
		if n != 1 {
			t.Errorf("%s was handed out %d times", name, n)
		}
	}
}

func TestBlockedChangesWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := open(t, nil)
		var got []OutboxEntry
		var wg sync.WaitGroup
		wg.Go(func() { got, _ = db.Jobs().Changes(t.Context(), 10, time.Hour) })
		synctest.Wait()
		start := time.Now()
		launch(t, db, "a")
		wg.Wait()
		if names(got) != "a" || time.Since(start) != 0 {
			t.Errorf("Changes that waits = %q after %v, want a at once", names(got), time.Since(start))
		}
		if entries, err := db.Jobs().Changes(t.Context(), 10, time.Minute); len(entries) != 0 || err != nil || time.Since(start) != time.Minute {
			t.Errorf("Changes that waits for nothing = %q, %v after %v, want none after a minute", names(entries), err, time.Since(start))
		}
	})
}
