package dispatch_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/sqlite/sqlitetest"
	"hermod/shared/uid"
	"hermod/shared/webhook"
)

// testEvent archives a test event for the webhook.
func testEvent(w *sqlitetest.World, h webhook.Webhook) delivery.Event {
	w.T.Helper()
	e := w.Archived(h)
	e.UID, e.Test = uid.New(w.Now()), true
	if _, _, err := w.Archive().Put(w.T.Context(), e); err != nil {
		w.T.Fatal(err)
	}
	return e
}

func TestATestEventIsSentOnce(t *testing.T) {
	for _, enabled := range []bool{true, false} {
		for _, test := range []struct {
			status int
			state  delivery.State
			reason delivery.Reason
		}{
			{204, delivery.Succeeded, ""},
			{500, delivery.Cancelled, delivery.ReasonTest},
			{503, delivery.Cancelled, delivery.ReasonTest},
			{410, delivery.Cancelled, delivery.ReasonTest},
		} {
			r := newRig(t)
			h := r.Hook(r.url, func(h *webhook.Webhook) {
				if h.Enabled = enabled; !enabled {
					h.Reason = webhook.DisabledByUser
				}
			})
			e := testEvent(r.World, h)
			r.answers(test.status, "Retry-After", "600")
			v := r.deliver(delivery.LaneRetry, cause(first(e, h), delivery.CauseTest))
			row := r.wantLogged(first(e, h).UID())
			if !v.Acknowledge || row.State != test.state || row.Reason != test.reason || !row.Test || row.Due != (delivery.Due{}) || !row.EndedAt.Equal(r.World.Now()) {
				t.Errorf("a test answered %d is %+v, want it %s (%s)", test.status, row, test.state, test.reason)
			}
			if a := row.Attempts[0]; a.Cause != delivery.CauseTest || a.Status != test.status {
				t.Errorf("the log has an attempt with cause %s and status %d, want test and %d", a.Cause, a.Status, test.status)
			}
			r.Pass(2 * time.Hour)
			r.work(delivery.LaneRetry)
			if len(r.requests()) != 1 {
				t.Errorf("a test answered %d makes %d requests, want one", test.status, len(r.requests()))
			}
			if now := r.stored(h); now.Enabled != h.Enabled || now.Reason != h.Reason || !now.ParkedUntil.IsZero() {
				t.Errorf("a test answered %d leaves the webhook enabled %v (%s), parked until %v; want it as it was", test.status, now.Enabled, now.Reason, now.ParkedUntil)
			}
		}
	}
}

// None of them knows of the others when it chooses its number, and the clock stands still.
func TestRetriesOnRequestMadeAtOnceAreAllLogged(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url, func(h *webhook.Webhook) { h.Schedule = []time.Duration{} })
	r.answers(500)
	e := r.Archived(h)
	m := first(e, h)
	r.deliver(delivery.LaneFirst, m)
	const retries = 10
	var arrived, done sync.WaitGroup
	arrived.Add(retries)
	r.does(func(w http.ResponseWriter, _ *http.Request) {
		arrived.Done()
		arrived.Wait()
		w.WriteHeader(http.StatusInternalServerError)
	})
	for range retries {
		done.Go(func() {
			if v := r.handle(delivery.LaneRetry, cause(m, delivery.CauseManual), 1); !v.Acknowledge {
				t.Errorf("a retry on request gives %+v, want it acknowledged", v)
			}
		})
	}
	done.Wait()
	r.wantLogged(m.UID())
}

