package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestAJobsPageSaysWhatItIsAndHowFar(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("Import")
	job := w.newBatch(flow, "nightly", 4)
	w.report(job, "ok", "BAD_INPUT/input", "LIMIT_REACHED/server")
	v := w.visit("full")
	page := v.get("/jobs/"+job).is(200).shows(
		"nightly", "running", `data-copy="`+job+`"`, "3 of 4 inputs done", "1 succeeded", "2 failed", "1 pending",
		"/console/jobs?workflow_uid="+flow, `data-live="3"`, "Cancel this job")
	page.hides(`data-dialog="retry"`) // it runs
	w.report(job, "ok", "BAD_INPUT/input", "LIMIT_REACHED/server", "ok")
	v.get("/jobs/"+job).is(200).shows("finished", "4 of 4 inputs done", `data-dialog="retry"`, "Retry failed inputs").hides("data-live",
		"Cancel this job")
	for _, tab := range []string{"inputs", "results", "events", "webhooks", "deliveries"} {
		page := v.get("/jobs/" + job + "?tab=" + tab).is(200)
		if n := strings.Count(page.body, `aria-current="page">`+strings.ToUpper(tab[:1])+tab[1:]); n != 1 {
			t.Errorf("of the tabs of ?tab=%s, %d are marked as %s, want 1", tab, n, tab)
		}
	}
	w.visit("other").get("/jobs/" + job).is(404).shows("There is no job of this uid")
	v.get("/jobs/nonsense").is(404)
}

func TestAJobWithoutANameOrInputsHasAPage(t *testing.T) {
	w := newWorld(t)
	job := w.call("POST", "/workflows/"+w.newFlow("Import")+"/schedule", object{})["job_uid"].(string)
	w.call("PATCH", "/jobs/"+job, object{"status": "shutdown", "error_message": "out of <memory>"})
	w.work()
	v := w.visit("full")
	v.get("/jobs/"+job).is(200).shows("Job without a name", "shutdown", "out of &lt;memory&gt;", "The project has no webhook", "Retry the job")
	v.get("/jobs/"+job+"?tab=inputs").is(200).shows("No inputs", "/console/reference/appendInputs")
	v.get("/jobs/" + job + "?tab=results").is(200).shows("No results")
	v.get("/jobs/"+job+"?tab=webhooks").is(200).shows("No webhook", "Add Webhook").hides("Retry all")
	v.get("/jobs/" + job + "?tab=deliveries").is(200).shows("No delivery")
	v.post("/jobs/"+job+"/retry", nil).follow().is(200).shows("The job is pending again", "pending")
}

func TestInputsTellWhyTheyFailedAndWhetherThatMayBeRetried(t *testing.T) {
	w := newWorld(t)
	job := w.newBatch(w.newFlow("Import"), "nightly", 23)
	w.report(job, "ok", "BAD_INPUT/input", "LIMIT_REACHED/server")
	v := w.visit("full")
	page := v.get("/jobs/"+job+"?tab=inputs").is(200).shows(`"email": "person0@example.com"`, "BAD_INPUT", "would fail again",
		"It said &lt;no&gt; to 1", "LIMIT_REACHED", "may be retried", "person19@")
	v.get(page.link("Next page")).is(200).shows("person20@", "person22@", "First page").hides("person19@", "data-live=\"4\"")
	v.get("/jobs/"+job+"?tab=inputs&status=failed").is(200).shows("person1@", "person2@").hides("person0@", "person3@")
	v.get("/jobs/" + job + "?tab=inputs&retryable=true").is(200).shows("person2@").hides("person1@")
	v.get("/jobs/"+job+"?tab=inputs&label=BAD_INPUT").is(200).shows("person1@", `value="BAD_INPUT"`).hides("person2@")
	v.get("/jobs/" + job + "?tab=inputs&label=NONE").is(200).shows("No input meets these filters")
	v.get("/jobs/"+job+"?tab=inputs&status=wild").is(400).shows("status", "nightly")
}

