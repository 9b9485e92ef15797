package console

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"time"
)

// input is an input of a job as the API tells it.
type input struct {
	Index       int             `json:"index"`
	Status      string          `json:"status"`
	InputData   json.RawMessage `json:"input_data"`
	CustomData  json.RawMessage `json:"custom_data"`
	LastError   *inputError     `json:"last_error"`
	OutputCount int             `json:"output_count"`
	RetryCount  int             `json:"retry_count"`
	FinishedAt  *time.Time      `json:"finished_at"`
}

type inputError struct {
	Label     *string `json:"label"`
	Message   *string `json:"message"`
	Retryable bool    `json:"retryable"`
}

const dataShown = 150 // bytes of an input's data, as HTML, that its row shows; a click shows more

// Short is the beginning of the input's data, in one line.
func (in input) Short() string { return spaced(cut(string(in.InputData), dataShown)) }

// Long reports whether there is more of the input than its row shows.
func (in input) Long() bool {
	return in.Custom() != "" || len(cut(string(in.InputData), dataShown)) < len(in.InputData)
}

// Custom is what the client keeps with the input for itself; empty if nothing.
func (in input) Custom() string {
	if string(in.CustomData) == "null" {
		return ""
	}
	return string(in.CustomData)
}

// inputsView is a page of a job's inputs.
type inputsView struct {
	Rows []input
	Next string
}

func (c *call) inputsOf(ctx context.Context, j job) (inputsView, error) {
	found, err := get[list[input]](ctx, c, jobPath(j.UID)+"/inputs", c.query("status", "label", "retryable", "cursor"))
	return inputsView{found.Results, c.nextPage(found.cursor())}, err
}

// failedLabels returns the labels that the first failed inputs of a job have: what a retry can be narrowed to, if one is offered.
func (c *call) failedLabels(ctx context.Context, j job) (labels []string, err error) {
	if j.Counts.Failed == 0 || !j.Retriable() {
		return nil, nil
	}
	found, err := get[list[input]](ctx, c, jobPath(j.UID)+"/inputs", url.Values{"status": {"failed"}, "limit": {"20"}})
	for _, in := range found.Results {
		if in.LastError != nil && in.LastError.Label != nil {
			labels = append(labels, *in.LastError.Label)
		}
	}
	slices.Sort(labels)
	return slices.Compact(labels), err
}
