package sqlite

import (
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
)

// deliveryColumns are the columns of a delivery, and deliveryMarks as many parameters. What no condition or filter looks at is in
// the document.
const deliveryColumns = "event, webhook, project, state, cycle, step, due_at, due_own, resends, job, workflow, type, class, expires_at, doc, test"

var deliveryMarks = marks(16)

type deliveryDoc struct {
	Sequence  int             `json:"sequence,omitempty"`
	Reason    delivery.Reason `json:"reason,omitempty"`
	NextAt    int64           `json:"next_at,omitempty"`
	CreatedAt int64           `json:"created_at,omitempty"`
	EndedAt   int64           `json:"ended_at,omitempty"`
	Count     int             `json:"attempt_count,omitempty"`
	Status    int             `json:"last_status,omitempty"`
	Error     string          `json:"last_error,omitempty"`
	Attempts  []attemptDoc    `json:"attempts,omitempty"`
}

type attemptDoc struct {
	ID         string              `json:"id,omitempty"`
	Number     int                 `json:"number,omitempty"`
	Cause      delivery.Cause      `json:"cause"`
	Cycle      int                 `json:"cycle,omitempty"`
	Step       int                 `json:"step,omitempty"`
	StartedAt  int64               `json:"started_at"`
	Duration   time.Duration       `json:"duration,omitempty"` // durations are nanoseconds
	DNS        time.Duration       `json:"dns,omitempty"`
	Connect    time.Duration       `json:"connect,omitempty"`
	TLS        time.Duration       `json:"tls,omitempty"`
	FirstByte  time.Duration       `json:"first_byte,omitempty"`
	Status     int                 `json:"status,omitempty"`
	Class      delivery.ErrorClass `json:"class,omitempty"`
	Error      string              `json:"error,omitempty"`
	RetryAfter time.Duration       `json:"retry_after,omitempty"`
	SignedWith []string            `json:"signed_with,omitempty"`
	Headers    []string            `json:"headers,omitempty"`
}

type answerDoc struct {
	Headers map[string][]string `json:"headers,omitempty"`
	Body    []byte              `json:"body,omitempty"`
}

// deliveryValues are the values of deliveryColumns.
func deliveryValues(d delivery.Delivery) []any {
	doc := deliveryDoc{
		Sequence: d.Sequence, Reason: d.Reason, NextAt: stamp(d.NextAt), CreatedAt: stamp(d.CreatedAt),
		EndedAt: stamp(d.EndedAt), Count: d.AttemptCount, Status: d.LastStatus, Error: d.LastError,
		Attempts: make([]attemptDoc, len(d.Attempts)),
	}
	for i, a := range d.Attempts {
		doc.Attempts[i] = toAttemptDoc(a)
	}
	return []any{
		d.UID.Event, d.UID.Webhook, d.Project, string(d.State), d.Place.Cycle, d.Place.Step, orNull(d.Due.At), d.Due.Own, d.Resends,
		d.Job, d.Workflow, string(d.Event), string(d.LastClass), d.ExpiresAt, encode(doc), d.Test,
	}
}

func toAttemptDoc(a delivery.Attempt) attemptDoc {
	return attemptDoc{
		ID: a.ID, Number: a.Number, Cause: a.Cause, Cycle: a.Cycle, Step: a.Step, StartedAt: stamp(a.StartedAt), Duration: a.Duration,
		DNS: a.Timing.DNS, Connect: a.Timing.Connect, TLS: a.Timing.TLS, FirstByte: a.Timing.FirstByte,
		Status: a.Status, Class: a.Class, Error: a.Error, RetryAfter: a.RetryAfter, SignedWith: a.SignedWith, Headers: a.Headers,
	}
}

// decodeDelivery reads a row of deliveryColumns.
func decodeDelivery(r row) (delivery.Delivery, error) {
	doc, err := decode[deliveryDoc](r.blob(14))
	if err != nil {
		return delivery.Delivery{}, err
	}
	d := delivery.Delivery{
		UID: delivery.UID{Event: r.text(0), Webhook: r.text(1)}, Project: r.text(2), State: delivery.State(r.text(3)),
		Place: delivery.Place{Cycle: int(r.int(4)), Step: int(r.int(5))}, Due: delivery.Due{At: r.time(6), Own: r.int(7) != 0},
		Resends: int(r.int(8)), Job: r.text(9), Workflow: r.text(10), Event: job.EventType(r.text(11)),
		LastClass: delivery.ErrorClass(r.text(12)), ExpiresAt: r.time(13),
		Sequence: doc.Sequence, Test: r.int(15) != 0, Reason: doc.Reason, NextAt: moment(doc.NextAt), CreatedAt: moment(doc.CreatedAt),
		EndedAt: moment(doc.EndedAt), AttemptCount: doc.Count, LastStatus: doc.Status, LastError: doc.Error,
	}
	for _, a := range doc.Attempts {
		d.Attempts = append(d.Attempts, a.attempt())
	}
	return d, nil
}

func (a attemptDoc) attempt() delivery.Attempt {
	return delivery.Attempt{
		ID: a.ID, Number: a.Number, Cause: a.Cause, Cycle: a.Cycle, Step: a.Step, StartedAt: moment(a.StartedAt), Duration: a.Duration,
		Timing: delivery.Timing{DNS: a.DNS, Connect: a.Connect, TLS: a.TLS, FirstByte: a.FirstByte},
		Status: a.Status, Class: a.Class, Error: a.Error, RetryAfter: a.RetryAfter, SignedWith: a.SignedWith, Headers: a.Headers,
	}
}

// decodeDue reads a row of event, webhook, project, cycle, step, due_at, due_own, resends.
func decodeDue(r row) (delivery.DueEntry, error) {
	return delivery.DueEntry{
		UID: delivery.UID{Event: r.text(0), Webhook: r.text(1)}, Project: r.text(2), Place: delivery.Place{Cycle: int(r.int(3)), Step: int(r.int(4))},
		Due: delivery.Due{At: r.time(5), Own: r.int(6) != 0}, Resends: int(r.int(7)),
	}, nil
}
