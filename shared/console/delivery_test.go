package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"hermod/shared/delivery"
)

// newDelivery makes a job whose event goes to a webhook with these fields, and returns the uid of the delivery before anything is sent.
func (w *world) newDelivery(hook object) (uid, hookUID, jobUID string) {
	w.Helper()
	fields := object{"name": "CRM", "events": []string{"created"}}
	for k, v := range hook {
		fields[k] = v
	}
	hookUID = w.newHook(fields)
	jobUID = w.newJob(w.newFlow("Import"), "running")
	w.fanOut(w.Context())
	list := w.call("GET", "/deliveries?job_uid="+jobUID+"&webhook_uid="+hookUID, nil)["results"].([]any)
	if len(list) != 1 {
		w.Fatalf("the job has %d deliveries, want one", len(list))
	}
	return list[0].(object)["uid"].(string), hookUID, jobUID
}

// retry sends the form of the button.
func (p *seen) retry(uid string) *seen {
	p.Helper()
	return p.post("/deliveries/"+uid+"/retry", p.form())
}

// form is the first form of the page that changes something, as it would be sent.
func (p *seen) form() url.Values {
	p.Helper()
	_, once, ok := strings.Cut(p.body, `name="once" value="`)
	if !ok {
		p.Fatalf("%s has no form: %s", p.path, p.said())
	}
	once, _, _ = strings.Cut(once, `"`)
	return url.Values{"once": {once}}
}

func TestADeliveryIsToldFromItsBeginningToItsEnd(t *testing.T) {
	w := newWorld(t)
	uid, hook, job := w.newDelivery(object{"retry_schedule": []int{30}, "headers": []object{{"name": "X-Team", "value": "secret-of-ours"}}})
	v := w.visit("full")
	page := "/deliveries/" + uid
	v.get(page).is(200).shows("job.created", "pending", "No attempt has been made yet: the first is on its way.", `data-live="2"`, "Retry now", "/console/webhooks/"+hook, "CRM",
		"/console/jobs/"+job, "nightly", `"message": "Job started."`, "in the format v3", `data-copy="`+uid+`"`)

	w.answer.Store(http.StatusServiceUnavailable)
	w.pass(20 * time.Millisecond)
	w.work()
	v.get(page).is(200).shows("retrying", "Attempt 1 failed: the answer was 503 Service Unavailable.", "Next attempt", "scheduled", "20 ms after the event", "wait", "webhook-signature", "***",
		"x-team", "Signed with whsec_…", `data-live="2"`, "The receiver failed.").hides("secret-of-ours", "Redrive…")

	w.pass(70 * time.Second)
	w.work()
	dead := v.get(page).is(200).shows("dead", "Its schedule of 2 attempts was used up", "Mend the receiver, then redrive it.", "Attempt 2", "Attempt 1", "waited", "Redrive…").hides("data-live", "Next attempt")
	if strings.Index(dead.body, "Attempt 2 ") > strings.Index(dead.body, "Attempt 1 ") {
		t.Error("the older attempt comes first")
	}

	w.answer.Store(http.StatusNoContent)
	dead.retry(uid)
	w.work()
	v.get(page).is(200).shows("succeeded", "after 3 attempts, with 204", "retry on request", "Accepted with 204", "Of answers that accept the event only the status is kept").hides("data-live", "Redrive…")
}

func TestARetryShowsItsAttemptAlsoOfADeliveryThatHasEnded(t *testing.T) {
	w := newWorld(t)
	uid, _, _ := w.newDelivery(object{"retry_schedule": []int{}})
	w.answer.Store(http.StatusInternalServerError)
	w.work()
	v := w.visit("full")
	before := v.get("/deliveries/"+uid).shows("dead", "if not it stays dead").hides("data-live")
	form := before.form()
	w.pass(time.Second)
	after := v.post("/deliveries/"+uid+"/retry", form).follow().is(200)
	after.shows("One attempt was asked for.", "The retry that was asked for is on its way.", `data-live="2"`, "Live")

	// The script takes done out of the address and asks for the rest of it again.
	address := strings.TrimPrefix(strings.Replace(after.path, "&done=delivery-retried", "", 1), "/console")
	v.get(address).shows(`data-live="2"`).hides("was asked for. It")
	w.work()
	v.get(address).shows("Attempt 2", "retry on request").hides("data-live", "is on its way")
	if n := w.received.Load(); n != 2 {
		t.Errorf("the receiver got %d requests, want 2", n)
	}

	v.post("/deliveries/"+uid+"/retry", form) // the same form again, by a second click
	w.work()
	if n := w.received.Load(); n != 2 {
		t.Errorf("the form that was sent twice made %d requests in all, want 2", n)
	}

	w.pass(time.Second)
	later := v.post("/deliveries/"+uid+"/retry", v.get("/deliveries/"+uid).form()).follow().shows(`data-live="2"`)
	w.pass(2 * time.Minute)
	v.get(strings.TrimPrefix(later.path, "/console")).hides("data-live", "is on its way")
}

