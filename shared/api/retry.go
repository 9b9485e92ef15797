package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"hermod/shared/input"
	"hermod/shared/job"
)

const maxReasons = 3 // labels that the sentence of a retry without effect tells of

// jobRetry says which failed inputs to send back.
type jobRetry struct {
	byUID
	Indexes []int    `json:"indexes" api:"nullable"`
	Labels  []string `json:"labels" api:"nullable"`
	Force   bool     `json:"force"`

	// Clients of the v3 API send these. They have no effect.
	JobName         json.RawMessage `json:"job_name"`
	Steps           json.RawMessage `json:"steps"`
	Inputs          json.RawMessage `json:"inputs"`
	UnstructureMeta json.RawMessage `json:"unstructure_meta"`
}

// retriedJob is the job with what was sent back of it.
type retriedJob struct {
	job.Record
	Retried int        `json:"retried"` // inputs
	Left    []leftView `json:"left"`
}

// leftView is how many failed inputs of a label were left as they are.
type leftView struct {
	Label  *string `json:"label"` // null: they have none, or have not failed
	Count  int     `json:"count"`
	Reason string  `json:"reason"`
}

func (a *api) retryJob(ctx context.Context, c *call, q jobRetry) (retriedJob, error) {
	if err := q.check(); err != nil {
		return retriedJob{}, err
	}
	r, err := a.Inputs.Retry(ctx, c.project(), q.UID, input.Selection{Indexes: q.Indexes, Labels: q.Labels, Force: q.Force})
	var nothing *input.NothingError
	switch {
	case errors.As(err, &nothing):
		return retriedJob{}, refuse(nothingToRetry, "%s", sentenceOf(nothing.Left)).with("left", viewLeft(nothing.Left))
	case err != nil:
		return retriedJob{}, err
	}
	return retriedJob{Record: r.Job.Record(), Retried: r.Count, Left: viewLeft(r.Left)}, nil
}

// check refuses lists that are empty: who computed one means no input, and without it all would be meant.
func (q jobRetry) check() error {
	switch {
	case q.Indexes != nil && len(q.Indexes) == 0:
		return invalid("indexes", "is empty, which selects nothing; leave it out to select all")
	case q.Labels != nil && len(q.Labels) == 0:
		return invalid("labels", "is empty, which selects nothing; leave it out to select all")
	}
	for i, index := range q.Indexes {
		if index < 0 || index >= job.MaxInputs {
			return invalid(fmt.Sprintf("indexes[%d]", i), "must be a whole number from 0 to %d", job.MaxInputs-1)
		}
	}
	return nil
}

func viewLeft(left []input.Left) []leftView {
	views := make([]leftView, len(left))
	for i, l := range left {
		views[i] = leftView{Label: orNull(l.Label), Count: l.Count, Reason: l.Reason}
	}
	return views
}

// sentenceOf says why nothing was sent back.
func sentenceOf(left []input.Left) string {
	if len(left) == 0 {
		return "No input can be sent back: no failed input is among those that were asked for."
	}
	var why []string
	for _, l := range left[:min(len(left), maxReasons)] {
		switch {
		case l.Label == "":
			why = append(why, fmt.Sprintf("%d of them: %s", l.Count, l.Reason))
		default:
			why = append(why, fmt.Sprintf("%d with %s: %s", l.Count, l.Label, l.Reason))
		}
	}
	if n := len(left) - maxReasons; n > 0 {
		why = append(why, fmt.Sprintf("and %d labels more, in params.left", n))
	}
	return "No input can be sent back: " + strings.Join(why, "; ") + "."
}