func TestFailedInputsAreRetriedAsOneChooses(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("Import")
	fresh := func() string {
		job := w.newBatch(flow, "nightly", 4)
		w.report(job, "ok", "BAD_INPUT/input", "LIMIT_REACHED/server", "API_TIMEOUT_ERROR/server")
		return job
	}
	v := w.visit("full")
	job := fresh()
	v.get("/jobs/"+job).shows(`<input type="checkbox" name="label" value="BAD_INPUT">`, `value="LIMIT_REACHED"`, `value="API_TIMEOUT_ERROR"`)
	v.post("/jobs/"+job+"/retry", nil).follow().is(200).shows("Some failed inputs were left", "pending", "2 pending", "1 failed",
		"person1@").hides("person2@")

	job = fresh()
	v.post("/jobs/"+job+"/retry", url.Values{"label": {"LIMIT_REACHED"},
		"labels": {" API_TIMEOUT_ERROR , "}}).follow().is(200).shows("The job is pending again", "2 pending")

	job = fresh()
	v.post("/jobs/"+job+"/retry", url.Values{"force": {"on"}}).follow().is(200).shows("3 pending").hides("1 failed")
	v.get("/jobs/" + job).hides(`data-dialog="retry"`)
}

func TestARefusedRetrySaysWhyPerLabelAndKeepsWhatWasChosen(t *testing.T) {
	w := newWorld(t)
	job := w.newBatch(w.newFlow("Import"), "nightly", 3)
	w.report(job, "ok", "BAD_INPUT/input", "NOT_FOUND/input")
	page := w.visit("full").post("/jobs/"+job+"/retry", url.Values{"label": {"BAD_INPUT"}, "labels": {"NOT_FOUND"}}).is(409)
	page.shows(`<dialog id="retry" aria-labelledby="retry-title" open>`, "errors of this class would come again", "<code>BAD_INPUT</code></td>",
		"<code>NOT_FOUND</code></td>",
		`name="label" value="BAD_INPUT" checked`, `name="labels" value="NOT_FOUND"`, `href="/console/jobs/`+job+`?tab=results"`)
	page.hides("data-live", "/retry?")
	w.visit("full").post("/jobs/"+job+"/retry", url.Values{"labels": {"NEVER_SEEN"}}).is(409).shows("no failed input is among those")
}

func TestAJobIsCancelled(t *testing.T) {
	w := newWorld(t)
	job := w.newBatch(w.newFlow("Import"), "nightly", 2)
	v := w.visit("full")
	v.get("/jobs/"+job).shows("Cancel this job", `action="/console/jobs/`+job+`/cancel"`)
	v.post("/jobs/"+job+"/cancel", nil).follow().is(200).shows("The job is stopped.", "stopped").hides("Cancel this job", "data-live")
	finished := w.newJob(w.newFlow("Report"), "running", "finished")
	v.post("/jobs/"+finished+"/cancel", nil).is(409).shows("cannot take a job from finished to stopped", "nightly")
}

func TestResultsAreATableIfTheyAreAlike(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("Import")
	report := func(rows ...any) string {
		job := w.newBatch(flow, "nightly", 1)
		w.call("POST", "/jobs/"+job+"/inputs/report", object{"inputs": []object{{"index": 0, "status": "succeeded", "results": rows}}})
		return "/jobs/" + job + "?tab=results"
	}
	v := w.visit("full")
	alike := report(object{"a": "x<y", "b": nil, "c": 1.5}, object{"a": "second", "b": true, "c": 2})
	v.get(alike).is(200).shows(`<th scope="col">a</th><th scope="col">b</th><th scope="col">c</th>`, "x&lt;y", "1.5", "true").hides("<pre", "null")
	v.get(report(object{"a": 1}, object{"a": object{"deep": 1}})).is(200).shows("<pre", "&#34;deep&#34;: 1").hides("<th")
	v.get(report(object{"a": 1}, object{"b": 1})).is(200).shows("<pre").hides("<th")
	v.get(report("text", 7, nil, []int{1})).is(200).shows("&#34;text&#34;", "7", "null").hides("<th")
	wide := object{}
	for i := range 30 {
		wide[fmt.Sprintf("column%02d", i)] = i
	}
	v.get(report(wide)).is(200).shows("column07", "22 more columns").hides("column08")
	v.get(report(object{"long": []string{strings.Repeat("x", 9000)}})).is(200).shows("Cut: the row has 8.8 KB")
	var many []any
	for i := range 25 {
		many = append(many, object{"row": fmt.Sprintf("row%02d", i)})
	}
	page := v.get(report(many...)).is(200).shows("row00", "row19").hides("row20")
	v.get(page.link("Next page")).is(200).shows("row20", "row24").hides("row19")
}

