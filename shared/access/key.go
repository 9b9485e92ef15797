package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Scope is what a key may do.
type Scope string

const (
	Read  Scope = "read"  // every GET but of keys
	Write Scope = "write" // everything else but keys
	Admin Scope = "admin" // API keys
)

// Scopes lists every scope.
var Scopes = []Scope{Read, Write, Admin}

const keyPrefix = "hmd_"

// Project is a tenant; it owns everything.
type Project struct {
	UID       string
	Name      string
	CreatedAt time.Time
}

// Key is an API key as it is kept: without the key itself.
type Key struct {
	UID       string
	Project   string
	Name      string
	Hash      string // SHA-256 of the key's text, in hex
	Hint      string // the last four characters, for people
	Scopes    []Scope
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
}

// NewToken returns a new key's text, to be shown once.
func NewToken() string {
	var b [32]byte
	rand.Read(b[:])
	return keyPrefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// Hash is what is kept of a key's text.
func Hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Hint is what people see of a key.
func Hint(token string) string {
	return keyPrefix + "…" + token[max(0, len(token)-4):]
}

// May reports whether the key has the scope.
func (k Key) May(s Scope) bool { return slices.Contains(k.Scopes, s) }

// Expired reports whether the key has ended.
func (k Key) Expired(now time.Time) bool { return !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt) }

// looksLikeToken saves a look-up for what cannot be a key.
func looksLikeToken(s string) bool {
	return strings.HasPrefix(s, keyPrefix) && len(s) == len(keyPrefix)+base64.RawURLEncoding.EncodedLen(32)
}
