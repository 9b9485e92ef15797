package api

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/delivery"
	"hermod/shared/redrive"
	"hermod/shared/webhook"
)

// counts adds counters of the webhook's hour so long ago: so many successes, each by a request of a tenth of a second.
func (w *world) counts(hook string, ago time.Duration, successes int) {
	w.Helper()
	s := webhook.Stats{Succeeded: successes}
	for range successes {
		s.CountRequest(200, 100*time.Millisecond)
	}
	w.noError(w.db.Counters().Add(w.Context(), w.project, hook, w.clock.Now().Add(-ago), s))
}

func (w *world) stats(hook, query string) map[string]any {
	w.Helper()
	return w.call("GET", "/webhooks/"+hook+"/stats"+query, nil).must(200)
}

// within is a query of a time, in hours before now; -1 leaves an end out.
func within(w *world, since, until float64) string {
	q := url.Values{}
	for name, hours := range map[string]float64{"since": since, "until": until} {
		if hours >= 0 {
			q.Set(name, w.clock.Now().Add(-time.Duration(hours*float64(time.Hour))).Format(time.RFC3339))
		}
	}
	return "?" + q.Encode()
}

func TestStatsOfAWebhookThatGotNothing(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(nil)
	none := map[string]any{
		"states": map[string]any{"succeeded": 0.0, "retrying": 0.0, "dead": 0.0, "cancelled": 0.0}, "attempts": 0.0, "success_rate": nil,
		"p50_ms": nil, "p95_ms": nil,
		"status_classes": map[string]any{"2xx": 0.0, "3xx": 0.0, "4xx": 0.0, "5xx": 0.0, "none": 0.0},
	}
	want := map[string]any{
		"webhook_uid": hook, "since": "2026-01-30T09:00:00.000Z", "until": "2026-01-31T10:00:00.000Z", "totals": none, "hours": []any{}, "days": []any{},
	}
	if diff := cmp.Diff(want, w.stats(hook, "")); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func TestStatsTellAllThatWasCounted(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(nil)
	s := webhook.Stats{Succeeded: 6, Retrying: 5, Dead: 1, Cancelled: 1}
	for _, status := range []int{200, 204, 302, 410, 404, 500, 503, 502, 0, 0, 0, 0} {
		s.CountRequest(status, 48*time.Millisecond)
	}
	w.noError(w.db.Counters().Add(t.Context(), w.project, hook, w.clock.Now(), s))
	want := map[string]any{
		"states": map[string]any{"succeeded": 6.0, "retrying": 5.0, "dead": 1.0, "cancelled": 1.0}, "attempts": 12.0, "success_rate": 0.75,
		"p50_ms": 48.0, "p95_ms": 62.4,
		"status_classes": map[string]any{"2xx": 2.0, "3xx": 1.0, "4xx": 2.0, "5xx": 3.0, "none": 4.0},
	}
	got := w.stats(hook, "")
	if diff := cmp.Diff(want, got["totals"]); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	for list, name := range map[string]string{"hours": "hour", "days": "day"} {
		entry := got[list].([]any)[0].(map[string]any)
		if begin := entry[name]; begin != map[string]string{"hour": "2026-01-31T09:00:00.000Z", "day": "2026-01-31"}[name] {
			t.Errorf("the %s is %v", name, begin)
		}
		delete(entry, name)
		if diff := cmp.Diff(want, entry); diff != "" {
			t.Errorf("%s (-want +got):\n%s", list, diff)
		}
	}
}

func TestStatsAreOfTheHoursAskedFor(t *testing.T) {
	w := newWorld(t) // half past nine
	hook, other := w.newHook(nil), w.newHook(nil)
	for hours, successes := range map[int]int{0: 1, 1: 2, 2: 4, 9: 8, 10: 16, 24: 32, 25: 64, 24 * 7: 128, 24 * 34: 256} {
		w.counts(hook, time.Duration(hours)*time.Hour, successes)
	}
	w.counts(other, 0, 1000)
	tests := []struct {
		name        string
		query       string
		total       float64
		hours, days int
	}{
		{"a day unless told otherwise", "", 63, 6, 2},
		{"since alone", within(w, 2, -1), 7, 3, 1},
		{"until alone", within(w, -1, 1), 126, 6, 2}, // its day begins an hour earlier
		{"an hour's parts", within(w, 1.4, 1), 2, 1, 1},
		{"to a whole hour", within(w, 2, 0.5), 6, 2, 1},
		{"over midnight", within(w, 10, 9), 24, 2, 2},
		{"seven days", within(w, 24*7, -1), 255, 8, 3},
		{"more than seven days", within(w, 24*7+2, -1), 255, 0, 3},
		{"35 days", within(w, 24*35, -1), 511, 0, 4},
		{"until later than now", "?until=9999-12-31T23:59:59Z", 63, 6, 2},
	}
	for _, tt := range tests {
		got := w.stats(hook, tt.query)
		total := got["totals"].(map[string]any)["states"].(map[string]any)["succeeded"]
		if hours, days := len(got["hours"].([]any)), len(got["days"].([]any)); total != tt.total || hours != tt.hours || days != tt.days {
			t.Errorf("%s (%v to %v): %v successes in %d hours and %d days, want %v in %d and %d",
				tt.name, got["since"], got["until"], total, hours, days, tt.total, tt.hours, tt.days)
		}
		sum := 0.0
		for _, day := range got["days"].([]any) {
			sum += day.(map[string]any)["states"].(map[string]any)["succeeded"].(float64)
		}
		if sum != tt.total {
			t.Errorf("%s: the days have %v successes, the totals %v", tt.name, sum, tt.total)
		}
	}
}

func TestStatsAreOldestFirst(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(nil)
	for hours := range 30 {
		w.counts(hook, time.Duration(hours)*time.Hour, 1)
	}
	got := w.stats(hook, within(w, 48, -1))
	for list, name := range map[string]string{"hours": "hour", "days": "day"} {
		last := ""
		for _, entry := range got[list].([]any) {
			begin := fmt.Sprint(entry.(map[string]any)[name])
			if begin <= last {
				t.Errorf("%s come as %s after %s, want them oldest first", list, begin, last)
			}
			last = begin
		}
	}
}

func TestStatsOfATimeThatIsNoneAreRefused(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(nil)
	for _, query := range []string{
		within(w, 1, 1), within(w, 1, 2), within(w, 24*35+0.1, -1), within(w, 24*60, 24*20), "?since=2026-02-01T00:00:00Z", "?since=yesterday",
	} {
		w.call("GET", "/webhooks/"+hook+"/stats"+query, nil).refused(badParameter, "parameter", "since")
		w.call("GET", "/stats"+query, nil).refused(badParameter, "parameter", "since")
	}
}

func TestStatsOfAProjectAreLikeThoseOfAWebhook(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(nil)
	for hours := range 30 {
		w.counts(hook, time.Duration(hours)*time.Hour, hours)
		w.counts(webhook.Whole, time.Duration(hours)*time.Hour, hours)
	}
	w.noError(w.db.Counters().Add(t.Context(), "another", webhook.Whole, w.clock.Now(), webhook.Stats{Succeeded: 1000}))
	for _, query := range []string{"", within(w, 2, 1), within(w, 24*8, -1)} {
		want, got := w.stats(hook, query), w.call("GET", "/stats"+query, nil).must(200)
		delete(want, "webhook_uid")
		delete(got, "now")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("stats of a webhook and of its project, of which it is the only one (-want +got):\n%s", diff)
		}
	}
}

