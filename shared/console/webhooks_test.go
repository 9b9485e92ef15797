package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestTheListOfWebhooksSaysHowEachIs(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("Import")
	w.newHook(object{"name": "fresh", "events": []string{"paused"}})
	w.newHook(object{"name": "well", "workflow_uid": flow})
	off := w.newHook(object{"name": "off", "events": []string{"paused"}})
	w.call("PATCH", "/webhooks/"+off, object{"enabled": false})
	job := w.newJob(flow, "running")
	w.newHook(object{"name": "bound", "job_uid": job, "events": []string{"paused"}})
	w.work()
	v := w.visit("full")
	v.get("/webhooks").is(200).shows("unused", "healthy", "disabled", "by request", "created, succeeded, failed, requested, paused, stopped", "All jobs of the project",
		"Workflow Import", "/console/jobs?workflow_uid="+flow, "Job nightly", "/console/jobs/"+job, w.receiver.URL+"/hook", "Add webhook")

	w.answer.Store(http.StatusGone)
	w.call("PATCH", "/jobs/"+job, object{"status": "finished"})
	w.work()
	v.get("/webhooks").shows("the receiver answered 410 Gone")
}

func TestTheListSaysSinceWhenAWebhookFails(t *testing.T) {
	w := newWorld(t)
	w.newHook(nil)
	w.answer.Store(http.StatusInternalServerError)
	w.newJob(w.newFlow("Import"))
	w.work()
	w.pass(200 * time.Minute) // more than the attempt took
	w.visit("full").get("/webhooks").shows("failing for 3 h")
}

func TestAnEmptyListOfWebhooksTeachesTheNextStep(t *testing.T) {
	w := newWorld(t)
	w.visit("full").get("/webhooks").is(200).shows("No webhook yet", "/console/webhooks/new", "/console/reference/createWebhook")
	w.visit("reader").get("/webhooks").is(200).shows("No webhook yet").hides("/console/webhooks/new")
}

func TestTheListOfWebhooksHasPages(t *testing.T) {
	w := newWorld(t)
	for i := range 21 {
		w.newHook(object{"name": fmt.Sprintf("number %d.", i)})
		w.pass(time.Millisecond)
	}
	v := w.visit("full")
	first := v.get("/webhooks").is(200).shows("number 20.", "number 1.", "Older").hides("number 0.")
	_, next, _ := strings.Cut(first.body, `href="/console/webhooks?cursor=`)
	next, _, _ = strings.Cut(next, `"`)
	v.get("/webhooks?cursor="+next).is(200).shows("number 0.", "Newest").hides("number 1.")
	v.get("/webhooks?cursor=made-up").is(400).shows("cursor")
}

func TestAListOfTheLongestWebhooksIsNoLargePage(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow(strings.Repeat("<", 200))
	for range 20 {
		w.newHook(object{
			"name": strings.Repeat("<", 256), "url": w.receiver.URL + "/" + strings.Repeat("&", 1900), "description": strings.Repeat("<", 1024), "workflow_uid": flow,
		})
		w.newJob(flow)
	}
	w.answer.Store(http.StatusInternalServerError)
	w.work()
	v := w.visit("full")
	page := v.get("/webhooks").is(200)
	_, uid, _ := strings.Cut(page.body, `href="/console/webhooks/01`)
	v.get("/webhooks/01" + uid[:34]).is(200).shows("Recent deliveries")
	v.get("/webhooks/01" + uid[:34] + "/edit").is(200)
}

func TestAFormOffersWorkflowsByNameUnlessThereAreTooMany(t *testing.T) {
	w := newWorld(t)
	for i := range 200 {
		w.newFlow(fmt.Sprintf("%s %d", strings.Repeat("<", 200), i))
	}
	v := w.visit("full")
	v.get("/webhooks/new").is(200).shows(`<select id="workflow" name="workflow_uid"`)
	w.newFlow("one more")
	v.get("/webhooks/new").is(200).shows(`<input id="workflow" name="workflow_uid"`)
}

// wholeForm is a form with every field.
func wholeForm(w *world) url.Values {
	return url.Values{
		"name": {"Billing"}, "url": {w.receiver.URL + "/billing"}, "description": {"of the finance team"}, "event": {"succeeded", "failed"},
		"scope": {"project"}, "workflow_uid": {""}, "job_uid": {""}, "header_name": {"Authorization", "X-Team", ""}, "header_value": {"Bearer 5d41402abc4b2a76", "blue", ""},
		"payload": {"standard"}, "signature": {"v1", "v1a"}, "retry_schedule": {"5, 60,600"}, "timeout_seconds": {"7"}, "secret": {""},
	}
}

