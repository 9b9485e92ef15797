package fanout_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/fanout"
	"hermod/shared/job"
	"hermod/shared/sqlite/sqlitetest"
	"hermod/shared/webhook"
)

var errDown = errors.New("the store is down")

func newFanout(w *sqlitetest.World, change ...func(*fanout.Config)) *fanout.Fanout {
	c := fanout.Config{Archive: w.Archive(), Webhooks: w.Webhooks(), Queue: w.Queue(), Now: w.Now, Logger: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&c)
	}
	return fanout.New(c)
}

// passes hands images over, all of which must pass.
func passes(t *testing.T, f *fanout.Fanout, images ...job.Job) {
	t.Helper()
	for i, err := range f.Handle(t.Context(), images) {
		if err != nil {
			t.Fatalf("record %d does not pass: %v", i, err)
		}
	}
}

func sentTo(messages []delivery.Message) []string {
	var hooks []string
	for _, m := range messages {
		hooks = append(hooks, m.Webhook)
	}
	slices.Sort(hooks)
	return hooks
}

func TestAnEventReachesTheWebhooksThatTakeIt(t *testing.T) {
	w := sqlitetest.New(t)
	j := w.Launch("scopes")
	other := w.Launch("other")
	want := []string{
		w.Hook("https://example.com/all").UID,
		w.Hook("https://example.com/workflow", func(h *webhook.Webhook) { h.Workflow = w.Workflow }).UID,
		w.Hook("https://example.com/job", func(h *webhook.Webhook) { h.Job = j.UID }).UID,
		w.Hook("https://example.com/disabled", func(h *webhook.Webhook) { h.Enabled = false }).UID,
		w.Hook("https://example.com/standard", func(h *webhook.Webhook) { h.Payload = job.FormatStandard }).UID,
	}
	w.Hook("https://example.com/", func(h *webhook.Webhook) { h.Events = []job.EventType{job.EventFailed} })
	w.Hook("https://example.com/", func(h *webhook.Webhook) { h.Workflow = other.UID })
	w.Hook("https://example.com/", func(h *webhook.Webhook) { h.Job = other.UID })
	w.Hook("https://example.com/", func(h *webhook.Webhook) { h.CreatedAt = j.CreatedAt.Add(time.Millisecond) })
	passes(t, newFanout(w), j)
	messages := w.Messages(delivery.LaneFirst)
	slices.Sort(want)
	if got := sentTo(messages); !slices.Equal(got, want) {
		t.Errorf("the event goes to %v, want %v", got, want)
	}
	e, err := w.Archive().Event(t.Context(), w.Project, j.EventUID(j.Last()))
	if err != nil || len(e.Bodies) != 2 || len(e.Matched) != len(want) {
		t.Errorf("archived: %d bodies, %d matches, %v; want both formats and %d matches", len(e.Bodies), len(e.Matched), err, len(want))
	}
	for _, m := range messages {
		if m.MaybeDup || m.Cause != delivery.CauseSchedule || m.Place() != (delivery.Place{}) {
			t.Errorf("a first message is %+v, want a first attempt that is no copy", m)
		}
	}
}

func TestAnEventThatNobodyTakesIsArchived(t *testing.T) {
	w := sqlitetest.New(t)
	j := w.Launch("alone")
	passes(t, newFanout(w), j)
	if _, err := w.Archive().Event(t.Context(), w.Project, j.EventUID(j.Last())); err != nil {
		t.Errorf("Event = %v, want it archived", err)
	}
}

func TestAChangeWithoutAnEventPasses(t *testing.T) {
	w := sqlitetest.New(t)
	w.Hook("https://example.com/")
	j := w.Launch("resumes")
	for _, s := range []job.Status{job.Running, job.Paused, job.Running} {
		var err error
		if j, _, err = j.Apply(job.Update{Status: s}, w.Now()); err != nil {
			t.Fatal(err)
		}
	}
	passes(t, newFanout(w), j)
	if got := w.Messages(delivery.LaneFirst); len(got) != 0 {
		t.Errorf("running again sends %d messages, want none", len(got))
	}
}

func TestARunAgainSendsWhatTheFirstArchived(t *testing.T) {
	w := sqlitetest.New(t)
	hook := w.Hook("https://example.com/")
	j := w.Launch("again")
	passes(t, newFanout(w), j)
	w.Messages(delivery.LaneFirst)
	w.Hook("https://example.com/later", func(h *webhook.Webhook) { h.CreatedAt = j.CreatedAt.Add(-time.Hour) })
	passes(t, newFanout(w), j)
	got := w.Messages(delivery.LaneFirst)
	if len(got) != 1 || got[0].Webhook != hook.UID || !got[0].MaybeDup {
		t.Errorf("a run again sends %+v, want the one match of the first run, as a possible copy", got)
	}
}

