package sqlite

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"hermod/shared/access"
	"hermod/shared/delivery"
	"hermod/shared/dispatch"
	"hermod/shared/egress"
	"hermod/shared/job"
	"hermod/shared/redrive"
	"hermod/shared/seal"
	"hermod/shared/storetest"
	"hermod/shared/sweep"
	"hermod/shared/webhook"
)

// open opens a new database for a test. A function changes its settings.
func open(t testing.TB, now func() time.Time, change ...func(*Config)) *DB {
	t.Helper()
	c := Config{Path: filepath.Join(t.TempDir(), "hermod.db"), Now: now, CleanEvery: -1, Logger: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&c)
	}
	return reopen(t, c)
}

// reopen opens the database of a Config, also one that was closed before.
func reopen(t testing.TB, c Config) *DB {
	t.Helper()
	db, err := Open(t.Context(), c)
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	return db
}

func TestJobs(t *testing.T) {
	storetest.Jobs(t, func(t *testing.T, now func() time.Time) job.Store { return open(t, now).Jobs() })
}

func TestWorkflows(t *testing.T) {
	storetest.Workflows(t, func(t *testing.T, now func() time.Time) job.Workflows { return open(t, now).Jobs() })
}

func openInputs(t *testing.T, now func() time.Time) (job.Store, job.Inputs) {
	db := open(t, now)
	return db.Jobs(), db.Inputs()
}

func TestInputs(t *testing.T)       { storetest.Inputs(t, openInputs) }
func TestInputService(t *testing.T) { storetest.InputService(t, openInputs) }

func TestWebhooks(t *testing.T) {
	storetest.Webhooks(t, func(t *testing.T, now func() time.Time) webhook.Store { return open(t, now).Webhooks() })
}

func TestCounters(t *testing.T) {
	storetest.Counters(t, func(t *testing.T, now func() time.Time) webhook.Counters { return open(t, now).Counters() })
}

func TestArchive(t *testing.T) {
	storetest.Archive(t, func(t *testing.T, now func() time.Time) delivery.Archive { return open(t, now).Archive() })
}

func TestLog(t *testing.T) {
	storetest.Log(t, func(t *testing.T, now func() time.Time) delivery.Log { return open(t, now).Log() })
}

func TestQueue(t *testing.T) {
	storetest.Queue(t, func(t *testing.T, now func() time.Time) delivery.Queue { return open(t, now).Queue() }, storetest.QueueOptions{})
}

func TestAccess(t *testing.T) {
	storetest.Access(t, func(t *testing.T, now func() time.Time) access.Store { return open(t, now).Access() })
}

func TestReplies(t *testing.T) {
	storetest.Replies(t, func(t *testing.T, now func() time.Time) access.Replies { return open(t, now).Access() })
}

func TestRedrives(t *testing.T) {
	storetest.Redrives(t, func(t *testing.T, now func() time.Time) redrive.Store { return open(t, now).Redrives() })
}

func TestKeys(t *testing.T) {
	storetest.Keys(t, func(t *testing.T, now func() time.Time) seal.Keys { return open(t, now).Keys() })
}

func TestCursor(t *testing.T) {
	storetest.Cursor(t, func(t *testing.T, now func() time.Time) sweep.Cursor { return open(t, now).Cursor() })
}

func TestTransitions(t *testing.T) {
	key, err := seal.OpenKeyFile(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	client := egress.New(egress.Config{Rules: webhook.Rules{AllowHTTP: true, AllowPrivate: true}})
	storetest.Transitions(t, func(t *testing.T, now func() time.Time) dispatch.Config {
		db := open(t, now)
		box, err := seal.New(seal.Config{Wrapper: key, Keys: db.Keys()})
		if err != nil {
			t.Fatal(err)
		}
		return dispatch.Config{Log: db.Log(), Archive: db.Archive(), Webhooks: db.Webhooks(), Queue: db.Queue(), Box: box, Client: client}
	})
}
