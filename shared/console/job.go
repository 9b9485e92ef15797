package console

import (
	"context"
	"net/url"
	"slices"
	"strings"
)

// Tabs of a job's page.
const (
	tabInputs     = "inputs"
	tabResults    = "results"
	tabEvents     = "events"
	tabWebhooks   = "webhooks"
	tabDeliveries = "deliveries"
)

var jobTabs = []string{tabInputs, tabResults, tabEvents, tabWebhooks, tabDeliveries}

// jobView is the page of a job: what every tab shows, and one of the tabs.
type jobView struct {
	Job    job
	Tab    string
	Labels []string // of errors, that some failed inputs have: which ones a retry may be narrowed to
	Live   bool     // the job may change
	Moving bool     // what the tab shows may change

	Inputs     inputsView
	Results    resultsView
	Events     eventsView
	Webhooks   jobWebhooksView
	Deliveries deliveriesView
}

// eventsView is a page of a job's events.
type eventsView struct {
	Events []eventView
	Next   string
}

// jobPage shows a job.
func (s *console) jobPage(ctx context.Context, c *call) (reply, error) {
	path := jobPath(c.uid())
	c.standsAt(Base + path)
	j, err := get[job](ctx, c, path, nil)
	if err != nil {
		return reply{}, err
	}
	view := jobView{Job: j, Tab: j.tab(c.request.URL.Query().Get("tab"))}
	err = together(
		func() error { return view.readTab(ctx, c) },
		func() (err error) { view.Labels, err = c.failedLabels(ctx, j); return err },
	)
	view.Live = j.Open() && c.form == nil
	query := c.request.URL.Query() // after a retry of its webhooks the tab looks for new attempts at least once
	view.Moving = c.form == nil && !query.Has("cursor") && (j.Open() || view.unsettled() || query.Get("done") == "webhooks-retried")
	return reply{page: "job", title: j.Label(), data: view}, err
}

// tab returns the tab that is asked for; without a known one, that which has most to tell.
func (j job) tab(asked string) string {
	switch {
	case slices.Contains(jobTabs, asked):
		return asked
	case j.NumberInputs > 0:
		return tabInputs
	}
	return tabEvents
}

// readTab reads what the tab shows.
func (v *jobView) readTab(ctx context.Context, c *call) (err error) {
	switch v.Tab {
	case tabInputs:
		v.Inputs, err = c.inputsOf(ctx, v.Job)
	case tabResults:
		v.Results, err = c.resultsOf(ctx, v.Job)
	case tabEvents:
		v.Events, err = c.jobEvents(ctx, v.Job)
	case tabWebhooks:
		v.Webhooks, err = c.jobWebhooks(ctx, v.Job)
	case tabDeliveries:
		v.Deliveries, err = c.jobDeliveries(ctx, v.Job)
	}
	return c.tolerate(err)
}

// unsettled reports whether something of the tab changes although the job does not.
func (v *jobView) unsettled() bool {
	return slices.ContainsFunc(v.Events.Events, func(e eventView) bool { return !e.Final() }) ||
		slices.ContainsFunc(v.Deliveries.Table.Rows, func(d delivery) bool { return !d.Final() })
}

func (c *call) jobEvents(ctx context.Context, j job) (eventsView, error) {
	query := c.query("cursor")
	query.Set("limit", eventsShown)
	events, next, err := c.eventsOf(ctx, j.UID, query)
	return eventsView{events, c.nextPage(next)}, err
}

func (c *call) jobDeliveries(ctx context.Context, j job) (deliveriesView, error) {
	found, err := get[list[delivery]](ctx, c, jobPath(j.UID)+"/deliveries", c.query("state", "event", "cursor"))
	if err != nil {
		return deliveriesView{}, err
	}
	table, err := c.tableOf(ctx, found.Results)
	table.OneJob = true
	return deliveriesView{Table: table, Next: c.nextPage(found.cursor())}, err
}

// jobTab returns the page of a job with one of its tabs, for a form on it that is refused.
func (s *console) jobTab(tab string) handler {
	return func(ctx context.Context, c *call) (reply, error) {
		c.request.URL.RawQuery = "tab=" + tab
		return s.jobPage(ctx, c)
	}
}

// Retriable reports whether it makes sense to offer a retry. Whether there is anything to retry, the API says.
func (j job) Retriable() bool {
	return j.Status != "pending" && j.Status != "running" && (j.NumberInputs == 0 || j.Counts.Failed > 0 || j.Done() < j.NumberInputs)
}

// Cancellable reports whether it makes sense to offer a cancel.
func (j job) Cancellable() bool { return j.Status != "finished" && j.Status != "stopped" }

// Bar is how far the job's inputs are.
func (j job) Bar() stack {
	return newStack(plural(j.NumberInputs, "input"), j.NumberInputs,
		segment{Tone: "good", Name: "succeeded", Count: j.Counts.Succeeded},
		segment{Tone: "bad", Name: "failed", Count: j.Counts.Failed},
		segment{Tone: "wait", Name: "running", Count: j.Counts.Running},
		segment{Tone: "off", Name: "pending", Count: j.Counts.Pending},
	)
}

// retryJob sends failed inputs back, or the job as a whole.
func (s *console) retryJob(ctx context.Context, c *call) (reply, error) {
	path, body := jobPath(c.uid()), map[string]any{"force": c.form.Has("force")}
	if labels := labelsIn(c.form); len(labels) > 0 {
		body["labels"] = labels
	}
	retried, err := post[struct {
		Left []nothing `json:"left"`
	}](ctx, c, path+"/retry", body)
	switch {
	case err != nil:
		return reply{}, err
	case len(retried.Left) > 0:
		return goTo(path+"?tab=inputs&retryable=false", "job-retried-partly")
	}
	return goTo(path, "job-retried")
}

// labelsIn returns the labels that a form narrows a retry to: those that are ticked, and those that are typed, with commas between them.
func labelsIn(form url.Values) []string {
	labels := slices.Clone(form["label"])
	for _, label := range strings.Split(form.Get("labels"), ",") {
		if label = strings.TrimSpace(label); label != "" {
			labels = append(labels, label)
		}
	}
	return labels
}

// cancelJob stops a job.
func (s *console) cancelJob(ctx context.Context, c *call) (reply, error) {
	path := jobPath(c.uid())
	if _, err := post[nothing](ctx, c, path+"/cancel", nil); err != nil {
		return reply{}, err
	}
	return goTo(path, "job-cancelled")
}
