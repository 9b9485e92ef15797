package tally_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/delivery"
	"hermod/shared/tally"
	"hermod/shared/uid"
	"hermod/shared/webhook"
)

// now is when the tests tally: half an hour after their deliveries.
var now = time.Date(2026, 11, 24, 16, 15, 0, 0, time.UTC)

var began = now.Add(-30 * time.Minute)

// attempt is the nth request of a delivery, a second after the one before.
func attempt(n, status int, change ...func(*delivery.Attempt)) delivery.Attempt {
	a := delivery.Attempt{
		Number: n, Cause: delivery.CauseSchedule, Step: n - 1, StartedAt: began.Add(time.Duration(n) * time.Second), Duration: 100 * time.Millisecond, Status: status,
	}
	for _, f := range change {
		f(&a)
	}
	return a
}

func as(c delivery.Cause) func(*delivery.Attempt) { return func(a *delivery.Attempt) { a.Cause = c } }

// row is a delivery in a state, with attempts; an empty state is no row.
func row(s delivery.State, attempts ...delivery.Attempt) delivery.Delivery {
	if s == "" {
		return delivery.Delivery{}
	}
	return delivery.Delivery{UID: delivery.UID{Event: "e", Webhook: "w"}, Project: "p", State: s, Attempts: attempts}
}

// stats are counts of requests by status, which all took a tenth of a second.
func stats(s webhook.Stats, statuses ...int) webhook.Stats {
	for _, status := range statuses {
		s.CountRequest(status, 100*time.Millisecond)
	}
	return s
}

func TestWhatAWriteCounts(t *testing.T) {
	ended := func(d delivery.Delivery, at time.Time) delivery.Delivery { d.EndedAt = at; return d }
	test := func(d delivery.Delivery) delivery.Delivery { d.Test = true; return d }
	spent := func(n int) delivery.Attempt {
		return attempt(n, 0, func(a *delivery.Attempt) { a.Number, a.Class = 0, delivery.ClassBreakerOpen })
	}
	var many []delivery.Attempt
	for n := range delivery.MaxAttempts + 1 {
		many = append(many, attempt(n+1, 500))
	}
	type S = webhook.Stats
	const (
		pending, retrying = delivery.Pending, delivery.Retrying
		succeeded, dead   = delivery.Succeeded, delivery.Dead
		cancelled, manual = delivery.Cancelled, delivery.CauseManual
	)
	tests := []struct {
		name          string
		before, after delivery.Delivery
		want          S
		at            time.Time
	}{
		{"success at once", row(""), row(succeeded, attempt(1, 204)), stats(S{Succeeded: 1}, 204), began.Add(time.Second)},
		{"a first failure", row(""), row(retrying, attempt(1, 500)), stats(S{Retrying: 1}, 500), began.Add(time.Second)},
		{"a second one", row(retrying, attempt(1, 500)), row(retrying, attempt(1, 500), attempt(2, 404)), stats(S{}, 404), began.Add(2 * time.Second)},
		{"no answer", row(""), row(retrying, attempt(1, 0)), stats(S{Retrying: 1}, 0), began.Add(time.Second)},
		{"a redirect", row(""), row(retrying, attempt(1, 302)), stats(S{Retrying: 1}, 302), began.Add(time.Second)},
		{"a death", row(retrying, attempt(1, 500)), row(dead, attempt(1, 500), attempt(2, 500)), stats(S{Dead: 1}, 500), began.Add(2 * time.Second)},
		{"a step spent without a request", row(retrying, attempt(1, 500)), row(retrying, attempt(1, 500), spent(2)), S{}, now},
		{"a death without a request", row(retrying, attempt(1, 500)), row(dead, attempt(1, 500), spent(2)), S{Dead: 1}, began.Add(2 * time.Second)},
		{"a death by our fault", row(retrying), ended(row(dead), began), S{Dead: 1}, began},
		{"a cancellation", row(""), ended(row(cancelled), began), S{Cancelled: 1}, began},
		{"a reopening", ended(row(dead, attempt(1, 500)), began), row(retrying, attempt(1, 500)), S{Retrying: 1}, now},
		{"success in the end", row(retrying, attempt(1, 500)),
			ended(row(succeeded, attempt(1, 500), attempt(2, 200)), now), stats(S{Succeeded: 1}, 200), began.Add(2 * time.Second)},
		{"a manual failure before the first step", row(""), row(pending, attempt(1, 500, as(manual))), stats(S{}, 500), began.Add(time.Second)},
		{"a manual attempt after success", ended(row(succeeded, attempt(1, 200)), began),
			ended(row(succeeded, attempt(1, 200), attempt(2, 503, as(manual))), began), stats(S{}, 503), began.Add(2 * time.Second)},
		{"a probe", row(retrying), row(retrying, attempt(1, 200, as(delivery.CauseProbe))), stats(S{}, 200), began.Add(time.Second)},
		{"two attempts in one write", row(""), row(retrying, attempt(1, 500), attempt(2, 404)), stats(S{Retrying: 1}, 500, 404), began.Add(2 * time.Second)},
		{"an attempt more than a row keeps", row(retrying, many[:delivery.MaxAttempts]...),
			row(retrying, many[1:]...), stats(S{}, 500), many[delivery.MaxAttempts].StartedAt},
		{"a due entry that moves", row(retrying, attempt(1, 500)), row(retrying, attempt(1, 500)), S{}, now},
		{"a test event", row(""), test(row(succeeded, attempt(1, 200, as(delivery.CauseTest)))), S{}, now},
		{"a test that failed", row(""), test(row(cancelled, attempt(1, 500, as(delivery.CauseTest)))), S{}, now},
		{"an attempt with cause test", row(retrying), row(retrying, attempt(1, 200, as(delivery.CauseTest))), S{}, now},
		{"a test event that is retried", test(row(cancelled)), test(row(succeeded, attempt(2, 200, as(manual)))), S{}, now},
	}
	for _, tt := range tests {
		sums := tally.Sums{}
		p, at, ok := sums.Count(tt.before, tt.after, now)
		if !at.Equal(tt.at) || ok != (tt.want != S{}) {
			t.Errorf("%s: counts at %v: %v, want %v: %v", tt.name, at, ok, tt.at, tt.want != S{})
		}
		if diff := cmp.Diff(tt.want, sums[p].Stats); diff != "" {
			t.Errorf("%s counts (-want +got):\n%s", tt.name, diff)
		}
		if want := (tally.Place{Project: "p", Webhook: "w", Hour: tt.at.Unix() / 3600}); ok && p != want {
			t.Errorf("%s counts for %+v, want %+v", tt.name, p, want)
		}
	}
}

