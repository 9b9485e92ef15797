package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"hermod/shared/job"
	"hermod/shared/webhook"
)

func hooksVersion(t *testing.T, s webhook.Store, project string) int {
	t.Helper()
	v, _, err := s.HooksVersion(t.Context(), project)
	must(t, err, "HooksVersion")
	return v
}

func hooksVersionGrows(t *testing.T, s webhook.Store, c *Clock) {
	last := hooksVersion(t, s, "p1")
	other := hooksVersion(t, s, "p2")
	grows := func(what string) {
		t.Helper()
		v := hooksVersion(t, s, "p1")
		if v <= last {
			t.Errorf("HooksVersion after %s = %d, want more than %d", what, v, last)
		}
		last = v
	}
	for _, jobUID := range []string{"", "j1"} {
		w := createHook(t, s, c, ofJob(jobUID))
		grows("a create")
		w.Version, w.Name = 2, "renamed"
		must(t, s.Update(t.Context(), w), "Update")
		grows("an update")
		must(t, s.Park(t.Context(), "p1", w.UID, c.Now().Add(time.Hour)), "Park")
		if v := hooksVersion(t, s, "p1"); v != last {
			t.Errorf("HooksVersion after Park = %d, want it as it was, %d", v, last)
		}
		must(t, s.Delete(t.Context(), "p1", w.UID), "Delete")
		grows("a delete")
	}
	if v := hooksVersion(t, s, "p2"); v != other {
		t.Errorf("HooksVersion of another project = %d, want it as it was, %d", v, other)
	}
}

func hooksVersionOfJobs(t *testing.T, s webhook.Store, c *Clock) {
	want := func(when string, want bool) {
		t.Helper()
		if _, got, err := s.HooksVersion(t.Context(), "p1"); err != nil || got != want {
			t.Errorf("HooksVersion %s says that jobs have webhooks of their own: %v, %v; want %v", when, got, err, want)
		}
	}
	want("without webhooks", false)
	createHook(t, s, c, ofJob(""))
	want("with one of the project", false)
	a, b := createHook(t, s, c, ofJob("j1")), createHook(t, s, c, ofJob("j2"))
	want("with two of jobs", true)
	must(t, s.Delete(t.Context(), "p1", a.UID), "Delete")
	want("with one of a job", true)
	b.Version, b.Job = 2, ""
	must(t, s.Update(t.Context(), b), "Update")
	want("after that was given to the project", false)
	b.Version, b.Job = 3, "j1"
	must(t, s.Update(t.Context(), b), "Update")
	want("after it was given to a job again", true)
	must(t, s.Delete(t.Context(), "p1", b.UID), "Delete")
	want("after that was deleted", false)
}

func hooksVersionRace(t *testing.T, s webhook.Store, c *Clock) {
	before := hooksVersion(t, s, "p1")
	for _, err := range atOnce(writers, func(int) error { return s.Create(t.Context(), newHook("p1", c)) }) {
		must(t, err, "Create, one of %d at once", writers)
	}
	if after := hooksVersion(t, s, "p1"); after < before+writers {
		t.Errorf("HooksVersion went from %d to %d by %d creates", before, after, writers)
	}
}

// readMatches lists the matches of the project's webhooks, or of the job's if one is named.
func readMatches(ctx context.Context, s webhook.Store, project, jobUID string) ([]webhook.Match, error) {
	if jobUID == "" {
		return s.ProjectMatches(ctx, project)
	}
	return s.JobMatches(ctx, project, jobUID)
}

// wantMatches compares what readMatches lists with the matches of want.
func wantMatches(t *testing.T, s webhook.Store, project, jobUID string, want ...webhook.Webhook) {
	t.Helper()
	got, err := readMatches(t.Context(), s, project, jobUID)
	must(t, err, "matches of project %s, job %q", project, jobUID)
	var matches []webhook.Match
	for _, w := range want {
		matches = append(matches, w.Match())
	}
	for _, list := range [][]webhook.Match{got, matches} {
		slices.SortFunc(list, func(a, b webhook.Match) int { return cmp.Compare(a.Webhook, b.Webhook) })
	}
	if diff := same(matches, got); diff != "" {
		t.Errorf("matches of project %s, job %q (-want +got):\n%s", project, jobUID, diff)
	}
}