func TestARetryThatWouldBeRefusedIsNotOffered(t *testing.T) {
	w := newWorld(t)
	uid, hook, _ := w.newDelivery(nil)
	v := w.visit("full")
	form := v.get("/deliveries/" + uid).form()
	w.call("PATCH", "/webhooks/"+hook, object{"enabled": false})
	v.get("/deliveries/"+uid).shows("The webhook is disabled: unless it is enabled", "<button disabled", "No retry now. The webhook is disabled")
	refused := v.post("/deliveries/"+uid+"/retry", form).is(http.StatusConflict)
	refused.shows(`role="alert"`, "Enable it first.", "pending").hides("data-live")

	w.work()
	v.get("/deliveries/"+uid).shows("cancelled", "It fell due", "while its webhook was disabled", "without a request", "Redrive…", "state=cancelled")
	w.call("PATCH", "/webhooks/"+hook, object{"enabled": true})
	v.get("/deliveries/" + uid).shows("The webhook is enabled again: redrive it.").hides("No retry now")

	w.call("DELETE", "/webhooks/"+hook, nil)
	v.get("/deliveries/"+uid).is(200).shows("The webhook has been deleted since.", "<button disabled", "No retry now. The webhook has been deleted", "deleted …").hides("Redrive…")
}

func TestTheLinkToRedriveMeetsThatDeliveryAlone(t *testing.T) {
	w := newWorld(t)
	w.answer.Store(http.StatusInternalServerError)
	uid, hook, job := w.newDelivery(object{"retry_schedule": []int{}, "events": []string{"created", "succeeded"}})
	w.call("PATCH", "/jobs/"+job, object{"status": "finished"})
	w.work()
	v := w.visit("full")
	_, link, ok := strings.Cut(v.get("/deliveries/"+uid).body, `href="/console/dead-letters?`)
	link, _, _ = strings.Cut(link, `"`)
	if !ok {
		t.Fatal("there is no link to the dead letters")
	}
	v.get("/dead-letters?"+strings.ReplaceAll(link, "&amp;", "&")).is(200).shows("1 dead letter", uid)
	if n := len(w.call("GET", "/deliveries?state=dead&webhook_uid="+hook, nil)["results"].([]any)); n != 2 {
		t.Errorf("%d deliveries are dead, want 2", n)
	}
}

func TestADeliveryThatWasLostCanBeRedrivenAsMissing(t *testing.T) {
	w := newWorld(t)
	uid, _, _ := w.newDelivery(nil)
	v := w.visit("full")
	v.get("/deliveries/" + uid).hides("Redrive…")
	w.pass(10 * time.Minute)
	v.get("/deliveries/"+uid).shows("No attempt has been made yet, and the event happened 10 min ago", "Redrive…", "state=missing")
}

func TestAStepThatPassedWithoutARequestIsShownAsOne(t *testing.T) {
	w := newWorld(t)
	uid, _, _ := w.newDelivery(nil)
	u, _ := delivery.ParseUID(uid)
	e, err := w.db.Archive().Event(w.Context(), w.project, u.Event)
	w.noError(err)
	d := e.Delivery(u.Webhook)
	d.State, d.Place, d.NextAt, d.ExpiresAt = delivery.Retrying, delivery.Place{Step: 1}, w.now().Add(time.Minute), w.now().Add(delivery.Retention)
	d.Due = delivery.Due{At: d.NextAt, Own: true}
	w.noError(w.db.Log().Step(w.Context(), d, delivery.Place{}, &delivery.Attempt{
		Cause: delivery.CauseSchedule, StartedAt: w.now(), Class: delivery.ClassBreakerOpen, Error: "the breaker was open",
	}))
	w.visit("full").get("/deliveries/"+uid).is(200).shows("The last step passed without a request", "No request scheduled", "The breaker was open.", "Attempts 0").hides("Request and answer", "<svg viewBox=\"0 0 1000")
}

func TestA410SaysWhatItDid(t *testing.T) {
	w := newWorld(t)
	w.answer.Store(http.StatusGone)
	uid, _, _ := w.newDelivery(nil)
	w.work()
	w.visit("full").get("/deliveries/"+uid).shows("dead", "The receiver answered 410 Gone", "disabled the webhook", "410 says that the receiver is gone for good")
}