func TestAManualAttemptIsLoggedAndChangesNothingElse(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url, func(h *webhook.Webhook) { h.Schedule = []time.Duration{10 * time.Second, time.Hour} })
	r.answers(500)
	e := r.Archived(h)
	m := first(e, h)
	manual := func() {
		t.Helper()
		before := *r.Row(m.UID())
		r.Pass(time.Second)
		if v := r.deliver(delivery.LaneRetry, cause(m, delivery.CauseManual)); !v.Acknowledge {
			t.Errorf("a manual attempt gives %+v, want it acknowledged", v)
		}
		after := r.wantLogged(m.UID())
		if after.State != before.State || after.Reason != before.Reason || after.Place != before.Place || after.Due != before.Due || !after.NextAt.Equal(before.NextAt) {
			t.Errorf("a manual attempt that failed turns %+v into %+v, want one attempt more and the rest as it was", before, after)
		}
		if a := after.Attempts[len(after.Attempts)-1]; a.Cause != delivery.CauseManual || a.Cycle != before.Place.Cycle || a.Step != before.Place.Step {
			t.Errorf("the log has %+v, want the manual attempt where the delivery stood", a)
		}
	}
	r.deliver(delivery.LaneFirst, m)
	manual() // waits for a message
	r.Pass(9 * time.Second)
	r.work(delivery.LaneRetry)
	manual() // waits for the sweeper
	r.Pass(time.Hour)
	r.deliver(delivery.LaneRetry, at(m, delivery.Place{Step: 2}))
	manual() // dead
	r.answers(200)
	r.Pass(time.Second)
	r.deliver(delivery.LaneRetry, cause(m, delivery.CauseManual))
	if row := r.wantLogged(m.UID()); row.State != delivery.Succeeded || row.Reason != "" || row.Place.Step != 3 || row.AttemptCount != 7 {
		t.Errorf("after a manual attempt that was accepted the row is %+v, want it succeeded where it was", row)
	}
}

func TestAManualAttemptBeforeTheFirstLeavesTheScheduleToCome(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	e := r.Archived(h)
	r.answers(500)
	r.deliver(delivery.LaneRetry, cause(first(e, h), delivery.CauseManual))
	row := r.wantLogged(first(e, h).UID())
	if row.State != delivery.Pending || row.Place != (delivery.Place{}) || row.Due != (delivery.Due{At: r.World.Now().Add(time.Hour)}) {
		t.Errorf("the row is %+v, want it pending at step 0 with a watchdog", row)
	}
	r.Pass(time.Second)
	r.deliver(delivery.LaneFirst, first(e, h))
	if row := r.Row(row.UID); row.State != delivery.Retrying || row.Place.Step != 1 || row.AttemptCount != 2 {
		t.Errorf("after its own first attempt the row is %+v, want it retrying at step 1 after 2 requests", row)
	}
}

func TestAManualAttemptDoesNotWaitForARest(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	e := r.Archived(h)
	if err := r.World.Webhooks().Park(t.Context(), h.Project, h.UID, r.World.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	r.deliver(delivery.LaneRetry, cause(first(e, h), delivery.CauseManual))
	if row := r.Row(first(e, h).UID()); row == nil || row.State != delivery.Succeeded {
		t.Errorf("a manual attempt during the webhook's rest leaves %+v, want it delivered", row)
	}
}

func TestAManualAttemptAnsweredGoneDisablesTheWebhook(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	e := r.Archived(h)
	r.answers(http.StatusGone)
	r.deliver(delivery.LaneRetry, cause(first(e, h), delivery.CauseManual))
	if now := r.stored(h); now.Enabled || now.Reason != webhook.DisabledGone {
		t.Errorf("the webhook is enabled %v, reason %q; want it disabled, gone", now.Enabled, now.Reason)
	}
}

func TestAManualAttemptOfAWebhookThatIsOffMakesNoRequest(t *testing.T) {
	for _, deleted := range []bool{false, true} {
		r := newRig(t)
		h := r.Hook(r.url, func(h *webhook.Webhook) { h.Enabled = false })
		e := r.Archived(h)
		if deleted {
			if err := r.World.Webhooks().Delete(t.Context(), h.Project, h.UID); err != nil {
				t.Fatal(err)
			}
		}
		v := r.deliver(delivery.LaneRetry, cause(first(e, h), delivery.CauseManual))
		if row := r.Row(first(e, h).UID()); !v.Acknowledge || row != nil || len(r.requests()) != 0 {
			t.Errorf("deleted %v: the verdict is %+v, the row %+v after %d requests; want it acknowledged and nothing done", deleted, v, row, len(r.requests()))
		}
	}
}
