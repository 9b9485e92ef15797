package redrive_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/dispatch"
	"hermod/shared/egress"
	"hermod/shared/redrive"
	"hermod/shared/sqlite/sqlitetest"
	"hermod/shared/webhook"
)

var errDown = errors.New("the store is down")

// rig is a world with a receiver, a dispatcher, and a redrive service, whose seams may fail, that a test drives step by step.
type rig struct {
	*sqlitetest.World
	*redrive.Service
	seams      *seams
	dispatcher *dispatch.Dispatcher
	status     atomic.Int32 // of the receiver
	requests   atomic.Int32
	url        string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{World: sqlitetest.New(t), seams: &seams{calls: map[string]int{}}}
	r.status.Store(http.StatusInternalServerError)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r.requests.Add(1)
		w.WriteHeader(int(r.status.Load()))
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	quiet := slog.New(slog.DiscardHandler)
	r.Service = redrive.New(redrive.Config{
		Tasks: seamTasks{r.Redrives(), r.seams}, Log: seamLog{r.World.Log(), r.seams}, Archive: seamArchive{r.World.Archive(), r.seams},
		Queue: seamQueue{r.World.Queue(), r.seams}, Now: r.Now, Logger: quiet,
	})
	r.dispatcher = dispatch.New(dispatch.Config{
		Log: r.World.Log(), Archive: r.World.Archive(), Webhooks: r.Webhooks(), Queue: r.World.Queue(), Box: r.Box, Now: r.Now, Logger: quiet,
		Client: egress.New(egress.Config{Rules: webhook.Rules{AllowHTTP: true, AllowPrivate: true}}),
	})
	return r
}

// hook creates a webhook whose schedule has no second attempt.
func (r *rig) hook() webhook.Webhook {
	return r.Hook(r.url, func(h *webhook.Webhook) { h.Schedule = []time.Duration{} })
}

// send sends an event's first attempt for a webhook.
func (r *rig) send(e delivery.Event, h webhook.Webhook) delivery.UID {
	r.T.Helper()
	u := delivery.UID{Event: e.UID, Webhook: h.UID}
	m := delivery.NewMessage(e.Project, u, delivery.Place{}, delivery.CauseSchedule)
	if err := r.World.Queue().Send(r.T.Context(), delivery.LaneFirst, m.Parcel(r.Now(), 0)); err != nil {
		r.T.Fatal(err)
	}
	return u
}

// dead makes deliveries that are dead, with their letters.
func (r *rig) dead(h webhook.Webhook, n int) []delivery.UID {
	r.T.Helper()
	var uids []delivery.UID
	for range n {
		uids = append(uids, r.send(r.Archived(h), h))
	}
	r.settle()
	for _, u := range uids {
		if row := r.Row(u); row == nil || row.State != delivery.Dead {
			r.T.Fatalf("delivery %s is %+v, want it dead", u, row)
		}
	}
	return uids
}

// settle lets dispatch work on first and retry until nothing is visible there.
func (r *rig) settle() {
	r.T.Helper()
	for range 1000 {
		receipts := append(r.Receive(delivery.LaneFirst), r.Receive(delivery.LaneRetry)...)
		if len(receipts) == 0 {
			return
		}
		for _, m := range receipts {
			r.Settle(m, r.dispatcher.Handle(r.T.Context(), m))
		}
	}
	r.T.Fatal("the lanes do not come to rest")
}

// step lets the service work on what is visible in ops, and says how many messages that were.
func (r *rig) step() int {
	r.T.Helper()
	receipts := r.Receive(delivery.LaneOps)
	for _, m := range receipts {
		r.Settle(m, r.Service.Handle(r.T.Context(), m))
	}
	return len(receipts)
}

// finish lets everything work, and time pass, until the task has ended. What was made to fail works again then.
func (r *rig) finish(t redrive.Task) redrive.Task {
	r.T.Helper()
	for range 200 {
		r.step()
		r.settle()
		if r.read(t).State.Ended() {
			r.seams.works()
			return r.task(t)
		}
		r.Pass(2 * time.Second)
	}
	r.T.Fatalf("redrive %s does not end", t.UID)
	return t
}

// task reads a task as clients see it.
func (r *rig) task(t redrive.Task) redrive.Task {
	r.T.Helper()
	now, err := r.Task(r.T.Context(), t.Project, t.UID)
	if err != nil {
		r.T.Fatal(err)
	}
	return now
}

func (r *rig) start(q delivery.Query, rate int) redrive.Task {
	r.T.Helper()
	q.Project = r.Project
	t, err := r.Start(r.T.Context(), q, rate)
	if err != nil {
		r.T.Fatal(err)
	}
	return t
}

// read reads a task as it is stored.
func (r *rig) read(t redrive.Task) redrive.Task {
	r.T.Helper()
	now, err := r.Redrives().Task(r.T.Context(), t.Project, t.UID)
	if err != nil {
		r.T.Fatal(err)
	}
	return now
}

