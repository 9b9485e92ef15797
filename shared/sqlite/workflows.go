package sqlite

import (
	"context"

	"hermod/shared/job"
)

// CreateWorkflow writes a new workflow.
func (s *Jobs) CreateWorkflow(ctx context.Context, w job.Workflow) error {
	doc := encode(workflowDoc{UID: w.UID, Project: w.Project, Name: w.Name, CreatedAt: stamp(w.CreatedAt)})
	return s.db.write(ctx, "create workflow", func(t *tx) error {
		n, err := t.number("SELECT count(*) FROM workflow WHERE project = ?", w.Project)
		if err != nil {
			return err
		}
		if n >= job.MaxWorkflows {
			return job.ErrWorkflowQuota
		}
		_, err = t.exec("INSERT INTO workflow (uid, project, doc) VALUES (?, ?, ?)", w.UID, w.Project, doc)
		return err
	})
}

// Workflow reads one; it never changes.
func (s *Jobs) Workflow(ctx context.Context, project, uid string) (w job.Workflow, err error) {
	if s.db.closed() {
		return w, ErrClosed
	}
	w, ok := s.db.flows.get(uid)
	if !ok {
		remember := s.db.flows.before()
		w, err = readOne(ctx, s.db, "read workflow", job.ErrNoWorkflow, decodeWorkflow, "SELECT doc FROM workflow WHERE uid = ?", uid)
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
		"SELECT doc FROM workflow WHERE project = ? ORDER BY uid DESC", project)
}

type workflowDoc struct {
	UID       string `json:"uid"`
	Project   string `json:"project"`
	Name      string `json:"name"`
	CreatedAt int64  `json:"created_at"`
}

func decodeWorkflow(r row) (job.Workflow, error) {
	d, err := decode[workflowDoc](r.blob(0))
	return job.Workflow{UID: d.UID, Project: d.Project, Name: d.Name, CreatedAt: moment(d.CreatedAt)}, err
}
