package api

import (
	"context"
	"fmt"
	"strings"

	"hermod/shared/job"
	"hermod/shared/uid"
)

// maxStepUID is how long a client's own name of a step may be, in bytes.
const maxStepUID = 256

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

type step struct {
	UID     string `json:"uid"`
	StepUID string `json:"step_uid"` // the client's own; the step's uid if it gave none
	Name    string `json:"name"`
}

func viewWorkflow(w job.Workflow) workflow {
	v := workflow{UID: w.UID, Name: w.Name, CreatedAt: job.Time(w.CreatedAt), ProjectUID: w.Project, Steps: make([]step, len(w.Steps))}
	for i, s := range w.Steps {
		v.Steps[i] = step{UID: s.UID, StepUID: s.StepUID, Name: s.Name}
		if s.StepUID == "" {
			v.Steps[i].StepUID = s.UID
		}
	}
	return v
}

// listWorkflows answers the bare array that clients of the v3 API expect.
func (a *api) listWorkflows(ctx context.Context, c *call, _ struct{}) ([]workflow, error) {
	stored, err := a.Workflows.ListWorkflows(ctx, c.project())
	if err != nil {
		return nil, err
	}
	list := make([]workflow, len(stored))
	for i, w := range stored {
		list[i] = viewWorkflow(w)
	}
	return list, nil
}

// stepField is a step as a client sends it. One with a uid is a step that the workflow has; one without is new.
type stepField struct {
	UID     string `json:"uid" api:"uid"`
	StepUID string `json:"step_uid" api:"nullable"`
	Name    string `json:"name" api:"required"`
}

type newWorkflow struct {
	Name  string      `json:"name" api:"required"`
	Steps []stepField `json:"steps" api:"nullable"`
}

func (a *api) createWorkflow(ctx context.Context, c *call, q newWorkflow) (workflow, error) {
	now := c.now()
	w := job.Workflow{UID: uid.New(now), Project: c.project(), CreatedAt: now, Version: 1}
	if err := nameWorkflow(&w, q.Name); err != nil {
		return workflow{}, err
	}
	if err := c.setSteps(&w, q.Steps); err != nil {
		return workflow{}, err
	}
	return viewWorkflow(w), a.Workflows.CreateWorkflow(ctx, w)
}

type byUID struct {
	UID string `path:"uid"`
}

func (a *api) getWorkflow(ctx context.Context, c *call, q byUID) (workflow, error) {
	w, err := a.Workflows.Workflow(ctx, c.project(), q.UID)
	return viewWorkflow(w), err
}

// workflowUpdate changes what is given. Steps are replaced whole. Jobs keep the name that the workflow had when they were launched.
type workflowUpdate struct {
	byUID
	Name  opt[string]      `json:"name"`
	Steps opt[[]stepField] `json:"steps"`
}

func (a *api) updateWorkflow(ctx context.Context, c *call, q workflowUpdate) (workflow, error) {
	w, err := a.Workflows.Workflow(ctx, c.project(), q.UID)
	if err != nil {
		return workflow{}, err
	}
	if q.Name.given {
		if err := nameWorkflow(&w, q.Name.value); err != nil {
			return workflow{}, err
		}
	}
	if q.Steps.given {
		if err := c.setSteps(&w, q.Steps.value); err != nil {
			return workflow{}, err
		}
	}
	if !q.Name.given && !q.Steps.given {
		return viewWorkflow(w), nil
	}
	w.Version++
	return viewWorkflow(w), a.Workflows.UpdateWorkflow(ctx, w)
}

// deleteWorkflow leaves the workflow's jobs, and what is bound to it: its webhooks go on for jobs that were launched before.
func (a *api) deleteWorkflow(ctx context.Context, c *call, q byUID) (none, error) {
	return none{}, a.Workflows.DeleteWorkflow(ctx, c.project(), q.UID)
}

func nameWorkflow(w *job.Workflow, name string) error {
	if strings.TrimSpace(name) == "" {
		return invalid("name", "must have more than spaces")
	}
	w.Name = name
	return checkText("name", name, job.MaxName)
}

// setSteps replaces the workflow's steps by those given.
func (c *call) setSteps(w *job.Workflow, fields []stepField) error {
	if len(fields) > job.MaxSteps {
		return invalid("steps", "has %d entries; a workflow has at most %d", len(fields), job.MaxSteps)
	}
	free := map[string]bool{}
	for _, s := range w.Steps {
		free[s.UID] = true
	}
	w.Steps = nil
	size := 0
	for i, f := range fields {
		place := fmt.Sprintf("steps[%d]", i)
		if err := f.check(place); err != nil {
			return err
		}
		switch {
		case f.UID == "":
			f.UID = uid.New(c.now())
		case !free[f.UID]:
			return invalid(place+".uid", "is no step that this workflow has, or is there twice; leave uid out for a new step")
		}
		free[f.UID] = false
		size += len(f.Name) + len(f.StepUID)
		w.Steps = append(w.Steps, job.Step{UID: f.UID, StepUID: f.StepUID, Name: f.Name})
	}
	if size > job.MaxStepText {
		return invalid("steps", "have names and step_uids of %d bytes in all; at most %d are allowed", size, job.MaxStepText)
	}
	return nil
}

func (f stepField) check(place string) error {
	if strings.TrimSpace(f.Name) == "" {
		return invalid(place+".name", "must have more than spaces")
	}
	if err := checkText(place+".name", f.Name, job.MaxName); err != nil {
		return err
	}
	return checkText(place+".step_uid", f.StepUID, maxStepUID)
}
