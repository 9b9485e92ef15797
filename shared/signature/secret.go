package signature

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Size of a secret in bytes. The specification asks for 24 to 64; New makes 32, the strength of SHA-256.
const (
	MinSecret = 24
	MaxSecret = 64
	newSecret = 32
)

const (
	secretPrefix = "whsec_" // of a secret's text, by the specification
	hidden       = "***"    // what a secret looks like to everyone but Reveal
	hintLen      = 4        // last characters that a hint shows: at most 24 of 192 bits and more
)

// ErrSecret means that a text is no signing secret. The error that wraps it says what is wrong with it, and never the text.
var ErrSecret = errors.New("unusable signing secret")

// Secret is what sender and receiver share to sign and to verify. Make one with New or Parse: the zero Secret signs nothing
// and verifies nothing. It never changes, and is safe for concurrent use.
type Secret struct {
	// A closure, because fmt prints the unexported fields of a surrounding struct without asking for their methods. It shows
	// the bytes of a slice there and, for some verbs, of what a pointer points to; into a closure nothing can look.
	key func() []byte
}

// New returns a secret of 32 bytes from random, or from crypto/rand if random is nil. It panics if random has no 32 bytes:
// a secret made of fewer must not exist.
func New(random io.Reader) Secret {
	if random == nil {
		random = rand.Reader
	}
	key := make([]byte, newSecret)
	if _, err := io.ReadFull(random, key); err != nil {
		panic("signature: no random bytes for a new secret: " + err.Error())
	}
	return secretOf(key)
}

// Parse reads a secret's text: whsec_ and the standard base64, padded, of 24 to 64 bytes. The error wraps ErrSecret.
func Parse(text string) (Secret, error) {
	key, err := decode(text)
	if err != nil {
		return Secret{}, err
	}
	if len(key) < MinSecret || len(key) > MaxSecret {
		return Secret{}, malformed("it has %d bytes", len(key))
	}
	return secretOf(key), nil
}

// IsZero reports whether s is the zero Secret, which signs nothing.
func (s Secret) IsZero() bool { return s.key == nil }

// Equal reports, in constant time, whether both are the same secret.
func (s Secret) Equal(other Secret) bool { return hmac.Equal(s.bytes(), other.bytes()) }

// Reveal returns the secret's text, whsec_ and base64, which Parse reads; empty for the zero Secret. It is the only way to see
// a secret: for the one answer that shows it, and for sealing.
func (s Secret) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(s.key())
}

// Hint returns what may be shown of the secret for good: "whsec_…" and the last four characters of its text; empty for the
// zero Secret.
func (s Secret) Hint() string {
	if s.IsZero() {
		return ""
	}
	text := s.Reveal()
	return secretPrefix + "…" + text[len(text)-hintLen:]
}

// String returns "***".
func (Secret) String() string { return hidden }

// Format writes "***" for every verb.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, hidden) }

// MarshalText returns "***", for JSON and for the handlers of slog.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

func secretOf(key []byte) Secret { return Secret{func() []byte { return key }} }

func (s Secret) bytes() []byte {
	if s.IsZero() {
		return nil
	}
	return s.key()
}

// decode reads a secret's text of any length. Strict base64 without line breaks, so that Reveal returns the text it was.
func decode(text string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(text, secretPrefix)
	if !ok {
		return nil, malformed("it does not begin with %s", secretPrefix)
	}
	if i := strings.IndexAny(encoded, "\r\n"); i >= 0 {
		return nil, malformed("there is a line break after %d characters of base64", i)
	}
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		var at base64.CorruptInputError
		errors.As(err, &at)
		return nil, malformed("after %s it is not base64 beyond its first %d characters", secretPrefix, int64(at))
	}
	return key, nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s; want %s and the standard base64, padded with =, of %d to %d bytes",
		ErrSecret, fmt.Sprintf(format, args...), secretPrefix, MinSecret, MaxSecret)
}
