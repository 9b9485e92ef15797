package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/redrive"
)

// Redrives is the suite of redrive.Store.
func Redrives(t *testing.T, open func(t *testing.T, now func() time.Time) redrive.Store) {
	run(t, open, []test[redrive.Store]{
		{"a task is read as it was created", taskReadAsCreated},
		{"a task is read as it was updated last", taskReadAsUpdated},
		{"a task that is not there is not found", taskNotFound},
		{"another project's task is not found and not changed", taskOfAnotherProject},
		{"an update needs the version before it", taskUpdateNeedsVersion},
		{"of many updates of a version one wins", taskUpdateRace},
		{"a project lists its own tasks, newest first and page by page", tasksListed},
		{"a page is read as it was put last", pageReadAsPut},
		{"a task and its pages are gone when their time is over", taskExpires},
	})
}

// newTask returns a task about which much is known.
func newTask(project string, c *Clock) redrive.Task {
	now := c.Now()
	return redrive.Task{
		UID: newUID(c), Project: project, Version: 1, State: redrive.Sending, Rate: 50, Matched: 1000, CreatedAt: now, UpdatedAt: now,
		Query: delivery.Query{
			Project: project, State: delivery.Dead, Webhook: newUID(c), Workflow: "enrich", Job: newUID(c), Event: job.EventFailed, Class: delivery.ClassTimeout,
			Since: now.Add(-time.Hour), Until: now.Add(7 * time.Millisecond),
		},
	}
}

func createTask(t *testing.T, s redrive.Store, c *Clock) redrive.Task {
	t.Helper()
	task := newTask("p1", c)
	must(t, s.CreateTask(t.Context(), task), "CreateTask")
	return task
}

func wantTask(t *testing.T, s redrive.Store, want redrive.Task) {
	t.Helper()
	got, err := s.Task(t.Context(), want.Project, want.UID)
	if diff := same(want, got); err != nil || diff != "" {
		t.Errorf("Task = %v (-want +got):\n%s", err, diff)
	}
}

func taskReadAsCreated(t *testing.T, s redrive.Store, c *Clock) {
	wantTask(t, s, createTask(t, s, c))
	missing := redrive.Task{UID: newUID(c), Project: "p1", Version: 1, State: redrive.Sending, Query: delivery.Query{Project: "p1"}, CreatedAt: c.Now(), UpdatedAt: c.Now()}
	must(t, s.CreateTask(t.Context(), missing), "CreateTask")
	wantTask(t, s, missing)
}

func taskReadAsUpdated(t *testing.T, s redrive.Store, c *Clock) {
	task, other := createTask(t, s, c), createTask(t, s, c)
	for _, state := range []redrive.State{redrive.Sending, redrive.Settling, redrive.Completed} {
		c.Advance(time.Minute + time.Millisecond)
		task.Version++
		task.State, task.Sent, task.Succeeded, task.Failed, task.Waiting, task.Pages = state, task.Sent+100, task.Sent, 7, 93, task.Pages+1
		task.Position, task.SentAt, task.CountedAt, task.UpdatedAt = newUID(c)+"_"+newUID(c), c.Now(), c.Now(), c.Now()
		if state.Ended() {
			task.EndedAt = c.Now()
		}
		must(t, s.UpdateTask(t.Context(), task), "UpdateTask to version %d", task.Version)
		wantTask(t, s, task)
	}
	wantTask(t, s, other)
}

func wantNoTask(t *testing.T, s redrive.Store, project, uid string) {
	t.Helper()
	if got, err := s.Task(t.Context(), project, uid); !errors.Is(err, redrive.ErrNotFound) {
		t.Errorf("Task = %+v, %v, want ErrNotFound", got, err)
	}
}

// wantTaskRefused updates a task that is not there for its project: which of two errors says so is left open.
func wantTaskRefused(t *testing.T, s redrive.Store, what string, task redrive.Task) {
	t.Helper()
	if err := s.UpdateTask(t.Context(), task); !errors.Is(err, redrive.ErrStale) && !errors.Is(err, redrive.ErrNotFound) {
		t.Errorf("UpdateTask of %s = %v, want ErrStale or ErrNotFound", what, err)
	}
}

func taskNotFound(t *testing.T, s redrive.Store, c *Clock) {
	missing := newTask("p1", c)
	wantNoTask(t, s, "p1", missing.UID)
	missing.Version = 2
	wantTaskRefused(t, s, "a task that was never created", missing)
	wantNoTask(t, s, "p1", missing.UID)
}

func taskOfAnotherProject(t *testing.T, s redrive.Store, c *Clock) {
	task := createTask(t, s, c)
	wantNoTask(t, s, "p2", task.UID)
	theirs := task
	theirs.Project, theirs.Version, theirs.State = "p2", 2, redrive.Cancelled
	wantTaskRefused(t, s, "another project's task", theirs)
	wantTask(t, s, task)
	wantTasksListed(t, s, "p2", 10)
}

