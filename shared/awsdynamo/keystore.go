package awsdynamo

import (
	"context"
	"fmt"

	"hermod/shared/seal"
)

// Keys keeps the projects' wrapped data keys. It is a seal.Keys.
type Keys struct{ db *DB }

// Keys returns the side of the table that keeps data keys.
func (db *DB) Keys() *Keys { return &Keys{db} }

// DataKey returns the project's wrapped data key.
func (s *Keys) DataKey(ctx context.Context, project string) ([]byte, error) {
	i, err := s.db.get(ctx, dataKeyKey(project))
	switch {
	case err == nil && i == nil:
		err = seal.ErrNoKey
	case err == nil:
		err = i.readable()
	}
	if err != nil {
		return nil, fmt.Errorf("read data key: %w", err)
	}
	return i.octets("wrapped"), nil
}

// PutDataKey stores the project's wrapped data key unless there is one.
func (s *Keys) PutDataKey(ctx context.Context, project string, wrapped []byte) error {
	i := dataKeyKey(project).item()
	i["f"], i["wrapped"] = number(format), octets(wrapped)
	err := s.db.put(ctx, i, ifNone, nil)
	if _, exists := refused(err); exists {
		err = seal.ErrKeyExists
	}
	if err != nil {
		return fmt.Errorf("store data key: %w", err)
	}
	return nil
}
