package fanout_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/fanout"
	"hermod/shared/job"
	"hermod/shared/sqlite/sqlitetest"
	"hermod/shared/webhook"
)

var errDown = errors.New("the store is down")

// seams are a world's, with their calls counted; one kind of call can be made to fail.
type seams struct {
	world *sqlitetest.World

	mu    sync.Mutex
	calls map[[2]string]int
	call  string // that fails
	about string // only calls about this project, job or lane; empty: all
	fault any    // an error, or what it panics with
	after bool   // it is carried out before it fails
}

func newSeams(w *sqlitetest.World) *seams {
	return &seams{world: w, calls: map[[2]string]int{}}
}

func (s *seams) fanout() *fanout.Fanout {
	return newFanout(s.world, func(c *fanout.Config) {
		c.Webhooks, c.Archive, c.Queue = seamHooks{c.Webhooks, s}, seamArchive{c.Archive, s}, seamQueue{c.Queue, s}
	})
}

// fails makes a call fail from now on: with an error, or with a panic if fault is anything else.
func (s *seams) fails(call, about string, fault any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.call, s.about, s.fault, s.after = call, about, fault, false
}

// failsAfter makes a call fail once it was carried out.
func (s *seams) failsAfter(call, about string, fault any) {
	s.fails(call, about, fault)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after = true
}

func (s *seams) works() { s.fails("", "", nil) }

func (s *seams) count(call, about string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[[2]string{call, about}]
}

