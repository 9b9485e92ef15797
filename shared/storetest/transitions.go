package storetest

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/dispatch"
	"hermod/shared/job"
	"hermod/shared/signature"
	"hermod/shared/webhook"
)

//go:embed testdata/delivery-transitions.json
var transitions []byte

// vector is one record, handled from its receipt to the end.
type vector struct {
	Name  string `json:"name"`
	Given struct {
		Row       *vectorRow `json:"row"`
		Meanwhile *vectorRow `json:"meanwhile"` // another writer's, between the request and the write of its outcome
		Webhook   string     `json:"webhook"`   // enabled, disabled, deleted
		Breaker   string     `json:"breaker"`   // closed, open, open time over
		Schedule  []int      `json:"retry_schedule"`
	} `json:"given"`
	Message  vectorMessage `json:"message"`
	Receiver string        `json:"receiver"` // accepts, fails, 410; empty where no request is made
	Expect   outcome       `json:"expect"`
}

type outcome struct {
	Request bool            `json:"request"`
	Row     *vectorRow      `json:"row"`
	Sends   []vectorMessage `json:"sends"`
	Record  string          `json:"record"` // acknowledged, refused
}

type vectorRow struct {
	State delivery.State `json:"state"`
	Cycle int            `json:"cycle"`
	Step  int            `json:"step"`
	Due   string         `json:"due"` // own, overdue, watchdog; empty: no entry
}

func (r vectorRow) standing() standing {
	return standing{r.State, delivery.Place{Cycle: r.Cycle, Step: r.Step}}
}

type vectorMessage struct {
	Queue    delivery.Lane  `json:"queue"`
	Cycle    int            `json:"cycle"`
	Step     int            `json:"step"`
	Cause    delivery.Cause `json:"cause"`
	Receives int            `json:"receive_count"`
	MaybeDup bool           `json:"maybe_dup"`
	Redriven bool           `json:"redriven"`
}

func (m vectorMessage) place() delivery.Place { return delivery.Place{Cycle: m.Cycle, Step: m.Step} }

// Transitions runs a Dispatcher on an engine: through every transition of a delivery, then through each again with a fault
// before and after each of its writes. open returns its Config with the seams of an empty engine, a Box, and a Client that may
// call this machine; the clock given stands still at the time of the test.
func Transitions(t *testing.T, open func(t *testing.T, now func() time.Time) dispatch.Config) {
	r := newReceiver()
	t.Cleanup(r.Close)
	count := map[string]int{}
	for _, v := range readVectors(t) {
		count[v.Given.Breaker]++
		if v.Given.Breaker != "closed" {
			continue
		}
		clock := &Clock{at: time.Now().Truncate(time.Millisecond)}
		t.Run(v.Name, func(t *testing.T) { newWorld(t, v, open(t, clock.Now), clock, r).transition(t) })
		t.Run(v.Name+"; with faults", func(t *testing.T) { walkFaults(t, v, open(t, clock.Now), clock, r) })
	}
	want := map[string]int{"closed": 47, "open": 2, "open time over": 1}
	if diff := same(want, count); diff != "" {
		t.Errorf("vectors by breaker, of which those with a closed one are run (-want +got):\n%s", diff)
	}
}

func readVectors(t *testing.T) []vector {
	t.Helper()
	var file struct {
		About   string   `json:"about"`
		Vectors []vector `json:"vectors"`
	}
	d := json.NewDecoder(bytes.NewReader(transitions))
	d.DisallowUnknownFields()
	must(t, d.Decode(&file), "parse the vectors")
	return file.Vectors
}

// receiver is the webhook's end.
type receiver struct {
	*httptest.Server

	mu        sync.Mutex
	status    int
	meanwhile func() // called once, before the answer
	requests  int
	accepted  int
}

func newReceiver() *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(r)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	if r.status < 300 {
		r.accepted++
	}
	if r.meanwhile != nil {
		r.meanwhile()
		r.meanwhile = nil
	}
	w.WriteHeader(r.status)
}

// behave says how the receiver answers from now on, and forgets what it got.
func (r *receiver) behave(answer string, meanwhile func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = map[string]int{"accepts": 200, "": 200, "fails": 500, "410": 410}[answer]
	r.meanwhile, r.requests, r.accepted = meanwhile, 0, 0
}

func (r *receiver) got() (requests, accepted int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests, r.accepted
}

// impatient is a queue that sends everything without a delay.
type impatient struct{ delivery.Queue }