// secretOf returns the secret that a page shows.
func secretOf(p *seen) string {
	p.Helper()
	_, rest, ok := strings.Cut(p.body, `data-copy="whsec_`)
	if !ok {
		p.Fatalf("%s shows no secret: %s", p.path, p.text())
	}
	secret, _, _ := strings.Cut(rest, `"`)
	return strings.ReplaceAll("whsec_"+secret, "&#43;", "+")
}

// uidOf returns the uid of the webhook whose secret a page shows.
func uidOf(p *seen) string {
	p.Helper()
	_, rest, ok := strings.Cut(p.body, `href="/console/webhooks/01`)
	if !ok || len(rest) < 34 {
		p.Fatalf("%s leads to no webhook: %s", p.path, p.text())
	}
	return "01" + rest[:34]
}

func TestAWebhookIsMadeWithEveryField(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	made := v.post("/webhooks/new", wholeForm(w)).is(200).shows("Webhook added", "shown this once", "whpk_", "standardwebhooks")
	secret, uid := secretOf(made), uidOf(made)
	hook := w.call("GET", "/webhooks/"+uid, nil)
	for name, want := range map[string]string{
		"name": "Billing", "url": w.receiver.URL + "/billing", "description": "of the finance team", "events": "[succeeded failed]", "workflow_uid": "<nil>", "job_uid": "<nil>",
		"payload": "standard", "signatures": "[v1 v1a]", "retry_schedule": "[5 60 600]", "timeout_seconds": "7", "secret_hint": "whsec_…" + secret[len(secret)-4:],
	} {
		if got := fmt.Sprint(hook[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	v.get("/webhooks/"+uid).is(200).shows("Billing", "of the finance team", "succeeded, failed", "Authorization: …2a76", "X-Team: ***", "standard",
		"At once, then after 5 s, 1 min and 10 min: 4 attempts in about 11 min 5 s.", "7 s", "v1, v1a", hook["secret_hint"].(string), strings.ReplaceAll(hook["public_key"].(string), "+", "&#43;"))
	for _, path := range []string{"", "/new", "/" + uid, "/" + uid + "/edit", "/" + uid + "?dialog=rotate"} {
		v.get("/webhooks"+path).is(200).hides(secret, "5d41402abc4b", "blue")
	}
}

func TestAWebhookIsMadeForAWorkflowOrAJob(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("Import")
	job := w.newJob(flow)
	v := w.visit("full")
	form := wholeForm(w)
	form.Set("workflow_uid", flow)
	form.Set("job_uid", job) // of the radio button that is not chosen
	form.Set("scope", "workflow")
	if hook := w.call("GET", "/webhooks/"+uidOf(v.post("/webhooks/new", form).is(200)), nil); hook["workflow_uid"] != flow || hook["job_uid"] != nil {
		t.Errorf("the webhook of a workflow is %v", hook)
	}
	form.Set("scope", "job")
	made := v.post("/webhooks/new", form).is(200)
	if hook := w.call("GET", "/webhooks/"+uidOf(made), nil); hook["workflow_uid"] != nil || hook["job_uid"] != job {
		t.Errorf("the webhook of a job is %v", hook)
	}
	v.get("/webhooks/"+uidOf(made)+"/edit").is(200).shows(`value="job" checked`, `name="job_uid" value="`+job)
	form.Set("scope", "workflow")
	form.Set("workflow_uid", job)
	v.post("/webhooks/new", form).is(400).shows("workflow_uid names no workflow of this project")
}

func TestAFormThatIsSentAgainMakesOneWebhookAndShowsItsSecretAgain(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	form := wholeForm(w)
	form.Set("once", onceOf(v.get("/webhooks/new")))
	first := v.post("/webhooks/new", form).is(200)
	again := v.post("/webhooks/new", form).is(200)
	if secretOf(first) != secretOf(again) || uidOf(first) != uidOf(again) {
		t.Errorf("the form sent again shows %s of %s, want %s of %s", secretOf(again), uidOf(again), secretOf(first), uidOf(first))
	}
	if n := len(w.call("GET", "/webhooks", nil)["results"].([]any)); n != 1 {
		t.Errorf("there are %d webhooks, want 1", n)
	}
}

// onceOf returns the Idempotency-Key of a page's first form.
func onceOf(p *seen) string {
	p.Helper()
	_, rest, ok := strings.Cut(p.body, `name="once" value="`)
	if !ok {
		p.Fatalf("%s has no form that is carried out once", p.path)
	}
	return rest[:36]
}

func TestARefusedFormSaysWhyAndKeepsWhatWasTyped(t *testing.T) {
	tests := []struct{ field, typed, wrong string }{
		{"url", "ftp://files.example.com", `id="wrong-url"`},
		{"event", "", `id="wrong-events"`},
		{"name", strings.Repeat("n", 257), `id="wrong-name"`},
		{"description", strings.Repeat("d", 1025), `id="wrong-description"`},
		{"header_name", "Host", `id="wrong-headers"`},
		{"retry_schedule", "5, soon", `id="wrong-retry_schedule"`},
		{"retry_schedule", "5,", `id="wrong-retry_schedule"`},
		{"retry_schedule", "0", `id="wrong-retry_schedule"`},
		{"timeout_seconds", "soon", `id="wrong-timeout_seconds"`},
		{"timeout_seconds", "21", `id="wrong-timeout_seconds"`},
		{"secret", "whsec_short", `id="wrong-secret"`},
		{"signature", "", `id="wrong-signatures"`},
	}
	w := newWorld(t)
	v := w.visit("full")
	uid := w.newHook(nil)
	for _, path := range []string{"/webhooks/new", "/webhooks/" + uid + "/edit"} {
		for _, tt := range tests {
			if tt.field == "secret" && path != "/webhooks/new" {
				continue
			}
			form := wholeForm(w)
			if form.Set(tt.field, tt.typed); tt.typed == "" {
				form.Del(tt.field)
			}
			page := v.post(path, form).is(400).shows(`<span class="wrong" `+tt.wrong, `role="alert"`, "Bearer 5d41402abc4b2a76", `value="standard" checked`, `value="v1a"`)
			if tt.typed != "" && !strings.Contains(page.body, tt.typed) {
				t.Errorf("%s forgets what was typed into %s", path, tt.field)
			}
			if tt.field != "event" {
				page.shows(`value="failed" checked`)
			}
		}
	}
	if n := len(w.call("GET", "/webhooks", nil)["results"].([]any)); n != 1 {
		t.Errorf("there are %d webhooks, want the one from before", n)
	}
}

func TestAnEditKeepsHeadersWhoseValueIsLeftEmpty(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	uid := uidOf(v.post("/webhooks/new", wholeForm(w)).is(200))
	v.get("/webhooks/"+uid+"/edit").is(200).shows(`value="Authorization"`, `placeholder="…2a76 (stays as it is)"`, `value="5, 60, 600"`, `value="succeeded" checked`,
		`value="v1a" checked`, `value="standard" checked`, `value="7"`).hides(`value="requested" checked`, "Use a secret of your own")

	form := wholeForm(w)
	form["header_name"], form["header_value"] = []string{"Authorization", "", "X-New"}, []string{"", "", "green"}
	form.Set("retry_schedule", "none")
	form.Set("name", "Billing two")
	v.post("/webhooks/"+uid+"/edit", form).follow().is(200).shows("The webhook is saved", "Billing two", "One attempt, at once; no retry.", "Authorization: …2a76", "X-New").hides("X-Team")
	v.get("/webhooks/" + uid + "/edit").shows(`value="none"`)
	form.Set("retry_schedule", "")
	v.post("/webhooks/"+uid+"/edit", form).follow().shows("10 attempts in about 3 days 3 h")

	w.newJob(w.newFlow("Import"), "running", "finished")
	w.work()
	if got := w.last.Load().Header; got.Get("Authorization") != "Bearer 5d41402abc4b2a76" || got.Get("X-New") != "green" || got.Get("X-Team") != "" {
		t.Errorf("the receiver gets %v", got)
	}

	form["header_name"] = []string{"X-Other"}
	v.post("/webhooks/"+uid+"/edit", form).is(400).shows("X-Other", `id="wrong-headers"`)
}

func TestAnEditThatIsRefusedStillSaysWhichValuesStay(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	uid := uidOf(v.post("/webhooks/new", wholeForm(w)).is(200))
	form := wholeForm(w)
	form["header_name"], form["header_value"] = []string{"authorization"}, []string{""}
	form.Set("url", "nowhere")
	v.post("/webhooks/"+uid+"/edit", form).is(400).shows(`value="authorization"`, `placeholder="…2a76 (stays as it is)"`)
}

func TestASchemeThatAnEditAddsShowsItsSecretOnce(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	form := wholeForm(w)
	form["signature"] = []string{"v1a"}
	made := v.post("/webhooks/new", form).is(200).shows("Webhook added", "whpk_").hides("whsec_")
	form["signature"] = []string{"v1", "v1a"}
	uid := uidOf(made)
	saved := v.post("/webhooks/"+uid+"/edit", form).is(200).shows("Webhook saved")
	v.get("/webhooks/" + uid).is(200).hides(secretOf(saved))
}

func TestANameIsTextAndNoHTML(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("<b>flow</b>")
	uid := w.newHook(object{
		"name": "<script>alert(1)</script>", "description": "<img src=x>", "workflow_uid": flow, "headers": []object{{"name": "X", "value": "a value that is long\"><i>"}},
	})
	v := w.visit("full")
	for _, path := range []string{"", "/" + uid, "/" + uid + "/edit"} {
		v.get("/webhooks"+path).is(200).shows("&lt;script&gt;alert(1)").hides("<script>alert", "<img src=x", "<b>flow", "<i>")
	}
}
