package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/webhook"
)

const (
	archiveSoon = time.Minute      // how old an event is until which fan-out is just not there yet
	archiveLate = 30 * time.Second // when to come back for one that is older
	maxRows     = 100              // that Log.Rows is asked for at once
)

// resendRequest asks for a job's latest event once more. With job_uid the path names the webhook to send it to; without a body
// it names the job, whose webhooks all get it.
type resendRequest struct {
	byUID
	JobUID string        `json:"job_uid" api:"uid"`
	Event  job.EventType `json:"event"`
}

// resent is the answer to resendRequest: one delivery, or all of a job's.
type resent struct {
	DeliveryUID  string    `json:"delivery_uid,omitempty"`
	DeliveryUIDs []string  `json:"delivery_uids,omitempty"`
	Skipped      []skipped `json:"skipped,omitzero"`
}

// skipped is a webhook that gets nothing, and why.
type skipped struct {
	WebhookUID string `json:"webhook_uid"`
	Reason     label  `json:"reason"`
}

func (a *api) resend(ctx context.Context, c *call, q resendRequest) (resent, error) {
	if q.JobUID != "" {
		return a.resendOne(ctx, c, q)
	}
	if q.Event != "" {
		return resent{}, invalid("job_uid", "is missing: with event, say which job's event to send")
	}
	out, err := a.resendJob(ctx, c, q.byUID)
	if errors.Is(err, job.ErrNotFound) {
		err = refuse(notFound, "Without job_uid in the body the path names a job, and there is none of this uid in the project.")
	}
	return out, err
}

// resendOne sends the job's latest event that the webhook takes to that webhook, also if it was never matched.
func (a *api) resendOne(ctx context.Context, c *call, q resendRequest) (resent, error) {
	w, err := a.Webhooks.Get(ctx, c.project(), q.UID)
	if err != nil {
		return resent{}, err
	}
	j, err := a.Jobs.Get(ctx, c.project(), q.JobUID)
	if errors.Is(err, job.ErrNotFound) {
		return resent{}, absent("job_uid", "job")
	}
	if err != nil {
		return resent{}, err
	}
	change, err := changeFor(j, w, q.Event)
	if err != nil {
		return resent{}, err
	}
	if !w.Enabled {
		return resent{}, refuse(hookDisabled, "")
	}
	e, err := a.archived(ctx, c, j, change)
	if err != nil {
		return resent{}, err
	}
	if err := a.match(ctx, j, change, e, w.Match()); err != nil {
		return resent{}, err
	}
	u := delivery.UID{Event: e.UID, Webhook: w.UID}
	return resent{DeliveryUID: u.String()}, a.sendAgain(ctx, c, delivery.CauseManual, u)
}

// changeFor returns the job's latest change that the webhook takes: of any event, or of the given one.
func changeFor(j job.Job, w webhook.Webhook, event job.EventType) (job.Change, error) {
	change, ok := latest(j, func(t job.EventType) bool { return (event == "" || t == event) && w.Match().Takes(j, t) })
	if ok {
		return change, nil
	}
	p, field := refuse(noEvent, "The job has no event yet that this webhook takes."), "job_uid"
	switch {
	case w.Job != "" && w.Job != j.UID, w.Workflow != "" && w.Workflow != j.Workflow:
		p = refuse(noEvent, "The webhook is bound to another job or workflow, so it takes no event of this job.")
	case event != "" && !slices.Contains(w.Events, event):
		p, field = refuse(noEvent, "The webhook does not take the event %s; it takes %s.", event, strings.Join(texts(w.Events), ", ")), "event"
	case event != "":
		p, field = refuse(noEvent, "The job has no event %s yet; it is %s.", event, j.Status), "event"
	}
	return change, p.with("field", field)
}

// latest returns the job's newest change whose event is wanted.
func latest(j job.Job, wanted func(job.EventType) bool) (job.Change, bool) {
	for _, change := range slices.Backward(j.Changes) {
		if change.Event != job.NoEvent && wanted(change.Event) {
			return change, true
		}
	}
	return job.Change{}, false
}

// archived returns the event that a job's change is. One that is not there has expired, or fan-out has yet to archive it.
func (a *api) archived(ctx context.Context, c *call, j job.Job, change job.Change) (delivery.Event, error) {
	e, err := a.Archive.Event(ctx, c.project(), j.EventUID(change))
	if !errors.Is(err, delivery.ErrNoEvent) {
		return e, err
	}
	switch age := c.Now().Sub(change.At); {
	case age < archiveSoon:
		return e, refuse(notArchived, "").after(retrySoon)
	case age < delivery.Retention:
		return e, refuse(notArchived, "").after(archiveLate)
	}
	return e, refuse(expired, "")
}

// match makes sure that the event is for the webhook, and that there is a body for it.
func (a *api) match(ctx context.Context, j job.Job, change job.Change, e delivery.Event, m webhook.Match) error {
	if _, ok := e.Match(m.Webhook); ok {
		return nil
	}
	body := e.Bodies[m.Payload]
	if body == nil {
		var err error
		if body, err = j.Payload(e.UID, change, m.Payload); err != nil {
			return err
		}
	}
	_, err := a.Archive.AddMatch(ctx, e.Project, e.UID, delivery.Match{Webhook: m.Webhook, Format: m.Payload}, body)
	if err != nil {
		return fmt.Errorf("match event %s with webhook %s: %w", e.UID, m.Webhook, err)
	}
	return nil
}