func TestATestEventIsToldAsOne(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(object{"name": "CRM", "enabled": false})
	w.answer.Store(http.StatusNotFound)
	uid := w.call("POST", "/webhooks/"+hook+"/test", object{"event": "failed"})["delivery_uid"].(string)
	v := w.visit("full")
	v.get("/deliveries/"+uid).shows("The test event is on its way.", "a sample job", ">test<").hides("/console/jobs/0", "No retry now")
	w.work()
	v.get("/deliveries/"+uid).shows("test failed", "A test event is sent once", "The test event is sent once more.", "check the webhook’s URL").hides("Redrive…", "data-live", "without a request")
	w.answer.Store(http.StatusOK)
	v.get("/deliveries/" + uid).retry(uid).follow().is(200)
	w.work()
	v.get("/deliveries/"+uid).shows("succeeded", "after 2 attempts, with 200")
}

func TestAReaderIsOfferedNoRetryAndIsRefusedOne(t *testing.T) {
	w := newWorld(t)
	w.answer.Store(http.StatusInternalServerError)
	uid, _, _ := w.newDelivery(object{"retry_schedule": []int{}})
	w.work()
	v := w.visit("reader")
	v.get("/deliveries/"+uid).is(200).shows("dead", "Attempt 1").hides("Retry now", "Redrive…", `name="once"`)
	v.post("/deliveries/"+uid+"/retry", nil).is(http.StatusForbidden).shows(`role="alert"`, "scope", "dead")
	if n := w.received.Load(); n != 1 {
		t.Errorf("the receiver got %d requests, want 1", n)
	}
}

func TestADeliveryOfAnotherProjectIsNotThere(t *testing.T) {
	w := newWorld(t)
	uid, _, _ := w.newDelivery(nil)
	v := w.visit("other")
	v.get("/deliveries/" + uid).is(http.StatusNotFound).shows("There is no delivery of this uid in the project.").hides("CRM")
	v.post("/deliveries/"+uid+"/retry", nil).is(http.StatusNotFound)
	v.get("/deliveries/nonsense").is(http.StatusNotFound).shows("is no delivery")
	v.get("/deliveries/%2e%2e%2fwebhooks").is(http.StatusNotFound)
}

func TestWhatAReceiverAnswersIsShownAsText(t *testing.T) {
	w := newWorld(t)
	receiver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("X-Why", "<b>bold</b>")
		rw.Header().Set("Retry-After", "90")
		rw.WriteHeader(http.StatusServiceUnavailable)
		rw.Write([]byte("<script>alert(1)</script>\xff"))
	}))
	t.Cleanup(receiver.Close)
	uid, _, _ := w.newDelivery(object{"url": receiver.URL, "name": "<script>alert(2)</script>"})
	w.work()
	w.visit("full").get("/deliveries/"+uid).is(200).shows("&lt;script&gt;alert(1)", "&lt;script&gt;alert(2)", "&lt;b&gt;bold", "It asked for a pause of 1 min 30 s (Retry-After).", "x-why").
		hides("<script>alert", "<b>bold")

	w.pass(8 * 24 * time.Hour)
	w.visit("full").get("/deliveries/" + uid).is(200).shows("The answer is not kept any more.").hides("x-why")
}

func TestAPageOfADeliveryIsNeverTooLong(t *testing.T) {
	w := newWorld(t)
	receiver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"X-One", "X-Two", "X-Three"} {
			rw.Header().Set(name, strings.Repeat("'", 8<<10))
		}
		rw.WriteHeader(http.StatusInternalServerError)
		rw.Write([]byte(strings.Repeat(`"`, 4<<10)))
	}))
	t.Cleanup(receiver.Close)
	waits := make([]int, 20)
	for i := range waits {
		waits[i] = 60
	}
	hook := object{"url": receiver.URL, "retry_schedule": waits, "payload": "standard", "name": strings.Repeat("'", 200)}
	var headers []object
	for i := range 20 {
		headers = append(headers, object{"name": "X-" + strings.Repeat("n", 60) + string(rune('a'+i)), "value": "v"})
	}
	hook["headers"] = headers
	uid, _, _ := w.newDelivery(hook)
	v := w.visit("full")
	for range 21 {
		w.work()
		w.pass(80 * time.Second)
	}
	for range 9 {
		v.get("/deliveries/" + uid).retry(uid)
		w.work()
	}
	page := v.get("/deliveries/"+uid).is(200).shows("Attempt 30", "Attempt 6", "5 older attempts not shown here", "left out here to keep the page short")
	page.hides("Attempt 5 ")
	t.Logf("the page has %d bytes", len(page.body))
}

func TestAnEventThatHasExpiredIsNotRetried(t *testing.T) {
	w := newWorld(t)
	uid, _, _ := w.newDelivery(nil)
	w.pass(13 * 24 * time.Hour)
	w.work() // the row is kept from now on, the event from when it happened
	w.pass(18 * 24 * time.Hour)
	w.visit("full").get("/deliveries/"+uid).is(200).shows("succeeded", "The event has expired: its body is not kept any more.", "<button disabled", "No retry now. The event has expired")
}
