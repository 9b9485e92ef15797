package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestAPageOfAWebhookShowsWhatBecomesOfItsDeliveries(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("Import")
	uid := w.newHook(object{"name": "Billing", "workflow_uid": flow})
	v := w.visit("full")
	v.get("/webhooks/"+uid).is(200).shows("unused", "Nothing was sent to it yet", "No delivery had an outcome in this time", "Workflow Import", "none of its own",
		"At once, then after 5 s, 5 min", "10 attempts in about 3 days 3 h", "whsec_…", "All of them", "/console/deliveries?webhook_uid="+uid, "/console/dead-letters?webhook_uid="+uid,
		"/console/why?webhook_uid="+uid)

	w.newJob(flow, "running", "finished")
	w.work()
	page := v.get("/webhooks/"+uid).is(200).shows("healthy", "100 %", "Deliveries by outcome: 3 in all", "09:00 UTC: 3 succeeded", "nightly", "succeeded").hides("failing")
	if n := strings.Count(page.body, `href="/console/deliveries/`); n != 3 {
		t.Errorf("the page leads to %d deliveries, want 3", n)
	}
	v.get("/webhooks/"+uid+"?range=7d").shows("31 Jan 06:00 UTC: 3 succeeded", `range=7d" aria-current="true"`)
	v.get("/webhooks/"+uid+"?range=30d").shows("31 Jan UTC: 3 succeeded", `range=30d" aria-current="true"`)
	v.get("/webhooks/"+uid+"?range=lunch").shows("09:00 UTC: 3 succeeded", `range=24h" aria-current="true"`)
	w.pass(26 * time.Hour)
	v = w.visit("full") // the session has ended
	v.get("/webhooks/" + uid).shows("No delivery had an outcome in this time")
	v.get("/webhooks/" + uid + "?range=7d").shows("31 Jan 06:00 UTC: 3 succeeded")
}

func TestAWebhookThatFailsSaysSinceWhenAndWhatToDo(t *testing.T) {
	w := newWorld(t)
	uid := w.newHook(object{"retry_schedule": []int{}, "timeout_seconds": 9})
	w.answer.Store(http.StatusServiceUnavailable)
	w.newJob(w.newFlow("Import"))
	w.work()
	w.pass(20*time.Minute + 30*time.Second) // more than the attempt took
	w.visit("full").get("/webhooks/"+uid).is(200).shows("failing for 20 min", "The last error", "503 Service Unavailable", "within 9 s", "redrive its dead letters",
		"09:00 UTC: 1 dead", "0 %", `data-live="5"`)
}

func TestATestEventIsSentAndItsDeliveryShown(t *testing.T) {
	w := newWorld(t)
	uid := w.newHook(object{"events": []string{"paused"}})
	v := w.visit("full")
	v.get("/webhooks/"+uid+"?dialog=test").is(200).shows(`<dialog id="test" aria-labelledby="test-title" open>`, "<option selected>paused</option>")
	form := url.Values{"event": {"failed"}, "job_uid": {""}, "once": {onceOf(v.get("/webhooks/" + uid))}}
	sent := v.post("/webhooks/"+uid+"/test", form).is(http.StatusSeeOther)
	if again := v.post("/webhooks/"+uid+"/test", form); again.to != sent.to || !strings.HasPrefix(sent.to, "/console/deliveries/") || !strings.Contains(sent.to, "_"+uid+"?") || !strings.Contains(sent.to, "done=webhook-tested") {
		t.Errorf("the form leads to %s, and sent again to %s", sent.to, again.to)
	}
	w.work()
	if n := w.received.Load(); n != 1 || w.last.Load().Header.Get("Hermod-Event") != "job.failed" {
		t.Errorf("the receiver got %d requests, the last %v", n, w.last.Load().Header)
	}
	v.get("/webhooks/" + uid).shows("test").hides("100 %")

	v.post("/webhooks/"+uid+"/test", url.Values{"event": {"failed"}, "job_uid": {uid}}).is(400).shows(
		`<dialog id="test" aria-labelledby="test-title" open>`, `value="`+uid+`" aria-invalid="true" autofocus`, "<option selected>failed</option>").hides("data-live")
}

