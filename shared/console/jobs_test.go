package console_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// person is an input that tests launch jobs with.
func person(n int) object { return object{"email": fmt.Sprintf("person%d@example.com", n)} }

// newBatch launches a job with so many inputs.
func (w *world) newBatch(flow, name string, inputs int) string {
	w.Helper()
	list := make([]object, inputs)
	for i := range list {
		list[i] = person(i)
	}
	return w.call("POST", "/workflows/"+flow+"/schedule", object{"job_name": name, "inputs": list})["job_uid"].(string)
}

// report reports the outcomes of a job's inputs, from the first on: ok, or the label and scope of an error with a slash between them.
func (w *world) report(job string, outcomes ...string) {
	w.Helper()
	var reports []object
	for i, outcome := range outcomes {
		r := object{"index": i, "status": "succeeded", "output_count": 1, "results": []object{{"name": fmt.Sprintf("Person %d", i), "score": i}}}
		if label, scope, failed := strings.Cut(outcome, "/"); failed {
			r = object{"index": i, "status": "failed", "error": object{"label": label, "scope": scope, "message": "It said <no> to " + fmt.Sprint(i)}}
		}
		reports = append(reports, r)
	}
	w.call("POST", "/jobs/"+job+"/inputs/report", object{"inputs": reports})
	w.noError(w.inputs.Settle(w.Context(), w.project, job))
}

func TestTheListOfJobsSaysHowFarEachIs(t *testing.T) {
	w := newWorld(t)
	flow, other := w.newFlow("Import"), w.newFlow("Report")
	batch := w.newBatch(flow, "nightly <import>", 3)
	w.report(batch, "ok", "BAD_INPUT/input")
	w.pass(time.Minute)
	plain := w.newJob(other, "running", "finished")
	v := w.visit("full")
	page := v.get("/jobs").is(200).shows("nightly &lt;import&gt;", "2 of 3", "1 failed", "running", "finished", "no inputs", "1 min ago",
		`href="/console/jobs/`+batch+`"`, `data-live="4"`)
	if strings.Index(page.body, plain) > strings.Index(page.body, batch) {
		t.Error("the job that was launched last is not the first")
	}
	v.get("/jobs?status=finished").is(200).shows(plain, "selected>finished").hides(batch)
	v.get("/jobs?workflow_uid="+flow).is(200).shows(batch, `value="`+flow+`" selected`).hides(plain)
	v.get("/jobs?since=2026-01-31T09:30").is(200).shows(batch, plain)
	v.get("/jobs?since=2026-01-31T09:31").is(200).shows(plain).hides(batch)
	v.get("/jobs?until=2026-01-31T09:31").is(200).shows(batch).hides(plain)
	v.get("/jobs?status=paused").is(200).shows("No job meets these filters")
	w.visit("other").get("/jobs").is(200).hides(batch, plain)
}

func TestAWrongFilterOfJobsIsToldOnThePage(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	v.get("/jobs?workflow_uid=nonsense").is(400).shows("workflow_uid", `value="nonsense"`)
	v.get("/jobs?since=yesterday").is(400).shows("since", "Filter")
	v.get("/jobs?cursor=made-up").is(400).shows("cursor")
}

func TestTheListOfJobsHasPages(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("Import")
	var uids []string
	for range 21 {
		uids = append(uids, w.newJob(flow))
		w.pass(time.Second)
	}
	v := w.visit("full")
	first := v.get("/jobs").is(200).shows(uids[20], uids[1]).hides(uids[0])
	v.get(first.link("Older")).is(200).shows(uids[0], "Newest").hides(uids[1], "data-live")
}

// link returns where a link of the page leads to, below the console.
func (p *seen) link(text string) string {
	p.Helper()
	before, _, ok := strings.Cut(p.body, ">"+text+"</a>")
	_, href, _ := strings.Cut(before[strings.LastIndex(before, "<a "):], `href="`+"/console")
	if href, _, _ = strings.Cut(href, `"`); !ok || href == "" {
		p.Fatalf("%s has no link %q", p.path, text)
	}
	return strings.ReplaceAll(href, "&amp;", "&")
}

func TestAProjectWithoutJobsLearnsHowToLaunchOne(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	v.get("/jobs").is(200).shows("No job yet", "make a workflow first", "curl -X POST http://example.com/v3/workflows", "/console/reference/launch")
	flow := w.newFlow("Import")
	page := v.get("/jobs").is(200).shows("Launch one of Import", "curl -X POST http://example.com/v3/workflows/"+flow+"/schedule")

	// The command does what it says.
	_, command, _ := strings.Cut(page.text(), "-d '")
	text, _, _ := strings.Cut(command, "'")
	var body object
	w.noError(json.Unmarshal([]byte(text), &body))
	w.call("POST", "/workflows/"+flow+"/schedule", body)
	v.get("/jobs").shows("nightly import", "0 of 2")
}

func TestAProjectWithVeryManyWorkflowsFiltersByUID(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("number 0.")
	for i := range 200 {
		w.newFlow(fmt.Sprintf("number %d.", i+1))
	}
	v := w.visit("full")
	v.get("/jobs?workflow_uid=" + flow).is(200).shows(`<input name="workflow_uid" value="` + flow + `"`).hides("number 1.")
	v.get("/jobs").is(200).shows("Launch one of number")
}

func TestNamesOfJobsAndWorkflowsAreText(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow("<script>alert(1)</script>")
	job := w.call("POST", "/workflows/"+flow+"/schedule", object{"job_name": `"><img src=x>` + strings.Repeat("&", 200)})["job_uid"].(string)
	v := w.visit("full")
	for _, path := range []string{"/jobs", "/jobs/" + job, "/jobs/" + job + "?tab=webhooks"} {
		v.get(path).is(200).shows("&lt;script&gt;alert(1)&lt;/script&gt;").hides("<script>alert", "<img src=x>")
	}
	v.get("/jobs?" + url.Values{"status": {`"><script>`}}.Encode()).is(400).hides(`"><script>`)
}
