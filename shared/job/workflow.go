package job

import (
	"context"
	"errors"
	"time"
)

const (
	MaxWorkflows = 1000 // of a project
	MaxSteps     = 25   // of a workflow
	MaxStepText  = 2048 // bytes of the names of a workflow's steps and of what they are called elsewhere: a list has all workflows at once
)

var (
	ErrNoWorkflow    = errors.New("no such workflow")
	ErrWorkflowStale = errors.New("the workflow has changed meanwhile")
	ErrWorkflowQuota = errors.New("the project has as many workflows as it may have")
)

// Workflow is a named recipe whose executions are jobs.
type Workflow struct {
	UID       string
	Project   string
	Name      string
	CreatedAt time.Time
	Version   int    // 1 when it is new, one more with each change
	Steps     []Step // what it consists of; for people and clients only, Hermod takes none
}

// Step is one step of a workflow.
type Step struct {
	UID     string
	StepUID string // what the client calls the step elsewhere; empty: nothing
	Name    string
}

// Workflows keeps workflows. It is safe for concurrent use; a write is durable when it returns.
type Workflows interface {
	// CreateWorkflow writes a new workflow. ErrWorkflowQuota if the project has MaxWorkflows.
	CreateWorkflow(ctx context.Context, w Workflow) error
	// Workflow reads one of the project. ErrNoWorkflow also for another project's.
	Workflow(ctx context.Context, project, uid string) (Workflow, error)
	// ListWorkflows returns all of the project, newest first; there are at most MaxWorkflows.
	ListWorkflows(ctx context.Context, project string) ([]Workflow, error)
	// UpdateWorkflow writes w on condition that the stored workflow has the version before it. ErrWorkflowStale if not,
	// ErrNoWorkflow without one.
	UpdateWorkflow(ctx context.Context, w Workflow) error
	// DeleteWorkflow removes a workflow; its jobs stay. ErrNoWorkflow without one.
	DeleteWorkflow(ctx context.Context, project, uid string) error
}