// wantCounts checks what a task says of its deliveries.
func (r *rig) wantCounts(when string, t redrive.Task, sent, succeeded, failed, waiting int) {
	r.T.Helper()
	if t.Sent != sent || t.Succeeded != succeeded || t.Failed != failed || t.Waiting != waiting {
		r.T.Errorf("%s the task counts %d sent, %d succeeded, %d failed again, %d waiting; want %d, %d, %d, %d",
			when, t.Sent, t.Succeeded, t.Failed, t.Waiting, sent, succeeded, failed, waiting)
	}
}

// seams are the engine's, one call of which can be made to fail.
type seams struct {
	mu    sync.Mutex
	calls map[string]int // since fails
	call  string         // that fails
	nth   int            // time, counted from 1; 0: each
	after bool           // it is carried out before it fails
	fault any            // an error, a func that runs before it is carried out, or what it panics with

	hit   bool // a call has failed since fails
	short int  // how many rows a page of List has at most; 0: as many as were asked for
}

// fails makes the nth call from now on (0: each) run a func first, or fail: with an error, or with a panic if fault is anything else.
func (s *seams) fails(call string, nth int, after bool, fault any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.calls)
	s.call, s.nth, s.after, s.fault, s.hit = call, nth, after, fault, false
}

// works makes everything work again.
func (s *seams) works() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.calls)
	s.call, s.fault = "", nil
}

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
	if s.call != call || s.nth > 0 && s.nth != s.calls[call] {
		fault = nil
	}
	s.hit = s.hit || fault != nil
	s.mu.Unlock()
	if first, ok := fault.(func()); ok {
		first()
		fault = nil
	}
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

type seamTasks struct {
	redrive.Store
	*seams
}

func (s seamTasks) CreateTask(ctx context.Context, t redrive.Task) error {
	return s.do("CreateTask", func() error { return s.Store.CreateTask(ctx, t) })
}

func (s seamTasks) Task(ctx context.Context, project, uid string) (t redrive.Task, err error) {
	err = s.do("Task", func() (err error) { t, err = s.Store.Task(ctx, project, uid); return err })
	return t, err
}

func (s seamTasks) UpdateTask(ctx context.Context, t redrive.Task) error {
	return s.do("UpdateTask", func() error { return s.Store.UpdateTask(ctx, t) })
}

func (s seamTasks) PutPage(ctx context.Context, task string, n int, items []redrive.Item) error {
	return s.do("PutPage", func() error { return s.Store.PutPage(ctx, task, n, items) })
}

func (s seamTasks) Page(ctx context.Context, task string, n int) (items []redrive.Item, err error) {
	err = s.do("Page", func() (err error) { items, err = s.Store.Page(ctx, task, n); return err })
	return items, err
}

type seamLog struct {
	delivery.Log
	*seams
}

func (l seamLog) Rows(ctx context.Context, uids ...delivery.UID) (rows []delivery.Delivery, err error) {
	if len(uids) > 100 {
		return nil, errors.New("at most 100 rows are asked for")
	}
	err = l.do("Rows", func() (err error) { rows, err = l.Log.Rows(ctx, uids...); return err })
	return rows, err
}

func (l seamLog) List(ctx context.Context, q delivery.Query) (page []delivery.Delivery, next string, err error) {
	if l.short > 0 {
		q.Limit = min(q.Limit, l.short)
	}
	err = l.do("List", func() (err error) { page, next, err = l.Log.List(ctx, q); return err })
	return page, next, err
}

func (l seamLog) Count(ctx context.Context, q delivery.Query, most int) (n int, more bool, err error) {
	err = l.do("Count", func() (err error) { n, more, err = l.Log.Count(ctx, q, most); return err })
	return n, more, err
}

type seamArchive struct {
	delivery.Archive
	*seams
}

func (a seamArchive) Events(ctx context.Context, q delivery.EventQuery) (page []delivery.Event, next string, err error) {
	err = a.do("Events", func() (err error) { page, next, err = a.Archive.Events(ctx, q); return err })
	return page, next, err
}

type seamQueue struct {
	delivery.Queue
	*seams
}

func (q seamQueue) Send(ctx context.Context, lane delivery.Lane, parcels ...delivery.Parcel) error {
	return q.do("Send "+string(lane), func() error { return q.Queue.Send(ctx, lane, parcels...) })
}

func (q seamQueue) Receive(ctx context.Context, lane delivery.Lane, limit int, wait time.Duration) (got []delivery.Receipt, err error) {
	err = q.do("Receive", func() (err error) { got, err = q.Queue.Receive(ctx, lane, limit, wait); return err })
	return got, err
}

func (q seamQueue) Delete(ctx context.Context, receipts ...delivery.Receipt) error {
	return q.do("Delete", func() error { return q.Queue.Delete(ctx, receipts...) })
}

func (q seamQueue) Hide(ctx context.Context, r delivery.Receipt, after time.Duration) error {
	return q.do("Hide", func() error { return q.Queue.Hide(ctx, r, after) })
}
