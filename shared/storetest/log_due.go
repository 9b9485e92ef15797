package storetest

import (
	"slices"
	"testing"
	"time"

	"hermod/shared/delivery"
)

var dueTests = []test[delivery.Log]{
	{"what waits is due, in the order of its time", dueInOrder},
	{"entries are due after one time and until another", dueBetween},
	{"entries of one time are all seen, page by page", dueAtOneTime},
	{"many entries are all seen in order, page by page", dueMany},
	{"what ended is not due", dueEnded},
	{"the entry follows the row", dueFollows},
	{"what makes no step leaves the entry alone", dueLeftAlone},
	{"a row whose time is over is not due", dueExpired},
}

// entry is a row's entry.
func entry(d delivery.Delivery) delivery.DueEntry {
	return delivery.DueEntry{UID: d.UID, Project: d.Project, Place: d.Place, Due: d.Due, Resends: d.Resends}
}

// putWaiting writes the row of a first failure whose entry is for the given time.
func putWaiting(t *testing.T, l delivery.Log, c *Clock, due delivery.Due) delivery.Delivery {
	t.Helper()
	d := waiting(newDelivery("p1", c), delivery.Place{Step: 1}, time.Minute, c)
	d.Due = due
	a := failing(1, zero, c)
	must(t, l.Step(t.Context(), d, zero, &a), "Step")
	return d.Record(a)
}

// listDue reads what is due page by page, as a sweeper does.
func listDue(t *testing.T, l delivery.Log, after, until time.Time, limit int) (all []delivery.DueEntry) {
	t.Helper()
	from := ""
	for range 10_000 {
		page, next, err := l.Due(t.Context(), after, until, from, limit)
		must(t, err, "Due")
		if len(page) > limit {
			t.Fatalf("Due with limit %d = %d entries", limit, len(page))
		}
		all = append(all, page...)
		if next == "" {
			return all
		}
		from = next
	}
	t.Fatal("Due does not come to an end after 10,000 pages")
	return nil
}

// wantDue compares what is due in (after, until] with the entries of rows; those of one time may come in any order.
func wantDue(t *testing.T, l delivery.Log, after, until time.Time, limit int, rows ...delivery.Delivery) {
	t.Helper()
	var want []delivery.DueEntry
	for _, d := range rows {
		want = append(want, entry(d))
	}
	order := func(a, b delivery.DueEntry) int {
		if byTime := a.Due.At.Compare(b.Due.At); byTime != 0 {
			return byTime
		}
		return slices.Compare([]byte(a.UID.String()), []byte(b.UID.String()))
	}
	slices.SortFunc(want, order)
	eventually(t, func() string {
		got := listDue(t, l, after, until, limit)
		if !slices.IsSortedFunc(got, func(a, b delivery.DueEntry) int { return a.Due.At.Compare(b.Due.At) }) {
			t.Fatalf("Due is not in the order of time: %+v", got)
		}
		slices.SortStableFunc(got, order)
		if diff := same(want, got); diff != "" {
			return "Due (-want +got):\n" + diff
		}
		return ""
	})
}

func dueInOrder(t *testing.T, l delivery.Log, c *Clock) {
	wantDue(t, l, time.Time{}, c.Now().AddDate(1, 0, 0), 10)
	at := func(m, ms int) time.Time {
		return c.Now().Add(time.Duration(m)*time.Minute + time.Duration(ms)*time.Millisecond)
	}
	rows := []delivery.Delivery{
		putWaiting(t, l, c, delivery.Due{At: at(70, 1)}),
		putWaiting(t, l, c, delivery.Due{At: at(20, 0), Own: true}),
		putWaiting(t, l, c, delivery.Due{At: at(70, 0), Own: true}),
		putWaiting(t, l, c, delivery.Due{At: at(1440, 0), Own: true}),
		standing{delivery.Pending, zero}.row(t, l, c),
		standing{delivery.Retrying, delivery.Place{Cycle: 2, Step: 3}}.row(t, l, c),
		standing{delivery.Retrying, delivery.Place{Cycle: 1}}.row(t, l, c),
	}
	other := newDelivery("p2", c)
	rows = append(rows, standing{delivery.Retrying, delivery.Place{Step: 1}}.bring(t, l, c, other))
	for _, limit := range []int{1, 3, 100} {
		wantDue(t, l, time.Time{}, at(10_000, 0), limit, rows...)
	}
}

func dueBetween(t *testing.T, l delivery.Log, c *Clock) {
	var rows []delivery.Delivery
	for i := range 6 {
		rows = append(rows, putWaiting(t, l, c, delivery.Due{At: c.Now().Add(time.Duration(i) * time.Minute)}))
	}
	ms := time.Millisecond
	at := func(i int) time.Time { return rows[i].Due.At }
	wantDue(t, l, at(1), at(4), 10, rows[2:5]...)
	wantDue(t, l, at(1).Add(-ms), at(4).Add(-ms), 10, rows[1:4]...)
	wantDue(t, l, at(2), at(2), 10)
	wantDue(t, l, at(2).Add(-ms), at(2), 10, rows[2])
	wantDue(t, l, at(4), at(1), 10)
	wantDue(t, l, at(5), at(5).AddDate(1, 0, 0), 10)
	wantDue(t, l, at(0).AddDate(-1, 0, 0), at(0).Add(-ms), 10)
}

