package console

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// recentDeliveries is how many of a webhook's deliveries its page shows.
const recentDeliveries = "10"

// webhookView is a webhook, how its deliveries go, and the newest of them.
type webhookView struct {
	webhook
	Scope    link
	Schedule string
	Stats    stats
	Chart    chart
	Range    statsRange
	Recent   deliveryTable
	LastFail *delivery // the newest of Recent whose last request failed; nil: none of them
}

func (s *console) webhookPage(ctx context.Context, c *call) (reply, error) {
	path, chosen := webhookPath(c.uid()), c.rangeOf()
	c.standsAt(Base + path)
	view := webhookView{Range: chosen}
	since, _ := chosen.at(s.Now())
	var recent list[delivery]
	err := together(
		func() (err error) { view.webhook, err = get[webhook](ctx, c, path, nil); return err },
		func() (err error) {
			view.Stats, err = get[stats](ctx, c, path+"/stats", url.Values{"since": {since.Format(time.RFC3339)}})
			return err
		},
		func() (err error) {
			recent, err = get[list[delivery]](ctx, c, "/deliveries", url.Values{"webhook_uid": {c.uid()}, "limit": {recentDeliveries}})
			return err
		},
	)
	if err != nil {
		return reply{}, err
	}
	view.Schedule, view.Chart = scheduleWords(view.RetrySchedule), drawStats(view.Stats, chosen, s.Now())
	view.LastFail = lastFailure(recent.Results)
	if view.Recent, err = c.tableOf(ctx, recent.Results); err != nil {
		return reply{}, err
	}
	view.Recent.OneWebhook = true
	scopes, err := c.scopesOf(ctx, []webhook{view.webhook})
	if err != nil {
		return reply{}, err
	}
	view.Scope = scopes[0]
	return reply{page: "webhook", title: view.Label(), data: view}, nil
}

// lastFailure returns the newest delivery whose last request failed, other than of a test.
func lastFailure(rows []delivery) *delivery {
	for i, d := range rows {
		if d.State != "succeeded" && d.LastError != nil && !d.Test {
			return &rows[i]
		}
	}
	return nil
}

// sentDelivery is what the API answers to a request that sends something.
type sentDelivery struct {
	UID string `json:"delivery_uid"`
}

// testWebhook sends a test event and leads to its delivery, whose page shows what becomes of it.
func (s *console) testWebhook(ctx context.Context, c *call) (reply, error) {
	body := map[string]any{"event": c.form.Get("event")}
	if uid := c.form.Get("job_uid"); uid != "" {
		body["job_uid"] = uid
	}
	asked := s.Now()
	sent, err := post[sentDelivery](ctx, c, webhookPath(c.uid())+"/test", body)
	if err != nil {
		return reply{}, err
	}
	return toDelivery(sent.UID, asked, "webhook-tested")
}

// retryWebhook sends it a job's event.
func (s *console) retryWebhook(ctx context.Context, c *call) (reply, error) {
	return c.resend(ctx, c.uid())
}

// enableWebhook enables or disables it, as the form says.
func (s *console) enableWebhook(ctx context.Context, c *call) (reply, error) {
	enabled := c.form.Get("enabled") == "true"
	if _, err := send[nothing](ctx, c, http.MethodPatch, webhookPath(c.uid()), map[string]any{"enabled": enabled}); err != nil {
		return reply{}, err
	}
	if enabled {
		return goTo(webhookPath(c.uid()), "webhook-enabled")
	}
	return goTo(webhookPath(c.uid()), "webhook-disabled")
}

// rotateSecret gives it a new secret or key pair, and shows that.
func (s *console) rotateSecret(ctx context.Context, c *call) (reply, error) {
	overlap := numberOr(c.form.Get("overlap_seconds"))
	body := map[string]any{"overlap_seconds": overlap}
	for _, name := range []string{"scheme", "secret"} {
		if given := c.form.Get(name); given != "" {
			body[name] = given
		}
	}
	w, err := post[webhook](ctx, c, webhookPath(c.uid())+"/secret/rotate", body)
	if err != nil {
		return reply{}, err
	}
	older := "Its older secrets sign nothing any more."
	if n, ok := overlap.(int); ok && n > 0 {
		older = "Its older secrets sign too for " + span(n) + ", so that the receiver can change over, and end then."
	}
	return reply{page: "secret", title: "Secret rotated", data: secretView{Webhook: w, Older: older}}, nil
}

// deleteWebhook deletes it. That it is gone already is as good.
func (s *console) deleteWebhook(ctx context.Context, c *call) (reply, error) {
	_, err := send[nothing](ctx, c, http.MethodDelete, webhookPath(c.uid()), nil)
	if _, gone := refused(err, http.StatusNotFound); err != nil && !gone {
		return reply{}, err
	}
	return goTo("/webhooks", "webhook-deleted")
}
