package access

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"
)

const (
	// CachedFor is how long a Guard answers from memory: a key that another process revoked or made is noticed after this.
	CachedFor = 60 * time.Second
	// maxCached bounds what wrong keys can make a Guard remember.
	maxCached = 10_000
)

// Config is what a Guard needs.
type Config struct {
	Store Store            // required
	Now   func() time.Time // nil: time.Now
}

// Guard turns the text of a key into the key. It is safe for concurrent use.
type Guard struct {
	store Store
	now   func() time.Time

	mu      sync.Mutex
	cached  map[string]answer // by hash
	revoked int               // how often Revoke was called
}

type answer struct {
	key   Key
	err   error
	until time.Time
}

// New returns a Guard.
func New(c Config) *Guard {
	if c.Store == nil {
		panic("access: Config.Store is missing")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Guard{store: c.Store, now: c.Now, cached: map[string]answer{}}
}

// Check returns the key of a token. Errors: ErrNoKey if there is none, or it has expired; anything else means that the store
// could not be asked.
func (g *Guard) Check(ctx context.Context, token string) (Key, error) {
	if !looksLikeToken(token) {
		return Key{}, ErrNoKey
	}
	hash, now := Hash(token), g.now()
	g.mu.Lock()
	a, ok := g.cached[hash]
	revoked := g.revoked
	g.mu.Unlock()
	if !ok || !now.Before(a.until) {
		key, err := g.store.KeyByHash(ctx, hash)
		if err != nil && !errors.Is(err, ErrNoKey) {
			return Key{}, fmt.Errorf("look up API key: %w", err)
		}
		a = answer{key: key, err: err, until: now.Add(CachedFor)}
		g.remember(hash, a, revoked)
	}
	if a.err == nil && a.key.Expired(now) {
		return Key{}, ErrNoKey
	}
	return a.key, a.err
}

// Store is where the keys are kept.
func (g *Guard) Store() Store { return g.store }

// Revoke deletes a key of the project. This Guard does not take it any more when Revoke returns, others within CachedFor. Errors:
// ErrNoKey.
func (g *Guard) Revoke(ctx context.Context, project, uid string) error {
	err := g.store.DeleteKey(ctx, project, uid)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.revoked++
	maps.DeleteFunc(g.cached, func(_ string, a answer) bool { return a.key.UID == uid && a.key.Project == project })
	return err
}

// remember keeps an answer of the store, unless a key was revoked since it was asked: it may have been this one.
func (g *Guard) remember(hash string, a answer, revoked int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if revoked != g.revoked {
		return
	}
	if len(g.cached) >= maxCached {
		clear(g.cached)
	}
	g.cached[hash] = a
}
