package sqlite

import (
	"context"
	"fmt"

	"hermod/shared/job"
)

// Jobs keeps jobs and workflows, and hands out the outbox. It is a job.Store and a job.Workflows.
type Jobs struct{ db *DB }

// Jobs returns the side of the database that keeps jobs.
func (db *DB) Jobs() *Jobs { return &Jobs{db} }

// Create writes a job that was launched, and its image for the outbox. One that has expired makes room.
func (s *Jobs) Create(ctx context.Context, j job.Job) error {
	doc := encode(toJobDoc(j))
	return s.db.write(ctx, "create job", func(t *tx) error {
		n, err := s.insert(t, j, doc)
		if err == nil && n == 0 {
			if n, err = t.exec("DELETE FROM job WHERE uid = ? AND expires_at <= ?", j.UID, s.db.now()); n == 1 {
				n, err = s.insert(t, j, doc)
			}
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return job.ErrExists
		}
		return s.written(t, j, doc)
	})
}

func (s *Jobs) insert(t *tx, j job.Job, doc []byte) (int64, error) {
	var configuration any
	if len(j.Configuration) > 0 {
		configuration = []byte(j.Configuration)
	}
	n := j.Totals
	return t.exec("INSERT INTO job ("+jobColumns+", uid, project, workflow, status, version, expires_at, configuration) VALUES ("+
		marks(jobWidth+7)+") ON CONFLICT DO NOTHING", doc, j.Inputs, j.Closed, n.Running, n.Succeeded, n.Failed, n.Outputs, n.Clock,
		j.UID, j.Project, j.Workflow, string(j.Status), j.Version, j.UpdatedAt.Add(job.Retention), configuration)
}

// written ends every change of a job: the image goes to the outbox and stays in memory.
func (s *Jobs) written(t *tx, j job.Job, doc []byte) error {
	t.onCommit(func() { s.db.jobs.replace(j.UID, j) })
	return s.db.publish(t, j, doc)
}

// Get reads a job; one that was written or read lately from memory. What it returns is shared: its slices are not to be changed.
func (s *Jobs) Get(ctx context.Context, project, uid string) (j job.Job, err error) {
	if s.db.closed() {
		return job.Job{}, ErrClosed
	}
	j, ok := s.db.jobs.get(uid)
	if !ok {
		remember := s.db.jobs.before()
		j, err = readOne(ctx, s.db, "read job", job.ErrNotFound, decodeWholeJob,
			"SELECT "+jobColumns+", configuration FROM job WHERE uid = ? AND expires_at > ?", uid, s.db.now())
		if err != nil {
			return job.Job{}, err
		}
		remember(uid, j)
	}
	if j.Project != project || !j.UpdatedAt.Add(job.Retention).After(s.db.Now()) {
		return job.Job{}, job.ErrNotFound
	}
	return j, nil
}

// Update writes a job over the version before it, and its image for the outbox. Inputs and Closed stay as they are stored.
func (s *Jobs) Update(ctx context.Context, j job.Job) error {
	doc := encode(toJobDoc(j))
	return s.db.write(ctx, "update job", func(t *tx) error {
		n := j.Totals
		r, err := t.change(`UPDATE job SET doc = ?, status = ?, version = ?, expires_at = ?,
			running = ?, succeeded = ?, failed = ?, outputs = ?, clock = ?
			WHERE uid = ? AND project = ? AND version = ? AND clock <= ? AND expires_at > ? RETURNING inputs, closed, configuration`,
			doc, string(j.Status), j.Version, j.UpdatedAt.Add(job.Retention), n.Running, n.Succeeded, n.Failed, n.Outputs, n.Clock,
			j.UID, j.Project, j.Version-1, n.Clock, s.db.now())
		if err != nil {
			return err
		}
		if r == nil {
			return s.whyNot(t, j.Project, j.UID)
		}
		if resumed(j) {
			if err := s.db.mark(t, job.Ref{Project: j.Project, Job: j.UID}); err != nil {
				return err
			}
		}
		image, asStored := j, doc
		image.Inputs, image.Closed, image.Configuration = int(r.int(0)), r.int(1) != 0, r.blob(2)
		if image.Inputs != j.Inputs || image.Closed != j.Closed {
			asStored = encode(toJobDoc(image))
		}
		return s.written(t, image, asStored)
	})
}

// jobMoved reports whether a is later than b. No part of a job moves backwards.
func jobMoved(a, b job.Job) bool {
	return a.Version > b.Version || a.Inputs > b.Inputs || a.Closed && !b.Closed || a.Totals.Clock > b.Totals.Clock
}

// resumed reports whether the job's last change took it from paused to running.
func resumed(j job.Job) bool {
	n := len(j.Changes)
	return n > 1 && j.Status == job.Running && j.Changes[n-2].Status == job.Paused
}

func (s *Jobs) whyNot(t *tx, project, uid string) error {
	r, err := t.get("SELECT 1 FROM job WHERE uid = ? AND project = ? AND expires_at > ?", uid, project, s.db.now())
	switch {
	case err != nil:
		return err
	case r == nil:
		return job.ErrNotFound
	}
	return job.ErrStale
}

// Extend moves the end of the job's list of inputs; a list that it closes marks the job.
func (s *Jobs) Extend(ctx context.Context, project, uid string, from, to int, closed bool) error {
	return s.db.write(ctx, "extend list of inputs", func(t *tx) error {
		n, err := t.exec("UPDATE job SET inputs = ?, closed = ? WHERE uid = ? AND project = ? AND inputs = ? AND closed = 0 AND expires_at > ?",
			to, closed, uid, project, from, s.db.now())
		if err != nil {
			return err
		}
		if n == 0 {
			return s.whyNot(t, project, uid)
		}
		t.onCommit(func() {
			s.db.jobs.change(uid, func(j job.Job) job.Job {
				j.Inputs, j.Closed = to, closed
				return j
			})
		})
		if !closed {
			return nil
		}
		return s.db.mark(t, job.Ref{Project: project, Job: uid})
	})
}

