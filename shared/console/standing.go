package console

import (
	"html/template"
	"strconv"
	"strings"
	"time"
)

// lateAfter is after how long something that has not happened yet is worth a word.
const lateAfter = 5 * time.Minute

// standing is a row of the table that says why a delivery is where it is.
type standing struct {
	state, reason string
	holds         func(story) bool // nil: always. The first row that holds is told
	text          string           // with the pieces of a story in braces
}

// standings has a row for each state and reason that a delivery has. What the webhook is now comes first: it decides what follows.
var standings = []standing{
	{"pending", "", story.isTest, "The test event is on its way."},
	{"pending", "", story.deleted, "{failure} The webhook has been deleted: when the first attempt falls due, the delivery is cancelled without a request."},
	{"pending", "", story.disabled, "{failure} The webhook is disabled: unless it is enabled before the first attempt falls due, the delivery is cancelled then."},
	{"pending", "", story.tried, "{failure} Its schedule has not begun yet: the first attempt {due}."},
	{"pending", "", story.old, "No attempt has been made yet, and the event happened {created}. While a receiver asks for a pause (429 or 503 with Retry-After), " +
		"everything for its webhook waits; if that is not so here, redrive what is missing."},
	{"pending", "", nil, "No attempt has been made yet: the first is on its way."},

	{"retrying", "", story.deleted, "{failure} The webhook has been deleted: when the next attempt falls due ({next}), the delivery is cancelled."},
	{"retrying", "", story.disabled, "{failure} The webhook is disabled: unless it is enabled before the next attempt falls due ({next}), the delivery is cancelled then."},
	{"retrying", "", story.overdue, "{failure} The next attempt was due {next}: it waits for its turn, or for the pause that the receiver asked for by Retry-After."},
	{"retrying", "", story.redriven, "{failure} It was redriven, so it has a fresh schedule, whose next attempt {due}."},
	{"retrying", "", nil, "{failure} The next attempt {due}."},

	{"succeeded", "", story.tried, "The receiver accepted it {ended}. {failure} That changes nothing: it has been delivered."},
	{"succeeded", "", story.atOnce, "The receiver accepted it {ended}, at the first attempt, with {status}."},
	{"succeeded", "", nil, "The receiver accepted it {ended}, after {attempts}, with {status}."},

	{"dead", "exhausted", story.deleted, "{schedule} was used up {ended}. {failure} The webhook has been deleted since, so it cannot be sent any more."},
	{"dead", "exhausted", story.disabled, "{schedule} was used up {ended}. {failure} Mend the receiver, enable the webhook, which is disabled now, and redrive it."},
	{"dead", "exhausted", nil, "{schedule} was used up {ended}. {failure} Mend the receiver, then redrive it."},
	{"dead", "gone", story.deleted, "The receiver answered 410 Gone {ended}, which ended the delivery at once. The webhook has been deleted since."},
	{"dead", "gone", story.enabled, "The receiver answered 410 Gone {ended}, which ended the delivery at once and disabled the webhook. It is enabled again: redrive the delivery."},
	{"dead", "gone", nil, "The receiver answered 410 Gone {ended}: it wants nothing more. That ended the delivery at once and disabled the webhook. If it was a " +
		"mistake, mend the receiver, enable the webhook, and redrive the delivery."},
	{"dead", "fault", nil, "Hermod gave it up {ended} by a fault of its own: what became of its attempts could not be noted, too often. The receiver may have it, or " +
		"not. Redrive it to be sure."},

	{"cancelled", "webhook_disabled", story.deleted, "It fell due {ended} while its webhook was disabled, so it was not sent. The webhook has been deleted since."},
	{"cancelled", "webhook_disabled", story.enabled, "It fell due {ended} while its webhook was disabled, so it was not sent. The webhook is enabled again: redrive it."},
	{"cancelled", "webhook_disabled", nil, "It fell due {ended} while its webhook was disabled, so it was not sent. Enable the webhook, then redrive it."},
	{"cancelled", "webhook_deleted", nil, "It fell due {ended}, after its webhook had been deleted, so it was not sent and cannot be any more. Another webhook can be " +
		"sent the job’s event."},
	{"cancelled", "test_failed", nil, "A test event is sent once and never repeated. {failure} Mend the receiver, then retry it or send another test."},
}