func TestStatsOfAProjectCountWhatIsThereNow(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(nil)
	want := func(retrying, dead, cancelled float64) {
		t.Helper()
		count := func(n float64) any { return map[string]any{"count": n, "more": false} }
		now := map[string]any{"retrying": count(retrying), "dead": count(dead), "cancelled": count(cancelled)}
		if diff := cmp.Diff(now, w.call("GET", "/stats", nil).must(200)["now"]); diff != "" {
			t.Errorf("now (-want +got):\n%s", diff)
		}
	}
	want(0, 0, 0)
	for n, s := range []delivery.State{delivery.Succeeded, delivery.Retrying, delivery.Dead, delivery.Cancelled} {
		for range n {
			w.outcome(w.archive(w.newJob(w.newFlow()))[0], hook, s)
		}
	}
	want(1, 2, 3)
	if now := w.call("GET", "/stats", nil, as("other")).must(200)["now"].(map[string]any); now["dead"].(map[string]any)["count"] != 0.0 {
		t.Errorf("another project has %v, want none of these", now)
	}
}

// manyRows is a log with so many rows of each state.
type manyRows struct {
	delivery.Log
	rows int
}

func (l manyRows) Count(_ context.Context, _ delivery.Query, most int) (int, bool, error) {
	return min(l.rows, most), l.rows > most, nil
}

func TestStatsOfAProjectCountNoFurtherThanARedrive(t *testing.T) {
	w := newWorld(t)
	for rows, more := range map[int]bool{redrive.MaxCount - 1: false, redrive.MaxCount: false, redrive.MaxCount + 1: true, 10 * redrive.MaxCount: true} {
		w.config.Log = manyRows{w.config.Log, rows}
		w.start()
		want := map[string]any{"count": float64(min(rows, redrive.MaxCount)), "more": more}
		for state, got := range w.call("GET", "/stats", nil).must(200)["now"].(map[string]any) {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("of %d deliveries that are %s, now tells (-want +got):\n%s", rows, state, diff)
			}
		}
	}
}

func TestStatsAreOfAWebhookOfTheProject(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(nil)
	w.counts(hook, 0, 1)
	w.call("GET", "/webhooks/"+hook+"/stats", nil, as("other")).refused(notFound)
	w.call("DELETE", "/webhooks/"+hook, nil).must(204)
	w.call("GET", "/webhooks/"+hook+"/stats", nil).refused(notFound)
}
