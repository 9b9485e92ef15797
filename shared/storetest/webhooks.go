package storetest

import (
	"errors"
	"testing"
	"time"

	"hermod/shared/job"
	"hermod/shared/webhook"
)

// Webhooks is the suite of webhook.Store.
func Webhooks(t *testing.T, open func(t *testing.T, now func() time.Time) webhook.Store) {
	run(t, open, []test[webhook.Store]{
		{"a webhook is read as it was created", webhookReadAsCreated},
		{"a webhook is read as it was updated last", webhookReadAsUpdated},
		{"a webhook keeps its schemes and the secrets of each", webhookOfBothSchemes},
		{"a webhook that is not there is not found", webhookNotFound},
		{"another project's webhook is not found and not changed", webhookOfAnotherProject},
		{"an update needs the version before it", webhookUpdateNeedsVersion},
		{"of many updates of a version one wins", webhookUpdateRace},
		{"a deleted webhook is gone from everywhere", webhookDeleted},
		{"a project lists its own webhooks, newest first and page by page", webhooksListed},
		{"parking keeps the latest time and is no update", webhookParked},
		{"parking changes nothing of another project", webhookParkedElsewhere},
		{"a project has as many webhooks as it may have", webhookProjectQuota},
		{"a job has as many webhooks as it may have", webhookJobQuota},
		{"a job that has as many webhooks as it may have is given no other", webhookJobQuotaOfUpdates},
		{"many creates and updates at once do not pass the quota", webhookQuotaRace},
		{"the hooks version grows with each create, update and delete", hooksVersionGrows},
		{"the hooks version tells whether a job has webhooks of its own", hooksVersionOfJobs},
		{"the hooks version counts every one of many writes at once", hooksVersionRace},
		{"matches are what fan-out needs of each webhook", webhookMatches},
		{"matches follow each update", webhookMatchesFollow},
		{"matches read after a version hold every webhook that was created before it", webhookMatchesAfterVersion},
	})
}

// newHook returns a webhook of the project about which much is known.
func newHook(project string, c *Clock) webhook.Webhook {
	now := c.Now()
	return webhook.Webhook{
		UID: newUID(c), Project: project, Version: 1, Name: "Größe", Description: "tells <ops>", URL: "https://example.com/hook?x=%20",
		Events: []job.EventType{job.EventFailed, job.EventSucceeded}, Headers: []webhook.Header{{Name: "X-Key", Sealed: "c2VhbGVk", Hint: "…abc"}, {Name: "X-Empty"}},
		Payload: job.FormatStandard, Enabled: true, Schedule: []time.Duration{5 * time.Second, time.Hour}, Timeout: 7 * time.Second, MaxRate: 90,
		Secrets: []webhook.Secret{
			{Sealed: "bmV3", Hint: "whsec_…new", Print: "cHJpbnQ", CreatedAt: now},
			{Sealed: "b2xk", Hint: "whsec_…old", CreatedAt: now.Add(-time.Hour), EndsAt: now.Add(24*time.Hour + 7*time.Millisecond)},
		},
		CreatedAt: now, UpdatedAt: now,
	}
}

func createHook(t *testing.T, s webhook.Store, c *Clock, change ...func(*webhook.Webhook)) webhook.Webhook {
	t.Helper()
	w := newHook("p1", c)
	for _, f := range change {
		f(&w)
	}
	must(t, s.Create(t.Context(), w), "Create")
	return w
}

func wantHook(t *testing.T, s webhook.Store, want webhook.Webhook) {
	t.Helper()
	got, err := s.Get(t.Context(), want.Project, want.UID)
	if diff := same(want, got); err != nil || diff != "" {
		t.Errorf("Get = %v (-want +got):\n%s", err, diff)
	}
	if (want.Schedule == nil) != (got.Schedule == nil) {
		t.Errorf("Schedule = %v, want %v: no schedule and an empty one are not the same", got.Schedule, want.Schedule)
	}
}

