package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hermod/shared/uid"
)

// MaxName is how long the name of a project or key may be, in bytes.
const MaxName = 256

// ErrName says that a name is empty or longer than MaxName.
var ErrName = errors.New("a name has 1 to 256 bytes")

// Found makes a project and its first key, which has every scope. It returns the key's text: it is kept nowhere. Errors: ErrName.
func Found(ctx context.Context, s Store, name string, now time.Time) (p Project, token string, err error) {
	if name == "" || len(name) > MaxName {
		return p, "", ErrName
	}
	now = now.UTC().Truncate(time.Millisecond)
	p = Project{UID: uid.New(now), Name: name, CreatedAt: now}
	if err := s.CreateProject(ctx, p); err != nil {
		return p, "", fmt.Errorf("create project: %w", err)
	}
	_, token, err = Issue(ctx, s, Key{Project: p.UID, Name: "first", Scopes: Scopes}, now)
	return p, token, err
}

// Issue makes the key that k asks for by its project, name, scopes and end. It returns the key and its text, which is kept nowhere.
// Errors: ErrKeyQuota.
func Issue(ctx context.Context, s Store, k Key, now time.Time) (_ Key, token string, err error) {
	k.CreatedAt = now.UTC().Truncate(time.Millisecond)
	token = NewToken()
	k.UID, k.Hash, k.Hint = uid.New(k.CreatedAt), Hash(token), Hint(token)
	if err := s.CreateKey(ctx, k); err != nil {
		return Key{}, "", fmt.Errorf("create API key: %w", err)
	}
	return k, token, nil
}
