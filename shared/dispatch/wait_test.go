package dispatch_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/dispatch"
	"hermod/shared/retry"
	"hermod/shared/webhook"
)

func TestAWaitFollowsTheScheduleTheJitterAndTheReceiver(t *testing.T) {
	minute := []time.Duration{time.Minute}
	tests := []struct {
		name     string
		schedule []time.Duration
		random   float64
		status   int
		headers  []string
		wait     time.Duration
		own      bool
	}{
		{"the default schedule", nil, 0.5, 500, nil, 5 * time.Second, false},
		{"a schedule of its own", minute, 0.5, 500, nil, time.Minute, false},
		{"least jitter", []time.Duration{100 * time.Second}, 0, 500, nil, 80 * time.Second, false},
		{"most jitter", []time.Duration{100 * time.Second}, 0.99999999, 500, nil, 119999 * time.Millisecond, false},
		{"Retry-After is a floor", minute, 0.5, 500, []string{"Retry-After", "600"}, 10 * time.Minute, false},
		{"on any status", minute, 0.5, 404, []string{"Retry-After", "600"}, 10 * time.Minute, false},
		{"as a date too", minute, 0.5, 429, []string{"Retry-After", "Wed, 04 Mar 2026 05:11:07 GMT"}, 5 * time.Minute, false},
		{"a shorter Retry-After changes nothing", minute, 0.5, 503, []string{"Retry-After", "5"}, time.Minute, false},
		{"a Retry-After that is none changes nothing", minute, 0.5, 503, []string{"Retry-After", "soon"}, time.Minute, false},
		{"a Retry-After that is past changes nothing", minute, 0.5, 503, []string{"Retry-After", "Wed, 04 Mar 2026 05:06:06 GMT"}, time.Minute, false},
		{"a long Retry-After has an entry of its own", minute, 0.5, 503, []string{"Retry-After", "901"}, 901 * time.Second, true},
		{"Retry-After ends at a day", minute, 0.5, 503, []string{"Retry-After", "1000000"}, 24 * time.Hour, true},
		{"the longest wait of a message", []time.Duration{15 * time.Minute}, 0.5, 500, nil, 15 * time.Minute, false},
		{"a longer wait has an entry of its own", []time.Duration{15*time.Minute + time.Second}, 0.5, 500, nil, 901 * time.Second, true},
		{"jitter decides too", []time.Duration{15 * time.Minute}, 0.6, 500, nil, 936 * time.Second, true},
		{"a redirect is a failure", minute, 0.5, 302, []string{"Location", "https://example.com/"}, time.Minute, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, func(c *dispatch.Config) { c.Random = func() float64 { return test.random } })
			h := r.Hook(r.url, func(h *webhook.Webhook) { h.Schedule = test.schedule })
			e := r.Archived(h)
			r.answers(test.status, test.headers...)
			r.deliver(delivery.LaneFirst, first(e, h))
			row, next := r.wantLogged(first(e, h).UID()), r.World.Now().Add(test.wait)
			want := delivery.Due{At: next, Own: true}
			if !test.own {
				want = delivery.Due{At: next.Add(time.Hour)}
			}
			if row.State != delivery.Retrying || row.Place.Step != 1 || !row.NextAt.Equal(next) || row.Due != want {
				t.Errorf("the row is %s at step %d, next %v, due %+v; want retrying, 1, %v, %+v", row.State, row.Place.Step, row.NextAt, row.Due, next, want)
			}
			r.Pass(test.wait - time.Millisecond)
			if n := len(r.Messages(delivery.LaneRetry)); n != 0 {
				t.Errorf("a moment early %d messages are visible, want none", n)
			}
			r.Pass(time.Millisecond)
			if n := len(r.Messages(delivery.LaneRetry)); n != map[bool]int{true: 0, false: 1}[test.own] {
				t.Errorf("in time %d messages are visible", n)
			}
			if answers, err := r.World.Log().Answers(t.Context(), row.UID); err != nil || len(answers) != 1 {
				t.Errorf("Answers = %v, %v; want what the failed attempt got back", answers, err)
			}
		})
	}
}

