package access

import (
	"context"
	"sync"
	"time"
)

// Meter counts the requests that the processes of a service have leased. It is safe for concurrent use; nothing that it forgets
// when it ends is missed for longer than a window.
type Meter interface {
	// Lease adds n, which is positive, to what was leased of a key in the window that begins at window, and returns the sum with
	// it. Of two leases at once, one sum has both. An error says that it is unknown whether n was added.
	Lease(ctx context.Context, key string, window time.Time, n int) (total int, err error)
}

// Memory is the Meter of a process that serves alone, as the one over a SQLite file does: what it counts is exact, and is gone
// with the process. Its zero value is ready.
type Memory struct {
	mu     sync.Mutex
	latest time.Time // window of the last lease
	leased map[lease]int
}

type lease struct {
	key    string
	window int64 // Unix seconds
}

// Lease adds to the sum of a key's window. It never fails.
func (m *Memory) Lease(_ context.Context, key string, window time.Time, n int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.leased == nil || !window.Equal(m.latest) {
		m.forget(window)
	}
	l := lease{key, window.Unix()}
	m.leased[l] += n
	return m.leased[l], nil
}

// forget makes room for a window: only those next to it may still be asked for, by a request that began right before or after.
func (m *Memory) forget(window time.Time) {
	kept := map[lease]int{}
	for l, n := range m.leased {
		if window.Sub(time.Unix(l.window, 0)).Abs() <= limitWindow {
			kept[l] = n
		}
	}
	m.latest, m.leased = window, kept
}
