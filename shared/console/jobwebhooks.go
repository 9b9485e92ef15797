package console

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
)

const jobWebhooksShown = 20 // on a page

// jobWebhooksView is a page of the webhooks that events of a job go to.
type jobWebhooksView struct {
	Rows []webhook
	All  int
	Form webhookForm // to add one
	Here string      // URL of this page of them, with no dialog open
	Next string
}

// jobWebhooks returns the webhooks that are for the job: first its own, then those of its workflow, then those of the project.
func (c *call) jobWebhooks(ctx context.Context, j job) (jobWebhooksView, error) {
	all, err := c.allWebhooks(ctx)
	if err != nil {
		return jobWebhooksView{}, err
	}
	all = slices.DeleteFunc(all, func(w webhook) bool {
		return w.JobUID != nil && *w.JobUID != j.UID || w.WorkflowUID != nil && *w.WorkflowUID != j.WorkflowUID
	})
	slices.SortStableFunc(all, func(a, b webhook) int { return cmp.Compare(a.breadth(), b.breadth()) })
	view := jobWebhooksView{All: len(all), Form: c.webhookForm(webhook{WorkflowUID: &j.WorkflowUID})}
	page, _ := strconv.Atoi(c.request.URL.Query().Get("page"))
	page = max(0, min(page, (len(all)-1)/jobWebhooksShown))
	from := page * jobWebhooksShown
	view.Rows = all[from:min(from+jobWebhooksShown, len(all))]
	view.Here = c.request.URL.Path + "?tab=webhooks&page=" + strconv.Itoa(page)
	if from+jobWebhooksShown < len(all) {
		view.Next = c.request.URL.Path + "?tab=webhooks&page=" + strconv.Itoa(page+1)
	}
	return view, nil
}

// breadth is the place of the webhook's scope: a job, a workflow, the project.
func (w webhook) breadth() int {
	switch {
	case w.JobUID != nil:
		return 0
	case w.WorkflowUID != nil:
		return 1
	}
	return 2
}

// Scope says whom the webhook is for, as a job's page tells it.
func (w webhook) Scope() string {
	return []string{"this job", "its workflow", "the project"}[w.breadth()]
}

// findJob says of a job that is not there that it is not: what is asked for on its page may be about another.
func (c *call) findJob(ctx context.Context) error {
	_, err := get[nothing](ctx, c, jobPath(c.uid()), nil)
	return err
}

// addJobWebhook makes a webhook from a job's page, and shows its secret.
func (s *console) addJobWebhook(ctx context.Context, c *call) (reply, error) {
	if err := c.findJob(ctx); err != nil {
		return reply{}, err
	}
	w, err := post[webhook](ctx, c, "/webhooks", webhookFields(c.form))
	if err != nil {
		return reply{}, err
	}
	back := link{Name: "Back to the job", URL: Base + jobPath(c.uid()) + "?tab=webhooks"}
	return secretPage("Webhook added", w, back)
}

// retryJobWebhook sends a job's event to a webhook again.
func (s *console) retryJobWebhook(ctx context.Context, c *call) (reply, error) {
	if err := c.findJob(ctx); err != nil {
		return reply{}, err
	}
	return c.resend(ctx, c.request.PathValue("webhook"))
}

// resentView says to which webhooks a job's events are on their way, and to which not.
type resentView struct {
	JobUID     string
	Deliveries int
	Skipped    []skipped
	More       int // skipped ones that are not shown
}

type skipped struct {
	Webhook webhook
	Reason  string
}

// retryJobWebhooks sends the job's latest events to all its webhooks again. Where some are skipped, it says so; else one sees the deliveries.
func (s *console) retryJobWebhooks(ctx context.Context, c *call) (reply, error) {
	uid := c.uid()
	answer, err := post[struct {
		DeliveryUIDs []string `json:"delivery_uids"`
		Skipped      []miss   `json:"skipped"`
	}](ctx, c, jobPath(uid)+"/webhooks/retry", nil)
	switch {
	case err != nil:
		return reply{}, err
	case len(answer.Skipped) == 0:
		return goTo(jobPath(uid)+"?tab=deliveries", "webhooks-retried")
	}
	shown := answer.Skipped[:min(len(answer.Skipped), jobWebhooksShown)]
	uids := make([]string, len(shown))
	for i, m := range shown {
		uids[i] = m.WebhookUID
	}
	webhooks, err := c.webhooksOf(ctx, uids)
	view := resentView{JobUID: uid, Deliveries: len(answer.DeliveryUIDs), More: len(answer.Skipped) - len(shown)}
	for _, m := range shown {
		view.Skipped = append(view.Skipped, skipped{named(webhooks, m.WebhookUID, webhook{UID: m.WebhookUID}), strings.ToLower(words(m.Reason))})
	}
	return reply{page: "resent", title: "Webhooks retried", data: view}, err
}
