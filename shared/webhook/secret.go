package webhook

import (
	"slices"
	"time"
)

// Scheme is a way to sign deliveries, by its name in Standard Webhooks. How it signs is in package signature.
type Scheme string

const (
	SchemeV1  Scheme = "v1"  // HMAC-SHA256: the receiver has the secret too
	SchemeV1a Scheme = "v1a" // ed25519: the receiver has the public key only
)

// Schemes lists every scheme, in the order in which their signatures are sent.
var Schemes = []Scheme{SchemeV1, SchemeV1a}

// Secret signs deliveries until it ends.
type Secret struct {
	Sealed    string // its text (whsec_… or whsk_…), sealed
	Hint      string
	Print     string // a keyed fingerprint of its text, by which it is known again; empty for v1a, and in what older releases stored
	Public    string // of a key pair of v1a: the text of the public key (whpk_…), for anybody to see; empty for v1
	CreatedAt time.Time
	EndsAt    time.Time // zero: it is the current one of its scheme
}

// Scheme returns what the secret signs under.
func (s Secret) Scheme() Scheme {
	if s.Public != "" {
		return SchemeV1a
	}
	return SchemeV1
}

func (s Secret) ended(now time.Time) bool { return !s.EndsAt.IsZero() && !now.Before(s.EndsAt) }

// SignedBy returns the schemes that deliveries are signed under.
func (w Webhook) SignedBy() []Scheme {
	if w.Signatures == nil {
		return []Scheme{SchemeV1}
	}
	return w.Signatures
}

// Current returns the newest secret of a scheme; false if the webhook has none.
func (w Webhook) Current(scheme Scheme) (Secret, bool) {
	i := slices.IndexFunc(w.Secrets, func(s Secret) bool { return s.Scheme() == scheme })
	if i < 0 {
		return Secret{}, false
	}
	return w.Secrets[i], true
}

// ValidSecrets returns the secrets that sign at the given time: v1 before v1a, each newest first.
func (w Webhook) ValidSecrets(now time.Time) []Secret {
	idle := func(s Secret) bool { return s.ended(now) || !slices.Contains(w.SignedBy(), s.Scheme()) }
	if !slices.ContainsFunc(w.Secrets, idle) {
		return w.Secrets
	}
	return slices.DeleteFunc(slices.Clone(w.Secrets), idle)
}

// SignBy returns the webhook signed under these schemes, which Validate judges. The secrets of others end at once; a scheme
// that is new has none before Rotate.
func (w Webhook) SignBy(schemes []Scheme) Webhook {
	w.Signatures = schemes
	off := func(s Secret) bool { return !slices.Contains(w.SignedBy(), s.Scheme()) }
	w.Secrets = slices.DeleteFunc(slices.Clone(w.Secrets), off)
	return w
}

// Rotate returns the webhook with a new current secret of its scheme. Every older one of the scheme ends when the overlap is over,
// or earlier if it was to end earlier; beyond MaxSecrets the oldest end at once. Secrets of the other scheme stay as they are. One
// that is there already, by its Print, is there once: if it is the current one it stays as it is.
func (w Webhook) Rotate(next Secret, overlap time.Duration, now time.Time) Webhook {
	same, other := []Secret{next}, []Secret{}
	for _, s := range w.Secrets {
		switch end := now.Add(overlap); {
		case s.Scheme() != next.Scheme():
			other = append(other, s)
		case s.Print != "" && s.Print == next.Print:
			if s.EndsAt.IsZero() {
				same[0] = s
			}
		case overlap > 0 && !s.ended(now) && len(same) < MaxSecrets:
			if s.EndsAt.IsZero() || end.Before(s.EndsAt) {
				s.EndsAt = end
			}
			same = append(same, s)
		}
	}
	if next.Scheme() == SchemeV1 {
		w.Secrets = append(same, other...)
	} else {
		w.Secrets = append(other, same...)
	}
	return w
}
