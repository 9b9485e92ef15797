package console_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestAnEmptyProjectIsToldItsFirstSteps(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("Leads")
	w.visit("full").get("").is(200).shows("First steps", "/v3/workflows/"+flow+"/schedule", "Nothing happened in this time", "None: nothing has been sent yet.")
}

// The steps stay until something has been sent, and their commands do what they say.
func TestTheFirstStepsLeadToAFirstDelivery(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("Leads")
	w.newHook(object{"events": []string{"succeeded"}})
	v := w.visit("full")
	page := v.get("").is(200).shows("First steps", "Done: there is 1 webhook").hides("Add a webhook")
	var bodies []object
	for _, command := range strings.Split(page.text(), "-d '")[1:] {
		text, _, _ := strings.Cut(command, "'")
		var body object
		w.noError(json.Unmarshal([]byte(text), &body))
		bodies = append(bodies, body)
	}
	if len(bodies) != 3 {
		t.Fatalf("there are %d commands, want one that launches and two that report: %s", len(bodies), page.said())
	}
	job := w.call("POST", "/workflows/"+flow+"/schedule", bodies[0])["job_uid"].(string)
	w.call("PATCH", "/jobs/"+job, bodies[1])
	w.call("PATCH", "/jobs/"+job, bodies[2])
	w.work()
	v.get("").is(200).hides("First steps").shows("1 succeeded")
}

func TestTheOverviewTellsHowTheProjectIs(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("Leads")
	w.newHook(object{"name": "good", "events": []string{"created"}})
	w.newJob(flow, "running")
	w.work()
	w.answer.Store(http.StatusInternalServerError)
	broken := w.newHook(object{"name": "<broken>", "events": []string{"succeeded"}, "retry_schedule": []int{}})
	waiting := w.newHook(object{"name": "waiting", "events": []string{"succeeded"}})
	w.newJob(flow, "running", "finished")
	w.work()

	v := w.visit("reader")
	v.get("").is(200).hides("First steps", "<broken>").shows("50\u00a0%", "1 succeeded, 1 died", "4 attempts", `aria-label="Deliveries by outcome: `,
		`<a href="/console/deliveries?state=retrying">2</a>`, `<a href="/console/dead-letters">1</a>`,
		"/console/why?webhook_uid="+broken, "/console/why?webhook_uid="+waiting, "&lt;broken&gt;", "$2.99", "3 webhooks are failing:", `<div class="value bad">`)
	w.pass(3*time.Minute + 30*time.Second)
	if text := v.get("").text(); !strings.Contains(text, "waiting for 3 min") {
		t.Errorf("the overview does not say how long a webhook has been failing: %s", text)
	}
	w.pass(48 * time.Hour)
	v = w.visit("reader") // the session has ended
	v.get("").is(200).shows("Nothing happened in this time", `<a href="/console/dead-letters">1</a>`)
	v.get("?range=7d").is(200).shows("1 succeeded, 1 died").hides("Nothing happened in this time")
	v.get("?range=30d").is(200).shows("1 succeeded, 1 died")
	v.get("?range=nonsense").is(200)
	w.visit("other").get("").is(200).hides("broken", "1 succeeded")
}

func TestTheOverviewTellsFirstOfTheWebhookThatFailsLongest(t *testing.T) {
	w := newWorld(t)
	w.answer.Store(http.StatusInternalServerError)
	flow := w.newFlow("Leads")
	for _, name := range []string{"zeta", "alpha"} {
		w.newHook(object{"name": name, "events": []string{"requested"}})
		w.newJob(flow)
		w.work()
		w.pass(time.Hour)
	}
	page := w.visit("full").get("").is(200).shows("zeta", "alpha")
	if strings.Index(page.body, "zeta") > strings.Index(page.body, "alpha") {
		t.Errorf("alpha, which began to fail later, is told before zeta: %s", page.said())
	}
}
