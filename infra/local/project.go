package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"hermod/shared/access"
	"hermod/shared/job"
	"hermod/shared/uid"
)

// newProject makes a project with an admin key, and prints the key: it is not shown again.
func (s *service) newProject(ctx context.Context, name string, stdout io.Writer) error {
	project, token, err := access.Found(ctx, s.db.Access(), name, time.Now())
	if err != nil {
		return fmt.Errorf("-new-project: %w", err)
	}
	fmt.Fprintf(stdout, "project %q  %s\nAPI key, shown this once: %s\n", name, project.UID, token)
	return nil
}

// createWorkflow gives a first project something to launch.
func (s *service) createWorkflow(ctx context.Context, project, name string) (string, error) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	w := job.Workflow{UID: uid.New(now), Project: project, Name: name, CreatedAt: now, Version: 1}
	if err := s.db.Jobs().CreateWorkflow(ctx, w); err != nil {
		return "", fmt.Errorf("create workflow: %w", err)
	}
	return w.UID, nil
}