func TestAWebhookIsDisabledAndEnabled(t *testing.T) {
	w := newWorld(t)
	uid := w.newHook(nil)
	v := w.visit("full")
	v.get("/webhooks/"+uid).shows("<button>Disable</button>", `name="enabled" value="false"`)
	v.post("/webhooks/"+uid+"/enable", url.Values{"enabled": {"false"}}).follow().is(200).shows("The webhook is disabled.", "This webhook is disabled: by request", "<button>Enable</button>")
	v.post("/webhooks/"+uid+"/enable", url.Values{"enabled": {"true"}}).follow().is(200).shows("The webhook is enabled", "<button>Disable</button>").hides("This webhook is disabled")
}

func TestARotationShowsTheNewSecretOnce(t *testing.T) {
	w := newWorld(t)
	uid := w.newHook(nil)
	v := w.visit("full")
	v.get("/webhooks/"+uid+"?dialog=rotate").shows(`<dialog id="rotate" aria-labelledby="rotate-title" open>`, `value="86400" selected`).hides(`name="scheme"`)
	form := url.Values{"overlap_seconds": {"3600"}, "secret": {""}, "once": {onceOf(v.get("/webhooks/" + uid))}}
	first := v.post("/webhooks/"+uid+"/rotate", form).is(200).shows("Secret rotated", "sign too for 1 h")
	secret := secretOf(first)
	if again := secretOf(v.post("/webhooks/"+uid+"/rotate", form).is(200)); again != secret {
		t.Errorf("the form sent again shows %s, want %s", again, secret)
	}
	v.get("/webhooks/" + uid).hides(secret).shows("whsec_…" + secret[len(secret)-4:])

	own := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
	if got := secretOf(v.post("/webhooks/"+uid+"/rotate", url.Values{"overlap_seconds": {"0"}, "secret": {own}}).is(200).shows("sign nothing any more")); got != own {
		t.Errorf("the page shows %s, want the secret of one's own", got)
	}
	v.get("/webhooks/" + uid).hides(own)
	v.post("/webhooks/"+uid+"/rotate", url.Values{"overlap_seconds": {"604800"}, "secret": {"whsec_x"}}).is(400).shows(
		`<dialog id="rotate" aria-labelledby="rotate-title" open>`, "<details open>", "whsec_x", `value="604800" selected`)
	v.post("/webhooks/"+uid+"/rotate", url.Values{"overlap_seconds": {"long"}}).is(400).shows("overlap_seconds")
}

func TestARotationOfV1aShowsThePublicKeyAndNoSecret(t *testing.T) {
	w := newWorld(t)
	uid := w.newHook(object{"signatures": []string{"v1", "v1a"}})
	v := w.visit("full")
	before := w.call("GET", "/webhooks/"+uid, nil)["public_key"].(string)
	v.get("/webhooks/"+uid).shows(`<select id="scheme" name="scheme">`, escaped(before), "Public key of v1a")
	v.post("/webhooks/"+uid+"/rotate", url.Values{"overlap_seconds": {"86400"}, "scheme": {"v1a"}}).is(200).
		shows("sign too for 24 h", escaped(w.call("GET", "/webhooks/"+uid, nil)["public_key"].(string))).hides(escaped(before), "whsec_")
}

// escaped is a text of base64 as html/template writes it.
func escaped(s string) string { return strings.ReplaceAll(s, "+", "&#43;") }

