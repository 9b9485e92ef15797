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
	newer func(a, b V) bool

	mu     sync.RWMutex
	fresh  map[string]V
	old    map[string]V
	writes int // counts replacements: what was read before one is not remembered after it
}

// newRecent returns an empty one. newer says which of two values of a key was written later, as far as a value tells.
func newRecent[V any](limit int, newer func(a, b V) bool) *recent[V] {
	return &recent[V]{limit: limit, newer: newer, fresh: map[string]V{}}
}

func (r *recent[V]) get(key string) (V, bool) {
	r.mu.RLock()
	v, ok := r.fresh[key]
	kept := false
	if !ok {
		v, kept = r.old[key]
	}
	r.mu.RUnlock()
	if kept {
		r.keep(key)
	}
	return v, ok || kept
}

// keep moves a value that is used to the fresh ones.
func (r *recent[V]) keep(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, ok := r.old[key]; ok {
		r.put(key, v)
	}
}

// before is called before a value is read from the file; what it returns remembers the value, unless one was written since.
func (r *recent[V]) before() (remember func(key string, v V)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	writes := r.writes
	return func(key string, v V) { r.remember(key, v, writes) }
}

// remember puts a value that was read in the place of an older one. Two readers may have read before and after a commit whose
// replace is still to come: if the older value won, who has seen the newer one would see the time run backward.
func (r *recent[V]) remember(key string, v V, writes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.fresh[key]
	if !ok {
		known, ok = r.old[key]
	}
	if ok && r.newer(v, known) || !ok && r.writes == writes {
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

// change puts what becomes of a value in its place, where there is one, after a write that moved a part of it. Only the writer changes
// values, so what is known is what was written before.
func (r *recent[V]) change(key string, become func(V) V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes++
	v, ok := r.fresh[key]
	if !ok {
		v, ok = r.old[key]
	}
	if ok {
		r.put(key, become(v))
	}
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
