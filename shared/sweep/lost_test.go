package sweep_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/dispatch"
	"hermod/shared/egress"
	"hermod/shared/sqlite/sqlitetest"
	"hermod/shared/sweep"
	"hermod/shared/webhook"
)

func TestALostStepIsSentAgainOnceAnHourAndCounted(t *testing.T) {
	tests := []struct {
		name string
		own  bool
		lost time.Duration // from now until the sweeper concludes that it is lost
	}{
		{"overdue by an hour", true, 2 * time.Hour},
		{"its watchdog", false, time.Hour},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := sqlitetest.New(t)
			d := waits(w, delivery.Due{At: w.Now().Add(time.Hour), Own: test.own})
			s := newSweeper(w)
			w.Pass(test.lost - time.Second)
			sweeps(t, s)
			w.Messages(delivery.LaneRetry) // its own message, which is lost
			sweeps(t, s)
			if got := w.Messages(delivery.LaneRetry); len(got) != 0 {
				t.Errorf("a second before it is lost %d messages are sent, want none", len(got))
			}
			for hour := range 3 {
				w.Pass(map[bool]time.Duration{true: time.Second, false: time.Hour}[hour == 0])
				for range 3 {
					sweeps(t, s)
				}
				if got := w.Messages(delivery.LaneRetry); len(got) != 1 || got[0].Cause != delivery.CauseSchedule || got[0].Place() != d.Place {
					t.Errorf("hour %d: three sweeps send %+v, want the row's step once", hour, got)
				}
				row := w.Row(d.UID)
				if row.Resends != hour+1 || row.Due != (delivery.Due{At: w.Now().Add(time.Hour)}) || !row.NextAt.Equal(d.NextAt) {
					t.Errorf("hour %d: the row counts %d with due %+v, want %d and an hour from now", hour, row.Resends, row.Due, hour+1)
				}
			}
		})
	}
}

func TestWhileRetryIsCongestedNothingIsTakenForLost(t *testing.T) {
	for visible, want := range map[int]int{10_000: 1, 10_001: 0} {
		w := sqlitetest.New(t)
		d := waits(w, delivery.Due{At: w.Now().Add(time.Hour)})
		w.Pass(time.Hour)
		q := &faultyQueue{Queue: w.Queue(), visible: visible}
		s := newSweeper(w, func(c *sweep.Config) { c.Queue = q })
		sweeps(t, s)
		if got := w.Messages(delivery.LaneRetry); len(got) != want || w.Row(d.UID).Resends != want {
			t.Errorf("beside %d visible messages %d steps are sent again, want %d", visible, len(got), want)
		}
		q.visible = 0
		sweeps(t, s)
		if w.Messages(delivery.LaneRetry); w.Row(d.UID).Resends != 1 {
			t.Errorf("once the lane has emptied the row counts %d, want 1", w.Row(d.UID).Resends)
		}
	}
}

// Own times do not wait for others' messages: what is due is sent however full the lane is.
func TestWhileRetryIsCongestedWhatIsDueIsSent(t *testing.T) {
	w := sqlitetest.New(t)
	waits(w, delivery.Due{At: w.Now(), Own: true})
	sweeps(t, newSweeper(w, func(c *sweep.Config) { c.Queue = &faultyQueue{Queue: w.Queue(), visible: 20_000} }))
	if got := w.Messages(delivery.LaneRetry); len(got) != 1 {
		t.Errorf("%d messages are sent, want the step that is due", len(got))
	}
}