func (q impatient) Send(ctx context.Context, lane delivery.Lane, parcels ...delivery.Parcel) error {
	parcels = slices.Clone(parcels)
	for i := range parcels {
		parcels[i].Delay = 0
	}
	return q.Queue.Send(ctx, lane, parcels...)
}

// world is one delivery on an engine, as a vector gives it.
type world struct {
	vector
	dispatch.Config // the engine's own seams
	dispatcher      *dispatch.Dispatcher
	faults          *Faults
	clock           *Clock
	receiver        *receiver
	hook            webhook.Webhook
	delivery        delivery.Delivery // before any outcome
	others          int               // requests in the row that are not the dispatcher's
}

func newWorld(t *testing.T, v vector, c dispatch.Config, clock *Clock, r *receiver) *world {
	t.Helper()
	c.Now, c.Random, c.Logger = clock.Now, func() float64 { return 0.5 }, slog.New(slog.DiscardHandler)
	w := &world{vector: v, Config: c, faults: &Faults{}, clock: clock, receiver: r}
	faulty := c
	faulty.Log, faulty.Archive, faulty.Webhooks = w.faults.Log(c.Log), w.faults.Archive(c.Archive), w.faults.Webhooks(c.Webhooks)
	faulty.Queue = w.faults.Queue(impatient{c.Queue})
	w.dispatcher = dispatch.New(faulty)
	w.putHook(t)
	e := putEvent(t, c.Archive, newEvent("p1", newUID(clock), 1, clock, w.hook.UID))
	w.delivery = e.Delivery(w.hook.UID)
	w.delivery.ExpiresAt = clock.Now().Add(delivery.Retention)
	if row := v.Given.Row; row != nil {
		w.putRow(t, *row)
	}
	w.others = w.requests(t)
	r.behave(v.Receiver, w.meanwhile(t))
	return w
}

func (w *world) putHook(t *testing.T) {
	t.Helper()
	hook := webhook.Webhook{
		UID: newUID(w.clock), Project: "p1", Version: 1, URL: w.receiver.URL, Events: []job.EventType{job.EventFailed}, Payload: job.FormatV3,
		Enabled: w.Given.Webhook == "enabled", Schedule: []time.Duration{}, CreatedAt: w.clock.Now(), UpdatedAt: w.clock.Now(),
	}
	for _, s := range w.Given.Schedule {
		hook.Schedule = append(hook.Schedule, time.Duration(s)*time.Second)
	}
	sealed, err := w.Box.Seal(t.Context(), hook.Project, hook.UID, webhook.SecretField, []byte(signature.New(nil).Reveal()))
	must(t, err, "Seal")
	hook.Secrets = []webhook.Secret{{Sealed: sealed, Hint: "whsec_…", CreatedAt: w.clock.Now()}}
	must(t, w.Webhooks.Create(t.Context(), hook), "Create of the webhook")
	if w.Given.Webhook == "deleted" {
		must(t, w.Webhooks.Delete(t.Context(), hook.Project, hook.UID), "Delete of the webhook")
	}
	w.hook = hook
}

// putRow writes the row as it is given.
func (w *world) putRow(t *testing.T, row vectorRow) {
	t.Helper()
	due := map[string]delivery.Due{"own": {At: w.clock.Now().Add(time.Hour), Own: true}, "overdue": {At: w.clock.Now().Add(-time.Minute), Own: true}}[row.Due]
	if due == (delivery.Due{}) {
		row.standing().bring(t, w.Log, w.clock, w.delivery)
	} else {
		must(t, row.standing().write(t.Context(), w.Log, w.clock, w.delivery, zero, due), "write the row")
	}
	if diff := same(&row, w.row(t)); diff != "" {
		t.Fatalf("the row is not as given (-want +got):\n%s", diff)
	}
}

// meanwhile returns what another writer does between the request and the write of its outcome; nil if nothing.
func (w *world) meanwhile(t *testing.T) func() {
	if w.Given.Meanwhile == nil {
		return nil
	}
	at := zero
	if w.Given.Row != nil {
		at = w.Given.Row.standing().place
	}
	return func() {
		w.clock.Advance(time.Millisecond) // two attempts do not start at one moment
		before := w.requests(t)
		defer func() { w.others += w.requests(t) - before }()
		if err := w.Given.Meanwhile.standing().write(context.WithoutCancel(t.Context()), w.Log, w.clock, w.delivery, at, delivery.Due{}); err != nil {
			t.Errorf("another writer's write = %v, want nil", err)
		}
	}
}

