package dispatch

import (
	"context"
	"sync"

	"hermod/shared/delivery"
)

// cachedEvents bounds what one process remembers of the archive; a rendered body is a few KB at most.
const cachedEvents = 512

// eventCache saves one read of the archive for each further delivery of an event. An archived event only ever gains matches, so
// what is remembered of one match stays true.
type eventCache struct {
	archive delivery.Archive

	mu    sync.Mutex
	known map[string]delivery.Event
	ring  [cachedEvents]string
	next  int
}

func newEventCache(a delivery.Archive) *eventCache {
	return &eventCache{archive: a, known: make(map[string]delivery.Event, cachedEvents)}
}

// event returns the archived event, with the match of the webhook if the archive has it. Errors: those of Archive.Event.
func (c *eventCache) event(ctx context.Context, project, uid, hook string) (delivery.Event, error) {
	c.mu.Lock()
	e, ok := c.known[uid]
	c.mu.Unlock()
	if ok && e.Project == project {
		if _, ok := e.Match(hook); ok {
			return e, nil
		}
	}
	e, err := c.archive.Event(ctx, project, uid)
	if err != nil {
		return e, err
	}
	c.keep(e)
	return e, nil
}

func (c *eventCache) keep(e delivery.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.known[e.UID]; !ok {
		delete(c.known, c.ring[c.next])
		c.ring[c.next] = e.UID
		c.next = (c.next + 1) % cachedEvents
	}
	c.known[e.UID] = e
}
