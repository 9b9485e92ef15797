package console

import "context"

// deliveryTable is a table of deliveries, with the names of what they belong to.
type deliveryTable struct {
	Rows     []delivery
	webhooks map[string]webhook
	jobs     map[string]job
}

// tableOf reads the names that a table of deliveries shows.
func (c *call) tableOf(ctx context.Context, rows []delivery) (t deliveryTable, err error) {
	var webhooks, jobs []string
	for _, d := range rows {
		webhooks, jobs = append(webhooks, d.WebhookUID), append(jobs, d.JobUID)
	}
	t.Rows = rows
	if t.webhooks, err = c.webhooksOf(ctx, webhooks); err != nil {
		return t, err
	}
	t.jobs, err = c.jobsOf(ctx, jobs)
	return t, err
}

// Webhook is what a link to a delivery's webhook says.
func (t deliveryTable) Webhook(uid string) string {
	if w, ok := t.webhooks[uid]; ok {
		return w.Label()
	}
	return "deleted " + short(uid)
}

// Job is what a link to a delivery's job says.
func (t deliveryTable) Job(uid string) string {
	if j, ok := t.jobs[uid]; ok {
		return j.Label()
	}
	return short(uid)
}
