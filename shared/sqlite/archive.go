package sqlite

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
)

// Archive keeps events. It is a delivery.Archive.
type Archive struct{ db *DB }

// Archive returns the side of the database that keeps events.
func (db *DB) Archive() *Archive { return &Archive{db} }

// bodyColumns has a column for each payload format, in the order of job.Formats.
const bodyColumns = "body_v3, body_standard"

// headColumns are all the others that make an event.
const headColumns = "project, uid, job, workflow, type, sequence, at, test, matched"

// Put stores the event unless it is there.
func (s *Archive) Put(ctx context.Context, e delivery.Event) (stored delivery.Event, existed bool, err error) {
	matched, bodies, err := s.columns(e)
	if err != nil {
		return stored, false, err
	}
	err = s.db.write(ctx, "archive event", func(t *tx) error {
		now := s.db.Now()
		n, err := t.exec(`INSERT INTO event (`+headColumns+`, expires_at, `+bodyColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET job = excluded.job, workflow = excluded.workflow, type = excluded.type, sequence = excluded.sequence,
			at = excluded.at, test = excluded.test, matched = excluded.matched, expires_at = excluded.expires_at,
			body_v3 = excluded.body_v3, body_standard = excluded.body_standard WHERE expires_at <= ?`,
			e.Project, e.UID, e.Job, e.Workflow, string(e.Type), e.Sequence, e.At, e.Test, matched, now.Add(delivery.Retention), bodies[0], bodies[1], now)
		if err != nil {
			return err
		}
		if stored, existed = e, n == 0; existed {
			stored, err = s.event(t.conn, e.Project, e.UID)
			return err
		}
		t.onCommit(func() { s.db.events.replace(e.UID, archived{e, now.Add(delivery.Retention)}) })
		return nil
	})
	return stored, existed, err
}

// archived is an event that was stored lately, and when it expires.
type archived struct {
	event   delivery.Event
	expires time.Time
}

// Event reads one; one that was stored lately from memory. What it returns is shared: nothing in it is to be changed.
func (s *Archive) Event(ctx context.Context, project, uid string) (e delivery.Event, err error) {
	if s.db.closed() {
		return e, ErrClosed
	}
	if a, ok := s.db.events.get(uid); ok && a.event.Project == project && a.expires.After(s.db.Now()) {
		return a.event, nil
	}
	err = s.db.read(ctx, "read event", func(c *conn) error {
		e, err = s.event(c, project, uid)
		return err
	})
	return e, err
}

func (s *Archive) event(c *conn, project, uid string) (delivery.Event, error) {
	r, err := c.get("SELECT "+headColumns+", "+bodyColumns+" FROM event WHERE project = ? AND uid = ? AND expires_at > ?", project, uid, s.db.now())
	switch {
	case err != nil:
		return delivery.Event{}, err
	case r == nil:
		return delivery.Event{}, delivery.ErrNoEvent
	}
	return decodeEvent(r)
}

// AddMatch adds a webhook to an event, and its body if the event has none in that format.
func (s *Archive) AddMatch(ctx context.Context, project, uid string, m delivery.Match, body []byte) (e delivery.Event, err error) {
	err = s.db.write(ctx, "add match to event", func(t *tx) error {
		if e, err = s.event(t.conn, project, uid); err != nil {
			return err
		}
		if _, ok := e.Match(m.Webhook); ok {
			return nil
		}
		e.Matched = append(e.Matched, m)
		if _, ok := e.Bodies[m.Format]; !ok {
			e.Bodies[m.Format] = body
		}
		matched, bodies, err := s.columns(e)
		if err != nil {
			return err
		}
		t.onCommit(func() { s.db.events.forget(uid) })
		_, err = t.exec("UPDATE event SET matched = ?, body_v3 = ?, body_standard = ? WHERE project = ? AND uid = ?",
			matched, bodies[0], bodies[1], project, uid)
		return err
	})
	return e, err
}

// Extend keeps the event until then at least.
func (s *Archive) Extend(ctx context.Context, project, uid string, until time.Time) error {
	return s.db.write(ctx, "extend event", func(t *tx) error {
		t.onCommit(func() { s.db.events.forget(uid) })
		_, err := t.exec("UPDATE event SET expires_at = ? WHERE project = ? AND uid = ? AND expires_at < ? AND expires_at > ?",
			until, project, uid, until, s.db.now())
		return err
	})
}

// Events lists events of the project, newest first, without their bodies.
func (s *Archive) Events(ctx context.Context, q delivery.EventQuery) (page []delivery.Event, next string, err error) {
	order := where{}.and("project = ?", q.Project).matching("job", q.Job).between("uid", q.Since, q.Until)
	if q.Before != "" {
		order = order.and("uid < ?", q.Before)
	}
	asked := order.matching("type", string(q.Type))
	if q.Webhook != "" {
		asked = asked.and("instr(matched, ?) > 0", q.Webhook+" ")
	}
	err = s.db.read(ctx, "list events", func(c *conn) error {
		if len(asked.conditions) > len(order.conditions) { // else all are asked for
			last, err := c.get(fmt.Sprintf("SELECT uid FROM event WHERE %s ORDER BY uid DESC LIMIT 1 OFFSET %d", order, maxExamined-1), order.args...)
			if err != nil {
				return err
			}
			next = last.first()
			asked = asked.and("uid >= ?", next)
		}
		asked = asked.and("expires_at > ?", s.db.now())
		page, err = collect(c.rows("SELECT "+headColumns+" FROM event WHERE "+asked.String()+" ORDER BY uid DESC LIMIT ?",
			append(asked.args, q.Limit)...), decodeEvent)
		return err
	})
	if len(page) == q.Limit {
		next = page[len(page)-1].UID
	}
	return page, next, err
}

// columns are the texts of matched and of the bodies.
func (s *Archive) columns(e delivery.Event) (matched string, bodies [2]any, err error) {
	var b strings.Builder
	for _, m := range e.Matched {
		b.WriteString(m.Webhook + " " + string(m.Format) + "\n")
	}
	for format, body := range e.Bodies {
		i := slices.Index(job.Formats, format)
		if i < 0 {
			return "", bodies, fmt.Errorf("archive event: there is no column for payload format %q", format)
		}
		if body == nil {
			body = []byte{}
		}
		bodies[i] = body
	}
	return b.String(), bodies, nil
}

// decodeEvent reads a row of headColumns and, if it goes on, bodyColumns.
func decodeEvent(r row) (delivery.Event, error) {
	e := delivery.Event{
		Project: r.text(0), UID: r.text(1), Job: r.text(2), Workflow: r.text(3), Type: job.EventType(r.text(4)), Sequence: int(r.int(5)),
		At: r.time(6), Test: r.int(7) != 0,
	}
	for line := range strings.Lines(r.text(8)) {
		hook, format, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !ok {
			return e, fmt.Errorf("%w: matches of event %s", ErrCorrupt, e.UID)
		}
		e.Matched = append(e.Matched, delivery.Match{Webhook: hook, Format: job.Format(format)})
	}
	if len(r) == 9 {
		return e, nil
	}
	e.Bodies = map[job.Format][]byte{}
	for i, format := range job.Formats {
		if body, ok := r[9+i].([]byte); ok {
			e.Bodies[format] = body
		}
	}
	return e, nil
}
