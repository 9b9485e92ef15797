package webhook_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/job"
	"hermod/shared/webhook"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func ExampleMatch_Takes() {
	w := webhook.Webhook{UID: "w", Workflow: "enrich", Events: []job.EventType{job.EventFailed}, Payload: job.FormatV3}
	fmt.Println(w.Match().Takes(job.Job{Workflow: "enrich"}, job.EventFailed))
	fmt.Println(w.Match().Takes(job.Job{Workflow: "enrich"}, job.EventCreated))
	fmt.Println(w.Match().Takes(job.Job{Workflow: "export"}, job.EventFailed))
	// Output:
	// true
	// false
	// false
}

func TestAWebhookTakesTheEventsOfItsScope(t *testing.T) {
	j := job.Job{UID: "j1", Workflow: "f1"}
	failures := []job.EventType{job.EventFailed, job.EventStopped}
	tests := []struct {
		name  string
		match webhook.Match
		event job.EventType
		want  bool
	}{
		{"the whole project", webhook.Match{Events: failures}, job.EventFailed, true},
		{"the second of its events", webhook.Match{Events: failures}, job.EventStopped, true},
		{"an event it did not ask for", webhook.Match{Events: failures}, job.EventSucceeded, false},
		{"no events", webhook.Match{}, job.EventFailed, false},
		{"no event", webhook.Match{Events: failures}, job.NoEvent, false},
		{"its workflow", webhook.Match{Events: failures, Workflow: "f1"}, job.EventFailed, true},
		{"another workflow", webhook.Match{Events: failures, Workflow: "f2"}, job.EventFailed, false},
		{"its job", webhook.Match{Events: failures, Job: "j1"}, job.EventFailed, true},
		{"another job", webhook.Match{Events: failures, Job: "j2"}, job.EventFailed, false},
		{"its job, an event it did not ask for", webhook.Match{Events: failures, Job: "j1"}, job.EventCreated, false},
	}
	for _, test := range tests {
		if got := test.match.Takes(j, test.event); got != test.want {
			t.Errorf("%s: Takes = %v, want %v", test.name, got, test.want)
		}
	}
}

func TestAWebhookTakesNoChangeFromBeforeItExisted(t *testing.T) {
	tests := []struct {
		name    string
		created time.Time
		want    bool
	}{
		{"a millisecond before the change", noon.Add(-time.Millisecond), true},
		{"at the change", noon, true},
		{"in the millisecond of the change, which is dated by its begin", noon.Add(999 * time.Microsecond), true},
		{"a millisecond after the change", noon.Add(time.Millisecond), false},
	}
	for _, test := range tests {
		if got := (webhook.Match{CreatedAt: test.created}).Before(noon); got != test.want {
			t.Errorf("a webhook created %s: Before = %v, want %v", test.name, got, test.want)
		}
	}
}

func TestAMatchIsWhatFanOutNeedsOfAWebhook(t *testing.T) {
	w := webhook.Webhook{UID: "w", Project: "p", Version: 7, URL: "u", Events: []job.EventType{job.EventPaused}, Workflow: "f", Job: "j", Payload: job.FormatStandard, CreatedAt: noon}
	want := webhook.Match{Webhook: "w", Workflow: "f", Job: "j", Events: []job.EventType{job.EventPaused}, Payload: job.FormatStandard, CreatedAt: noon}
	if diff := cmp.Diff(want, w.Match()); diff != "" {
		t.Errorf("Match (-want +got):\n%s", diff)
	}
}

func TestAnAttemptHasTwelveSecondsUnlessTheWebhookSaysOtherwise(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{0: 12 * time.Second, time.Second: time.Second, 20 * time.Second: 20 * time.Second} {
		if got := (webhook.Webhook{Timeout: timeout}).PerAttempt(); got != want {
			t.Errorf("PerAttempt with a time-out of %v = %v, want %v", timeout, got, want)
		}
	}
}

func TestACloneSharesNoMemory(t *testing.T) {
	w := webhook.Webhook{
		Events: []job.EventType{job.EventFailed}, Headers: []webhook.Header{{Name: "A"}}, Secrets: []webhook.Secret{{Hint: "a"}}, Schedule: []time.Duration{1},
		Signatures: []webhook.Scheme{webhook.SchemeV1a},
	}
	c := w.Clone()
	c.Events[0], c.Headers[0].Name, c.Secrets[0].Hint, c.Schedule[0], c.Signatures[0] = job.EventCreated, "B", "b", 2, webhook.SchemeV1
	if w.Events[0] != job.EventFailed || w.Headers[0].Name != "A" || w.Secrets[0].Hint != "a" || w.Schedule[0] != 1 || w.Signatures[0] != webhook.SchemeV1a {
		t.Errorf("a change of the clone shows in the webhook: %+v", w)
	}
}