func TestTheDefaultScheduleEndsInALetterThatTheQueueBringsBack(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	e := r.Archived(h)
	m := first(e, h)
	r.answers(500)
	v := r.deliver(delivery.LaneFirst, m)
	for step, wait := range retry.Default {
		row, next := r.Row(m.UID()), delivery.Place{Step: step + 1}
		if row.State != delivery.Retrying || row.Place != next || !row.NextAt.Equal(r.World.Now().Add(wait)) || !v.Acknowledge {
			t.Fatalf("after step %d the row is %s at %+v, next at %v, the verdict %+v", step, row.State, row.Place, row.NextAt, v)
		}
		r.Pass(wait)
		if wait > delivery.MaxDelay { // the sweeper's part
			v = r.deliver(delivery.LaneRetry, at(m, next))
		} else {
			v = r.work(delivery.LaneRetry)
		}
	}
	row := r.wantLogged(m.UID())
	if row.State != delivery.Dead || row.Reason != delivery.ReasonExhausted || row.AttemptCount != 10 || row.Place.Step != 10 ||
		!row.EndedAt.Equal(r.World.Now()) || row.Due != (delivery.Due{}) || v != delivery.Refused() {
		t.Fatalf("at the end the row is %+v, the verdict %+v; want it dead after 10 requests and its message refused", row, v)
	}
	r.rest(delivery.LaneRetry)
	wantLetters := func(when string, n int) {
		t.Helper()
		if got, err := r.World.Queue().Visible(t.Context(), delivery.LaneDead); err != nil || got != n {
			t.Errorf("%s there are %d letters, %v; want %d", when, got, err, n)
		}
	}
	wantLetters("after the death", 1)
	r.answers(200)
	redrive := func() {
		t.Helper()
		if err := r.World.Queue().Redrive(t.Context(), delivery.LaneDead); err != nil {
			t.Fatal(err)
		}
		r.rest(delivery.LaneRetry)
	}
	r.Pass(60 * time.Second)
	redrive()
	if row := r.Row(m.UID()); row.State != delivery.Dead || len(r.requests()) != 10 {
		t.Errorf("redriven a minute after it was sent the delivery is %s after %d requests, want it refused once more", row.State, len(r.requests()))
	}
	wantLetters("after that", 1)
	r.Pass(13 * 24 * time.Hour)
	redrive()
	row = r.wantLogged(m.UID())
	if row.State != delivery.Succeeded || row.Place != (delivery.Place{Cycle: 1}) || row.AttemptCount != 11 {
		t.Errorf("the redriven delivery is %s at %+v after %d requests, want succeeded in cycle 1 after 11", row.State, row.Place, row.AttemptCount)
	}
	wantLetters("after the success", 0)
	r.Pass(delivery.Retention - time.Second)
	if _, err := r.World.Archive().Event(t.Context(), e.Project, e.UID); err != nil || r.Row(m.UID()) == nil {
		t.Errorf("Event = %v: row and event are to be kept for as long as if they were new", err)
	}
}

// rest works on a lane until nothing moves there any more.
func (r *rig) rest(lane delivery.Lane) {
	r.T.Helper()
	for range 100 {
		receipts := r.Receive(lane)
		if len(receipts) == 0 {
			return
		}
		for _, receipt := range receipts {
			r.Settle(receipt, r.Handle(r.T.Context(), receipt))
		}
	}
	r.T.Fatalf("the lane %s does not come to rest", lane)
}

func TestAScheduleChangedWhileItWaitsCountsFromTheNextFailure(t *testing.T) {
	tests := []struct {
		name     string
		schedule []time.Duration
		state    delivery.State
		wait     time.Duration
	}{
		{"slower", []time.Duration{time.Second, 40 * time.Second}, delivery.Retrying, 40 * time.Second},
		{"the default", nil, delivery.Retrying, 5 * time.Minute},
		{"shortened to here", []time.Duration{time.Second}, delivery.Dead, 0},
		{"shortened to before here", []time.Duration{}, delivery.Dead, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			h := r.Hook(r.url, func(h *webhook.Webhook) { h.Schedule = []time.Duration{time.Second, time.Second, time.Second} })
			r.answers(500)
			e := r.Archived(h)
			r.deliver(delivery.LaneFirst, first(e, h))
			h.Schedule = test.schedule
			r.update(h)
			r.Pass(time.Second)
			r.work(delivery.LaneRetry)
			row := r.wantLogged(first(e, h).UID())
			if row.State != test.state || row.Place.Step != 2 {
				t.Errorf("the delivery is %s (%s) at step %d, want %s at step 2", row.State, row.Reason, row.Place.Step, test.state)
			}
			if row.State == delivery.Retrying && !row.NextAt.Equal(r.World.Now().Add(test.wait)) {
				t.Errorf("it waits until %v, want %v from now", row.NextAt, test.wait)
			}
			if row.State == delivery.Dead && row.Reason != delivery.ReasonExhausted {
				t.Errorf("the reason is %q, want exhausted", row.Reason)
			}
		})
	}
}

