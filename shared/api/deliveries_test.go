package api

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/uid"
)

func TestADeliveryIsAnsweredWhole(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(nil)
	id := w.newJob(w.newFlow())
	event := w.archive(id)[0]
	d := w.outcome(event, hook, delivery.Retrying)
	w.noError(w.db.Log().Append(w.Context(), d, delivery.Attempt{
		Cause: delivery.CauseSchedule, StartedAt: w.clock.Now(), Class: delivery.ClassBreakerOpen, Error: "The breaker is open.",
	}))
	a := w.call("GET", "/deliveries/"+d.UID.String(), nil).must(200)
	body := string(event.Bodies[job.FormatV3])
	common := map[string]any{
		"uid": d.UID.String(), "state": "retrying", "reason": nil, "event": "requested", "event_uid": event.UID, "webhook_uid": hook,
		"job_uid": id, "workflow_uid": event.Workflow, "test": false, "attempt_count": 1.0, "last_status": nil, "last_error_class": "breaker_open",
		"last_error": "The breaker is open.", "created_at": "2026-01-31T09:30:00.000Z", "next_attempt_at": "2026-01-31T09:31:00.000Z", "finished_at": nil,
	}
	if diff := gocmp.Diff([]any{common}, w.call("GET", "/deliveries", nil).must(200)["results"]); diff != "" {
		t.Errorf("listed (- want, + got)\n%s", diff)
	}
	headers := func(pairs ...string) []any {
		list := []any{}
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, map[string]any{"name": pairs[i], "value": pairs[i+1]})
		}
		return list
	}
	empty := map[string]any{
		"number": nil, "cause": "schedule", "started_at": "2026-01-31T09:30:00.000Z", "duration_ms": 0.0, "dns_ms": 0.0, "connect_ms": 0.0, "tls_ms": 0.0,
		"first_byte_ms": 0.0, "signed_with": []any{}, "request_headers": nil, "status": nil, "error_class": "breaker_open", "error": "The breaker is open.",
		"retry_after_seconds": nil, "response_headers": nil, "response_body": nil,
	}
	first := map[string]any{}
	for name, value := range empty {
		first[name] = value
	}
	for name, value := range map[string]any{
		"number": 1.0, "duration_ms": 12.345, "signed_with": []any{"whsec_…abcd"}, "status": 503.0, "error_class": "status", "error": "The receiver answered 503.",
		"retry_after_seconds": 30.0, "response_headers": headers("retry-after", "30"), "response_body": "later \uFFFD",
		"request_headers": headers("authorization", "***", "content-type", "application/json", "hermod-attempt", "1", "hermod-event", "job.requested",
			"hermod-sequence", "1", "user-agent", "Hermod/1.2.3", "webhook-id", d.UID.String(), "webhook-signature", "***",
			"webhook-timestamp", fmt.Sprint(w.clock.Now().Unix())),
	} {
		first[name] = value
	}
	for name, value := range map[string]any{
		"sequence": 1.0, "reopened": 0.0, "body_format": "v3", "body_size": float64(len(body)), "body": body, "attempts": []any{first, empty},
	} {
		common[name] = value
	}
	if diff := gocmp.Diff(common, a); diff != "" {
		t.Errorf("read (- want, + got)\n%s", diff)
	}
	w.clock.Move(delivery.AnswerRetention + time.Hour)
	attempts := w.call("GET", "/deliveries/"+d.UID.String(), nil).must(200)["attempts"].([]any)
	if got := attempts[0].(map[string]any); got["response_body"] != nil || got["response_headers"] != nil || got["status"] != 503.0 {
		t.Errorf("after 7 days the attempt is %v", got)
	}
}

// fact is a delivery as the reference below keeps it.
type fact struct {
	uid   delivery.UID
	state delivery.State
	event job.EventType
	job   string
	at    time.Time
}