func wantNoHook(t *testing.T, s webhook.Store, project, uid string) {
	t.Helper()
	if got, err := s.Get(t.Context(), project, uid); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("Get = %+v, %v, want ErrNotFound", got, err)
	}
}

func webhookReadAsCreated(t *testing.T, s webhook.Store, c *Clock) {
	wantHook(t, s, createHook(t, s, c))
	wantHook(t, s, createHook(t, s, c, func(w *webhook.Webhook) {
		w.Job, w.Enabled, w.Reason, w.Schedule = "j1", false, webhook.DisabledGone, []time.Duration{}
	}))
	bare := webhook.Webhook{UID: newUID(c), Project: "p1", Version: 1, URL: "https://example.com/", Events: []job.EventType{job.EventPaused}, Payload: job.FormatV3, CreatedAt: c.Now(), UpdatedAt: c.Now()}
	must(t, s.Create(t.Context(), bare), "Create")
	wantHook(t, s, bare)
}

func webhookReadAsUpdated(t *testing.T, s webhook.Store, c *Clock) {
	w, other := createHook(t, s, c), createHook(t, s, c)
	c.Advance(time.Minute)
	w = w.Rotate(webhook.Secret{Sealed: "bmV3ZXI", Hint: "whsec_…ewer", CreatedAt: c.Now()}, time.Hour, c.Now())
	w.Version, w.UpdatedAt, w.Headers, w.Schedule, w.Description = 2, c.Now(), nil, nil, ""
	must(t, s.Update(t.Context(), w), "Update")
	wantHook(t, s, w)
	w.Version, w.Enabled, w.Reason = 3, false, webhook.DisabledByUser
	must(t, s.Update(t.Context(), w), "Update")
	wantHook(t, s, w)
	wantHook(t, s, other)
}

// pair is a secret of v1a.
func pair(name string, c *Clock) webhook.Secret {
	return webhook.Secret{Sealed: "c2VhbGVk" + name, Hint: "whpk_…" + name, Public: "whpk_" + name, CreatedAt: c.Now()}
}

func webhookOfBothSchemes(t *testing.T, s webhook.Store, c *Clock) {
	both := []webhook.Scheme{webhook.SchemeV1a, webhook.SchemeV1}
	w := createHook(t, s, c, func(w *webhook.Webhook) {
		*w = w.SignBy(both).Rotate(pair("first", c), 0, c.Now())
	})
	c.Advance(time.Second)
	only := createHook(t, s, c, func(w *webhook.Webhook) {
		*w = w.SignBy([]webhook.Scheme{webhook.SchemeV1a}).Rotate(pair("only", c), 0, c.Now())
	})
	wantHook(t, s, w)
	wantHook(t, s, only)
	update := func(changed webhook.Webhook) {
		t.Helper()
		c.Advance(time.Minute)
		changed.Version, changed.UpdatedAt = w.Version+1, c.Now()
		must(t, s.Update(t.Context(), changed), "Update")
		w = changed
		wantHook(t, s, w)
	}
	for range webhook.MaxSecrets {
		update(w.Rotate(pair("next", c), time.Hour, c.Now()))
		update(w.Rotate(webhook.Secret{Sealed: "bmV4dA", Hint: "whsec_…next", CreatedAt: c.Now()}, 2*time.Hour, c.Now()))
	}
	if n := len(w.Secrets); n != 2*webhook.MaxSecrets {
		t.Fatalf("after many rotations there are %d secrets, want %d of each scheme", n, webhook.MaxSecrets)
	}
	wantHooksListed(t, s, "p1", 10, only, w)
	update(w.SignBy([]webhook.Scheme{webhook.SchemeV1a}))
	update(w.SignBy([]webhook.Scheme{webhook.SchemeV1}).Rotate(webhook.Secret{Sealed: "bmV3", Hint: "whsec_…new", CreatedAt: c.Now()}, 0, c.Now()))
	wantHook(t, s, only)
}

