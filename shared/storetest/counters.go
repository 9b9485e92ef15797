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
		{"a project as a whole has what was added to it, and no webhook's", countersOfProjects},
		{"hours are from since to before until", countersBetween},
		{"an hour is gone when its time is over", countersExpire},
		{"health is the same in whatever order it is noted", healthInAnyOrder},
		{"health that is noted at once is noted all", healthAtOnce},
		{"a webhook and a project have their own health", healthApart},
		{"the health of many webhooks is read at once", healthOfMany},
		{"health is gone when its time is over", healthExpires},
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

// each runs a test on the counters of a webhook, then on those of the project as a whole.
func each(c *Clock, f func(hook string)) {
	f(newUID(c))
	f(webhook.Whole)
}

func countersListed(t *testing.T, s webhook.Counters, c *Clock) {
	hour := start.Truncate(time.Hour)
	each(c, func(hook string) {
		wantHours(t, s, "p1", hook, hour, hour.Add(time.Hour))
		addStats(t, s, "p1", hook, start, someStats())
		wantHours(t, s, "p1", hook, hour, hour.Add(time.Hour), webhook.Hour{At: hour, Stats: someStats()})
		one := webhook.Stats{Dead: 1}
		one.CountRequest(500, time.Second)
		addStats(t, s, "p1", hook, hour.Add(time.Hour-time.Nanosecond), one)
		addStats(t, s, "p1", hook, hour.Add(-time.Nanosecond), one)
		wantHours(t, s, "p1", hook, hour.Add(-time.Hour), hour.Add(time.Hour),
			webhook.Hour{At: hour.Add(-time.Hour), Stats: one}, webhook.Hour{At: hour, Stats: someStats().Plus(one)})
	})
}

func countersAtOnce(t *testing.T, s webhook.Counters, c *Clock) {
	hour := start.Truncate(time.Hour)
	want := webhook.Hour{At: hour}
	for range writers {
		want.Stats = want.Plus(someStats())
	}
	each(c, func(hook string) {
		for _, err := range atOnce(writers, func(int) error { return s.Add(t.Context(), "p1", hook, start, someStats()) }) {
			must(t, err, "Add, one of %d at once", writers)
		}
		wantHours(t, s, "p1", hook, hour, hour.Add(time.Hour), want)
	})
}

func countersApart(t *testing.T, s webhook.Counters, c *Clock) {
	hook, other, hour := newUID(c), newUID(c), start.Truncate(time.Hour)
	addStats(t, s, "p1", hook, start, webhook.Stats{Succeeded: 1})
	addStats(t, s, "p1", other, start, webhook.Stats{Succeeded: 2})
	wantHours(t, s, "p1", hook, hour, hour.Add(time.Hour), webhook.Hour{At: hour, Stats: webhook.Stats{Succeeded: 1}})
	wantHours(t, s, "p1", other, hour, hour.Add(time.Hour), webhook.Hour{At: hour, Stats: webhook.Stats{Succeeded: 2}})
	wantHours(t, s, "p2", hook, hour, hour.Add(time.Hour))
}

func countersOfProjects(t *testing.T, s webhook.Counters, c *Clock) {
	hour := start.Truncate(time.Hour)
	addStats(t, s, "p1", newUID(c), start, webhook.Stats{Succeeded: 1})
	wantHours(t, s, "p1", webhook.Whole, hour, hour.Add(time.Hour))
	addStats(t, s, "p1", webhook.Whole, start, webhook.Stats{Succeeded: 2})
	addStats(t, s, "p2", webhook.Whole, start, webhook.Stats{Succeeded: 4})
	for project, successes := range map[string]int{"p1": 2, "p2": 4} {
		wantHours(t, s, project, webhook.Whole, hour, hour.Add(time.Hour), webhook.Hour{At: hour, Stats: webhook.Stats{Succeeded: successes}})
	}
	wantHours(t, s, "p3", webhook.Whole, hour, hour.Add(time.Hour))
}

func countersBetween(t *testing.T, s webhook.Counters, c *Clock) {
	each(c, func(hook string) { betweenHours(t, s, hook) })
}

func betweenHours(t *testing.T, s webhook.Counters, hook string) {
	t.Helper()
	first := start.Truncate(time.Hour)
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
	want := func(hours ...webhook.Hour) {
		t.Helper()
		wantHours(t, s, "p1", hook, hour, hour.Add(2*time.Hour), hours...)
		wantHours(t, s, "p1", webhook.Whole, hour, hour.Add(2*time.Hour), hours...)
	}
	one, two := webhook.Hour{At: hour, Stats: webhook.Stats{Succeeded: 1}}, webhook.Hour{At: hour.Add(time.Hour), Stats: webhook.Stats{Succeeded: 2}}
	for _, h := range []webhook.Hour{one, two} {
		addStats(t, s, "p1", hook, h.At, h.Stats)
		addStats(t, s, "p1", webhook.Whole, h.At, h.Stats)
	}
	c.Advance(hour.Add(webhook.StatsRetention - time.Minute).Sub(start))
	want(one, two)
	c.Advance(2 * time.Minute)
	want(two)
	c.Advance(time.Hour)
	want()
}

// health is one whose last success was so many seconds after start, and whose first failure after it; 0 is none.
func health(success, failing int) (h webhook.Health) {
	if success > 0 {
		h.LastSuccessAt = start.Add(time.Duration(success) * time.Second)
	}
	if failing > 0 {
		h.FailingSince = start.Add(time.Duration(failing) * time.Second)
	}
	return h
}

func note(t *testing.T, s webhook.Counters, project, hook string, h webhook.Health) {
	t.Helper()
	must(t, s.Note(t.Context(), project, hook, h), "Note")
}

