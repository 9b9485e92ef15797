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
	if len(name) > job.MaxName {
		return fmt.Errorf("-new-project: a name has at most %d bytes", job.MaxName)
	}
	project, token, err := s.createProject(ctx, name)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "project %q  %s\nAPI key, shown this once: %s\n", name, project, token)
	return nil
}

func (s *service) createProject(ctx context.Context, name string) (project, token string, err error) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	p := access.Project{UID: uid.New(now), Name: name, CreatedAt: now}
	if err := s.db.Access().CreateProject(ctx, p); err != nil {
		return "", "", fmt.Errorf("create project: %w", err)
	}
	token, err = s.createKey(ctx, p.UID, "first", access.Scopes)
	return p.UID, token, err
}

func (s *service) createKey(ctx context.Context, project, name string, scopes []access.Scope) (token string, err error) {
	token = access.NewToken()
	now := time.Now().UTC().Truncate(time.Millisecond)
	err = s.db.Access().CreateKey(ctx, access.Key{
		UID: uid.New(now), Project: project, Name: name, Hash: access.Hash(token), Hint: access.Hint(token), Scopes: scopes, CreatedAt: now,
	})
	if err != nil {
		return "", fmt.Errorf("create API key: %w", err)
	}
	return token, nil
}

// createWorkflow gives a first project something to launch.
func (s *service) createWorkflow(ctx context.Context, project, name string) (string, error) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	w := job.Workflow{UID: uid.New(now), Project: project, Name: name, CreatedAt: now}
	if err := s.db.Jobs().CreateWorkflow(ctx, w); err != nil {
		return "", fmt.Errorf("create workflow: %w", err)
	}
	return w.UID, nil
}
