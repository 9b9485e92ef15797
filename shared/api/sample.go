package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/uid"
	"hermod/shared/webhook"
)

// testRequest asks for a test event: of a sample job, or of a job's own latest change of that event.
type testRequest struct {
	byUID
	Event  job.EventType `json:"event" api:"required"`
	JobUID string        `json:"job_uid" api:"uid"`
}

// sent names a delivery that is under way.
type sent struct {
	DeliveryUID string `json:"delivery_uid"`
}

// sendTest archives an event that is for one webhook only, and sends it. The webhook may be disabled, and need not ask for such
// events: a test is how to see what would come.
func (a *api) sendTest(ctx context.Context, c *call, q testRequest) (sent, error) {
	w, err := a.Webhooks.Get(ctx, c.project(), q.UID)
	if err != nil {
		return sent{}, err
	}
	j, change, err := a.changeToTest(ctx, c, w, q)
	if err != nil {
		return sent{}, err
	}
	e, err := testEvent(j, change, w, c.now())
	if err != nil {
		return sent{}, err
	}
	if _, _, err := a.Archive.Put(ctx, e); err != nil {
		return sent{}, fmt.Errorf("archive test event %s: %w", e.UID, err)
	}
	u := delivery.UID{Event: e.UID, Webhook: w.UID}
	return sent{u.String()}, a.send(ctx, c, delivery.NewMessage(e.Project, u, delivery.Place{}, delivery.CauseTest))
}

// changeToTest returns the job whose change is sent, and the change.
func (a *api) changeToTest(ctx context.Context, c *call, w webhook.Webhook, q testRequest) (job.Job, job.Change, error) {
	if q.JobUID == "" {
		j := sampleJob(w, q.Event, c.now())
		return j, j.Last(), nil
	}
	j, err := a.Jobs.Get(ctx, c.project(), q.JobUID)
	if errors.Is(err, job.ErrNotFound) {
		return j, job.Change{}, absent("job_uid", "job")
	}
	if err != nil {
		return j, job.Change{}, err
	}
	change, ok := latest(j, func(t job.EventType) bool { return t == q.Event })
	if !ok {
		return j, change, refuse(noEvent, "The job has no event %s yet; it is %s. Leave job_uid out to send a sample.", q.Event, j.Status).
			with("field", "job_uid").with("event", q.Event)
	}
	return j, change, nil
}

// testEvent returns the event to archive. Its uid is random, so that no test is ever taken for the fact.
func testEvent(j job.Job, change job.Change, w webhook.Webhook, now time.Time) (delivery.Event, error) {
	e := delivery.Event{
		UID: uid.New(now), Project: w.Project, Job: j.UID, Workflow: j.Workflow, Type: change.Event, Sequence: change.Version, At: now, Test: true,
		Matched: []delivery.Match{{Webhook: w.UID, Format: w.Payload}},
	}
	body, err := j.Payload(e.UID, change, w.Payload)
	e.Bodies = map[job.Format][]byte{w.Payload: body}
	return e, err
}

// sampleMoves are the statuses that lead a launched job to each event.
var sampleMoves = map[job.EventType][]job.Status{
	job.EventRequested: {},
	job.EventCreated:   {job.Running},
	job.EventSucceeded: {job.Running, job.Finished},
	job.EventFailed:    {job.Running, job.Shutdown},
	job.EventPaused:    {job.Running, job.Paused},
	job.EventStopped:   {job.Running, job.Stopped},
}

// sampleJob returns a job that does not exist and whose last change is the event. It belongs to the webhook's workflow, or to
// one that does not exist either.
func sampleJob(w webhook.Webhook, event job.EventType, now time.Time) job.Job {
	j := job.Job{UID: uid.New(now), Project: w.Project, Workflow: w.Workflow, WorkflowName: "Sample workflow", Name: "Sample job"}
	if j.Workflow == "" {
		j.Workflow = uid.New(now)
	}
	if w.Job != "" {
		j.UID = w.Job
	}
	j = job.Launch(j, now)
	for _, s := range sampleMoves[event] {
		u := job.Update{Status: s}
		if s == job.Shutdown {
			u.Error = "A sample of an error message."
		}
		moved, _, err := j.Apply(u, now)
		if err != nil {
			panic(fmt.Sprintf("sample job: %v", err)) // the table follows the arrows of job.Status
		}
		j = moved
	}
	return j
}
