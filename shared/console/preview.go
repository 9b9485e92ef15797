package console

import (
	"cmp"
	"context"
	"net/url"
	"slices"

	"hermod/shared/access"
)

// redrivePreview is what a redrive would take.
type redrivePreview struct {
	Matched int        `json:"matched"`
	More    bool       `json:"more"` // counting stopped there
	Sample  []delivery `json:"sample"`
}

// readMatches counts what meets the filters, or lists the newest of it: where counting takes long and nobody asked for it, and for keys
// that may not redrive.
func (c *call) readMatches(ctx context.Context, v *deadLettersView, query url.Values) error {
	stats, err := get[struct {
		Now map[string]count `json:"now"`
	}](ctx, c, "/stats", nil)
	if err != nil {
		return err
	}
	v.Kept = stats.Now[v.State]
	var rows []delivery
	switch {
	case c.May(access.Write) && (c.asked() || v.State != missing && v.Kept.Count <= countedUnasked):
		v.Preview, rows, err = c.preview(ctx, query)
	case v.State != missing && !query.Has("workflow_uid") && !query.Has("error_class"): // by these the log cannot be filtered
		rows, err = c.sample(ctx, v.State, query)
	}
	if err := c.tolerate(err); err != nil {
		return err
	}
	if v.Table, err = c.tableOf(ctx, rows); err != nil {
		return err
	}
	v.Receivers = receiversOf(v.Table)
	return nil
}

// preview asks what a redrive would take. It goes without the Idempotency-Key of a form that is shown again: it is another request.
func (c *call) preview(ctx context.Context, query url.Values) (*redrivePreview, []delivery, error) {
	apart := *c
	apart.form = nil
	body := bodyOf(query)
	body["dry_run"] = true
	p, err := post[redrivePreview](ctx, &apart, "/redrives", body)
	if err != nil {
		return nil, nil, err
	}
	return &p, p.Sample, nil
}

// sample lists the newest deliveries in a state. Test events are never redriven.
func (c *call) sample(ctx context.Context, state string, query url.Values) ([]delivery, error) {
	query.Set("state", state)
	query.Set("limit", sampled)
	found, err := get[list[delivery]](ctx, c, "/deliveries", query)
	return slices.DeleteFunc(found.Results, func(d delivery) bool { return d.Test }), err
}

// bodyOf returns filters as the API takes them for a redrive.
func bodyOf(query url.Values) map[string]any {
	body := map[string]any{}
	for name := range query {
		body[name] = query.Get(name)
	}
	return body
}

// receiverOf is a webhook that deliveries belong to.
type receiverOf struct {
	webhook
	Count int // of the deliveries that are shown
}

// receiversOf are the webhooks that the deliveries of a table belong to, those with most of them first.
func receiversOf(t deliveryTable) (all []receiverOf) {
	for _, d := range t.Rows {
		at := slices.IndexFunc(all, func(r receiverOf) bool { return r.UID == d.WebhookUID })
		if at < 0 {
			at, all = len(all), append(all, receiverOf{webhook: named(t.webhooks, d.WebhookUID, webhook{UID: d.WebhookUID})})
		}
		all[at].Count++
	}
	slices.SortStableFunc(all, func(a, b receiverOf) int { return cmp.Compare(b.Count, a.Count) })
	return all
}
