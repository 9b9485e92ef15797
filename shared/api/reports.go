package api

import (
	"context"
	"encoding/json"
	"fmt"

	"hermod/shared/input"
	"hermod/shared/job"
)

// inputReports is what became of inputs.
type inputReports struct {
	byUID
	Inputs []inputReport `json:"inputs" api:"required"`
}

// inputReport is what became of one, named by its index or by its uid.
type inputReport struct {
	Index       opt[int]           `json:"index" api:"range=0..99999"`
	UID         string             `json:"uid" api:"uid"`
	Status      input.Status       `json:"status" api:"required,one=running|succeeded|failed"`
	Error       opt[reportedError] `json:"error" api:"nullable"`
	OutputCount opt[int]           `json:"output_count" api:"nullable,range=0..1073741824"`
	Results     []json.RawMessage  `json:"results" api:"nullable"`
}

type reportedError struct {
	Label    string          `json:"label" api:"required"`
	Scope    string          `json:"scope" api:"nullable"`
	Message  string          `json:"message" api:"nullable"`
	ErrorRef string          `json:"error_ref" api:"nullable"`
	Params   json.RawMessage `json:"params" api:"nullable"`
}

// reported is what became of the reports, by the indexes of their inputs.
type reported struct {
	Applied []int      `json:"applied"` // changed their input
	Already []int      `json:"already"` // said what was so
	Refused []refusal  `json:"refused"`
	Job     job.Record `json:"job"`
}

// refusal says why an input was left as it is.
type refusal struct {
	Index  int    `json:"index"`
	UID    string `json:"uid"`
	Reason string `json:"reason"`
}

func (a *api) reportInputs(ctx context.Context, c *call, q inputReports) (reported, error) {
	reports, err := q.reports()
	if err != nil {
		return reported{}, err
	}
	r, err := a.Inputs.Report(ctx, c.project(), q.UID, reports)
	if err != nil {
		return reported{}, err
	}
	out := reported{Applied: []int{}, Already: []int{}, Refused: make([]refusal, len(r.Refused)), Job: r.Job.Record()}
	out.Applied = append(out.Applied, r.Applied...)
	out.Already = append(out.Already, r.Already...)
	for i, one := range r.Refused {
		out.Refused[i] = refusal{Index: one.Index, UID: input.UID(q.UID, one.Index), Reason: one.Reason}
	}
	return out, nil
}

// reports judges the request and returns its reports.
func (q inputReports) reports() ([]input.Report, error) {
	if n := len(q.Inputs); n == 0 || n > input.MaxReport {
		return nil, invalid("inputs", "has %d entries, want 1 to %d", n, input.MaxReport)
	}
	list := make([]input.Report, len(q.Inputs))
	for i, one := range q.Inputs {
		place := fmt.Sprintf("inputs[%d]", i)
		if err := one.check(place); err != nil {
			return nil, err
		}
		index := one.Index.value
		if !one.Index.given {
			var ok bool
			if index, ok = input.Index(q.UID, one.UID); !ok {
				return nil, invalid(place+".uid", "is the uid of no input of this job")
			}
		}
		list[i] = one.report(index)
	}
	return list, nil
}

func (r inputReport) report(index int) input.Report {
	out := input.Report{Index: index, Status: r.Status, Outputs: len(r.Results), Rows: r.Results}
	if r.OutputCount.given && !r.OutputCount.null {
		out.Outputs = r.OutputCount.value
	}
	if r.Error.given && !r.Error.null {
		e := r.Error.value
		out.Error = &input.Error{Label: e.Label, Scope: e.Scope, Message: e.Message, Ref: e.ErrorRef, Params: e.Params}
	}
	return out
}

// check judges a report; place is where it stands in the body.
func (r inputReport) check(place string) error {
	failed := r.Error.given && !r.Error.null
	switch {
	case r.Index.given == (r.UID != ""):
		return invalid(place, "must have either index or uid")
	case failed && r.Status != input.Failed:
		return invalid(place+".error", "is for inputs that failed; this one is %s", r.Status)
	case len(r.Results) > 0 && r.Status != input.Succeeded:
		return invalid(place+".results", "are for inputs that succeeded; this one is %s", r.Status)
	case r.OutputCount.value > 0 && r.Status != input.Succeeded:
		return invalid(place+".output_count", "is for inputs that succeeded; this one is %s", r.Status)
	case failed:
		return r.Error.value.check(place + ".error")
	}
	if n := input.SizeOf(r.Results); n > input.MaxResults {
		return invalid(place+".results", "have %d bytes as a JSON array; at most %d are allowed for an input", n, input.MaxResults)
	}
	return nil
}

func (e reportedError) check(place string) error {
	if e.Label == "" {
		return invalid(place+".label", "must not be empty; leave error out if there is nothing to tell")
	}
	if err := checkText(place+".label", e.Label, input.MaxLabel); err != nil {
		return err
	}
	if err := checkText(place+".scope", e.Scope, input.MaxScope); err != nil {
		return err
	}
	if err := checkText(place+".error_ref", e.ErrorRef, input.MaxRef); err != nil {
		return err
	}
	if n := len(e.Params); n > input.MaxParams {
		return invalid(place+".params", "has %d bytes; at most %d are allowed", n, input.MaxParams)
	}
	return nil
}