// do carries a call out, unless it is to fail.
func (s *seams) do(call, about string, run func() error) error {
	s.mu.Lock()
	s.calls[[2]string{call, about}]++
	fault, after := s.fault, s.after
	if s.call != call || s.about != "" && s.about != about {
		fault = nil
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

type seamHooks struct {
	webhook.Store
	*seams
}

func (h seamHooks) HooksVersion(ctx context.Context, project string) (n int, ofJobs bool, err error) {
	err = h.do("HooksVersion", project, func() (err error) { n, ofJobs, err = h.Store.HooksVersion(ctx, project); return err })
	return n, ofJobs, err
}

func (h seamHooks) ProjectMatches(ctx context.Context, project string) (list []webhook.Match, err error) {
	err = h.do("ProjectMatches", project, func() (err error) { list, err = h.Store.ProjectMatches(ctx, project); return err })
	return list, err
}

func (h seamHooks) JobMatches(ctx context.Context, project, jobUID string) (list []webhook.Match, err error) {
	err = h.do("JobMatches", jobUID, func() (err error) { list, err = h.Store.JobMatches(ctx, project, jobUID); return err })
	return list, err
}

type seamArchive struct {
	delivery.Archive
	*seams
}

func (a seamArchive) Put(ctx context.Context, e delivery.Event) (stored delivery.Event, existed bool, err error) {
	err = a.do("Put", e.Job, func() (err error) { stored, existed, err = a.Archive.Put(ctx, e); return err })
	return stored, existed, err
}

type seamQueue struct {
	delivery.Queue
	*seams
}

func (q seamQueue) Send(ctx context.Context, lane delivery.Lane, parcels ...delivery.Parcel) error {
	return q.do("Send", string(lane), func() error { return q.Queue.Send(ctx, lane, parcels...) })
}

func TestAFaultHoldsOnlyItsOwnRecordsAndLosesNothing(t *testing.T) {
	tests := []struct {
		name  string
		call  string
		about func(j job.Job) string // nil: whatever it is about
		after bool
		hold  []bool // which of the three records come again
		dup   bool   // whether the held ones are sent as possible copies then
	}{
		{"the hooks version of a project cannot be read", "HooksVersion", func(j job.Job) string { return j.Project }, false, []bool{false, true, false}, false},
		{"the webhooks of a project cannot be read", "ProjectMatches", func(j job.Job) string { return j.Project }, false, []bool{false, true, false}, false},
		{"the webhooks of a job cannot be read", "JobMatches", func(j job.Job) string { return j.UID }, false, []bool{false, true, false}, false},
		{"an event is not archived", "Put", func(j job.Job) string { return j.UID }, false, []bool{false, true, false}, false},
		{"an event is archived, and we crash", "Put", func(j job.Job) string { return j.UID }, true, []bool{false, true, false}, true},
		{"nothing is sent", "Send", nil, false, []bool{true, true, true}, true},
		{"everything is sent, and we crash", "Send", nil, true, []bool{true, true, true}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := sqlitetest.New(t)
			w.Hook("https://example.com/")
			images := []job.Job{w.Launch("a"), w.Launch("b"), w.Launch("c")}
			images[1].Project = w.Workflow // another project, with a webhook of its own
			w.Hook("https://example.com/", func(h *webhook.Webhook) { h.Project = images[1].Project })
			w.Hook("https://example.com/", func(h *webhook.Webhook) { h.Project, h.Job = images[1].Project, images[0].UID }) // not of this job
			s := newSeams(w)
			about := ""
			if test.about != nil {
				about = test.about(images[1])
			}
			if s.fails(test.call, about, errDown); test.after {
				s.failsAfter(test.call, about, errDown)
			}
			f := s.fanout()
			var again []job.Job
			for i, err := range f.Handle(t.Context(), images) {
				if errors.Is(err, errDown) != test.hold[i] || err != nil != test.hold[i] {
					t.Errorf("record %d gives %v, want it held: %v", i, err, test.hold[i])
				}
				if err != nil {
					again = append(again, images[i])
				}
			}
			before := w.Messages(delivery.LaneFirst)
			s.works()
			passes(t, f, again...)
			after := w.Messages(delivery.LaneFirst)
			sent := map[string]bool{}
			for _, m := range append(before, after...) {
				sent[m.Event] = true
			}
			if len(sent) != len(images) || len(after) != len(again) {
				t.Errorf("events of %d records are sent, %d of them again; want %d and %d", len(sent), len(after), len(images), len(again))
			}
			for _, m := range after {
				if m.MaybeDup != test.dup {
					t.Errorf("a message of the run again says that it may be a copy: %v, want %v", m.MaybeDup, test.dup)
				}
			}
		})
	}
}

func TestOnlyTheRecordsThatWereNotSentComeAgain(t *testing.T) {
	w := sqlitetest.New(t)
	w.Hook("https://example.com/")
	w.Hook("https://example.com/")
	silent := moved(t, w, w.Launch("silent"), job.Running)
	silent = moved(t, w, moved(t, w, silent, job.Paused), job.Running) // no event: it has no parcels
	images := []job.Job{w.Launch("a"), silent, w.Launch("b"), w.Launch("c")}
	tests := []struct {
		unsent []int
		hold   []bool
	}{
		{[]int{0}, []bool{true, false, false, false}},
		{[]int{3}, []bool{false, false, true, false}},
		{[]int{1, 4, 5}, []bool{true, false, false, true}},
		{[]int{0, 1, 2, 3, 4, 5}, []bool{true, false, true, true}},
	}
	for _, test := range tests {
		s := newSeams(w)
		s.fails("Send", "", &delivery.SendError{Failed: test.unsent, Err: errDown})
		var hold []bool
		for _, err := range s.fanout().Handle(t.Context(), images) {
			hold = append(hold, errors.Is(err, errDown))
		}
		if !slices.Equal(hold, test.hold) {
			t.Errorf("with parcels %v of two a record unsent, these records come again: %v, want %v", test.unsent, hold, test.hold)
		}
	}
}

func TestAPanicParksItsRecordAndLeavesTheOthersAlone(t *testing.T) {
	for _, call := range []string{"HooksVersion", "ProjectMatches", "JobMatches", "Put"} {
		t.Run(call, func(t *testing.T) {
			w := sqlitetest.New(t)
			w.Hook("https://example.com/")
			sound, broken := w.Launch("sound"), w.Launch("broken")
			broken.Project = w.Workflow
			w.Hook("https://example.com/", func(h *webhook.Webhook) { h.Project = broken.Project })
			w.Hook("https://example.com/", func(h *webhook.Webhook) { h.Project, h.Job = broken.Project, sound.UID }) // not of this job
			s := newSeams(w)
			about := broken.Project
			if call == "JobMatches" || call == "Put" {
				about = broken.UID
			}
			s.fails(call, about, "a bug")
			f := s.fanout()
			passes(t, f, broken, sound)
			if got := w.Messages(delivery.LaneFirst); len(got) != 1 || got[0].Project != sound.Project {
				t.Errorf("%+v is sent, want the sound record's message", got)
			}
			ops := w.Receive(delivery.LaneOps)
			if len(ops) != 1 || !fanout.Parked(ops[0].Body) || !strings.Contains(string(ops[0].Body), "a bug") {
				t.Fatalf("%d records are parked, want the broken one with the reason", len(ops))
			}
			if v := f.Again(t.Context(), ops[0]); v != delivery.HandedBack(1) {
				t.Errorf("while the bug is there the parked record gives %+v, want it handed back", v)
			}
			s.works()
			if v := f.Again(t.Context(), ops[0]); v != delivery.Acknowledged() {
				t.Errorf("once the bug is gone the parked record gives %+v, want it acknowledged", v)
			}
			if got := w.Messages(delivery.LaneFirst); len(got) != 1 || got[0].Project != broken.Project {
				t.Errorf("then %+v is sent, want the parked record's message", got)
			}
		})
	}
}

func TestAPanicWhileSendingMakesTheRecordsComeAgain(t *testing.T) {
	w := sqlitetest.New(t)
	w.Hook("https://example.com/")
	j := w.Launch("sent later")
	s := newSeams(w)
	s.fails("Send", "", "a bug")
	f := s.fanout()
	if errs := f.Handle(t.Context(), []job.Job{j}); errs[0] == nil {
		t.Error("a record whose send panicked passes")
	}
	s.works()
	passes(t, f, j)
	if got := w.Messages(delivery.LaneFirst); len(got) != 1 || !got[0].MaybeDup {
		t.Errorf("afterwards %+v is sent, want one message, as a possible copy", got)
	}
}

func TestWhatCannotBeProcessedIsParkedAndPasses(t *testing.T) {
	w := sqlitetest.New(t)
	w.Hook("https://example.com/")
	broken, sound := w.Launch("broken"), w.Launch("sound")
	broken.Changes = nil
	f := newFanout(w)
	passes(t, f, broken, sound)
	if got := w.Messages(delivery.LaneFirst); len(got) != 1 {
		t.Errorf("the sound record makes %d messages, want 1", len(got))
	}
	for _, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
		ops := w.Receive(delivery.LaneOps)
		if len(ops) != 1 || !fanout.Parked(ops[0].Body) {
			t.Fatalf("ops has %d messages, want the parked record", len(ops))
		}
		v := f.Again(t.Context(), ops[0])
		if v.Acknowledge || v.VisibleAfter != want {
			t.Errorf("a record that still cannot be processed gives %+v, want it handed back for %v", v, want)
		}
		w.Settle(ops[0], v)
		w.Pass(want)
	}
	for _, body := range []string{`{"kind":"redrive"}`, `{"f":1}`, "no JSON", ""} {
		if fanout.Parked([]byte(body)) {
			t.Errorf("Parked takes %q, which is no parked record, for one", body)
		}
	}
}