func wantHealth(t *testing.T, s webhook.Counters, project string, want map[string]webhook.Health, hooks ...string) {
	t.Helper()
	got, err := s.Health(t.Context(), project, hooks...)
	must(t, err, "Health")
	if diff := same(want, got); diff != "" {
		t.Errorf("health in project %s (-want +got):\n%s", project, diff)
	}
}

func healthInAnyOrder(t *testing.T, s webhook.Counters, c *Clock) {
	tests := []struct {
		name string
		list []webhook.Health
		want webhook.Health
	}{
		{"a success", []webhook.Health{health(5, 0)}, health(5, 0)},
		{"a failure", []webhook.Health{health(0, 5)}, health(0, 5)},
		{"both", []webhook.Health{health(5, 7)}, health(5, 7)},
		{"nothing and a success", []webhook.Health{{}, health(5, 0)}, health(5, 0)},
		{"two successes", []webhook.Health{health(5, 0), health(7, 0)}, health(7, 0)},
		{"two failures", []webhook.Health{health(0, 5), health(0, 7)}, health(0, 5)},
		{"a failure and then a success", []webhook.Health{health(0, 5), health(7, 0)}, health(7, 0)},
		{"a failure and a success at once", []webhook.Health{health(0, 5), health(5, 0)}, health(5, 0)},
		{"a success and then failures", []webhook.Health{health(5, 0), health(0, 7), health(0, 9)}, health(5, 7)},
		{"all of it again", []webhook.Health{health(5, 7), health(5, 0), health(0, 7), health(5, 7)}, health(5, 7)},
		{"both and then a success", []webhook.Health{health(3, 5), health(7, 0)}, health(7, 0)},
		{"both, and a success between", []webhook.Health{health(3, 7), health(5, 0)}, health(5, 7)},
		{"both, and a success before", []webhook.Health{health(3, 5), health(2, 0)}, health(3, 5)},
		{"both, and a failure before", []webhook.Health{health(3, 5), health(0, 2)}, health(3, 5)},
		{"both, and a failure between", []webhook.Health{health(3, 7), health(0, 5)}, health(3, 5)},
		{"both, and both after that", []webhook.Health{health(3, 5), health(7, 9)}, health(7, 9)},
		{"both, and a later failure of the same success", []webhook.Health{health(3, 5), health(3, 9)}, health(3, 5)},
		{"both, and a later success before the same failure", []webhook.Health{health(3, 9), health(5, 9)}, health(5, 9)},
		{"both, and both around that", []webhook.Health{health(3, 8), health(7, 9)}, health(7, 8)},
		{"both, and both within that", []webhook.Health{health(7, 8), health(3, 5)}, health(7, 8)},
	}
	for _, tt := range tests {
		first, last := newUID(c), newUID(c)
		for i := range tt.list {
			note(t, s, "p1", first, tt.list[i])
			note(t, s, "p1", last, tt.list[len(tt.list)-1-i])
		}
		got, err := s.Health(t.Context(), "p1", first, last)
		must(t, err, "Health")
		if diff := same(map[string]webhook.Health{first: tt.want, last: tt.want}, got); diff != "" {
			t.Errorf("health of %s, in this order and the other (-want +got):\n%s", tt.name, diff)
		}
	}
}

func healthAtOnce(t *testing.T, s webhook.Counters, c *Clock) {
	hook := newUID(c)
	for _, err := range atOnce(writers, func(i int) error { return s.Note(t.Context(), "p1", hook, health(i+1, 0)) }) {
		must(t, err, "Note of a success, one of %d at once", writers)
	}
	wantHealth(t, s, "p1", map[string]webhook.Health{hook: health(writers, 0)}, hook)
	for _, err := range atOnce(writers, func(i int) error { return s.Note(t.Context(), "p1", hook, health(0, i+1+writers)) }) {
		must(t, err, "Note of a failure, one of %d at once", writers)
	}
	wantHealth(t, s, "p1", map[string]webhook.Health{hook: health(writers, writers+1)}, hook)
}

func healthApart(t *testing.T, s webhook.Counters, c *Clock) {
	hook, other, silent := newUID(c), newUID(c), newUID(c)
	wantHealth(t, s, "p1", nil)
	note(t, s, "p1", hook, health(5, 0))
	note(t, s, "p1", other, health(0, 7))
	note(t, s, "p1", silent, webhook.Health{})
	addStats(t, s, "p1", silent, start, webhook.Stats{Succeeded: 1})
	wantHealth(t, s, "p1", map[string]webhook.Health{hook: health(5, 0), other: health(0, 7)}, hook, other, silent)
	wantHealth(t, s, "p1", map[string]webhook.Health{other: health(0, 7)}, silent, other)
	wantHealth(t, s, "p2", nil, hook, other)
}

func healthOfMany(t *testing.T, s webhook.Counters, c *Clock) {
	want := map[string]webhook.Health{}
	var hooks []string
	for i := range 120 {
		hooks = append(hooks, newUID(c))
		if i%10 < 9 {
			want[hooks[i]] = health(i+1, i%10*200)
			note(t, s, "p1", hooks[i], want[hooks[i]])
		}
	}
	wantHealth(t, s, "p1", want, hooks...)
}

func healthExpires(t *testing.T, s webhook.Counters, c *Clock) {
	hook := newUID(c)
	note(t, s, "p1", hook, health(5, 0))
	c.Advance(time.Hour)
	note(t, s, "p1", hook, health(0, 7))
	c.Advance(webhook.HealthRetention - time.Minute)
	wantHealth(t, s, "p1", map[string]webhook.Health{hook: health(5, 7)}, hook)
	c.Advance(2 * time.Minute)
	wantHealth(t, s, "p1", nil, hook)
}
