package tally

import (
	"maps"
	"sync"
	"time"

	"hermod/shared/webhook"
)

// NoteEvery is how often a process notes that a webhook goes on to succeed.
const NoteEvery = time.Minute

// Notes is of which webhooks a process has noted within the last NoteEvery that they succeed, and heard of no failure since: it need not
// note that again. The zero value knows of none. It is safe for concurrent use.
type Notes struct {
	mu    sync.Mutex
	noted map[string]time.Time // by the webhook's uid
}

// fresh reports whether a success that was just heard of need not be noted.
func (n *Notes) fresh(hook string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, ok := n.noted[hook]
	return ok && now.Sub(at) < NoteEvery
}

// keep remembers what was noted.
func (n *Notes) keep(hook string, h webhook.Health, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !h.FailingSince.IsZero() {
		delete(n.noted, hook)
		return
	}
	if n.noted == nil {
		n.noted = map[string]time.Time{}
	}
	n.noted[hook] = now
}

// forget drops what is not fresh any more.
func (n *Notes) forget(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.DeleteFunc(n.noted, func(_ string, at time.Time) bool { return now.Sub(at) >= NoteEvery })
}
