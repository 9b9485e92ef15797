package console

import "context"

// deliveriesView is the log of deliveries.
type deliveriesView struct {
	Table deliveryTable
	Next  string // URL of the next page; empty on the last
}

// deliveriesPage shows the newest deliveries that meet the filters, which live in its URL.
func (s *console) deliveriesPage(ctx context.Context, c *call) (reply, error) {
	query := c.query("state", "event", "webhook_uid", "job_uid", "since", "until", "cursor")
	found, err := get[list[delivery]](ctx, c, "/deliveries", moments(query))
	if err := c.tolerate(err); err != nil {
		return reply{}, err
	}
	table, err := c.tableOf(ctx, found.Results)
	if err != nil {
		return reply{}, err
	}
	return reply{page: "deliveries", title: "Deliveries", data: deliveriesView{table, c.nextPage(found.cursor())}}, nil
}
