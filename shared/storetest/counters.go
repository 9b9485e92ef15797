package storetest

import (
	"testing"
	"time"

	"hermod/shared/webhook"
)

// Counters is the suite of webhook.Counters.
func Counters(t *testing.T, open func(t *testing.T, now func() time.Time) webhook.Counters) {
	run(t, open, []test[webhook.Counters]{
		{"what was added is listed by the hour", countersListed},
		{"additions at once are all counted", countersAtOnce},
		{"a webhook and a project have their own", countersApart},
		{"hours are from since to before until", countersBetween},
		{"an hour is gone when its time is over", countersExpire},
	})
}

// someStats have a count in every place.
func someStats() webhook.Stats {
	s := webhook.Stats{Succeeded: 1_000_000, Retrying: 2, Dead: 3, Cancelled: 4}
	for i := range s.Statuses {
		s.Statuses[i] = 10 + i
	}
	for i := range s.Durations {
		s.Durations[i] = 100 + i
	}
	return s
}

func addStats(t *testing.T, s webhook.Counters, project, hook string, hour time.Time, more webhook.Stats) {
	t.Helper()
	must(t, s.Add(t.Context(), project, hook, hour, more), "Add")
}

func wantHours(t *testing.T, s webhook.Counters, project, hook string, since, until time.Time, want ...webhook.Hour) {
	t.Helper()
	eventually(t, func() string {
		got, err := s.Hours(t.Context(), project, hook, since, until)
		must(t, err, "Hours")
		return same(want, got)
	})
}

func countersListed(t *testing.T, s webhook.Counters, c *Clock) {
	hook, hour := newUID(c), start.Truncate(time.Hour)
	wantHours(t, s, "p1", hook, hour, hour.Add(time.Hour))
	addStats(t, s, "p1", hook, start, someStats())
	wantHours(t, s, "p1", hook, hour, hour.Add(time.Hour), webhook.Hour{At: hour, Stats: someStats()})
	one := webhook.Stats{Dead: 1}
	one.CountRequest(500, time.Second)
	addStats(t, s, "p1", hook, hour.Add(time.Hour-time.Nanosecond), one)
	addStats(t, s, "p1", hook, hour.Add(-time.Nanosecond), one)
	wantHours(t, s, "p1", hook, hour.Add(-time.Hour), hour.Add(time.Hour),
		webhook.Hour{At: hour.Add(-time.Hour), Stats: one}, webhook.Hour{At: hour, Stats: someStats().Plus(one)})
}

func countersAtOnce(t *testing.T, s webhook.Counters, c *Clock) {
	hook, hour := newUID(c), start.Truncate(time.Hour)
	want := webhook.Hour{At: hour}
	for range writers {
		want.Stats = want.Plus(someStats())
	}
	for _, err := range atOnce(writers, func(int) error { return s.Add(t.Context(), "p1", hook, start, someStats()) }) {
		must(t, err, "Add, one of %d at once", writers)
	}
	wantHours(t, s, "p1", hook, hour, hour.Add(time.Hour), want)
}

func countersApart(t *testing.T, s webhook.Counters, c *Clock) {
	hook, other, hour := newUID(c), newUID(c), start.Truncate(time.Hour)
	addStats(t, s, "p1", hook, start, webhook.Stats{Succeeded: 1})
	addStats(t, s, "p1", other, start, webhook.Stats{Succeeded: 2})
	wantHours(t, s, "p1", hook, hour, hour.Add(time.Hour), webhook.Hour{At: hour, Stats: webhook.Stats{Succeeded: 1}})
	wantHours(t, s, "p1", other, hour, hour.Add(time.Hour), webhook.Hour{At: hour, Stats: webhook.Stats{Succeeded: 2}})
	wantHours(t, s, "p2", hook, hour, hour.Add(time.Hour))
}

func countersBetween(t *testing.T, s webhook.Counters, c *Clock) {
	hook, first := newUID(c), start.Truncate(time.Hour)
	var all []webhook.Hour
	for n := range 30 { // over the end of a day
		all = append(all, webhook.Hour{At: first.Add(time.Duration(n) * time.Hour), Stats: webhook.Stats{Succeeded: n + 1}})
		addStats(t, s, "p1", hook, all[n].At, all[n].Stats)
	}
	tests := []struct {
		since, until time.Duration
		want         []webhook.Hour
	}{
		{0, 30 * time.Hour, all},
		{-100 * time.Hour, 100 * time.Hour, all},
		{3 * time.Hour, 7 * time.Hour, all[3:7]},
		{3*time.Hour + 59*time.Minute, 7*time.Hour + time.Millisecond, all[3:8]},
		{3 * time.Hour, 3 * time.Hour, nil},
		{30 * time.Hour, 40 * time.Hour, nil},
	}
	for _, tt := range tests {
		wantHours(t, s, "p1", hook, first.Add(tt.since), first.Add(tt.until), tt.want...)
	}
}

func countersExpire(t *testing.T, s webhook.Counters, c *Clock) {
	hook, hour := newUID(c), start.Truncate(time.Hour)
	addStats(t, s, "p1", hook, start, webhook.Stats{Succeeded: 1})
	addStats(t, s, "p1", hook, start.Add(time.Hour), webhook.Stats{Succeeded: 2})
	next := webhook.Hour{At: hour.Add(time.Hour), Stats: webhook.Stats{Succeeded: 2}}
	c.Advance(hour.Add(webhook.StatsRetention - time.Minute).Sub(start))
	wantHours(t, s, "p1", hook, hour, hour.Add(2*time.Hour), webhook.Hour{At: hour, Stats: webhook.Stats{Succeeded: 1}}, next)
	c.Advance(2 * time.Minute)
	wantHours(t, s, "p1", hook, hour, hour.Add(2*time.Hour), next)
	c.Advance(time.Hour)
	wantHours(t, s, "p1", hook, hour, hour.Add(2*time.Hour))
}