// crowd writes jobs, webhooks and outcomes by chance, and returns the deliveries that there must be, in the order of lists.
func crowd(w *world, r *rand.Rand, jobs int) []fact {
	for i := range 7 {
		w.newHook(map[string]any{"events": job.EventTypes[:1+i%len(job.EventTypes)]})
	}
	flow := w.newFlow()
	var facts []fact
	for range jobs {
		id := w.newJob(flow, "running", []job.Status{"finished", "shutdown"}[r.IntN(2)])
		for _, e := range w.archive(id) {
			for _, m := range e.Matched {
				f := fact{delivery.UID{Event: e.UID, Webhook: m.Webhook}, delivery.Pending, e.Type, id, e.At}
				if r.IntN(3) > 0 {
					f.state = delivery.States[r.IntN(len(delivery.States))]
					w.outcome(e, m.Webhook, f.state)
				}
				facts = append(facts, f)
			}
		}
	}
	slices.SortFunc(facts, func(a, b fact) int { return strings.Compare(b.uid.String(), a.uid.String()) })
	return facts
}

// turn reads all pages of a list, and calls between after each.
func (w *world) turn(path string, query url.Values, between func()) []string {
	w.Helper()
	var got []string
	for n := 0; ; n++ {
		a := w.call("GET", path+"?"+query.Encode(), nil).must(200)
		for _, r := range a["results"].([]any) {
			got = append(got, r.(map[string]any)["uid"].(string))
		}
		next, more := a["paging"].(map[string]any)["next"].(string)
		if !more {
			return got
		}
		if n > 2000 {
			w.Fatalf("%s does not end", path)
		}
		query.Set("cursor", next)
		between()
	}
}

func TestDeliveriesAreListedByEveryFilter(t *testing.T) {
	w := newWorld(t)
	r := rand.New(rand.NewPCG(1, 2))
	facts := crowd(w, r, 8)
	one := facts[len(facts)/2]
	filters := []struct {
		name, value string
		keep        func(fact) bool
	}{
		{"webhook_uid", one.uid.Webhook, func(f fact) bool { return f.uid.Webhook == one.uid.Webhook }},
		{"job_uid", one.job, func(f fact) bool { return f.job == one.job }},
		{"event", "failed", func(f fact) bool { return f.event == "failed" }},
		{"since", one.at.Format(time.RFC3339Nano), func(f fact) bool { return !f.at.Before(one.at) }},
		{"until", one.at.Format(time.RFC3339Nano), func(f fact) bool { return f.at.Before(one.at) }},
	}
	for _, state := range append([]delivery.State{""}, delivery.States...) {
		for set := range 1 << len(filters) {
			query := url.Values{"limit": {fmt.Sprint(1 + r.IntN(100))}}
			if state != "" {
				query.Set("state", string(state))
			}
			var want []string
			for i, f := range filters {
				if set>>i&1 == 1 {
					query.Set(f.name, f.value)
				}
			}
			for _, f := range facts {
				keep := state == "" || f.state == state
				for i := range filters {
					keep = keep && (set>>i&1 == 0 || filters[i].keep(f))
				}
				if keep {
					want = append(want, f.uid.String())
				}
			}
			name := query.Encode()
			if diff := gocmp.Diff(want, w.turn("/deliveries", query, func() {})); diff != "" {
				t.Fatalf("/deliveries?%s (- want, + got)\n%s", name, diff)
			}
			if query.Del("cursor"); query.Get("job_uid") != "" {
				query.Del("job_uid")
				if diff := gocmp.Diff(want, w.turn("/jobs/"+one.job+"/deliveries", query, func() {})); diff != "" {
					t.Fatalf("/jobs/{uid}/deliveries?%s (- want, + got)\n%s", name, diff)
				}
			}
		}
	}
}

