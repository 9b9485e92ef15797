package fanout_test

import (
	"slices"
	"sync"
	"testing"

	"hermod/shared/delivery"
	"hermod/shared/fanout"
	"hermod/shared/job"
	"hermod/shared/sqlite/sqlitetest"
	"hermod/shared/uid"
	"hermod/shared/webhook"
)

func TestWebhooksAreListedAgainOnlyWhenTheyChanged(t *testing.T) {
	w := sqlitetest.New(t)
	w.Hook("https://example.com/")
	s := newSeams(w)
	f := s.fanout()
	elsewhere := w.Launch("of another project")
	elsewhere.Project = uid.New(w.Now())
	passes(t, f, w.Launch("a"), w.Launch("b"), elsewhere, w.Launch("c"))
	passes(t, f, w.Launch("d"))
	if versions, lists := s.count("HooksVersion", w.Project), s.count("ProjectMatches", w.Project); versions != 2 || lists != 1 {
		t.Errorf("two batches read the version %d times and the list %d times, want 2 and 1", versions, lists)
	}
	if versions, lists := s.count("HooksVersion", elsewhere.Project), s.count("ProjectMatches", elsewhere.Project); versions != 1 || lists != 1 {
		t.Errorf("of the other project the version is read %d times and the list %d times, want once each", versions, lists)
	}
}

func TestWhatWasAnsweredBeforeAChangeCountsForIt(t *testing.T) {
	w := sqlitetest.New(t)
	f := newSeams(w).fanout()
	passes(t, f, w.Launch("remembers that there is no webhook"))
	hook := w.Hook("https://example.com/")
	takes := func(what string, want int) {
		t.Helper()
		passes(t, f, w.Launch(what))
		if got := w.Messages(delivery.LaneFirst); len(got) != want {
			t.Errorf("a job launched after the webhook was %s makes %d messages, want %d", what, len(got), want)
		}
	}
	takes("created", 1)
	takes("left as it is", 1)
	hook.Version, hook.Events = 2, []job.EventType{job.EventFailed}
	if err := w.Webhooks().Update(t.Context(), hook); err != nil {
		t.Fatal(err)
	}
	takes("changed to take other events", 0)
	hook.Version, hook.Events = 3, job.EventTypes
	if err := w.Webhooks().Update(t.Context(), hook); err != nil {
		t.Fatal(err)
	}
	takes("changed back", 1)
	if err := w.Webhooks().Delete(t.Context(), w.Project, hook.UID); err != nil {
		t.Fatal(err)
	}
	takes("deleted", 0)
}

func TestAWebhookOfOneJobGetsItsNextChange(t *testing.T) {
	w := sqlitetest.New(t)
	s := newSeams(w)
	f := s.fanout()
	j := w.Launch("followed")
	passes(t, f, j)
	if n := s.count("JobMatches", j.UID); n != 0 {
		t.Errorf("the job's own webhooks are asked for %d times in a project where no job has any, want never", n)
	}
	hook := w.Hook("https://example.com/", func(h *webhook.Webhook) { h.Job = j.UID })
	passes(t, f, moved(t, w, j, job.Running), w.Launch("not followed"))
	if got := sentTo(w.Messages(delivery.LaneFirst)); !slices.Equal(got, []string{hook.UID}) {
		t.Errorf("the change goes to %v, want %s", got, hook.UID)
	}
}

// Each writer creates webhooks and launches jobs, and fans them out in batches that run into each other.
func TestBatchesAtOnceMissNoWebhook(t *testing.T) {
	w := sqlitetest.New(t)
	f := newSeams(w).fanout()
	const writers, rounds = 4, 8
	type pair struct{ event, hook string }
	pairs := make(chan pair, writers*rounds)
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range rounds {
				hook := w.Hook("https://example.com/")
				j := w.Launch("after it")
				pairs <- pair{j.EventUID(j.Last()), hook.UID}
				if err := f.Handle(t.Context(), []job.Job{j})[0]; err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	close(pairs)
	for p := range pairs {
		e, err := w.Archive().Event(t.Context(), w.Project, p.event)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := e.Match(p.hook); !ok {
			t.Errorf("event %s is not matched with the webhook that was answered before its change", p.event)
		}
	}
}

// A list that could not be read is not taken for an empty one.
func TestAListThatCouldNotBeReadIsReadAgain(t *testing.T) {
	for _, call := range []string{"HooksVersion", "ProjectMatches"} {
		t.Run(call, func(t *testing.T) {
			w := sqlitetest.New(t)
			w.Hook("https://example.com/")
			s := newSeams(w)
			f := s.fanout()
			j := w.Launch("waits")
			s.fails(call, w.Project, errDown)
			if errs := f.Handle(t.Context(), []job.Job{j}); errs[0] == nil {
				t.Fatal("the record passes while its webhooks are unknown")
			}
			s.works()
			passes(t, f, j)
			if got := w.Messages(delivery.LaneFirst); len(got) != 1 || got[0].MaybeDup {
				t.Errorf("afterwards %+v is sent, want one message that is no copy", got)
			}
		})
	}
}

func TestAMissingSeamIsAPanic(t *testing.T) {
	w := sqlitetest.New(t)
	for name, c := range map[string]fanout.Config{
		"Archive":  {Webhooks: w.Webhooks(), Queue: w.Queue()},
		"Webhooks": {Archive: w.Archive(), Queue: w.Queue()},
		"Queue":    {Archive: w.Archive(), Webhooks: w.Webhooks()},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("New without %s does not panic", name)
				}
			}()
			fanout.New(c)
		}()
	}
}
