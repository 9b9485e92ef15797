package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hermod/shared/job"
)

const (
	maxTries     = 5   // how often a change is made anew because another one was faster
	flowPageSize = 100 // jobs on a page of a workflow's jobs
)

func (a *api) getJob(ctx context.Context, c *call, q byUID) (job.Record, error) {
	j, err := a.Jobs.Get(ctx, c.project(), q.UID)
	if err != nil {
		return job.Record{}, err
	}
	return j.Record(), nil
}

// jobList narrows a list of jobs. Times are those of the launch.
type jobList struct {
	listing
	Status      job.Status `query:"status"`
	WorkflowUID string     `query:"workflow_uid" api:"uid"`
	Since       time.Time  `query:"since"`
	Until       time.Time  `query:"until"`
}

func (a *api) listJobs(ctx context.Context, c *call, q jobList) (page[job.Record], error) {
	before, limit, err := c.begin(ctx, q.listing)
	if err != nil {
		return page[job.Record]{}, err
	}
	found, next, err := a.Jobs.List(ctx, job.Query{
		Project: c.project(), Workflow: q.WorkflowUID, Status: q.Status, Since: q.Since, Until: q.Until, Before: before, Limit: limit + 1,
	})
	if err != nil {
		return page[job.Record]{}, fmt.Errorf("list jobs: %w", err)
	}
	if len(found) > limit {
		found, next = cut(found, limit, func(j job.Job) string { return j.UID })
	}
	return pageOf(ctx, c, records(found), next)
}

// flowJobs asks for a page of a workflow's jobs, by its number.
type flowJobs struct {
	byUID
	Page int `query:"page" api:"range=0..10000"`
}

// listFlowJobs answers the bare array that clients of the v3 API expect. They read on until a page is empty, so none is while there
// are jobs.
func (a *api) listFlowJobs(ctx context.Context, c *call, q flowJobs) ([]job.Record, error) {
	if _, err := a.Workflows.Workflow(ctx, c.project(), q.UID); err != nil {
		return nil, err
	}
	query := job.Query{Project: c.project(), Workflow: q.UID, Since: c.now().Add(-job.Retention), Skip: q.Page * flowPageSize}
	found := []job.Job{}
	for {
		query.Limit = flowPageSize - len(found)
		list, next, err := a.Jobs.List(ctx, query)
		if err != nil {
			return nil, fmt.Errorf("list jobs: %w", err)
		}
		if found = append(found, list...); next == "" || len(found) >= flowPageSize {
			return records(found), nil
		}
		query.Before, query.Skip = next, 0
	}
}

func records(jobs []job.Job) []job.Record {
	list := make([]job.Record, len(jobs))
	for i, j := range jobs {
		list[i] = j.Record()
	}
	return list
}

// statusReport is an executor's report about a job.
type statusReport struct {
	Status       job.Status `json:"status" api:"required"`
	ErrorMessage string     `json:"error_message" api:"nullable"`
	Version      int        `json:"version" api:"range=1..2147483647"`
}

type jobUpdate struct {
	byUID
	statusReport
}

func (a *api) updateJob(ctx context.Context, c *call, q jobUpdate) (job.Record, error) {
	j, err := a.applyReport(ctx, c, q.UID, q.statusReport)
	if err != nil {
		return job.Record{}, err
	}
	return j.Record(), nil
}

// applyReport moves the job as an executor says, and finishes it if it runs and no input is open any more.
func (a *api) applyReport(ctx context.Context, c *call, uid string, r statusReport) (job.Job, error) {
	j, err := a.changeJob(ctx, c.project(), uid, func(j job.Job) (job.Job, bool, error) {
		u := job.Update{Status: r.Status, Error: r.ErrorMessage, Version: r.Version}
		j, err := a.counted(ctx, j, &u)
		if err != nil {
			return j, false, err
		}
		return j.Apply(u, c.now())
	})
	if err != nil {
		return j, err
	}
	return a.finishIfDone(ctx, j)
}

// counted returns the job with exact totals if the update is judged by them. A failure without a message gets one from its inputs.
func (a *api) counted(ctx context.Context, j job.Job, u *job.Update) (job.Job, error) {
	failure := u.Status == job.Warning || u.Status == job.Shutdown
	if j.Inputs == 0 || !failure && u.Status != job.Finished || !j.Status.MayBecome(u.Status) {
		return j, nil
	}
	j, why, err := a.Inputs.Count(ctx, j)
	if failure && u.Error == "" {
		u.Error = why
	}
	return j, err
}

// finishIfDone returns a job that runs as it stands when its inputs have been looked at.
func (a *api) finishIfDone(ctx context.Context, j job.Job) (job.Job, error) {
	if j.Status != job.Running || j.Inputs == 0 {
		return j, nil
	}
	return a.Inputs.Finish(ctx, j.Project, j.UID)
}

func (a *api) cancelJob(ctx context.Context, c *call, q byUID) (job.Record, error) {
	j, err := a.changeJob(ctx, c.project(), q.UID, func(j job.Job) (job.Job, bool, error) { return j.Cancel(c.now()) })
	if err != nil {
		return job.Record{}, err
	}
	return j.Record(), nil
}

// changeJob applies a rule to the job and writes what it says; if the job moved meanwhile, the rule judges it again.
func (a *api) changeJob(ctx context.Context, project, uid string, rule func(job.Job) (job.Job, bool, error)) (job.Job, error) {
	for range maxTries {
		j, err := a.Jobs.Get(ctx, project, uid)
		if err != nil {
			return job.Job{}, err
		}
		next, changed, err := rule(j)
		switch {
		case err != nil:
			return job.Job{}, a.describe(err, next) // the job with the totals that it was judged by
		case !changed:
			return j, nil
		}
		err = a.Jobs.Update(ctx, next)
		if err == nil {
			return next, nil
		}
		if !errors.Is(err, job.ErrStale) {
			return job.Job{}, fmt.Errorf("write job %s: %w", uid, err)
		}
	}
	return job.Job{}, refuse(busy, "").after(retrySoon)
}

// describe adds to what a rule refused how the job stands, so that the client need not read it.
func (a *api) describe(err error, j job.Job) error {
	switch {
	case errors.Is(err, job.ErrOpenInputs), errors.Is(err, job.ErrResult):
		return a.explain(err).with("counts", j.Counts())
	case !errors.Is(err, job.ErrStale):
		return err
	}
	return refuse(staleVersion, "The job is %s at version %d, not at the version given. Send version %d, or none.", j.Status, j.Version, j.Version).
		with("field", "version").with("status", j.Status).with("version", j.Version)
}
