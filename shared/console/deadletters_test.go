package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"hermod/shared/delivery"
)

// onceHook makes a webhook whose deliveries are dead after their first attempt.
func (w *world) onceHook(fields object) string {
	w.Helper()
	body := object{"retry_schedule": []int{}}
	for k, v := range fields {
		body[k] = v
	}
	return w.newHook(body)
}

// deadLetters makes so many dead letters of a new webhook, for events of the type requested, and returns the webhook's uid.
func (w *world) deadLetters(n int, fields object) string {
	w.Helper()
	body := object{"events": []string{"requested"}}
	for k, v := range fields {
		body[k] = v
	}
	w.answer.Store(http.StatusInternalServerError)
	hook, flow := w.onceHook(body), w.newFlow("Import")
	w.pass(time.Second)
	for range n {
		w.newJob(flow)
	}
	w.work()
	return hook
}

// settle lets a minute pass in which everything works.
func (w *world) settle() {
	w.Helper()
	for range 20 {
		w.work()
		w.pass(3 * time.Second)
	}
}

// started is the page of the redrive that the answer to a form leads to.
func (p *seen) started() string {
	p.Helper()
	if !strings.HasPrefix(p.to, "/console/redrives/") {
		p.Fatalf("%s answers %d and leads to %q, want a redrive: %s", p.path, p.status, p.to, p.text())
	}
	path, _, _ := strings.Cut(strings.TrimPrefix(p.to, "/console"), "?")
	return path
}

// tasks returns the redrives there are.
func (w *world) tasks() (list []object) {
	w.Helper()
	for _, t := range w.call("GET", "/redrives?limit=100", nil)["results"].([]any) {
		list = append(list, t.(object))
	}
	return list
}

func TestADeadLetterIsRedrivenWithProgress(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	v.get("/dead-letters").is(200).shows("No dead letters", "30 days").hides("Redrive 0")
	hook := w.deadLetters(12, object{"name": "CRM"})
	page := v.get("/dead-letters").is(200).shows("12 dead letters", "The newest 10", "CRM (10)", "schedule used up", ">500<", "Redrive 12 deliveries",
		"CRM: its receiver began to fail", "/console/webhooks/"+hook, "2 s at 10 a second", "None yet")
	if n := strings.Count(page.body, "/console/deliveries/"); n != 10 {
		t.Errorf("%d deliveries are shown, want 10", n)
	}
	w.answer.Store(http.StatusNoContent)
	answer := v.post("/dead-letters", url.Values{"rate": {"2"}})
	path := answer.started()
	answer.follow().is(200).
		shows("The redrive has begun", "Redrive of 12 dead letters", "sending", "0 of 12 sent", "6 s to go", `data-live="1"`, "Cancel", "all dead")
	w.work()
	v.get("/dead-letters").shows("A redrive is under way: 10 of 12 sent")
	v.get(path).shows("10 of 12 sent", "2 succeeded", "8 waiting", "1 s to go", `data-live="1"`)
	w.settle()
	v.get(path).is(200).shows("completed", "12 of 12 sent", "12 succeeded").hides("failed again", "Cancel", "data-live", "redrive it once more")
	v.get("/dead-letters").shows("No dead letters", "completed", path).hides("under way", "All redrives")
	v.get("/redrives").is(200).shows("completed", "all dead", "2/s", path)
}

func TestARedriveThatFailsAgainLeadsBackToItsDeadLetters(t *testing.T) {
	w := newWorld(t)
	v, hook := w.visit("full"), w.deadLetters(3, nil)
	filters := "webhook_uid=" + hook + "&error_class=status&since=2026-01-31T09:30&until=2026-02-01T00:00:30"
	path := v.post("/dead-letters?preview=1&"+filters, url.Values{}).started()
	w.settle()
	v.get(path).shows("3 failed again", "3 deliveries failed again", "error status", "since 31 Jan 2026 09:30:00 UTC",
		"/console/dead-letters?since=2026-01-31T09%3A30%3A00&amp;until=2026-02-01T00%3A00%3A30&amp;webhook_uid="+hook,
		"/console/deliveries?since=2026-01-31T09%3A30%3A00&amp;until=2026-02-01T00%3A00%3A30&amp;webhook_uid="+hook)
	v.get("/dead-letters?since=2026-01-31T09%3A30%3A00&webhook_uid="+hook).shows("3 dead letters meet these filters", `value="2026-01-31T09:30:00"`)
	if rate := w.tasks()[0]["rate"]; rate != 100.0 {
		t.Errorf("without a rate it is %v, want the API's own", rate)
	}
}

