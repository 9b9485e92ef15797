package sqlite

import (
	"context"
	"errors"
	"time"

	"hermod/shared/job"
	"hermod/shared/webhook"
)

// errUsedUp is no sentinel of the seam: a uid is random, so it is never met twice.
var errUsedUp = errors.New("a webhook of this uid exists, or existed")

// Webhooks keeps webhooks. It is a webhook.Store.
type Webhooks struct{ db *DB }

// Webhooks returns the side of the database that keeps webhooks.
func (db *DB) Webhooks() *Webhooks { return &Webhooks{db} }

// Create writes a new webhook.
func (s *Webhooks) Create(ctx context.Context, w webhook.Webhook) error {
	doc := encode(toWebhookDoc(w))
	return s.db.write(ctx, "create webhook", func(t *tx) error {
		if err := s.checkNew(t, w); err != nil {
			return err
		}
		_, err := t.exec("INSERT INTO webhook (uid, project, job, version, parked_until, doc) VALUES (?, ?, ?, ?, ?, ?)",
			w.UID, w.Project, w.Job, w.Version, w.ParkedUntil, doc)
		if err != nil {
			return err
		}
		return s.changed(t, w.Project, w.UID, &w)
	})
}

func (s *Webhooks) checkNew(t *tx, w webhook.Webhook) error {
	used, err := t.get("SELECT 1 FROM webhook WHERE uid = ?", w.UID)
	if err != nil {
		return err
	}
	if used != nil {
		return errUsedUp
	}
	n, err := t.number("SELECT count(*) FROM webhook WHERE project = ? AND expires_at IS NULL", w.Project)
	if err != nil {
		return err
	}
	if n >= webhook.MaxPerProject {
		return webhook.ErrQuota
	}
	return s.checkRoom(t, w)
}

// checkRoom judges a webhook that its job does not have yet.
func (s *Webhooks) checkRoom(t *tx, w webhook.Webhook) error {
	if w.Job == "" {
		return nil
	}
	n, err := t.number("SELECT count(*) FROM webhook WHERE project = ? AND job = ? AND expires_at IS NULL", w.Project, w.Job)
	if err == nil && n >= webhook.MaxPerJob {
		err = webhook.ErrJobQuota
	}
	return err
}

// changed ends every write that counts: it moves the project's hooks version and what is remembered.
func (s *Webhooks) changed(t *tx, project, uid string, w *webhook.Webhook) error {
	_, err := t.exec("INSERT INTO hooks (project, version) VALUES (?, 1) ON CONFLICT DO UPDATE SET version = version + 1", project)
	t.onCommit(func() {
		s.db.lists.forget(project)
		if w == nil {
			s.db.hooks.forget(uid)
			return
		}
		s.db.hooks.replace(uid, w.Clone())
	})
	return err
}

// Get reads a webhook; in the steady state from memory. What it returns is the caller's own.
func (s *Webhooks) Get(ctx context.Context, project, uid string) (w webhook.Webhook, err error) {
	if s.db.closed() {
		return w, ErrClosed
	}
	w, ok := s.db.hooks.get(uid)
	if !ok {
		w, err = s.load(ctx, uid)
	}
	switch {
	case err != nil:
		return webhook.Webhook{}, err
	case w.Project != project:
		return webhook.Webhook{}, webhook.ErrNotFound
	}
	return w.Clone(), nil
}

func (s *Webhooks) load(ctx context.Context, uid string) (webhook.Webhook, error) {
	remember := s.db.hooks.before()
	w, err := readOne(ctx, s.db, "read webhook", webhook.ErrNotFound, decodeWebhook,
		"SELECT doc, parked_until FROM webhook WHERE uid = ? AND expires_at IS NULL", uid)
	if err == nil {
		remember(uid, w)
	}
	return w, err
}

