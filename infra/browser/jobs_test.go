package browser_test

import (
	"fmt"
	"strings"
	"testing"

	"hermod/infra/browser"
)

// tabs of a job's page.
const tabs = `[aria-label="About this job"]`

// dialog is the one that lies open.
const dialog = "[aria-labelledby][open]"

// launch launches a job of a workflow that no executor works on, with so many inputs.
func launch(s *browser.Service, name string, inputs int) (uid string) {
	var flow struct{ UID string }
	s.Must("POST", "/workflows", map[string]any{"name": "By hand"}, &flow)
	body := map[string]any{"job_name": name}
	if inputs > 0 {
		list := make([]map[string]any, inputs)
		for i := range list {
			list[i] = map[string]any{"email": fmt.Sprintf("person%d@example.com", i)}
		}
		body["inputs"] = list
	}
	var job struct {
		UID string `json:"job_uid"`
	}
	s.Must("POST", "/workflows/"+flow.UID+"/schedule", body, &job)
	return job.UID
}

// report reports outcomes of inputs from the first on; an empty label is a success.
func report(s *browser.Service, job string, labels ...string) {
	list := make([]map[string]any, len(labels))
	for i, label := range labels {
		switch label {
		case "":
			list[i] = map[string]any{"index": i, "status": "succeeded", "output_count": 1, "results": []any{map[string]any{"name": fmt.Sprintf("Person %d", i)}}}
		case "BAD_INPUT":
			list[i] = failedInput(i, label, "input")
		default:
			list[i] = failedInput(i, label, "server")
		}
	}
	s.Must("POST", "/jobs/"+job+"/inputs/report", map[string]any{"inputs": list}, nil)
}

func failedInput(index int, label, scope string) map[string]any {
	return map[string]any{"index": index, "status": "failed", "error": map[string]any{"label": label, "scope": scope, "message": "It said no."}}
}

// The path of the Captain Data page: Add Webhook in a job's Webhooks tab, then Retry, paste a job UID, delivered.
func TestAWebhookIsAddedToAJobAndRetriedWithAJobUID(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	r := newReceiver(t)
	job := reportJob(s)
	p := s.SignIn(browser.Start(t))
	p.Open("/console/jobs/" + job)
	p.Within(tabs).Click("Webhooks")
	p.Within("Demo receiver of reports").Wait("healthy")
	p.Axe()
	p.Click("Add Webhook")
	p.Axe()

	p.Type("URL", "https://user:secret@example.com/")
	p.Type("Name (optional)", "Ours")
	p.Click("succeeded")
	p.Click("failed")
	p.Click("this job alone")
	p.Type(".pair:nth-of-type(1) > [name=header_name]", "X-Team")
	p.Type(".pair:nth-of-type(1) > [name=header_value]", "blue")
	p.Expect("status of 400")
	p.Within("#add-webhook").Click("Add Webhook")
	p.Wait("#wrong-url")
	if got := p.Value("Name (optional)") + " " + p.Value("succeeded") + " " + p.Value("created") + " " + p.Value("this job alone"); got != "Ours on off on" {
		t.Errorf("the refused form has %q, want what was typed", got)
	}
	p.Axe()
	p.Type("URL", r.URL+"/hook")
	p.Within("#add-webhook").Click("Add Webhook")
	p.Wait("Webhook added")
	r.trust(copied(t, p))
	p.Axe()

	p.Click("Back to the job")
	p.Within("Ours").Wait("this job")
	p.Within("Ours").Wait("unused")
	p.Click("Retry Ours")
	if got := p.Value("Job UID"); got != job {
		t.Errorf("the dialog has the job UID %q, want this job's", got)
	}
	p.Axe()
	p.Type("Job UID", "pasted by mistake")
	p.Expect("status of 400")
	p.Within(dialog).Click("Retry")
	p.Within(dialog).Wait("job_uid")
	p.Axe()
	p.Type("Job UID", job)
	p.Within(dialog).Click("Retry")
	p.Wait("One attempt is on its way")
	p.Wait("succeeded")
	if got := strings.Join(r.got(), " "); got != "job.succeeded" {
		t.Errorf("the receiver got %q, want the job's event", got)
	}
	if got := r.last().Get("X-Team"); got != "blue" {
		t.Errorf("the receiver got X-Team: %q, want the header of the form", got)
	}

	p.Open("/console/jobs/" + job + "?tab=webhooks")
	p.Within("Ours").Wait("healthy")
	p.Click("Retry all webhooks")
	p.Wait("Each webhook gets the latest event")
	p.Within("#deliveries").Within("Ours").Wait("succeeded")
	p.Axe()
	p.Within(tabs).Click("Events")
	p.Within(`[aria-label="Event requested"]`).Wait("ask for other event types")
	p.Axe()
	p.Dark(true)
	p.Axe()
}