func TestARedriveTakesWhatThePageShows(t *testing.T) {
	w := newWorld(t)
	v, a := w.visit("full"), w.deadLetters(2, nil)
	w.deadLetters(3, object{"events": []string{"created", "requested"}})
	d := w.call("GET", "/deliveries?state=dead&webhook_uid="+a, nil)["results"].([]any)[0].(object)
	for _, row := range []struct {
		query string
		want  string
	}{
		{"", "8 dead letters"}, // the first webhook takes what happens later, too
		{"webhook_uid=" + a, "5 dead letters meet these filters"},
		{"job_uid=" + d["job_uid"].(string), "2 dead letters meet these filters"},
		{"workflow_uid=" + d["workflow_uid"].(string), "6 dead letters meet these filters"},
		{"event=created", "No dead letter meets these filters"},
		{"error_class=timeout", "No dead letter meets these filters"},
		{"error_class=status", "8 dead letters meet these filters"},
		{"since=2026-02-01T00:00", "No dead letter meets these filters"},
		{"until=2026-02-01T00:00&state=dead", "8 dead letters meet these filters"},
		{"state=cancelled", "Nothing was cancelled"},
	} {
		v.get("/dead-letters?" + row.query).is(200).shows(row.want)
	}
	if made := w.tasks(); len(made) != 0 {
		t.Errorf("looking made %v", made)
	}
	page := v.get("/dead-letters?event=requested&webhook_uid=" + a)
	action := regexp.MustCompile(`action="/console(/dead-letters[^"]*)"`).FindStringSubmatch(page.body)
	if action == nil {
		t.Fatalf("there is no form to redrive: %s", page.text())
	}
	v.post(strings.ReplaceAll(action[1], "&amp;", "&"), url.Values{"rate": {"9"}}).follow().is(200)
	got := w.tasks()[0]
	if f := got["filters"].(object); f["event"] != "requested" || f["webhook_uid"] != a || f["job_uid"] != nil || got["rate"] != 9.0 || got["matched"] != 5.0 {
		t.Errorf("the form started %v", got)
	}
}

func TestWhatTheAPIRefusesOfARedriveIsShownWhereItWasTyped(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	w.deadLetters(2, nil)
	for _, typed := range []string{"0", "1001", "fast"} {
		v.post("/dead-letters", url.Values{"once": {"one-" + typed}, "rate": {typed}}).is(400).
			shows(`value="`+typed+`"`, `id="wrong-rate"`, `aria-invalid="true"`, "2 dead letters", "Redrive 2 deliveries")
	}
	v.get("/dead-letters?webhook_uid=x&event=failed").is(400).shows("webhook_uid", `value="x"`, "selected>failed", "Not counted")
	v.get("/dead-letters?state=missing&error_class=status&preview=1").is(400).shows("error_class")
	v.get("/dead-letters?state=succeeded").is(400).shows("state")
	v.get("/redrives?cursor=x").is(400).shows("cursor")
	if made := w.tasks(); len(made) != 0 {
		t.Errorf("what was refused made %v", made)
	}
}

// Who goes back to the form and corrects it sends the key that it had: what its page asked for meanwhile must not have used it up.
func TestAFormThatWasRefusedCanBeCorrectedAndSent(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	w.deadLetters(1, nil)
	v.post("/dead-letters", url.Values{"once": {"the same"}, "rate": {"0"}}).is(400)
	v.post("/dead-letters", url.Values{"once": {"the same"}, "rate": {"5"}}).follow().is(200).shows("The redrive has begun")
}

