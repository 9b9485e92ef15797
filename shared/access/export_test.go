package access

// MaxCached is how many answers a Guard remembers at most.
const MaxCached = maxCached

// Remembered is how many answers the Guard remembers.
func (g *Guard) Remembered() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.cached)
}

// Counted is how many sums a Memory keeps.
func (m *Memory) Counted() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.leased)
}
