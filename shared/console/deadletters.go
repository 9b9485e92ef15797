package console

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

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
	Kept      count           // of the whole project, in that state
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
	v.Workflows = offered(flows)
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
	return goTo(redrivePath(task.UID), "redrive-started")
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
