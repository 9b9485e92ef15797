package console

import (
	"slices"
	"time"
)

const (
	attemptsShown = 25
	// exchangeShown is how much of what was sent and answered a page holds in all, newest first; as HTML, which is longer than the text.
	exchangeShown = 36 << 10 // bytes
	valueShown    = 200      // characters of a header's name, and of its value
	leastPhase    = 0.05     // milliseconds; less is shown as nothing
)

// attempt is a request and what came of it, or a step that was spent without one.
type attempt struct {
	Number          *int         `json:"number"` // nil: no request was made
	Cause           string       `json:"cause"`
	StartedAt       time.Time    `json:"started_at"`
	DurationMS      float64      `json:"duration_ms"`
	DNSMS           float64      `json:"dns_ms"`
	ConnectMS       float64      `json:"connect_ms"`
	TLSMS           float64      `json:"tls_ms"`
	FirstByteMS     float64      `json:"first_byte_ms"`
	SignedWith      []string     `json:"signed_with"`
	RequestHeaders  []headerLine `json:"request_headers"`
	Status          *int         `json:"status"`
	ErrorClass      *string      `json:"error_class"`
	Error           *string      `json:"error"`
	RetryAfter      *int         `json:"retry_after_seconds"`
	ResponseHeaders []headerLine `json:"response_headers"` // nil: delivered, no answer, or not kept any more
	ResponseBody    *string      `json:"response_body"`
}

type headerLine struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Delivered reports whether the receiver took the event.
func (a attempt) Delivered() bool { return a.ErrorClass == nil }

// Forgotten reports whether there was an answer that is not kept any more.
func (a attempt) Forgotten() bool {
	return !a.Delivered() && a.Status != nil && a.ResponseHeaders == nil
}

// Why says in words why the attempt was made.
func (a attempt) Why() string {
	switch a.Cause {
	case "schedule":
		return "scheduled"
	case "manual":
		return "retry on request"
	case "probe":
		return "to see whether the receiver is back"
	case "test":
		return "test"
	}
	return words(a.Cause)
}

// phase is a part of the time that an attempt took.
type phase struct {
	Name     string
	MS       float64
	X, Width float64 // in the bar, of a thousand
}

// phaseNames are those of every phase, in their order.
var phaseNames = []string{"DNS", "connect", "TLS", "wait", "read"}

// Phases are where the attempt's time went. A phase that did not happen is left out, as one that nobody would see: a connection that was
// there already needs none.
func (a attempt) Phases() (phases []phase) {
	setUp := a.DNSMS + a.ConnectMS + a.TLSMS
	answered := a.FirstByteMS
	if answered == 0 {
		answered = a.DurationMS // nothing came until the end
	}
	total := 0.0
	for i, ms := range []float64{a.DNSMS, a.ConnectMS, a.TLSMS, answered - setUp, a.DurationMS - answered} {
		if ms >= leastPhase {
			phases = append(phases, phase{Name: phaseNames[i], MS: ms, X: total})
			total += ms
		}
	}
	for i := range phases {
		p := &phases[i]
		p.X, p.Width = 1000*p.X/total, 1000*p.MS/total
	}
	return phases
}

// attemptView is an attempt on the timeline.
type attemptView struct {
	attempt
	Waited   string // since the attempt before; of the first since the event
	First    bool
	Exchange bool // what was sent and answered is shown; else the page would be too long
}

// timeline returns the newest attempts, newest first, and how many older ones are left out.
func timeline(d deliveryDetail) (views []attemptView, left int) {
	budget := exchangeShown
	for i, a := range slices.Backward(d.Attempts) {
		if len(views) == attemptsShown {
			return views, i + 1
		}
		a.RequestHeaders, a.ResponseHeaders = shortened(a.RequestHeaders), shortened(a.ResponseHeaders)
		v := attemptView{attempt: a}
		if i > 0 {
			v.Waited = pause(a.StartedAt.Sub(d.Attempts[i-1].ended()))
		} else if v.First = len(d.Attempts) >= d.AttemptCount; v.First {
			v.Waited = pause(a.StartedAt.Sub(d.CreatedAt))
		}
		budget -= a.length()
		v.Exchange = budget >= 0
		views = append(views, v)
	}
	return views, 0
}

func (a attempt) ended() time.Time {
	return a.StartedAt.Add(time.Duration(a.DurationMS * float64(time.Millisecond)))
}

// length is how long what was sent and answered is as HTML, about.
func (a attempt) length() int {
	n := lengthInHTML(valueOf(a.ResponseBody))
	for _, h := range append(slices.Clone(a.RequestHeaders), a.ResponseHeaders...) {
		n += lengthInHTML(h.Name+h.Value) + 40 // with the tags around them
	}
	return n
}

// shortened returns headers no longer than is shown.
func shortened(list []headerLine) []headerLine {
	short := slices.Clone(list)
	for i, h := range short {
		short[i] = headerLine{cut(h.Name, valueShown), cut(h.Value, valueShown)}
	}
	return short
}
