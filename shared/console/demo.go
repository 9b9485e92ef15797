package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"hermod/shared/access"
)

// mostInputs is how many inputs a job of the demo may have.
const mostInputs = 500

// demoView is the page of the demo.
type demoView struct {
	Receivers []receiver
	More      int // that are not shown
	Workflows []workflow
}

// demoPage shows the demo's receiver, which is asked in this process, and launches jobs for the demo's executor.
func (s *console) demoPage(ctx context.Context, c *call) (reply, error) {
	if s.Demo == nil {
		return s.nowhere(ctx, c)
	}
	var view demoView
	told, err := askDemo[struct {
		Receivers []receiver `json:"receivers"`
	}](ctx, c, http.MethodGet, "/behave", nil)
	if err != nil {
		return reply{}, err
	}
	view.Receivers, view.More = lately(told.Receivers)
	all, err := c.workflows(ctx)
	view.Workflows = all[:min(len(all), 100)]
	return reply{page: "demo", title: "Demo", data: view}, err
}

// changeReceiver says how a path of the receiver answers from now on.
func (s *console) changeReceiver(ctx context.Context, c *call) (reply, error) {
	switch {
	case s.Demo == nil:
		return s.nowhere(ctx, c)
	case !c.May(access.Write):
		return reply{}, &refusal{Status: http.StatusForbidden, Message: "This API key only reads. Sign in with one that has the scope write to change how the receiver behaves."}
	}
	mood := url.Values{}
	for _, name := range []string{"status", "delay", "fail_first", "hang"} {
		if v := c.form.Get(name); v != "" {
			mood.Set(name, v)
		}
	}
	if _, err := askDemo[nothing](ctx, c, http.MethodPost, "/behave/"+inPath(c.request.PathValue("name")), mood); err != nil {
		return reply{}, err
	}
	return goTo("/demo", "receiver-changed")
}

// launchJob launches a job of some inputs, which the demo's executor works on.
func (s *console) launchJob(ctx context.Context, c *call) (reply, error) {
	n, err := strconv.Atoi(c.form.Get("inputs"))
	if err != nil || n < 0 || n > mostInputs {
		why := fmt.Sprintf("Inputs must be a whole number from 0 to %d.", mostInputs)
		return reply{}, &refusal{Status: http.StatusBadRequest, Message: why, Params: map[string]any{"field": "inputs"}}
	}
	body := map[string]any{"job_name": c.form.Get("job_name")}
	if n > 0 {
		inputs := make([]any, n)
		for i := range inputs {
			inputs[i] = map[string]any{"company": fmt.Sprintf("Company %d", i+1)}
		}
		body["inputs"] = inputs
	}
	launched, err := post[struct {
		UID string `json:"job_uid"`
	}](ctx, c, workflowPath(c.form.Get("workflow_uid"))+"/schedule", body)
	if err != nil {
		return reply{}, err
	}
	return goTo(jobPath(launched.UID), "job-launched")
}

// webhookToDemo returns a new webhook with what one to a path of the demo's receiver needs: its address, and the secret that it verifies
// with.
func (c *call) webhookToDemo(ctx context.Context, path string, fresh webhook) (webhook, error) {
	told, err := askDemo[webhook](ctx, c, http.MethodGet, "/webhook/"+inPath(path), nil)
	fresh.Name, fresh.URL, fresh.Events, fresh.Secret, fresh.RetrySchedule = told.Name, told.URL, told.Events, told.Secret, told.RetrySchedule
	return fresh, err
}
