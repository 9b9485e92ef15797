package api

import (
	"context"
	"errors"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/webhook"
)

// deliveryFilters narrow a list of deliveries.
type deliveryFilters struct {
	WebhookUID string         `query:"webhook_uid" api:"uid"`
	Event      job.EventType  `query:"event"`
	State      delivery.State `query:"state"`
	Since      time.Time      `query:"since"`
	Until      time.Time      `query:"until"`
}

type deliveryList struct {
	listing
	deliveryFilters
	JobUID string `query:"job_uid" api:"uid"`
}

func (a *api) listDeliveries(ctx context.Context, c *call, q deliveryList) (page[deliveryView], error) {
	var j *job.Job
	if q.JobUID != "" {
		found, err := a.Jobs.Get(ctx, c.project(), q.JobUID)
		if errors.Is(err, job.ErrNotFound) {
			return pageOf(ctx, c, []deliveryView{}, "") // a filter that nothing meets
		}
		if err != nil {
			return page[deliveryView]{}, err
		}
		j = &found
	}
	return a.browse(ctx, c, q.listing, q.deliveryFilters, j)
}

type jobDeliveryList struct {
	byUID
	listing
	deliveryFilters
}

func (a *api) listJobDeliveries(ctx context.Context, c *call, q jobDeliveryList) (page[deliveryView], error) {
	j, err := a.Jobs.Get(ctx, c.project(), q.UID)
	if err != nil {
		return page[deliveryView]{}, err
	}
	return a.browse(ctx, c, q.listing, q.deliveryFilters, &j)
}

// browse answers a page of deliveries; with a job, of that job's.
func (a *api) browse(ctx context.Context, c *call, l listing, f deliveryFilters, j *job.Job) (page[deliveryView], error) {
	before, limit, err := c.begin(ctx, l)
	if err != nil {
		return page[deliveryView]{}, err
	}
	b := &browser{api: a, project: c.project(), filters: f, job: j, before: before, want: limit + 1}
	next, err := b.run(ctx)
	if err != nil {
		return page[deliveryView]{}, err
	}
	found := b.found
	if len(found) > limit {
		found, next = cut(found, limit, func(d delivery.Delivery) string { return d.UID.String() })
	}
	return pageOf(ctx, c, viewDeliveries(found), next)
}

type byDelivery struct {
	UID delivery.UID `path:"uid"`
}

func (a *api) getDelivery(ctx context.Context, c *call, q byDelivery) (deliveryDetail, error) {
	d, e, err := a.findDelivery(ctx, c.project(), q.UID)
	if err != nil {
		return deliveryDetail{}, err
	}
	answers, err := a.Log.Answers(ctx, q.UID)
	if err != nil {
		return deliveryDetail{}, err
	}
	return viewDetail(d, e, answers, a.Version), nil
}

// findDelivery returns a delivery as it stands, and its event; nil if that has expired. Errors: delivery.ErrNoDelivery.
func (a *api) findDelivery(ctx context.Context, project string, u delivery.UID) (delivery.Delivery, *delivery.Event, error) {
	var event *delivery.Event
	e, err := a.Archive.Event(ctx, project, u.Event)
	switch {
	case err == nil:
		event = &e
	case !errors.Is(err, delivery.ErrNoEvent):
		return delivery.Delivery{}, nil, err
	}
	rows, err := a.Log.Rows(ctx, u)
	if err != nil {
		return delivery.Delivery{}, nil, err
	}
	if len(rows) > 0 && rows[0].Project == project {
		return rows[0], event, nil
	}
	if event != nil {
		if _, ok := e.Match(u.Webhook); ok {
			return e.Delivery(u.Webhook), event, nil
		}
	}
	return delivery.Delivery{}, nil, delivery.ErrNoDelivery
}

// retryDelivery asks for one attempt now, whatever the state.
func (a *api) retryDelivery(ctx context.Context, c *call, q byDelivery) (sent, error) {
	d, e, err := a.findDelivery(ctx, c.project(), q.UID)
	if err != nil {
		return sent{}, err
	}
	if e == nil {
		return sent{}, refuse(expired, "")
	}
	cause := delivery.CauseManual
	if d.Test {
		cause = delivery.CauseTest
	}
	w, err := a.Webhooks.Get(ctx, c.project(), q.UID.Webhook)
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return sent{}, refuse(hookDeleted, "")
	case err != nil:
		return sent{}, err
	case !w.Enabled && !d.Test:
		return sent{}, refuse(hookDisabled, "")
	}
	m := delivery.NewMessage(c.project(), q.UID, d.Place, cause)
	return sent{q.UID.String()}, a.send(ctx, c, m)
}
