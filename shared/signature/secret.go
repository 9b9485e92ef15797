package signature

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Size of a v1 secret in bytes. The specification asks for 24 to 64; New makes 32, the strength of SHA-256.
const (
	MinSecret = 24
	MaxSecret = 64
	newSecret = 32
)

// What texts begin with, by the specification.
const (
	secretPrefix = "whsec_" // a secret of v1
	pairPrefix   = "whsk_"  // a key pair of v1a: seed and public key, 64 bytes
	publicPrefix = "whpk_"  // a public key of v1a, 32 bytes
)

const (
	hidden  = "***" // what a secret looks like to everyone but Reveal
	hintLen = 4     // last characters that a hint shows: at most 24 of 192 bits and more
)

// ErrSecret means that a text is no signing secret. The error that wraps it says what is wrong with it, and never the text.
var ErrSecret = errors.New("unusable signing secret")

// Secret is what a delivery is signed with or verified with: a secret of v1 that both sides share, a key pair of v1a, or the
// public half of one, which signs nothing. Make one with New, NewPair or Parse: the zero Secret signs nothing and verifies
// nothing. It never changes, and is safe for concurrent use.
type Secret struct {
	prefix string // of its text, and so what it is
	// A closure, because fmt prints the unexported fields of a surrounding struct without asking for their methods. It shows
	// the bytes of a slice there and, for some verbs, of what a pointer points to; into a closure nothing can look.
	key func() []byte
}

// New returns a v1 secret of 32 bytes from random, or from crypto/rand if random is nil. It panics if random has no 32 bytes:
// a secret made of fewer must not exist.
func New(random io.Reader) Secret { return secretOf(secretPrefix, draw(random, newSecret)) }

// NewPair returns a key pair of v1a whose seed is 32 bytes from random, as New takes them.
func NewPair(random io.Reader) Secret {
	return secretOf(pairPrefix, ed25519.NewKeyFromSeed(draw(random, ed25519.SeedSize)))
}

func draw(random io.Reader, n int) []byte {
	if random == nil {
		random = rand.Reader
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(random, b); err != nil {
		panic("signature: no random bytes for a new secret: " + err.Error())
	}
	return b
}

// Parse reads a text: whsec_ and the standard base64, padded, of 24 to 64 bytes; whsk_ and that of a seed and its public key, 64
// bytes; whpk_ and that of a public key, 32 bytes. The error wraps ErrSecret.
func Parse(text string) (Secret, error) {
	k := kindOf(text)
	key, err := k.decode(text)
	if err != nil {
		return Secret{}, err
	}
	if len(key) < k.least || len(key) > k.most {
		return Secret{}, k.malformed("it has %d bytes", len(key))
	}
	// Who signs with a public key that is not the seed's gives the seed away.
	if k.prefix == pairPrefix && !hmac.Equal(ed25519.NewKeyFromSeed(key[:ed25519.SeedSize]), key) {
		return Secret{}, k.malformed("its public key is not that of its seed")
	}
	return secretOf(k.prefix, key), nil
}

// IsZero reports whether s is the zero Secret, which signs nothing.
func (s Secret) IsZero() bool { return s.key == nil }

// Equal reports, in constant time, whether both are the same secret.
func (s Secret) Equal(other Secret) bool {
	return s.prefix == other.prefix && hmac.Equal(s.bytes(), other.bytes())
}

// Reveal returns the text that Parse reads; empty for the zero Secret. It is the only way to see a secret: for the one answer
// that shows it, and for sealing.
func (s Secret) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return s.prefix + base64.StdEncoding.EncodeToString(s.key())
}

// Public returns what a receiver needs to verify signatures of v1a: whpk_ and the base64 of the public key, no secret. It is
// empty for a secret of v1.
func (s Secret) Public() string {
	switch s.prefix {
	case pairPrefix:
		return publicPrefix + base64.StdEncoding.EncodeToString(s.key()[ed25519.SeedSize:])
	case publicPrefix:
		return s.Reveal()
	}
	return ""
}

// Hint returns what may be shown of the secret for good: "whsec_…" and the last four characters of its text, or for v1a "whpk_…"
// and those of its public key; empty for the zero Secret.
func (s Secret) Hint() string {
	if s.IsZero() {
		return ""
	}
	prefix, text := s.prefix, s.Reveal()
	if public := s.Public(); public != "" {
		prefix, text = publicPrefix, public
	}
	return prefix + "…" + text[len(text)-hintLen:]
}

// String returns "***".
func (Secret) String() string { return hidden }

// Format writes "***" for every verb.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, hidden) }

// MarshalText returns "***", for JSON and for the handlers of slog.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

func secretOf(prefix string, key []byte) Secret {
	return Secret{prefix: prefix, key: func() []byte { return key }}
}

func (s Secret) bytes() []byte {
	if s.IsZero() {
		return nil
	}
	return s.key()
}

// kind is one kind of text.
type kind struct {
	prefix      string
	least, most int    // bytes after it
	size        string // the same, for people
}

var kinds = []kind{
	{secretPrefix, MinSecret, MaxSecret, fmt.Sprintf("%d to %d bytes", MinSecret, MaxSecret)},
	{pairPrefix, ed25519.PrivateKeySize, ed25519.PrivateKeySize, "a 32-byte seed and its 32-byte public key"},
	{publicPrefix, ed25519.PublicKeySize, ed25519.PublicKeySize, "a 32-byte public key"},
}

// kindOf is the kind whose prefix a text has. A text without any is taken for a secret of v1, and is none.
func kindOf(text string) kind {
	for _, k := range kinds {
		if strings.HasPrefix(text, k.prefix) {
			return k
		}
	}
	return kinds[0]
}

// decode reads a text of any length. Strict base64 without line breaks, so that Reveal returns the text it was.
func (k kind) decode(text string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(text, k.prefix)
	if !ok {
		return nil, k.malformed("it does not begin with %s", k.prefix)
	}
	if i := strings.IndexAny(encoded, "\r\n"); i >= 0 {
		return nil, k.malformed("there is a line break after %d characters of base64", i)
	}
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		var at base64.CorruptInputError
		errors.As(err, &at)
		return nil, k.malformed("after %s it is no standard base64 from character %d on", k.prefix, int64(at)+1)
	}
	return key, nil
}

func (k kind) malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s; want %s and the standard base64 (with + and /, not the URL-safe - and _, and padded with =) of %s",
		ErrSecret, fmt.Sprintf(format, args...), k.prefix, k.size)
}
