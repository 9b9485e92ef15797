package job

import (
	"context"
	"errors"
	"time"
)

// MaxWorkflows is how many workflows a project may have.
const MaxWorkflows = 1000

var (
	ErrNoWorkflow    = errors.New("no such workflow")
	ErrWorkflowQuota = errors.New("the project has as many workflows as it may have")
)

// Workflow is a named recipe whose executions are jobs.
type Workflow struct {
	UID       string
	Project   string
	Name      string
	CreatedAt time.Time
}

// Workflows keeps workflows. It is safe for concurrent use; a write is durable when it returns.
type Workflows interface {
	// CreateWorkflow writes a new workflow. ErrWorkflowQuota if the project has MaxWorkflows.
	CreateWorkflow(ctx context.Context, w Workflow) error
	// Workflow reads one of the project. ErrNoWorkflow also for another project's.
	Workflow(ctx context.Context, project, uid string) (Workflow, error)
	// ListWorkflows returns all of the project, newest first; there are at most MaxWorkflows.
	ListWorkflows(ctx context.Context, project string) ([]Workflow, error)
}