// Update writes a webhook over the version before it.
func (s *Webhooks) Update(ctx context.Context, w webhook.Webhook) error {
	doc := encode(toWebhookDoc(w))
	return s.db.write(ctx, "update webhook", func(t *tx) error {
		r, err := t.get("SELECT version, parked_until, job FROM webhook WHERE uid = ? AND project = ? AND expires_at IS NULL", w.UID, w.Project)
		switch {
		case err != nil:
			return err
		case r == nil:
			return webhook.ErrNotFound
		case int(r.int(0)) != w.Version-1:
			return webhook.ErrStale
		case r.text(2) != w.Job:
			err = s.checkRoom(t, w)
		}
		if err != nil {
			return err
		}
		written := w
		written.ParkedUntil = r.time(1)
		if _, err := t.exec("UPDATE webhook SET job = ?, version = ?, doc = ? WHERE uid = ?", w.Job, w.Version, doc, w.UID); err != nil {
			return err
		}
		return s.changed(t, w.Project, w.UID, &written)
	})
}

// Delete leaves a row that says that the uid was used.
func (s *Webhooks) Delete(ctx context.Context, project, uid string) error {
	return s.db.write(ctx, "delete webhook", func(t *tx) error {
		n, err := t.exec("UPDATE webhook SET expires_at = ?, doc = NULL WHERE uid = ? AND project = ? AND expires_at IS NULL",
			s.db.Now().Add(webhook.TombstoneLasting), uid, project)
		if err != nil {
			return err
		}
		if n == 0 {
			return webhook.ErrNotFound
		}
		return s.changed(t, project, uid, nil)
	})
}

// List lists webhooks of the project, newest first.
func (s *Webhooks) List(ctx context.Context, project, before string, limit int) ([]webhook.Webhook, error) {
	return readAll(ctx, s.db, "list webhooks", decodeWebhook, `SELECT doc, parked_until FROM webhook
		WHERE project = ? AND expires_at IS NULL AND (? = '' OR uid < ?) ORDER BY uid DESC LIMIT ?`, project, before, before, limit)
}

// Park lets the webhook rest until then at least.
func (s *Webhooks) Park(ctx context.Context, project, uid string, until time.Time) error {
	return s.db.write(ctx, "park webhook", func(t *tx) error {
		_, err := t.exec("UPDATE webhook SET parked_until = ? WHERE uid = ? AND project = ? AND expires_at IS NULL AND parked_until < ?",
			until, uid, project, until)
		t.onCommit(func() { s.db.hooks.forget(uid) })
		return err
	})
}

// hookList is what fan-out asks of a project again and again.
type hookList struct {
	version int
	jobs    map[string]bool // those that have webhooks of their own
}

// HooksVersion reads the project's hooks version; 0 before its first webhook.
func (s *Webhooks) HooksVersion(ctx context.Context, project string) (version int, ofJobs bool, err error) {
	l, err := s.list(ctx, project)
	return l.version, len(l.jobs) > 0, err
}

// list reads the project's hookList; in the steady state from memory.
func (s *Webhooks) list(ctx context.Context, project string) (l hookList, err error) {
	l, ok := s.db.lists.get(project)
	if ok {
		return l, nil
	}
	remember := s.db.lists.before()
	err = s.db.read(ctx, "read hooks version", func(c *conn) error {
		if l.version, err = c.number("SELECT version FROM hooks WHERE project = ?", project); err != nil {
			return err
		}
		l.jobs = map[string]bool{}
		for r, err := range c.rows("SELECT DISTINCT job FROM webhook WHERE project = ? AND job > '' AND expires_at IS NULL", project) {
			if err != nil {
				return err
			}
			l.jobs[r.text(0)] = true
		}
		return nil
	})
	if err == nil {
		remember(project, l)
	}
	return l, err
}

// ProjectMatches lists the matches of the webhooks that are not bound to one job.
func (s *Webhooks) ProjectMatches(ctx context.Context, project string) ([]webhook.Match, error) {
	return s.matches(ctx, project, "")
}

// JobMatches lists the matches of the webhooks that are bound to the job. Few jobs have any.
func (s *Webhooks) JobMatches(ctx context.Context, project, jobUID string) ([]webhook.Match, error) {
	l, err := s.list(ctx, project)
	if err != nil || !l.jobs[jobUID] {
		return nil, err
	}
	return s.matches(ctx, project, jobUID)
}

func (s *Webhooks) matches(ctx context.Context, project, jobUID string) ([]webhook.Match, error) {
	return readAll(ctx, s.db, "read matches", func(r row) (webhook.Match, error) {
		w, err := decodeWebhook(r)
		return w.Match(), err
	}, "SELECT doc, parked_until FROM webhook WHERE project = ? AND job = ? AND expires_at IS NULL", project, jobUID)
}