func webhookNotFound(t *testing.T, s webhook.Store, c *Clock) {
	w := newHook("p1", c)
	wantNoHook(t, s, "p1", w.UID)
	w.Version = 2
	if err := s.Update(t.Context(), w); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("Update of a webhook that was never created = %v, want ErrNotFound", err)
	}
	if err := s.Delete(t.Context(), "p1", w.UID); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("Delete of a webhook that was never created = %v, want ErrNotFound", err)
	}
	if err := s.Park(t.Context(), "p1", w.UID, c.Now()); err != nil {
		t.Errorf("Park of a webhook that was never created = %v, want nil", err)
	}
}

func webhookOfAnotherProject(t *testing.T, s webhook.Store, c *Clock) {
	w := createHook(t, s, c)
	bound := createHook(t, s, c, func(w *webhook.Webhook) { w.Job = "j1" })
	before := hooksVersion(t, s, "p1")
	wantNoHook(t, s, "p2", w.UID)
	theirs := w
	theirs.Project, theirs.Version, theirs.URL = "p2", 2, "https://example.org/"
	if err := s.Update(t.Context(), theirs); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("Update of another project's webhook = %v, want ErrNotFound", err)
	}
	for _, uid := range []string{w.UID, bound.UID} {
		if err := s.Delete(t.Context(), "p2", uid); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("Delete of another project's webhook = %v, want ErrNotFound", err)
		}
	}
	if got, err := s.List(t.Context(), "p2", "", 10); err != nil || len(got) != 0 {
		t.Errorf("List of a project without webhooks = %v, %v, want none", got, err)
	}
	wantMatches(t, s, "p2", "")
	wantMatches(t, s, "p2", "j1")
	wantHook(t, s, w)
	wantMatches(t, s, "p1", "", w)
	wantMatches(t, s, "p1", "j1", bound)
	if after := hooksVersion(t, s, "p1"); after != before {
		t.Errorf("HooksVersion went from %d to %d by another project's writes", before, after)
	}
}

func webhookUpdateNeedsVersion(t *testing.T, s webhook.Store, c *Clock) {
	w := createHook(t, s, c)
	w.Version = 2
	must(t, s.Update(t.Context(), w), "Update")
	before := hooksVersion(t, s, "p1")
	for _, version := range []int{0, 1, 2, 4} {
		next := w
		next.Version, next.URL = version, "https://example.org/"
		if err := s.Update(t.Context(), next); !errors.Is(err, webhook.ErrStale) {
			t.Errorf("Update of a webhook at version 2 to version %d = %v, want ErrStale", version, err)
		}
	}
	wantHook(t, s, w)
	if after := hooksVersion(t, s, "p1"); after != before {
		t.Errorf("HooksVersion went from %d to %d by updates that were refused", before, after)
	}
}

func webhookUpdateRace(t *testing.T, s webhook.Store, c *Clock) {
	w := createHook(t, s, c)
	for range 4 {
		w.Version++
		w.MaxRate = winner(t, webhook.ErrStale, atOnce(writers, func(i int) error {
			mine := w
			mine.MaxRate = i
			return s.Update(t.Context(), mine)
		}))
		wantHook(t, s, w)
	}
}

func webhookDeleted(t *testing.T, s webhook.Store, c *Clock) {
	kept := createHook(t, s, c)
	for _, jobUID := range []string{"", "j1"} {
		w := createHook(t, s, c, func(w *webhook.Webhook) { w.Job = jobUID })
		must(t, s.Delete(t.Context(), "p1", w.UID), "Delete")
		wantNoHook(t, s, "p1", w.UID)
		w.Version++
		if err := s.Update(t.Context(), w); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("Update of a deleted webhook = %v, want ErrNotFound", err)
		}
		if err := s.Delete(t.Context(), "p1", w.UID); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("Delete of a deleted webhook = %v, want ErrNotFound", err)
		}
		must(t, s.Park(t.Context(), "p1", w.UID, c.Now().Add(time.Hour)), "Park of a deleted webhook")
		wantNoHook(t, s, "p1", w.UID)
	}
	wantMatches(t, s, "p1", "j1")
	wantMatches(t, s, "p1", "", kept)
	wantHooksListed(t, s, "p1", 10, kept)
}

