package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"hermod/shared/access"
)

const (
	keyHeader    = "Idempotency-Key"
	replayHeader = "Idempotent-Replayed" // "true" on an answer that is given again
	maxKey       = 255                   // characters of an Idempotency-Key
)

// once carries out a POST, or gives the first answer again if the Idempotency-Key was used before. Without a key it just
// carries it out.
//
// Kept are answers that say how it ended: not those of 5xx, and not those that ask to come back.
func (c *call) once(ctx context.Context, body []byte, do work) (answer, error) {
	key, err := c.idempotencyKey()
	if err != nil {
		return answer{}, err
	}
	if key == "" {
		return do(ctx)
	}
	name, request := c.key.UID+" "+c.route.pattern()+" "+key, c.fingerprint(body)
	reply, err := c.Replies.Begin(ctx, name, request, c.Now())
	switch {
	case errors.Is(err, access.ErrInFlight) && reply != nil && reply.Request != request, err == nil && reply != nil && reply.Request != request:
		return answer{}, refuse(otherRequest, "").with("header", keyHeader)
	case err != nil:
		return answer{}, fmt.Errorf("claim Idempotency-Key: %w", err)
	case reply != nil:
		return c.replay(ctx, name, *reply)
	}
	out := c.attempt(ctx, do)
	if out.status >= 500 || out.header["Retry-After"] != "" {
		c.warn("Idempotency-Key not given up", c.Replies.Abandon(ctx, name))
		return out, nil
	}
	c.warn("answer to an Idempotency-Key not kept", c.keep(ctx, name, request, out))
	return out, nil
}

// attempt carries the work out and returns its answer, whatever happens.
func (c *call) attempt(ctx context.Context, do work) (out answer) {
	defer func() {
		if p := recover(); p != nil {
			out = c.failed(panicked(p))
		}
	}()
	out, err := do(ctx)
	if err != nil {
		return c.failed(err)
	}
	return out
}

// idempotencyKey returns the request's key, empty if it has none.
func (c *call) idempotencyKey() (string, error) {
	values := c.request.Header.Values(keyHeader)
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	ok := len(values) == 1 && key != "" && len(key) <= maxKey
	for i := range len(key) {
		ok = ok && key[i] >= ' ' && key[i] <= '~'
	}
	if !ok {
		return "", refuse(badHeader, "Idempotency-Key must be there once and have 1 to %d printable ASCII characters.", maxKey).with("header", keyHeader)
	}
	return key, nil
}

// fingerprint tells requests apart: by path and body.
func (c *call) fingerprint(body []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q ", c.request.URL.Path)
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// keep stores the answer. Its body may hold a secret.
func (c *call) keep(ctx context.Context, name, request string, out answer) error {
	body := out.body
	if out.again != nil {
		body = out.again
	}
	sealed, err := c.Box.Seal(ctx, c.project(), "", replyField(name), body)
	if err != nil {
		return err
	}
	return c.Replies.Finish(ctx, name, access.Reply{Request: request, Status: out.status, Header: out.header, Sealed: sealed}, c.Now())
}

func (c *call) replay(ctx context.Context, name string, r access.Reply) (answer, error) {
	body, err := c.Box.Open(ctx, c.project(), "", replyField(name), r.Sealed)
	if err != nil {
		return answer{}, fmt.Errorf("answer again: %w", err)
	}
	out := answer{status: r.Status, header: map[string]string{replayHeader: "true"}, body: body}
	for name, value := range r.Header {
		out.header[name] = value
	}
	return out, nil
}

// replyField names the sealed body of a reply.
func replyField(name string) string { return "reply " + name }

// warn logs what the client need not know: its request is done.
func (c *call) warn(what string, err error) {
	if err != nil {
		c.Logger.Warn(what, "request_id", c.id, "project", c.project(), "error", err.Error())
	}
}