// story is a delivery with what is known around it. Of one in a list that is the webhook, and of several the delivery alone.
type story struct {
	delivery
	hook     *webhook // nil: not known
	gone     bool     // the webhook has been deleted
	reopened int      // how often redrives gave it a fresh schedule
	attempts []attempt
	now      time.Time
}

func (t story) isTest() bool   { return t.Test }
func (t story) deleted() bool  { return t.gone }
func (t story) disabled() bool { return t.hook != nil && !t.hook.Enabled }
func (t story) enabled() bool  { return t.hook != nil && t.hook.Enabled }
func (t story) tried() bool    { return t.LastErrorClass != nil }
func (t story) redriven() bool { return t.reopened > 0 }
func (t story) atOnce() bool   { return t.AttemptCount == 1 }
func (t story) old() bool      { return t.now.Sub(t.CreatedAt) > lateAfter }
func (t story) overdue() bool {
	return t.NextAttemptAt != nil && t.now.Sub(*t.NextAttemptAt) > lateAfter
}

// tellOf tells of a delivery in a list, and of its webhook, which has its uid alone if it was deleted.
func (s *console) tellOf(d delivery, w webhook) template.HTML {
	t := story{delivery: d, gone: w.Deleted()}
	if !t.gone {
		t.hook = &w
	}
	return s.tell(t)
}

// tell says why the delivery is where it is. A state or a reason that only a later release knows is told by its name.
func (s *console) tell(t story) template.HTML {
	t.now = s.Now()
	pieces := strings.NewReplacer(
		"{created}", string(s.when(t.CreatedAt)), "{ended}", string(s.when(t.FinishedAt)), "{next}", string(s.when(t.NextAttemptAt)), "{due}", s.due(t),
		"{failure}", template.HTMLEscapeString(t.failure()), "{schedule}", t.schedule(), "{attempts}", plural(t.AttemptCount, "attempt"),
		"{status}", number(t.LastStatus),
	)
	return template.HTML(strings.TrimSpace(pieces.Replace(template.HTMLEscapeString(t.text()))))
}

func (t story) text() string {
	for _, row := range standings {
		if row.state == t.State && row.reason == valueOf(t.Reason) && (row.holds == nil || row.holds(t)) {
			return row.text
		}
	}
	return "It is " + t.State + ": " + words(t.Reason) + ". {failure}"
}

// due says when the next attempt is made, after the words that name it.
func (s *console) due(t story) string {
	switch {
	case t.NextAttemptAt == nil || t.now.Sub(*t.NextAttemptAt).Abs() < time.Second:
		return "is on its way"
	case t.NextAttemptAt.After(t.now):
		return "is due " + string(s.when(t.NextAttemptAt))
	}
	return "was due " + string(s.when(t.NextAttemptAt)) + " and is on its way"
}

// failure says what the last attempt got, as a sentence; empty if there was none or it succeeded.
func (t story) failure() string {
	if !t.tried() {
		return ""
	}
	why := valueOf(t.LastError) + "."
	switch *t.LastErrorClass {
	case "breaker_open":
		return "The last step passed without a request: the receiver kept failing, and was left alone for a while."
	case "config":
		return "No request could be made: " + why
	}
	if n := len(t.attempts); n > 0 && t.attempts[n-1].Cause == "manual" {
		return "Attempt " + strconv.Itoa(t.AttemptCount) + ", a retry on request, failed: " + why
	}
	return "Attempt " + strconv.Itoa(t.AttemptCount) + " failed: " + why
}

// schedule names the schedule that was used up, by its attempts if all of them are known to be of one cycle.
func (t story) schedule() string {
	steps := 0
	for _, a := range t.attempts {
		if a.Cause == "schedule" {
			steps++
		}
	}
	switch {
	case t.reopened > 0:
		return "The schedule that a redrive gave it"
	case steps == 0 || len(t.attempts) < t.AttemptCount:
		return "Its schedule"
	case steps == 1:
		return "Its schedule of one attempt"
	}
	return "Its schedule of " + strconv.Itoa(steps) + " attempts"
}