func TestAfter24ResendsTheDeliveryIsBuriedAndDies(t *testing.T) {
	w := sqlitetest.New(t)
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests++ }))
	defer server.Close()
	d := waitsFor(w, w.Hook(server.URL), delivery.Due{At: w.Now().Add(time.Hour)})
	s := newSweeper(w)
	for n := range 24 {
		w.Pass(time.Hour)
		sweeps(t, s)
		if got := w.Messages(delivery.LaneRetry); len(got) != 1 || got[0].Cause != delivery.CauseSchedule { // they are all lost
			t.Fatalf("hour %d sends %+v, want the step", n+1, got)
		}
	}
	w.Pass(time.Hour)
	sweeps(t, s)
	dispatcher := dispatch.New(dispatch.Config{
		Log: w.Log(), Archive: w.Archive(), Webhooks: w.Webhooks(), Queue: w.Queue(), Box: w.Box, Now: w.Now, Logger: slog.New(slog.DiscardHandler),
		Client: egress.New(egress.Config{Rules: webhook.Rules{AllowHTTP: true, AllowPrivate: true}}),
	})
	for range delivery.MaxReceives + 1 {
		for _, r := range w.Receive(delivery.LaneRetry) {
			if m, err := delivery.ParseMessage(r.Body); err != nil || m.Cause != delivery.CauseBury {
				t.Errorf("hour 25 sends %+v, %v; want cause bury", m, err)
			}
			v := dispatcher.Handle(t.Context(), r)
			if v != delivery.Refused() {
				t.Errorf("the message that buries gives %+v, want it refused until it is a letter", v)
			}
			w.Settle(r, v)
		}
	}
	row := w.Row(d.UID)
	if row.State != delivery.Dead || row.Reason != delivery.ReasonFault || row.Place.Step != 2 || row.Due != (delivery.Due{}) || row.AttemptCount != 1 || requests != 0 {
		t.Errorf("the row is %+v after %d requests, want it dead by our fault without one", row, requests)
	}
	if got := w.Messages(delivery.LaneDead); len(got) != 1 {
		t.Errorf("%d letters, want 1", len(got))
	}
	w.Pass(24 * time.Hour)
	sweeps(t, s)
	if got := w.Messages(delivery.LaneRetry); len(got) != 0 {
		t.Errorf("of a dead delivery %d messages are sent, want none", len(got))
	}
}

// A step that moves is counted from the start.
func TestAStepThatMovesIsNoMoreTakenForLost(t *testing.T) {
	w := sqlitetest.New(t)
	d := waits(w, delivery.Due{At: w.Now().Add(time.Hour)})
	s := newSweeper(w)
	for range 24 {
		w.Pass(time.Hour)
		sweeps(t, s)
	}
	next := *w.Row(d.UID)
	next.Place.Step, next.Due, next.Resends, next.Attempts = 2, delivery.Due{At: w.Now().Add(time.Hour)}, 0, nil
	if err := w.Log().Step(t.Context(), next, d.Place, &delivery.Attempt{Number: 2, Status: 500}); err != nil {
		t.Fatal(err)
	}
	drain(w)
	w.Pass(time.Hour)
	sweeps(t, s)
	if got := w.Messages(delivery.LaneRetry); len(got) != 1 || got[0].Cause != delivery.CauseSchedule || got[0].Step != 2 {
		t.Errorf("sent is %+v, want step 2, which is not buried", got)
	}
}

func TestARowThatMovedMeanwhileIsNotCounted(t *testing.T) {
	moves := map[string]func(*delivery.Delivery, time.Time){
		"to the next step": func(d *delivery.Delivery, now time.Time) {
			d.Place.Step, d.Due = 2, delivery.Due{At: now.Add(3 * time.Hour), Own: true}
		},
		"to its end": func(d *delivery.Delivery, now time.Time) {
			d.State, d.Place.Step, d.Due = delivery.Dead, 2, delivery.Due{}
		},
	}
	for name, move := range moves {
		w := sqlitetest.New(t)
		d := waits(w, delivery.Due{At: w.Now().Add(time.Hour)})
		other := waits(w, delivery.Due{At: w.Now().Add(time.Hour + time.Second)})
		w.Pass(2 * time.Hour)
		next := d
		move(&next, w.Now())
		q := &faultyQueue{Queue: w.Queue()}
		q.sent = func(m delivery.Message) {
			if m.UID() != d.UID {
				return
			}
			if err := w.Log().Step(t.Context(), next, d.Place, &delivery.Attempt{Number: 2, Status: 500}); err != nil {
				t.Error(err)
			}
		}
		sweeps(t, newSweeper(w, func(c *sweep.Config) { c.Queue = q }))
		if row := w.Row(d.UID); row.Resends != 0 || row.Place != next.Place || row.State != next.State || row.Due != next.Due {
			t.Errorf("%s: the row that moved is %+v, want it untouched", name, row)
		}
		if row := w.Row(other.UID); row.Resends != 1 {
			t.Errorf("%s: the other row counts %d, want 1: the sweep goes on", name, row.Resends)
		}
	}
}
