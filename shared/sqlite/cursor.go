package sqlite

import (
	"context"
	"time"
)

// Cursor keeps how far the due index was swept. It is a sweep.Cursor.
type Cursor struct{ db *DB }

// Cursor returns the side of the database that keeps the sweeper's cursor.
func (db *DB) Cursor() *Cursor { return &Cursor{db} }

// SweptUntil reads the cursor.
func (s *Cursor) SweptUntil(ctx context.Context) (until time.Time, err error) {
	err = s.db.read(ctx, "read sweep cursor", func(c *conn) error {
		n, err := c.number("SELECT value FROM state WHERE name = 'swept'")
		until = moment(int64(n))
		return err
	})
	return until, err
}

// Swept moves the cursor, never backwards.
func (s *Cursor) Swept(ctx context.Context, until time.Time) error {
	return s.db.write(ctx, "move sweep cursor", func(t *tx) error {
		_, err := t.exec("INSERT INTO state (name, value) VALUES ('swept', ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)", until)
		return err
	})
}