// requests is how many requests the row counts, none without a row.
func (w *world) requests(t *testing.T) int {
	rows, err := w.Log.Rows(context.WithoutCancel(t.Context()), w.delivery.UID)
	if err != nil {
		t.Errorf("Rows = %v, want nil", err)
	}
	if len(rows) == 0 {
		return 0
	}
	return rows[0].AttemptCount
}

// row reads the row in the words of the vectors; nil if there is none.
func (w *world) row(t *testing.T) *vectorRow {
	t.Helper()
	rows, err := w.Log.Rows(t.Context(), w.delivery.UID)
	must(t, err, "Rows")
	if len(rows) == 0 {
		return nil
	}
	d := rows[0]
	r := &vectorRow{State: d.State, Cycle: d.Place.Cycle, Step: d.Place.Step}
	switch {
	case d.Due == (delivery.Due{}):
	case d.Due.Own && d.Due.At.After(w.clock.Now()):
		r.Due = "own"
	case d.Due.Own:
		r.Due = "overdue"
	case d.Due.At.Equal(d.NextAt.Add(time.Hour)):
		r.Due = "watchdog"
	default:
		r.Due = fmt.Sprintf("at %v, when the step is due at %v", d.Due.At, d.NextAt)
	}
	return r
}

// record is the message in hand, as the queue would hand it out.
func (w *world) record() delivery.Receipt {
	m := delivery.NewMessage("p1", w.delivery.UID, w.Message.place(), w.Message.Cause)
	m.MaybeDup = w.Message.MaybeDup
	p := m.Parcel(w.clock.Now(), 0)
	r := delivery.Receipt{Lane: w.Message.Queue, Handle: "in hand", Group: p.Group, Body: p.Body, Receives: w.Message.Receives, SentAt: w.clock.Now().Add(time.Minute)}
	if w.Message.Redriven { // by a millisecond: a minute is not yet enough
		r.SentAt = r.SentAt.Add(time.Millisecond)
	}
	return r
}

// taken is a message of the delivery that was taken from a lane.
type taken struct {
	receipt delivery.Receipt
	message delivery.Message
}

// take receives all messages of a lane, without giving any of them back.
func (w *world) take(t *testing.T, lane delivery.Lane) (all []taken) {
	t.Helper()
	for {
		page, err := w.Queue.Receive(t.Context(), lane, 10, 0)
		must(t, err, "Receive")
		if len(page) == 0 {
			return all
		}
		for _, r := range page {
			m, err := delivery.ParseMessage(r.Body)
			must(t, err, "ParseMessage of what was sent")
			if m.UID() != w.delivery.UID || m.Project != "p1" || r.Group != w.hook.UID {
				t.Errorf("a message in %s is %+v in group %s, want one of this delivery in the group of its webhook", lane, m, r.Group)
			}
			all = append(all, taken{r, m})
		}
	}
}

// transition handles the record and compares what came of it.
func (w *world) transition(t *testing.T) {
	var got outcome
	switch v := w.dispatcher.Handle(t.Context(), w.record()); {
	case v.Acknowledge:
		got.Record = "acknowledged"
	case v == delivery.Refused():
		got.Record = "refused"
	default:
		got.Record = fmt.Sprintf("handed back for %v", v.VisibleAfter)
	}
	requests, _ := w.receiver.got()
	if got.Request = requests > 0; requests > 1 {
		t.Errorf("%d requests were made for one record", requests)
	}
	if counted := w.requests(t) - w.others; counted != requests {
		t.Errorf("the row counts %d requests more, want the %d that were made", counted, requests)
	}
	got.Row = w.row(t)
	for _, lane := range []delivery.Lane{delivery.LaneFirst, delivery.LaneRetry, delivery.LaneOps, delivery.LaneDead, delivery.LaneStuck} {
		for _, m := range w.take(t, lane) {
			got.Sends = append(got.Sends, vectorMessage{Queue: lane, Cycle: m.message.Cycle, Step: m.message.Step, Cause: m.message.Cause})
		}
	}
	if diff := same(w.Expect, got); diff != "" {
		t.Errorf("what came of it (-want +got):\n%s", diff)
	}
	if w.Receiver == "410" {
		hook, err := w.Webhooks.Get(t.Context(), "p1", w.hook.UID)
		if err != nil || hook.Enabled || hook.Reason != webhook.DisabledGone {
			t.Errorf("the webhook after 410 is enabled %v, reason %q, %v, want it disabled because it is gone", hook.Enabled, hook.Reason, err)
		}
	}
}
