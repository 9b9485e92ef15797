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
	countWorkflow = "SET f = if_not_exists(f, :f) ADD nf :n"
	ifWorkflows   = "attribute_not_exists(nf) OR nf < :max"
)

// Changes of workflows, and their conditions. Those of the first release have no version, which is 1.
const (
	setWorkflow       = "SET f = :f, v = :v, nm = :nm, sp = :sp, ca = :ca"
	ifWorkflowVersion = "v = :before"
	ifFirstWorkflow   = "attribute_exists(pk) AND (attribute_not_exists(v) OR v = :before)"
)

// errUsedUp is no sentinel of a seam: a uid is random, so it is never met twice.
var errUsedUp = errors.New("the uid is in use, or was")

// CreateWorkflow writes a new workflow.
func (s *Jobs) CreateWorkflow(ctx context.Context, w job.Workflow) error {
	i := workflowKey(w.Project, w.UID).item()
	for name, value := range workflowValues(w) {
		i[name[1:]] = value
	}
	err := s.db.transact(ctx,
		s.db.putting(i, ifNone, nil),
		s.db.updating(projectKey(w.Project), countWorkflow, ifWorkflows, item{":f": number(format), ":n": number(1), ":max": number(job.MaxWorkflows)}),
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

// UpdateWorkflow writes a workflow over the version before it.
func (s *Jobs) UpdateWorkflow(ctx context.Context, w job.Workflow) error {
	if err := s.updateWorkflow(ctx, w); err != nil {
		return fmt.Errorf("update workflow %s: %w", w.UID, err)
	}
	return nil
}

func (s *Jobs) updateWorkflow(ctx context.Context, w job.Workflow) error {
	condition, values := ifWorkflowVersion, workflowValues(w)
	if values[":before"] = number(int64(w.Version) - 1); w.Version == 2 {
		condition = ifFirstWorkflow
	}
	err := s.db.write(ctx, func() error { return s.db.update(ctx, workflowKey(w.Project, w.UID), setWorkflow, condition, values) })
	met, lost := refused(err)
	switch {
	case !lost:
		return err
	case met == nil:
		return job.ErrNoWorkflow
	}
	return job.ErrWorkflowStale
}

// DeleteWorkflow removes a workflow, and counts. Its jobs stay, and their entries in its list.
func (s *Jobs) DeleteWorkflow(ctx context.Context, project, uid string) error {
	removed := s.db.deleting(workflowKey(project, uid))
	removed.Delete.ConditionExpression = aws.String(ifThere)
	err := s.db.transact(ctx,
		removed,
		s.db.updating(projectKey(project), countWorkflow, "", item{":f": number(format), ":n": number(-1)}),
	)
	if _, none := refusedIn(err, 0); none {
		err = job.ErrNoWorkflow
	}
	if err != nil {
		return fmt.Errorf("delete workflow %s: %w", uid, err)
	}
	return nil
}

// stepDoc is nested in a workflow.
type stepDoc struct {
	UID     string `json:"u,omitempty"`
	StepUID string `json:"s,omitempty"`
	Name    string `json:"n,omitempty"`
}

// workflowValues are the values of setWorkflow: format, version, name, steps, time of creation.
func workflowValues(w job.Workflow) item {
	i := item{":f": number(format), ":v": number(int64(w.Version)), ":nm": text(w.Name), ":sp": text(""), ":ca": moment(w.CreatedAt)}
	if len(w.Steps) > 0 {
		docs := make([]stepDoc, len(w.Steps))
		for n, step := range w.Steps {
			docs[n] = stepDoc(step)
		}
		i.setJSON(":sp", docs)
	}
	return i
}

func decodeWorkflow(i item) (job.Workflow, error) {
	w := job.Workflow{
		UID: i.text("sk")[len("F#"):], Project: i.text("pk")[len("P#"):], Name: i.text("nm"), CreatedAt: i.time("ca"), Version: max(1, i.int("v")),
	}
	var docs []stepDoc
	err := errors.Join(i.readable(), i.json("sp", &docs))
	for _, d := range docs {
		w.Steps = append(w.Steps, job.Step(d))
	}
	return w, err
}
