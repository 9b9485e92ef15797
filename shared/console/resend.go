package console

import "context"

// resend sends what the form of the part "resend" asks for, a job's event to one webhook once more, and leads to the delivery, whose page
// shows what becomes of it.
func (c *call) resend(ctx context.Context, webhookUID string) (reply, error) {
	body := map[string]any{"job_uid": c.form.Get("job_uid")}
	if event := c.form.Get("event"); event != "" {
		body["event"] = event
	}
	asked := c.Now()
	sent, err := post[sentDelivery](ctx, c, webhookPath(webhookUID)+"/retry", body)
	if err != nil {
		return reply{}, err
	}
	return toDelivery(sent.UID, asked, "webhook-retried")
}
