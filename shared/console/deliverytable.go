package console

import "context"

const (
	rowsShown = 20 // as many as a page of a list of the API has
	nameShown = 80 // characters
)

// deliveryTable is a table of deliveries, with the names of what they belong to.
type deliveryTable struct {
	Rows       []delivery
	OneJob     bool // all are of one job, which the page tells already
	OneWebhook bool // all are for one webhook, likewise
	webhooks   map[string]webhook
	jobs       map[string]job
}

// tableOf reads the names that a table of deliveries shows, and those that others need beside it.
func (c *call) tableOf(ctx context.Context, rows []delivery, others ...delivery) (t deliveryTable, err error) {
	var webhooks, jobs []string
	for _, d := range append(others, rows...) {
		webhooks, jobs = append(webhooks, d.WebhookUID), append(jobs, d.JobUID)
	}
	t.Rows = rows
	err = together(
		func() (err error) { t.webhooks, err = c.webhooksOf(ctx, webhooks); return err },
		func() (err error) { t.jobs, err = c.jobsOf(ctx, jobs); return err },
	)
	return t, err
}

// Webhook is what a link to a delivery's webhook says.
func (t deliveryTable) Webhook(uid string) string {
	return cut(named(t.webhooks, uid, webhook{UID: uid}).Label(), nameShown)
}

// HasJob reports whether there is the job: tests are of a sample, and jobs expire.
func (t deliveryTable) HasJob(uid string) bool {
	_, ok := t.jobs[uid]
	return ok
}

// Job is what a link to a delivery's job says.
func (t deliveryTable) Job(uid string) string {
	return cut(named(t.jobs, uid, job{UID: uid}).Label(), nameShown)
}
