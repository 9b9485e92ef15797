package delivery

import (
	"context"
	"fmt"
	"time"
)

// Lane is a queue's name.
type Lane string

const (
	LaneFirst Lane = "first" // first attempts
	LaneRetry Lane = "retry" // every other attempt
	LaneOps   Lane = "ops"   // pages of redrives and records that fan-out could not process
	LaneDead  Lane = "dead"  // dead letters: what died in retry
	LaneStuck Lane = "stuck" // what our own fault failed too often in first and ops; pages the operator
)

// Limits of every queue; they are SQS's, set so in the deployment and kept by the one-machine queue.
const (
	MaxReceives = 8                 // then a message moves to the lane's letters
	Visibility  = 180 * time.Second // a message received and neither deleted nor hidden comes back after this
	MaxDelay    = 15 * time.Minute  // of a message sent
	MaxHidden   = 11 * time.Hour    // of a message handed back; SQS takes 12 h, counted from the receive
	MaxBody     = 256 << 10         // bytes of a message
)

// Letters is where a lane's messages go when they were received MaxReceives times; empty for the lanes of letters.
func (l Lane) Letters() Lane {
	switch l {
	case LaneFirst, LaneOps:
		return LaneStuck
	case LaneRetry:
		return LaneDead
	}
	return ""
}

// Parcel is a message to be sent.
type Parcel struct {
	Group string        // the webhook's uid: lanes are fair between groups
	Body  []byte        // at most MaxBody
	Delay time.Duration // 0 to MaxDelay, whole seconds on SQS, rounded up
}

// Receipt is a message received.
type Receipt struct {
	Lane     Lane
	Handle   string // names this very receive
	Group    string
	Body     []byte
	Receives int       // how often it was received, this time included
	SentAt   time.Time // when it was sent to this queue, or redriven to it
}

// Queue is the lanes. It is safe for concurrent use.
//
// Messages are delivered at least once and in no order. A message sent is durable when Send returns. A message received is
// invisible for Visibility. After MaxReceives it moves, at its next turn, to the lane's letters, where it keeps SentAt. Messages
// are gone LetterRetention after they were sent first.
type Queue interface {
	// Send sends any number of parcels to a lane that is not one of letters. Where some were not sent it returns *SendError.
	Send(ctx context.Context, lane Lane, parcels ...Parcel) error
	// Receive returns up to limit messages, waiting for the first one up to wait; none is no error.
	Receive(ctx context.Context, lane Lane, limit int, wait time.Duration) ([]Receipt, error)
	// Delete acknowledges. A handle that is used up is no error.
	Delete(ctx context.Context, receipts ...Receipt) error
	// Hide hands a message back: it is visible again after the given time, 0 to MaxHidden.
	Hide(ctx context.Context, r Receipt, visibleAfter time.Duration) error
	// Visible counts the messages that could be received now; approximately on SQS.
	Visible(ctx context.Context, lane Lane) (int, error)
	// Redrive moves the letters of a lane back to where they came from, as fresh messages: a new SentAt, no receives. It returns
	// when the move has begun.
	Redrive(ctx context.Context, letters Lane) error
}

// SendError says which of the parcels were not sent.
type SendError struct {
	Failed []int // indexes into the parcels
	Err    error // why the first of them was not
}

func (e *SendError) Error() string {
	return fmt.Sprintf("%d parcels not sent: %v", len(e.Failed), e.Err)
}
func (e *SendError) Unwrap() error { return e.Err }
