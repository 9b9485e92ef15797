package api

import (
	"context"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/redrive"
)

// redriveRequest says which deliveries to reopen, and how fast.
type redriveRequest struct {
	State       delivery.State      `json:"state" api:"one=dead|cancelled|missing"`
	WebhookUID  string              `json:"webhook_uid" api:"uid"`
	WorkflowUID string              `json:"workflow_uid" api:"uid"`
	JobUID      string              `json:"job_uid" api:"uid"`
	Event       job.EventType       `json:"event"`
	ErrorClass  delivery.ErrorClass `json:"error_class"`
	Since       time.Time           `json:"since"`
	Until       time.Time           `json:"until"`
	Rate        int                 `json:"rate" api:"range=1..1000"` // deliveries a second
	DryRun      bool                `json:"dry_run"`
}

// redrivePreview is the answer to a dry run.
type redrivePreview struct {
	Matched int            `json:"matched"`
	More    bool           `json:"more"` // there are more than were counted
	Sample  []deliveryView `json:"sample"`
}

// redriveView is a redrive as clients see it.
type redriveView struct {
	UID       string         `json:"uid"`
	State     redrive.State  `json:"state"`
	Filters   redriveFilters `json:"filters"`
	Rate      int            `json:"rate"`
	Matched   int            `json:"matched"`
	Sent      int            `json:"sent"`
	Succeeded int            `json:"succeeded"`
	Failed    int            `json:"failed"`
	Waiting   int            `json:"waiting"`
	CreatedAt job.Time       `json:"created_at"`
	UpdatedAt job.Time       `json:"updated_at"`
	CountedAt *job.Time      `json:"counted_at"`
	EndedAt   *job.Time      `json:"ended_at"`
}

// redriveFilters are what a redrive was asked for; null does not narrow.
type redriveFilters struct {
	State       delivery.State       `json:"state"`
	WebhookUID  *string              `json:"webhook_uid"`
	WorkflowUID *string              `json:"workflow_uid"`
	JobUID      *string              `json:"job_uid"`
	Event       *job.EventType       `json:"event"`
	ErrorClass  *delivery.ErrorClass `json:"error_class"`
	Since       *job.Time            `json:"since"`
	Until       *job.Time            `json:"until"`
}

func viewRedrive(t redrive.Task) redriveView {
	q := t.Query
	return redriveView{
		UID: t.UID, State: t.State, Rate: t.Rate, Matched: t.Matched, Sent: t.Sent, Succeeded: t.Succeeded, Failed: t.Failed, Waiting: t.Waiting,
		Filters: redriveFilters{
			State: q.State, WebhookUID: orNull(q.Webhook), WorkflowUID: orNull(q.Workflow), JobUID: orNull(q.Job), Event: orNull(q.Event),
			ErrorClass: orNull(q.Class), Since: job.KnownTime(q.Since), Until: job.KnownTime(q.Until),
		},
		CreatedAt: job.Time(t.CreatedAt), UpdatedAt: job.Time(t.UpdatedAt), CountedAt: job.KnownTime(t.CountedAt), EndedAt: job.KnownTime(t.EndedAt),
	}
}

// startRedrive answers 202 with the task, or 200 with what it would take.
func (a *api) startRedrive(ctx context.Context, c *call, q redriveRequest) (any, error) {
	query, err := q.query(c.project())
	if err != nil {
		return nil, err
	}
	if !q.DryRun {
		t, err := a.Redrives.Start(ctx, query, q.Rate)
		return viewRedrive(t), err
	}
	p, err := a.Redrives.Preview(ctx, query)
	c.status = 200
	return redrivePreview{Matched: p.Matched, More: p.More, Sample: viewDeliveries(p.Sample)}, err
}

func (q redriveRequest) query(project string) (delivery.Query, error) {
	if q.State == "" {
		q.State = delivery.Dead
	}
	if q.State == redrive.Missing && q.ErrorClass != "" {
		return delivery.Query{}, invalid("error_class", "cannot narrow what is missing: no attempt of it was noted")
	}
	return delivery.Query{
		Project: project, State: q.State, Webhook: q.WebhookUID, Workflow: q.WorkflowUID, Job: q.JobUID, Event: q.Event,
		Class: q.ErrorClass, Since: q.Since, Until: q.Until,
	}, nil
}

func (a *api) listRedrives(ctx context.Context, c *call, q struct{ listing }) (page[redriveView], error) {
	before, limit, err := c.begin(ctx, q.listing)
	if err != nil {
		return page[redriveView]{}, err
	}
	tasks, err := a.Redrives.List(ctx, c.project(), before, limit+1)
	if err != nil {
		return page[redriveView]{}, err
	}
	tasks, next := cut(tasks, limit, func(t redrive.Task) string { return t.UID })
	views := make([]redriveView, len(tasks))
	for i, t := range tasks {
		views[i] = viewRedrive(t)
	}
	return pageOf(ctx, c, views, next)
}

func (a *api) getRedrive(ctx context.Context, c *call, q byUID) (redriveView, error) {
	t, err := a.Redrives.Task(ctx, c.project(), q.UID)
	return viewRedrive(t), err
}

func (a *api) cancelRedrive(ctx context.Context, c *call, q byUID) (redriveView, error) {
	t, err := a.Redrives.Cancel(ctx, c.project(), q.UID)
	return viewRedrive(t), err
}
