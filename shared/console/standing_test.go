package console

import (
	"html"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// noon is the time in these tests.
var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// told returns a delivery of half a minute ago, of a webhook that is enabled, changed as a test needs it. What waits is due in 4 s, what
// ended did so 10 s ago.
func told(state, reason string, attempts int, changes ...func(*story)) story {
	hook := webhook{Enabled: true, CreatedAt: noon.Add(-time.Hour)}
	t := story{delivery: delivery{State: state, AttemptCount: attempts, CreatedAt: noon.Add(-30 * time.Second)}, hook: &hook}
	next, ended := noon.Add(4*time.Second), noon.Add(-10*time.Second)
	switch {
	case state == "retrying":
		t.NextAttemptAt = &next
	case state != "pending":
		t.FinishedAt = &ended
	}
	if reason != "" {
		t.Reason = &reason
	}
	for _, change := range changes {
		change(&t)
	}
	return t
}

func failed(class, sentence string) func(*story) {
	return func(t *story) { t.LastErrorClass, t.LastError = &class, &sentence }
}

func answered(status int) func(*story) { return func(t *story) { t.LastStatus = &status } }

func nextIn(d time.Duration) func(*story) {
	return func(t *story) {
		at := noon.Add(d)
		t.NextAttemptAt = &at
	}
}

func attemptsOf(causes ...string) func(*story) {
	return func(t *story) {
		for _, cause := range causes {
			t.attempts = append(t.attempts, attempt{Cause: cause})
		}
	}
}

func isDisabled(t *story) { t.hook.Enabled = false }
func isDeleted(t *story)  { t.hook, t.gone = nil, true }
func isUnknown(t *story)  { t.hook = nil }
func wasReopened(t *story) {
	t.reopened = 1
}

func TestADeliverySaysWhyItIsWhereItIs(t *testing.T) {
	down := failed("status", "the answer was 503 Service Unavailable")
	tests := []struct {
		story story
		want  string
	}{
		{told("pending", "", 0), "No attempt has been made yet: the first is on its way."},
		{told("pending", "", 0, func(s *story) { s.Test = true }), "The test event is on its way."},
		{told("pending", "", 0, isDisabled), "The webhook is disabled: unless it is enabled before the first attempt falls due, the delivery is cancelled then."},
		{told("pending", "", 0, isDeleted), "The webhook has been deleted: when the first attempt falls due, the delivery is cancelled without a request."},
		{told("pending", "", 1, down, nextIn(-3*time.Second)), "Attempt 1 failed: the answer was 503 Service Unavailable. Its schedule has not begun yet: the first attempt " +
			"was due 3 s ago and is on its way."},
		{told("pending", "", 0, func(s *story) { s.CreatedAt = noon.Add(-20 * time.Minute) }), "No attempt has been made yet, and the event happened 20 min ago. While a receiver " +
			"asks for a pause (429 or 503 with Retry-After), everything for its webhook waits; if that is not so here, redrive what is missing."},

		{told("retrying", "", 3, down), "Attempt 3 failed: the answer was 503 Service Unavailable. The next attempt is due in 4 s."},
		{told("retrying", "", 3, down, isUnknown), "Attempt 3 failed: the answer was 503 Service Unavailable. The next attempt is due in 4 s."},
		{told("retrying", "", 3, down, nextIn(0)), "Attempt 3 failed: the answer was 503 Service Unavailable. The next attempt is on its way."},
		{told("retrying", "", 3, down, nextIn(-2*time.Second)), "Attempt 3 failed: the answer was 503 Service Unavailable. The next attempt was due 2 s ago and is on its way."},
		{told("retrying", "", 3, down, nextIn(-7*time.Minute)), "Attempt 3 failed: the answer was 503 Service Unavailable. The next attempt was due 7 min ago: it waits for its " +
			"turn, or for the pause that the receiver asked for by Retry-After."},
		{told("retrying", "", 4, down, attemptsOf("schedule", "schedule", "schedule", "manual")), "Attempt 4, a retry on request, failed: the answer was 503 Service Unavailable. The next " +
			"attempt is due in 4 s."},
		{told("retrying", "", 3, down, isDisabled), "Attempt 3 failed: the answer was 503 Service Unavailable. The webhook is disabled: unless it is enabled before the next attempt " +
			"falls due (in 4 s), the delivery is cancelled then."},
		{told("retrying", "", 3, down, isDeleted), "Attempt 3 failed: the answer was 503 Service Unavailable. The webhook has been deleted: when the next attempt falls due (in 4 s), the " +
			"delivery is cancelled."},
		{told("retrying", "", 5, down, wasReopened), "Attempt 5 failed: the answer was 503 Service Unavailable. It was redriven, so it has a fresh schedule, whose next attempt is due in 4 s."},
		{told("retrying", "", 0, wasReopened), "It was redriven, so it has a fresh schedule, whose next attempt is due in 4 s."},
		{told("retrying", "", 2, failed("config", "the value of header X_Key cannot be opened")), "No request could be made: the value of header X_Key cannot be opened. The next attempt " +
			"is due in 4 s."},
		{told("retrying", "", 2, failed("breaker_open", "")), "The last step passed without a request: the receiver kept failing, and was left alone for a while. The next attempt is due in 4 s."},

		{told("succeeded", "", 1, answered(204)), "The receiver accepted it 10 s ago, at the first attempt, with 204."},
		{told("succeeded", "", 3, answered(200)), "The receiver accepted it 10 s ago, after 3 attempts, with 200."},
		{told("succeeded", "", 4, down), "The receiver accepted it 10 s ago. Attempt 4 failed: the answer was 503 Service Unavailable. That changes nothing: it has been delivered."},

		{told("dead", "exhausted", 3, down), "Its schedule was used up 10 s ago. Attempt 3 failed: the answer was 503 Service Unavailable. Mend the receiver, then redrive it."},
		{told("dead", "exhausted", 3, down, attemptsOf("schedule", "schedule", "schedule")), "Its schedule of 3 attempts was used up 10 s ago. Attempt 3 failed: the answer was 503 " +
			"Service Unavailable. Mend the receiver, then redrive it."},
		{told("dead", "exhausted", 1, down, attemptsOf("schedule")), "Its schedule of one attempt was used up 10 s ago. Attempt 1 failed: the answer was 503 Service Unavailable. Mend " +
			"the receiver, then redrive it."},
		{told("dead", "exhausted", 3, down, attemptsOf("schedule", "schedule", "manual")), "Its schedule of 2 attempts was used up 10 s ago. Attempt 3, a retry on request, failed: the " +
			"answer was 503 Service Unavailable. Mend the receiver, then redrive it."},
		{told("dead", "exhausted", 120, down, attemptsOf("schedule", "manual", "manual")), "Its schedule was used up 10 s ago. Attempt 120, a retry on request, failed: the answer was 503 " +
			"Service Unavailable. Mend the receiver, then redrive it."},
		{told("dead", "exhausted", 6, down, wasReopened, attemptsOf("schedule", "schedule")), "The schedule that a redrive gave it was used up 10 s ago. Attempt 6 failed: the answer was 503 " +
			"Service Unavailable. Mend the receiver, then redrive it."},
		{told("dead", "exhausted", 3, down, isDisabled), "Its schedule was used up 10 s ago. Attempt 3 failed: the answer was 503 Service Unavailable. Mend the receiver, enable the webhook, " +
			"which is disabled now, and redrive it."},
		{told("dead", "exhausted", 3, down, isDeleted), "Its schedule was used up 10 s ago. Attempt 3 failed: the answer was 503 Service Unavailable. The webhook has been deleted since, so it " +
			"cannot be sent any more."},
		{told("dead", "gone", 1, failed("status", "the answer was 410 Gone"), isDisabled), "The receiver answered 410 Gone 10 s ago: it wants nothing more. That ended the delivery at once and " +
			"disabled the webhook. If it was a mistake, mend the receiver, enable the webhook, and redrive the delivery."},
		{told("dead", "gone", 1, failed("status", "the answer was 410 Gone")), "The receiver answered 410 Gone 10 s ago, which ended the delivery at once and disabled the webhook. It is " +
			"enabled again: redrive the delivery."},
		{told("dead", "gone", 1, isDeleted), "The receiver answered 410 Gone 10 s ago, which ended the delivery at once. The webhook has been deleted since."},
		{told("dead", "fault", 2), "Hermod gave it up 10 s ago by a fault of its own: what became of its attempts could not be noted, too often. The receiver may have it, or not. Redrive " +
			"it to be sure."},

		{told("cancelled", "webhook_disabled", 0, isDisabled), "It fell due 10 s ago while its webhook was disabled, so it was not sent. Enable the webhook, then redrive it."},
		{told("cancelled", "webhook_disabled", 0), "It fell due 10 s ago while its webhook was disabled, so it was not sent. The webhook is enabled again: redrive it."},
		{told("cancelled", "webhook_disabled", 0, isDeleted), "It fell due 10 s ago while its webhook was disabled, so it was not sent. The webhook has been deleted since."},
		{told("cancelled", "webhook_deleted", 2, down, isDeleted), "It fell due 10 s ago, after its webhook had been deleted, so it was not sent and cannot be any more. Another webhook can " +
			"be sent the job’s event."},
		{told("cancelled", "test_failed", 1, down), "A test event is sent once and never repeated. Attempt 1 failed: the answer was 503 Service Unavailable. Mend the receiver, then retry " +
			"it or send another test."},

		{told("resting", "moon_phase", 1, down), "It is resting: moon phase. Attempt 1 failed: the answer was 503 Service Unavailable."},
	}
	s := &console{Config: Config{Now: func() time.Time { return noon }}}
	for _, tt := range tests {
		if got := plainText(string(s.tell(tt.story))); got != tt.want {
			t.Errorf("a delivery that is %s %v says %q, want %q", tt.story.State, deref(tt.story.Reason), got, tt.want)
		}
	}
}

var tags = regexp.MustCompile(`<[^>]*>`)

// plainText is HTML as one reads it.
func plainText(text string) string {
	return strings.ReplaceAll(html.UnescapeString(tags.ReplaceAllString(text, "")), "\u00a0", " ")
}

func TestWhatAReceiverSaidIsNoHTMLInASentence(t *testing.T) {
	s := &console{Config: Config{Now: func() time.Time { return noon }}}
	got := string(s.tell(told("retrying", "", 1, failed("status", "the answer was {next} <script>alert(1)</script>"))))
	if strings.Contains(got, "<script>") || !strings.Contains(got, "{next} &lt;script&gt;") {
		t.Errorf("the sentence has what is not ours: %s", got)
	}
}

// What package delivery gets one day must find its sentence.
func TestEveryStateAndReasonHasASentence(t *testing.T) {
	for _, kind := range []struct {
		pattern string
		told    func(standing) string
	}{
		{`\w+ +State += "(\w+)"`, func(row standing) string { return row.state }},
		{`Reason\w+ +Reason = "(\w+)"`, func(row standing) string { return row.reason }},
	} {
		known := constantsOf(t, "../delivery/delivery.go", kind.pattern)
		if len(known) < 5 {
			t.Fatalf("package delivery has only %q: the pattern is out of date", known)
		}
		for _, name := range known {
			if !slices.ContainsFunc(standings, func(row standing) bool { return kind.told(row) == name && row.holds == nil }) {
				t.Errorf("%q has no sentence that holds always", name)
			}
		}
	}
}

func TestEveryErrorClassHasARemedy(t *testing.T) {
	for _, class := range constantsOf(t, "../delivery/errorclass.go", `Class\w+ +ErrorClass = "(\w+)"`) {
		if (delivery{LastErrorClass: &class}).Remedy() == "" {
			t.Errorf("the class %s has no remedy", class)
		}
	}
	if text := (delivery{}).Remedy(); text != "" {
		t.Errorf("without a failure there is a remedy: %s", text)
	}
}

func TestARemedyFitsTheStatus(t *testing.T) {
	status := "status"
	for code, want := range map[int]string{302: "Redirects", 401: "signatures", 403: "signatures", 404: "URL", 410: "gone for good", 418: "refuses", 429: "Retry-After", 500: "failed", 503: "failed"} {
		if got := (delivery{LastErrorClass: &status, LastStatus: &code}).Remedy(); !strings.Contains(got, want) {
			t.Errorf("the remedy for %d is %q, want one about %q", code, got, want)
		}
	}
}

func constantsOf(t *testing.T, file, pattern string) (names []string) {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(pattern).FindAllSubmatch(source, -1) {
		names = append(names, string(m[1]))
	}
	return names
}
