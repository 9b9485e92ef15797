package dispatch_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/dispatch"
	"hermod/shared/webhook"
)

func TestWhatNobodyReadsIsHandedBack(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	sound := string(first(r.Archived(h), h).Parcel(r.World.Now(), 0).Body)
	tests := []struct {
		name, body string
		receives   int
		want       time.Duration
	}{
		{"a later format", `{"f":2,"cause":"schedule"}`, 1, 15 * time.Minute},
		{"a later format, however often", `{"f":2,"cause":"schedule"}`, 7, 15 * time.Minute},
		{"a later format of other fields", `{"f":2,"p":{"project":7}}`, 1, 15 * time.Minute},
		{"a cause of a later release", sound[:len(sound)-1] + `,"cause":"pigeon"}`, 1, 15 * time.Minute},
		{"nothing", ``, 1, time.Minute},
		{"no JSON", `{`, 1, time.Minute},
		{"no format", `{"cause":"schedule"}`, 2, 2 * time.Minute},
		{"no delivery", `{"f":1,"cause":"schedule"}`, 4, 8 * time.Minute},
		{"a negative step", sound[:len(sound)-1] + `,"s":-1}`, 8, 30 * time.Minute},
	}
	for _, test := range tests {
		v := r.Handle(t.Context(), delivery.Receipt{Lane: delivery.LaneRetry, Body: []byte(test.body), Receives: test.receives, SentAt: r.World.Now()})
		if v.Acknowledge || v.VisibleAfter != test.want {
			t.Errorf("%s gives %+v, want it handed back for %v", test.name, v, test.want)
		}
	}
	if n := len(r.requests()); n != 0 {
		t.Errorf("%d requests were made, want none", n)
	}
}

// bringsAbout makes a rig and a message whose handling makes the call of a seam.
func bringsAbout(t *testing.T, call string) (*rig, delivery.Message) {
	t.Helper()
	r := newRig(t)
	h := r.Hook(r.url)
	e := r.Archived(h)
	m := first(e, h)
	switch call {
	case "Step", "Send":
		r.answers(500)
	case "Park":
		r.answers(503, "Retry-After", "60")
	case "Update":
		r.answers(http.StatusGone)
	case "Append":
		r.answers(500)
		m = cause(m, delivery.CauseManual)
	case "Extend", "Reopen":
		r.answers(http.StatusGone)
		r.deliver(delivery.LaneRetry, m)
		h.Version, h.Enabled = 2, true
		r.update(h)
		m = cause(m, delivery.CauseRedrive)
	}
	return r, m
}

func TestAStoreThatIsDownHandsTheMessageBackLongerEachTime(t *testing.T) {
	tests := []struct {
		call     string
		requests int // in eight receives: a request is made again only if its outcome was not written
	}{
		{"Rows", 0}, {"Get", 0}, {"Event", 0}, {"Extend", 0}, {"Reopen", 0}, {"Step", 8}, {"Succeed", 8}, {"Append", 8}, {"Send", 1},
	}
	rests := []time.Duration{1, 2, 4, 8, 16, 30, 30, 30} // minutes
	for _, test := range tests {
		t.Run(test.call, func(t *testing.T) {
			r, m := bringsAbout(t, test.call)
			before := len(r.requests())
			r.seams.fails(test.call, errDown, always)
			for i, rest := range rests {
				if v := r.handle(delivery.LaneRetry, m, i+1); v.Acknowledge || v.VisibleAfter != rest*time.Minute {
					t.Errorf("receive %d gives %+v, want it handed back for %v", i+1, v, rest*time.Minute)
				}
			}
			if made := len(r.requests()) - before; made != test.requests {
				t.Errorf("%d requests were made, want %d", made, test.requests)
			}
			r.seams.works()
			if v := r.handle(delivery.LaneRetry, m, 8); v != delivery.Acknowledged() {
				t.Errorf("afterwards it gives %+v, want it acknowledged", v)
			}
			if row := r.Row(m.UID()); row == nil {
				t.Error("afterwards the delivery has no row")
			}
		})
	}
}

