package delivery

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// MessageFormat is the newest format of Message that this release reads, and the one it writes. A message of a later format is
// handed back until a release that reads it takes it.
const MessageFormat = 1

var (
	// ErrFormat says that a message is of a format this release does not read.
	ErrFormat = errors.New("message of an unknown format")
	// ErrMalformed says that a message is none.
	ErrMalformed = errors.New("malformed message")
)

// Message moves one delivery through the lanes first and retry.
type Message struct {
	Format   int       `json:"f"`
	Project  string    `json:"p"`
	Event    string    `json:"e"`
	Webhook  string    `json:"w"`
	Cycle    int       `json:"c,omitempty"`
	Step     int       `json:"s,omitempty"`
	Cause    Cause     `json:"cause"`
	MaybeDup bool      `json:"dup,omitempty"` // another copy may have been sent: read the row first
	Parked   time.Time `json:"park,omitzero"` // not before; a message is parked at most once
	Hops     int       `json:"h,omitempty"`   // how often the step was exchanged for a fresh message because it looked redriven
	SentAt   time.Time `json:"sent_at"`       // when it was sent by us; a redrive of the queue does not change it
}

// UID is the delivery that the message moves.
func (m Message) UID() UID { return UID{Event: m.Event, Webhook: m.Webhook} }

// Place is where the message says that the delivery stands.
func (m Message) Place() Place { return Place{Cycle: m.Cycle, Step: m.Step} }

// NewMessage returns a message for a step of a delivery.
func NewMessage(project string, u UID, p Place, c Cause) Message {
	return Message{Format: MessageFormat, Project: project, Event: u.Event, Webhook: u.Webhook, Cycle: p.Cycle, Step: p.Step, Cause: c}
}

// Parcel returns the message to be sent now, received after delay.
func (m Message) Parcel(now time.Time, delay time.Duration) Parcel {
	m.SentAt = now.UTC().Truncate(time.Millisecond)
	body, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("encode message: %v", err)) // no field of it can fail
	}
	return Parcel{Group: m.Webhook, Body: body, Delay: delay}
}

// ParseMessage reads a message. Errors: ErrFormat, ErrMalformed.
func ParseMessage(body []byte) (Message, error) {
	var m Message
	if err := json.Unmarshal(body, &m); err != nil {
		// A later format may have made another kind of value of a field.
		var later struct {
			Format int `json:"f"`
		}
		if json.Unmarshal(body, &later) == nil && later.Format > MessageFormat {
			return Message{}, fmt.Errorf("%w %d", ErrFormat, later.Format)
		}
		return Message{}, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	if m.Format > MessageFormat || !m.Cause.Known() && m.Format > 0 {
		return Message{}, fmt.Errorf("%w %d, cause %q", ErrFormat, m.Format, m.Cause)
	}
	if _, ok := ParseUID(m.UID().String()); !ok || m.Format < 1 || m.Cycle < 0 || m.Step < 0 || m.Hops < 0 {
		return Message{}, ErrMalformed
	}
	return m, nil
}
