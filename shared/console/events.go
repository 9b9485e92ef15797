package console

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"time"
)

const (
	eventsShown = "6" // on a page: of each, the API tells about every webhook of the project
	hitsShown   = 6   // webhooks that an event was matched with
	missesShown = 6   // webhooks that it was not matched with, of each reason
)

// jobEvent is an event of a job as the API tells it.
type jobEvent struct {
	UID          string    `json:"uid"`
	Event        string    `json:"event"`
	Sequence     int       `json:"sequence"`
	Cause        *string   `json:"cause"` // of requested: launch or retry
	ErrorMessage *string   `json:"error_message"`
	At           time.Time `json:"at"`
	State        string    `json:"state"` // pending, archived or expired
	Matched      []struct {
		WebhookUID  string `json:"webhook_uid"`
		DeliveryUID string `json:"delivery_uid"`
	} `json:"matched"`
	NotMatched []miss `json:"not_matched"`
}

// miss is a webhook that an event was not matched with, and the API's word for why.
type miss struct {
	WebhookUID string `json:"webhook_uid"`
	Reason     string `json:"reason"`
}

// eventView is an event of a job and what became of it at the webhooks: dot of the part "event".
type eventView struct {
	jobEvent
	JobUID string
	One    bool // of one webhook alone is told
	Hits   []hitView
	More   int // hits that are not shown
	Misses []missView
}

// hitView is a webhook that the event is for.
type hitView struct {
	Webhook     webhook // without anything but its uid if it was deleted
	DeliveryUID string
	Delivery    *delivery // nil: not known
}

// missView is the webhooks that the event is not for, for one reason.
type missView struct {
	Reason   string // the API's word
	Webhooks []webhook
	More     int // that are not shown
}

// Final reports whether nothing of what is shown of the event changes by itself any more.
func (v eventView) Final() bool {
	return v.State != "pending" && !slices.ContainsFunc(v.Hits, func(h hitView) bool { return h.Delivery == nil || !h.Delivery.Final() })
}

// Final reports whether the delivery has come to its end, unless somebody retries or redrives it.
func (d delivery) Final() bool { return d.State != "pending" && d.State != "retrying" }

// eventsOf reads a page of a job's events, newest first; with webhook_uid in the query, what they were to this webhook alone. It returns the
// cursor of the next page too.
func (c *call) eventsOf(ctx context.Context, jobUID string, query url.Values) (views []eventView, next string, err error) {
	found, err := get[list[jobEvent]](ctx, c, jobPath(jobUID)+"/events", query)
	if err != nil {
		return nil, "", err
	}
	deliveries, webhooks := make([]map[string]delivery, len(found.Results)), map[string]webhook{}
	err = together(
		func() (err error) { webhooks, err = c.webhooksOf(ctx, hooksIn(found.Results)); return err },
		func() error {
			return each(len(found.Results), func(i int) (err error) {
				deliveries[i], err = c.deliveriesOf(ctx, jobUID, query.Get("webhook_uid"), found.Results[i])
				return err
			})
		},
	)
	for i, e := range found.Results {
		view := viewEvent(e, jobUID, webhooks, deliveries[i])
		view.One = query.Get("webhook_uid") != ""
		views = append(views, view)
	}
	return views, found.cursor(), err
}

// hooksIn returns the uids of the webhooks whose names are shown.
func hooksIn(events []jobEvent) (uids []string) {
	for _, e := range events {
		for _, m := range e.Matched[:min(len(e.Matched), hitsShown)] {
			uids = append(uids, m.WebhookUID)
		}
		for _, m := range e.missed() {
			for _, w := range m.Webhooks {
				uids = append(uids, w.UID)
			}
		}
	}
	return uids
}

// missReasons are those for which an event is not for a webhook: what surprises comes first, but for one that only a later release knows.
var missReasons = []string{"created_later", "changed_since", "event_type", "other_job", "other_workflow"}

