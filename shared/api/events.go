package api

import (
	"context"
	"errors"
	"slices"
	"strings"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/webhook"
)

// hooksAtOnce is how many webhooks are read at a time.
const hooksAtOnce = 200

// Where an event stands.
const (
	eventPending  = "pending"  // fan-out has not come to it yet
	eventArchived = "archived" // fanned out: what it matched is known
	eventExpired  = "expired"  // fanned out more than 30 days ago, and forgotten
)

// Why a webhook did not get an event. The first that holds is told.
const (
	whyEventType = "event_type"     // it does not ask for events of this type
	whyWorkflow  = "other_workflow" // it is for another workflow
	whyJob       = "other_job"      // it is for another job
	whyLater     = "created_later"  // it was made after the event
	whyChanged   = "changed_since"  // it would take it now, but what it asked for then was something else
)

// eventView is an event of a job with what it matched.
type eventView struct {
	UID        string        `json:"uid"`
	Event      job.EventType `json:"event"`
	Type       string        `json:"type"` // job.succeeded
	Sequence   int           `json:"sequence"`
	Cause      *job.Cause    `json:"cause"` // of requested
	Error      *string       `json:"error_message"`
	At         job.Time      `json:"at"`
	State      string        `json:"state"`
	Matched    []matchView   `json:"matched"`
	NotMatched []missView    `json:"not_matched"`
}

type matchView struct {
	WebhookUID  string     `json:"webhook_uid"`
	DeliveryUID string     `json:"delivery_uid"`
	Payload     job.Format `json:"payload"`
}

type missView struct {
	WebhookUID string `json:"webhook_uid"`
	Reason     string `json:"reason"`
}

// jobEvents asks for the events of a job; of one webhook only, if it is named.
type jobEvents struct {
	byUID
	listing
	WebhookUID string `query:"webhook_uid" api:"uid"`
}

// listEvents tells the events that the job's changes are, newest first; a job remembers its last 20 changes.
func (a *api) listEvents(ctx context.Context, c *call, q jobEvents) (page[eventView], error) {
	none := page[eventView]{}
	before, limit, err := c.begin(ctx, q.listing)
	if err != nil {
		return none, err
	}
	j, err := a.Jobs.Get(ctx, c.project(), q.UID)
	if err != nil {
		return none, err
	}
	hooks, err := a.hooksOf(ctx, c.project(), q.WebhookUID)
	if err != nil {
		return none, err
	}
	changes, next := cut(eventsBelow(j, before), limit, j.EventUID)
	views := make([]eventView, len(changes))
	for i, change := range changes {
		if views[i], err = a.viewEvent(ctx, j, change, hooks, q.WebhookUID); err != nil {
			return none, err
		}
	}
	return pageOf(ctx, c, views, next)
}

// eventsBelow returns the job's changes that are events, newest first, below a position.
func eventsBelow(j job.Job, before string) (changes []job.Change) {
	for _, change := range slices.Backward(j.Changes) {
		if change.Event != job.NoEvent && (before == "" || j.EventUID(change) < before) {
			changes = append(changes, change)
		}
	}
	return changes
}

// hooksOf reads all webhooks of the project, or the one that is named.
func (a *api) hooksOf(ctx context.Context, project, one string) ([]webhook.Webhook, error) {
	if one != "" {
		w, err := a.Webhooks.Get(ctx, project, one)
		return []webhook.Webhook{w}, err
	}
	var all []webhook.Webhook
	for before := ""; ; {
		list, err := a.Webhooks.List(ctx, project, before, hooksAtOnce)
		if err != nil {
			return nil, err
		}
		if all = append(all, list...); len(list) < hooksAtOnce {
			return all, nil
		}
		before = list[len(list)-1].UID
	}
}

// viewEvent reads the event from the archive and judges every webhook by it.
func (a *api) viewEvent(ctx context.Context, j job.Job, change job.Change, hooks []webhook.Webhook, only string) (eventView, error) {
	v := eventView{
		UID: j.EventUID(change), Event: change.Event, Type: change.Event.Qualified(), Sequence: change.Version, Cause: orNull(change.Cause),
		Error: orNull(change.Error), At: job.Time(change.At), State: eventArchived, Matched: []matchView{}, NotMatched: []missView{},
	}
	e, err := a.Archive.Event(ctx, j.Project, v.UID)
	if errors.Is(err, delivery.ErrNoEvent) {
		v.State = eventPending
		if a.Now().Sub(change.At) >= delivery.Retention {
			v.State = eventExpired
		}
		return v, nil
	}
	if err != nil {
		return v, err
	}
	for _, m := range e.Matched {
		if only == "" || m.Webhook == only {
			u := delivery.UID{Event: e.UID, Webhook: m.Webhook}
			v.Matched = append(v.Matched, matchView{WebhookUID: m.Webhook, DeliveryUID: u.String(), Payload: m.Format})
		}
	}
	slices.SortFunc(v.Matched, func(x, y matchView) int { return strings.Compare(y.WebhookUID, x.WebhookUID) })
	for _, w := range hooks {
		if _, ok := e.Match(w.UID); !ok {
			v.NotMatched = append(v.NotMatched, missView{w.UID, whyNot(w, j, change)})
		}
	}
	return v, nil
}

func whyNot(w webhook.Webhook, j job.Job, change job.Change) string {
	switch {
	case !slices.Contains(w.Events, change.Event):
		return whyEventType
	case w.Workflow != "" && w.Workflow != j.Workflow:
		return whyWorkflow
	case w.Job != "" && w.Job != j.UID:
		return whyJob
	case !w.Match().Before(change.At):
		return whyLater
	}
	return whyChanged
}