// resendJob sends to every webhook of the job the latest event that it was matched with or would take now.
func (a *api) resendJob(ctx context.Context, c *call, q byUID) (resent, error) {
	j, err := a.Jobs.Get(ctx, c.project(), q.UID)
	if err != nil {
		return resent{}, err
	}
	r := round{job: j}
	if r.waiting, err = a.matches(ctx, c, j); err != nil {
		return resent{}, err
	}
	for _, change := range slices.Backward(j.Changes) {
		if change.Event == job.NoEvent || len(r.waiting) == 0 {
			continue
		}
		if err := a.serveRound(ctx, c, &r, change); err != nil {
			return resent{}, err
		}
	}
	if len(r.uids) == 0 {
		return resent{}, nothing(r.skipped)
	}
	out := resent{Skipped: append([]skipped{}, r.skipped...)}
	for _, u := range r.uids {
		out.DeliveryUIDs = append(out.DeliveryUIDs, u.String())
	}
	return out, a.sendAgain(ctx, c, delivery.CauseManual, r.uids...)
}

// round is what the webhooks of a job get: each the latest event that is for it.
type round struct {
	job     job.Job
	waiting map[string]webhook.Match // by uid, those that have no event yet
	uids    []delivery.UID
	skipped []skipped
}

// serveRound gives the event of one change to the webhooks that wait for one.
func (a *api) serveRound(ctx context.Context, c *call, r *round, change job.Change) error {
	e, err := a.archived(ctx, c, r.job, change)
	if p := (*problem)(nil); errors.As(err, &p) && (p.label == expired || len(r.takers(e, change.Event)) == 0) {
		return nil // gone, or not there yet and nobody waits for it
	}
	if err != nil {
		return err
	}
	for _, m := range r.takers(e, change.Event) {
		delete(r.waiting, m.Webhook)
		w, err := a.Webhooks.Get(ctx, c.project(), m.Webhook)
		switch {
		case errors.Is(err, webhook.ErrNotFound):
			continue // deleted since the matches were read
		case err != nil:
			return err
		case !w.Enabled:
			r.skipped = append(r.skipped, skipped{w.UID, hookDisabled})
			continue
		}
		if err := a.match(ctx, r.job, change, e, m); err != nil {
			return err
		}
		r.uids = append(r.uids, delivery.UID{Event: e.UID, Webhook: m.Webhook})
	}
	return nil
}

// takers returns those that wait and that the event was matched with, or would be now, in the order of their uids.
func (r *round) takers(e delivery.Event, event job.EventType) []webhook.Match {
	var list []webhook.Match
	for m := range maps.Values(r.waiting) {
		if _, ok := e.Match(m.Webhook); ok || m.Takes(r.job, event) {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(x, y webhook.Match) int { return cmp.Compare(x.Webhook, y.Webhook) })
	return list
}

// nothing says why no webhook of a job gets anything.
func nothing(left []skipped) error {
	if len(left) > 0 {
		return refuse(hookDisabled, "Every webhook that takes an event of this job is disabled (%d). Enable one first.", len(left))
	}
	return refuse(noEvent, "No webhook takes an event of this job that can still be sent.")
}

// matches returns the matches of every webhook that can have to do with the job, by the webhook's uid.
func (a *api) matches(ctx context.Context, c *call, j job.Job) (map[string]webhook.Match, error) {
	all, err := a.Webhooks.ProjectMatches(ctx, c.project())
	if err != nil {
		return nil, err
	}
	own, err := a.Webhooks.JobMatches(ctx, c.project(), j.UID)
	if err != nil {
		return nil, err
	}
	byHook := make(map[string]webhook.Match, len(all)+len(own))
	for _, m := range slices.Concat(all, own) {
		byHook[m.Webhook] = m
	}
	return byHook, nil
}

// sendAgain sends a message for each delivery that makes one attempt now. A row's place goes with it, so that nobody takes it
// for a step of the schedule.
func (a *api) sendAgain(ctx context.Context, c *call, cause delivery.Cause, uids ...delivery.UID) error {
	places := map[delivery.UID]delivery.Place{}
	for some := range slices.Chunk(uids, maxRows) {
		rows, err := a.Log.Rows(ctx, some...)
		if err != nil {
			return err
		}
		for _, d := range rows {
			places[d.UID] = d.Place
		}
	}
	messages := make([]delivery.Message, len(uids))
	for i, u := range uids {
		messages[i] = delivery.NewMessage(c.project(), u, places[u], cause)
	}
	return a.send(ctx, c, messages...)
}

// send puts messages into the lane retry.
func (a *api) send(ctx context.Context, c *call, messages ...delivery.Message) error {
	parcels := make([]delivery.Parcel, len(messages))
	for i, m := range messages {
		parcels[i] = m.Parcel(c.Now(), 0)
	}
	if err := a.Queue.Send(ctx, delivery.LaneRetry, parcels...); err != nil {
		return fmt.Errorf("send %s of delivery %s: %w", messages[0].Cause, messages[0].UID(), err)
	}
	return nil
}
