package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestTheEmptyQuestionSaysWhatCanBePasted(t *testing.T) {
	w := newWorld(t)
	v := w.visit("reader")
	v.get("/why").is(200).shows("A job alone", "A webhook alone", "/console/jobs", "/console/webhooks", "webhook-id", `name="job_uid"`, `name="webhook_uid"`).hides("Clear")
	v.get("/why?job_uid=&webhook_uid=").is(200).shows("A job alone")
}

func TestAJobTellsWhatBecameOfItsEvents(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("Import")
	good := w.newHook(object{"name": "Good", "events": []string{"created"}})
	w.newHook(object{"name": "Elsewhere", "workflow_uid": w.newFlow("Report")})
	bad := w.newHook(object{"name": "Bad", "url": w.receiver.URL + "/bad", "events": []string{"created", "succeeded"}, "retry_schedule": []int{600}})
	job := w.newJob(flow, "running")
	w.work()
	w.answer.Store(http.StatusBadGateway)
	w.call("PATCH", "/jobs/"+job, object{"status": "finished"})
	w.work()
	w.pass(time.Second)
	late := w.newHook(object{"name": "Late"})
	v := w.visit("full")
	v.get("/why?job_uid="+job).is(200).shows("This job’s 3 events made 3 deliveries: 1 retrying, 2 succeeded.", "Good", "Bad", "Late", "Elsewhere", "for another workflow",
		"made after the event", "other event types", "Attempt 1 failed: the answer was 502 Bad Gateway. The next attempt is due in", `data-live="4"`, "/console/webhooks/"+good,
		"The receiver accepted it")

	v.get("/why?job_uid="+job+"&webhook_uid="+bad).is(200).shows("This job’s 3 events made 2 deliveries for this webhook: 1 retrying, 1 succeeded.", "Asks for", "created, succeeded").
		hides("Late", "Elsewhere", "went nowhere")
	v.get("/why?job_uid="+job+"&webhook_uid="+late).is(200).shows("None of this job’s 3 events is for this webhook: it was made after the event.", "unused").hides("went nowhere", "data-live")
}

func TestAWebhookTellsWhatItDidNotGet(t *testing.T) {
	w := newWorld(t)
	flow, other := w.newFlow("Import"), w.newFlow("Report")
	hook := w.newHook(object{"name": "CRM", "workflow_uid": flow, "events": []string{"created", "succeeded"}, "retry_schedule": []int{}})
	v := w.visit("full")
	v.get("/why?webhook_uid="+hook).is(200).shows("Nothing has been sent to it within the last 30 days.", "unused", "Workflow Import", "The project has no job yet.")

	w.newJob(flow, "running")
	w.work()
	w.answer.Store(http.StatusInternalServerError)
	mine := w.newJob(flow, "running")
	w.work()
	theirs := w.newJob(other, "running")
	w.work()
	w.call("PATCH", "/webhooks/"+hook, object{"enabled": false})
	w.call("PATCH", "/jobs/"+mine, object{"status": "finished"})
	w.work()
	w.pass(time.Minute)
	v.get("/why?webhook_uid="+hook).is(200).shows("Its 3 latest deliveries: 1 succeeded, 1 dead, 1 cancelled.", "Of the project’s last 3 jobs, 1 had no event for it.", "The webhook is disabled: by request.",
		"Its schedule was used up", "It fell due", "Enable the webhook, then redrive it.", "for another workflow", "asks for other event types",
		"/console/why?job_uid="+theirs+"&amp;webhook_uid="+hook, "redrive what was cancelled", "created, succeeded").hides("data-live")

	w.call("DELETE", "/webhooks/"+hook, nil)
	v.get("/why?webhook_uid="+hook).is(http.StatusNotFound).shows("There is no webhook of this uid in the project.", "The webhook has been deleted since", "Its 3 latest deliveries").
		hides("What was not for it")
}

