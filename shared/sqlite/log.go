package sqlite

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"hermod/shared/delivery"
)

// Log keeps the rows of deliveries. It is a delivery.Log.
type Log struct{ db *DB }

// Log returns the side of the database that keeps rows of deliveries.
func (db *DB) Log() *Log { return &Log{db} }

// Rows reads the rows of these deliveries.
func (s *Log) Rows(ctx context.Context, uids ...delivery.UID) (list []delivery.Delivery, err error) {
	err = s.db.read(ctx, "read deliveries", func(c *conn) error {
		for _, u := range uids {
			d, err := s.row(c, u)
			if err != nil {
				return err
			}
			if d != nil {
				list = append(list, *d)
			}
		}
		return nil
	})
	return list, err
}

// row reads one, nil if there is none.
func (s *Log) row(c *conn, u delivery.UID) (*delivery.Delivery, error) {
	r, err := c.get("SELECT "+deliveryColumns+" FROM delivery WHERE event = ? AND webhook = ? AND expires_at > ?", u.Event, u.Webhook, s.db.now())
	if err != nil || r == nil {
		return nil, err
	}
	d, err := decodeDelivery(r)
	return &d, err
}

// Answers reads what the failed attempts of a delivery got back.
func (s *Log) Answers(ctx context.Context, u delivery.UID) (map[int]delivery.Answer, error) {
	answers := map[int]delivery.Answer{}
	err := s.db.read(ctx, "read answers", func(c *conn) error {
		for r, err := range c.rows("SELECT number, doc FROM answer WHERE event = ? AND webhook = ? AND expires_at > ?", u.Event, u.Webhook, s.db.now()) {
			if err != nil {
				return err
			}
			d, err := decode[answerDoc](r.blob(1))
			if err != nil {
				return err
			}
			answers[int(r.int(0))] = delivery.Answer(d)
		}
		return nil
	})
	return answers, err
}

// Step writes the outcome of a step, or its cancellation.
func (s *Log) Step(ctx context.Context, d delivery.Delivery, was delivery.Place, a *delivery.Attempt) error {
	_, err := s.change(ctx, "write step", d.UID, a, func(stored *delivery.Delivery) (delivery.Delivery, error) {
		switch {
		case stored == nil && was != (delivery.Place{}), stored != nil && !stored.At(was):
			return d, delivery.ErrStale
		case stored == nil:
			return d, nil
		}
		return withAttemptsOf(d, *stored), nil
	})
	return err
}

// Succeed writes succeeded and appends the attempt. Mostly there is no row, and one statement does it.
func (s *Log) Succeed(ctx context.Context, d delivery.Delivery, a delivery.Attempt) error {
	d.State, d.Reason, d.NextAt, d.Due = delivery.Succeeded, "", time.Time{}, delivery.Due{}
	first := d.Record(a)
	args := deliveryValues(first)
	var over *written
	err := s.db.write(ctx, "write success", func(t *tx) error {
		over = nil
		n, err := t.exec("INSERT INTO delivery ("+deliveryColumns+") VALUES ("+deliveryMarks+") ON CONFLICT DO NOTHING", args...)
		if err != nil || n == 1 {
			return err
		}
		over, err = s.rewrite(t, d.UID, &a, func(stored *delivery.Delivery) (delivery.Delivery, error) {
			switch {
			case stored == nil: // it has expired
				return d, nil
			case stored.State == delivery.Succeeded:
				return *stored, nil
			}
			next := withAttemptsOf(d, *stored)
			next.Place = stored.Place
			return next, nil
		})
		return err
	})
	switch {
	case err != nil:
		return err
	case over != nil:
		s.db.Observe(over.before, over.after)
	default:
		s.db.Observe(delivery.Delivery{}, first)
	}
	return nil
}

// Append appends an attempt made outside the schedule. Without a row it writes d.
func (s *Log) Append(ctx context.Context, d delivery.Delivery, a delivery.Attempt) error {
	_, err := s.change(ctx, "append attempt", d.UID, &a, func(stored *delivery.Delivery) (delivery.Delivery, error) {
		if stored == nil {
			return d, nil
		}
		return *stored, nil
	})
	return err
}