// faultyQueue fails sends.
type faultyQueue struct {
	delivery.Queue
	err error
}

func (q *faultyQueue) Send(ctx context.Context, lane delivery.Lane, parcels ...delivery.Parcel) error {
	if q.err != nil {
		return q.err
	}
	return q.Queue.Send(ctx, lane, parcels...)
}

func TestACrashBetweenArchiveAndSendLosesNothing(t *testing.T) {
	w := sqlitetest.New(t)
	w.Hook("https://example.com/")
	j := w.Launch("crash")
	q := &faultyQueue{Queue: w.Queue(), err: errDown}
	f := newFanout(w, func(c *fanout.Config) { c.Queue = q })
	if errs := f.Handle(t.Context(), []job.Job{j}); !errors.Is(errs[0], errDown) {
		t.Errorf("a record that could not be sent gives %v, want the reason, so that it comes again", errs[0])
	}
	q.err = nil
	passes(t, f, j)
	if got := w.Messages(delivery.LaneFirst); len(got) != 1 || !got[0].MaybeDup {
		t.Errorf("after the crash %+v is sent, want one message, as a possible copy", got)
	}
}

func TestOnlyTheRecordsThatWereNotSentComeAgain(t *testing.T) {
	w := sqlitetest.New(t)
	w.Hook("https://example.com/")
	w.Hook("https://example.com/")
	images := []job.Job{w.Launch("a"), w.Launch("b"), w.Launch("c")}
	q := &faultyQueue{Queue: w.Queue(), err: &delivery.SendError{Failed: []int{3}, Err: errDown}}
	errs := newFanout(w, func(c *fanout.Config) { c.Queue = q }).Handle(t.Context(), images)
	if errs[0] != nil || errs[1] == nil || errs[2] != nil {
		t.Errorf("with the fourth of six parcels unsent the records give %v, want an error for the second only", errs)
	}
}

// countingHooks counts reads, and fails them for one project.
type countingHooks struct {
	webhook.Store
	versions, lists int
	down            string
}

func (s *countingHooks) HooksVersion(ctx context.Context, project string) (int, error) {
	s.versions++
	if project == s.down {
		return 0, errDown
	}
	return s.Store.HooksVersion(ctx, project)
}

func (s *countingHooks) ProjectMatches(ctx context.Context, project string) ([]webhook.Match, error) {
	s.lists++
	return s.Store.ProjectMatches(ctx, project)
}

func TestWebhooksAreListedAgainOnlyWhenTheyChanged(t *testing.T) {
	w := sqlitetest.New(t)
	w.Hook("https://example.com/")
	s := &countingHooks{Store: w.Webhooks()}
	f := newFanout(w, func(c *fanout.Config) { c.Webhooks = s })
	passes(t, f, w.Launch("a"), w.Launch("b"), w.Launch("c"))
	passes(t, f, w.Launch("d"))
	if s.versions != 2 || s.lists != 1 {
		t.Errorf("two batches read the version %d times and the list %d times, want 2 and 1", s.versions, s.lists)
	}
	w.Messages(delivery.LaneFirst)
	w.Hook("https://example.com/new") // was answered before the next change
	passes(t, f, w.Launch("e"))
	if got := w.Messages(delivery.LaneFirst); len(got) != 2 {
		t.Errorf("a change after the second webhook's answer makes %d messages, want 2", len(got))
	}
}

func TestAnUnreachableStoreHoldsOnlyItsOwnRecords(t *testing.T) {
	w := sqlitetest.New(t)
	j, foreign := w.Launch("ours"), w.Launch("theirs")
	foreign.Project = "elsewhere"
	s := &countingHooks{Store: w.Webhooks(), down: foreign.Project}
	errs := newFanout(w, func(c *fanout.Config) { c.Webhooks = s }).Handle(t.Context(), []job.Job{foreign, j})
	if !errors.Is(errs[0], errDown) || errs[1] != nil {
		t.Errorf("Handle = %v, want an error for the first record only", errs)
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
	ops := w.Receive(delivery.LaneOps)
	if len(ops) != 1 || !fanout.Parked(ops[0].Body) {
		t.Fatalf("ops has %d messages, want the parked record", len(ops))
	}
	if v := f.Again(t.Context(), ops[0]); v.Acknowledge || v.VisibleAfter != time.Minute {
		t.Errorf("a record that still cannot be processed gives %+v, want it handed back for a minute", v)
	}
	if fanout.Parked([]byte(`{"kind":"redrive"}`)) || fanout.Parked([]byte("no JSON")) {
		t.Error("Parked takes what is no parked record for one")
	}
}