// webhookDoc is a webhook as it is kept; ParkedUntil has a column.
type webhookDoc struct {
	UID         string                 `json:"uid"`
	Project     string                 `json:"project"`
	Version     int                    `json:"version"`
	Name        string                 `json:"name,omitempty"`
	Description string                 `json:"description,omitempty"`
	URL         string                 `json:"url"`
	Events      []job.EventType        `json:"events"`
	Workflow    string                 `json:"workflow,omitempty"`
	Job         string                 `json:"job,omitempty"`
	Headers     []headerDoc            `json:"headers,omitempty"`
	Payload     job.Format             `json:"payload"`
	Enabled     bool                   `json:"enabled"`
	Reason      webhook.DisabledReason `json:"reason,omitempty"`
	Signatures  []webhook.Scheme       `json:"signatures,omitempty"` // none in documents of older releases: v1
	Secrets     []secretDoc            `json:"secrets,omitempty"`
	Schedule    []time.Duration        `json:"schedule"` // nanoseconds; null and empty differ
	Timeout     time.Duration          `json:"timeout,omitempty"`
	MaxRate     int                    `json:"max_rate,omitempty"`
	CreatedAt   int64                  `json:"created_at"`
	UpdatedAt   int64                  `json:"updated_at"`
}

type headerDoc struct {
	Name   string `json:"name"`
	Sealed string `json:"sealed"`
	Hint   string `json:"hint,omitempty"`
}

type secretDoc struct {
	Sealed    string `json:"sealed"`
	Hint      string `json:"hint,omitempty"`
	Print     string `json:"print,omitempty"`
	Public    string `json:"public,omitempty"`
	CreatedAt int64  `json:"created_at"`
	EndsAt    int64  `json:"ends_at,omitempty"`
}

func toWebhookDoc(w webhook.Webhook) webhookDoc {
	headers := make([]headerDoc, len(w.Headers))
	for i, h := range w.Headers {
		headers[i] = headerDoc(h)
	}
	secrets := make([]secretDoc, len(w.Secrets))
	for i, s := range w.Secrets {
		secrets[i] = secretDoc{Sealed: s.Sealed, Hint: s.Hint, Print: s.Print, Public: s.Public, CreatedAt: stamp(s.CreatedAt), EndsAt: stamp(s.EndsAt)}
	}
	return webhookDoc{
		UID: w.UID, Project: w.Project, Version: w.Version, Name: w.Name, Description: w.Description, URL: w.URL, Events: w.Events,
		Workflow: w.Workflow, Job: w.Job, Headers: headers, Payload: w.Payload, Enabled: w.Enabled, Reason: w.Reason,
		Signatures: w.Signatures, Secrets: secrets, Schedule: w.Schedule, Timeout: w.Timeout, MaxRate: w.MaxRate,
		CreatedAt: stamp(w.CreatedAt), UpdatedAt: stamp(w.UpdatedAt),
	}
}

// decodeWebhook reads a row of doc and parked_until.
func decodeWebhook(r row) (webhook.Webhook, error) {
	d, err := decode[webhookDoc](r.blob(0))
	if err != nil {
		return webhook.Webhook{}, err
	}
	w := webhook.Webhook{
		UID: d.UID, Project: d.Project, Version: d.Version, Name: d.Name, Description: d.Description, URL: d.URL, Events: d.Events,
		Workflow: d.Workflow, Job: d.Job, Payload: d.Payload, Enabled: d.Enabled, Reason: d.Reason, Signatures: d.Signatures,
		Schedule: d.Schedule, Timeout: d.Timeout, MaxRate: d.MaxRate, ParkedUntil: r.time(1),
		CreatedAt: moment(d.CreatedAt), UpdatedAt: moment(d.UpdatedAt),
	}
	for _, h := range d.Headers {
		w.Headers = append(w.Headers, webhook.Header(h))
	}
	for _, s := range d.Secrets {
		w.Secrets = append(w.Secrets, webhook.Secret{
			Sealed: s.Sealed, Hint: s.Hint, Print: s.Print, Public: s.Public, CreatedAt: moment(s.CreatedAt), EndsAt: moment(s.EndsAt),
		})
	}
	return w, nil
}
