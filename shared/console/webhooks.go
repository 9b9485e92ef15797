package console

import (
	"context"
	"net/url"
)

// webhooksView is the list of webhooks.
type webhooksView struct {
	Rows []webhookRow
	Next string // URL of the next page; empty on the last
}

// webhookRow is a webhook and the jobs whose events it gets.
type webhookRow struct {
	webhook
	Scope link
}

// webhooksPage shows the project's webhooks, newest first.
func (s *console) webhooksPage(ctx context.Context, c *call) (reply, error) {
	found, err := get[list[webhook]](ctx, c, "/webhooks", c.query("cursor"))
	if err := c.tolerate(err); err != nil {
		return reply{}, err
	}
	scopes, err := c.scopesOf(ctx, found.Results)
	if err != nil {
		return reply{}, err
	}
	view := webhooksView{Next: c.nextPage(found.cursor())}
	for i, w := range found.Results {
		view.Rows = append(view.Rows, webhookRow{w, scopes[i]})
	}
	return reply{page: "webhooks", title: "Webhooks", data: view}, nil
}

// scopesOf says for each webhook whose events it gets: a link to them, without an URL for those of the whole project.
func (c *call) scopesOf(ctx context.Context, hooks []webhook) ([]link, error) {
	var flowUIDs, jobUIDs []string
	for _, w := range hooks {
		switch {
		case w.WorkflowUID != nil:
			flowUIDs = append(flowUIDs, *w.WorkflowUID)
		case w.JobUID != nil:
			jobUIDs = append(jobUIDs, *w.JobUID)
		}
	}
	var flows map[string]workflow
	var jobs map[string]job
	err := together(
		func() (err error) { flows, err = c.workflowsOf(ctx, flowUIDs); return err },
		func() (err error) { jobs, err = c.jobsOf(ctx, jobUIDs); return err },
	)
	if err != nil {
		return nil, err
	}
	scopes := make([]link, len(hooks))
	for i, w := range hooks {
		switch {
		case w.WorkflowUID != nil:
			flow := named(flows, *w.WorkflowUID, workflow{UID: *w.WorkflowUID})
			scopes[i] = link{Name: "Workflow " + flow.Label(), URL: Base + "/jobs?workflow_uid=" + url.QueryEscape(flow.UID)}
		case w.JobUID != nil:
			j := named(jobs, *w.JobUID, job{UID: *w.JobUID})
			scopes[i] = link{Name: "Job " + j.Label(), URL: Base + jobPath(j.UID)}
		default:
			scopes[i] = link{Name: "All jobs of the project"}
		}
	}
	return scopes, nil
}
