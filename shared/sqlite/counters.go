package sqlite

import (
	"context"
	"time"

	"hermod/shared/webhook"
)

// Counters keeps the counters of webhooks and projects, and the health of webhooks. It is a webhook.Counters.
type Counters struct{ db *DB }

// Counters returns the side of the database that keeps counters and health.
func (db *DB) Counters() *Counters { return &Counters{db} }

// Add adds to the counters of an hour.
func (s *Counters) Add(ctx context.Context, project, hook string, hour time.Time, more webhook.Stats) error {
	hour = hour.UTC().Truncate(time.Hour)
	return s.db.write(ctx, "add to counters", func(t *tx) error {
		r, err := t.get("SELECT hour, doc FROM counter WHERE project = ? AND webhook = ? AND hour = ?", project, hook, hour)
		if err != nil {
			return err
		}
		var stored webhook.Hour
		if r != nil {
			if stored, err = decodeHour(r); err != nil {
				return err
			}
		}
		_, err = t.exec("INSERT OR REPLACE INTO counter (project, webhook, hour, expires_at, doc) VALUES (?, ?, ?, ?, ?)",
			project, hook, hour, hour.Add(webhook.StatsRetention), encode(statsDoc(stored.Plus(more))))
		return err
	})
}

// Hours lists the hours of a time that something was counted in.
func (s *Counters) Hours(ctx context.Context, project, hook string, since, until time.Time) ([]webhook.Hour, error) {
	return readAll(ctx, s.db, "list counters", decodeHour, `SELECT hour, doc FROM counter
		WHERE project = ? AND webhook = ? AND hour >= ? AND hour < ? AND expires_at > ? ORDER BY hour`,
		project, hook, since.UTC().Truncate(time.Hour), until, s.db.now())
}

const readHealth = "SELECT last_success_at, failing_since FROM health WHERE project = ? AND webhook = ? AND expires_at > ?"

// Note adds to the health of a webhook.
func (s *Counters) Note(ctx context.Context, project, hook string, h webhook.Health) error {
	if h == (webhook.Health{}) {
		return nil
	}
	return s.db.write(ctx, "note health", func(t *tx) error {
		r, err := t.get(readHealth, project, hook, s.db.now())
		if err != nil {
			return err
		}
		h := h
		if r != nil {
			h = decodeHealth(r).Plus(h)
		}
		_, err = t.exec("INSERT OR REPLACE INTO health (project, webhook, last_success_at, failing_since, expires_at) VALUES (?, ?, ?, ?, ?)",
			project, hook, h.LastSuccessAt, h.FailingSince, s.db.Now().Add(webhook.HealthRetention))
		return err
	})
}

// Health reads the health of webhooks.
func (s *Counters) Health(ctx context.Context, project string, hooks ...string) (map[string]webhook.Health, error) {
	all := make(map[string]webhook.Health, len(hooks))
	err := s.db.read(ctx, "read health", func(c *conn) error {
		for _, hook := range hooks {
			switch r, err := c.get(readHealth, project, hook, s.db.now()); {
			case err != nil:
				return err
			case r != nil:
				all[hook] = decodeHealth(r)
			}
		}
		return nil
	})
	return all, err
}

func decodeHealth(r row) webhook.Health {
	return webhook.Health{LastSuccessAt: r.time(0), FailingSince: r.time(1)}
}

// statsDoc is an hour's counters as they are kept.
type statsDoc struct {
	Succeeded int                        `json:"succeeded,omitempty"`
	Retrying  int                        `json:"retrying,omitempty"`
	Dead      int                        `json:"dead,omitempty"`
	Cancelled int                        `json:"cancelled,omitempty"`
	Statuses  [webhook.StatusClasses]int `json:"statuses"`
	Durations [len(webhook.Bounds)]int   `json:"durations"`
}

// decodeHour reads a row of hour and doc.
func decodeHour(r row) (webhook.Hour, error) {
	d, err := decode[statsDoc](r.blob(1))
	return webhook.Hour{At: r.time(0), Stats: webhook.Stats(d)}, err
}