func TestEventsTellWhomTheyWereForAndWhyOthersDidNotGetThem(t *testing.T) {
	w := newWorld(t)
	flow, other := w.newFlow("Import"), w.newFlow("Report")
	foreign := w.newJob(other)
	all := w.newHook(object{"name": "takes all"})
	w.newHook(object{"name": "asks else", "events": []string{"paused", "stopped"}})
	w.newHook(object{"name": "of another flow", "workflow_uid": other})
	w.newHook(object{"name": "of another job", "job_uid": foreign})
	w.pass(time.Second)
	w.answer.Store(http.StatusServiceUnavailable)
	job := w.newJob(flow)
	v := w.visit("full")
	v.get("/jobs/"+job+"?tab=events").is(200).shows("This event has just happened", "data-live")
	w.pass(time.Second)
	w.newHook(object{"name": "made later"})
	w.work()
	page := v.get("/jobs/"+job+"?tab=events").is(200).shows("requested", "change 1 of the job, by its launch", "takes all", "retrying",
		"/console/deliveries/",
		"asks for other event types", "(paused, stopped)", "is for another workflow", "is for another job", "was made after the event",
		"/console/jobs/"+job+"?tab=webhooks")
	page.shows("<td><span class=\"badge off\">not sent</span></td>", all)

	w.answer.Store(http.StatusNoContent)
	w.pass(40 * 24 * time.Hour)
	v = w.visit("full")
	v.get("/jobs/" + job + "?tab=events").is(200).shows("Events are kept for 30 days").hides("takes all")
}

func TestAJobOfMoreChangesThanItRemembersShowsTheLast(t *testing.T) {
	w := newWorld(t)
	w.newHook(object{"name": "takes all"})
	w.pass(time.Second)
	job := w.newJob(w.newFlow("Import"), "running")
	for range 12 {
		w.call("PATCH", "/jobs/"+job, object{"status": "paused"})
		w.call("PATCH", "/jobs/"+job, object{"status": "running"})
		w.pass(time.Second)
	}
	w.work()
	v := w.visit("full")
	page := v.get("/jobs/"+job+"?tab=events").is(200).shows("change 25 of the job", "takes all")
	if n := strings.Count(page.body, "<article"); n != 6 {
		t.Errorf("there are %d events on the page, want 6", n)
	}
	for page.next() {
		page = v.get(page.link("Older")).is(200)
	}
	page.shows("A job remembers its last 20 changes")
	deliveries := v.get("/jobs/"+job+"?tab=deliveries&event=paused").is(200).shows("takes all", "succeeded")
	if got, want := strings.Count(deliveries.body, `<a href="/console/deliveries/`), 10; got != want {
		t.Errorf("there are %d deliveries of paused, want %d", got, want)
	}
}

// next reports whether the list of the page goes on.
func (p *seen) next() bool { return strings.Contains(p.body, `rel="next"`) }

func TestAWebhookIsAddedFromAJobAndItsSecretIsShownOnce(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("Import")
	job := w.newJob(flow, "running", "finished")
	w.work()
	v := w.visit("full")
	v.get("/jobs/"+job+"?tab=webhooks").is(200).shows("No webhook", "Nobody is told about this job",
		`data-dialog="add-webhook"`).hides("add-webhook-title\" open")
	v.get("/jobs/"+job+"?tab=webhooks&dialog=add-webhook").shows(`aria-labelledby="add-webhook-title" open>`, `value="workflow" checked`)
	form := url.Values{
		"once": {"made-once"}, "event": {"succeeded", "failed"}, "url": {w.receiver.URL + "/new"}, "name": {"<b>billing</b>"},
		"scope": {"workflow"}, "workflow_uid": {flow}, "job_uid": {job},
		"header_name": {"Authorization", "", "X-Team"}, "header_value": {"Bearer of a long secret value", "", "blue"},
	}
	page := v.post("/jobs/"+job+"/webhooks", form).is(200).shows("Webhook added", "whsec_", "shown this once",
		"/console/jobs/"+job+"?tab=webhooks")
	secret := page.body[strings.Index(page.body, "whsec_"):][:50]
	v.post("/jobs/"+job+"/webhooks", form).is(200).shows(secret) // sent twice, made once
	list := v.get("/jobs/"+job+"?tab=webhooks").is(200).shows("1 webhook is told about this job", "&lt;b&gt;billing&lt;/b&gt;",
		"succeeded, failed", "its workflow", "unused").hides("whsec_", "<b>billing")
	list.shows("Retry all webhooks")

	for scope, says := range map[string]string{"job": "this job", "project": "the project"} {
		form.Set("scope", scope)
		form.Del("once")
		v.post("/jobs/"+job+"/webhooks", form).is(200)
		v.get("/jobs/" + job + "?tab=webhooks").shows("<td>" + says + "</td>")
	}
	v.get("/jobs/" + w.newJob(flow) + "?tab=webhooks").shows("2 webhooks are told about this job").hides("<td>this job</td>")
}

