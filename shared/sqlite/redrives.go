package sqlite

import (
	"context"
	"errors"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/redrive"
)

// Redrives keeps redrive tasks and what they sent. It is a redrive.Store.
type Redrives struct{ db *DB }

// Redrives returns the side of the database that keeps redrive tasks.
func (db *DB) Redrives() *Redrives { return &Redrives{db} }

// CreateTask writes a new task.
func (s *Redrives) CreateTask(ctx context.Context, t redrive.Task) error {
	doc := encode(toTaskDoc(t))
	return s.db.write(ctx, "create redrive", func(x *tx) error {
		n, err := x.exec("INSERT INTO redrive (uid, project, version, expires_at, doc) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			t.UID, t.Project, t.Version, s.db.Now().Add(redrive.Retention), doc)
		if err == nil && n == 0 {
			err = errors.New("a redrive of this uid exists")
		}
		return err
	})
}

// Task reads one of the project.
func (s *Redrives) Task(ctx context.Context, project, uid string) (redrive.Task, error) {
	return readOne(ctx, s.db, "read redrive", redrive.ErrNotFound, decodeTask,
		"SELECT doc FROM redrive WHERE uid = ? AND project = ? AND expires_at > ?", uid, project, s.db.now())
}

// UpdateTask writes a task over the version before it.
func (s *Redrives) UpdateTask(ctx context.Context, t redrive.Task) error {
	doc := encode(toTaskDoc(t))
	return s.db.write(ctx, "update redrive", func(x *tx) error {
		n, err := x.exec("UPDATE redrive SET version = ?, expires_at = ?, doc = ? WHERE uid = ? AND project = ? AND version = ? AND expires_at > ?",
			t.Version, s.db.Now().Add(redrive.Retention), doc, t.UID, t.Project, t.Version-1, s.db.now())
		if err == nil && n == 0 {
			err = redrive.ErrStale
		}
		return err
	})
}

// ListTasks lists tasks of the project, newest first.
func (s *Redrives) ListTasks(ctx context.Context, project, before string, limit int) ([]redrive.Task, error) {
	return readAll(ctx, s.db, "list redrives", decodeTask, `SELECT doc FROM redrive
		WHERE project = ? AND (? = '' OR uid < ?) AND expires_at > ? ORDER BY uid DESC LIMIT ?`, project, before, before, s.db.now(), limit)
}

// PutPage keeps what a page of a task sends.
func (s *Redrives) PutPage(ctx context.Context, task string, n int, items []redrive.Item) error {
	docs := make([]itemDoc, len(items))
	for i, item := range items {
		docs[i] = itemDoc{Event: item.UID.Event, Webhook: item.UID.Webhook, Cycle: item.Cycle}
	}
	doc := encode(docs)
	return s.db.write(ctx, "keep redrive page", func(t *tx) error {
		_, err := t.exec("INSERT OR REPLACE INTO redrive_page (task, number, expires_at, doc) VALUES (?, ?, ?, ?)",
			task, n, s.db.Now().Add(redrive.Retention), doc)
		return err
	})
}

// Page reads a page of a task.
func (s *Redrives) Page(ctx context.Context, task string, n int) (items []redrive.Item, err error) {
	err = s.db.read(ctx, "read redrive page", func(c *conn) error {
		r, err := c.get("SELECT doc FROM redrive_page WHERE task = ? AND number = ? AND expires_at > ?", task, n, s.db.now())
		if err != nil || r == nil {
			return err
		}
		docs, err := decode[[]itemDoc](r.blob(0))
		for _, d := range docs {
			items = append(items, redrive.Item{UID: delivery.UID{Event: d.Event, Webhook: d.Webhook}, Cycle: d.Cycle})
		}
		return err
	})
	return items, err
}

type itemDoc struct {
	Event   string `json:"event"`
	Webhook string `json:"webhook"`
	Cycle   int    `json:"cycle,omitempty"`
}

type taskDoc struct {
	UID       string        `json:"uid"`
	Project   string        `json:"project"`
	Version   int           `json:"version"`
	State     redrive.State `json:"state"`
	Query     queryDoc      `json:"query"`
	Rate      int           `json:"rate,omitempty"`
	Matched   int           `json:"matched,omitempty"`
	Sent      int           `json:"sent,omitempty"`
	Succeeded int           `json:"succeeded,omitempty"`
	Failed    int           `json:"failed,omitempty"`
	Waiting   int           `json:"waiting,omitempty"`
	Position  string        `json:"position,omitempty"`
	Pages     int           `json:"pages,omitempty"`
	SentAt    int64         `json:"sent_at,omitempty"`
	CountedAt int64         `json:"counted_at,omitempty"`
	CreatedAt int64         `json:"created_at,omitempty"`
	UpdatedAt int64         `json:"updated_at,omitempty"`
	EndedAt   int64         `json:"ended_at,omitempty"`
}

type queryDoc struct {
	Project  string              `json:"project"`
	State    delivery.State      `json:"state,omitempty"`
	Webhook  string              `json:"webhook,omitempty"`
	Workflow string              `json:"workflow,omitempty"`
	Job      string              `json:"job,omitempty"`
	Event    job.EventType       `json:"event,omitempty"`
	Class    delivery.ErrorClass `json:"class,omitempty"`
	Since    int64               `json:"since,omitempty"`
	Until    int64               `json:"until,omitempty"`
	Before   string              `json:"before,omitempty"`
	Limit    int                 `json:"limit,omitempty"`
}

func toTaskDoc(t redrive.Task) taskDoc {
	q := t.Query
	return taskDoc{
		UID: t.UID, Project: t.Project, Version: t.Version, State: t.State, Rate: t.Rate, Matched: t.Matched, Sent: t.Sent,
		Succeeded: t.Succeeded, Failed: t.Failed, Waiting: t.Waiting, Position: t.Position, Pages: t.Pages, SentAt: stamp(t.SentAt),
		CountedAt: stamp(t.CountedAt), CreatedAt: stamp(t.CreatedAt), UpdatedAt: stamp(t.UpdatedAt), EndedAt: stamp(t.EndedAt),
		Query: queryDoc{
			Project: q.Project, State: q.State, Webhook: q.Webhook, Workflow: q.Workflow, Job: q.Job, Event: q.Event, Class: q.Class,
			Since: stamp(q.Since), Until: stamp(q.Until), Before: q.Before, Limit: q.Limit,
		},
	}
}

func decodeTask(r row) (redrive.Task, error) {
	d, err := decode[taskDoc](r.blob(0))
	q := d.Query
	return redrive.Task{
		UID: d.UID, Project: d.Project, Version: d.Version, State: d.State, Rate: d.Rate, Matched: d.Matched, Sent: d.Sent,
		Succeeded: d.Succeeded, Failed: d.Failed, Waiting: d.Waiting, Position: d.Position, Pages: d.Pages, SentAt: moment(d.SentAt),
		CountedAt: moment(d.CountedAt), CreatedAt: moment(d.CreatedAt), UpdatedAt: moment(d.UpdatedAt), EndedAt: moment(d.EndedAt),
		Query: delivery.Query{
			Project: q.Project, State: q.State, Webhook: q.Webhook, Workflow: q.Workflow, Job: q.Job, Event: q.Event, Class: q.Class,
			Since: moment(q.Since), Until: moment(q.Until), Before: q.Before, Limit: q.Limit,
		},
	}, err
}