func TestAReceiverThatAsksForRestParksItsWebhook(t *testing.T) {
	tests := []struct {
		status int
		after  string
		asked  time.Duration // of this delivery
		park   time.Duration // of the others
	}{
		{429, "600", 10 * time.Minute, 10 * time.Minute},
		{503, "600", 10 * time.Minute, 10 * time.Minute},
		{503, "Wed, 04 Mar 2026 05:16:07 GMT", 10 * time.Minute, 10 * time.Minute},
		{503, "1000000", 24 * time.Hour, time.Hour},
		{503, "", 0, 0},
		{503, "0", 0, 0},
		{500, "600", 10 * time.Minute, 0},
		{404, "600", 10 * time.Minute, 0},
	}
	for _, test := range tests {
		r := newRig(t)
		h := r.Hook(r.url)
		e := r.Archived(h)
		r.answers(test.status, "Retry-After", test.after)
		r.deliver(delivery.LaneFirst, first(e, h))
		want := time.Time{}
		if test.park > 0 {
			want = r.World.Now().Add(test.park)
		}
		now := r.stored(h)
		if !now.ParkedUntil.Equal(want) || now.Version != h.Version {
			t.Errorf("%d with Retry-After %q parks until %v in version %d, want %v in version %d", test.status, test.after, now.ParkedUntil, now.Version, want, h.Version)
		}
		if asked := r.Row(first(e, h).UID()).Attempts[0].RetryAfter; asked != test.asked {
			t.Errorf("%d with Retry-After %q is logged as %v, want %v", test.status, test.after, asked, test.asked)
		}
	}
}

