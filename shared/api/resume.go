package api

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"hermod/shared/job"
)

const maxResumed = 1000 // jobs of one request

// resumption says whose paused jobs to resume.
type resumption struct {
	WorkflowUID string `json:"workflow_uid" api:"nullable,uid"` // empty: all of the project
}

type resumed struct {
	Count int  `json:"count"`
	More  bool `json:"more"` // others were paused too: send the request again
}

func (a *api) resumeJobs(ctx context.Context, c *call, q resumption) (resumed, error) {
	if q.WorkflowUID != "" {
		switch _, err := a.Workflows.Workflow(ctx, c.project(), q.WorkflowUID); {
		case errors.Is(err, job.ErrNoWorkflow):
			return resumed{}, absent("workflow_uid", "workflow")
		case err != nil:
			return resumed{}, err
		}
	}
	paused, more, err := a.pausedJobs(ctx, job.Query{Project: c.project(), Workflow: q.WorkflowUID, Status: job.Paused})
	if err != nil {
		return resumed{}, err
	}
	out := resumed{More: more}
	var mu sync.Mutex
	var failed error
	each(len(paused), func(i int) {
		moved, err := a.resumeJob(ctx, c, paused[i].UID)
		mu.Lock()
		defer mu.Unlock()
		var p *problem
		switch {
		case errors.As(err, &p) && p.label == busy: // others change it all the time; it may still be paused
			out.More = true
		case err != nil:
			failed = err
		case moved:
			out.Count++
		}
	})
	return out, failed
}

// pausedJobs lists as many as one request resumes, and reports whether there are more.
func (a *api) pausedJobs(ctx context.Context, q job.Query) (found []job.Job, more bool, err error) {
	for {
		q.Limit = min(maxResumed, maxResumed+1-len(found))
		list, next, err := a.Jobs.List(ctx, q)
		if err != nil {
			return nil, false, fmt.Errorf("list paused jobs: %w", err)
		}
		found = append(found, list...)
		switch {
		case len(found) > maxResumed:
			return found[:maxResumed], true, nil
		case next == "":
			return found, false, nil
		}
		q.Before = next
	}
}

// resumeJob lets a paused job run, and reports whether it did. One that was moved or removed meanwhile is left alone.
func (a *api) resumeJob(ctx context.Context, c *call, uid string) (moved bool, err error) {
	j, err := a.changeJob(ctx, c.project(), uid, func(j job.Job) (job.Job, bool, error) {
		if moved = j.Status == job.Paused; !moved {
			return j, false, nil
		}
		return j.Apply(job.Update{Status: job.Running}, c.now())
	})
	switch {
	case errors.Is(err, job.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case moved:
		_, err = a.finishIfDone(ctx, j)
	}
	return moved, err
}