func TestAJobsEventIsSentAgainFromThePageOfAWebhook(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("Import")
	job := w.newJob(flow, "running", "finished")
	w.pass(time.Second)
	uid := w.newHook(object{"events": []string{"succeeded", "created", "failed"}})
	w.work()
	if n := w.received.Load(); n != 0 {
		t.Fatalf("the webhook, made afterwards, got %d requests", n)
	}
	v := w.visit("full")
	v.get("/webhooks/"+uid+"?dialog=retry-"+uid).is(200).shows("Retry a job", `aria-labelledby="title-retry-`+uid+`" open`)
	sent := v.post("/webhooks/"+uid+"/retry", url.Values{"job_uid": {job}}).is(http.StatusSeeOther)
	if !strings.HasPrefix(sent.to, "/console/deliveries/") {
		t.Errorf("the form leads to %s, want the delivery", sent.to)
	}
	w.work()
	if n := w.received.Load(); n != 1 || w.last.Load().Header.Get("Hermod-Event") != "job.succeeded" {
		t.Errorf("the receiver got %d requests, want the job's latest event", n)
	}
	v.post("/webhooks/"+uid+"/retry", url.Values{"job_uid": {job}, "event": {"failed"}}).is(409).shows("has no event failed yet", `open>`, `value="`+job+`"`, "<option selected>failed</option>")
	v.post("/webhooks/"+uid+"/retry", url.Values{"job_uid": {uid}}).is(400).shows("job_uid names no job of this project", `aria-invalid="true"`)
	v.post("/webhooks/"+uid+"/retry", url.Values{"job_uid": {"nightly"}}).is(400).shows("job_uid")
	v.post("/webhooks/"+uid+"/retry", url.Values{"job_uid": {""}}).is(400).shows("job_uid")
}

func TestAWebhookIsDeleted(t *testing.T) {
	w := newWorld(t)
	uid := w.newHook(object{"name": "Billing"})
	v := w.visit("full")
	v.get("/webhooks/"+uid).shows("Delete Billing for good", "cancelled when they fall due")
	v.post("/webhooks/"+uid+"/delete", url.Values{}).follow().is(200).shows("The webhook is deleted", "No webhook yet")
	v.post("/webhooks/"+uid+"/delete", url.Values{}).follow().is(200)
	v.get("/webhooks/" + uid).is(404).shows("There is no webhook of this uid")
}

func TestAKeyThatOnlyReadsSeesWebhooksAndChangesNone(t *testing.T) {
	w := newWorld(t)
	uid := w.newHook(object{"name": "Billing"})
	v := w.visit("reader")
	for _, path := range []string{"/webhooks", "/webhooks/" + uid, "/webhooks/" + uid + "?dialog=test"} {
		page := v.get(path).is(200).shows("Billing").hides("Send test event", "Add webhook", "Rotate", "Delete", "/edit")
		if n := strings.Count(page.body, `method="post"`); n != 1 {
			t.Errorf("%s has %d forms, want the one to sign out", path, n)
		}
	}
	for _, path := range []string{"/webhooks/new", "/webhooks/" + uid + "/edit"} {
		v.get(path).is(200).hides(`<button class="primary">`)
	}
	for _, path := range []string{"/new", "/" + uid + "/edit", "/" + uid + "/test", "/" + uid + "/retry", "/" + uid + "/enable", "/" + uid + "/rotate", "/" + uid + "/delete"} {
		form := wholeForm(w)
		form.Set("job_uid", uid)
		v.post("/webhooks"+path, form).is(403).shows("scope")
	}
	if hook := w.call("GET", "/webhooks/"+uid, nil); hook["name"] != "Billing" || hook["enabled"] != true {
		t.Errorf("the webhook is %v now", hook)
	}
}

func TestAnotherProjectsWebhookIsNotThere(t *testing.T) {
	w := newWorld(t)
	uid := w.newHook(object{"name": "Billing"})
	v := w.visit("other")
	v.get("/webhooks").is(200).hides("Billing")
	for _, path := range []string{"/" + uid, "/" + uid + "/edit", "/" + uid + "?range=30d", "/nothing", "/%2e%2e", "/a%2Fb", "/" + uid + "%3Flimit=1"} {
		v.get("/webhooks" + path).is(404).hides("Billing")
	}
	for _, path := range []string{"/edit", "/test", "/retry", "/enable", "/rotate"} {
		form := wholeForm(w)
		form.Set("job_uid", uid)
		v.post("/webhooks/"+uid+path, form).is(404).hides("Billing two")
	}
	v.post("/webhooks/"+uid+"/delete", url.Values{})
	w.call("GET", "/webhooks/"+uid, nil)
}