func webhookMatches(t *testing.T, s webhook.Store, c *Clock) {
	project := createHook(t, s, c)
	workflow := createHook(t, s, c, func(w *webhook.Webhook) { w.Workflow, w.Payload = "enrich", job.FormatV3 })
	disabled := createHook(t, s, c, func(w *webhook.Webhook) { w.Enabled, w.Reason = false, webhook.DisabledByUser })
	job1, job1too, job2 := createHook(t, s, c, ofJob("j1")), createHook(t, s, c, ofJob("j1")), createHook(t, s, c, ofJob("j2"))
	wantMatches(t, s, "p1", "", project, workflow, disabled)
	wantMatches(t, s, "p1", "j1", job1, job1too)
	wantMatches(t, s, "p1", "j2", job2)
	wantMatches(t, s, "p1", "j3")
}

func webhookMatchesFollow(t *testing.T, s webhook.Store, c *Clock) {
	w := createHook(t, s, c)
	update := func(change func(*webhook.Webhook)) {
		t.Helper()
		w.Version++
		change(&w)
		must(t, s.Update(t.Context(), w), "Update")
		where := w.Job
		for _, jobUID := range []string{"", "j1", "j2"} {
			if jobUID == where {
				wantMatches(t, s, "p1", jobUID, w)
			} else {
				wantMatches(t, s, "p1", jobUID)
			}
		}
	}
	update(func(w *webhook.Webhook) { w.Events = []job.EventType{job.EventPaused} })
	update(func(w *webhook.Webhook) { w.Workflow = "enrich" })
	update(func(w *webhook.Webhook) { w.Payload = job.FormatV3 })
	update(func(w *webhook.Webhook) { w.Workflow, w.Job = "", "j1" })
	update(func(w *webhook.Webhook) { w.Job = "j2" })
	update(func(w *webhook.Webhook) { w.Enabled = false })
	update(func(w *webhook.Webhook) { w.Job = "" })
}

func webhookMatchesAfterVersion(t *testing.T, s webhook.Store, c *Clock) {
	for _, err := range atOnce(8, func(i int) error { return createAndMatch(t.Context(), s, c, fmt.Sprintf("j%d", i)) }) {
		if err != nil {
			t.Errorf("among eight at once: %v", err)
		}
	}
}

// createAndMatch creates webhooks and does what fan-out does after each: it reads the version, and the lists anew if that is
// another than before.
func createAndMatch(ctx context.Context, s webhook.Store, c *Clock, jobUID string) error {
	version := -1
	var known []webhook.Match
	for n := range 20 {
		w := newHook("p1", c)
		if n%2 == 1 {
			w.Job = jobUID
		}
		if err := s.Create(ctx, w); err != nil {
			return fmt.Errorf("create: %w", err)
		}
		v, ofJobs, err := s.HooksVersion(ctx, "p1")
		if err != nil {
			return fmt.Errorf("HooksVersion = %w", err)
		}
		if v != version {
			project, err := readMatches(ctx, s, "p1", "")
			var ofJob []webhook.Match
			var errOfJob error
			if ofJobs {
				ofJob, errOfJob = readMatches(ctx, s, "p1", jobUID)
			}
			if err := errors.Join(err, errOfJob); err != nil {
				return fmt.Errorf("matches = %w", err)
			}
			version, known = v, append(project, ofJob...)
		}
		if !slices.ContainsFunc(known, func(m webhook.Match) bool { return m.Webhook == w.UID }) {
			return fmt.Errorf("webhook %d was created before version %d was read and is not in its lists", n, version)
		}
	}
	return nil
}
