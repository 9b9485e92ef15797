package access

import (
	"context"
	"errors"
	"time"
)

const (
	// ReplyRetention is how long the first answer to an Idempotency-Key is given again.
	ReplyRetention = 24 * time.Hour
	// ReplyLease is how long a request holds its Idempotency-Key without having answered; after that, its process has died.
	ReplyLease = time.Minute
)

// ErrInFlight says that the first request with this Idempotency-Key has not been answered yet.
var ErrInFlight = errors.New("the first request with this Idempotency-Key is still in flight")

// Reply is what a request with an Idempotency-Key asked and what it was answered.
type Reply struct {
	Request string // fingerprint of the request's body
	Status  int
	Header  map[string]string
	Sealed  string // the body, sealed
}

// Replies keeps replies for ReplyRetention. A name is the API key's uid, the route and the client's Idempotency-Key. It is safe
// for concurrent use; a write is atomic and durable when it returns.
type Replies interface {
	// Begin claims a name for a request, until ReplyLease after now. It returns the reply if there is one, nil if the name is
	// now claimed, and ErrInFlight, with a Reply that has only Request, while another claim holds.
	Begin(ctx context.Context, name, request string, now time.Time) (*Reply, error)
	// Finish keeps the reply of a claim.
	Finish(ctx context.Context, name string, r Reply, now time.Time) error
	// Abandon gives a claim up: the next request begins anew.
	Abandon(ctx context.Context, name string) error
}
