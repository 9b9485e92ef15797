package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/uid"
	"hermod/shared/webhook"
)

// Archive is the suite of delivery.Archive.
func Archive(t *testing.T, open func(t *testing.T, now func() time.Time) delivery.Archive) {
	run(t, open, []test[delivery.Archive]{
		{"an event is read as it was put, byte for byte", eventReadAsPut},
		{"an event matched by as many webhooks as there may be fits", eventWithAllMatches},
		{"an event is put once", eventPutOnce},
		{"of many puts at once one counts, and all are told which", eventPutRace},
		{"an event that is not there is not found", eventNotFound},
		{"another project's event is not found and not changed", eventOfAnotherProject},
		{"a match added is there once", matchAdded},
		{"a match added brings its body if there is none", matchAddedWithBody},
		{"no match is lost among many added at once", matchAddedRace},
		{"an event is gone when its time is over", eventExpires},
		{"an event that was extended is kept for longer, never for less", eventExtended},
		{"extending an event that is not there is no error", eventExtendedMissing},
		{"events are listed newest first, without their bodies", eventsListed},
		{"events are listed by what they are", eventsFiltered},
		{"events are listed from and until a time", eventsBetween},
		{"events whose time is over are not listed", eventsListedNotExpired},
		{"pages skip and repeat nothing while events are written", eventsPagedWhileWritten},
	})
}

// newEvent returns what happened to a job now, as its change of the given version, for the webhooks named.
func newEvent(project, jobUID string, version int, c *Clock, hooks ...string) delivery.Event {
	e := delivery.Event{
		UID: uid.Derive(c.Now(), jobUID, version), Project: project, Job: jobUID, Workflow: "enrich", Type: job.EventFailed, Sequence: version, At: c.Now(),
		Bodies: map[job.Format][]byte{job.FormatV3: []byte(`{"message":"Job failed."}`)},
	}
	for _, w := range hooks {
		e.Matched = append(e.Matched, delivery.Match{Webhook: w, Format: job.FormatV3})
	}
	return e
}

func putEvent(t *testing.T, a delivery.Archive, e delivery.Event) delivery.Event {
	t.Helper()
	_, existed, err := a.Put(t.Context(), e)
	if err != nil || existed {
		t.Fatalf("Put = existed %v, %v, want a new event", existed, err)
	}
	return e
}

func wantEvent(t *testing.T, a delivery.Archive, want delivery.Event) {
	t.Helper()
	got, err := a.Event(t.Context(), want.Project, want.UID)
	if err != nil {
		t.Errorf("Event = %v, want nil", err)
	}
	sameEvent(t, "Event", want, got)
}

