package dispatch_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"hermod/shared/delivery"
	"hermod/shared/dispatch"
	"hermod/shared/egress"
	"hermod/shared/job"
	"hermod/shared/sqlite/sqlitetest"
	"hermod/shared/webhook"
)

var errDown = errors.New("the store is down")

// got is a request that the receiver had.
type got struct {
	header http.Header
	body   string
}

// rig is a world, a dispatcher and a real receiver.
type rig struct {
	*sqlitetest.World
	*dispatch.Dispatcher
	url string

	mu     sync.Mutex
	answer func(http.ResponseWriter) // nil: 204
	got    []got
}

func newRig(t *testing.T, change ...func(*dispatch.Config)) *rig {
	t.Helper()
	r := &rig{World: sqlitetest.New(t)}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	c := dispatch.Config{
		Log: r.World.Log(), Archive: r.World.Archive(), Webhooks: r.World.Webhooks(), Queue: r.World.Queue(), Box: r.World.Box,
		Client:  egress.New(egress.Config{Rules: webhook.Rules{AllowHTTP: true, AllowPrivate: true}}),
		Version: "1.2.3", Now: r.World.Now, Random: func() float64 { return 0.5 }, Logger: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&c)
	}
	r.Dispatcher = dispatch.New(c)
	return r
}

func (r *rig) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, got{req.Header, string(body)})
	if r.answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	r.answer(w)
}

// answers makes the receiver answer with a status and headers, given as name, value, name, value.
func (r *rig) answers(status int, headers ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = func(w http.ResponseWriter) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
	}
}

func (r *rig) requests() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got
}

// deliver sends a message into a lane and lets the dispatcher work on all that is visible there.
func (r *rig) deliver(lane delivery.Lane, m delivery.Message) delivery.Verdict {
	r.T.Helper()
	if err := r.World.Queue().Send(r.T.Context(), lane, m.Parcel(r.World.Now(), 0)); err != nil {
		r.T.Fatal(err)
	}
	return r.work(lane)
}

func (r *rig) work(lane delivery.Lane) (v delivery.Verdict) {
	r.T.Helper()
	for _, receipt := range r.Receive(lane) {
		v = r.Handle(r.T.Context(), receipt)
		r.Settle(receipt, v)
	}
	return v
}

func first(e delivery.Event, h webhook.Webhook) delivery.Message {
	return delivery.NewMessage(e.Project, delivery.UID{Event: e.UID, Webhook: h.UID}, delivery.Place{}, delivery.CauseSchedule)
}

func cause(m delivery.Message, c delivery.Cause) delivery.Message {
	m.Cause = c
	return m
}

