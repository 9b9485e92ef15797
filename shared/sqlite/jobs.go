package sqlite

import (
	"context"
	"encoding/json"

	"hermod/shared/job"
)

// Jobs keeps jobs and workflows, and hands out the outbox. It is a job.Store and a job.Workflows.
type Jobs struct{ db *DB }

// Jobs returns the side of the database that keeps jobs.
func (db *DB) Jobs() *Jobs { return &Jobs{db} }

// Create writes a job that was launched, and its image for the outbox.
func (s *Jobs) Create(ctx context.Context, j job.Job) error {
	doc := encode(toJobDoc(j))
	return s.db.write(ctx, "create job", func(t *tx) error {
		n, err := t.exec(`INSERT INTO job (uid, project, version, expires_at, doc) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET project = excluded.project, version = excluded.version, expires_at = excluded.expires_at,
			doc = excluded.doc WHERE expires_at <= ?`,
			j.UID, j.Project, j.Version, j.UpdatedAt.Add(job.Retention), doc, s.db.now())
		if err != nil {
			return err
		}
		if n == 0 {
			return job.ErrExists
		}
		return s.written(t, j, doc)
	})
}

// written ends every write of a job: the image goes to the outbox and stays in memory.
func (s *Jobs) written(t *tx, j job.Job, doc []byte) error {
	t.onCommit(func() { s.db.jobs.replace(j.UID, j) })
	return s.db.publish(t, j, doc)
}

// Get reads a job; one that was written lately from memory. What it returns is shared: its slices are not to be changed.
func (s *Jobs) Get(ctx context.Context, project, uid string) (job.Job, error) {
	if s.db.closed() {
		return job.Job{}, ErrClosed
	}
	if j, ok := s.db.jobs.get(uid); ok {
		if j.Project != project || !j.UpdatedAt.Add(job.Retention).After(s.db.Now()) {
			return job.Job{}, job.ErrNotFound
		}
		return j, nil
	}
	return readOne(ctx, s.db, "read job", job.ErrNotFound, decodeJob,
		"SELECT doc FROM job WHERE uid = ? AND project = ? AND expires_at > ?", uid, project, s.db.now())
}

// Update writes a job over the version before it, and its image for the outbox.
func (s *Jobs) Update(ctx context.Context, j job.Job) error {
	doc := encode(toJobDoc(j))
	return s.db.write(ctx, "update job", func(t *tx) error {
		n, err := t.exec(`UPDATE job SET version = ?, expires_at = ?, doc = ? WHERE uid = ? AND project = ? AND version = ? AND expires_at > ?`,
			j.Version, j.UpdatedAt.Add(job.Retention), doc, j.UID, j.Project, j.Version-1, s.db.now())
		if err != nil {
			return err
		}
		if n == 0 {
			return s.whyNot(t, j)
		}
		return s.written(t, j, doc)
	})
}

func (s *Jobs) whyNot(t *tx, j job.Job) error {
	r, err := t.get("SELECT 1 FROM job WHERE uid = ? AND project = ? AND expires_at > ?", j.UID, j.Project, s.db.now())
	switch {
	case err != nil:
		return err
	case r == nil:
		return job.ErrNotFound
	}
	return job.ErrStale
}

// jobDoc is a job as it is kept.
type jobDoc struct {
	UID           string      `json:"uid"`
	Project       string      `json:"project"`
	Workflow      string      `json:"workflow,omitempty"`
	WorkflowName  string      `json:"workflow_name,omitempty"`
	Name          string      `json:"name,omitempty"`
	Status        job.Status  `json:"status"`
	Version       int         `json:"version"`
	Error         string      `json:"error,omitempty"`
	Configuration string      `json:"configuration,omitempty"` // text, so that it stays as it is to the byte
	Counts        job.Counts  `json:"counts,omitzero"`
	Retries       int         `json:"retries,omitempty"`
	CreatedAt     int64       `json:"created_at,omitempty"`
	UpdatedAt     int64       `json:"updated_at,omitempty"`
	ScheduledAt   int64       `json:"scheduled_at,omitempty"`
	StartedAt     int64       `json:"started_at,omitempty"`
	FinishedAt    int64       `json:"finished_at,omitempty"`
	Changes       []changeDoc `json:"changes,omitempty"`
}

type changeDoc struct {
	Version int           `json:"version"`
	Status  job.Status    `json:"status"`
	Event   job.EventType `json:"event,omitempty"`
	Cause   job.Cause     `json:"cause,omitempty"`
	Error   string        `json:"error,omitempty"`
	At      int64         `json:"at"`
}

func toJobDoc(j job.Job) jobDoc {
	changes := make([]changeDoc, len(j.Changes))
	for i, c := range j.Changes {
		changes[i] = changeDoc{Version: c.Version, Status: c.Status, Event: c.Event, Cause: c.Cause, Error: c.Error, At: stamp(c.At)}
	}
	return jobDoc{
		UID: j.UID, Project: j.Project, Workflow: j.Workflow, WorkflowName: j.WorkflowName, Name: j.Name, Status: j.Status,
		Version: j.Version, Error: j.Error, Configuration: string(j.Configuration), Counts: j.Counts, Retries: j.Retries,
		CreatedAt: stamp(j.CreatedAt), UpdatedAt: stamp(j.UpdatedAt), ScheduledAt: stamp(j.ScheduledAt),
		StartedAt: stamp(j.StartedAt), FinishedAt: stamp(j.FinishedAt), Changes: changes,
	}
}

// decodeJob reads a row that begins with doc.
func decodeJob(r row) (job.Job, error) {
	d, err := decode[jobDoc](r.blob(0))
	if err != nil {
		return job.Job{}, err
	}
	changes := make([]job.Change, len(d.Changes))
	for i, c := range d.Changes {
		changes[i] = job.Change{Version: c.Version, Status: c.Status, Event: c.Event, Cause: c.Cause, Error: c.Error, At: moment(c.At)}
	}
	return job.Job{
		UID: d.UID, Project: d.Project, Workflow: d.Workflow, WorkflowName: d.WorkflowName, Name: d.Name, Status: d.Status,
		Version: d.Version, Error: d.Error, Configuration: configuration(d), Counts: d.Counts, Retries: d.Retries,
		CreatedAt: moment(d.CreatedAt), UpdatedAt: moment(d.UpdatedAt), ScheduledAt: moment(d.ScheduledAt),
		StartedAt: moment(d.StartedAt), FinishedAt: moment(d.FinishedAt), Changes: changes,
	}, nil
}

func configuration(d jobDoc) json.RawMessage {
	if d.Configuration == "" {
		return nil
	}
	return json.RawMessage(d.Configuration)
}
