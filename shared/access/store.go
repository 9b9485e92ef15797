package access

import (
	"context"
	"errors"
)

var (
	ErrNoKey     = errors.New("no such API key")
	ErrNoProject = errors.New("no such project")
)

// Store keeps projects and keys. It is safe for concurrent use; a write is durable when it returns.
type Store interface {
	// CreateProject writes a new project.
	CreateProject(ctx context.Context, p Project) error
	// Project reads one. ErrNoProject without one.
	Project(ctx context.Context, uid string) (Project, error)
	// CreateKey writes a new key of a project.
	CreateKey(ctx context.Context, k Key) error
	// KeyByHash reads the key whose text has this hash, expired or not. ErrNoKey without one.
	KeyByHash(ctx context.Context, hash string) (Key, error)
}
