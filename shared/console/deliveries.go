package console

import "context"

// deliveriesView is the log of deliveries.
type deliveriesView struct {
	Table   deliveryTable
	Next    string   // URL of the next page; empty on the last
	Webhook *webhook // that the log is narrowed to; nil without that filter, and if there is none of its uid
	Job     *job
}

// Short reports whether the page has fewer deliveries than fit, though there may be more: the API looks at so many at a time.
func (v deliveriesView) Short() bool { return v.Next != "" && len(v.Table.Rows) < rowsShown }

// deliveriesPage shows the newest deliveries that meet the filters, which live in its URL.
func (s *console) deliveriesPage(ctx context.Context, c *call) (reply, error) {
	query := c.query("state", "event", "webhook_uid", "job_uid", "since", "until", "cursor")
	found, err := get[list[delivery]](ctx, c, "/deliveries", moments(query))
	if err := c.tolerate(err); err != nil {
		return reply{}, err
	}
	view := deliveriesView{Next: c.nextPage(found.cursor())}
	if view.Table, err = c.tableOf(ctx, found.Results, delivery{WebhookUID: query.Get("webhook_uid"), JobUID: query.Get("job_uid")}); err != nil {
		return reply{}, err
	}
	if w, ok := view.Table.webhooks[query.Get("webhook_uid")]; ok {
		view.Webhook = &w
	}
	if j, ok := view.Table.jobs[query.Get("job_uid")]; ok {
		view.Job = &j
	}
	return reply{page: "deliveries", title: "Deliveries", data: view}, nil
}