func TestAJobIsSeenWhileItRuns(t *testing.T) {
	t.Parallel()
	s := browser.ServeEmpty(t)
	job := launch(s, "nightly", 25)
	p := s.SignIn(browser.Start(t))
	p.Click("Jobs")
	p.Within("nightly").Wait("0 of 25")
	p.Axe()
	p.Click("nightly")
	p.Wait("0 of 25 inputs done")
	p.Axe()
	report(s, job, "", "LIMIT_REACHED", "BAD_INPUT")
	p.Wait("3 of 25 inputs done") // by itself
	p.Within("#inputs").Wait("would fail again")
	labels := make([]string, 25)
	labels[1], labels[2] = "LIMIT_REACHED", "BAD_INPUT"
	report(s, job, labels...)
	p.Within("#job-title").Wait("finished")
	p.Gone(".live")
	p.Axe()

	p.Click("Next page")
	p.Wait("person24@example.com")
	p.Click("First page")
	p.Select("Status", "failed")
	p.Select("Failure", "would fail again")
	p.Type("Error label", "BAD_INPUT")
	p.Click("Filter")
	p.Wait("person2@example.com")
	p.Gone("person1@example.com")
	p.Click("Clear")
	p.Within(tabs).Click("Results")
	p.Wait("Person 19")
	p.Axe()
	p.Within(tabs).Click("Deliveries")
	p.Wait("No delivery")
	p.Axe()
	p.Viewport(400, 800)
	for _, tab := range []string{"Inputs", "Results", "Events", "Webhooks", "Deliveries"} {
		p.Within(tabs).Click(tab)
		p.Fits()
		p.Axe()
	}
}

func TestFailedInputsAreRetriedAndAJobIsCancelled(t *testing.T) {
	t.Parallel()
	s := browser.ServeEmpty(t)
	job := launch(s, "nightly", 3)
	report(s, job, "", "LIMIT_REACHED", "BAD_INPUT")
	p := s.SignIn(browser.Start(t))
	p.Open("/console/jobs/" + job)
	p.Click("Retry failed inputs")
	p.Axe()
	p.Click("BAD_INPUT")
	p.Expect("status of 409")
	p.Within("#retry").Click("Retry")
	p.Within("#retry").Wait("errors of this class would come again")
	if got := p.Value("BAD_INPUT") + " " + p.Value("LIMIT_REACHED"); got != "on off" {
		t.Errorf("the refused form has %q, want what was chosen", got)
	}
	p.Axe()
	p.Within("#retry").Click("Cancel")
	p.Click("Retry failed inputs")
	p.Click("BAD_INPUT")
	p.Within("#retry").Click("Retry")
	p.Wait("Some failed inputs were left")
	p.Wait("1 pending")

	p.Click("Cancel this job…")
	p.Axe()
	p.Click("Cancel the job")
	p.Wait("The job is stopped.")
	p.Gone("Cancel this job…")
	p.Click("Retry failed inputs")
	p.Click("[name=force]")
	p.Within("#retry").Click("Retry")
	p.Wait("2 pending")
	p.Wait("The job is pending again")
}

func TestJobsNeedNoScript(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	job := reportJob(s)
	p := s.SignIn(browser.Start(t))
	p.Script(false)
	p.Open("/console/jobs?status=finished")
	p.Wait("Report")
	p.Open("/console/jobs/" + job + "?tab=webhooks")
	p.Click("Add Webhook")
	p.Within("#add-webhook").Type("URL", s.Demo+"/hook/mine")
	p.Within("#add-webhook").Click("succeeded")
	p.Expect("status of 400")
	p.Within("#add-webhook").Type(".pair:nth-of-type(1) > [name=header_name]", "Host")
	p.Within("#add-webhook").Click("Add Webhook")
	p.Within("#add-webhook").Wait("is reserved")
	p.Within("#add-webhook").Click("Cancel")
	p.Click("Retry Demo receiver of reports")
	p.Within(dialog).Click("Retry")
	p.Wait("One attempt is on its way")
}
