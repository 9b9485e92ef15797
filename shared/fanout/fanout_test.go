package fanout_test

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/delivery"
	"hermod/shared/fanout"
	"hermod/shared/job"
	"hermod/shared/sqlite/sqlitetest"
	"hermod/shared/webhook"
)

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
		w.Hook("https://example.com/now", func(h *webhook.Webhook) { h.CreatedAt = j.CreatedAt.Add(999 * time.Microsecond) }).UID,
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
	for _, format := range job.Formats {
		if body, err := j.Payload(e.UID, j.Last(), format); err != nil || string(body) != string(e.Bodies[format]) {
			t.Errorf("the archived body in format %s is %s, want %s", format, e.Bodies[format], body)
		}
	}
	for _, m := range messages {
		if m.MaybeDup || m.Cause != delivery.CauseSchedule || m.Place() != (delivery.Place{}) {
			t.Errorf("a first message is %+v, want a first attempt that is no copy", m)
		}
	}
}

func TestAWebhookGetsTheEventTypesThatItTakes(t *testing.T) {
	w := sqlitetest.New(t)
	hooks := map[string]job.EventType{}
	for _, e := range job.EventTypes {
		hooks[w.Hook("https://example.com/", func(h *webhook.Webhook) { h.Events = []job.EventType{e} }).UID] = e
	}
	f := newFanout(w)
	j := w.Launch("a life")
	passes(t, f, j)
	for _, s := range []job.Status{job.Running, job.Paused, job.Running, job.Shutdown} {
		j = moved(t, w, j, s)
		passes(t, f, j)
	}
	var got []job.EventType
	for _, m := range w.Messages(delivery.LaneFirst) {
		e, err := w.Archive().Event(t.Context(), w.Project, m.Event)
		if err != nil || e.Type != hooks[m.Webhook] {
			t.Errorf("an event %s (%v) goes to a webhook that takes %s", e.Type, err, hooks[m.Webhook])
		}
		got = append(got, e.Type)
	}
	slices.Sort(got)
	want := []job.EventType{job.EventCreated, job.EventFailed, job.EventPaused, job.EventRequested}
	if !slices.Equal(got, want) {
		t.Errorf("the events sent are %v, want %v", got, want)
	}
}

// moved is the job after a report, not stored.
func moved(t *testing.T, w *sqlitetest.World, j job.Job, s job.Status) job.Job {
	t.Helper()
	w.Pass(time.Second)
	j, changed, err := j.Apply(job.Update{Status: s}, w.Now())
	if err != nil || !changed {
		t.Fatalf("Apply %s = %v, %v", s, changed, err)
	}
	return j
}

func TestAnEventThatNobodyTakesIsArchived(t *testing.T) {
	w := sqlitetest.New(t)
	j := w.Launch("alone")
	passes(t, newFanout(w), j)
	e, err := w.Archive().Event(t.Context(), w.Project, j.EventUID(j.Last()))
	if err != nil || len(e.Matched) != 0 || len(e.Bodies) != 0 {
		t.Errorf("Event = %+v, %v; want it archived without matches and bodies", e, err)
	}
	if got := w.Messages(delivery.LaneFirst); len(got) != 0 {
		t.Errorf("%d messages are sent, want none", len(got))
	}
}

func TestAChangeWithoutAnEventPasses(t *testing.T) {
	w := sqlitetest.New(t)
	w.Hook("https://example.com/")
	j := w.Launch("resumes")
	for _, s := range []job.Status{job.Running, job.Paused, job.Running} {
		j = moved(t, w, j, s)
	}
	passes(t, newFanout(w), j)
	if got := w.Messages(delivery.LaneFirst); len(got) != 0 {
		t.Errorf("running again sends %d messages, want none", len(got))
	}
	if e, err := w.Archive().Event(t.Context(), w.Project, j.EventUID(j.Last())); !errors.Is(err, delivery.ErrNoEvent) {
		t.Errorf("Event = %+v, %v; want none archived", e, err)
	}
	if got := w.Receive(delivery.LaneOps); len(got) != 0 {
		t.Errorf("%d records are parked, want none", len(got))
	}
}

func TestARunAgainSendsWhatTheFirstArchived(t *testing.T) {
	w := sqlitetest.New(t)
	hook := w.Hook("https://example.com/")
	j := w.Launch("again")
	f := newFanout(w)
	passes(t, f, j)
	w.Messages(delivery.LaneFirst)
	first, err := w.Archive().Event(t.Context(), w.Project, j.EventUID(j.Last()))
	if err != nil {
		t.Fatal(err)
	}
	w.Hook("https://example.com/later", func(h *webhook.Webhook) { h.CreatedAt = j.CreatedAt.Add(-time.Hour) })
	hook.Version, hook.Payload = 2, job.FormatStandard
	if err := w.Webhooks().Update(t.Context(), hook); err != nil {
		t.Fatal(err)
	}
	j.WorkflowName = "renamed meanwhile"
	passes(t, f, j)
	got := w.Messages(delivery.LaneFirst)
	if len(got) != 1 || got[0].Webhook != hook.UID || !got[0].MaybeDup {
		t.Errorf("a run again sends %+v, want the one match of the first run, as a possible copy", got)
	}
	again, err := w.Archive().Event(t.Context(), w.Project, first.UID)
	if diff := cmp.Diff(first, again); err != nil || diff != "" {
		t.Errorf("a run again changes the archived event: %v (-first +again):\n%s", err, diff)
	}
}
