package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hermod/shared/uid"
)

// maxName is how long the name of a project or key may be, in bytes.
const maxName = 256

// ErrName says that a name is empty or longer than 256 bytes.
var ErrName = errors.New("a name has 1 to 256 bytes")

// Found makes a project and its first key, which has every scope. It returns the key's text: it is kept nowhere. Errors: ErrName.
func Found(ctx context.Context, s Store, name string, now time.Time) (p Project, token string, err error) {
	if name == "" || len(name) > maxName {
		return p, "", ErrName
	}
	now = now.UTC().Truncate(time.Millisecond)
	p = Project{UID: uid.New(now), Name: name, CreatedAt: now}
	if err := s.CreateProject(ctx, p); err != nil {
		return p, "", fmt.Errorf("create project: %w", err)
	}
	token, err = Issue(ctx, s, p.UID, "first", Scopes, now)
	return p, token, err
}

// Issue makes a key of a project and returns its text: it is kept nowhere.
func Issue(ctx context.Context, s Store, project, name string, scopes []Scope, now time.Time) (token string, err error) {
	now = now.UTC().Truncate(time.Millisecond)
	token = NewToken()
	k := Key{UID: uid.New(now), Project: project, Name: name, Hash: Hash(token), Hint: Hint(token), Scopes: scopes, CreatedAt: now}
	if err := s.CreateKey(ctx, k); err != nil {
		return "", fmt.Errorf("create API key: %w", err)
	}
	return token, nil
}
