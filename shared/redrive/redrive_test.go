package redrive_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
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

// rig is a world with a receiver, a dispatcher, and a redrive service that a test drives step by step.
type rig struct {
	*sqlitetest.World
	*redrive.Service
	dispatcher *dispatch.Dispatcher
	status     atomic.Int32 // of the receiver
	requests   atomic.Int32
	url        string
}

func newRig(t *testing.T, change ...func(*redrive.Config)) *rig {
	t.Helper()
	r := &rig{World: sqlitetest.New(t)}
	r.status.Store(http.StatusInternalServerError)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r.requests.Add(1)
		w.WriteHeader(int(r.status.Load()))
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	quiet := slog.New(slog.DiscardHandler)
	c := redrive.Config{Tasks: r.Redrives(), Log: r.World.Log(), Archive: r.World.Archive(), Queue: r.World.Queue(), Now: r.Now, Logger: quiet}
	for _, f := range change {
		f(&c)
	}
	r.Service = redrive.New(c)
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

// finish lets everything work, and time pass, until the task has ended.
func (r *rig) finish(t redrive.Task) redrive.Task {
	r.T.Helper()
	for range 200 {
		r.step()
		r.settle()
		now, err := r.Task(r.T.Context(), t.Project, t.UID)
		if err != nil {
			r.T.Fatal(err)
		}
		if now.State.Ended() {
			return now
		}
		r.Pass(2 * time.Second)
	}
	r.T.Fatalf("redrive %s does not end", t.UID)
	return t
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

func TestDeadDeliveriesComeBackAndTheirLettersGo(t *testing.T) {
	r := newRig(t)
	uids := r.dead(r.hook(), 5)
	other := r.dead(r.hook(), 2) // of a webhook that is not redriven
	r.status.Store(http.StatusOK)
	r.Pass(time.Hour)
	task := r.finish(r.start(delivery.Query{State: delivery.Dead, Webhook: uids[0].Webhook}, 0))
	if task.State != redrive.Completed || task.Matched != 5 || task.Sent != 5 || task.Succeeded != 5 {
		t.Errorf("the task is %+v, want completed with 5 matched, sent and succeeded", task)
	}
	for _, u := range uids {
		if row := r.Row(u); row.State != delivery.Succeeded || row.Place.Cycle != 1 || row.AttemptCount != 2 {
			t.Errorf("delivery %s is %s in cycle %d after %d attempts, want succeeded, 1, 2", u, row.State, row.Place.Cycle, row.AttemptCount)
		}
	}
	letters := r.Messages(delivery.LaneDead)
	if len(letters) != 2 || letters[0].Webhook != other[0].Webhook || letters[1].Webhook != other[0].Webhook {
		t.Errorf("%d letters are left: %+v, want the two of the other webhook", len(letters), letters)
	}
}

func TestWhatFailsAgainIsCountedAndHasALetter(t *testing.T) {
	r := newRig(t)
	uids := r.dead(r.hook(), 2)
	task := r.finish(r.start(delivery.Query{State: delivery.Dead}, 0))
	if task.Failed != 2 || task.Succeeded != 0 {
		t.Errorf("the task counts %d failed and %d succeeded, want 2 and 0", task.Failed, task.Succeeded)
	}
	letters := r.Messages(delivery.LaneDead)
	if len(letters) != 2 || letters[0].Cycle != 1 || letters[1].Cycle != 1 {
		t.Errorf("letters: %+v, want one of cycle 1 for each of %d deliveries", letters, len(uids))
	}
}

func TestAPreviewCountsAndChangesNothing(t *testing.T) {
	r := newRig(t)
	first := r.dead(r.hook(), 3)
	r.Pass(time.Hour)
	since := r.Now()
	second := r.dead(r.hook(), 12)
	row := r.Row(second[0])
	tests := []struct {
		name string
		q    delivery.Query
		want int
	}{
		{"everything", delivery.Query{}, 15},
		{"one webhook", delivery.Query{Webhook: first[0].Webhook}, 3},
		{"one job", delivery.Query{Job: row.Job}, 1},
		{"one workflow", delivery.Query{Workflow: r.Workflow}, 15},
		{"another workflow", delivery.Query{Workflow: r.Project}, 0},
		{"another event", delivery.Query{Event: "failed"}, 0},
		{"since", delivery.Query{Since: since}, 12},
		{"until", delivery.Query{Until: since}, 3},
		{"error class status", delivery.Query{Class: delivery.ClassStatus}, 15},
		{"error class timeout", delivery.Query{Class: delivery.ClassTimeout}, 0},
	}
	for _, test := range tests {
		test.q.Project, test.q.State = r.Project, delivery.Dead
		p, err := r.Preview(t.Context(), test.q)
		if err != nil || p.Matched != test.want || len(p.Sample) != min(test.want, 10) || p.More {
			t.Errorf("%s: Preview = %d matched, %d shown, %v, %v; want %d", test.name, p.Matched, len(p.Sample), p.More, err, test.want)
		}
	}
	if n := len(r.Messages(delivery.LaneOps)) + len(r.Messages(delivery.LaneRetry)); n != 0 {
		t.Errorf("previews sent %d messages, want none", n)
	}
}

func TestPagesArePacedByTheRate(t *testing.T) {
	r := newRig(t)
	r.dead(r.hook(), 5)
	r.start(delivery.Query{State: delivery.Dead}, 2)
	r.step()
	for second, want := range []int{2, 2, 1, 0} {
		got := r.Messages(delivery.LaneRetry)
		for _, m := range got {
			if m.Cause != delivery.CauseRedrive || m.Cycle != 0 {
				t.Errorf("sent is %+v, want cause redrive and the row's cycle", m)
			}
		}
		if len(got) != want {
			t.Errorf("in second %d %d messages are visible, want %d", second, len(got), want)
		}
		r.Pass(time.Second)
	}
}

// faultyTasks fails the first update.
type faultyTasks struct {
	redrive.Store
	failed bool
}

func (s *faultyTasks) UpdateTask(ctx context.Context, t redrive.Task) error {
	if !s.failed {
		s.failed = true
		return errDown
	}
	return s.Store.UpdateTask(ctx, t)
}

func TestAPageThatIsSentTwiceReopensOnce(t *testing.T) {
	r := newRig(t, func(c *redrive.Config) { c.Tasks = &faultyTasks{Store: c.Tasks} })
	uids := r.dead(r.hook(), 3)
	r.status.Store(http.StatusOK)
	before := r.requests.Load()
	task := r.start(delivery.Query{State: delivery.Dead}, 0)
	r.step() // sends the page, and does not get it written
	r.Pass(time.Minute)
	task = r.finish(task)
	if made := r.requests.Load() - before; made != 3 || task.Succeeded != 3 || task.Sent != 3 {
		t.Errorf("%d requests, %d succeeded, %d sent; want 3 of each", made, task.Succeeded, task.Sent)
	}
	if row := r.Row(uids[0]); row.Place.Cycle != 1 {
		t.Errorf("cycle = %d, want 1", row.Place.Cycle)
	}
}

// faultyQueue fails one send into ops.
type faultyQueue struct {
	delivery.Queue
	fail bool
}

func (q *faultyQueue) Send(ctx context.Context, lane delivery.Lane, parcels ...delivery.Parcel) error {
	if q.fail && lane == delivery.LaneOps {
		q.fail = false
		return errDown
	}
	return q.Queue.Send(ctx, lane, parcels...)
}

func TestACrashBeforeTheNextMessageDoesNotEndTheTask(t *testing.T) {
	var q *faultyQueue
	r := newRig(t, func(c *redrive.Config) { q = &faultyQueue{Queue: c.Queue}; c.Queue = q })
	r.dead(r.hook(), 3)
	r.status.Store(http.StatusOK)
	task := r.start(delivery.Query{State: delivery.Dead}, 0)
	q.fail = true
	r.step() // the page is sent and written, the next message is not
	r.Pass(time.Minute)
	if task = r.finish(task); task.Succeeded != 3 {
		t.Errorf("the task is %+v, want 3 succeeded", task)
	}
}

func TestACopyOfTheTasksMessageDoesNothing(t *testing.T) {
	r := newRig(t)
	r.dead(r.hook(), 3)
	task := r.start(delivery.Query{State: delivery.Dead}, 0)
	body, err := json.Marshal(map[string]any{"f": 1, "kind": "redrive", "p": r.Project, "task": task.UID, "v": 1})
	if err != nil {
		t.Fatal(err)
	}
	r.step()
	v := r.Service.Handle(t.Context(), delivery.Receipt{Lane: delivery.LaneOps, Body: body, Receives: 1})
	if now, _ := r.Task(t.Context(), r.Project, task.UID); !v.Acknowledge || now.Sent != 3 {
		t.Errorf("a copy gives %+v and %d sent, want it acknowledged and 3", v, now.Sent)
	}
}

func TestMessagesThatAreNoneOfOursAreHandedBack(t *testing.T) {
	r := newRig(t)
	for body, want := range map[string]time.Duration{`{"f":2,"kind":"redrive"}`: 15 * time.Minute, `{"f":1,"kind":"x"}`: time.Minute, `no JSON`: time.Minute} {
		if v := r.Service.Handle(t.Context(), delivery.Receipt{Lane: delivery.LaneOps, Body: []byte(body), Receives: 1}); v.Acknowledge || v.VisibleAfter != want {
			t.Errorf("%s gives %+v, want it handed back for %v", body, v, want)
		}
	}
}

func TestCancelStopsWhatWasNotSent(t *testing.T) {
	r := newRig(t)
	r.dead(r.hook(), 130) // more than a page of 100
	task := r.start(delivery.Query{State: delivery.Dead}, 1000)
	r.step()
	task, err := r.Cancel(t.Context(), r.Project, task.UID)
	if err != nil || task.State != redrive.Cancelled || task.Sent != 100 {
		t.Fatalf("Cancel = %s, %d sent, %v; want cancelled after 100", task.State, task.Sent, err)
	}
	r.Pass(time.Minute)
	r.step()
	if n := r.step(); n != 0 {
		t.Errorf("after the cancellation %d messages of the task are left, want none", n)
	}
	if again, err := r.Cancel(t.Context(), r.Project, task.UID); err != nil || again.Version != task.Version {
		t.Errorf("Cancel once more = %+v, %v; want no change", again, err)
	}
}

func TestCancelledDeliveriesComeBackAndTestEventsDoNot(t *testing.T) {
	r := newRig(t)
	h := r.hook()
	h.Version, h.Enabled = 2, false
	if err := r.Webhooks().Update(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	u := r.send(r.Archived(h), h)
	r.settle()
	e := r.Archived(h)
	e.UID, e.Test = "01a20cd6-0000-7000-8000-000000000001", true
	if _, _, err := r.World.Archive().Put(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	test := e.Delivery(h.UID)
	test.State, test.Reason, test.ExpiresAt = delivery.Cancelled, delivery.ReasonTest, r.Now().Add(delivery.Retention)
	if err := r.World.Log().Append(t.Context(), test, delivery.Attempt{Number: 1, Status: 500}); err != nil {
		t.Fatal(err)
	}
	h.Version, h.Enabled = 3, true
	if err := r.Webhooks().Update(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	r.status.Store(http.StatusOK)
	task := r.finish(r.start(delivery.Query{State: delivery.Cancelled}, 0))
	if row := r.Row(u); task.Matched != 1 || row.State != delivery.Succeeded {
		t.Errorf("%d matched, the delivery is %s; want 1 and succeeded", task.Matched, row.State)
	}
}

func TestMissingDeliveriesAreSentAsFirstAttempts(t *testing.T) {
	r := newRig(t)
	h, other := r.hook(), r.hook()
	lost := r.Archived(h, other) // archived, never sent
	u := r.send(lost, other)
	r.status.Store(http.StatusOK)
	r.settle()
	r.Pass(redrive.MissingAfter - time.Second)
	if p, err := r.Preview(t.Context(), delivery.Query{Project: r.Project, State: redrive.Missing}); err != nil || p.Matched != 0 {
		t.Errorf("Preview of events younger than 5 minutes = %d, %v; want none", p.Matched, err)
	}
	r.Pass(2 * time.Second)
	task := r.finish(r.start(delivery.Query{State: redrive.Missing}, 0))
	row := r.Row(delivery.UID{Event: lost.UID, Webhook: h.UID})
	if task.Matched != 1 || task.Succeeded != 1 || row == nil || row.State != delivery.Succeeded || row.Place != (delivery.Place{}) {
		t.Errorf("the task is %+v, the missing delivery %+v; want it delivered as a first attempt", task, row)
	}
	if row := r.Row(u); row.AttemptCount != 1 {
		t.Errorf("the delivery that was not missing has %d attempts, want 1", row.AttemptCount)
	}
}

func TestWhatIsNeverReopenedDoesNotKeepATaskForEver(t *testing.T) {
	r := newRig(t)
	r.dead(r.hook(), 1)
	task := r.start(delivery.Query{State: delivery.Dead}, 0)
	r.step()
	r.Messages(delivery.LaneRetry) // lost
	r.Pass(3 * time.Second)
	r.step()
	if now, _ := r.Task(t.Context(), r.Project, task.UID); now.State != redrive.Settling {
		t.Errorf("while a row is as it was the task is %s, want settling", now.State)
	}
	r.Pass(time.Hour)
	r.step()
	if now, _ := r.Task(t.Context(), r.Project, task.UID); now.State != redrive.Completed {
		t.Errorf("after an hour the task is %s, want completed", now.State)
	}
}

func TestATaskOfAnotherProjectIsNotFound(t *testing.T) {
	r := newRig(t)
	r.dead(r.hook(), 1)
	task := r.start(delivery.Query{State: delivery.Dead}, 0)
	if _, err := r.Task(t.Context(), "elsewhere", task.UID); !errors.Is(err, redrive.ErrNotFound) {
		t.Errorf("Task = %v, want ErrNotFound", err)
	}
	if _, err := r.Cancel(t.Context(), "elsewhere", task.UID); !errors.Is(err, redrive.ErrNotFound) {
		t.Errorf("Cancel = %v, want ErrNotFound", err)
	}
}