func TestAPanicIsContainedAndHandsTheMessageBack(t *testing.T) {
	for _, call := range []string{"Rows", "Get", "Event", "Extend", "Reopen", "Step", "Succeed", "Append", "Send", "Park", "Update"} {
		t.Run(call, func(t *testing.T) {
			r, m := bringsAbout(t, call)
			r.seams.fails(call, "a bug", always)
			for receives := 1; receives <= delivery.MaxReceives; receives++ {
				v := r.handle(delivery.LaneRetry, m, receives)
				if call == "Update" && receives > 1 { // the delivery is dead by then
					continue
				}
				if v != delivery.HandedBack(receives) {
					t.Errorf("receive %d gives %+v, want %+v", receives, v, delivery.HandedBack(receives))
				}
			}
		})
	}
}

func TestAnOutageOfAnHourKillsNothing(t *testing.T) {
	for _, lane := range []delivery.Lane{delivery.LaneFirst, delivery.LaneRetry} {
		t.Run(string(lane), func(t *testing.T) {
			r := newRig(t)
			h := r.Hook(r.url)
			e := r.Archived(h)
			r.seams.fails("Get", errDown, always)
			r.deliver(lane, first(e, h))
			for range 60 {
				r.Pass(time.Minute)
				r.work(lane)
			}
			r.seams.works()
			for range 31 {
				r.Pass(time.Minute)
				r.work(lane)
			}
			if row := r.Row(first(e, h).UID()); row == nil || row.State != delivery.Succeeded || len(r.requests()) != 1 {
				t.Errorf("after the outage the row is %+v, with %d requests; want it succeeded by one", row, len(r.requests()))
			}
			if n := len(r.Receive(delivery.LaneDead)) + len(r.Receive(delivery.LaneStuck)); n != 0 {
				t.Errorf("%d messages became letters, want none", n)
			}
		})
	}
}

func TestAnOutcomeIsWrittenAgainWhileThereIsTime(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	e := r.Archived(h)
	r.seams.fails("Succeed", errDown, always)
	ctx, cancel := context.WithTimeout(t.Context(), 2600*time.Millisecond) // 0.6 s more than is kept for the end
	defer cancel()
	v := r.handleUntil(ctx, delivery.LaneFirst, first(e, h), 1)
	if n := r.seams.count("Succeed"); v != delivery.HandedBack(1) || n < 2 || n > 6 || len(r.requests()) != 1 {
		t.Errorf("%d writes after %d requests, the verdict is %+v; want a few, one, and handed back", n, len(r.requests()), v)
	}
	if deadline, _ := ctx.Deadline(); time.Until(deadline) < time.Second {
		t.Errorf("%v are left until the deadline, want almost 2 s", time.Until(deadline))
	}
}

func TestAnOutcomeIsWrittenOnceWhereThereIsNoDeadline(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	e := r.Archived(h)
	r.seams.fails("Succeed", errDown, always)
	if v := r.handle(delivery.LaneFirst, first(e, h), 1); v != delivery.HandedBack(1) || r.seams.count("Succeed") != 1 {
		t.Errorf("%d writes, the verdict is %+v; want one and handed back", r.seams.count("Succeed"), v)
	}
}