func TestTheRequestIsSignedAndCarriesTheArchivedBody(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	sealed, err := r.World.Box.Seal(t.Context(), h.Project, h.UID, webhook.HeaderField("X-Team"), []byte("blue"))
	if err != nil {
		t.Fatal(err)
	}
	h.Version, h.Headers = 2, []webhook.Header{{Name: "X-Team", Sealed: sealed}}
	if err := r.World.Webhooks().Update(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	verifier, err := standardwebhooks.NewWebhook(sqlitetest.Secret)
	if err != nil {
		t.Fatal(err)
	}
	e := r.Archived(h)
	r.deliver(delivery.LaneFirst, first(e, h))
	req := r.requests()[0]
	if req.body != string(e.Bodies[job.FormatV3]) {
		t.Errorf("the body is %s, want the archive's %s", req.body, e.Bodies[job.FormatV3])
	}
	if err := verifier.VerifyIgnoringTimestamp([]byte(req.body), req.header); err != nil {
		t.Errorf("the Standard Webhooks library says %v", err)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "Hermod/1.2.3", "Webhook-Id": e.UID + "_" + h.UID, "X-Team": "blue",
		"Hermod-Event": "job.requested", "Hermod-Attempt": "1", "Hermod-Sequence": "1", "Webhook-Timestamp": "1772600767",
	} {
		if value := req.header.Get(name); value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
	row := r.Row(first(e, h).UID())
	if a := row.Attempts[0]; len(row.Attempts) != 1 || !a.Delivered() || a.Headers[0] != "X-Team" || len(a.SignedWith) != 1 {
		t.Errorf("the log has %+v, want the one delivered attempt with its header and secret", row.Attempts)
	}
}

func TestDuringRotationBothSecretsSignAndAfterItTheNewOne(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	next := r.Seal(h, "whsec_b2xkIHNlY3JldCBvZiBhIHNjZW5hcmlvLCAzMiBieXQ=")
	h = h.Rotate(next, time.Hour, r.World.Now())
	h.Version++
	if err := r.World.Webhooks().Update(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	r.deliver(delivery.LaneFirst, first(r.Archived(h), h))
	r.Pass(time.Hour)
	r.deliver(delivery.LaneFirst, first(r.Archived(h), h))
	for i, want := range []int{2, 1} {
		if n := len(strings.Fields(r.requests()[i].header.Get("Webhook-Signature"))); n != want {
			t.Errorf("request %d has %d signatures, want %d", i+1, n, want)
		}
	}
}

func TestAWaitFollowsTheScheduleTheJitterAndTheReceiver(t *testing.T) {
	tests := []struct {
		name     string
		schedule []time.Duration
		random   float64
		headers  []string
		status   int
		wait     time.Duration
		own      bool
	}{
		{"the default schedule", nil, 0.5, nil, 500, 5 * time.Second, false},
		{"a schedule of its own", []time.Duration{time.Minute}, 0.5, nil, 500, time.Minute, false},
		{"least jitter", []time.Duration{100 * time.Second}, 0, nil, 500, 80 * time.Second, false},
		{"Retry-After is a floor", []time.Duration{time.Minute}, 0.5, []string{"Retry-After", "600"}, 500, 10 * time.Minute, false},
		{"a shorter Retry-After changes nothing", []time.Duration{time.Minute}, 0.5, []string{"Retry-After", "5"}, 500, time.Minute, false},
		{"a long wait has an entry of its own", []time.Duration{time.Hour}, 0.5, nil, 500, time.Hour, true},
		{"a redirect is a failure", []time.Duration{time.Minute}, 0.5, []string{"Location", "https://example.com/"}, 302, time.Minute, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, func(c *dispatch.Config) { c.Random = func() float64 { return test.random } })
			h := r.Hook(r.url, func(h *webhook.Webhook) { h.Schedule = test.schedule })
			e := r.Archived(h)
			r.answers(test.status, test.headers...)
			r.deliver(delivery.LaneFirst, first(e, h))
			row, next := r.Row(first(e, h).UID()), r.World.Now().Add(test.wait)
			want := delivery.Due{At: next, Own: true}
			if !test.own {
				want = delivery.Due{At: next.Add(time.Hour)}
			}
			if row.State != delivery.Retrying || row.Place.Step != 1 || !row.NextAt.Equal(next) || row.Due != want {
				t.Errorf("the row is %s at step %d, next %v, due %+v; want retrying, 1, %v, %+v", row.State, row.Place.Step, row.NextAt, row.Due, next, want)
			}
			r.Pass(test.wait - time.Second)
			if n := len(r.Messages(delivery.LaneRetry)); n != 0 {
				t.Errorf("a second early %d messages are visible, want none", n)
			}
			r.Pass(time.Second)
			if n := len(r.Messages(delivery.LaneRetry)); n != map[bool]int{true: 0, false: 1}[test.own] {
				t.Errorf("in time %d messages are visible", n)
			}
			if answers, err := r.World.Log().Answers(t.Context(), row.UID); err != nil || len(answers) != 1 {
				t.Errorf("Answers = %v, %v; want what the failed attempt got back", answers, err)
			}
		})
	}
}

func TestAReceiverThatAsksForRestParksItsOtherDeliveriesOnce(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	r.answers(http.StatusServiceUnavailable, "Retry-After", "1800")
	r.deliver(delivery.LaneFirst, first(r.Archived(h), h))
	r.Pass(time.Minute)
	r.answers(http.StatusNoContent)
	e := r.Archived(h)
	if v := r.deliver(delivery.LaneFirst, first(e, h)); !v.Acknowledge || len(r.requests()) != 1 {
		t.Fatalf("a delivery that falls due during the rest gives %+v and %d requests in all, want it sent for later", v, len(r.requests()))
	}
	hops := 0
	for passed := time.Minute; passed < 32*time.Minute; passed += 10 * time.Second {
		for _, receipt := range r.Receive(delivery.LaneRetry) {
			if m, _ := delivery.ParseMessage(receipt.Body); m.UID() != first(e, h).UID() {
				continue // the first delivery's own next step
			}
			if hops++; passed < 30*time.Minute && len(r.requests()) > 1 {
				t.Fatalf("after %v, before the rest was over, a request was made", passed)
			}
			r.Settle(receipt, r.Handle(t.Context(), receipt))
		}
		r.Pass(10 * time.Second)
	}
	if len(r.requests()) != 2 || r.Row(first(e, h).UID()).State != delivery.Succeeded {
		t.Errorf("after the rest %d requests were made, want the second", len(r.requests()))
	}
	if hops < 2 {
		t.Errorf("a rest of half an hour took %d messages, want several: none waits longer than 15 minutes", hops)
	}
}

func TestWhatTheWebhookIsNowCountsForWhatWaits(t *testing.T) {
	r := newRig(t)
	h := r.Hook("http://127.0.0.1:1/nobody", func(h *webhook.Webhook) { h.Schedule = []time.Duration{time.Second, time.Second, time.Second} })
	e := r.Archived(h)
	r.deliver(delivery.LaneFirst, first(e, h))
	row := r.Row(first(e, h).UID())
	if row.LastClass != delivery.ClassConnect || row.LastError == "" {
		t.Errorf("nobody listening is %q (%s), want %q", row.LastClass, row.LastError, delivery.ClassConnect)
	}
	h.Version, h.URL = 2, r.url
	if err := r.World.Webhooks().Update(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	r.Pass(time.Second)
	r.work(delivery.LaneRetry)
	if row := r.Row(row.UID); row.State != delivery.Succeeded || r.requests()[0].header.Get("Hermod-Attempt") != "2" {
		t.Errorf("after the URL was mended the delivery is %s", row.State)
	}
}

func TestAScheduleShortenedWhileItWaitsEndsIt(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url, func(h *webhook.Webhook) { h.Schedule = []time.Duration{time.Second, time.Second, time.Second} })
	r.answers(500)
	e := r.Archived(h)
	r.deliver(delivery.LaneFirst, first(e, h))
	h.Version, h.Schedule = 2, []time.Duration{time.Second}
	if err := r.World.Webhooks().Update(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	r.Pass(time.Second)
	r.work(delivery.LaneRetry)
	if row := r.Row(first(e, h).UID()); row.State != delivery.Dead || row.Reason != delivery.ReasonExhausted {
		t.Errorf("the delivery is %s (%s), want dead, exhausted", row.State, row.Reason)
	}
}

func TestGoneDisablesTheWebhook(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	r.answers(http.StatusGone)
	e := r.Archived(h)
	r.deliver(delivery.LaneFirst, first(e, h))
	now, err := r.World.Webhooks().Get(t.Context(), h.Project, h.UID)
	if err != nil || now.Enabled || now.Reason != webhook.DisabledGone {
		t.Errorf("the webhook is enabled %v, reason %q, %v; want disabled, gone", now.Enabled, now.Reason, err)
	}
	if row := r.Row(first(e, h).UID()); row.State != delivery.Dead || row.Reason != delivery.ReasonGone {
		t.Errorf("the delivery is %s (%s), want dead, gone", row.State, row.Reason)
	}
}

func TestATestEventIsSentOnceAlsoWhileTheWebhookIsDisabled(t *testing.T) {
	for _, status := range []int{204, 500, 410} {
		r := newRig(t)
		h := r.Hook(r.url, func(h *webhook.Webhook) { h.Enabled, h.Reason = false, webhook.DisabledByUser })
		e := r.Archived(h)
		e.UID, e.Test = "01a20cd6-0000-7000-8000-000000000001", true
		if _, _, err := r.World.Archive().Put(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		r.answers(status)
		v := r.deliver(delivery.LaneRetry, cause(first(e, h), delivery.CauseTest))
		r.Pass(2 * time.Hour)
		r.work(delivery.LaneRetry)
		row := r.Row(first(e, h).UID())
		want, why := delivery.Cancelled, delivery.ReasonTest
		if status == 204 {
			want, why = delivery.Succeeded, ""
		}
		if !v.Acknowledge || row.State != want || row.Reason != why || !row.Test || len(r.requests()) != 1 {
			t.Errorf("a test answered %d is %s (%s) after %d requests, want %s (%s) after one", status, row.State, row.Reason, len(r.requests()), want, why)
		}
		if now, _ := r.World.Webhooks().Get(t.Context(), h.Project, h.UID); now.Reason != webhook.DisabledByUser {
			t.Errorf("a test answered %d leaves reason %q, want it as it was", status, now.Reason)
		}
	}
}

func TestASecretThatCannotBeOpenedSpendsTheStepWithoutARequest(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	h.Version, h.Secrets[0].Sealed = 2, "not sealed by us"
	if err := r.World.Webhooks().Update(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	e := r.Archived(h)
	r.deliver(delivery.LaneFirst, first(e, h))
	if row := r.Row(first(e, h).UID()); row.LastClass != delivery.ClassConfig || row.Place.Step != 1 || len(r.requests()) != 0 {
		t.Errorf("class %q at step %d after %d requests, want config, 1 and none", row.LastClass, row.Place.Step, len(r.requests()))
	}
}

func TestWhatNobodyReadsIsHandedBack(t *testing.T) {
	r := newRig(t)
	tests := []struct {
		name, body string
		receives   int
		want       time.Duration
	}{
		{"a later format", `{"f":2,"cause":"schedule"}`, 1, 15 * time.Minute},
		{"no JSON", `{`, 1, time.Minute},
		{"no delivery", `{"f":1,"cause":"schedule"}`, 4, 8 * time.Minute},
	}
	for _, test := range tests {
		v := r.Handle(t.Context(), delivery.Receipt{Lane: delivery.LaneFirst, Body: []byte(test.body), Receives: test.receives, SentAt: r.World.Now()})
		if v.Acknowledge || v.VisibleAfter != test.want {
			t.Errorf("%s gives %+v, want it handed back for %v", test.name, v, test.want)
		}
	}
}

// faultyLog fails or panics at each success, before or after it is written.
type faultyLog struct {
	delivery.Log
	before, after error
	panics        bool
	succeeded     int
}

func (l *faultyLog) Succeed(ctx context.Context, d delivery.Delivery, a delivery.Attempt) error {
	l.succeeded++
	switch {
	case l.panics:
		panic("a bug")
	case l.before != nil:
		return l.before
	}
	if err := l.Log.Succeed(ctx, d, a); err != nil {
		return err
	}
	return l.after
}

func TestAFaultOfOursHandsTheMessageBackLongerEachTime(t *testing.T) {
	for _, l := range []*faultyLog{{before: errDown}, {panics: true}} {
		r := newRig(t, func(c *dispatch.Config) { l.Log = c.Log; c.Log = l })
		h := r.Hook(r.url)
		body := first(r.Archived(h), h).Parcel(r.World.Now(), 0).Body
		for receives, want := range map[int]time.Duration{1: time.Minute, 2: 2 * time.Minute, 6: 30 * time.Minute, 8: 30 * time.Minute} {
			v := r.Handle(t.Context(), delivery.Receipt{Lane: delivery.LaneFirst, Body: body, Receives: receives, SentAt: r.World.Now()})
			if v.Acknowledge || v.VisibleAfter != want {
				t.Errorf("receive %d gives %+v, want it handed back for %v", receives, v, want)
			}
		}
	}
}

func TestAnOutcomeIsWrittenAgainWhileThereIsTime(t *testing.T) {
	l := &faultyLog{before: errDown}
	r := newRig(t, func(c *dispatch.Config) { l.Log = c.Log; c.Log = l })
	h := r.Hook(r.url)
	body := first(r.Archived(h), h).Parcel(r.World.Now(), 0).Body
	ctx, cancel := context.WithTimeout(t.Context(), 2200*time.Millisecond) // 0.2 s more than is kept for the end
	defer cancel()
	v := r.Handle(ctx, delivery.Receipt{Lane: delivery.LaneFirst, Body: body, Receives: 1, SentAt: r.World.Now()})
	if v.Acknowledge || l.succeeded < 2 || len(r.requests()) != 1 {
		t.Errorf("%d writes after %d requests, acknowledged %v; want several, one, and not", l.succeeded, len(r.requests()), v.Acknowledge)
	}
}

func TestAnAttemptThatWeCutOffIsNotTheReceiversFailure(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	e := r.Archived(h)
	ctx, cancel := context.WithCancel(t.Context())
	r.answer = func(http.ResponseWriter) { cancel() }
	body := first(e, h).Parcel(r.World.Now(), 0).Body
	v := r.Handle(ctx, delivery.Receipt{Lane: delivery.LaneRetry, Body: body, Receives: 1, SentAt: r.World.Now()})
	if row := r.Row(first(e, h).UID()); v.Acknowledge || row != nil && row.State != delivery.Succeeded {
		t.Errorf("the verdict is %+v, the row %+v; want it handed back and no failure written", v, row)
	}
}

// countingArchive counts reads.
type countingArchive struct {
	delivery.Archive
	reads int
}

func (a *countingArchive) Event(ctx context.Context, project, uid string) (delivery.Event, error) {
	a.reads++
	return a.Archive.Event(ctx, project, uid)
}

func TestTheArchiveIsReadOnceForAllWebhooksOfAnEvent(t *testing.T) {
	var archive *countingArchive
	r := newRig(t, func(c *dispatch.Config) { archive = &countingArchive{Archive: c.Archive}; c.Archive = archive })
	var hooks []webhook.Webhook
	for range 50 {
		hooks = append(hooks, r.Hook(r.url))
	}
	e := r.Archived(hooks...)
	for _, h := range hooks {
		r.deliver(delivery.LaneFirst, first(e, h))
	}
	if len(r.requests()) != 50 || archive.reads != 1 {
		t.Errorf("50 deliveries made %d requests and read the archive %d times, want 50 and once", len(r.requests()), archive.reads)
	}
}

func TestAManualAttemptIsLoggedAndChangesNothingElse(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url, func(h *webhook.Webhook) { h.Schedule = []time.Duration{10 * time.Second} })
	r.answers(500)
	e := r.Archived(h)
	r.deliver(delivery.LaneFirst, first(e, h))
	before := r.Row(first(e, h).UID())
	r.deliver(delivery.LaneRetry, cause(first(e, h), delivery.CauseManual))
	after := r.Row(before.UID)
	if after.Place != before.Place || after.Due != before.Due || after.AttemptCount != 2 || after.Attempts[1].Cause != delivery.CauseManual {
		t.Errorf("after a manual attempt that failed the row is %+v, want one attempt more and the rest as it was", after)
	}
	if n := r.requests()[1].header.Get("Hermod-Attempt"); n != "2" {
		t.Errorf("hermod-attempt is %s, want 2: it counts every POST", n)
	}
}
