package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"hermod/shared/input"
	"hermod/shared/job"
)

// inputList narrows a list of a job's inputs.
type inputList struct {
	byUID
	listing
	Status    input.Status `query:"status"`
	Label     string       `query:"label"`
	Retryable string       `query:"retryable" api:"one=true|false"`
}

// inputView is an input as clients see it.
type inputView struct {
	Index       int             `json:"index"`
	UID         string          `json:"uid"`
	Status      input.Status    `json:"status"`
	InputData   json.RawMessage `json:"input_data"`  // nil: null
	CustomData  json.RawMessage `json:"custom_data"` // nil: null
	LastError   *inputError     `json:"last_error"`
	OutputCount int             `json:"output_count"`
	RetryCount  int             `json:"retry_count"`
	StartedAt   *job.Time       `json:"started_at"`
	FinishedAt  *job.Time       `json:"finished_at"`
}

// inputError says why an input failed.
type inputError struct {
	Label     *string         `json:"label"`
	Scope     *string         `json:"scope"`
	Message   *string         `json:"message"`
	Retryable bool            `json:"retryable"`
	ErrorRef  *string         `json:"error_ref"`
	Params    json.RawMessage `json:"params"` // nil: null
}

func viewInput(in input.Input) inputView {
	v := inputView{
		Index: in.Index, UID: in.UID, Status: in.Status, InputData: in.Data.Input, CustomData: in.Data.Custom, OutputCount: in.Outputs,
		RetryCount: in.Retries, StartedAt: job.KnownTime(in.StartedAt), FinishedAt: job.KnownTime(in.FinishedAt),
	}
	if e := in.LastError; e != nil {
		v.LastError = &inputError{
			Label: orNull(e.Label), Scope: orNull(e.Scope), Message: orNull(e.Message), ErrorRef: orNull(e.Ref), Params: e.Params,
			Retryable: input.Class(e.Label, e.Scope) != input.RetryNo,
		}
	}
	return v
}

// weight is that of what its client said of it.
func (v inputView) weight() int {
	sum := weight(v.InputData) + weight(v.CustomData)
	if e := v.LastError; e != nil {
		sum += weight(e.Params) + input.MaxMessage
	}
	return sum
}

// listInputs answers inputs in the order of their indexes. A position is the index to go on from.
func (a *api) listInputs(ctx context.Context, c *call, q inputList) (page[inputView], error) {
	j, err := a.Jobs.Get(ctx, c.project(), q.UID)
	if err != nil {
		return page[inputView]{}, err
	}
	position, limit, err := c.begin(ctx, q.listing)
	if err != nil {
		return page[inputView]{}, err
	}
	if c.request.URL.Query().Has("label") && q.Label == "" {
		return page[inputView]{}, parameter("label", "must not be empty; leave it out to list inputs whatever they failed for")
	}
	from, _ := strconv.Atoi(position) // signed by us, or empty
	query := input.Query{Status: q.Status, Label: q.Label, From: from}
	if q.Retryable != "" {
		retryable := q.Retryable == "true"
		query.Retryable = &retryable
	}
	found, next, err := a.findInputs(ctx, j, query, limit)
	if err != nil {
		return page[inputView]{}, err
	}
	if next < 0 {
		return pageOf(ctx, c, found, "")
	}
	return pageOf(ctx, c, found, strconv.Itoa(next))
}

// findInputs lists inputs until there are so many, they are long, or it has looked at as many pages as one request may.
func (a *api) findInputs(ctx context.Context, j job.Job, q input.Query, want int) (found []inputView, next int, err error) {
	sum := 0
	for range maxPages {
		q.Limit = want - len(found)
		list, next, err := a.Inputs.List(ctx, j, q)
		if err != nil {
			return nil, -1, fmt.Errorf("list inputs of job %s: %w", j.UID, err)
		}
		for _, in := range list {
			v := viewInput(in)
			found = append(found, v)
			sum += v.weight()
		}
		if q.From = next; next < 0 || len(found) >= want || sum >= enough {
			break
		}
	}
	return found, q.From, nil
}

// appendix is inputs for the end of a job's list.
type appendix struct {
	byUID
	Inputs []newInput `json:"inputs" api:"required"`
	From   int        `json:"from" api:"required,range=0..100000"`
	Last   bool       `json:"last"`
}

type newInput struct {
	InputData  json.RawMessage `json:"input_data" api:"required"`
	CustomData json.RawMessage `json:"custom_data"`
}

func (a *api) appendInputs(ctx context.Context, c *call, q appendix) (job.Record, error) {
	list, err := q.data()
	if err != nil {
		return job.Record{}, err
	}
	j, err := a.Inputs.Append(ctx, c.project(), q.UID, q.From, list, q.Last)
	if err != nil {
		return job.Record{}, a.misplaced(ctx, c, q, err)
	}
	return j.Record(), nil
}

// data judges the inputs and returns them. None may close the list.
func (q appendix) data() ([]input.Data, error) {
	if n := len(q.Inputs); n > input.MaxAppend || n == 0 && !q.Last {
		return nil, invalid("inputs", "has %d entries, want 1 to %d, or none with last: true, which closes the list", n, input.MaxAppend)
	}
	list := make([]input.Data, len(q.Inputs))
	for i, in := range q.Inputs {
		if n := len(in.InputData) + len(in.CustomData); n > input.MaxData {
			return nil, invalid(fmt.Sprintf("inputs[%d]", i), "has %d bytes in input_data and custom_data together; at most %d are allowed",
				n, input.MaxData)
		}
		list[i] = input.Data{Input: in.InputData, Custom: in.CustomData}
	}
	return list, nil
}

// misplaced says where the list ends to whoever appended elsewhere.
func (a *api) misplaced(ctx context.Context, c *call, q appendix, err error) error {
	var gap *input.GapError
	if errors.As(err, &gap) {
		return refuse(inputsGap, "The list ends at %d, so the next append is from %d, not from %d.", gap.End, gap.End, gap.From).
			with("field", "from").with("end", gap.End)
	}
	if errors.Is(err, input.ErrQuota) {
		return a.explain(err).with("field", "inputs")
	}
	j, unread := a.Jobs.Get(ctx, c.project(), q.UID)
	var p *problem
	switch {
	case unread != nil:
		return unread
	case errors.Is(err, input.ErrEnded):
		p = refuse(jobEnded, "The job is %s and takes no more inputs. Retry it first, or launch another.", j.Status).with("status", j.Status)
	case errors.Is(err, input.ErrClosed):
		p = refuse(listClosed, "The list of inputs is complete with %d, so nothing can be appended.", j.Inputs)
	case errors.Is(err, input.ErrOther):
		p = refuse(otherInputs, "What was appended from %d on is not this: other inputs, or more or fewer of them. The list ends at %d, where what is new goes.",
			q.From, j.Inputs)
	default:
		return err
	}
	return p.with("field", "from").with("end", j.Inputs)
}