// SetTotals keeps totals that are later than the stored ones.
func (s *Jobs) SetTotals(ctx context.Context, project, uid string, totals job.Totals) error {
	return s.db.write(ctx, "keep totals", func(t *tx) error {
		n, err := t.exec(`UPDATE job SET running = ?, succeeded = ?, failed = ?, outputs = ?, clock = ?
			WHERE uid = ? AND project = ? AND clock < ? AND expires_at > ?`,
			totals.Running, totals.Succeeded, totals.Failed, totals.Outputs, totals.Clock, uid, project, totals.Clock, s.db.now())
		if err == nil && n == 1 {
			t.onCommit(func() {
				s.db.jobs.change(uid, func(j job.Job) job.Job {
					j.Totals = totals
					return j
				})
			})
		}
		return err
	})
}

// List lists jobs of the project, newest first.
func (s *Jobs) List(ctx context.Context, q job.Query) (page []job.Job, next string, err error) {
	from, order, asked := jobsAsked(q)
	err = s.db.read(ctx, "list jobs", func(c *conn) error {
		last, err := c.get(fmt.Sprintf("SELECT uid FROM %s WHERE %s ORDER BY uid DESC LIMIT 1 OFFSET ?", from, order),
			append(order.args, q.Skip+maxListed-1)...)
		if err != nil {
			return err
		}
		next = last.first()
		asked = asked.and("uid >= ?", next).and("expires_at > ?", s.db.now())
		page, err = collect(c.rows("SELECT "+jobColumns+" FROM "+from+" WHERE "+asked.String()+" ORDER BY uid DESC LIMIT ? OFFSET ?",
			append(asked.args, q.Limit, q.Skip)...), decodeJob)
		return err
	})
	if len(page) == q.Limit {
		next = page[len(page)-1].UID
	}
	return page, next, err
}

// jobsAsked returns the table, the conditions of the index that a list walks through, and all of the list's. The index of a status has
// the workflow too, so that is narrowed by without (+) the index of workflows; SQLite would walk through all jobs of a time instead.
func jobsAsked(q job.Query) (from string, order, asked where) {
	order = where{}.and("project = ?", q.Project).between("uid", q.Since, q.Until)
	if q.Before != "" {
		order = order.and("uid < ?", q.Before)
	}
	if q.Status == "" {
		order = order.matching("workflow", q.Workflow)
		return "job", order, order
	}
	order = order.and("status = ?", string(q.Status))
	return "job INDEXED BY job_status", order, order.matching("+workflow", q.Workflow)
}

// jobColumns are those that a job is read from, apart from its configuration. What moves by itself stands beside the document and
// overrules it.
const (
	jobColumns = "doc, inputs, closed, running, succeeded, failed, outputs, clock"
	jobWidth   = 8
)

// jobDoc is a job as it is kept, and as it was published.
type jobDoc struct {
	UID          string      `json:"uid"`
	Project      string      `json:"project"`
	Workflow     string      `json:"workflow,omitempty"`
	WorkflowName string      `json:"workflow_name,omitempty"`
	Name         string      `json:"name,omitempty"`
	Status       job.Status  `json:"status"`
	Version      int         `json:"version"`
	Error        string      `json:"error,omitempty"`
	Inputs       int         `json:"inputs,omitempty"`
	Closed       bool        `json:"closed,omitempty"`
	Totals       job.Totals  `json:"totals,omitzero"`
	Retries      int         `json:"retries,omitempty"`
	CreatedAt    int64       `json:"created_at,omitempty"`
	UpdatedAt    int64       `json:"updated_at,omitempty"`
	ScheduledAt  int64       `json:"scheduled_at,omitempty"`
	StartedAt    int64       `json:"started_at,omitempty"`
	FinishedAt   int64       `json:"finished_at,omitempty"`
	Changes      []changeDoc `json:"changes,omitempty"`
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
		Version: j.Version, Error: j.Error, Inputs: j.Inputs, Closed: j.Closed, Totals: j.Totals, Retries: j.Retries,
		CreatedAt: stamp(j.CreatedAt), UpdatedAt: stamp(j.UpdatedAt), ScheduledAt: stamp(j.ScheduledAt),
		StartedAt: stamp(j.StartedAt), FinishedAt: stamp(j.FinishedAt), Changes: changes,
	}
}

// decodeWholeJob reads a row of jobColumns and configuration.
func decodeWholeJob(r row) (job.Job, error) {
	j, err := decodeJob(r)
	j.Configuration = r.blob(jobWidth)
	return j, err
}

// decodeJob reads a row that begins with jobColumns.
func decodeJob(r row) (job.Job, error) {
	j, err := decodeImage(r)
	j.Inputs, j.Closed = int(r.int(1)), r.int(2) != 0
	j.Totals = job.Totals{Running: int(r.int(3)), Succeeded: int(r.int(4)), Failed: int(r.int(5)), Outputs: int(r.int(6)), Clock: int(r.int(7))}
	return j, err
}

// decodeImage reads a row that begins with doc: the job as it was written.
func decodeImage(r row) (job.Job, error) {
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
		Version: d.Version, Error: d.Error, Inputs: d.Inputs, Closed: d.Closed, Totals: d.Totals, Retries: d.Retries,
		CreatedAt: moment(d.CreatedAt), UpdatedAt: moment(d.UpdatedAt), ScheduledAt: moment(d.ScheduledAt),
		StartedAt: moment(d.StartedAt), FinishedAt: moment(d.FinishedAt), Changes: changes,
	}, nil
}
