package storetest

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"hermod/shared/delivery"
	"hermod/shared/job"
)

var listTests = []test[delivery.Log]{
	{"rows of one state are listed, newest event first", listByState},
	{"a project lists its own rows", listByProject},
	{"rows are listed by what they are", listFiltered},
	{"rows are listed from and until the time of their event", listBetween},
	{"a row that moves is listed where it went", listFollows},
	{"a row whose time is over is not listed", listExpired},
	{"pages skip and repeat nothing while rows are written", listPagedWhileWritten},
}

// listRows reads the whole list, one page after another; between runs before each page but the first.
func listRows(t *testing.T, l delivery.Log, q delivery.Query, between func()) (all []delivery.Delivery) {
	t.Helper()
	for range 10_000 {
		page, next, err := l.List(t.Context(), q)
		must(t, err, "List")
		if len(page) > q.Limit {
			t.Fatalf("List with limit %d = %d rows", q.Limit, len(page))
		}
		all = append(all, page...)
		if next == "" {
			return all
		}
		if between != nil {
			between()
		}
		q.Before = next
	}
	t.Fatal("List does not come to an end after 10,000 pages")
	return nil
}

func newestFirst(rows []delivery.Delivery) []delivery.Delivery {
	return slices.SortedFunc(slices.Values(rows), func(a, b delivery.Delivery) int { return cmp.Compare(b.UID.String(), a.UID.String()) })
}

// wantListed compares what is listed with rows. A list may leave the attempts out.
func wantListed(t *testing.T, l delivery.Log, q delivery.Query, rows ...delivery.Delivery) {
	t.Helper()
	eventually(t, func() string {
		if diff := same(newestFirst(rows), listRows(t, l, q, nil), cmpopts.IgnoreFields(delivery.Delivery{}, "Attempts")); diff != "" {
			return "List (-want +got):\n" + diff
		}
		return ""
	})
}

// listed are the states that are listed, each with a place where a row of that state can stand.
var listed = []standing{
	{delivery.Pending, zero}, {delivery.Retrying, delivery.Place{Step: 1}}, {delivery.Dead, delivery.Place{Cycle: 1, Step: 2}}, {delivery.Cancelled, delivery.Place{Step: 1}},
}

func listByState(t *testing.T, l delivery.Log, c *Clock) {
	rows := map[delivery.State][]delivery.Delivery{}
	for range 5 {
		c.Advance(7*time.Hour + time.Millisecond)
		for _, s := range listed {
			rows[s.state] = append(rows[s.state], s.row(t, l, c), s.row(t, l, c))
		}
		standing{delivery.Succeeded, delivery.Place{Step: 1}}.row(t, l, c)
	}
	for _, s := range listed {
		for _, limit := range []int{1, 3, 10, 1000} {
			wantListed(t, l, delivery.Query{Project: "p1", State: s.state, Limit: limit}, rows[s.state]...)
		}
		from := newestFirst(rows[s.state])
		wantListed(t, l, delivery.Query{Project: "p1", State: s.state, Limit: 2, Before: from[3].UID.String()}, from[4:]...)
	}
}

func listByProject(t *testing.T, l delivery.Log, c *Clock) {
	for _, s := range listed {
		mine, theirs := s.row(t, l, c), s.bring(t, l, c, newDelivery("p2", c))
		wantListed(t, l, delivery.Query{Project: "p1", State: s.state, Limit: 10}, mine)
		wantListed(t, l, delivery.Query{Project: "p2", State: s.state, Limit: 10}, theirs)
		wantListed(t, l, delivery.Query{Project: "p3", State: s.state, Limit: 10})
		wantListed(t, l, delivery.Query{Project: "p1", State: s.state, Limit: 10, Webhook: theirs.UID.Webhook})
	}
}

func listFiltered(t *testing.T, l delivery.Log, c *Clock) {
	rows := manyRows(t, l, c)
	for _, q := range manyQueries(rows) {
		for _, q.Limit = range []int{1, 100} {
			wantListed(t, l, q, met(q, rows)...)
		}
	}
}

