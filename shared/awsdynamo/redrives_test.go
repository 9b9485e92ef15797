package awsdynamo

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/delivery"
	"hermod/shared/redrive"
	"hermod/shared/uid"
)

func aTask(t *testing.T, db *DB, c *clock) redrive.Task {
	t.Helper()
	task := redrive.Task{UID: uid.New(c.now()), Project: "p", Version: 1, State: redrive.Sending, Query: delivery.Query{Project: "p", State: delivery.Dead}, CreatedAt: c.now(), UpdatedAt: c.now()}
	if err := db.Redrives().CreateTask(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	return task
}

func TestAnUpdateWhoseAnswerIsLostIsNotStale(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	task := aTask(t, db, c)
	task.Version, task.Sent = 2, 100
	f.then("PutItem", lost)
	if err := db.Redrives().UpdateTask(t.Context(), task); err == nil || errors.Is(err, redrive.ErrStale) {
		t.Errorf("UpdateTask that was carried out and got no answer = %v, want an unknown outcome", err)
	}
	if err := db.Redrives().UpdateTask(t.Context(), task); !errors.Is(err, redrive.ErrStale) {
		t.Errorf("UpdateTask again = %v, want ErrStale", err)
	}
	if got, err := db.Redrives().Task(t.Context(), "p", task.UID); err != nil || got.Version != 2 || got.Sent != 100 {
		t.Errorf("Task = %+v, %v, want what was written", got, err)
	}
}

func TestATaskKeepsWhatALaterReleaseStored(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	task := aTask(t, db, c)
	k := redriveKey("p", task.UID)
	rewrite(t, db, k, func(i item) { i["later"] = text("kept") })
	task.Version = 2
	if err := db.Redrives().UpdateTask(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	if i, err := db.fetch(t.Context(), k); err != nil || i.text("later") != "kept" {
		t.Errorf("after an update the task has %q, %v, want what was there", i.text("later"), err)
	}
}

func TestATaskIsCreatedOnce(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	task := aTask(t, db, c)
	if err := db.Redrives().CreateTask(t.Context(), task); err == nil {
		t.Error("CreateTask of one that is there = nil, want an error")
	}
}

// Pages have up to a thousand items; an item of the table has at most 400 KB.
func TestAFullPageOfARedriveIsSmall(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	page := make([]redrive.Item, 1000)
	for n := range page {
		page[n] = redrive.Item{UID: delivery.UID{Event: uid.New(c.now()), Webhook: uid.New(c.now())}, Cycle: n % 200}
	}
	if err := db.Redrives().PutPage(t.Context(), "task", 7, page); err != nil {
		t.Fatal(err)
	}
	got, err := db.Redrives().Page(t.Context(), "task", 7)
	if diff := cmp.Diff(page, got); err != nil || diff != "" {
		t.Errorf("Page = %v (-want +got):\n%s", err, diff)
	}
	i, err := db.fetch(t.Context(), redrivePageKey("task", 7))
	if size := sizeOf(i); err != nil || size > 40<<10 {
		t.Errorf("a page of 1,000 items has %d bytes, %v, want at most 40 KB", size, err)
	}
	rewrite(t, db, redrivePageKey("task", 7), func(i item) { i["items"] = octets(i.octets("items")[:999]) })
	if got, err := db.Redrives().Page(t.Context(), "task", 7); !errors.Is(err, errPacked) {
		t.Errorf("Page that is cut short = %d items, %v, want errPacked", len(got), err)
	}
	c.advance(redrive.Retention + time.Second)
	if got, err := db.Redrives().Page(t.Context(), "task", 7); err != nil || len(got) != 0 {
		t.Errorf("Page after its time = %d items, %v, want none", len(got), err)
	}
}
