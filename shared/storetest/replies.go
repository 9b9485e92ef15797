package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"hermod/shared/access"
)

// Replies is the suite of access.Replies.
func Replies(t *testing.T, open func(t *testing.T, now func() time.Time) access.Replies) {
	run(t, open, []test[access.Replies]{
		{"the first request claims its name", replyClaimed},
		{"of many requests at once one claims the name", replyClaimRace},
		{"a reply is given again for its time", replyGivenAgain},
		{"a claim whose process died ends by itself", replyLeaseOver},
		{"of many requests after a claim has ended one claims the name", replyLeaseRace},
		{"a claim given up is free again", replyAbandoned},
	})
}

var someReply = access.Reply{
	Request: "fingerprint", Status: 201, Header: map[string]string{"Location": "/v3/webhooks/größe", "Content-Type": "application/json"}, Sealed: "c2VhbGVk",
}

// wantClaim begins a request that should get its turn.
func wantClaim(t *testing.T, s access.Replies, c *Clock, name string) {
	t.Helper()
	if got, err := s.Begin(t.Context(), name, someReply.Request, c.Now()); err != nil || got != nil {
		t.Errorf("Begin = %+v, %v, want the name claimed", got, err)
	}
}

// wantInFlight begins a request, another one by its body, that should not.
func wantInFlight(t *testing.T, s access.Replies, c *Clock, name string) {
	t.Helper()
	got, err := s.Begin(t.Context(), name, "another fingerprint", c.Now())
	if diff := same(&access.Reply{Request: someReply.Request}, got); !errors.Is(err, access.ErrInFlight) || diff != "" {
		t.Errorf("Begin while a claim holds = %v, want ErrInFlight (-want +got):\n%s", err, diff)
	}
}

func wantReply(t *testing.T, s access.Replies, c *Clock, name string, want access.Reply) {
	t.Helper()
	got, err := s.Begin(t.Context(), name, "another fingerprint", c.Now())
	if diff := same(&want, got); err != nil || diff != "" {
		t.Errorf("Begin of a request that was answered = %v (-want +got):\n%s", err, diff)
	}
}

func replyClaimed(t *testing.T, s access.Replies, c *Clock) {
	wantClaim(t, s, c, "k1|POST /webhooks|a b/ü%")
	wantInFlight(t, s, c, "k1|POST /webhooks|a b/ü%")
	for _, other := range []string{"k2|POST /webhooks|a b/ü%", "k1|POST /redrives|a b/ü%", "k1|POST /webhooks|a b/ü", "k1|POST /webhooks|A b/ü%"} {
		wantClaim(t, s, c, other)
	}
}

// claims counts how many of many requests at once got their turn.
func claims(t *testing.T, s access.Replies, c *Clock, name string) (n int) {
	t.Helper()
	for _, err := range atOnce(writers, func(i int) error {
		r, err := s.Begin(t.Context(), name, fmt.Sprint(i), c.Now())
		if err == nil && r != nil {
			return fmt.Errorf("a request that was never answered has the reply %+v", r)
		}
		return err
	}) {
		switch {
		case err == nil:
			n++
		case !errors.Is(err, access.ErrInFlight):
			t.Errorf("Begin = %v, want nil or ErrInFlight", err)
		}
	}
	return n
}

func replyClaimRace(t *testing.T, s access.Replies, c *Clock) {
	for _, name := range []string{"a", "b", "c"} {
		if n := claims(t, s, c, name); n != 1 {
			t.Errorf("%d of %d requests claimed the name, want one", n, writers)
		}
	}
}

func replyGivenAgain(t *testing.T, s access.Replies, c *Clock) {
	wantClaim(t, s, c, "a")
	c.Advance(30 * time.Second)
	must(t, s.Finish(t.Context(), "a", someReply, c.Now()), "Finish")
	wantReply(t, s, c, "a", someReply)
	c.Advance(access.ReplyRetention - time.Minute)
	wantReply(t, s, c, "a", someReply)
	c.Advance(2 * time.Minute)
	wantClaim(t, s, c, "a")
	wantInFlight(t, s, c, "a")

	empty := access.Reply{Request: someReply.Request, Status: 202}
	wantClaim(t, s, c, "b")
	must(t, s.Finish(t.Context(), "b", empty, c.Now()), "Finish")
	wantReply(t, s, c, "b", empty)
}

func replyLeaseOver(t *testing.T, s access.Replies, c *Clock) {
	wantClaim(t, s, c, "a")
	c.Advance(access.ReplyLease - time.Second)
	wantInFlight(t, s, c, "a")
	c.Advance(2 * time.Second)
	wantClaim(t, s, c, "a")
	wantInFlight(t, s, c, "a")
	must(t, s.Finish(t.Context(), "a", someReply, c.Now()), "Finish")
	wantReply(t, s, c, "a", someReply)
}

func replyLeaseRace(t *testing.T, s access.Replies, c *Clock) {
	wantClaim(t, s, c, "a")
	c.Advance(access.ReplyLease + time.Second)
	if n := claims(t, s, c, "a"); n != 1 {
		t.Errorf("%d of %d requests claimed the name that was free again, want one", n, writers)
	}
}

func replyAbandoned(t *testing.T, s access.Replies, c *Clock) {
	wantClaim(t, s, c, "a")
	must(t, s.Abandon(t.Context(), "a"), "Abandon")
	wantClaim(t, s, c, "a")
	wantInFlight(t, s, c, "a")
	must(t, s.Abandon(t.Context(), "b"), "Abandon of a name that nobody claimed")
	wantClaim(t, s, c, "b")
}
