package console

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"hermod/shared/access"
	"hermod/shared/redrive"
)

const (
	// countedUnasked is how many deliveries may be in a state for the page to count, without being asked, those that meet the filters: each
	// of them is read for that. In a project with more, one asks for the preview.
	countedUnasked = 200
	// sampled is how many deliveries are shown where they are not counted; a preview has as many.
	sampled = "10"
	// lastRedrives is how many redrives are shown.
	lastRedrives = "5"
	// webhooksOffered is how many a select has; of a project with more, one types the uid.
	webhooksOffered = 100
	// missing stands in the place of a state, for deliveries that have no row.
	missing = string(redrive.Missing)
)

// redriveFields are the filters of a redrive, in the page's URL as in the API.
var redriveFields = []string{"state", "webhook_uid", "workflow_uid", "job_uid", "event", "error_class", "since", "until"}

// deadLettersView is what a redrive would take, and the redrives there were.
type deadLettersView struct {
	State     string // dead, cancelled or missing
	Narrowed  bool   // by another filter than the state
	States    []link
	Kept      stock           // of the whole project, in that state
	Preview   *redrivePreview // nil: not counted
	Table     deliveryTable   // some of them
	Receivers []receiverOf
	Webhooks  []webhook  // to filter by; nil if there are too many for a select
	Workflows []workflow // likewise
	History   redriveTable
	Older     bool // there are more redrives
	Since     string
	Until     string
}

// stock is how many deliveries are in a state.
type stock struct {
	Count int  `json:"count"`
	More  bool `json:"more"` // counting stopped there
}

// redrivePreview is what a redrive would take.
type redrivePreview struct {
	Matched int        `json:"matched"`
	More    bool       `json:"more"` // counting stopped there
	Sample  []delivery `json:"sample"`
}

// deadLettersPage shows what lies dead, or was cancelled, or is missing, and meets the filters, which live in its URL.
func (s *console) deadLettersPage(ctx context.Context, c *call) (reply, error) {
	query := moments(c.query(redriveFields...))
	view := deadLettersView{
		State: cmp.Or(query.Get("state"), "dead"), Since: strings.TrimSuffix(query.Get("since"), "Z"), Until: strings.TrimSuffix(query.Get("until"), "Z"),
	}
	view.Narrowed = len(query) > 1 || len(query) == 1 && !query.Has("state")
	view.States = c.statesOf(view.State)
	if view.State == missing && !c.asked() && view.Since == "" {
		view.Since = s.Now().UTC().Add(-24 * time.Hour).Format("2006-01-02T15:04")
	}
	err := together(
		func() error { return c.readMatches(ctx, &view, query) },
		func() error { return c.readChoices(ctx, &view) },
		func() error { return c.readHistory(ctx, &view) },
	)
	return reply{page: "deadletters", title: "Dead letters", data: view}, err
}

// asked reports whether the page's URL asks for the preview.
func (c *call) asked() bool { return c.request.URL.Query().Get("preview") != "" }

// statesOf are the links from one state to another, with the filters.
func (c *call) statesOf(current string) (links []link) {
	for _, state := range []string{"dead", "cancelled", missing} {
		query := c.query(redriveFields...)
		if query.Set("state", state); state == missing {
			query.Del("error_class") // which nothing missing has
		}
		links = append(links, link{URL: c.request.URL.Path + "?" + query.Encode(), Name: state, Here: state == current})
	}
	return links
}

// readMatches counts what meets the filters, or lists the newest of it: where counting takes long and nobody asked for it, and for keys
// that may not redrive.
func (c *call) readMatches(ctx context.Context, v *deadLettersView, query url.Values) error {
	stats, err := get[struct {
		Now map[string]stock `json:"now"`
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

// readChoices reads what can be chosen to filter by.
func (c *call) readChoices(ctx context.Context, v *deadLettersView) error {
	hooks, err := get[list[webhook]](ctx, c, "/webhooks", url.Values{"limit": {strconv.Itoa(webhooksOffered)}})
	if err != nil {
		return err
	}
	if hooks.cursor() == "" {
		v.Webhooks = hooks.Results
	}
	flows, err := c.workflows(ctx)
	if len(flows) <= workflowsOffered {
		v.Workflows = flows
	}
	return err
}

// readHistory reads the last redrives.
func (c *call) readHistory(ctx context.Context, v *deadLettersView) error {
	found, err := get[list[redriveTask]](ctx, c, "/redrives", url.Values{"limit": {lastRedrives}})
	if err != nil {
		return err
	}
	v.Older = found.cursor() != ""
	v.History, err = c.redriveTableOf(ctx, found.Results)
	return err
}

// startRedrive redrives what meets the filters of the page.
func (s *console) startRedrive(ctx context.Context, c *call) (reply, error) {
	body := bodyOf(moments(c.query(redriveFields...)))
	if rate := c.form.Get("rate"); rate != "" {
		body["rate"] = numberOr(rate)
	}
	task, err := post[redriveTask](ctx, c, "/redrives", body)
	if err != nil {
		return reply{}, err
	}
	return goTo(redrivePath(task.UID), "redriven")
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

// Noun is what one of the deliveries is called.
func (v deadLettersView) Noun() string { return nounOf(v.State) }

// nounOf is what a delivery is called that a redrive of a state takes.
func nounOf(state string) string {
	if state == "dead" {
		return "dead letter"
	}
	return state + " delivery"
}

// OneWebhook reports whether everything that matches belongs to one webhook, as far as the page knows.
func (v deadLettersView) OneWebhook() bool {
	return len(v.Receivers) == 1 && v.Preview != nil && v.Preview.Matched == len(v.Table.Rows)
}

// Rate is what a redrive has if none is given, in deliveries a second.
func (v deadLettersView) Rate() string { return strconv.Itoa(redrive.DefaultRate) }

// Takes says how long a redrive of what matches takes at some rates; nothing if it makes no difference.
func (v deadLettersView) Takes() string {
	if v.Preview.Matched <= 10 {
		return ""
	}
	var list []string
	for _, rate := range []int{redrive.DefaultRate, 10, 1} {
		list = append(list, fmt.Sprintf("%s at %d a second", takes(v.Preview.Matched, rate), rate))
	}
	return strings.Join(list, ", ")
}

// Days is how long a row is kept, LetterDays its message in the queue of the dead, and Minutes how long what is missing might still come.
func (v deadLettersView) Days() int       { return int(rowRetention.Hours() / 24) }
func (v deadLettersView) LetterDays() int { return int(letterRetention.Hours() / 24) }
func (v deadLettersView) Minutes() int    { return int(redrive.MissingAfter.Minutes()) }
