package sqlite

import (
	"context"
	"slices"

	"hermod/shared/job"
)

// CreateWorkflow writes a new workflow.
func (s *Jobs) CreateWorkflow(ctx context.Context, w job.Workflow) error {
	doc := encode(toWorkflowDoc(w))
	return s.db.write(ctx, "create workflow", func(t *tx) error {
		n, err := t.number("SELECT count(*) FROM workflow WHERE project = ?", w.Project)
		if err != nil {
			return err
		}
		if n >= job.MaxWorkflows {
			return job.ErrWorkflowQuota
		}
		_, err = t.exec("INSERT INTO workflow (uid, project, version, doc) VALUES (?, ?, ?, ?)", w.UID, w.Project, w.Version, doc)
		return err
	})
}

// Workflow reads one; in the steady state from memory. What it returns is shared: its steps are not to be changed.
func (s *Jobs) Workflow(ctx context.Context, project, uid string) (w job.Workflow, err error) {
	if s.db.closed() {
		return w, ErrClosed
	}
	w, ok := s.db.flows.get(uid)
	if !ok {
		remember := s.db.flows.before()
		w, err = readOne(ctx, s.db, "read workflow", job.ErrNoWorkflow, decodeWorkflow,
			"SELECT doc, version FROM workflow WHERE uid = ?", uid)
		if err != nil {
			return job.Workflow{}, err
		}
		remember(uid, w)
	}
	if w.Project != project {
		return job.Workflow{}, job.ErrNoWorkflow
	}
	return w, nil
}

// ListWorkflows returns all of the project, newest first.
func (s *Jobs) ListWorkflows(ctx context.Context, project string) ([]job.Workflow, error) {
	return readAll(ctx, s.db, "list workflows", decodeWorkflow,
		"SELECT doc, version FROM workflow WHERE project = ? ORDER BY uid DESC", project)
}

// UpdateWorkflow writes a workflow over the version before it.
func (s *Jobs) UpdateWorkflow(ctx context.Context, w job.Workflow) error {
	doc := encode(toWorkflowDoc(w))
	return s.db.write(ctx, "update workflow", func(t *tx) error {
		n, err := t.exec("UPDATE workflow SET version = ?, doc = ? WHERE uid = ? AND project = ? AND version = ?",
			w.Version, doc, w.UID, w.Project, w.Version-1)
		if err != nil {
			return err
		}
		if n == 0 {
			return s.whyNotWorkflow(t, w)
		}
		t.onCommit(func() {
			w.Steps = slices.Clone(w.Steps)
			s.db.flows.replace(w.UID, w)
		})
		return nil
	})
}

func (s *Jobs) whyNotWorkflow(t *tx, w job.Workflow) error {
	r, err := t.get("SELECT 1 FROM workflow WHERE uid = ? AND project = ?", w.UID, w.Project)
	switch {
	case err != nil:
		return err
	case r == nil:
		return job.ErrNoWorkflow
	}
	return job.ErrWorkflowStale
}

// DeleteWorkflow removes a workflow; its jobs stay.
func (s *Jobs) DeleteWorkflow(ctx context.Context, project, uid string) error {
	return s.db.write(ctx, "delete workflow", func(t *tx) error {
		n, err := t.exec("DELETE FROM workflow WHERE uid = ? AND project = ?", uid, project)
		if err != nil {
			return err
		}
		if n == 0 {
			return job.ErrNoWorkflow
		}
		t.onCommit(func() { s.db.flows.forget(uid) })
		return nil
	})
}

type workflowDoc struct {
	UID       string    `json:"uid"`
	Project   string    `json:"project"`
	Name      string    `json:"name"`
	CreatedAt int64     `json:"created_at"`
	Steps     []stepDoc `json:"steps,omitempty"`
}

type stepDoc struct {
	UID     string `json:"uid"`
	StepUID string `json:"step_uid,omitempty"`
	Name    string `json:"name,omitempty"`
}

func toWorkflowDoc(w job.Workflow) workflowDoc {
	d := workflowDoc{UID: w.UID, Project: w.Project, Name: w.Name, CreatedAt: stamp(w.CreatedAt)}
	for _, step := range w.Steps {
		d.Steps = append(d.Steps, stepDoc(step))
	}
	return d
}

// decodeWorkflow reads a row of doc and version.
func decodeWorkflow(r row) (job.Workflow, error) {
	d, err := decode[workflowDoc](r.blob(0))
	w := job.Workflow{UID: d.UID, Project: d.Project, Name: d.Name, CreatedAt: moment(d.CreatedAt), Version: int(r.int(1))}
	for _, step := range d.Steps {
		w.Steps = append(w.Steps, job.Step(step))
	}
	return w, err
}
