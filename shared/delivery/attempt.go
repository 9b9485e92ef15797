package delivery

import "time"

// Cause says why an attempt was made, or why a message travels.
type Cause string

const (
	CauseSchedule Cause = "schedule" // a step of the retry schedule, the first included
	CauseManual   Cause = "manual"   // a retry on request: always one request, never moves the step
	CauseTest     Cause = "test"     // a test event: one request, also while the webhook is disabled, never repeated
	CauseProbe    Cause = "probe"    // the breaker's probe; like manual. No message carries it today: the step that falls due probes
	CauseRedrive  Cause = "redrive"  // message only: reopen the row, then send its step 0 as a fresh message
	CauseBury     Cause = "bury"     // message only: no request; the row is dead, or dies by it, and the message is refused
)

// Known reports whether c is a cause this release reads.
func (c Cause) Known() bool {
	switch c {
	case CauseSchedule, CauseManual, CauseTest, CauseProbe, CauseRedrive, CauseBury:
		return true
	}
	return false
}

// Attempt is one HTTP request and what came of it, or a step that was spent without one.
type Attempt struct {
	ID         string        // tells it from others of the same number, made at once; random, empty in what older releases stored
	Number     int           // hermod-attempt of the request: 1 for the first POST of the delivery; 0 when no request was made
	Cause      Cause         //
	Cycle      int           // where the delivery stood
	Step       int           //
	StartedAt  time.Time     // its seconds are the webhook-timestamp
	Duration   time.Duration // until the answer's headers and body (at most 16 KB) were read
	Timing     Timing        //
	Status     int           // HTTP status; 0 without an answer
	Class      ErrorClass    // ClassNone when delivered
	Error      string        // one sentence for a person; empty when delivered
	RetryAfter time.Duration // what the receiver asked for, capped at 24 h; 0 if nothing
	SignedWith []string      // hints of the secrets that signed, in the order of their signatures
	Headers    []string      // names of the webhook's own headers that were sent
	Answer     *Answer       // what a failed attempt got back; kept 7 days, apart from the row
}

// Delivered reports whether the receiver took the event.
func (a Attempt) Delivered() bool { return a.Class == ClassNone && a.Status/100 == 2 }

// Same reports whether two records are of one attempt. Times count in milliseconds: an engine may keep no more of them.
func (a Attempt) Same(b Attempt) bool {
	return a.ID == b.ID && a.Number == b.Number && a.Cause == b.Cause && a.Cycle == b.Cycle && a.Step == b.Step &&
		a.StartedAt.UnixMilli() == b.StartedAt.UnixMilli()
}

// Timing is where an attempt's time went. A phase that did not happen (connection reused, no TLS) is 0.
type Timing struct {
	DNS       time.Duration // name resolution
	Connect   time.Duration // TCP
	TLS       time.Duration // handshake
	FirstByte time.Duration // from the start of the attempt to the first byte of the answer
}

// Answer is what a failed attempt got back: the response headers and the first 1 KB of the body.
type Answer struct {
	Headers map[string][]string
	Body    []byte
}