// While pages are turned, deliveries get outcomes and new events come: what was there at first is neither skipped nor repeated.
func TestPagesHoldWhileRowsAreWritten(t *testing.T) {
	w := newWorld(t)
	r := rand.New(rand.NewPCG(3, 4))
	facts := crowd(w, r, 5)
	var want []string
	open := map[string]delivery.UID{}
	for _, f := range facts {
		want = append(want, f.uid.String())
		if f.state == delivery.Pending {
			open[f.uid.String()] = f.uid
		}
	}
	flow := w.newFlow()
	got := w.turn("/deliveries", url.Values{"limit": {"3"}}, func() {
		w.clock.Move(time.Second)
		w.archive(w.newJob(flow, "running"))
		for _, u := range open {
			e, err := w.db.Archive().Event(w.Context(), w.project, u.Event)
			w.noError(err)
			d := e.Delivery(u.Webhook)
			d.ExpiresAt = w.clock.Now().Add(delivery.Retention)
			w.noError(w.db.Log().Succeed(w.Context(), d, delivery.Attempt{Number: 1, Status: 200, StartedAt: w.clock.Now()}))
			delete(open, u.String())
			break
		}
	})
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("pages (- at first, + got)\n%s", diff)
	}
}

// What one request may cost is bounded: where little is found, pages are short and lead on.
func TestAListLooksAtABoundedNumberOfDeliveries(t *testing.T) {
	w := newWorld(t)
	const events, perEvent = 30, 150
	at := w.clock.Now()
	var last delivery.UID
	for i := range events {
		e := delivery.Event{
			UID: uid.New(at.Add(time.Duration(i) * time.Second)), Project: w.project, Job: uid.New(at), Workflow: uid.New(at), Type: job.EventFailed,
			Sequence: 1, At: at.Add(time.Duration(i) * time.Second), Bodies: map[job.Format][]byte{job.FormatV3: []byte("{}")},
		}
		for range perEvent {
			e.Matched = append(e.Matched, delivery.Match{Webhook: uid.New(at), Format: job.FormatV3})
		}
		_, _, err := w.db.Archive().Put(w.Context(), e)
		w.noError(err)
		if i == 0 {
			last = delivery.UID{Event: e.UID, Webhook: e.Matched[perEvent/2].Webhook}
			w.outcome(e, last.Webhook, delivery.Succeeded)
		}
	}
	counted := &countedLog{Log: w.config.Log}
	w.config.Log = counted
	w.start()
	pages, most := 0, 0
	got := w.turn("/deliveries", url.Values{"state": {"succeeded"}}, func() {
		pages++
		most = max(most, counted.rows)
		counted.rows = 0
	})
	if diff := gocmp.Diff([]string{last.String()}, got); diff != "" {
		t.Errorf("found (- want, + got)\n%s", diff)
	}
	if pages < 2 || most > maxLooked+maxRows {
		t.Errorf("%d pages, of which one looked at %d deliveries; want several of at most %d", pages+1, most, maxLooked+maxRows)
	}
	all := w.turn("/deliveries", url.Values{"limit": {"100"}}, func() {})
	if len(all) != events*perEvent || len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Errorf("%d deliveries are listed, want %d", len(all), events*perEvent)
	}
}

// countedLog counts the rows that are asked for, and bears no more than its contract.
type countedLog struct {
	delivery.Log
	rows int
}

func (l *countedLog) Rows(ctx context.Context, uids ...delivery.UID) ([]delivery.Delivery, error) {
	if len(uids) > 100 || len(uids) == 0 {
		panic(fmt.Sprintf("%d rows are asked for at once", len(uids)))
	}
	l.rows += len(uids)
	return l.Log.Rows(ctx, uids...)
}

// emptyPages is an archive of which every other page is empty before the end, and no page has more than one event.
type emptyPages struct {
	delivery.Archive
	empty bool
}

func (a *emptyPages) Events(ctx context.Context, q delivery.EventQuery) ([]delivery.Event, string, error) {
	if a.empty = !a.empty; a.empty {
		return nil, cmp.Or(q.Before, uid.Min(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))), nil
	}
	q.Limit = 1
	return a.Archive.Events(ctx, q)
}