// A format that this release does not render: a later one may have stored the webhook.
func TestAParkedRecordGoesOutAsItWouldHave(t *testing.T) {
	w := sqlitetest.New(t)
	hook := w.Hook("https://example.com/", func(h *webhook.Webhook) { h.Payload = "later" })
	w.Hook("https://example.com/", func(h *webhook.Webhook) { h.Payload = job.FormatStandard })
	j := moved(t, w, w.Launch("worth keeping"), job.Running)
	j.Configuration = json.RawMessage(`{"steps":[]}`)
	j, _, err := j.Apply(job.Update{Status: job.Shutdown, Error: "no “quota” left <5>"}, w.Now())
	if err != nil {
		t.Fatal(err)
	}
	f := newFanout(w)
	passes(t, f, j)
	ops := w.Receive(delivery.LaneOps)
	if len(ops) != 1 || len(w.Messages(delivery.LaneFirst)) != 0 {
		t.Fatalf("%d records are parked, want one and no message", len(ops))
	}
	hook.Version, hook.Payload = 2, job.FormatV3
	if err := w.Webhooks().Update(t.Context(), hook); err != nil {
		t.Fatal(err)
	}
	w.Pass(time.Hour)
	if v := f.Again(t.Context(), ops[0]); v != delivery.Acknowledged() {
		t.Errorf("Again = %+v, want it acknowledged", v)
	}
	if got := w.Messages(delivery.LaneFirst); len(got) != 2 || got[0].MaybeDup {
		t.Errorf("%+v is sent, want two first attempts", got)
	}
	e, err := w.Archive().Event(t.Context(), w.Project, j.EventUID(j.Last()))
	if err != nil || !e.At.Equal(j.Last().At) || e.Sequence != 3 {
		t.Fatalf("archived is %+v, %v; want the event of the parked change", e, err)
	}
	for _, format := range job.Formats {
		if want, err := j.Payload(e.UID, j.Last(), format); err != nil || string(e.Bodies[format]) != string(want) {
			t.Errorf("the body in format %s is %s, want %s", format, e.Bodies[format], want)
		}
	}
}

