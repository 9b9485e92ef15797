package dispatch_test

import (
	"sync"
	"testing"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/webhook"
)

func (r *rig) hundredHooks() []webhook.Webhook {
	r.T.Helper()
	var hooks []webhook.Webhook
	for range 100 {
		hooks = append(hooks, r.Hook(r.url))
	}
	return hooks
}

func TestTheArchiveIsReadOnceForAllWebhooksOfAnEvent(t *testing.T) {
	r := newRig(t)
	hooks := r.hundredHooks()
	e := r.Archived(hooks...)
	for _, h := range hooks {
		r.deliver(delivery.LaneFirst, first(e, h))
	}
	if n := r.seams.count("Event"); len(r.requests()) != 100 || n != 1 {
		t.Errorf("100 deliveries made %d requests and read the archive %d times, want 100 and once", len(r.requests()), n)
	}
}

func TestDeliveriesAtOnceAreEachMadeOnce(t *testing.T) {
	r := newRig(t)
	hooks := r.hundredHooks()
	e := r.Archived(hooks...)
	var all sync.WaitGroup
	for _, h := range hooks {
		all.Go(func() {
			if v := r.handle(delivery.LaneFirst, first(e, h), 1); v != delivery.Acknowledged() {
				t.Errorf("the verdict is %+v, want it acknowledged", v)
			}
		})
	}
	all.Wait()
	seen := map[string]int{}
	for _, req := range r.requests() {
		if seen[req.header.Get("Webhook-Id")]++; req.body != string(e.Bodies[job.FormatV3]) {
			t.Errorf("the body is %s, want the archive's", req.body)
		}
	}
	if len(seen) != 100 || len(r.requests()) != 100 {
		t.Errorf("%d requests for %d deliveries, want 100 for 100", len(r.requests()), len(seen))
	}
}

// Only matches are ever added to an event: one that is not remembered is looked for in the archive.
func TestAWebhookMatchedLaterIsFound(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	e := r.Archived(h)
	r.deliver(delivery.LaneFirst, first(e, h))
	later := r.Hook(r.url, func(h *webhook.Webhook) { h.Payload = job.FormatStandard })
	body := []byte(`{"type":"job.requested"}`)
	if _, err := r.World.Archive().AddMatch(t.Context(), e.Project, e.UID, delivery.Match{Webhook: later.UID, Format: later.Payload}, body); err != nil {
		t.Fatal(err)
	}
	r.deliver(delivery.LaneRetry, cause(first(e, later), delivery.CauseManual))
	if reqs := r.requests(); len(reqs) != 2 || reqs[1].body != string(body) {
		t.Errorf("%d requests, want a second with the body that was added", len(reqs))
	}
	r.deliver(delivery.LaneRetry, cause(first(e, h), delivery.CauseManual))
	if n := r.seams.count("Event"); n != 2 {
		t.Errorf("the archive was read %d times, want once for each state of the event", n)
	}
}

func TestAWebhookThatWasNotMatchedGetsTheFormatItHasNow(t *testing.T) {
	r := newRig(t)
	e := r.Archived(r.Hook(r.url))
	h := r.Hook(r.url)
	r.deliver(delivery.LaneRetry, cause(first(e, h), delivery.CauseManual))
	if reqs := r.requests(); len(reqs) != 1 || reqs[0].body != string(e.Bodies[job.FormatV3]) {
		t.Errorf("%d requests, want one with the archive's body", len(reqs))
	}
}

func TestOldEventsAreForgottenAndReadAgain(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	var events []delivery.Event
	for range 513 { // one more than is remembered
		events = append(events, r.Archived(h))
	}
	for _, e := range append(events, events[512], events[1], events[0]) {
		if v := r.handle(delivery.LaneFirst, first(e, h), 1); v != delivery.Acknowledged() {
			t.Fatalf("the verdict is %+v, want it acknowledged", v)
		}
	}
	if n := r.seams.count("Event"); n != 514 {
		t.Errorf("the archive was read %d times, want 513 for as many events and once for the one that was forgotten", n)
	}
}
