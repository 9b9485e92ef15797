package sqlite

import (
	"slices"
	"sync"

	"hermod/shared/webhook"
)

// maxHooks bounds the webhooks kept in memory; beyond it all are forgotten and read again as they are used.
const maxHooks = 20_000

// hookCache has the webhooks that were read lately, exactly as they are in the file: no other process writes, and a write
// replaces its webhook before its caller has the answer.
type hookCache struct {
	mu     sync.RWMutex
	known  map[string]webhook.Webhook
	writes int // counts replacements: what was read before one is not remembered after it
}

func newHookCache() *hookCache { return &hookCache{known: map[string]webhook.Webhook{}} }

func (h *hookCache) get(uid string) (webhook.Webhook, bool) {
	h.mu.RLock()
	w, ok := h.known[uid]
	h.mu.RUnlock()
	return clone(w), ok
}

// before is called before a webhook is read from the file; what it returns remembers the webhook, unless one was written since.
func (h *hookCache) before() (remember func(webhook.Webhook)) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	writes := h.writes
	return func(w webhook.Webhook) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.writes == writes {
			h.put(w)
		}
	}
}

// replace puts what was written in the place of what was known; nil forgets.
func (h *hookCache) replace(uid string, w *webhook.Webhook) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writes++
	delete(h.known, uid)
	if w != nil {
		h.put(clone(*w))
	}
}

func (h *hookCache) put(w webhook.Webhook) {
	if len(h.known) >= maxHooks {
		clear(h.known)
	}
	h.known[w.UID] = w
}

// clone returns a webhook that shares no memory with w, so that a caller may change its own.
func clone(w webhook.Webhook) webhook.Webhook {
	w.Events, w.Headers, w.Secrets, w.Schedule = slices.Clone(w.Events), slices.Clone(w.Headers), slices.Clone(w.Secrets), slices.Clone(w.Schedule)
	return w
}