// manyRows writes rows that are dead and differ in whatever a list narrows by.
func manyRows(t *testing.T, l delivery.Log, c *Clock) (rows []delivery.Delivery) {
	t.Helper()
	hooks, jobs := []string{newUID(c), newUID(c)}, []string{newUID(c), newUID(c)}
	classes := []delivery.ErrorClass{delivery.ClassStatus, delivery.ClassTimeout}
	for i := range 32 {
		c.Advance(time.Hour)
		d := newDelivery("p1", c)
		d.UID.Webhook, d.Job, d.Workflow = hooks[i%2], jobs[i/2%2], []string{"enrich", "export"}[i/4%2]
		d.Event = []job.EventType{job.EventFailed, job.EventSucceeded}[i/8%2]
		d = over(d, delivery.Dead, delivery.Place{Step: 1}, c)
		a := failing(1, zero, c)
		a.Class = classes[i/16%2]
		must(t, l.Step(t.Context(), d, zero, &a), "Step")
		rows = append(rows, d.Record(a))
	}
	return rows
}

// manyQueries ask for some of manyRows.
func manyQueries(rows []delivery.Delivery) []delivery.Query {
	first, last := rows[0], rows[len(rows)-1] // which differ in everything
	queries := []delivery.Query{
		{}, {Webhook: last.UID.Webhook}, {Job: last.Job}, {Workflow: "export"}, {Event: job.EventSucceeded}, {Class: delivery.ClassTimeout},
		{Webhook: "another"}, {Job: "another"}, {Workflow: "nothing"}, {Event: job.EventPaused}, {Class: delivery.ClassDNS},
		{Webhook: first.UID.Webhook, Job: last.Job}, {Webhook: first.UID.Webhook, Class: delivery.ClassStatus}, {Job: first.Job, Event: job.EventFailed},
		{Webhook: last.UID.Webhook, Job: last.Job, Workflow: "enrich", Event: job.EventSucceeded, Class: delivery.ClassTimeout},
		{Since: rows[5].CreatedAt}, {Until: rows[25].CreatedAt}, {Since: rows[25].CreatedAt, Until: rows[5].CreatedAt},
		{Workflow: "export", Since: rows[5].CreatedAt, Until: rows[25].CreatedAt},
	}
	for i := range queries {
		queries[i].Project, queries[i].State = "p1", delivery.Dead
	}
	return queries
}

// met are the rows that meet the filters of a query.
func met(q delivery.Query, rows []delivery.Delivery) (list []delivery.Delivery) {
	for _, d := range rows {
		if (q.Webhook == "" || q.Webhook == d.UID.Webhook) && (q.Job == "" || q.Job == d.Job) && (q.Workflow == "" || q.Workflow == d.Workflow) &&
			(q.Event == "" || q.Event == d.Event) && (q.Class == "" || q.Class == d.LastClass) && between(d.CreatedAt, q.Since, q.Until) {
			list = append(list, d)
		}
	}
	return list
}

func listBetween(t *testing.T, l delivery.Log, c *Clock) {
	var rows []delivery.Delivery
	for range 8 {
		c.Advance(11 * time.Hour)
		rows = append(rows, standing{delivery.Dead, delivery.Place{Step: 1}}.row(t, l, c))
	}
	ms := time.Millisecond
	at := func(i int) time.Time { return rows[i].CreatedAt }
	for _, span := range []struct {
		since, until time.Time
		want         []delivery.Delivery
	}{
		{at(2), time.Time{}, rows[2:]},
		{at(2).Add(ms), time.Time{}, rows[3:]},
		{time.Time{}, at(2), rows[:2]},
		{time.Time{}, at(2).Add(ms), rows[:3]},
		{at(2), at(6), rows[2:6]},
		{at(2), at(2), nil},
		{at(6), at(2), nil},
		{at(7).Add(ms), time.Time{}, nil},
		{start.AddDate(-1, 0, 0), start.AddDate(1, 0, 0), rows},
	} {
		wantListed(t, l, delivery.Query{Project: "p1", State: delivery.Dead, Since: span.since, Until: span.until, Limit: 3}, span.want...)
	}
}

