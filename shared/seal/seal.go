package seal

import (
	"context"
	"errors"
)

var (
	// ErrNoKey means that a project has no data key yet, so nothing of it can have been sealed.
	ErrNoKey = errors.New("the project has no data key")
	// ErrKeyExists means that another writer's data key is there already. It counts.
	ErrKeyExists = errors.New("the project has a data key already")
	// ErrTampered means that a text is not what was sealed or wrapped, or not for this place, or not under this key.
	ErrTampered = errors.New("sealed value altered, or sealed elsewhere")
	// ErrFormat means that a value was sealed in a way that only a later release reads.
	ErrFormat = errors.New("sealed in a format this release does not read")
)

// Wrapper encrypts data keys under a key that never leaves it. It is safe for concurrent use.
type Wrapper interface {
	// Wrap returns the key encrypted and bound to the project. Wrapping a key twice may give two results.
	Wrap(ctx context.Context, project string, key []byte) ([]byte, error)
	// Unwrap returns the key that Wrap was given with the same project. ErrTampered for anything else: altered, of another
	// project, wrapped elsewhere; or ErrFormat, where it looks like what a later release wraps. Any other error is an outage, after
	// which the same call may succeed.
	Unwrap(ctx context.Context, project string, wrapped []byte) ([]byte, error)
}

// Keys stores wrapped data keys, one per project, for ever. It is safe for concurrent use, also by several processes.
type Keys interface {
	// DataKey returns the project's wrapped data key, as of the last PutDataKey that returned, whoever called it. ErrNoKey
	// only if there is none for certain.
	DataKey(ctx context.Context, project string) (wrapped []byte, err error)
	// PutDataKey stores the project's wrapped data key, atomically and durably, unless there is one: then it changes nothing
	// and returns ErrKeyExists. After any other error the key may be stored or not.
	PutDataKey(ctx context.Context, project string, wrapped []byte) error
}
