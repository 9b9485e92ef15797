package delivery

import (
	"slices"
	"time"

	"hermod/shared/job"
)

// Event is an archived event: what happened, the bodies as they are sent for ever, and the webhooks it is for.
type Event struct {
	UID      string
	Project  string
	Job      string
	Workflow string
	Type     job.EventType
	Sequence int // the job's version
	At       time.Time
	Test     bool // made by request, for one webhook; not a fact about a job
	Bodies   map[job.Format][]byte
	Matched  []Match // at most webhook.MaxPerProject + webhook.MaxPerJob, and those added later
}

// Match is one webhook an event is for, and the format of the body it gets.
type Match struct {
	Webhook string
	Format  job.Format
}

// Match returns the event's match of a webhook.
func (e Event) Match(hook string) (Match, bool) {
	i := slices.IndexFunc(e.Matched, func(m Match) bool { return m.Webhook == hook })
	if i < 0 {
		return Match{}, false
	}
	return e.Matched[i], true
}

// Delivery returns the delivery of the event for a webhook as it is before any outcome: pending, without a row.
func (e Event) Delivery(hook string) Delivery {
	return Delivery{
		UID: UID{Event: e.UID, Webhook: hook}, Project: e.Project, Job: e.Job, Workflow: e.Workflow, Event: e.Type,
		Sequence: e.Sequence, Test: e.Test, State: Pending, CreatedAt: e.At,
	}
}