func listFollows(t *testing.T, l delivery.Log, c *Clock) {
	d := standing{delivery.Pending, zero}.row(t, l, c)
	want := func(where delivery.State) {
		t.Helper()
		for _, s := range listed {
			q := delivery.Query{Project: "p1", State: s.state, Limit: 10}
			if s.state == where {
				wantListed(t, l, q, d)
			} else {
				wantListed(t, l, q)
			}
		}
	}
	want(delivery.Pending)
	step := func(next delivery.Delivery) {
		t.Helper()
		a := failing(d.NextNumber(), d.Place, c)
		must(t, l.Step(t.Context(), unattempted(next), d.Place, &a), "Step")
		d = next.Record(a)
		want(d.State)
	}
	step(waiting(d, delivery.Place{Step: 1}, time.Minute, c))
	step(waiting(d, delivery.Place{Step: 2}, time.Hour, c))
	step(over(d, delivery.Dead, delivery.Place{Step: 3}, c))
	d, err := l.Reopen(t.Context(), d.UID, 0, c.Now(), delivery.Due{At: c.Now().Add(time.Hour)}, d.ExpiresAt)
	must(t, err, "Reopen")
	want(delivery.Retrying)
	step(over(d, delivery.Cancelled, d.Place, c))
	manual := failing(d.NextNumber(), d.Place, c)
	manual.Class, manual.Status, manual.Error = delivery.ClassTimeout, 0, "no answer within 12s"
	must(t, l.Append(t.Context(), unattempted(d), manual), "Append")
	d = d.Record(manual)
	want(delivery.Cancelled)
	must(t, l.Succeed(t.Context(), unattempted(over(d, delivery.Succeeded, d.Place, c)), accepted(d.NextNumber(), d.Place, c)), "Succeed")
	want(delivery.Succeeded)
}

func listExpired(t *testing.T, l delivery.Log, c *Clock) {
	s := standing{delivery.Dead, delivery.Place{Step: 1}}
	s.row(t, l, c)
	c.Advance(2 * time.Hour)
	kept := s.row(t, l, c)
	c.Advance(delivery.Retention - time.Hour)
	wantListed(t, l, delivery.Query{Project: "p1", State: delivery.Dead, Limit: 10}, kept)
}

func listPagedWhileWritten(t *testing.T, l delivery.Log, c *Clock) {
	s := standing{delivery.Dead, delivery.Place{Step: 1}}
	var old []delivery.Delivery
	for range 20 {
		c.Advance(7 * time.Hour)
		old = append(old, s.row(t, l, c))
	}
	q := delivery.Query{Project: "p1", State: delivery.Dead, Limit: 3}
	wantListed(t, l, q, old...)
	leaving := old[0] // the oldest, which comes last
	got := listRows(t, l, q, func() {
		c.Advance(time.Second)
		s.row(t, l, c)
		newer := old[len(old)-1] // seen already
		must(t, l.Append(t.Context(), unattempted(newer), failing(9, newer.Place, c)), "Append")
		if leaving.State == delivery.Dead {
			leaving = over(leaving, delivery.Succeeded, leaving.Place, c)
			must(t, l.Succeed(t.Context(), unattempted(leaving), accepted(2, leaving.Place, c)), "Succeed")
		}
	})
	var uids []string
	for _, d := range got {
		if d.UID != leaving.UID { // whether it was seen is left to chance
			uids = append(uids, d.UID.String())
		}
	}
	var want []string
	for _, d := range newestFirst(old[1:]) {
		want = append(want, d.UID.String())
	}
	if diff := same(want, uids); diff != "" {
		t.Errorf("rows listed while newer ones were written and one left (-want +got):\n%s", diff)
	}
}
