package meter

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// maxDifferences is how many differences are kept; one cause makes many.
const maxDifferences = 100

// Kind says how the requests of a caller are billed.
type Kind string

const (
	Working  Kind = "working"  // as part of the work: the functions
	Polling  Kind = "polling"  // to the same bill, though they are made by event source mappings
	Unbilled Kind = "unbilled" // not at all: they stand for what has another bill, or none, such as a person at a console
)

// Caller is on whose behalf requests are made.
type Caller struct {
	Name string // a function's logical id, for example
	Kind Kind   // empty: Working
}

// Meter counts. Its methods may be called at once by many goroutines.
type Meter struct {
	items stripes // held during a write, one for each item

	mu          sync.Mutex
	begun       int // writes
	ended       int
	uses        map[Use]*amount
	functions   map[string]Invocations
	apiRequests int
	apiUnits    int
	logBytes    int64
	tables      map[string]*table // by endpoint and name
	differences []string
	omitted     int
}

// New returns a meter that has counted nothing.
func New() *Meter {
	return &Meter{uses: map[Use]*amount{}, functions: map[string]Invocations{}, tables: map[string]*table{}}
}

// Transport counts the requests that pass through it on their way to next (nil: http.DefaultTransport), for a caller without
// a name.
func (m *Meter) Transport(next http.RoundTripper) http.RoundTripper { return m.As(Caller{}, next) }

// As is Transport for a caller.
func (m *Meter) As(c Caller, next http.RoundTripper) http.RoundTripper {
	if c.Kind == "" {
		c.Kind = Working
	}
	if next == nil {
		next = http.DefaultTransport
	}
	return &transport{meter: m, caller: c, next: next}
}

// Invoked counts an invocation of a function and how long it took. AWS bills whole milliseconds.
func (m *Meter) Invoked(function string, took time.Duration, memoryMB int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.functions[function]
	f.Count++
	f.MBms += int64(memoryMB) * int64((took+time.Millisecond-1)/time.Millisecond)
	m.functions[function] = f
}

// Requested counts a request to the HTTP API, with the bytes of its body or of the answer's, whichever has more.
func (m *Meter) Requested(bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.apiRequests++
	m.apiUnits += max(1, chunks(bytes, apiChunk))
}

// Logged counts bytes that functions wrote to their logs.
func (m *Meter) Logged(bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.logBytes += int64(bytes)
}

// Total returns the counts so far.
func (m *Meter) Total() Total {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := Total{
		Functions: maps.Clone(m.functions), APIRequests: m.apiRequests, APIUnits: m.apiUnits, LogBytes: m.logBytes,
		Uses: make(map[Use]Amount, len(m.uses)),
	}
	for use, a := range m.uses {
		t.Uses[use] = Amount(*a)
	}
	return t
}

// Differences lists the requests whose units are not the engine's, and those that could not be measured. None is what a test
// wants.
func (m *Meter) Differences() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.Clone(m.differences)
	if m.omitted > 0 {
		all = append(all, fmt.Sprintf("and %d more", m.omitted))
	}
	return all
}

// writing notes that a write is under way, until what it returns is called.
func (m *Meter) writing() (ended func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begun++
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.ended++
	}
}

// watch returns what tells whether no write was under way since: then what is read now is what was read meanwhile.
func (m *Meter) watch() (unchanged func() bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	begun, quiet := m.begun, m.begun == m.ended
	return func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return quiet && m.begun == begun
	}
}
