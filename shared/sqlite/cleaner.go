package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/uid"
)

// cleanBatch is how many rows are removed in one operation.
const cleanBatch = 100

// litter is a table whose rows expire.
type litter struct {
	table string
	key   string // its columns, which are the order of the walk
	width int    // how many
	// Where there is no index on expires_at, the walk is over those rows only that are older than a row is kept at least: born is
	// the column whose uid begins with the time that kept counts from. Empty: there is such an index, or the table is small.
	born string
	kept time.Duration
	over string // the condition of a row whose time is over
}

// Whose time is over, with the present for ?: rows that say so themselves, and those of a job that is not there any more.
const (
	expired = "expires_at <= ?"
	jobGone = "NOT EXISTS (SELECT 1 FROM job WHERE job.uid = job AND job.expires_at > ?)"
)

var littered = []litter{
	{"delivery", "event, webhook", 2, "event", delivery.Retention, expired},
	{"answer", "event, webhook, number", 3, "event", delivery.AnswerRetention, expired},
	{"job", "uid", 1, "uid", job.Retention, expired},
	{"input_page", "job, kind, name", 3, "job", job.Retention, jobGone},
	{"input_chunk", "job, number", 2, "job", job.Retention, jobGone},
	{"event", "project, uid", 2, "uid", delivery.Retention, expired},
	{"message", "lane, grp, visible_at, id", 4, "", 0, expired},
	{"webhook", "uid", 1, "", 0, expired},
	{"reply", "name", 1, "", 0, expired},
	{"redrive", "uid", 1, "", 0, expired},
	{"redrive_page", "task, number", 2, "", 0, expired},
	{"counter", "project, webhook, hour", 3, "", 0, expired},
	{"health", "project, webhook", 2, "", 0, expired},
}

// cleanNowAndThen cleans at each interval until the database is closed.
func (db *DB) cleanNowAndThen() {
	tick := time.NewTicker(db.CleanEvery)
	defer tick.Stop()
	for {
		select {
		case <-db.closing:
			return
		case <-tick.C:
		}
		if err := db.Clean(context.Background()); err != nil && !errors.Is(err, ErrClosed) {
			db.Logger.Error("expired rows were not removed", "error", err.Error())
		}
	}
}

// Clean removes every row that has expired, a few at a time, so that others' writes go on in between.
func (db *DB) Clean(ctx context.Context) error {
	for _, l := range littered {
		for after, done := []any(nil), false; !done; {
			keys, err := db.expired(ctx, l, after)
			if err == nil && len(keys) > 0 {
				err = db.sweepAway(ctx, l, keys)
			}
			if err != nil {
				return fmt.Errorf("clean table %s: %w", l.table, err)
			}
			if done = len(keys) < cleanBatch; !done {
				after = keys[len(keys)-1]
			}
		}
	}
	return nil
}

// expired finds rows to remove, after the one with the given key.
func (db *DB) expired(ctx context.Context, l litter, after []any) (keys [][]any, err error) {
	now := db.Now()
	w := where{}.and(l.over, now)
	if l.born != "" {
		w = w.and(l.born+" < ?", uid.Min(now.Add(-l.kept)))
	}
	if after != nil {
		w = w.and("("+l.key+") > ("+marks(l.width)+")", after...)
	}
	query := fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY %s LIMIT %d", l.key, l.table, w, l.key, cleanBatch)
	err = db.read(ctx, "find expired rows", func(c *conn) error {
		keys, err = collect(c.rows(query, w.args...), func(r row) ([]any, error) {
			key := make([]any, len(r))
			for i, v := range r {
				key[i] = v
			}
			return key, nil
		})
		return err
	})
	return keys, err
}

// sweepAway removes rows unless they were made to last longer meanwhile.
func (db *DB) sweepAway(ctx context.Context, l litter, keys [][]any) error {
	query := fmt.Sprintf("DELETE FROM %s WHERE (%s) = (%s) AND %s", l.table, l.key, marks(l.width), l.over)
	return db.write(ctx, "remove expired rows", func(t *tx) error {
		for _, key := range keys {
			if _, err := t.exec(query, append(key[:len(key):len(key)], db.Now())...); err != nil {
				return err
			}
		}
		return nil
	})
}
