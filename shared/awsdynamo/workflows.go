package awsdynamo

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"hermod/shared/job"
)

// A project's workflows are counted in its item.
const (
	countWorkflow = "SET f = if_not_exists(f, :f) ADD nf :one"
	ifWorkflows   = "attribute_not_exists(nf) OR nf < :max"
)

// errUsedUp is no sentinel of a seam: a uid is random, so it is never met twice.
var errUsedUp = errors.New("the uid is in use, or was")

// CreateWorkflow writes a new workflow.
func (s *Jobs) CreateWorkflow(ctx context.Context, w job.Workflow) error {
	i := workflowKey(w.Project, w.UID).item()
	i["f"], i["ca"] = number(format), moment(w.CreatedAt)
	i.setText("nm", w.Name)
	err := s.db.transact(ctx,
		s.db.putting(i, ifNone, nil),
		s.db.updating(projectKey(w.Project), countWorkflow, ifWorkflows, item{":f": number(format), ":one": number(1), ":max": number(job.MaxWorkflows)}),
	)
	if _, used := refusedIn(err, 0); used {
		err = errUsedUp
	} else if _, full := refusedIn(err, 1); full {
		err = job.ErrWorkflowQuota
	}
	if err != nil {
		return fmt.Errorf("create workflow %s: %w", w.UID, err)
	}
	return nil
}

// Workflow reads one.
func (s *Jobs) Workflow(ctx context.Context, project, uid string) (w job.Workflow, err error) {
	i, err := s.db.get(ctx, workflowKey(project, uid))
	switch {
	case err == nil && i == nil:
		err = job.ErrNoWorkflow
	case err == nil:
		w, err = decodeWorkflow(i)
	}
	if err != nil {
		return job.Workflow{}, fmt.Errorf("read workflow %s: %w", uid, err)
	}
	return w, nil
}

// ListWorkflows returns all of the project, newest first.
func (s *Jobs) ListWorkflows(ctx context.Context, project string) ([]job.Workflow, error) {
	q := beginning(workflowKey(project, ""))
	q.ScanIndexForward = aws.Bool(false)
	list, err := queryAll(ctx, s.db, q, decodeWorkflow)
	if err != nil {
		return nil, fmt.Errorf("list workflows: %w", err)
	}
	return list, nil
}

func decodeWorkflow(i item) (job.Workflow, error) {
	return job.Workflow{UID: i.text("sk")[len("F#"):], Project: i.text("pk")[len("P#"):], Name: i.text("nm"), CreatedAt: i.time("ca")}, i.readable()
}