// Reopen turns a row that ended without success into one that waits at step 0 of the next cycle.
func (s *Log) Reopen(ctx context.Context, u delivery.UID, cycle int, next time.Time, due delivery.Due, expires time.Time) (delivery.Delivery, error) {
	return s.change(ctx, "reopen delivery", u, nil, func(stored *delivery.Delivery) (delivery.Delivery, error) {
		if stored == nil || stored.Place.Cycle != cycle || stored.State != delivery.Dead && stored.State != delivery.Cancelled {
			return delivery.Delivery{}, delivery.ErrStale
		}
		d := *stored
		d.State, d.Reason, d.Place = delivery.Retrying, "", delivery.Place{Cycle: cycle + 1}
		d.NextAt, d.Due, d.Resends, d.EndedAt, d.ExpiresAt = next, due, 0, time.Time{}, expires
		return d, nil
	})
}

// Resent moves the due entry of a row that waits at the place, and counts.
func (s *Log) Resent(ctx context.Context, u delivery.UID, at delivery.Place, due delivery.Due) error {
	return s.db.write(ctx, "move due entry", func(t *tx) error {
		n, err := t.exec(`UPDATE delivery SET due_at = ?, due_own = ?, resends = resends + 1
			WHERE event = ? AND webhook = ? AND state IN ('pending', 'retrying') AND cycle = ? AND step = ? AND expires_at > ?`,
			orNull(due.At), due.Own, u.Event, u.Webhook, at.Cycle, at.Step, s.db.now())
		if err == nil && n == 0 {
			err = delivery.ErrStale
		}
		return err
	})
}

// decision says what becomes of a row (nil: there is none) apart from its attempts. It may be taken several times.
type decision func(stored *delivery.Delivery) (delivery.Delivery, error)

// written is a row before a write, zero where there was none, and after it.
type written struct{ before, after delivery.Delivery }

// change writes what is decided on a row as it is, with the attempt appended if there is one, and returns the row as written.
func (s *Log) change(ctx context.Context, doing string, u delivery.UID, a *delivery.Attempt, decide decision) (delivery.Delivery, error) {
	var row *written
	err := s.db.write(ctx, doing, func(t *tx) (err error) {
		row, err = s.rewrite(t, u, a, decide)
		return err
	})
	if err != nil {
		return delivery.Delivery{}, err
	}
	s.db.Observe(row.before, row.after)
	return row.after, nil
}

// rewrite is change within an operation.
func (s *Log) rewrite(t *tx, u delivery.UID, a *delivery.Attempt, decide decision) (*written, error) {
	stored, err := s.row(t.conn, u)
	if err != nil {
		return nil, err
	}
	row := new(written)
	if row.after, err = decide(stored); err != nil {
		return nil, err
	}
	if stored != nil {
		row.before = *stored
	}
	if a != nil {
		row.after = row.after.Record(*a)
	}
	return row, s.put(t, row.after, a)
}

// put writes a row, and what the attempt, if there is one, got back.
func (s *Log) put(t *tx, d delivery.Delivery, a *delivery.Attempt) error {
	_, err := t.exec("INSERT OR REPLACE INTO delivery ("+deliveryColumns+") VALUES ("+deliveryMarks+")", deliveryValues(d)...)
	if err != nil || a == nil || a.Answer == nil {
		return err
	}
	_, err = t.exec("INSERT OR REPLACE INTO answer (event, webhook, number, expires_at, doc) VALUES (?, ?, ?, ?, ?)",
		d.UID.Event, d.UID.Webhook, a.Number, s.db.Now().Add(delivery.AnswerRetention), encode(answerDoc(*a.Answer)))
	return err
}

// withAttemptsOf is d with what the stored row has of attempts.
func withAttemptsOf(d, stored delivery.Delivery) delivery.Delivery {
	d.AttemptCount, d.LastStatus, d.LastClass, d.LastError = stored.AttemptCount, stored.LastStatus, stored.LastClass, stored.LastError
	d.Attempts = stored.Attempts
	return d
}

// Due lists due entries. Those of the same time have the order of their uids.
func (s *Log) Due(ctx context.Context, after, until time.Time, from string, limit int) (page []delivery.DueEntry, next string, err error) {
	at, last, err := parsePosition(from)
	if err != nil {
		return nil, "", err
	}
	at = max(at, stamp(after)+1)
	err = s.db.read(ctx, "list due entries", func(c *conn) error {
		page, err = collect(c.rows(`SELECT event, webhook, project, cycle, step, due_at, due_own, resends FROM delivery
			WHERE due_at IS NOT NULL AND due_at >= ? AND due_at <= ? AND (due_at, event, webhook) > (?, ?, ?) AND expires_at > ?
			ORDER BY due_at, event, webhook LIMIT ?`, at, until, at, last.Event, last.Webhook, s.db.now(), limit), decodeDue)
		return err
	})
	if len(page) == limit {
		next = position(page[limit-1])
	}
	return page, next, err
}

