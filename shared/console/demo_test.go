package console_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"hermod/shared/console"
)

// receivers stands for the demo's handler; infra/browser has the real one. It notes what it is told.
type receivers struct{ told []string }

func (d *receivers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/webhook/mine":
		io.WriteString(w, `{"name":"My webhook","url":"http://127.0.0.1:8081/hook/mine","events":["failed"],"secret":"whsec_dGhlIHNlY3JldCBvZiB0aGUgZGVtbywgb2YgYSB0ZXN0","retry_schedule":[1,2]}`)
	case strings.HasPrefix(r.URL.Path, "/webhook/"):
		http.Error(w, "there is no such path", http.StatusNotFound)
	case r.Method == http.MethodGet:
		io.WriteString(w, `{"receivers":[{"name":"broken","path":"/hook/broken","url":"http://127.0.0.1:8081/hook/broken","status":500,"delay":"0s",
			"fail_first":0,"hang":false,"taken":1234,"last_status":500,"last_at":"2026-01-31T09:29:00.000Z","last_verified":false},
			{"name":"shaky","url":"http://127.0.0.1:8081/hook/shaky","status":204,"delay":"3s","fail_first":2,"taken":0,"last_at":null}]}`)
	case r.URL.Query().Get("status") == "99":
		http.Error(w, "status is 99; it must be a number from 200 to 599", http.StatusBadRequest)
	default:
		d.told = append(d.told, r.URL.RequestURI())
	}
}

func TestTheDemoIsShownAndTold(t *testing.T) {
	w := newWorld(t)
	demo := &receivers{}
	w.config.Demo = demo
	w.console = console.New(w.config)
	v := w.visit("full")
	v.get("/demo").is(200).shows("answers 500", "1\u2009234", "wrong signature", "answers 503 to the next 2, then 204, after 3s")
	v.post("/demo/receivers/broken", url.Values{"status": {"204"}}).follow().is(200).shows("The receiver behaves so")
	if len(demo.told) != 1 || demo.told[0] != "/behave/broken?status=204" {
		t.Errorf("the demo was told %q, want that broken answers 204", demo.told)
	}
	v.post("/demo/receivers/broken", url.Values{"status": {"99"}}).is(400).shows("it must be a number from 200 to 599")
	w.visit("reader").get("/demo").is(200).hides(`action="/console/demo`, ">Mend<")
}

func TestAWebhookToTheDemoHasItsSecret(t *testing.T) {
	w := newWorld(t)
	w.config.Demo = &receivers{}
	w.console = console.New(w.config)
	v := w.visit("full")
	const secret = "whsec_dGhlIHNlY3JldCBvZiB0aGUgZGVtbywgb2YgYSB0ZXN0"
	v.get("/demo").shows(`href="/console/webhooks/new?receiver=mine"`)
	v.get("/webhooks/new?receiver=mine").is(200).shows("address of the demo’s receiver", `value="http://127.0.0.1:8081/hook/mine"`, `value="`+secret+`"`, `value="failed" checked`, `value="1, 2"`)
	v.get("/webhooks/new?receiver=none").is(400).shows("there is no such path")
	v.get("/webhooks/new").is(200).hides(secret, "demo’s receiver")
	form := url.Values{
		"url": {w.receiver.URL}, "event": {"failed"}, "scope": {"project"}, "payload": {"v3"}, "signature": {"v1"}, "retry_schedule": {"1, 2"}, "timeout_seconds": {"12"},
		"secret": {secret},
	}
	v.post("/webhooks/new?receiver=mine", form).is(200).shows("Webhook added", secret, "Back to the demo")
	form.Del("event")
	v.post("/webhooks/new?receiver=mine", form).is(400).shows(`value="`+secret+`"`, `value="`+w.receiver.URL+`"`)
	w.visit("reader").get("/webhooks/new?receiver=mine").hides(secret)
}

func TestTheDemoLaunchesAJob(t *testing.T) {
	w := newWorld(t)
	w.config.Demo = &receivers{}
	w.console = console.New(w.config)
	flow := w.newFlow("Leads")
	v := w.visit("full")
	v.get("/demo").shows(`<option value="` + flow + `">Leads</option>`)
	v.post("/demo/launch", url.Values{"workflow_uid": {flow}, "job_name": {"mine"}, "inputs": {"3"}}).follow().is(200).shows("mine", "The job is launched")
	v.post("/demo/launch", url.Values{"workflow_uid": {flow}, "job_name": {"mine"}, "inputs": {"many"}}).is(400).shows("whole number from 0 to 500", `value="mine"`)
	v.post("/demo/launch", url.Values{"workflow_uid": {w.newHook(nil)}, "inputs": {"0"}}).is(404)
}

func TestWithoutADemoThereIsNone(t *testing.T) {
	v := newWorld(t).visit("full")
	v.get("").is(200).hides(">Demo<")
	v.post("/demo/receivers/broken", url.Values{"status": {"204"}}).is(404)
}