func TestAFormSentTwiceStartsOneRedrive(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	w.deadLetters(1, nil)
	form := url.Values{"once": {"the same"}, "rate": {"5"}}
	first, second := v.post("/dead-letters", form), v.post("/dead-letters", form)
	if first.to == "" || first.to != second.to || len(w.tasks()) != 1 {
		t.Errorf("sent twice it leads to %q and %q, and there are %d redrives", first.to, second.to, len(w.tasks()))
	}
}

func TestARedriveIsCancelled(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	w.deadLetters(12, nil)
	path := v.post("/dead-letters", url.Values{"rate": {"1"}}).started()
	w.work()
	v.get(path).shows("5 of 12 sent", `action="/console`+path+`/cancel"`)
	v.post(path+"/cancel", url.Values{}).follow().is(200).shows("The redrive is cancelled", "It was cancelled now", "5 of 12 sent").hides(`/cancel"`)
	w.settle()
	v.get(path).shows("5 failed again", "5 deliveries failed again")
	w.answer.Store(http.StatusNoContent)
	path = v.post("/dead-letters", url.Values{}).started()
	w.settle()
	v.post(path+"/cancel", url.Values{}).follow().is(200).shows("had ended already", "completed")
}

func TestWhatWasCancelledIsRedrivenOnceItsWebhookIsEnabled(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	hook := w.newHook(object{"name": "CRM", "events": []string{"requested"}, "retry_schedule": []int{60}})
	w.answer.Store(http.StatusInternalServerError)
	w.pass(time.Second)
	w.newJob(w.newFlow("Import"))
	w.work()
	w.call("PATCH", "/webhooks/"+hook, object{"enabled": false})
	w.pass(2 * time.Minute)
	w.work()
	v.get("/dead-letters").shows("No dead letters")
	v.get("/dead-letters?state=cancelled").is(200).shows("1 cancelled delivery", "CRM is disabled (user)", "Enable it first", "webhook disabled",
		"Redrive 1 delivery", `aria-current="page">Cancelled`)
	w.call("PATCH", "/webhooks/"+hook, object{"enabled": true})
	w.answer.Store(http.StatusNoContent)
	path := v.post("/dead-letters?state=cancelled", url.Values{}).started()
	w.settle()
	v.get(path).shows("Redrive of 1 cancelled delivery", "completed", "1 succeeded")
}

func TestWhatIsMissingIsLookedForWhenAskedFor(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	w.newHook(object{"events": []string{"requested"}})
	w.pass(time.Second)
	w.newJob(w.newFlow("Import"))
	w.fanOut(t.Context())
	lost, err := w.db.Queue().Receive(t.Context(), delivery.LaneFirst, 10, 0)
	w.noError(err)
	w.noError(w.db.Queue().Delete(t.Context(), lost...))
	w.pass(10 * time.Minute)
	v.get("/dead-letters?state=missing").is(200).hides("Redrive 1", "Last error").
		shows("the message was lost", "Nothing was looked for yet", `name="since" value="2026-01-30T09:40"`)
	v.get("/dead-letters?state=missing&preview=1&since=2026-01-31T09:39").shows("No missing delivery meets these filters")
	v.get("/dead-letters?state=missing&preview=1&since=2026-01-30T09:40").shows("1 missing delivery meets these filters", "Redrive 1 delivery")
	path := v.post("/dead-letters?state=missing&preview=1&since=2026-01-30T09:40", url.Values{}).started()
	w.settle()
	v.get(path).shows("Redrive of 1 missing delivery", "completed", "1 succeeded")
	v.get("/dead-letters?state=missing&preview=1").shows("Nothing is missing")
}

func TestAKeyThatOnlyReadsSeesDeadLettersAndRedrivesNothing(t *testing.T) {
	w := newWorld(t)
	w.deadLetters(3, object{"name": "CRM"})
	path := w.visit("full").post("/dead-letters", url.Values{"rate": {"1"}}).started()
	v := w.visit("reader")
	v.get("/dead-letters").is(200).shows("3 dead letters", "scope write", "For CRM (3)", "A redrive is under way").
		hides("Redrive 3", `method="post" action="/console/dead-letters`, "Workflow", "Last error")
	v.get("/dead-letters?event=created").is(200).shows("The newest that meet these filters", "There is none")
	v.get("/dead-letters?state=missing&preview=1").is(200).shows("scope write").hides("There is none")
	v.get(path).is(200).shows("sending").hides("Cancel")
	v.post("/dead-letters", url.Values{"rate": {"1"}}).is(403).shows("scope")
	v.post(path+"/cancel", url.Values{}).is(403).shows("scope")
	if made := w.tasks(); len(made) != 1 || made[0]["state"] != "sending" {
		t.Errorf("a key that only reads has made %v", made)
	}
}