// missed returns the webhooks that the event is not for, by reason. Of webhooks it knows the uids alone.
func (e jobEvent) missed() (views []missView) {
	for _, m := range e.NotMatched {
		i := slices.IndexFunc(views, func(v missView) bool { return v.Reason == m.Reason })
		if i < 0 {
			i, views = len(views), append(views, missView{Reason: m.Reason})
		}
		if v := &views[i]; len(v.Webhooks) < missesShown {
			v.Webhooks = append(v.Webhooks, webhook{UID: m.WebhookUID})
		} else {
			v.More++
		}
	}
	slices.SortStableFunc(views, func(a, b missView) int {
		return cmp.Compare(slices.Index(missReasons, a.Reason), slices.Index(missReasons, b.Reason))
	})
	return views
}

// deliveriesOf reads the deliveries of an event that are shown, by their uids: a job's deliveries lie in the order in which an event tells
// its matches.
func (c *call) deliveriesOf(ctx context.Context, jobUID, webhookUID string, e jobEvent) (map[string]delivery, error) {
	byUID := map[string]delivery{}
	if len(e.Matched) == 0 {
		return byUID, nil
	}
	query := url.Values{
		"event": {e.Event}, "limit": {"20"}, "since": {e.At.Format(time.RFC3339Nano)}, "until": {e.At.Add(time.Millisecond).Format(time.RFC3339Nano)},
	}
	if webhookUID != "" {
		query.Set("webhook_uid", webhookUID)
	}
	found, err := get[list[delivery]](ctx, c, jobPath(jobUID)+"/deliveries", query)
	for _, d := range found.Results {
		byUID[d.UID] = d
	}
	return byUID, err
}

func viewEvent(e jobEvent, jobUID string, webhooks map[string]webhook, deliveries map[string]delivery) eventView {
	v := eventView{jobEvent: e, JobUID: jobUID, Misses: e.missed(), More: max(0, len(e.Matched)-hitsShown)}
	for _, m := range e.Matched[:len(e.Matched)-v.More] {
		hit := hitView{Webhook: named(webhooks, m.WebhookUID, webhook{UID: m.WebhookUID}), DeliveryUID: m.DeliveryUID}
		if d, ok := deliveries[m.DeliveryUID]; ok {
			hit.Delivery = &d
		}
		v.Hits = append(v.Hits, hit)
	}
	for _, m := range v.Misses {
		for i, w := range m.Webhooks {
			m.Webhooks[i] = named(webhooks, w.UID, w)
		}
	}
	return v
}

// Why says in words why the webhooks did not get the event.
func (v missView) Why() string {
	one := len(v.Webhooks)+v.More == 1
	switch v.Reason {
	case "event_type":
		return verb(one, "asks", "ask") + " for other event types"
	case "other_workflow":
		return verb(one, "is", "are") + " for another workflow"
	case "other_job":
		return verb(one, "is", "are") + " for another job"
	case "created_later":
		return verb(one, "was", "were") + " made after the event"
	case "changed_since":
		return "would take it now, but asked for something else when it happened"
	}
	return verb(one, "was", "were") + " not matched: " + words(v.Reason)
}

func verb(one bool, singular, plural string) string {
	if one {
		return singular
	}
	return plural
}

// Late reports whether a retry of the webhooks with the job sends them the event all the same.
func (v missView) Late() bool { return v.Reason == "created_later" || v.Reason == "changed_since" }

// Standing says what the state of the event means; empty of one whose matches tell enough.
func (v eventView) Standing() string {
	switch {
	case v.State == "pending":
		return "This event has just happened. Which webhooks it is for is known in a moment."
	case v.State == "expired":
		return "Events are kept for 30 days. What this one matched is forgotten, and it cannot be sent again."
	case v.One:
		return ""
	case len(v.Matched) == 0 && len(v.NotMatched) == 0:
		return "The project has no webhook, so this event went nowhere."
	case len(v.Matched) == 0:
		return "No webhook that there was at the time takes this event, so it went nowhere."
	}
	return ""
}
