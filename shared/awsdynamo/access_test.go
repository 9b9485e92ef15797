package awsdynamo

import (
	"errors"
	"strings"
	"testing"
	"time"

	"hermod/shared/access"
)

func TestAProjectAndItsCountsAreOneItemWhicheverIsFirst(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	createHook(t, db, "p1", c)
	if p, err := db.Access().Project(t.Context(), "p1"); !errors.Is(err, access.ErrNoProject) {
		t.Errorf("Project of an item that only counts = %+v, %v, want ErrNoProject", p, err)
	}
	before := hooksVersion(t, db, "p1")
	want := access.Project{UID: "p1", Name: "Sales", CreatedAt: c.now()}
	must(t, db.Access().CreateProject(t.Context(), want), "CreateProject")
	if after := hooksVersion(t, db, "p1"); after != before {
		t.Errorf("HooksVersion went from %d to %d by the project's creation", before, after)
	}
	createHook(t, db, "p1", c)
	if got, err := db.Access().Project(t.Context(), "p1"); err != nil || got != want {
		t.Errorf("Project = %+v, %v, want %+v", got, err, want)
	}
}

func TestAReplyDoesNotHoldTheNameThatAClientChose(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	const name = "k1 POST /webhooks my order 4711"
	if _, err := db.Access().Begin(t.Context(), name, "request", c.now()); err != nil {
		t.Fatal(err)
	}
	must(t, db.Access().Finish(t.Context(), name, access.Reply{Request: "request", Status: 201}, c.now()), "Finish")
	for _, body := range f.requests("PutItem") {
		if strings.Contains(body, "4711") {
			t.Errorf("a request holds the name: %s", body)
		}
	}
}

func TestALeaseExpires(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	window := c.now().Truncate(time.Minute)
	if total, err := db.Meter().Lease(t.Context(), "k1", window, 5); total != 5 || err != nil {
		t.Fatalf("Lease = %d, %v, want 5", total, err)
	}
	i, err := db.fetch(t.Context(), leaseKey("k1", window))
	if until := i.int("ttl"); err != nil || int64(until) != window.Add(time.Hour).Unix() {
		t.Errorf("the sum is kept until %d, %v, want an hour from its window's beginning", until, err)
	}
}

func TestALeaseThatMeetsAFaultIsNotRepeated(t *testing.T) {
	db, count := noAnswers(broken)
	if _, err := db.Meter().Lease(t.Context(), "k1", time.Now().Truncate(time.Minute), 5); !IsUnavailable(err) || count() != 1 {
		t.Errorf("Lease of a server in trouble = %v after %d requests, want one", err, count())
	}
}