// The write is carried out, an error says that it may not be, and its repetition finds the row moved: by itself.
func TestAfterAnUnknownOutcomeTheNextMessageIsSent(t *testing.T) {
	for _, lane := range []delivery.Lane{delivery.LaneFirst, delivery.LaneRetry} {
		r := newRig(t)
		h := r.Hook(r.url, func(h *webhook.Webhook) { h.Schedule = []time.Duration{10 * time.Second} })
		e := r.Archived(h)
		r.answers(500)
		r.seams.failsAfter("Step", errDown, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if v := r.handleUntil(ctx, lane, first(e, h), 1); v != delivery.Acknowledged() {
			t.Errorf("%s: the verdict is %+v, want it acknowledged", lane, v)
		}
		if row := r.wantLogged(first(e, h).UID()); row.Place.Step != 1 {
			t.Errorf("%s: the row is at step %d, want 1", lane, row.Place.Step)
		}
		r.Pass(10*time.Second - time.Millisecond)
		early := len(r.Messages(delivery.LaneRetry))
		r.Pass(time.Millisecond)
		got := r.Messages(delivery.LaneRetry)
		if early != 0 || len(got) != 1 || got[0].Place() != (delivery.Place{Step: 1}) || got[0].Cause != delivery.CauseSchedule {
			t.Errorf("%s: %d messages early, then %+v; want the next step's in time", lane, early, got)
		}
	}
}

// The receiver hangs, and we are told to stop before its time-out: nothing is known of it.
func TestAnAttemptThatWeCutOffIsNotTheReceiversFailure(t *testing.T) {
	for _, c := range []delivery.Cause{delivery.CauseSchedule, delivery.CauseManual, delivery.CauseTest} {
		r := newRig(t)
		r.seams.unstoppable = true // so that nothing but dispatch itself keeps the outcome from being written
		h := r.Hook(r.url)
		e := r.Archived(h)
		ctx, cancel := context.WithCancel(t.Context())
		r.does(func(_ http.ResponseWriter, req *http.Request) {
			cancel()
			<-req.Context().Done()
		})
		v := r.handleUntil(ctx, delivery.LaneRetry, cause(first(e, h), c), 2)
		if row := r.Row(first(e, h).UID()); v != delivery.HandedBack(2) || row != nil {
			t.Errorf("%s: the verdict is %+v, the row %+v; want it handed back and nothing written", c, v, row)
		}
		if len(r.requests()) != 1 || len(r.Messages(delivery.LaneRetry)) != 0 {
			t.Errorf("%s: %d requests, want one, and no message sent", c, len(r.requests()))
		}
	}
}

func TestAReceiverThatHangsIsTimedOut(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url, func(h *webhook.Webhook) { h.Timeout = 50 * time.Millisecond })
	e := r.Archived(h)
	r.does(func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
	if v := r.deliver(delivery.LaneFirst, first(e, h)); v != delivery.Acknowledged() {
		t.Errorf("the verdict is %+v, want it acknowledged", v)
	}
	if row := r.wantLogged(first(e, h).UID()); row.LastClass != delivery.ClassTimeout || row.Place.Step != 1 || row.Attempts[0].Duration < 50*time.Millisecond {
		t.Errorf("the row is %+v, want a time-out after 50 ms", row)
	}
}

// Between the request and the write of its outcome others write: each request is listed once all the same.
func TestEveryRequestIsLoggedOnceWhoeverWritesMeanwhile(t *testing.T) {
	fails := delivery.Attempt{Status: 500, Class: delivery.ClassStatus}
	accepted := delivery.Attempt{Status: 200}
	tests := []struct {
		name      string
		status    int
		meanwhile func(ctx context.Context, l delivery.Log, d delivery.Delivery) error
		state     delivery.State
		place     delivery.Place
	}{
		{"a manual attempt that fails", 500, func(ctx context.Context, l delivery.Log, d delivery.Delivery) error {
			return l.Append(ctx, d, numbered(fails, d, delivery.CauseManual))
		}, delivery.Retrying, delivery.Place{Step: 1}},
		{"a manual attempt that is accepted", 500, func(ctx context.Context, l delivery.Log, d delivery.Delivery) error {
			return l.Succeed(ctx, d, numbered(accepted, d, delivery.CauseManual))
		}, delivery.Succeeded, delivery.Place{}},
		{"a copy that fails", 500, func(ctx context.Context, l delivery.Log, d delivery.Delivery) error {
			a := numbered(fails, d, delivery.CauseSchedule)
			d.State, d.Place, d.Due = delivery.Retrying, delivery.Place{Step: 1}, delivery.Due{At: d.CreatedAt.Add(time.Hour)}
			return l.Step(ctx, d, delivery.Place{}, &a)
		}, delivery.Retrying, delivery.Place{Step: 1}},
		{"a copy that fails, while this one is accepted", 200, func(ctx context.Context, l delivery.Log, d delivery.Delivery) error {
			a := numbered(fails, d, delivery.CauseSchedule)
			d.State, d.Place, d.Due = delivery.Retrying, delivery.Place{Step: 1}, delivery.Due{At: d.CreatedAt.Add(time.Hour)}
			return l.Step(ctx, d, delivery.Place{}, &a)
		}, delivery.Succeeded, delivery.Place{Step: 1}},
		{"a copy that dies", 500, func(ctx context.Context, l delivery.Log, d delivery.Delivery) error {
			a := numbered(fails, d, delivery.CauseSchedule)
			d.State, d.Reason, d.Place = delivery.Dead, delivery.ReasonGone, delivery.Place{Step: 1}
			return l.Step(ctx, d, delivery.Place{}, &a)
		}, delivery.Dead, delivery.Place{Step: 1}},
	}
	for _, test := range tests {
		for _, unknown := range []bool{false, true} {
			name := test.name
			if unknown {
				name += ", and a write of unknown outcome"
			}
			t.Run(name, func(t *testing.T) {
				r := newRig(t)
				h := r.Hook(r.url)
				e := r.Archived(h)
				d := e.Delivery(h.UID)
				d.ExpiresAt = r.World.Now().Add(delivery.Retention)
				r.does(func(w http.ResponseWriter, req *http.Request) {
					if len(r.requests()) == 1 {
						r.mu.Lock()
						r.got = append(r.got, r.got[0]) // the other's request: of the same number, for both read the same row
						r.mu.Unlock()
						if err := test.meanwhile(context.WithoutCancel(t.Context()), r.World.Log(), d); err != nil {
							t.Error(err)
						}
					}
					w.WriteHeader(test.status)
				})
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if unknown {
					r.seams.failsAfter("Append", errDown, 1)
				}
				if v := r.handleUntil(ctx, delivery.LaneFirst, first(e, h), 1); v != delivery.Acknowledged() {
					t.Errorf("the verdict is %+v, want it acknowledged", v)
				}
				if row := r.wantLogged(first(e, h).UID()); row.State != test.state || row.Place != test.place {
					t.Errorf("the row is %s at %+v, want %s at %+v", row.State, row.Place, test.state, test.place)
				}
			})
		}
	}
}

// numbered is the first attempt of a delivery, made just before the dispatcher's own.
func numbered(a delivery.Attempt, d delivery.Delivery, c delivery.Cause) delivery.Attempt {
	a.Number, a.Cause, a.StartedAt = d.NextNumber(), c, d.CreatedAt.Add(-time.Millisecond)
	return a
}

// A row that is written by others at each look must not keep a dispatcher for ever.
func TestADeliveryThatMovesAllTheTimeIsHandedBack(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	e := r.Archived(h)
	r.answers(500)
	r.seams.fails("Step", delivery.ErrStale, always)
	if v := r.handle(delivery.LaneRetry, first(e, h), 2); v != delivery.HandedBack(2) || len(r.requests()) > 5 {
		t.Errorf("the verdict is %+v after %d requests, want it handed back after a few", v, len(r.requests()))
	}
}

func TestAnEventOfAnotherProjectIsNeverSent(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	theirs := r.Hook(r.url, func(h *webhook.Webhook) { h.Project = r.Workflow })
	e := r.Archived(h, theirs)
	r.deliver(delivery.LaneFirst, first(e, h)) // remembers the event
	m := first(e, theirs)
	m.Project = theirs.Project
	if v := r.handle(delivery.LaneRetry, m, 1); v != delivery.HandedBack(1) || len(r.requests()) != 1 {
		t.Errorf("the verdict is %+v after %d requests, want it handed back after the other's one", v, len(r.requests()))
	}
	m = first(e, h)
	m.Project = theirs.Project
	r.handle(delivery.LaneRetry, cause(m, delivery.CauseManual), 1) // the webhook is another project's
	if len(r.requests()) != 1 {
		t.Errorf("%d requests, want none for a message of the wrong project", len(r.requests()))
	}
}

func TestAMissingSeamIsAPanic(t *testing.T) {
	c := newRig(t).Dispatcher.Config
	for name, spoil := range map[string]func(*dispatch.Config){
		"Log": func(c *dispatch.Config) { c.Log = nil }, "Archive": func(c *dispatch.Config) { c.Archive = nil },
		"Webhooks": func(c *dispatch.Config) { c.Webhooks = nil }, "Queue": func(c *dispatch.Config) { c.Queue = nil },
		"Box": func(c *dispatch.Config) { c.Box = nil }, "Client": func(c *dispatch.Config) { c.Client = nil },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("New without %s does not panic", name)
				}
			}()
			spoilt := c
			spoil(&spoilt)
			dispatch.New(spoilt)
		}()
	}
}

func TestAnEventThatIsGoneMakesNoRequest(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url)
	e := r.Archived(h)
	r.seams.fails("Event", delivery.ErrNoEvent, always)
	if v := r.handle(delivery.LaneFirst, first(e, h), 1); v != delivery.HandedBack(1) || len(r.requests()) != 0 {
		t.Errorf("the verdict is %+v after %d requests, want it handed back after none", v, len(r.requests()))
	}
	if row := r.Row(first(e, h).UID()); row != nil {
		t.Errorf("the row is %+v, want none", row)
	}
}