func taskUpdateNeedsVersion(t *testing.T, s redrive.Store, c *Clock) {
	task := createTask(t, s, c)
	task.Version = 2
	must(t, s.UpdateTask(t.Context(), task), "UpdateTask")
	for _, version := range []int{0, 1, 2, 4} {
		next := task
		next.Version, next.State = version, redrive.Cancelled
		if err := s.UpdateTask(t.Context(), next); !errors.Is(err, redrive.ErrStale) {
			t.Errorf("UpdateTask of a task at version 2 to version %d = %v, want ErrStale", version, err)
		}
	}
	wantTask(t, s, task)
}

func taskUpdateRace(t *testing.T, s redrive.Store, c *Clock) {
	task := createTask(t, s, c)
	for range 3 {
		task.Version++
		task.Sent = winner(t, redrive.ErrStale, atOnce(writers, func(i int) error {
			mine := task
			mine.Sent = i
			return s.UpdateTask(t.Context(), mine)
		}))
		wantTask(t, s, task)
	}
}

// wantTasksListed reads the whole list, limit tasks at a time.
func wantTasksListed(t *testing.T, s redrive.Store, project string, limit int, want ...redrive.Task) {
	t.Helper()
	var got []redrive.Task
	for before := ""; ; before = got[len(got)-1].UID {
		page, err := s.ListTasks(t.Context(), project, before, limit)
		must(t, err, "ListTasks")
		if len(page) > limit {
			t.Fatalf("ListTasks with limit %d = %d tasks", limit, len(page))
		}
		got = append(got, page...)
		if len(page) < limit {
			break
		}
	}
	if diff := same(want, got); diff != "" {
		t.Errorf("ListTasks (-want +got):\n%s", diff)
	}
}

func tasksListed(t *testing.T, s redrive.Store, c *Clock) {
	var want []redrive.Task
	for range 7 {
		c.Advance(time.Second)
		want = append([]redrive.Task{createTask(t, s, c)}, want...)
		must(t, s.CreateTask(t.Context(), newTask("p2", c)), "CreateTask")
	}
	want[3].Version, want[3].State = 2, redrive.Cancelled
	must(t, s.UpdateTask(t.Context(), want[3]), "UpdateTask")
	for _, limit := range []int{1, 3, 7, 100} {
		wantTasksListed(t, s, "p1", limit, want...)
	}
	wantTasksListed(t, s, "p3", 10)
}

func wantPage(t *testing.T, s redrive.Store, task string, n int, want []redrive.Item) {
	t.Helper()
	got, err := s.Page(t.Context(), task, n)
	if diff := same(want, got); err != nil || diff != "" {
		t.Errorf("Page %d = %v (-want +got):\n%s", n, err, diff)
	}
}

func items(n int, c *Clock) (list []redrive.Item) {
	for i := range n {
		list = append(list, redrive.Item{UID: delivery.UID{Event: newUID(c), Webhook: newUID(c)}, Cycle: i % 3})
	}
	return list
}

func pageReadAsPut(t *testing.T, s redrive.Store, c *Clock) {
	task, other := createTask(t, s, c), createTask(t, s, c)
	wantPage(t, s, task.UID, 0, nil)
	pages := [][]redrive.Item{items(100, c), items(1, c), items(37, c)}
	for n, page := range pages {
		must(t, s.PutPage(t.Context(), task.UID, n, page), "PutPage %d", n)
	}
	pages[1] = items(12, c)
	must(t, s.PutPage(t.Context(), task.UID, 1, pages[1]), "PutPage again")
	for n, page := range pages {
		wantPage(t, s, task.UID, n, page)
	}
	wantPage(t, s, task.UID, 3, nil)
	wantPage(t, s, other.UID, 0, nil)
	for i, err := range atOnce(16, func(n int) error { return s.PutPage(t.Context(), other.UID, n, pages[0][:n+1]) }) {
		must(t, err, "PutPage %d of 16 at once", i)
		wantPage(t, s, other.UID, i, pages[0][:i+1])
	}
}

func taskExpires(t *testing.T, s redrive.Store, c *Clock) {
	task, page := createTask(t, s, c), items(3, c)
	must(t, s.PutPage(t.Context(), task.UID, 0, page), "PutPage")
	c.Advance(redrive.Retention - time.Minute)
	wantTask(t, s, task)
	wantPage(t, s, task.UID, 0, page)
	c.Advance(2 * time.Minute)
	wantNoTask(t, s, "p1", task.UID)
	wantPage(t, s, task.UID, 0, nil)
	wantTasksListed(t, s, "p1", 10)
	task.Version = 2
	wantTaskRefused(t, s, fmt.Sprintf("a task %v old", redrive.Retention), task)
}
