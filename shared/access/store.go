package access

import (
	"context"
	"errors"
)

// MaxKeys is how many keys a project may have; those that have expired count until they are deleted.
const MaxKeys = 100

var (
	ErrNoKey     = errors.New("no such API key")
	ErrNoProject = errors.New("no such project")
	ErrKeyQuota  = errors.New("the project has as many API keys as it may have")
)

// Store keeps projects and keys. It is safe for concurrent use; a write is durable when it returns.
type Store interface {
	// CreateProject writes a new project.
	CreateProject(ctx context.Context, p Project) error
	// Project reads one. ErrNoProject without one.
	Project(ctx context.Context, uid string) (Project, error)
	// CreateKey writes a new key of a project. ErrKeyQuota if the project has MaxKeys.
	CreateKey(ctx context.Context, k Key) error
	// KeyByHash reads the key whose text has this hash, expired or not. ErrNoKey without one.
	KeyByHash(ctx context.Context, hash string) (Key, error)
	// ListKeys returns all keys of the project, newest first, expired or not; there are at most MaxKeys.
	ListKeys(ctx context.Context, project string) ([]Key, error)
	// DeleteKey removes a key of the project for good. ErrNoKey without one, also if it is another project's.
	DeleteKey(ctx context.Context, project, uid string) error
}