func TestARefusedWebhookKeepsWhatWasTyped(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("Import")
	job := w.newJob(flow)
	v := w.visit("full")
	form := url.Values{
		"event": {"failed"}, "url": {"nonsense"}, "name": {"billing"}, "scope": {"job"}, "workflow_uid": {flow}, "job_uid": {job},
		"header_name": {"X-Team"}, "header_value": {"blue"},
	}
	page := v.post("/jobs/"+job+"/webhooks", form).is(400)
	page.shows(`aria-labelledby="add-webhook-title" open>`, `value="nonsense"`, `aria-invalid="true" aria-describedby="wrong-url"`,
		`value="failed" checked`, `value="X-Team"`, `value="blue"`, `value="billing"`,
		`value="job" checked`, "Webhooks</a>")
	page.hides(`value="succeeded" checked`, "data-live")
	form.Set("url", w.receiver.URL)
	form.Del("event")
	v.post("/jobs/"+job+"/webhooks", form).is(400).shows("at least one event type", `id="wrong-events"`)
	form.Set("event", "failed")
	form.Set("header_name", "Host")
	v.post("/jobs/"+job+"/webhooks", form).is(400).shows("Host is reserved", `id="wrong-headers"`)
	form.Set("header_name", "")
	v.post("/jobs/"+job+"/webhooks", form).is(400).shows("is no header name", `value="blue"`)
	v.get("/jobs/" + job + "?tab=webhooks").shows("No webhook")
}

func TestAWebhookIsRetriedWithAJobAndDelivered(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("Import")
	job, other := w.newJob(flow, "running", "finished"), w.newJob(flow, "running")
	w.work()
	w.pass(time.Second)
	hook := w.newHook(object{"name": "late", "workflow_uid": flow, "events": []string{"succeeded", "failed"}})
	v := w.visit("full")
	v.get("/jobs/"+job+"?tab=webhooks").is(200).shows(`data-dialog="retry-`+hook+`"`,
		`name="job_uid" required spellcheck="false" autocomplete="off" value="`+job+`"`)
	page := v.post("/jobs/"+job+"/webhooks/"+hook+"/retry", url.Values{"job_uid": {job}})
	if !strings.HasPrefix(page.to, "/console/deliveries/") || !strings.Contains(page.to, "_"+hook+"?") {
		t.Fatalf("the retry leads to %q, want the delivery's page", page.to)
	}
	page.follow().is(200).shows("One attempt is on its way", "late")
	w.work()
	if got := w.received.Load(); got != 1 {
		t.Errorf("the receiver got %d requests, want 1", got)
	}
	page.follow().is(200).shows("succeeded")
	v.get("/jobs/"+job+"?tab=deliveries").is(200).shows("late", "succeeded")

	refused := v.post("/jobs/"+job+"/webhooks/"+hook+"/retry", url.Values{"job_uid": {other}, "event": {"failed"}}).is(409)
	refused.shows(`<dialog id="retry-`+hook+`" aria-labelledby="title-retry-`+hook+`" open>`, "has no event failed yet", `value="`+other+`"`,
		"<option selected>failed")
	v.post("/jobs/"+job+"/webhooks/"+hook+"/retry", url.Values{"job_uid": {"pasted wrongly"}}).is(400).shows(`value="pasted wrongly"`,
		`aria-invalid="true"`)
	w.call("PATCH", "/webhooks/"+hook, object{"enabled": false})
	v.post("/jobs/"+job+"/webhooks/"+hook+"/retry", url.Values{"job_uid": {job}}).is(409).shows("The webhook is disabled")
}

func TestAllWebhooksOfAJobAreRetried(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("Import")
	job := w.newJob(flow, "running", "finished")
	w.work()
	v := w.visit("full")
	v.post("/jobs/"+job+"/webhooks/retry", nil).is(409).shows("No webhook takes an event of this job", "Webhooks</a>")
	w.pass(time.Second)
	w.newHook(object{"name": "one"})
	w.newHook(object{"name": "two", "workflow_uid": flow})
	v.post("/jobs/"+job+"/webhooks/retry", nil).follow().is(200).shows("Each webhook gets the latest event", "one", "two", "data-live")
	w.work()
	if got := w.received.Load(); got != 2 {
		t.Errorf("the receiver got %d requests, want 2", got)
	}
	v.get("/jobs/" + job + "?tab=deliveries").is(200).shows("succeeded").hides("data-live")
	v.post("/jobs/"+job+"/webhooks/retry", nil).follow().shows("succeeded", "data-live")

	off := w.newHook(object{"name": "<i>off</i>"})
	w.call("PATCH", "/webhooks/"+off, object{"enabled": false})
	v.post("/jobs/"+job+"/webhooks/retry", nil).is(200).shows("Webhooks retried", "2 deliveries are on the way", "&lt;i&gt;off&lt;/i&gt;",
		"webhook disabled", "/console/jobs/"+job+"?tab=deliveries")
}

