package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"hermod/shared/job"
)

const (
	maxLastRows = 5000 // rows that results/last answers at most
	rowsAtOnce  = 100  // that are asked for at once
	// enough is how many bytes of clients' JSON an answer has that asks for no more. What is asked for at once has at most some 2 MB, so an
	// answer is one that Lambda takes (6 MB, and JSON in it is escaped once more).
	enough = 512 << 10
)

// jobResults asks for the rows of a job.
type jobResults struct {
	byUID
	listing
}

func (a *api) listResults(ctx context.Context, c *call, q jobResults) (page[json.RawMessage], error) {
	j, err := a.Jobs.Get(ctx, c.project(), q.UID)
	if err != nil {
		return page[json.RawMessage]{}, err
	}
	from, limit, err := c.begin(ctx, q.listing)
	if err != nil {
		return page[json.RawMessage]{}, err
	}
	rows, next, err := a.readRows(ctx, j, from, limit)
	if err != nil {
		return page[json.RawMessage]{}, err
	}
	return pageOf(ctx, c, rows, next)
}

// lastRows is the answer that clients of the v3 API expect: rows alone, unless there are more than one answer holds.
type lastRows struct {
	Results []json.RawMessage `json:"results"`
	Paging  *paging           `json:"paging,omitempty"`
}

// lastResults answers the rows of the workflow's newest job that finished. What is too much for one answer is the job's own list of
// results, to which next leads.
func (a *api) lastResults(ctx context.Context, c *call, q byUID) (lastRows, error) {
	if _, err := a.Workflows.Workflow(ctx, c.project(), q.UID); err != nil {
		return lastRows{}, err
	}
	j, ok, err := a.lastFinished(ctx, c.project(), q.UID)
	if err != nil || !ok {
		return lastRows{Results: []json.RawMessage{}}, err
	}
	rows, next, err := a.readRows(ctx, j, "", maxLastRows)
	if err != nil {
		return lastRows{}, err
	}
	p, err := pageOf(ctx, c.at("/jobs/"+j.UID+"/results"), rows, next)
	if err != nil || next == "" {
		return lastRows{Results: p.Results}, err
	}
	return lastRows{Results: p.Results, Paging: &p.Paging}, nil
}

func (a *api) lastFinished(ctx context.Context, project, workflow string) (j job.Job, ok bool, err error) {
	q := job.Query{Project: project, Workflow: workflow, Status: job.Finished, Limit: 10}
	for {
		list, next, err := a.Jobs.List(ctx, q)
		if err != nil {
			return job.Job{}, false, fmt.Errorf("list finished jobs: %w", err)
		}
		for _, listed := range list {
			switch j, err := a.Jobs.Get(ctx, project, listed.UID); {
			case err == nil && j.Status == job.Finished:
				return j, true, nil
			case err != nil && !errors.Is(err, job.ErrNotFound):
				return job.Job{}, false, err
			}
		}
		if next == "" {
			return job.Job{}, false, nil
		}
		q.Before = next
	}
}

// readRows reads rows until there are so many, they are long, or it has looked at as many pages as one request may.
func (a *api) readRows(ctx context.Context, j job.Job, from string, want int) (rows []json.RawMessage, next string, err error) {
	sum := 0
	for range max(maxPages, want/rowsAtOnce) {
		list, after, err := a.Inputs.Results(ctx, j, from, min(rowsAtOnce, want-len(rows)))
		if err != nil {
			return nil, "", fmt.Errorf("read results of job %s: %w", j.UID, err)
		}
		for _, r := range list {
			rows = append(rows, r.Doc)
			sum += weight(r.Doc)
		}
		if from = after; from == "" || len(rows) >= want || sum >= enough {
			break
		}
	}
	return rows, from, nil
}

// weight is how many bytes JSON takes in an answer of Lambda's, which is a text in JSON itself.
func weight(doc json.RawMessage) int {
	return len(doc) + bytes.Count(doc, []byte(`"`)) + bytes.Count(doc, []byte(`\`)) + 3*bytes.Count(doc, []byte("\u2028")) +
		3*bytes.Count(doc, []byte("\u2029"))
}

// at returns the call as it would be at another path, for cursors and URLs that lead there.
func (c *call) at(path string) *call {
	there := *c
	there.request = c.request.Clone(c.request.Context())
	there.request.URL = &url.URL{Path: base + path, RawQuery: fmt.Sprintf("limit=%d", rowsAtOnce)}
	return &there
}
