package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"hermod/infra/browser"
)

// writings are what clients, executors and receivers might write everywhere: markup that would run, and text that knows no bounds.
var writings = map[string]string{
	"markup":   `"'><img src=x onerror=alert(1)><svg onload=alert(2)></title></textarea></pre></script><script>alert(3)</script>{{.}}<!--`,
	"no blank": strings.Repeat("Wm", 120),
	"turned":   "\u202eevil\u2066 \u2028\u0085😀👩‍👩‍👧‍👦" + strings.Repeat("é\u0301", 40),
}

// furnish makes something of everything with a text in it, and returns the paths of the pages that show it.
func furnish(t *testing.T, s *browser.Service, text string) []string {
	t.Helper()
	header := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Said", header)
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprint(w, text+text)
	}))
	t.Cleanup(receiver.Close)
	var flow, hook, job, task struct {
		UID    string
		JobUID string `json:"job_uid"`
	}
	type object = map[string]any
	s.Must("POST", "/api-keys", object{"name": text, "scopes": []string{"read"}}, nil)
	s.Must("POST", "/workflows", object{"name": text}, &flow)
	s.Must("POST", "/webhooks", object{
		"name": text, "description": text, "url": receiver.URL + "/" + strings.Repeat("'", 1900), "events": []string{"created", "succeeded"}, "workflow_uid": flow.UID,
		"headers": []object{{"name": "X-" + strings.Repeat("!#$%&'*+.^_`|~", 8), "value": "secret"}}, "retry_schedule": []int{}, "signatures": []string{"v1", "v1a"},
	}, &hook)
	s.Must("POST", "/workflows/"+flow.UID+"/schedule", object{"job_name": text}, &job)
	input := object{"input_data": object{text: text}, "custom_data": text}
	s.Must("POST", "/jobs/"+job.JobUID+"/inputs", object{"inputs": []object{input, input, input}, "last": true, "from": 0}, nil)
	label := strings.ToValidUTF8(text[:60], "")
	s.Must("POST", "/jobs/"+job.JobUID+"/inputs/report", object{"inputs": []object{
		{"index": 0, "status": "failed", "error": object{"label": label, "scope": "server", "message": text + text}},
		{"index": 1, "status": "succeeded", "results": []object{{text: text, "b": text, "c": text}}},
		{"index": 2, "status": "failed", "error": object{"label": label, "scope": "input", "message": text}},
	}}, nil)
	var dead struct{ Results []struct{ UID string } }
	s.Until("dead letters of a job", func() bool {
		s.Must("GET", "/deliveries?state=dead&job_uid="+job.JobUID, nil, &dead)
		return len(dead.Results) == 2
	})
	s.Must("POST", "/redrives", object{"job_uid": job.JobUID, "webhook_uid": hook.UID, "workflow_uid": flow.UID}, &task)
	paths := []string{
		"", "/jobs", "/jobs?workflow_uid=" + flow.UID, "/webhooks", "/webhooks/" + hook.UID, "/webhooks/" + hook.UID + "/edit", "/webhooks/new", "/deliveries",
		"/deliveries?job_uid=" + job.JobUID + "&webhook_uid=" + hook.UID, "/deliveries/" + dead.Results[0].UID, "/dead-letters", "/redrives", "/redrives/" + task.UID,
		"/why?job_uid=" + job.JobUID, "/why?webhook_uid=" + hook.UID, "/why?webhook_uid=" + hook.UID + "&job_uid=" + job.JobUID, "/api-keys",
	}
	for _, dialog := range []string{"test", "rotate", "retry-" + hook.UID} {
		paths = append(paths, "/webhooks/"+hook.UID+"?dialog="+dialog)
	}
	for _, tab := range []string{"inputs", "results", "events", "webhooks", "deliveries", "inputs&dialog=retry", "webhooks&dialog=add-webhook", "webhooks&dialog=retry-" + hook.UID} {
		paths = append(paths, "/jobs/"+job.JobUID+"?tab="+tab)
	}
	return paths
}

// A page that runs what somebody has written would complain, which fails the test; one that is torn by it is wider than the window.
func TestWhateverIsWrittenIsShownAsTextAndFits(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	p := s.SignIn(browser.Start(t))
	for name, text := range writings {
		for _, path := range furnish(t, s, text) {
			p.Open("/console" + path)
			p.Evaluate("document.querySelectorAll('details').forEach(d => d.open = true), true", new(bool))
			var strange int
			if p.Evaluate("document.querySelectorAll('main img[onerror], main script, [onload], style').length", &strange); strange > 0 {
				t.Errorf("%s: %s has %d elements that somebody wrote", name, path, strange)
			}
			for _, width := range []int{1280, 360} {
				p.Viewport(width, 740)
				p.Fits()
			}
		}
	}
}