// wantHooksListed reads the whole list, limit webhooks at a time.
func wantHooksListed(t *testing.T, s webhook.Store, project string, limit int, want ...webhook.Webhook) {
	t.Helper()
	var got []webhook.Webhook
	for before := ""; ; before = got[len(got)-1].UID {
		page, err := s.List(t.Context(), project, before, limit)
		must(t, err, "List")
		if len(page) > limit {
			t.Fatalf("List with limit %d = %d webhooks", limit, len(page))
		}
		got = append(got, page...)
		if len(page) < limit {
			break
		}
	}
	if diff := same(want, got); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
}

func webhooksListed(t *testing.T, s webhook.Store, c *Clock) {
	var want []webhook.Webhook
	for i := range 7 {
		c.Advance(time.Second)
		w := createHook(t, s, c, func(w *webhook.Webhook) {
			if i%2 == 0 {
				w.Job = "j1"
			}
		})
		want = append([]webhook.Webhook{w}, want...)
		must(t, s.Create(t.Context(), newHook("p2", c)), "Create")
	}
	for _, limit := range []int{1, 2, 3, 7, 100} {
		wantHooksListed(t, s, "p1", limit, want...)
	}
	first, err := s.List(t.Context(), "p1", "", 3)
	if diff := same(want[:3], first); err != nil || diff != "" {
		t.Fatalf("List = %v (-want +got):\n%s", err, diff)
	}
	c.Advance(time.Second)
	createHook(t, s, c)
	must(t, s.Delete(t.Context(), "p1", want[2].UID), "Delete")
	rest, err := s.List(t.Context(), "p1", first[2].UID, 10)
	if diff := same(want[3:], rest); err != nil || diff != "" {
		t.Errorf("the next page, after one webhook more and the last one seen deleted = %v (-want +got):\n%s", err, diff)
	}
}

func webhookParked(t *testing.T, s webhook.Store, c *Clock) {
	w := createHook(t, s, c)
	before := hooksVersion(t, s, "p1")
	at := func(n int) time.Time { return c.Now().Add(time.Duration(n) * 1001 * time.Millisecond) }
	for _, n := range []int{5, 3, 9, 5} {
		must(t, s.Park(t.Context(), "p1", w.UID, at(n)), "Park")
	}
	w.ParkedUntil = at(9)
	wantHook(t, s, w)

	update := w
	update.Version, update.Name, update.ParkedUntil = 2, "renamed", time.Time{}
	must(t, s.Update(t.Context(), update), "Update of the version that was there before Park")
	update.ParkedUntil = at(9)
	wantHook(t, s, update)
	if after := hooksVersion(t, s, "p1"); after != before+1 {
		t.Errorf("HooksVersion went from %d to %d by four parkings and an update, want one more", before, after)
	}
	for _, err := range atOnce(writers, func(i int) error { return s.Park(t.Context(), "p1", w.UID, at(100+(i*37)%writers)) }) {
		must(t, err, "Park, one of %d at once", writers)
	}
	update.ParkedUntil = at(100 + writers - 1)
	wantHook(t, s, update)
}

func webhookParkedElsewhere(t *testing.T, s webhook.Store, c *Clock) {
	w := createHook(t, s, c)
	must(t, s.Park(t.Context(), "p2", w.UID, c.Now().Add(time.Hour)), "Park of another project's webhook")
	wantHook(t, s, w)
}