func TestARecordThatCannotBeParkedComesAgain(t *testing.T) {
	for _, fault := range []any{errDown, "a bug"} {
		w := sqlitetest.New(t)
		broken := w.Launch("broken")
		broken.Changes = nil
		s := newSeams(w)
		s.fails("Send", string(delivery.LaneOps), fault)
		f := s.fanout()
		if errs := f.Handle(t.Context(), []job.Job{broken}); errs[0] == nil {
			t.Errorf("a record that was not parked (%v) passes", fault)
		}
		s.works()
		passes(t, f, broken)
		if got := w.Receive(delivery.LaneOps); len(got) != 1 {
			t.Errorf("afterwards %d records are parked, want 1", len(got))
		}
	}
}

// A message has 256 KB, and so may what a job keeps of its launch: with it in the image, the record would never pass.
func TestARecordOfAJobWithABigConfigurationIsParked(t *testing.T) {
	for _, configuration := range []string{`"` + strings.Repeat("x", delivery.MaxBody-2) + `"`, "{ no JSON"} {
		w := sqlitetest.New(t)
		j := w.Launch("much to configure")
		j.Changes, j.Configuration = nil, json.RawMessage(configuration)
		for _, err := range newFanout(w).Handle(t.Context(), []job.Job{j}) {
			if err != nil {
				t.Errorf("a record with a configuration of %d bytes does not pass: %v", len(configuration), err)
			}
		}
		if got := w.Receive(delivery.LaneOps); len(got) != 1 || !strings.Contains(string(got[0].Body), j.UID) {
			t.Errorf("%d records are parked, want the one", len(got))
		}
	}
}

func TestAParkedRecordThatFailsIsHandedBack(t *testing.T) {
	w := sqlitetest.New(t)
	w.Hook("https://example.com/")
	body, err := json.Marshal(map[string]any{"f": 1, "kind": "record", "why": "a test", "job": w.Launch("parked")})
	if err != nil {
		t.Fatal(err)
	}
	later := strings.Replace(string(body), `"f":1`, `"f":2`, 1)
	tests := []struct {
		name, body, call string
		fault            any
		receives         int
		want             delivery.Verdict
	}{
		{"a later format", later, "", nil, 5, delivery.HandedOver()},
		{"no JSON", "{", "", nil, 1, delivery.HandedBack(1)},
		{"the webhooks cannot be read", string(body), "HooksVersion", errDown, 1, delivery.HandedBack(1)},
		{"the archive is down", string(body), "Put", errDown, 2, delivery.HandedBack(2)},
		{"the queue is down", string(body), "Send", errDown, 3, delivery.HandedBack(3)},
		{"the queue panics", string(body), "Send", "a bug", 8, delivery.HandedBack(8)},
		{"nothing is wrong any more", string(body), "", nil, 8, delivery.Acknowledged()},
	}
	for _, test := range tests {
		s := newSeams(w)
		s.fails(test.call, "", test.fault)
		v := s.fanout().Again(t.Context(), delivery.Receipt{Lane: delivery.LaneOps, Body: []byte(test.body), Receives: test.receives})
		if v != test.want {
			t.Errorf("%s, receive %d: Again = %+v, want %+v", test.name, test.receives, v, test.want)
		}
	}
}

// A message is known to be redriven by the time between its own sent_at and the queue's: a slow archive is no redrive.
func TestAMessageIsStampedWhenItIsSent(t *testing.T) {
	w := sqlitetest.New(t)
	w.Hook("https://example.com/")
	f := newFanout(w, func(c *fanout.Config) { c.Archive = slowArchive{c.Archive, w} })
	passes(t, f, w.Launch("a"), w.Launch("b"))
	for _, r := range w.Receive(delivery.LaneFirst) {
		if m, err := delivery.ParseMessage(r.Body); err != nil || !m.SentAt.Equal(r.SentAt) {
			t.Errorf("a message sent at %v says %v, %v", r.SentAt, m.SentAt, err)
		}
	}
}

// slowArchive takes a minute and a half for each event.
type slowArchive struct {
	delivery.Archive
	world *sqlitetest.World
}

func (a slowArchive) Put(ctx context.Context, e delivery.Event) (delivery.Event, bool, error) {
	defer a.world.Pass(90 * time.Second)
	return a.Archive.Put(ctx, e)
}
