package signature

import (
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
	v1       = "v1,"                         // begins a list entry of HMAC-SHA256
	v1Size   = len(v1) + (sha256.Size+2)/3*4 // of a list entry, in bytes
	headRoom = 128                           // bytes; an id of two uids, a timestamp and the full stops fit
)

// Why Verify refuses a delivery. Every error it returns wraps one of them.
var (
	ErrHeader  = errors.New("webhook header missing or malformed")
	ErrTooOld  = errors.New("webhook timestamp too old")
	ErrTooNew  = errors.New("webhook timestamp too far in the future")
	ErrNoMatch = errors.New("no webhook signature matches")
)

// Sign returns the value of the header webhook-signature for one attempt: an entry for each of the secrets in their order,
// which is newest first. The zero Secret has no entry, so without a usable secret the value is empty; such an attempt must
// not be made. Only the seconds of at are signed; they are the header webhook-timestamp. The id must not contain a full stop.
func Sign(secrets []Secret, id string, at time.Time, body []byte) string {
	var stamp [20]byte
	head := appendHead(make([]byte, 0, headRoom), id, string(strconv.AppendInt(stamp[:0], at.Unix(), 10)))
	list := make([]byte, 0, len(secrets)*(v1Size+1))
	for _, s := range secrets {
		if s.IsZero() {
			continue
		}
		if len(list) > 0 {
			list = append(list, ' ')
		}
		list = s.appendEntry(list, head, body)
	}
	return string(list)
}

// Verify checks a delivery as its receiver does: that one of the secrets has signed id, timestamp and body, and that the
// timestamp is at most tolerance from now, either way. Entries of other schemes are passed over. It returns nil, or an error
// that wraps ErrHeader, ErrTooOld, ErrTooNew or ErrNoMatch.
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
	head := appendHead(make([]byte, 0, headRoom), id, stamp)
	for _, s := range secrets {
		if !s.IsZero() && contains(list, s.appendEntry(nil, head, body)) {
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

// appendHead appends what is signed before the body.
func appendHead(dst []byte, id, stamp string) []byte {
	dst = append(dst, id...)
	dst = append(dst, '.')
	dst = append(dst, stamp...)
	return append(dst, '.')
}

// appendEntry appends the secret's entry for the list of signatures. Head and body are hashed one after the other: the body,
// up to 256 KB, is never copied.
func (s Secret) appendEntry(dst, head, body []byte) []byte {
	mac := hmac.New(sha256.New, s.key())
	mac.Write(head)
	mac.Write(body)
	return base64.StdEncoding.AppendEncode(append(dst, v1...), mac.Sum(nil))
}

// contains reports whether the list has the entry, comparing contents in constant time. The length of an entry is no secret.
func contains(list string, entry []byte) bool {
	for got := range strings.SplitSeq(list, " ") {
		if len(got) == len(entry) && hmac.Equal([]byte(got), entry) {
			return true
		}
	}
	return false
}
