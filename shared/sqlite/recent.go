package sqlite

import "sync"

// recent has values that were written or read lately, exactly as they are in the file: no other process writes, and a write
// replaces its value before its caller has the answer. It saves the reads of what is asked for again and again, each of which costs
// as much as a write.
//
// Values are shared: nobody changes one. There are at most two generations of limit; what is not used in a generation's time is
// forgotten.
type recent[V any] struct {
	limit int

	mu     sync.RWMutex
	fresh  map[string]V
	old    map[string]V
	writes int // counts replacements: what was read before one is not remembered after it
}

func newRecent[V any](limit int) *recent[V] {
	return &recent[V]{limit: limit, fresh: map[string]V{}}
}

func (r *recent[V]) get(key string) (V, bool) {
	r.mu.RLock()
	v, ok := r.fresh[key]
	kept := false
	if !ok {
		v, kept = r.old[key]
	}
	writes := r.writes
	r.mu.RUnlock()
	if kept {
		r.remember(key, v, writes)
	}
	return v, ok || kept
}

// before is called before a value is read from the file; what it returns remembers the value, unless one was written since.
func (r *recent[V]) before() (remember func(key string, v V)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	writes := r.writes
	return func(key string, v V) { r.remember(key, v, writes) }
}

func (r *recent[V]) remember(key string, v V, writes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.writes == writes {
		r.put(key, v)
	}
}

// replace puts what was written in the place of what was known.
func (r *recent[V]) replace(key string, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes++
	r.put(key, v)
}

// forget drops what was known of a key that was written.
func (r *recent[V]) forget(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes++
	delete(r.fresh, key)
	delete(r.old, key)
}

func (r *recent[V]) put(key string, v V) {
	if len(r.fresh) >= r.limit {
		r.old, r.fresh = r.fresh, make(map[string]V, r.limit)
	}
	delete(r.old, key)
	r.fresh[key] = v
}
