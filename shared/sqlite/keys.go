package sqlite

import (
	"context"

	"hermod/shared/seal"
)

// Keys keeps the projects' wrapped data keys. It is a seal.Keys.
type Keys struct{ db *DB }

// Keys returns the side of the database that keeps data keys.
func (db *DB) Keys() *Keys { return &Keys{db} }

// DataKey returns the project's wrapped data key.
func (s *Keys) DataKey(ctx context.Context, project string) ([]byte, error) {
	return readOne(ctx, s.db, "read data key", seal.ErrNoKey, func(r row) ([]byte, error) { return r.blob(0), nil },
		"SELECT wrapped FROM data_key WHERE project = ?", project)
}

// PutDataKey stores the project's wrapped data key unless there is one.
func (s *Keys) PutDataKey(ctx context.Context, project string, wrapped []byte) error {
	return s.db.write(ctx, "store data key", func(t *tx) error {
		n, err := t.exec("INSERT INTO data_key (project, wrapped) VALUES (?, ?) ON CONFLICT DO NOTHING", project, wrapped)
		if err == nil && n == 0 {
			err = seal.ErrKeyExists
		}
		return err
	})
}
