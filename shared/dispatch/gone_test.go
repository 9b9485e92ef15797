package dispatch_test

import (
	"context"
	"net/http"
	"testing"

	"hermod/shared/delivery"
	"hermod/shared/webhook"
)

func TestGoneDisablesTheWebhookAndEndsTheDelivery(t *testing.T) {
	for lane, want := range map[delivery.Lane]delivery.Verdict{delivery.LaneFirst: delivery.Acknowledged(), delivery.LaneRetry: delivery.Refused()} {
		r := newRig(t)
		h := r.Hook(r.url)
		r.answers(http.StatusGone)
		e := r.Archived(h)
		if v := r.deliver(lane, first(e, h)); v != want {
			t.Errorf("%s: the verdict is %+v, want %+v: nothing is refused in the lane first", lane, v, want)
		}
		if now := r.stored(h); now.Enabled || now.Reason != webhook.DisabledGone || now.Version != h.Version+1 {
			t.Errorf("%s: the webhook is enabled %v, reason %q, version %d; want disabled, gone, one more", lane, now.Enabled, now.Reason, now.Version)
		}
		if row := r.wantLogged(first(e, h).UID()); row.State != delivery.Dead || row.Reason != delivery.ReasonGone {
			t.Errorf("%s: the delivery is %s (%s), want dead, gone", lane, row.State, row.Reason)
		}
		r.rest(delivery.LaneFirst)
		r.rest(delivery.LaneRetry)
		if got := r.Messages(delivery.LaneDead); len(got) != 1 || len(r.Receive(delivery.LaneStuck)) != 0 {
			t.Errorf("%s: %d letters, want one", lane, len(got))
		}
		next := r.Archived(h)
		r.deliver(delivery.LaneFirst, first(next, h))
		if row := r.Row(first(next, h).UID()); row.State != delivery.Cancelled || row.Reason != delivery.ReasonDisabled || len(r.requests()) != 1 {
			t.Errorf("%s: the next delivery is %s (%s) after %d requests in all, want it cancelled without one", lane, row.State, row.Reason, len(r.requests()))
		}
	}
}

// An operator's change in the very moment of a 410 counts: the next 410 is about the webhook as it is then.
func TestGoneDoesNotUndoAChangeOfTheWebhook(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	changed := false
	r.does(func(w http.ResponseWriter, _ *http.Request) {
		if !changed {
			h.Version, h.Name, changed = 2, "moved house", true
			if err := r.World.Webhooks().Update(context.WithoutCancel(t.Context()), h); err != nil {
				t.Error(err)
			}
		}
		w.WriteHeader(http.StatusGone)
	})
	e := r.Archived(h)
	r.deliver(delivery.LaneFirst, first(e, h))
	if now := r.stored(h); !now.Enabled || now.Name != "moved house" {
		t.Errorf("the webhook is %+v, want the operator's change", now)
	}
	if row := r.Row(first(e, h).UID()); row.State != delivery.Dead || row.Reason != delivery.ReasonGone {
		t.Errorf("the delivery is %s (%s), want dead, gone", row.State, row.Reason)
	}
	r.deliver(delivery.LaneFirst, first(r.Archived(h), h))
	if now := r.stored(h); now.Enabled || now.Name != "moved house" {
		t.Errorf("after the next 410 the webhook is %+v, want it disabled", now)
	}
}

// The row is written first: otherwise the repetition would find the webhook disabled, and the delivery would end as cancelled.
func TestGoneIsWrittenBeforeTheWebhookIsDisabled(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	e := r.Archived(h)
	r.answers(http.StatusGone)
	r.seams.fails("Step", errDown, 1)
	if v := r.handle(delivery.LaneRetry, first(e, h), 1); v != delivery.HandedBack(1) || !r.stored(h).Enabled {
		t.Errorf("the verdict is %+v, the webhook enabled %v; want it handed back and enabled", v, r.stored(h).Enabled)
	}
	r.handle(delivery.LaneRetry, first(e, h), 2)
	if row := r.Row(first(e, h).UID()); row.State != delivery.Dead || row.Reason != delivery.ReasonGone || r.stored(h).Enabled {
		t.Errorf("received again the delivery is %s (%s), the webhook enabled %v; want dead, gone, disabled", row.State, row.Reason, r.stored(h).Enabled)
	}
}
