package awsdynamo

import (
	"context"
	"fmt"
	"sync"
	"time"

	"hermod/shared/webhook"
)

// maxCached is how many webhooks a cache has at most. The largest has some 120 KB, a usual one less than 2.
const maxCached = 1000

// cachedWebhooks answers Get from memory. It is a webhook.Store.
type cachedWebhooks struct {
	*Webhooks
	maxAge time.Duration
	limit  int

	mu     sync.Mutex
	known  map[string]cachedWebhook
	writes int // counts what was forgotten: what was read before is not remembered after
}

// cachedWebhook is what a read gave that began at a time: a webhook, or that it was deleted, for no uid is used again.
type cachedWebhook struct {
	hook webhook.Webhook
	gone bool
	read time.Time
}

// CachedWebhooks returns webhooks whose Get may be up to maxAge old, for one process that reads them at each attempt. Everything
// else is as of now; what the process writes itself is read anew. That there is no webhook is not remembered, since it may be
// created at any moment.
func (db *DB) CachedWebhooks(maxAge time.Duration) webhook.Store {
	return &cachedWebhooks{Webhooks: db.Webhooks(), maxAge: maxAge, limit: maxCached, known: map[string]cachedWebhook{}}
}

// Get reads a webhook. What it returns is the caller's own.
func (c *cachedWebhooks) Get(ctx context.Context, project, uid string) (webhook.Webhook, error) {
	known, ok := c.recall(uid)
	var err error
	if !ok {
		known, err = c.load(ctx, uid)
	}
	if err == nil && (known.gone || known.hook.Project != project) {
		err = webhook.ErrNotFound
	}
	if err != nil {
		return webhook.Webhook{}, fmt.Errorf("read webhook %s: %w", uid, err)
	}
	return known.hook.Clone(), nil
}

// recall returns what is known and not too old.
func (c *cachedWebhooks) recall(uid string) (cachedWebhook, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.known[uid]
	return known, ok && c.db.now().Sub(known.read) < c.maxAge
}

// load reads a webhook, or the tombstone of one, and remembers it unless this process has written one meanwhile.
func (c *cachedWebhooks) load(ctx context.Context, uid string) (cachedWebhook, error) {
	c.mu.Lock()
	writes := c.writes
	c.mu.Unlock()
	start := c.db.now()
	i, err := c.db.get(ctx, webhookKey(uid))
	switch {
	case err != nil:
		return cachedWebhook{}, err
	case i == nil:
		return cachedWebhook{}, webhook.ErrNotFound
	}
	w, err := decodeHook(i)
	if err != nil {
		return cachedWebhook{}, err
	}
	known := cachedWebhook{hook: w, gone: i.flag("gone"), read: start}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writes == writes {
		c.remember(uid, known)
	}
	return known, nil
}

// remember makes room by forgetting everything: a webhook is worth a read, and no more than that.
func (c *cachedWebhooks) remember(uid string, known cachedWebhook) {
	if len(c.known) >= c.limit {
		clear(c.known)
	}
	c.known[uid] = known
}

// forget ends what is known of a webhook that was, or may have been, written. After ErrStale somebody else has written it.
func (c *cachedWebhooks) forget(uid string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++
	delete(c.known, uid)
}

// Update writes a webhook over the version before it.
func (c *cachedWebhooks) Update(ctx context.Context, w webhook.Webhook) error {
	defer c.forget(w.UID)
	return c.Webhooks.Update(ctx, w)
}

// Delete removes a webhook.
func (c *cachedWebhooks) Delete(ctx context.Context, project, uid string) error {
	defer c.forget(uid)
	return c.Webhooks.Delete(ctx, project, uid)
}

// Park lets the webhook rest until then at least.
func (c *cachedWebhooks) Park(ctx context.Context, project, uid string, until time.Time) error {
	defer c.forget(uid)
	return c.Webhooks.Park(ctx, project, uid, until)
}