func TestAWebhookOfWhichNothingIsAmissSaysSo(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(object{"name": "CRM"})
	w.newJob(w.newFlow("Import"), "running", "finished")
	w.work()
	w.visit("full").get("/why?webhook_uid="+hook).is(200).shows("Its 3 latest deliveries: 3 succeeded.", "The project’s last job had an event for it", "Everything that was for it within the last 30 days has been delivered.",
		"It got every event of the project’s last 1 job", "healthy")
}

func TestWhateverIsPastedTheUidInItIsFound(t *testing.T) {
	w := newWorld(t)
	delivery, hook, job := w.newDelivery(object{"name": "CRM"})
	v := w.visit("full")
	for _, text := range []string{
		job, "  " + job + "\n", strings.ToUpper(job), "https://hermod.example.com/console/jobs/" + job + "?tab=events#x", `"job_uid": "` + job + `",`,
	} {
		v.get("/why?job_uid="+url.QueryEscape(text)).is(200).shows("made 1 delivery: 1 pending", `value="`+job+`"`)
	}
	v.get("/why?webhook_uid="+url.QueryEscape("http://127.0.0.1/console/webhooks/"+hook+"/edit")).is(200).shows("CRM", "Asks for")
	for _, field := range []string{"job_uid", "webhook_uid"} {
		if to := v.get("/why?" + field + "=" + url.QueryEscape("webhook-id: "+delivery)).to; to != "/console/deliveries/"+delivery {
			t.Errorf("a delivery pasted as %s leads to %q, want its page", field, to)
		}
	}
}

func TestAQuestionAboutNothingIsAnswered(t *testing.T) {
	w := newWorld(t)
	_, hook, job := w.newDelivery(nil)
	const nobody = "019c1363-49c0-78a6-912d-7ad5bb6d3a87"
	v := w.visit("full")
	v.get("/why?job_uid="+nobody).is(http.StatusNotFound).shows("There is no job of this uid in the project.", `value="`+nobody+`"`).hides("What has not succeeded")
	v.get("/why?job_uid=%3Cscript%3Ealert(1)%3C/script%3E").is(http.StatusNotFound).shows("is no uid").hides("<script>alert")
	v.get("/why?webhook_uid="+job).is(http.StatusNotFound).shows("There is no webhook of this uid in the project.", "Nothing was for it within the last 30 days.")
	v.get("/why?job_uid="+job+"&webhook_uid="+nobody).is(http.StatusNotFound).shows("There is no webhook of this uid in the project.", "made 1 delivery: 1 pending")
	v.get("/why?job_uid=" + nobody + "&webhook_uid=" + hook).is(http.StatusNotFound).shows("There is no job of this uid in the project.")
	o := w.visit("other")
	o.get("/why?job_uid=" + job).is(http.StatusNotFound).hides("nightly")
	o.get("/why?webhook_uid="+hook).is(http.StatusNotFound).hides("CRM", "nightly", "made 1 delivery")
}

func TestAnAnswerIsNeverTooLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	flow := w.newFlow(strings.Repeat("'", 250))
	w.answer.Store(http.StatusInternalServerError)
	for range 40 {
		w.newHook(object{"name": strings.Repeat(`"`, 250), "url": w.receiver.URL + "/" + strings.Repeat("&", 1900), "events": []string{"created", "succeeded", "requested"}})
		w.newHook(object{"name": strings.Repeat(`"`, 250), "url": w.receiver.URL + "/" + strings.Repeat("&", 1900), "events": []string{"paused"}})
	}
	hook := w.newHook(object{"name": strings.Repeat(`"`, 250), "url": w.receiver.URL + "/" + strings.Repeat("&", 1900)})
	var job string
	for range 12 {
		job = w.newJob(flow, "running", "paused", "running", "paused", "running", "paused", "running", "paused", "running", "finished")
	}
	w.work()
	v := w.visit("full")
	for _, query := range []string{"job_uid=" + job, "webhook_uid=" + hook, "job_uid=" + job + "&webhook_uid=" + hook} {
		t.Logf("%s: %d bytes", strings.Split(query, "=")[0], len(v.get("/why?"+query).is(200).body))
	}
}