func TestEmptyPagesOfTheArchiveAreNotTheEnd(t *testing.T) {
	w := newWorld(t)
	facts := crowd(w, rand.New(rand.NewPCG(5, 6)), 4)
	var want []string
	for _, f := range facts {
		want = append(want, f.uid.String())
	}
	w.config.Archive = &emptyPages{Archive: w.config.Archive}
	w.start()
	for _, limit := range []string{"1", "4", "100"} { // with 100, what one request may cost ends pages between events
		if diff := gocmp.Diff(want, w.turn("/deliveries", url.Values{"limit": {limit}}, func() {})); diff != "" {
			t.Errorf("limit %s: pages (- want, + got)\n%s", limit, diff)
		}
	}
}

func TestFiltersOfDeliveriesAreJudged(t *testing.T) {
	w := newWorld(t)
	for query, parameter := range map[string]string{
		"webhook_uid=x": "webhook_uid", "job_uid=": "job_uid", "event=job.failed": "event", "state=missing": "state", "since=yesterday": "since",
		"until=2026-01-31": "until", "workflow_uid=0197f39e-0000-7e6f-9071-829304152637": "workflow_uid", "since=2026-01-31T09:30:00+01:00": "since",
		"event=failed&event=created": "event", "state=%00": "state", "event=%ff": "event",
	} {
		w.call("GET", "/deliveries?"+query, nil).refused(badParameter, "parameter", parameter)
	}
	message, _ := w.call("GET", "/deliveries?since=2026-01-31T09:30:00+01:00", nil).refused(badParameter)
	if !strings.Contains(message, "%2B") {
		t.Errorf("a + in a time is refused as %q", message)
	}
	w.call("GET", "/deliveries?since=2026-01-31T09:30:00%2B01:00", nil).must(200)
	for _, query := range []string{"job_uid=0197f39e-0000-7e6f-9071-829304152637", "webhook_uid=0197f39e-0000-7e6f-9071-829304152637"} {
		if a := w.call("GET", "/deliveries?"+query, nil).must(200); len(a["results"].([]any)) != 0 {
			t.Errorf("?%s finds %v", query, a)
		}
	}
}

func TestDeliveriesOfAnotherProjectAreNotThere(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(nil)
	id := w.newJob(w.newFlow())
	event := w.archive(id)[0]
	u := w.outcome(event, hook, delivery.Dead).UID.String()
	w.call("GET", "/deliveries/"+u, nil, as("other")).refused(notFound)
	w.call("POST", "/deliveries/"+u+"/retry", nil, as("other")).refused(notFound)
	for _, query := range []string{"", "?state=dead", "?job_uid=" + id, "?webhook_uid=" + hook} {
		if a := w.call("GET", "/deliveries"+query, nil, as("other")).must(200); len(a["results"].([]any)) != 0 {
			t.Errorf("%s shows %v to another project", query, a)
		}
	}
}

func TestAboveIsTheNextUID(t *testing.T) {
	const hook = "_0197f39e-0000-7e6f-9071-829304152637"
	for position, want := range map[string]string{
		"":                                     "",
		"0197f39e-0000-7e6f-9071-829304152637": "0197f39e-0000-7e6f-9071-829304152637",
		"0197f39e-0000-7e6f-9071-829304152637" + hook: "0197f39e-0000-7e6f-9071-829304152638",
		"0197f39e-0000-7e6f-9071-829304152639" + hook: "0197f39e-0000-7e6f-9071-82930415263a",
		"0197f39e-0000-7e6f-9071-82930415ffff" + hook: "0197f39e-0000-7e6f-9071-829304160000",
		"0197f39e-0000-7e6f-9071-ffffffffffff" + hook: "0197f39e-0000-7e6f-9072-000000000000",
	} {
		if got := above(position); got != want {
			t.Errorf("above(%q) = %q, want %q", position, got, want)
		}
	}
}