func TestWhatRequestsTellOfTheHealth(t *testing.T) {
	in := func(second int) time.Time { return began.Add(time.Duration(second)*time.Second + 100*time.Millisecond) } // attempts take so long
	test := func(d delivery.Delivery) delivery.Delivery { d.Test = true; return d }
	open := func(a *delivery.Attempt) { a.Number, a.Class = 0, delivery.ClassBreakerOpen }
	late := func(a *delivery.Attempt) { a.Class = delivery.ClassTimeout }
	good, bad := row(delivery.Succeeded, attempt(5, 200)), row(delivery.Retrying, attempt(5, 500))
	other := func(s delivery.State, attempts ...delivery.Attempt) delivery.Delivery {
		d := row(s, attempts...)
		d.UID.Event = "other"
		return d
	}
	type H = webhook.Health
	tests := []struct {
		name string
		rows []delivery.Delivery
		want H
	}{
		{"nothing", nil, H{}},
		{"a success", []delivery.Delivery{good}, H{LastSuccessAt: in(5)}},
		{"a failure", []delivery.Delivery{bad}, H{FailingSince: in(5)}},
		{"a failure before a success", []delivery.Delivery{row(delivery.Succeeded, attempt(1, 500), attempt(2, 200))}, H{LastSuccessAt: in(2)}},
		{"a success before a failure", []delivery.Delivery{good, other(delivery.Retrying, attempt(6, 0))}, H{LastSuccessAt: in(5), FailingSince: in(6)}},
		{"the same, heard of the other way round", []delivery.Delivery{bad, other(delivery.Succeeded, attempt(4, 200))}, H{LastSuccessAt: in(4), FailingSince: in(5)}},
		{"failures about a success, the later one heard of first",
			[]delivery.Delivery{row(delivery.Dead, attempt(7, 500)), row(delivery.Dead, attempt(3, 500)), good}, H{LastSuccessAt: in(5), FailingSince: in(7)}},
		{"a manual success after a death", []delivery.Delivery{row(delivery.Dead, attempt(1, 500)), row(delivery.Succeeded, attempt(1, 500), attempt(2, 200, as(delivery.CauseManual)))},
			H{LastSuccessAt: in(2)}},
		{"a success that came too late", []delivery.Delivery{row(delivery.Retrying, attempt(5, 200, late))}, H{FailingSince: in(5)}},
		{"steps spent without a request", []delivery.Delivery{row(delivery.Dead, attempt(1, 0, open))}, H{}},
		{"a cancellation", []delivery.Delivery{row(delivery.Cancelled)}, H{}},
		{"a test event", []delivery.Delivery{test(good)}, H{}},
		{"a test that failed", []delivery.Delivery{test(bad)}, H{}},
		{"an attempt with cause test", []delivery.Delivery{row(delivery.Retrying, attempt(5, 500, as(delivery.CauseTest)))}, H{}},
	}
	for _, tt := range tests {
		sums, before := tally.Sums{}, map[delivery.UID]delivery.Delivery{}
		for _, after := range tt.rows {
			sums.Count(before[after.UID], after, now)
			before[after.UID] = after
		}
		if diff := cmp.Diff(tt.want, sums[tally.Place{Project: "p", Webhook: "w", Hour: began.Unix() / 3600}].Health()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestAPlaceIsAnHour(t *testing.T) {
	hour := time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC)
	sums := tally.Sums{}
	for _, at := range []time.Time{hour, hour.Add(time.Hour - time.Nanosecond), hour.Add(time.Hour)} {
		d := row(delivery.Cancelled)
		d.EndedAt = at
		sums.Count(delivery.Delivery{}, d, now)
	}
	got := map[time.Time]int{}
	for p, s := range sums {
		got[p.Begin()] = s.Cancelled
	}
	if diff := cmp.Diff(map[time.Time]int{hour: 2, hour.Add(time.Hour): 1}, got); diff != "" {
		t.Errorf("cancellations by the hour (-want +got):\n%s", diff)
	}
}

// BenchmarkCount is a delivery that succeeds at once, to one of a hundred webhooks.
func BenchmarkCount(b *testing.B) {
	sums, rows := tally.Sums{}, make([]delivery.Delivery, 100)
	for i := range rows {
		rows[i] = row(delivery.Succeeded, attempt(1, 200))
		rows[i].Project, rows[i].UID.Webhook = uid.New(now), uid.New(now)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		sums.Count(delivery.Delivery{}, rows[i%len(rows)], now)
	}
}
