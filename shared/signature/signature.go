package signature

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a signed delivery.
const (
	HeaderID        = "webhook-id"        // the delivery's uid, the same on every attempt
	HeaderTimestamp = "webhook-timestamp" // of this attempt, in seconds since 1970
	HeaderSignature = "webhook-signature" // what Sign returns
)

// Tolerance is how far a timestamp may be from the receiver's clock, either way: what the specification's own libraries allow.
const Tolerance = 300 * time.Second

const (
	v1       = "v1,"                                    // begins a list entry of HMAC-SHA256
	v1Size   = len(v1) + (sha256.Size+2)/3*4            // of a list entry, in bytes
	v1a      = "v1a,"                                   // begins a list entry of ed25519
	v1aSize  = len(v1a) + (ed25519.SignatureSize+2)/3*4 // of a list entry, in bytes
	headRoom = 128                                      // bytes; an id of two uids, a timestamp and the full stops fit
)

// Why Verify refuses a delivery. Every error it returns wraps one of them.
var (
	ErrHeader  = errors.New("webhook header missing or malformed")
	ErrTooOld  = errors.New("webhook timestamp too old")
	ErrTooNew  = errors.New("webhook timestamp too far in the future")
	ErrNoMatch = errors.New("no webhook signature matches")
)

// Sign returns the value of the header webhook-signature for one attempt: an entry for each secret of v1 in their order, which is
// newest first, then one for each key pair of v1a. What cannot sign has no entry, so without a usable secret the value is empty;
// such an attempt must not be made. Only the seconds of at are signed; they are the header webhook-timestamp. The id must not
// contain a full stop.
func Sign(secrets []Secret, id string, at time.Time, body []byte) string {
	var stamp [20]byte
	c := contentOf(id, string(strconv.AppendInt(stamp[:0], at.Unix(), 10)), body)
	list := make([]byte, 0, len(secrets)*(v1Size+1))
	for _, prefix := range [...]string{secretPrefix, pairPrefix} {
		for _, s := range secrets {
			if s.prefix != prefix {
				continue
			}
			if len(list) > 0 {
				list = append(list, ' ')
			}
			list = s.appendEntry(list, &c)
		}
	}
	return string(list)
}

// Verify checks a delivery as its receiver does: that one of the secrets has signed id, timestamp and body, and that the
// timestamp is at most tolerance from now, either way. For v1a the public key is enough. Entries of unknown schemes are passed
// over. It returns nil, or an error that wraps ErrHeader, ErrTooOld, ErrTooNew or ErrNoMatch.
func Verify(header http.Header, body []byte, secrets []Secret, now time.Time, tolerance time.Duration) error {
	id, stamp, list := header.Get(HeaderID), header.Get(HeaderTimestamp), header.Get(HeaderSignature)
	switch {
	case id == "" || strings.Contains(id, "."):
		return fmt.Errorf("%w: %s must be there, without a full stop", ErrHeader, HeaderID)
	case list == "":
		return fmt.Errorf("%w: %s must be there", ErrHeader, HeaderSignature)
	}
	if err := checkTime(stamp, now, tolerance); err != nil {
		return err
	}
	c := contentOf(id, stamp, body)
	for _, s := range secrets {
		if s.signed(list, &c) {
			return nil
		}
	}
	return ErrNoMatch
}

// checkTime judges the text of a timestamp. 40 bits of seconds are 34,000 years: enough, and far from any overflow.
func checkTime(stamp string, now time.Time, tolerance time.Duration) error {
	seconds, err := strconv.ParseUint(stamp, 10, 40)
	if err != nil {
		return fmt.Errorf("%w: %s must be there, in whole seconds since 1970", ErrHeader, HeaderTimestamp)
	}
	age := now.Sub(time.Unix(int64(seconds), 0))
	switch {
	case age > tolerance:
		return fmt.Errorf("%w: by more than %s", ErrTooOld, tolerance)
	case age < -tolerance:
		return fmt.Errorf("%w: by more than %s", ErrTooNew, tolerance)
	}
	return nil
}

// content is what is signed: head and body, one after the other.
type content struct {
	head, body []byte
	whole      []byte // both in one piece, once it was asked for
}

func contentOf(id, stamp string, body []byte) content {
	head := append(make([]byte, 0, headRoom), id...)
	head = append(head, '.')
	head = append(head, stamp...)
	return content{head: append(head, '.'), body: body}
}

// text is the content in one piece, as ed25519 needs it, which reads it twice.
func (c *content) text() []byte {
	if c.whole == nil {
		c.whole = append(append(make([]byte, 0, len(c.head)+len(c.body)), c.head...), c.body...)
	}
	return c.whole
}

// appendEntry appends the secret's entry for the list of signatures. For v1 head and body are hashed one after the other: the
// body, up to 256 KB, is not copied.
func (s Secret) appendEntry(dst []byte, c *content) []byte {
	if s.prefix == pairPrefix {
		return base64.StdEncoding.AppendEncode(append(dst, v1a...), ed25519.Sign(s.key(), c.text()))
	}
	mac := hmac.New(sha256.New, s.key())
	mac.Write(c.head)
	mac.Write(c.body)
	return base64.StdEncoding.AppendEncode(append(dst, v1...), mac.Sum(nil))
}

// signed reports whether the list has an entry of the secret. For v1 it compares contents in constant time; the length of an
// entry is no secret, and of v1a nothing is.
func (s Secret) signed(list string, c *content) bool {
	var is func(entry string) bool
	switch s.prefix {
	case secretPrefix:
		want := s.appendEntry(nil, c)
		is = func(entry string) bool { return len(entry) == v1Size && hmac.Equal([]byte(entry), want) }
	case pairPrefix:
		is = func(entry string) bool { return signedBy(s.key()[ed25519.SeedSize:], entry, c) }
	case publicPrefix:
		is = func(entry string) bool { return signedBy(s.key(), entry, c) }
	default:
		return false
	}
	for entry := range strings.SplitSeq(list, " ") {
		if is(entry) {
			return true
		}
	}
	return false
}

// signedBy reports whether an entry of the list is the key's signature under v1a.
func signedBy(key ed25519.PublicKey, entry string, c *content) bool {
	encoded, ok := strings.CutPrefix(entry, v1a)
	if !ok || len(entry) != v1aSize {
		return false
	}
	sig, err := base64.StdEncoding.Strict().DecodeString(encoded)
	return err == nil && len(sig) == ed25519.SignatureSize && ed25519.Verify(key, c.text(), sig)
}