func TestAKeyThatOnlyReadsChangesNothingOfAJob(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("Import")
	job := w.newBatch(flow, "nightly", 1)
	w.report(job, "LIMIT_REACHED/server")
	hook := w.newHook(nil)
	v := w.visit("reader")
	for _, tab := range []string{"inputs", "results", "events", "webhooks", "deliveries"} {
		v.get("/jobs/"+job+"?tab="+tab+"&dialog=retry").is(200).shows("nightly").hides(`method="post" action="/console/jobs`, "data-dialog",
			"<dialog", "<summary>Cancel")
	}
	for _, path := range []string{"/retry", "/cancel", "/webhooks", "/webhooks/retry", "/webhooks/" + hook + "/retry"} {
		v.post("/jobs/"+job+path, url.Values{"url": {w.receiver.URL}, "event": {"failed"}, "job_uid": {job}}).is(403).shows("write")
	}
	o := w.visit("other")
	for _, path := range []string{"/retry", "/cancel", "/webhooks/retry", "/webhooks/" + hook + "/retry"} {
		o.post("/jobs/"+job+path, url.Values{"job_uid": {job}}).is(404).hides("nightly")
	}
}

// hostile is a text that HTML writes five times as long.
func hostile(n int) string { return strings.Repeat(`"+'&<>`, n/6+1)[:n] }

func TestNoPageOfAJobIsLongWhateverClientsWrote(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow(hostile(250))
	job := w.call("POST", "/workflows/"+flow+"/schedule", object{"job_name": hostile(250)})["job_uid"].(string)
	for from := 0; from < 100; from += 50 {
		var inputs, reports []object
		for i := range 50 {
			inputs = append(inputs, object{"input_data": object{hostile(500): hostile(1500)}, "custom_data": hostile(2000)})
			row := object{}
			for c := range 12 {
				row[fmt.Sprint(c, hostile(50))] = hostile(100)
			}
			r := object{"index": from + i, "status": "succeeded", "results": []any{row}}
			if i%25 < 20 {
				r = object{"index": from + i, "status": "failed", "error": object{"label": fmt.Sprint(i%25, hostile(60)), "scope": "server",
					"message": hostile(1000)}}
			}
			reports = append(reports, r)
		}
		w.call("POST", "/jobs/"+job+"/inputs", object{"inputs": inputs, "from": from, "last": from == 50})
		w.call("POST", "/jobs/"+job+"/inputs/report", object{"inputs": reports})
	}
	for i := range 60 { // of every kind
		fields := object{"name": hostile(250), "url": w.receiver.URL + "/" + strings.Repeat("'&", 950)}
		if i%4 == 1 {
			fields["workflow_uid"] = flow
		} else if i%8 == 2 {
			fields["events"] = []string{"paused"}
		} else if i%8 == 6 {
			fields["workflow_uid"] = w.newFlow("another")
		}
		w.newHook(fields)
	}
	w.pass(time.Second)
	changed := w.call("POST", "/workflows/"+flow+"/schedule", object{"job_name": hostile(250)})["job_uid"].(string)
	for range 6 {
		w.call("PATCH", "/jobs/"+changed, object{"status": "shutdown", "error_message": hostile(4000)})
		w.call("POST", "/jobs/"+changed+"/retry", nil)
		w.pass(time.Second)
	}
	w.answer.Store(http.StatusServiceUnavailable)
	w.work()
	v := w.visit("full")
	largest := 0
	for _, path := range []string{"/jobs", "/jobs/" + job + "?tab=inputs", "/jobs/" + job + "?tab=inputs&status=failed&dialog=retry",
		"/jobs/" + job + "?tab=results", "/jobs/" + changed + "?tab=events",
		"/jobs/" + job + "?tab=webhooks&dialog=add-webhook", "/jobs/" + job + "?tab=webhooks&page=2", "/jobs/" + changed + "?tab=deliveries"} {
		page := v.get(path).is(200) // which checks the size
		t.Logf("%s: %d bytes", path[:min(60, len(path))], len(page.body))
		largest = max(largest, len(page.body))
	}
	if largest < 30_000 {
		t.Errorf("the largest page has %d bytes: the test does not try what it says", largest)
	}
}
