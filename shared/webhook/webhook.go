package webhook

import (
	"errors"
	"slices"
	"strings"
	"time"

	"hermod/shared/job"
)

// Caps and defaults.
const (
	MaxPerProject    = 1000
	MaxPerJob        = 20
	MaxURL           = 2048 // bytes
	MaxHeaders       = 20
	MaxHeaderValue   = 4096 // bytes
	MaxName          = 256  // bytes
	MaxDescription   = 1024 // bytes
	MaxSecrets       = 3    // of one scheme, valid together during rotation
	DefaultTimeout   = 12 * time.Second
	MaxTimeout       = 20 * time.Second
	DefaultOverlap   = 24 * time.Hour
	MaxOverlap       = 7 * 24 * time.Hour
	TombstoneLasting = 30 * 24 * time.Hour
)

var (
	ErrNotFound = errors.New("no such webhook")
	ErrStale    = errors.New("the webhook has changed meanwhile")
	ErrQuota    = errors.New("the project has as many webhooks as it may have")
	ErrJobQuota = errors.New("the job has as many webhooks of its own as it may have")
)

// Webhook is where events go, and how.
type Webhook struct {
	UID         string
	Project     string
	Version     int // grows by one with each write; the condition of the next
	Name        string
	Description string
	URL         string
	Events      []job.EventType // at least one
	Workflow    string          // only events of this workflow's jobs; empty: any
	Job         string          // only events of this job; empty: any
	Headers     []Header
	Payload     job.Format
	Enabled     bool
	Reason      DisabledReason  // empty while enabled
	Signatures  []Scheme        // each once; nil, as in all that older releases have stored: v1 alone
	Secrets     []Secret        // v1 before v1a, each newest first; the first of each has no end
	Schedule    []time.Duration // waits between attempts; nil: the default schedule; empty: no second attempt
	Timeout     time.Duration   // of one attempt; 0: DefaultTimeout
	MaxRate     int             // deliveries a second; 0: no limit
	ParkedUntil time.Time       // a receiver asked for rest until then; zero: never
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// DisabledReason says who disabled a webhook, and why.
type DisabledReason string

const (
	DisabledByUser DisabledReason = "user" // through the API or the console
	DisabledGone   DisabledReason = "gone" // the receiver answered 410
)

// Header is a header of the webhook's own, sent with each delivery.
type Header struct {
	Name   string
	Sealed string // the value, sealed
	Hint   string // what people see of it
}

// Match is what fan-out needs of a webhook to decide whether it takes an event.
type Match struct {
	Webhook   string
	Workflow  string
	Job       string
	Events    []job.EventType
	Payload   job.Format
	CreatedAt time.Time
}

// Match returns the webhook's match.
func (w Webhook) Match() Match {
	return Match{Webhook: w.UID, Workflow: w.Workflow, Job: w.Job, Events: w.Events, Payload: w.Payload, CreatedAt: w.CreatedAt}
}

// Takes reports whether the webhook's scope and event types include the event of job j. Whether it is enabled does not count:
// what it would have got while disabled is kept, and can be redriven.
func (m Match) Takes(j job.Job, event job.EventType) bool {
	return (m.Job == "" || m.Job == j.UID) &&
		(m.Workflow == "" || m.Workflow == j.Workflow) &&
		slices.Contains(m.Events, event)
}

// Before reports whether the webhook existed when a change was made: one that was created in the same millisecond did, for
// changes are dated in whole milliseconds.
func (m Match) Before(change time.Time) bool {
	return !m.CreatedAt.Truncate(time.Millisecond).After(change)
}

// Clone returns a webhook that shares no memory with w: what an engine remembers is not its caller's to change.
func (w Webhook) Clone() Webhook {
	w.Events, w.Headers, w.Schedule = slices.Clone(w.Events), slices.Clone(w.Headers), slices.Clone(w.Schedule)
	w.Signatures, w.Secrets = slices.Clone(w.Signatures), slices.Clone(w.Secrets)
	return w
}

// PerAttempt is the time one attempt may take.
func (w Webhook) PerAttempt() time.Duration {
	if w.Timeout == 0 {
		return DefaultTimeout
	}
	return w.Timeout
}

// SecretField and HeaderField name what is sealed, so that no sealed text can be put in the place of another.
const SecretField = "secret"

// HeaderField names the sealed value of a header.
func HeaderField(name string) string { return "header " + strings.ToLower(name) }
