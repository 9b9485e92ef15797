package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"hermod/shared/input"
	"hermod/shared/job"
	"hermod/shared/uid"
)

const maxConfiguration = maxBody // bytes of what a job keeps of its launch

// launch is a request for a job. Clients of the v3 API send all of these; null is what some send for what they leave open.
type launch struct {
	UID             string            `path:"uid"`
	JobName         string            `json:"job_name" api:"nullable"`
	Inputs          []json.RawMessage `json:"inputs" api:"nullable"`
	Delay           opt[int]          `json:"delay" api:"nullable,range=0..31536000"` // seconds
	Steps           []json.RawMessage `json:"steps" api:"nullable"`
	UnstructureMeta json.RawMessage   `json:"unstructure_meta" api:"nullable"`
	RepeatOption    json.RawMessage   `json:"repeat_option" api:"nullable"`
}

// launched is the job with its uid under the name that launching clients read.
type launched struct {
	job.Record
	JobUID string `json:"job_uid"`
}

func (a *api) launch(ctx context.Context, c *call, q launch) (launched, error) {
	if err := q.check(); err != nil {
		return launched{}, err
	}
	configuration, err := q.configuration()
	if err != nil {
		return launched{}, err
	}
	w, err := a.Workflows.Workflow(ctx, c.project(), q.UID)
	if err != nil {
		return launched{}, err
	}
	now := c.now()
	j := job.Job{
		UID: uid.New(now), Project: c.project(), Workflow: w.UID, WorkflowName: w.Name, Name: q.JobName, Configuration: configuration,
	}
	if q.Delay.given && !q.Delay.null {
		j.ScheduledAt = now.Add(time.Duration(q.Delay.value) * time.Second)
	}
	j = job.Launch(j, now)
	if list := q.data(); len(list) > 0 {
		j, err = a.Inputs.Prepare(ctx, j, list)
		if errors.Is(err, input.ErrQuota) {
			return launched{}, a.explain(err).with("field", "inputs")
		}
		if err != nil {
			return launched{}, fmt.Errorf("write inputs of job %s: %w", j.UID, err)
		}
	}
	if err := a.Jobs.Create(ctx, j); err != nil {
		return launched{}, fmt.Errorf("launch job %s: %w", j.UID, err)
	}
	return launched{Record: j.Record(), JobUID: j.UID}, nil
}

// data returns the inputs: each entry is an input's data as it stands.
func (q launch) data() []input.Data {
	list := make([]input.Data, len(q.Inputs))
	for i, doc := range q.Inputs {
		list[i].Input = doc
	}
	return list
}

// check judges the request.
func (q launch) check() error {
	if q.RepeatOption != nil {
		return refuse(notOffered, "repeat_option is not offered: a job runs once. Launch it again from a schedule of your own.").
			with("field", "repeat_option")
	}
	for i, doc := range q.Inputs {
		if len(doc) > input.MaxData {
			return invalid(fmt.Sprintf("inputs[%d]", i), "has %d bytes; at most %d are allowed", len(doc), input.MaxData)
		}
	}
	return checkText("job_name", q.JobName, job.MaxName)
}

// configuration returns what is kept of the request: steps and unstructure_meta as they were sent.
func (q launch) configuration() (json.RawMessage, error) {
	kept := map[string]any{}
	if q.Steps != nil {
		kept["steps"] = q.Steps
	}
	if q.UnstructureMeta != nil {
		kept["unstructure_meta"] = q.UnstructureMeta
	}
	if len(kept) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(kept)
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	if len(b) > maxConfiguration {
		return nil, invalid("steps", "and unstructure_meta have %d bytes; at most %d are kept with a job", len(b), maxConfiguration)
	}
	return b, nil
}