// position is that of an entry among all that are due: its time, then its uid.
func position(e delivery.DueEntry) string {
	return strconv.FormatInt(stamp(e.Due.At), 10) + "_" + e.UID.String()
}

func parsePosition(s string) (at int64, u delivery.UID, err error) {
	if s == "" {
		return 0, u, nil
	}
	stamped, rest, _ := strings.Cut(s, "_")
	event, hook, ok := strings.Cut(rest, "_")
	at, err = strconv.ParseInt(stamped, 10, 64)
	if err != nil || !ok {
		return 0, u, fmt.Errorf("list due entries: %q is no position", s)
	}
	return at, delivery.UID{Event: event, Webhook: hook}, nil
}

// List lists rows of the project in one state: it finds their keys in the index alone.
func (s *Log) List(ctx context.Context, q delivery.Query) (page []delivery.Delivery, next string, err error) {
	var keys []delivery.UID
	err = s.db.read(ctx, "list deliveries", func(c *conn) error {
		asked, last, err := s.look(c, q)
		if err != nil {
			return err
		}
		next = last
		keys, err = collect(c.rows("SELECT event, webhook FROM delivery WHERE "+asked.String()+" ORDER BY event DESC, webhook DESC LIMIT ?",
			append(asked.args, q.Limit)...), decodeUID)
		if err != nil {
			return err
		}
		page, err = s.listed(c, q, keys)
		return err
	})
	if len(keys) == q.Limit {
		next = keys[len(keys)-1].String()
	}
	return page, next, err
}

// listed reads the rows of a page. One that has moved since its key was found is left out.
func (s *Log) listed(c *conn, q delivery.Query, keys []delivery.UID) (page []delivery.Delivery, err error) {
	for _, u := range keys {
		d, err := s.row(c, u)
		if err != nil {
			return nil, err
		}
		if d != nil && d.State == q.State {
			page = append(page, *d)
		}
	}
	return page, nil
}

// Count counts rows of the project in one state, in the index alone.
func (s *Log) Count(ctx context.Context, q delivery.Query, most int) (n int, more bool, err error) {
	q.Before = ""
	err = s.db.read(ctx, "count deliveries", func(c *conn) error {
		asked, last, err := s.look(c, q)
		if err != nil {
			return err
		}
		n, err = c.number("SELECT count(*) FROM (SELECT 1 FROM delivery WHERE "+asked.String()+" LIMIT ?)", append(asked.args, most+1)...)
		more = n > most || last != ""
		return err
	})
	return min(n, most), more, err
}

// look returns the conditions of what is asked for among the entries of the index that are looked at for one page, and the last of these
// if there are more. Where a query does not narrow, there is no need to look far.
func (s *Log) look(c *conn, q delivery.Query) (asked where, last string, err error) {
	order := where{}.and("project = ?", q.Project).and("state = ?", string(q.State)).and("state <> 'succeeded'").between("event", q.Since, q.Until)
	if q.Before != "" {
		event, hook, _ := strings.Cut(q.Before, "_")
		order = order.and("(event, webhook) < (?, ?)", event, hook)
	}
	asked = order.matching("webhook", q.Webhook).matching("workflow", q.Workflow).matching("job", q.Job).matching("type", string(q.Event)).
		matching("class", string(q.Class))
	if q.NoTests {
		asked = asked.and("test = 0")
	}
	if len(asked.conditions) > len(order.conditions) {
		r, err := c.get(fmt.Sprintf("SELECT event || '_' || webhook FROM delivery WHERE %s ORDER BY event DESC, webhook DESC LIMIT 1 OFFSET %d",
			order, maxListed-1), order.args...)
		if err != nil {
			return asked, "", err
		}
		last = r.first()
		event, hook, _ := strings.Cut(last, "_")
		asked = asked.and("(event, webhook) >= (?, ?)", event, hook)
	}
	return asked.and("expires_at > ?", s.db.now()), last, nil
}

// decodeUID reads a row of event, webhook.
func decodeUID(r row) (delivery.UID, error) {
	return delivery.UID{Event: r.text(0), Webhook: r.text(1)}, nil
}
