package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hermod/shared/access"
)

// receiver is a path of the demo's receiver, how it behaves and what it has taken.
type receiver struct {
	Name         string     `json:"name"`
	URL          string     `json:"url"`
	Status       int        `json:"status"`
	Delay        string     `json:"delay"`
	FailFirst    int        `json:"fail_first"`
	Hang         bool       `json:"hang"`
	Taken        int        `json:"taken"`
	LastStatus   *int       `json:"last_status"`
	LastAt       *time.Time `json:"last_at"`
	LastVerified *bool      `json:"last_verified"`
}

// Mood says in words how the path behaves.
func (r receiver) Mood() string {
	mood := "answers " + strconv.Itoa(r.Status)
	switch {
	case r.Hang:
		return "never answers"
	case r.FailFirst > 0:
		mood = fmt.Sprintf("answers 503 to the next %d, then %d", r.FailFirst, r.Status)
	}
	if r.Delay != "" && r.Delay != "0s" {
		mood += ", after " + r.Delay
	}
	return mood
}

// Well reports whether deliveries to it succeed.
func (r receiver) Well() bool { return !r.Hang && r.FailFirst == 0 && r.Status/100 == 2 }

// demoView is the page of the demo.
type demoView struct {
	Receivers []receiver
	Workflows []workflow
}

// demoPage shows the demo's receiver, which is asked in this process, and launches jobs for the demo's executor.
func (s *console) demoPage(ctx context.Context, c *call) (reply, error) {
	if s.Demo == nil {
		return s.nowhere(ctx, c)
	}
	var view demoView
	answer, err := c.askDemo(ctx, http.MethodGet, "/behave", nil)
	if err != nil {
		return reply{}, err
	}
	if err := json.Unmarshal(answer, &struct {
		Receivers *[]receiver `json:"receivers"`
	}{&view.Receivers}); err != nil {
		return reply{}, fmt.Errorf("read the demo's answer: %w", err)
	}
	all, err := c.workflows(ctx)
	view.Workflows = all[:min(len(all), 100)]
	return reply{page: "demo", title: "Demo", data: view}, err
}

// behave says how a path of the receiver answers from now on.
func (s *console) behave(ctx context.Context, c *call) (reply, error) {
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
	if _, err := c.askDemo(ctx, http.MethodPost, "/behave/"+inPath(c.request.PathValue("name")), mood); err != nil {
		return reply{}, err
	}
	return goTo("/demo", "behaves")
}

// launch launches a job of some inputs, which the demo's executor works on.
func (s *console) launch(ctx context.Context, c *call) (reply, error) {
	n, err := strconv.Atoi(c.form.Get("inputs"))
	if err != nil || n < 0 || n > 500 {
		return reply{}, &refusal{Status: http.StatusBadRequest, Message: "Inputs must be a whole number from 0 to 500.", Params: map[string]any{"field": "inputs"}}
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
	return goTo(jobPath(launched.UID), "launched")
}

// webhookToDemo returns a new webhook with what one to a path of the demo's receiver needs: its address, and the secret that it verifies
// with.
func (c *call) webhookToDemo(ctx context.Context, path string, fresh webhook) (webhook, error) {
	answer, err := c.askDemo(ctx, http.MethodGet, "/webhook/"+inPath(path), nil)
	if err != nil {
		return fresh, err
	}
	if err := json.Unmarshal(answer, &fresh); err != nil {
		return fresh, fmt.Errorf("read the demo's answer: %w", err)
	}
	return fresh, nil
}

// askDemo sends a request to the demo's receiver.
func (c *call) askDemo(ctx context.Context, method, path string, query url.Values) ([]byte, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, path, nil)
	if err != nil {
		return nil, err
	}
	w := answerOf(c.Demo, r)
	switch {
	case w.status >= 500:
		return nil, errors.New("the demo answers " + strconv.Itoa(w.status))
	case w.status >= 400:
		return nil, &refusal{Status: http.StatusBadRequest, Message: strings.TrimSpace(w.body.String())}
	}
	return w.body.Bytes(), nil
}