// sameEvent compares without regard to the order of matches, which says nothing.
func sameEvent(t *testing.T, what string, want, got delivery.Event) {
	t.Helper()
	order := cmpopts.SortSlices(func(a, b delivery.Match) bool { return a.Webhook < b.Webhook })
	if diff := same(want, got, order); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func wantNoEvent(t *testing.T, a delivery.Archive, project, uid string) {
	t.Helper()
	if got, err := a.Event(t.Context(), project, uid); !errors.Is(err, delivery.ErrNoEvent) {
		t.Errorf("Event = %+v, %v, want ErrNoEvent", got, err)
	}
}

func eventReadAsPut(t *testing.T, a delivery.Archive, c *Clock) {
	c.Advance(7 * time.Millisecond)
	whole := newEvent("p1", "j1", 3, c, "w1", "w2")
	whole.Matched = append(whole.Matched, delivery.Match{Webhook: "w3", Format: job.FormatStandard})
	whole.Bodies[job.FormatV3] = []byte("{ \"error\": \"\\u003cb\\u003e <b> Größe 三月 \U0001F4E8\",\n\t\"job_name\" : null }\n")
	whole.Bodies[job.FormatStandard] = []byte(`{"type":"job.failed"}`)
	test := newEvent("p1", "j1", 0, c, "w1")
	test.Test, test.Type, test.UID = true, job.EventPaused, uid.New(c.Now())
	unmatched := newEvent("p1", "j2", 1, c)
	unmatched.Bodies = nil
	for _, e := range []delivery.Event{whole, test, unmatched} {
		stored, existed, err := a.Put(t.Context(), e)
		if err != nil || existed {
			t.Fatalf("Put = existed %v, %v, want a new event", existed, err)
		}
		sameEvent(t, "Put", e, stored)
		wantEvent(t, a, e)
	}
}

func eventWithAllMatches(t *testing.T, a delivery.Archive, c *Clock) {
	e := newEvent("p1", "j1", 1, c)
	e.Bodies[job.FormatStandard] = []byte(`{"data":"` + strings.Repeat("x", 16<<10) + `"}`)
	for i := range webhook.MaxPerProject + webhook.MaxPerJob {
		e.Matched = append(e.Matched, delivery.Match{Webhook: newUID(c), Format: job.Formats[i%2]})
	}
	putEvent(t, a, e)
	wantEvent(t, a, e)
}

func eventPutOnce(t *testing.T, a delivery.Archive, c *Clock) {
	e := putEvent(t, a, newEvent("p1", "j1", 1, c, "w1"))
	again := newEvent("p1", "j1", 1, c, "w2", "w3")
	again.Bodies = map[job.Format][]byte{job.FormatV3: []byte("other"), job.FormatStandard: []byte("more")}
	stored, existed, err := a.Put(t.Context(), again)
	if err != nil || !existed {
		t.Errorf("Put of an event that is there = existed %v, %v, want true, nil", existed, err)
	}
	sameEvent(t, "Put of an event that is there", e, stored)
	wantEvent(t, a, e)
}

func eventPutRace(t *testing.T, a delivery.Archive, c *Clock) {
	type result struct {
		stored  delivery.Event
		existed bool
		err     error
	}
	results := atOnce(writers, func(i int) (r result) {
		e := newEvent("p1", "j1", 1, c, fmt.Sprintf("w%d", i))
		e.Bodies[job.FormatV3] = fmt.Append(nil, i)
		r.stored, r.existed, r.err = a.Put(t.Context(), e)
		return r
	})
	first := slices.IndexFunc(results, func(r result) bool { return !r.existed && r.err == nil })
	if first < 0 {
		t.Fatal("no Put says that it wrote the event")
	}
	for i, r := range results {
		if r.err != nil || r.existed == (i == first) {
			t.Errorf("Put %d = existed %v, %v, and Put %d wrote the event", i, r.existed, r.err, first)
		}
		sameEvent(t, "Put, one of many", results[first].stored, r.stored)
	}
	if want := fmt.Sprint(first); string(results[first].stored.Bodies[job.FormatV3]) != want {
		t.Errorf("the Put that wrote the event was answered with the body of %s, want its own, %s", results[first].stored.Bodies[job.FormatV3], want)
	}
	wantEvent(t, a, results[first].stored)
}

func eventNotFound(t *testing.T, a delivery.Archive, c *Clock) {
	missing := newUID(c)
	wantNoEvent(t, a, "p1", missing)
	if _, err := a.AddMatch(t.Context(), "p1", missing, delivery.Match{Webhook: "w1", Format: job.FormatV3}, []byte("x")); !errors.Is(err, delivery.ErrNoEvent) {
		t.Errorf("AddMatch to an event that is not there = %v, want ErrNoEvent", err)
	}
	wantNoEvent(t, a, "p1", missing)
}

func eventOfAnotherProject(t *testing.T, a delivery.Archive, c *Clock) {
	e := putEvent(t, a, newEvent("p1", "j1", 1, c, "w1"))
	wantNoEvent(t, a, "p2", e.UID)
	if _, err := a.AddMatch(t.Context(), "p2", e.UID, delivery.Match{Webhook: "w2", Format: job.FormatV3}, nil); !errors.Is(err, delivery.ErrNoEvent) {
		t.Errorf("AddMatch to another project's event = %v, want ErrNoEvent", err)
	}
	must(t, a.Extend(t.Context(), "p2", e.UID, c.Now().Add(2*delivery.Retention)), "Extend of another project's event")
	wantEvent(t, a, e)
	wantEventsListed(t, a, delivery.EventQuery{Project: "p2", Limit: 10})
	c.Advance(delivery.Retention + time.Hour)
	wantNoEvent(t, a, "p1", e.UID)
}

func addMatch(t *testing.T, a delivery.Archive, e delivery.Event, m delivery.Match, body string) delivery.Event {
	t.Helper()
	got, err := a.AddMatch(t.Context(), e.Project, e.UID, m, []byte(body))
	must(t, err, "AddMatch")
	return got
}

func matchAdded(t *testing.T, a delivery.Archive, c *Clock) {
	e := putEvent(t, a, newEvent("p1", "j1", 1, c, "w1"))
	want := e
	want.Matched = append(slices.Clone(e.Matched), delivery.Match{Webhook: "w2", Format: job.FormatV3})
	for range 2 {
		sameEvent(t, "AddMatch", want, addMatch(t, a, e, delivery.Match{Webhook: "w2", Format: job.FormatV3}, "other"))
		wantEvent(t, a, want)
	}
	sameEvent(t, "AddMatch of a webhook that was matched by Put", want, addMatch(t, a, e, delivery.Match{Webhook: "w1", Format: job.FormatV3}, "other"))
	unmatched := putEvent(t, a, newEvent("p1", "j2", 1, c))
	unmatched.Matched = []delivery.Match{{Webhook: "w1", Format: job.FormatV3}}
	sameEvent(t, "AddMatch of the first webhook", unmatched, addMatch(t, a, unmatched, unmatched.Matched[0], "other"))
}

func matchAddedWithBody(t *testing.T, a delivery.Archive, c *Clock) {
	e := newEvent("p1", "j1", 1, c)
	e.Bodies = nil
	putEvent(t, a, e)
	e.Bodies = map[job.Format][]byte{job.FormatStandard: []byte("Größe <b>")}
	e.Matched = []delivery.Match{{Webhook: "w1", Format: job.FormatStandard}}
	sameEvent(t, "AddMatch with the first body", e, addMatch(t, a, e, e.Matched[0], "Größe <b>"))
	e.Bodies[job.FormatV3] = []byte("second")
	e.Matched = append(e.Matched, delivery.Match{Webhook: "w2", Format: job.FormatV3})
	sameEvent(t, "AddMatch with the body of another format", e, addMatch(t, a, e, e.Matched[1], "second"))
	again := addMatch(t, a, e, delivery.Match{Webhook: "w1", Format: job.FormatV3}, "third")
	sameEvent(t, "AddMatch of a matched webhook in another format", e, again)
	wantEvent(t, a, e)
}

func matchAddedRace(t *testing.T, a delivery.Archive, c *Clock) {
	e := newEvent("p1", "j1", 1, c)
	e.Bodies = nil
	putEvent(t, a, e)
	for i, err := range atOnce(writers, func(i int) error {
		m := delivery.Match{Webhook: fmt.Sprintf("w%d", i/2), Format: job.FormatV3} // each webhook twice
		_, err := a.AddMatch(t.Context(), "p1", e.UID, m, []byte("the body"))
		return err
	}) {
		must(t, err, "AddMatch %d of %d at once", i, writers)
	}
	for i := range writers / 2 {
		e.Matched = append(e.Matched, delivery.Match{Webhook: fmt.Sprintf("w%d", i), Format: job.FormatV3})
	}
	e.Bodies = map[job.Format][]byte{job.FormatV3: []byte("the body")}
	wantEvent(t, a, e)
}

func eventExpires(t *testing.T, a delivery.Archive, c *Clock) {
	e := putEvent(t, a, newEvent("p1", "j1", 1, c, "w1"))
	c.Advance(delivery.Retention - time.Minute)
	wantEvent(t, a, e)
	c.Advance(2 * time.Minute)
	wantNoEvent(t, a, "p1", e.UID)
	if _, err := a.AddMatch(t.Context(), "p1", e.UID, delivery.Match{Webhook: "w2", Format: job.FormatV3}, nil); !errors.Is(err, delivery.ErrNoEvent) {
		t.Errorf("AddMatch to an event whose time is over = %v, want ErrNoEvent", err)
	}
}

func eventExtended(t *testing.T, a delivery.Archive, c *Clock) {
	e := putEvent(t, a, newEvent("p1", "j1", 1, c, "w1"))
	begin := c.Now()
	until := begin.Add(delivery.Retention + 10*24*time.Hour)
	must(t, a.Extend(t.Context(), "p1", e.UID, until), "Extend")
	must(t, a.Extend(t.Context(), "p1", e.UID, begin.Add(time.Hour)), "Extend until an earlier time")
	c.Advance(delivery.Retention + time.Hour)
	wantEvent(t, a, e)
	wantEventsListed(t, a, delivery.EventQuery{Project: "p1", Limit: 10}, e)
	c.Advance(until.Sub(c.Now()) - time.Minute)
	wantEvent(t, a, e)
	c.Advance(2 * time.Minute)
	wantNoEvent(t, a, "p1", e.UID)
}

func eventExtendedMissing(t *testing.T, a delivery.Archive, c *Clock) {
	missing := newUID(c)
	must(t, a.Extend(t.Context(), "p1", missing, c.Now().Add(time.Hour)), "Extend of an event that is not there")
	wantNoEvent(t, a, "p1", missing)
}
