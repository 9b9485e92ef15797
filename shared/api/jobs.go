package api

import (
	"context"
	"errors"
	"fmt"

	"hermod/shared/job"
)

// maxTries bounds how often a change is made anew because another one was faster.
const maxTries = 5

func (a *api) getJob(ctx context.Context, c *call, q byUID) (job.Record, error) {
	j, err := a.Jobs.Get(ctx, c.project(), q.UID)
	if err != nil {
		return job.Record{}, err
	}
	return j.Record(), nil
}

// jobUpdate is an executor's report about a job.
type jobUpdate struct {
	UID          string     `path:"uid"`
	Status       job.Status `json:"status" api:"required"`
	ErrorMessage string     `json:"error_message" api:"nullable"`
	Version      int        `json:"version" api:"range=1..2147483647"`
}

func (a *api) updateJob(ctx context.Context, c *call, q jobUpdate) (job.Record, error) {
	u := job.Update{Status: q.Status, Error: q.ErrorMessage, Version: q.Version}
	return a.changeJob(ctx, c, q.UID, func(j job.Job) (job.Job, bool, error) { return j.Apply(u, c.now()) })
}

func (a *api) cancelJob(ctx context.Context, c *call, q byUID) (job.Record, error) {
	return a.changeJob(ctx, c, q.UID, func(j job.Job) (job.Job, bool, error) { return j.Cancel(c.now()) })
}

// changeJob applies a rule to the job and writes what it says; if the job moved meanwhile, the rule judges it again.
func (a *api) changeJob(ctx context.Context, c *call, uid string, rule func(job.Job) (job.Job, bool, error)) (job.Record, error) {
	for range maxTries {
		j, err := a.Jobs.Get(ctx, c.project(), uid)
		if err != nil {
			return job.Record{}, err
		}
		next, changed, err := rule(j)
		switch {
		case err != nil:
			return job.Record{}, describe(err, j)
		case !changed:
			return j.Record(), nil
		}
		err = a.Jobs.Update(ctx, next)
		if err == nil {
			return next.Record(), nil
		}
		if !errors.Is(err, job.ErrStale) {
			return job.Record{}, fmt.Errorf("write job %s: %w", uid, err)
		}
	}
	return job.Record{}, refuse(busy, "").after(retrySoon)
}

// describe adds to what a rule refused how the job stands, so that the client need not read it.
func describe(err error, j job.Job) error {
	if !errors.Is(err, job.ErrStale) {
		return err
	}
	return refuse(staleVersion, "The job is %s at version %d, not at the version given. Send version %d, or none.", j.Status, j.Version, j.Version).
		with("field", "version").with("status", j.Status).with("version", j.Version)
}