func TestAShorterRestDoesNotEndALongerOne(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	until := r.World.Now().Add(30 * time.Minute)
	r.does(func(w http.ResponseWriter, _ *http.Request) { // another delivery gets the longer one while this one is under way
		if err := r.World.Webhooks().Park(context.WithoutCancel(t.Context()), h.Project, h.UID, until); err != nil {
			t.Error(err)
		}
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	r.deliver(delivery.LaneFirst, first(r.Archived(h), h))
	if got := r.stored(h).ParkedUntil; !got.Equal(until) {
		t.Errorf("the webhook rests until %v, want %v", got, until)
	}
}

func TestOtherDeliveriesOfAParkedWebhookWaitInHopsUntilAfterItsRest(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	r.answers(http.StatusServiceUnavailable, "Retry-After", "1800")
	r.deliver(delivery.LaneFirst, first(r.Archived(h), h))
	until := r.World.Now().Add(30*time.Minute + 30*time.Second) // Random is 0.5: half of the minute over which they start again
	r.Pass(time.Minute)
	r.answers(http.StatusNoContent)
	e := r.Archived(h)
	if v := r.deliver(delivery.LaneFirst, first(e, h)); !v.Acknowledge || len(r.requests()) != 1 || r.Row(first(e, h).UID()) != nil {
		t.Fatalf("a delivery that falls due during the rest gives %+v and %d requests in all, want it sent for later", v, len(r.requests()))
	}
	hops := 0
	for r.World.Now().Before(until) {
		r.Pass(10 * time.Second)
		for _, receipt := range r.Receive(delivery.LaneRetry) {
			m, err := delivery.ParseMessage(receipt.Body)
			if err != nil || m.UID() != first(e, h).UID() {
				continue // the first delivery's own next step
			}
			if hops++; !m.Parked.Equal(until) || m.Place() != (delivery.Place{}) || m.Cause != delivery.CauseSchedule {
				t.Errorf("hop %d is %+v, want the first step, parked until %v", hops, m, until)
			}
			if r.Settle(receipt, r.Handle(t.Context(), receipt)); r.World.Now().Before(until) && len(r.requests()) > 1 {
				t.Fatalf("at %v, before the rest was over, a request was made", r.World.Now())
			}
		}
	}
	if len(r.requests()) != 2 || r.Row(first(e, h).UID()).State != delivery.Succeeded {
		t.Errorf("after the rest %d requests were made, want the second", len(r.requests()))
	}
	if hops < 2 {
		t.Errorf("a rest of half an hour took %d messages, want several: none waits longer than 15 minutes", hops)
	}
}

func TestParkedDeliveriesStartAgainOverAMinute(t *testing.T) {
	random := 0.0
	r := newRig(t, func(c *dispatch.Config) { c.Random = func() float64 { return random } })
	h := r.Hook(r.url)
	rest := r.World.Now().Add(5 * time.Minute)
	if err := r.World.Webhooks().Park(t.Context(), h.Project, h.UID, rest); err != nil {
		t.Fatal(err)
	}
	want := map[delivery.UID]time.Time{}
	for _, random = range []float64{0, 0.25, 0.999} {
		e := r.Archived(h)
		r.deliver(delivery.LaneFirst, first(e, h))
		want[first(e, h).UID()] = rest.Add(time.Duration(random * float64(time.Minute)))
	}
	r.Pass(5*time.Minute - time.Millisecond)
	for range 61 {
		for _, m := range r.Messages(delivery.LaneRetry) {
			if early := want[m.UID()].Sub(r.World.Now()); !m.Parked.Equal(want[m.UID()]) || early > 0 || early < -time.Second {
				t.Errorf("a message parked until %v is visible at %v, want it at %v", m.Parked, r.World.Now(), want[m.UID()])
			}
			delete(want, m.UID())
		}
		r.Pass(time.Second)
	}
	if len(want) != 0 || len(r.requests()) != 0 {
		t.Errorf("%d messages never came, %d requests were made; want none of either", len(want), len(r.requests()))
	}
}

// A receiver that asks for rest again and again must not keep what was parked before from ever being tried.
func TestADeliveryIsParkedOnce(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	e := r.Archived(h)
	park := func(d time.Duration) {
		t.Helper()
		if err := r.World.Webhooks().Park(t.Context(), h.Project, h.UID, r.World.Now().Add(d)); err != nil {
			t.Fatal(err)
		}
	}
	park(time.Minute)
	r.deliver(delivery.LaneFirst, first(e, h))
	r.Pass(time.Minute)
	park(time.Hour)
	if r.work(delivery.LaneRetry); len(r.requests()) != 0 {
		t.Error("a request was made before the half minute after the rest was over")
	}
	r.Pass(30 * time.Second)
	if r.work(delivery.LaneRetry); len(r.requests()) != 1 || r.Row(first(e, h).UID()).State != delivery.Succeeded {
		t.Errorf("after the rest that it was parked for %d requests were made, want one, though there is another rest", len(r.requests()))
	}
}

func TestRetriesOfAParkedWebhookRestToo(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url, func(h *webhook.Webhook) { h.Schedule = []time.Duration{time.Minute, time.Minute} })
	e := r.Archived(h)
	r.answers(500)
	r.deliver(delivery.LaneFirst, first(e, h))
	before := r.Row(first(e, h).UID())
	if err := r.World.Webhooks().Park(t.Context(), h.Project, h.UID, r.World.Now().Add(10*time.Minute)); err != nil {
		t.Fatal(err)
	}
	r.Pass(time.Minute)
	r.work(delivery.LaneRetry)
	if row := r.Row(before.UID); row.Place != before.Place || len(r.requests()) != 1 {
		t.Errorf("a step that falls due during the rest leaves the row at %+v after %d requests, want %+v and 1", row.Place, len(r.requests()), before.Place)
	}
	r.Pass(10 * time.Minute)
	r.work(delivery.LaneRetry)
	if row := r.wantLogged(before.UID); row.Place.Step != 2 {
		t.Errorf("after the rest the row is at step %d, want 2", row.Place.Step)
	}
}

// A dispatcher whose clock is behind the queue's by more than a minute takes every message that it sends itself for redriven.
func TestClocksTooFarApartDelayADeliveryAndDoNotStopIt(t *testing.T) {
	r := newRig(t, func(c *dispatch.Config) {
		queueTime := c.Now
		c.Now = func() time.Time { return queueTime().Add(-2 * time.Minute) }
	})
	h := r.Hook(r.url)
	m := first(r.Archived(h), h)
	err := r.World.Queue().Send(t.Context(), delivery.LaneFirst, m.Parcel(r.World.Now().Add(-2*time.Minute), 0))
	if err != nil {
		t.Fatal(err)
	}
	r.work(delivery.LaneFirst)
	exchanged := 1
	for ; len(r.requests()) == 0 && exchanged < 10; exchanged++ {
		r.work(delivery.LaneRetry)
	}
	if row := r.wantLogged(m.UID()); row.State != delivery.Succeeded || row.AttemptCount != 1 || exchanged != 4 {
		t.Errorf("with clocks apart the delivery is %s after %d requests and %d messages, want succeeded after 1 and 4", row.State, row.AttemptCount, exchanged)
	}
}
