package storetest

import (
	"fmt"
	"testing"

	"hermod/shared/delivery"
)

var countTests = []test[delivery.Log]{
	{"rows of a project and a state are counted", countByState},
	{"rows are counted by what they are and when they were made", countFiltered},
	{"counting stops where it is told to", countStops},
	{"a row that moves counts where it went", countFollows},
	{"a row of a test counts, and is listed, unless tests are left out", countTestsToo},
}

// wantCount counts up to most, where there are all rows.
func wantCount(t *testing.T, l delivery.Log, q delivery.Query, most, all int) {
	t.Helper()
	eventually(t, func() string {
		if got, more, err := l.Count(t.Context(), q, most); err != nil || got != min(most, all) || more != (all > most) {
			return fmt.Sprintf("Count of %+v, up to %d of %d, = %d, more %v, %v", q, most, all, got, more, err)
		}
		return ""
	})
}

func countByState(t *testing.T, l delivery.Log, c *Clock) {
	for i, s := range listed {
		for range i + 1 {
			s.row(t, l, c)
		}
		s.bring(t, l, c, newDelivery("p2", c))
	}
	standing{delivery.Succeeded, delivery.Place{Step: 1}}.row(t, l, c)
	for i, s := range listed {
		wantCount(t, l, delivery.Query{Project: "p1", State: s.state}, 100, i+1)
		wantCount(t, l, delivery.Query{Project: "p2", State: s.state}, 100, 1)
		wantCount(t, l, delivery.Query{Project: "p3", State: s.state}, 100, 0)
	}
}

func countFiltered(t *testing.T, l delivery.Log, c *Clock) {
	rows := manyRows(t, l, c)
	for _, q := range manyQueries(rows) {
		all := len(met(q, rows))
		wantCount(t, l, q, 100, all)
		wantCount(t, l, q, max(1, all-1), all)
		q.Before, q.Limit = rows[0].UID.String(), 1
		wantCount(t, l, q, max(1, all), all)
	}
}

func countStops(t *testing.T, l delivery.Log, c *Clock) {
	const rows = 30
	for range rows {
		standing{delivery.Dead, delivery.Place{Step: 1}}.row(t, l, c)
	}
	for most := 1; most <= rows+10; most++ {
		wantCount(t, l, delivery.Query{Project: "p1", State: delivery.Dead}, most, rows)
		wantCount(t, l, delivery.Query{Project: "p1", State: delivery.Dead, Class: delivery.ClassStatus}, most, rows)
	}
}

func countFollows(t *testing.T, l delivery.Log, c *Clock) {
	d := standing{delivery.Retrying, delivery.Place{Step: 1}}.row(t, l, c)
	wantCount(t, l, delivery.Query{Project: "p1", State: delivery.Retrying}, 10, 1)
	a := failing(d.NextNumber(), d.Place, c)
	must(t, l.Step(t.Context(), unattempted(over(d, delivery.Dead, delivery.Place{Step: 2}, c)), d.Place, &a), "Step")
	wantCount(t, l, delivery.Query{Project: "p1", State: delivery.Retrying}, 10, 0)
	wantCount(t, l, delivery.Query{Project: "p1", State: delivery.Dead}, 10, 1)
	must(t, l.Succeed(t.Context(), unattempted(over(d, delivery.Succeeded, d.Place, c)), accepted(3, d.Place, c)), "Succeed")
	wantCount(t, l, delivery.Query{Project: "p1", State: delivery.Dead}, 10, 0)
}

func countTestsToo(t *testing.T, l delivery.Log, c *Clock) {
	d := over(newDelivery("p1", c), delivery.Cancelled, zero, c)
	d.Test = true
	must(t, l.Step(t.Context(), d, zero, nil), "Step")
	other := over(newDelivery("p1", c), delivery.Cancelled, zero, c)
	must(t, l.Step(t.Context(), other, zero, nil), "Step")
	q := delivery.Query{Project: "p1", State: delivery.Cancelled, Limit: 10}
	wantCount(t, l, q, 10, 2)
	wantListed(t, l, q, d, other)
	q.NoTests = true
	wantCount(t, l, q, 10, 1)
	wantListed(t, l, q, other)
}
