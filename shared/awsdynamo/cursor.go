package awsdynamo

import (
	"context"
	"fmt"
	"time"
)

const (
	setSwept = "SET f = :f, swept = :swept"
	ifLater  = "attribute_not_exists(swept) OR swept < :swept"
)

// Cursor keeps how far the index due was swept. It is a sweep.Cursor.
type Cursor struct{ db *DB }

// Cursor returns the side of the table that keeps the sweeper's cursor.
func (db *DB) Cursor() *Cursor { return &Cursor{db} }

// SweptUntil reads the cursor.
func (s *Cursor) SweptUntil(ctx context.Context) (time.Time, error) {
	i, err := s.db.get(ctx, cursorKey())
	if err == nil {
		err = i.readable()
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("read sweep cursor: %w", err)
	}
	return i.time("swept"), nil
}

// Swept moves the cursor, never backwards.
func (s *Cursor) Swept(ctx context.Context, until time.Time) error {
	values := item{":f": number(format), ":swept": moment(until)}
	err := s.db.read(ctx, func() error { return s.db.update(ctx, cursorKey(), setSwept, ifLater, values) })
	if _, earlier := refused(err); earlier || err == nil {
		return nil
	}
	return fmt.Errorf("move sweep cursor: %w", err)
}
