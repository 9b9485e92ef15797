package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestTheLogOfDeliveriesHasStatesAsTabs(t *testing.T) {
	w := newWorld(t)
	uid, hook, job := w.newDelivery(object{"name": "CRM"})
	v := w.visit("full")
	v.get("/deliveries").is(200).shows("pending", "/console/deliveries/"+uid, "CRM", "/console/jobs/"+job, "nightly", `data-live="4"`, `href="/console/deliveries?state=dead"`)
	w.work()
	v.get("/deliveries?state=succeeded").is(200).shows(uid, `aria-current="page">Succeeded`, `name="state" value="succeeded"`, ">204<")
	v.get("/deliveries?state=dead").is(200).shows("Nothing that meets these filters").hides(uid)
	v.get("/deliveries?state=succeeded&event=created&webhook_uid="+hook).shows(uid, "/console/deliveries?event=created&amp;webhook_uid="+hook)
}

func TestFiltersNameWhatTheyNarrowTo(t *testing.T) {
	w := newWorld(t)
	_, hook, job := w.newDelivery(object{"name": "<i>CRM</i>"})
	v := w.visit("full")
	v.get("/deliveries?webhook_uid="+hook+"&job_uid="+job).is(200).shows("&lt;i&gt;CRM&lt;/i&gt;</a>", `href="/console/deliveries?job_uid=`+job+`"`, "Job <a", "nightly").hides("<i>CRM")
	v.get("/deliveries?state=dead&webhook_uid="+hook).is(200).shows("&lt;i&gt;CRM", "Nothing that meets these filters", "/console/why?webhook_uid="+hook)
	const nobody = "019c1363-49c0-78a6-912d-7ad5bb6d3a87"
	v.get("/deliveries?webhook_uid=" + nobody + "&job_uid=" + nobody).is(200).shows("which there is not (any more)")
	w.visit("other").get("/deliveries?webhook_uid=" + hook).is(200).shows("which there is not (any more)").hides("CRM")
}

func TestAWrongFilterIsSaidInWords(t *testing.T) {
	w := newWorld(t)
	w.newDelivery(nil)
	v := w.visit("full")
	for query, want := range map[string]string{
		"webhook_uid=CRM":           "webhook_uid must be a uid",
		"job_uid=%3Cscript%3E":      "job_uid must be a uid",
		"state=lost":                "state must be one of",
		"event=born":                "event must be one of",
		"since=2026-01-31T25:00":    "since must be a time",
		"until=yesterday":           "until must be a time",
		"cursor=made-up":            "The cursor is none",
		"webhook_uid=a&job_uid=abc": "_uid must be a uid",
	} {
		p := v.get("/deliveries?"+query).is(http.StatusBadRequest).shows(want, `role="alert"`, "Nothing was looked up").hides("data-live", "<script>", "which there is not")
		if field, value, _ := strings.Cut(query, "="); value == "CRM" {
			p.shows(`name="`+field+`" value="CRM"`, `aria-invalid="true"`)
		}
	}
}

func TestTheLogTurnsItsPages(t *testing.T) {
	w := newWorld(t)
	w.newHook(object{"events": []string{"requested"}})
	flow := w.newFlow("Import")
	for range 21 {
		w.newJob(flow)
		w.pass(time.Second)
	}
	w.work()
	v := w.visit("full")
	first := v.get("/deliveries").is(200).shows("Older").hides("Look further back")
	if n := strings.Count(first.body, "<tr>"); n != 21 {
		t.Errorf("the first page has %d rows with the heading, want 21", n)
	}
	_, next, _ := strings.Cut(first.body, `href="/console/deliveries?cursor=`)
	next, _, _ = strings.Cut(next, `"`)
	v.get("/deliveries?cursor="+next).is(200).shows("Newest").hides("Older", "data-live")
	v.get("/deliveries?since=2026-01-31T09:30:20&until=2026-01-31T09:30:30").is(200).shows("requested")
}

func TestAnEmptyLogTeachesTheNextStep(t *testing.T) {
	w := newWorld(t)
	w.visit("full").get("/deliveries").is(200).shows("No delivery yet", "/console/webhooks", "/console/reference")
}

func TestALogOfLongNamesIsNotTooLong(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow(strings.Repeat("'", 200))
	for i := range 20 {
		w.newHook(object{"url": fmt.Sprintf("%s/%d?%s", w.receiver.URL, i, strings.Repeat("&", 1900)), "events": []string{"requested"}})
	}
	w.newJob(flow)
	w.work()
	p := w.visit("full").get("/deliveries").is(200)
	t.Logf("the page has %d bytes", len(p.body))
}

// A test is of a sample job, which has no page.
func TestTheLogLinksToNoJobThatIsNotThere(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(nil)
	w.call("POST", "/webhooks/"+hook+"/test", object{"event": "created"})
	w.visit("full").get("/deliveries").shows("sample", ">test<").hides(`href="/console/jobs/`)
}