func TestRedrivesOfAnotherProjectAreNotThere(t *testing.T) {
	w := newWorld(t)
	w.deadLetters(1, object{"name": "CRM"})
	path := w.visit("full").post("/dead-letters", url.Values{"rate": {"1"}}).started()
	v := w.visit("other")
	v.get("/dead-letters").is(200).shows("No dead letters", "None yet").hides("CRM")
	v.get("/redrives").is(200).shows("No redrive yet")
	for _, there := range []string{path, "/redrives/0197f3a5-7700-7f70-a182-930415263748"} {
		v.get(there).is(404).shows("Not found")
		v.post(there+"/cancel", url.Values{}).is(404)
	}
	v.get("/redrives/x").is(404)
	if state := w.tasks()[0]["state"]; state != "sending" {
		t.Errorf("another project made the redrive %v", state)
	}
}

func TestManyDeadLettersAreCountedWhenAskedFor(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	w.deadLetters(201, object{"name": "CRM"})
	v.get("/dead-letters").is(200).shows("201 dead letters in the project", "preview=1", "The newest 10 are for CRM (10)").hides("Redrive 201")
	v.get("/dead-letters?preview=1").shows("201 dead letters", "Redrive 201 deliveries")
	v.get("/dead-letters?error_class=timeout").shows("201 dead letters in the project").hides("The newest 10")
	v.get("/dead-letters?error_class=timeout&preview=1").shows("No dead letter meets these filters")
}

func TestTheHistoryHasPages(t *testing.T) {
	w := newWorld(t)
	v, hook := w.visit("full"), w.onceHook(object{"name": `<script>alert("x")</script>`})
	for i := range 23 {
		w.pass(time.Second)
		w.call("POST", "/redrives", object{"webhook_uid": hook, "rate": i + 1})
	}
	w.settle()
	v.get("/dead-letters").shows("23/s", "19/s", "All redrives", `webhook &lt;script&gt;`).hides("18/s")
	first := v.get("/redrives").is(200).shows("23/s", "4/s", "Older").hides(">3/s")
	if strings.Contains(first.body, "<script>alert") {
		t.Errorf("the name of a webhook is markup: %s", first.body)
	}
	next := regexp.MustCompile(`href="/console(/redrives[^"]*cursor=[^"]*)"`).FindStringSubmatch(first.body)
	if next == nil {
		t.Fatalf("there is no next page: %s", first.text())
	}
	v.get(strings.ReplaceAll(next[1], "&amp;", "&")).is(200).shows(">3/s", ">1/s", "Newest").hides(">4/s")
	w.call("DELETE", "/webhooks/"+hook, nil)
	v.get("/dead-letters").shows("webhook deleted …" + hook[len(hook)-8:])
}

func TestTheWebhookOfADeadLetterMayBeDeleted(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	hook := w.deadLetters(2, object{"name": "CRM"})
	w.newHook(nil)
	w.call("DELETE", "/webhooks/"+hook, nil)
	v.get("/dead-letters?webhook_uid="+hook).is(200).
		shows("2 dead letters meet these filters", "has been deleted", fmt.Sprintf(`<option value="%s" selected>`, hook))
}

func TestTheSelectsGiveWayToFieldsWhereThereIsTooMuchToChooseFrom(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	for i := range 101 {
		w.newHook(object{"name": fmt.Sprintf("%d%s", i, strings.Repeat("&", 150))})
		w.newFlow(strings.Repeat("<", 150))
	}
	v.get("/dead-letters").is(200).shows(`<input name="webhook_uid"`, `<select name="workflow_uid"`)
	for range 100 {
		w.newFlow("more")
	}
	v.get("/dead-letters").is(200).shows(`<input name="workflow_uid"`)
}
