package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
)

// listEvents reads the whole list, one page after another; between runs before each page but the first.
func listEvents(t *testing.T, a delivery.Archive, q delivery.EventQuery, between func()) []delivery.Event {
	t.Helper()
	var got []delivery.Event
	for range 10_000 {
		page, next, err := a.Events(t.Context(), q)
		must(t, err, "Events")
		if len(page) > q.Limit {
			t.Fatalf("Events with limit %d = %d events", q.Limit, len(page))
		}
		got = append(got, page...)
		if next == "" {
			return got
		}
		if between != nil {
			between()
		}
		q.Before = next
	}
	t.Fatal("Events does not come to an end after 10,000 pages")
	return nil
}

// withoutBodies returns the events as a list shows them, newest first.
func withoutBodies(events []delivery.Event) []delivery.Event {
	list := slices.Clone(events)
	for i := range list {
		list[i].Bodies = nil
	}
	slices.SortFunc(list, func(a, b delivery.Event) int { return cmp.Compare(b.UID, a.UID) })
	return list
}

func wantEventsListed(t *testing.T, a delivery.Archive, q delivery.EventQuery, want ...delivery.Event) {
	t.Helper()
	if diff := same(withoutBodies(want), listEvents(t, a, q, nil)); diff != "" {
		t.Errorf("Events of %+v (-want +got):\n%s", q, diff)
	}
}

// putMany puts n events of project p1, a few hours apart, so that they lie on several days, in turn for two jobs and two webhooks.
func putMany(t *testing.T, a delivery.Archive, c *Clock, n int) (all []delivery.Event) {
	t.Helper()
	for i := range n {
		c.Advance(7*time.Hour + time.Millisecond)
		e := newEvent("p1", fmt.Sprintf("j%d", i%2), i, c, fmt.Sprintf("w%d", i/2%2))
		e.Type = job.EventTypes[i%3]
		all = append(all, putEvent(t, a, e))
	}
	return all
}

func eventsListed(t *testing.T, a delivery.Archive, c *Clock) {
	wantEventsListed(t, a, delivery.EventQuery{Project: "p1", Limit: 10})
	all := putMany(t, a, c, 23)
	sameTime := []delivery.Event{putEvent(t, a, newEvent("p1", "j7", 1, c)), putEvent(t, a, newEvent("p1", "j8", 1, c, "w1", "w2"))}
	all = append(all, sameTime...)
	putEvent(t, a, newEvent("p2", "j9", 1, c, "w1"))
	for _, limit := range []int{1, 2, 10, 1000} {
		wantEventsListed(t, a, delivery.EventQuery{Project: "p1", Limit: limit}, all...)
	}
	from := withoutBodies(all)[4].UID
	older := slices.DeleteFunc(slices.Clone(all), func(e delivery.Event) bool { return e.UID >= from })
	wantEventsListed(t, a, delivery.EventQuery{Project: "p1", Limit: 10, Before: from}, older...)
}

func eventsFiltered(t *testing.T, a delivery.Archive, c *Clock) {
	all := putMany(t, a, c, 24)
	all = append(all, putEvent(t, a, newEvent("p1", "j0", 99, c)), putEvent(t, a, newEvent("p1", "j0", 100, c, "w0", "w1")))
	for _, q := range []delivery.EventQuery{
		{Job: "j0"}, {Job: "j9"}, {Webhook: "w1"}, {Webhook: "w9"}, {Type: job.EventFailed}, {Type: job.EventStopped},
		{Job: "j0", Webhook: "w1"}, {Job: "j1", Type: job.EventCreated}, {Webhook: "w0", Type: job.EventSucceeded}, {Job: "j1", Webhook: "w1", Type: job.EventFailed},
		{Job: "j0", Webhook: "w0", Since: all[3].At, Until: all[20].At},
	} {
		var want []delivery.Event
		for _, e := range all {
			_, matched := e.Match(q.Webhook)
			if (q.Job == "" || q.Job == e.Job) && (q.Webhook == "" || matched) && (q.Type == "" || q.Type == e.Type) && between(e.At, q.Since, q.Until) {
				want = append(want, e)
			}
		}
		for _, limit := range []int{1, 100} {
			q.Project, q.Limit = "p1", limit
			wantEventsListed(t, a, q, want...)
		}
	}
}

func between(at, since, until time.Time) bool {
	return !at.Before(since) && (until.IsZero() || at.Before(until))
}

func eventsBetween(t *testing.T, a delivery.Archive, c *Clock) {
	all := putMany(t, a, c, 12)
	ms := time.Millisecond
	for _, span := range []struct {
		since, until time.Time
		want         []delivery.Event
	}{
		{all[4].At, time.Time{}, all[4:]},
		{all[4].At.Add(ms), time.Time{}, all[5:]},
		{time.Time{}, all[4].At, all[:4]},
		{time.Time{}, all[4].At.Add(ms), all[:5]},
		{all[4].At, all[8].At, all[4:8]},
		{all[4].At, all[4].At.Add(ms), all[4:5]},
		{all[4].At, all[4].At, nil},
		{all[8].At, all[4].At, nil},
		{all[11].At.Add(ms), time.Time{}, nil},
		{time.Time{}, all[0].At, nil},
		{start.AddDate(-1, 0, 0), start.AddDate(1, 0, 0), all},
	} {
		wantEventsListed(t, a, delivery.EventQuery{Project: "p1", Since: span.since, Until: span.until, Limit: 3}, span.want...)
	}
}

func eventsListedNotExpired(t *testing.T, a delivery.Archive, c *Clock) {
	putEvent(t, a, newEvent("p1", "j1", 1, c, "w1"))
	c.Advance(2 * time.Hour)
	kept := putEvent(t, a, newEvent("p1", "j1", 2, c, "w1"))
	c.Advance(delivery.Retention - time.Hour)
	wantEventsListed(t, a, delivery.EventQuery{Project: "p1", Limit: 10}, kept)
}

func eventsPagedWhileWritten(t *testing.T, a delivery.Archive, c *Clock) {
	old := putMany(t, a, c, 20)
	written := 0
	got := listEvents(t, a, delivery.EventQuery{Project: "p1", Limit: 3}, func() {
		c.Advance(time.Second)
		written++
		putEvent(t, a, newEvent("p1", "j1", 1000+written, c, "w1"))
		if _, err := a.AddMatch(t.Context(), "p1", old[written%len(old)].UID, delivery.Match{Webhook: "late", Format: job.FormatV3}, nil); err != nil {
			t.Fatalf("AddMatch = %v, want nil", err)
		}
	})
	if written == 0 {
		t.Error("20 events came in one page of at most 3")
	}
	var listed []string
	for _, e := range got {
		listed = append(listed, e.UID)
	}
	var want []string
	for _, e := range withoutBodies(old) {
		want = append(want, e.UID)
	}
	if diff := same(want, listed); diff != "" {
		t.Errorf("uids listed while newer events were put (-want +got):\n%s", diff)
	}
}
