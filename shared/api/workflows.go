package api

import (
	"context"
	"strings"

	"hermod/shared/job"
	"hermod/shared/uid"
)

// workflow is a workflow as clients see it. Those of the v3 API expect every one of its keys; what Hermod does not know is null.
type workflow struct {
	UID         string   `json:"uid"`
	Name        string   `json:"name"`
	CreatedAt   job.Time `json:"created_at"`
	ProjectID   *int     `json:"project_id"` // a number elsewhere
	ProjectUID  string   `json:"project_uid"`
	TemplateUID *string  `json:"template_uid"`
	Steps       []step   `json:"steps"` // never null
}

// step is there for clients that read it; Hermod knows of no steps.
type step struct {
	UID     string `json:"uid"`
	StepUID string `json:"step_uid"`
	Name    string `json:"name"`
}

func workflowOf(w job.Workflow) workflow {
	return workflow{UID: w.UID, Name: w.Name, CreatedAt: job.Time(w.CreatedAt), ProjectUID: w.Project, Steps: []step{}}
}

// listWorkflows answers the bare array that clients of the v3 API expect.
func (a *api) listWorkflows(ctx context.Context, c *call, _ struct{}) ([]workflow, error) {
	stored, err := a.Workflows.ListWorkflows(ctx, c.project())
	if err != nil {
		return nil, err
	}
	list := make([]workflow, len(stored))
	for i, w := range stored {
		list[i] = workflowOf(w)
	}
	return list, nil
}

type newWorkflow struct {
	Name string `json:"name" api:"required"`
}

func (a *api) createWorkflow(ctx context.Context, c *call, q newWorkflow) (workflow, error) {
	if strings.TrimSpace(q.Name) == "" {
		return workflow{}, invalid("name", "must not be empty")
	}
	if err := checkText("name", q.Name, job.MaxName); err != nil {
		return workflow{}, err
	}
	now := c.now()
	w := job.Workflow{UID: uid.New(now), Project: c.project(), Name: q.Name, CreatedAt: now}
	return workflowOf(w), a.Workflows.CreateWorkflow(ctx, w)
}

type byUID struct {
	UID string `path:"uid"`
}

func (a *api) getWorkflow(ctx context.Context, c *call, q byUID) (workflow, error) {
	w, err := a.Workflows.Workflow(ctx, c.project(), q.UID)
	return workflowOf(w), err
}
