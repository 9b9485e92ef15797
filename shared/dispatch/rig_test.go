package dispatch_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/dispatch"
	"hermod/shared/egress"
	"hermod/shared/sqlite/sqlitetest"
	"hermod/shared/webhook"
)

var errDown = errors.New("the store is down")

// got is a request that the receiver had.
type got struct {
	header http.Header
	body   string
}

// rig is a world, a dispatcher whose seams may fail, and a real receiver.
type rig struct {
	*sqlitetest.World
	*dispatch.Dispatcher
	seams *seams
	url   string

	mu     sync.Mutex
	answer http.HandlerFunc // nil: 204
	got    []got
}

func newRig(t *testing.T, change ...func(*dispatch.Config)) *rig {
	t.Helper()
	r := &rig{World: sqlitetest.New(t), seams: &seams{calls: map[string]int{}}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	c := dispatch.Config{
		Log: seamLog{r.World.Log(), r.seams}, Archive: seamArchive{r.World.Archive(), r.seams}, Webhooks: seamHooks{r.World.Webhooks(), r.seams},
		Queue: seamQueue{r.World.Queue(), r.seams}, Box: r.World.Box,
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
	r.got = append(r.got, got{req.Header, string(body)})
	answer := r.answer
	r.mu.Unlock()
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(w, req)
}

// does makes the receiver answer so from now on.
func (r *rig) does(answer http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// answers makes the receiver answer with a status and headers, given as name, value, name, value.
func (r *rig) answers(status int, headers ...string) {
	r.does(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
	})
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

// handle hands a message over that was received so many times, without a queue.
func (r *rig) handle(lane delivery.Lane, m delivery.Message, receives int) delivery.Verdict {
	return r.handleUntil(r.T.Context(), lane, m, receives)
}

func (r *rig) handleUntil(ctx context.Context, lane delivery.Lane, m delivery.Message, receives int) delivery.Verdict {
	now := r.World.Now()
	return r.Handle(ctx, delivery.Receipt{Lane: lane, Group: m.Webhook, Body: m.Parcel(now, 0).Body, Receives: receives, SentAt: now})
}

// update stores a changed webhook.
func (r *rig) update(h webhook.Webhook) webhook.Webhook {
	r.T.Helper()
	h.Version++
	if err := r.World.Webhooks().Update(r.T.Context(), h); err != nil {
		r.T.Fatal(err)
	}
	return h
}

// stored is the webhook as it is now.
func (r *rig) stored(h webhook.Webhook) webhook.Webhook {
	r.T.Helper()
	h, err := r.World.Webhooks().Get(r.T.Context(), h.Project, h.UID)
	if err != nil {
		r.T.Fatal(err)
	}
	return h
}

// wantLogged checks that the row has every request that the receiver had, once, in order.
func (r *rig) wantLogged(u delivery.UID) delivery.Delivery {
	r.T.Helper()
	row := r.Row(u)
	if row == nil {
		r.T.Fatalf("delivery %s has no row", u)
	}
	made := len(r.requests())
	if row.AttemptCount != made || len(row.Attempts) != made {
		r.T.Errorf("the row counts %d requests and lists %d, want the %d that were made", row.AttemptCount, len(row.Attempts), made)
	}
	sent := map[string]int{}
	for _, req := range r.requests() {
		sent[req.header.Get("Hermod-Attempt")]++
	}
	for i, a := range row.Attempts {
		sent[strconv.Itoa(a.Number)]--
		if i > 0 && a.Number < row.Attempts[i-1].Number {
			r.T.Errorf("attempt %d of the list has number %d, after number %d", i+1, a.Number, row.Attempts[i-1].Number)
		}
	}
	for number, n := range sent {
		if n != 0 {
			r.T.Errorf("hermod-attempt %s: the receiver had %d more than the row lists", number, n)
		}
	}
	return *row
}

func first(e delivery.Event, h webhook.Webhook) delivery.Message {
	return delivery.NewMessage(e.Project, delivery.UID{Event: e.UID, Webhook: h.UID}, delivery.Place{}, delivery.CauseSchedule)
}

func cause(m delivery.Message, c delivery.Cause) delivery.Message {
	m.Cause = c
	return m
}

func at(m delivery.Message, p delivery.Place) delivery.Message {
	m.Cycle, m.Step = p.Cycle, p.Step
	return m
}

// seams are the engine's, each call of which may be counted, or fail, or panic.
type seams struct {
	mu    sync.Mutex
	calls map[string]int
	call  string // that fails
	fault any    // an error, or what it panics with
	times int    // how often still
	after bool   // it is carried out before it fails

	unstoppable bool // writes of the log are carried out though their context has ended
}

// fails makes a call fail so many times: with an error, or with a panic if fault is anything else.
func (s *seams) fails(call string, fault any, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.call, s.fault, s.times, s.after = call, fault, times, false
}

// failsAfter is fails, once the call was carried out.
func (s *seams) failsAfter(call string, fault any, times int) {
	s.fails(call, fault, times)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after = true
}

const always = 1 << 30

func (s *seams) works() { s.fails("", nil, 0) }

func (s *seams) count(call string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[call]
}

// do carries a call out, unless it is to fail.
func (s *seams) do(call string, run func() error) error {
	s.mu.Lock()
	s.calls[call]++
	fault, after := s.fault, s.after
	if s.call != call || s.times == 0 {
		fault = nil
	} else {
		s.times--
	}
	s.mu.Unlock()
	if fault == nil || after {
		if err := run(); err != nil {
			return err
		}
	}
	switch err, ok := fault.(error); {
	case fault == nil:
		return nil
	case ok:
		return err
	}
	panic(fault)
}

func (s *seams) write(ctx context.Context, call string, run func(context.Context) error) error {
	if s.unstoppable {
		ctx = context.WithoutCancel(ctx)
	}
	return s.do(call, func() error { return run(ctx) })
}

type seamLog struct {
	delivery.Log
	*seams
}

func (l seamLog) Rows(ctx context.Context, uids ...delivery.UID) (rows []delivery.Delivery, err error) {
	err = l.do("Rows", func() (err error) { rows, err = l.Log.Rows(ctx, uids...); return err })
	return rows, err
}

func (l seamLog) Step(ctx context.Context, d delivery.Delivery, was delivery.Place, a *delivery.Attempt) error {
	return l.write(ctx, "Step", func(ctx context.Context) error { return l.Log.Step(ctx, d, was, a) })
}

func (l seamLog) Succeed(ctx context.Context, d delivery.Delivery, a delivery.Attempt) error {
	return l.write(ctx, "Succeed", func(ctx context.Context) error { return l.Log.Succeed(ctx, d, a) })
}

func (l seamLog) Append(ctx context.Context, d delivery.Delivery, a delivery.Attempt) error {
	return l.write(ctx, "Append", func(ctx context.Context) error { return l.Log.Append(ctx, d, a) })
}

func (l seamLog) Reopen(ctx context.Context, u delivery.UID, cycle int, next time.Time, due delivery.Due, expires time.Time) (d delivery.Delivery, err error) {
	err = l.do("Reopen", func() (err error) { d, err = l.Log.Reopen(ctx, u, cycle, next, due, expires); return err })
	return d, err
}

type seamArchive struct {
	delivery.Archive
	*seams
}

func (a seamArchive) Event(ctx context.Context, project, uid string) (e delivery.Event, err error) {
	err = a.do("Event", func() (err error) { e, err = a.Archive.Event(ctx, project, uid); return err })
	return e, err
}

func (a seamArchive) Extend(ctx context.Context, project, uid string, until time.Time) error {
	return a.do("Extend", func() error { return a.Archive.Extend(ctx, project, uid, until) })
}

type seamHooks struct {
	webhook.Store
	*seams
}

func (h seamHooks) Get(ctx context.Context, project, uid string) (w webhook.Webhook, err error) {
	err = h.do("Get", func() (err error) { w, err = h.Store.Get(ctx, project, uid); return err })
	return w, err
}

func (h seamHooks) Update(ctx context.Context, w webhook.Webhook) error {
	return h.do("Update", func() error { return h.Store.Update(ctx, w) })
}

func (h seamHooks) Park(ctx context.Context, project, uid string, until time.Time) error {
	return h.do("Park", func() error { return h.Store.Park(ctx, project, uid, until) })
}

type seamQueue struct {
	delivery.Queue
	*seams
}

func (q seamQueue) Send(ctx context.Context, lane delivery.Lane, parcels ...delivery.Parcel) error {
	return q.do("Send", func() error { return q.Queue.Send(ctx, lane, parcels...) })
}