func dueAtOneTime(t *testing.T, l delivery.Log, c *Clock) {
	var rows []delivery.Delivery
	for _, minute := range []int{1, 2, 2, 2, 2, 2, 2, 2, 3, 3} {
		rows = append(rows, putWaiting(t, l, c, delivery.Due{At: c.Now().Add(time.Duration(minute) * time.Minute)}))
	}
	for _, limit := range []int{1, 2, 3, 4, 8, 10, 11} {
		wantDue(t, l, c.Now(), c.Now().Add(time.Hour), limit, rows...)
	}
	wantDue(t, l, rows[0].Due.At, rows[1].Due.At, 2, rows[1:8]...)
	wantDue(t, l, rows[1].Due.At, c.Now().Add(time.Hour), 1, rows[8:]...)
}

func dueMany(t *testing.T, l delivery.Log, c *Clock) {
	rows := make([]delivery.Delivery, 250)
	for i, err := range atOnce(len(rows), func(i int) error {
		d := waiting(newDelivery("p1", c), delivery.Place{Step: 1}, time.Hour, c)
		d.Due.At = c.Now().Add(time.Duration(i*7919%97) * time.Second)
		a := failing(1, zero, c)
		rows[i] = d.Record(a)
		return l.Step(t.Context(), d, zero, &a)
	}) {
		must(t, err, "Step %d", i)
	}
	for _, limit := range []int{7, 100, 1000} {
		wantDue(t, l, time.Time{}, c.Now().Add(time.Hour), limit, rows...)
	}
}

func dueEnded(t *testing.T, l delivery.Log, c *Clock) {
	far := c.Now().AddDate(1, 0, 0)
	for _, s := range standings {
		d := s.row(t, l, c)
		if !s.state.Waits() {
			continue
		}
		wantDue(t, l, time.Time{}, far, 10, d)
		switch s.place.Cycle {
		case 0:
			must(t, l.Succeed(t.Context(), unattempted(over(d, delivery.Succeeded, d.Place, c)), accepted(2, d.Place, c)), "Succeed")
		case 1:
			must(t, l.Step(t.Context(), unattempted(over(d, delivery.Cancelled, d.Place, c)), d.Place, nil), "Step to cancelled")
		default:
			a := failing(d.NextNumber(), d.Place, c)
			must(t, l.Step(t.Context(), unattempted(over(d, delivery.Dead, delivery.Place{Cycle: d.Place.Cycle, Step: 4}, c)), d.Place, &a), "Step to dead")
		}
		wantDue(t, l, time.Time{}, far, 10)
	}
}

func dueFollows(t *testing.T, l delivery.Log, c *Clock) {
	far := c.Now().AddDate(1, 0, 0)
	d := standing{delivery.Retrying, delivery.Place{Step: 1}}.row(t, l, c)
	wantDue(t, l, time.Time{}, far, 10, d)

	d.Due, d.Resends = delivery.Due{At: d.Due.At.Add(time.Hour)}, 1
	must(t, l.Resent(t.Context(), d.UID, d.Place, d.Due), "Resent")
	wantDue(t, l, time.Time{}, far, 10, d)

	was := d.Place
	d = waiting(d, delivery.Place{Step: 2}, 14*time.Hour, c)
	d.Resends = 0
	must(t, l.Step(t.Context(), unattempted(d), was, nil), "Step")
	wantDue(t, l, time.Time{}, far, 10, d)

	was = d.Place
	d = over(d, delivery.Dead, delivery.Place{Step: 3}, c)
	must(t, l.Step(t.Context(), unattempted(d), was, nil), "Step to dead")
	wantDue(t, l, time.Time{}, far, 10)

	d, err := l.Reopen(t.Context(), d.UID, 0, c.Now(), delivery.Due{At: c.Now().Add(time.Minute)}, d.ExpiresAt)
	must(t, err, "Reopen")
	wantDue(t, l, time.Time{}, far, 10, d)
}

func dueLeftAlone(t *testing.T, l delivery.Log, c *Clock) {
	d := standing{delivery.Retrying, delivery.Place{Step: 1}}.row(t, l, c)
	a := failing(2, d.Place, c)
	other := d
	other.Due = delivery.Due{At: c.Now().Add(99 * time.Hour), Own: true}
	must(t, l.Append(t.Context(), unattempted(other), a), "Append")
	for _, err := range []error{
		l.Step(t.Context(), unattempted(waiting(d, delivery.Place{Step: 2}, time.Hour, c)), zero, &a),
		l.Resent(t.Context(), d.UID, zero, other.Due),
	} {
		if err == nil {
			t.Error("a write from a stale place = nil, want ErrStale")
		}
	}
	wantDue(t, l, time.Time{}, c.Now().AddDate(1, 0, 0), 10, d)
}

func dueExpired(t *testing.T, l delivery.Log, c *Clock) {
	lost := putWaiting(t, l, c, delivery.Due{At: c.Now().AddDate(0, 2, 0), Own: true})
	wantDue(t, l, time.Time{}, c.Now().AddDate(1, 0, 0), 10, lost)
	c.Advance(delivery.Retention + time.Hour)
	kept := putWaiting(t, l, c, delivery.Due{At: c.Now().AddDate(0, 2, 0), Own: true})
	wantDue(t, l, time.Time{}, c.Now().AddDate(1, 0, 0), 10, kept)
}
