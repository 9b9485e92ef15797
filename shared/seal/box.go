package seal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

const (
	keySize    = 32 // bytes, of every key here: AES-256 and SHA-256
	nonceSize  = 12 // bytes
	tagSize    = 16 // bytes
	headSize   = 2  // bytes: format and number of the data key
	formatByte = 1  // the one format there is
	keyNumber  = 0  // the one data key a project has
)

// What HKDF is told, so that no two keys made of a data key are the same.
const (
	infoSeal   = "hermod/seal/1"
	infoDerive = "hermod/derive/" // followed by the purpose
)

var encoding = base64.RawURLEncoding.Strict()

// Config is what a Box needs.
type Config struct {
	Wrapper Wrapper   // wraps data keys; required
	Keys    Keys      // stores wrapped data keys; required
	Random  io.Reader // for data keys and nonces, safe for concurrent use; nil: crypto/rand
}

// Box seals and opens. It keeps the data keys of the projects it has worked for in memory, until the process ends. It is safe
// for concurrent use.
type Box struct {
	wrapper Wrapper
	keys    Keys
	random  io.Reader
	slots   sync.Map // project -> *slot
}

// slot is a project's place for its data key.
type slot struct {
	key  atomic.Pointer[dataKey] // nil until it is known
	turn chan struct{}           // of size 1; who fills it may fetch or make the key
}

// dataKey is an unwrapped data key, ready for use. Its fields are closures because fmt follows pointers in unexported fields
// for some verbs, down to the bytes of a key.
type dataKey struct {
	aead   func() cipher.AEAD
	derive func(purpose string) ([]byte, error)
}

// New returns a Box. It reads and writes nothing yet.
func New(c Config) (*Box, error) {
	if c.Wrapper == nil || c.Keys == nil {
		return nil, errors.New("seal: Config needs Wrapper and Keys")
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	return &Box{wrapper: c.Wrapper, keys: c.Keys, random: c.Random}, nil
}

// Seal returns plain encrypted for the one place it belongs to: project, webhook and field. Webhook and field may be empty, as
// long as Open is told the same. Sealing the same twice gives two texts. The project gets a data key if it has none.
func (b *Box) Seal(ctx context.Context, project, webhook, field string, plain []byte) (string, error) {
	key, err := b.dataKey(ctx, project, true)
	if err != nil {
		return "", fmt.Errorf("seal %q of webhook %q: %w", field, webhook, err)
	}
	sealed := make([]byte, headSize+nonceSize, headSize+nonceSize+len(plain)+tagSize)
	sealed[0], sealed[1] = formatByte, keyNumber
	nonce := sealed[headSize:]
	if _, err := io.ReadFull(b.random, nonce); err != nil {
		return "", fmt.Errorf("seal %q of webhook %q: random nonce: %w", field, webhook, err)
	}
	sealed = key.aead().Seal(sealed, nonce, plain, placeOf(sealed[:headSize], project, webhook, field))
	return encoding.EncodeToString(sealed), nil
}

// Open returns what was sealed for the place. Its error wraps ErrTampered, ErrFormat, ErrNoKey, or what Wrapper and Keys
// returned.
func (b *Box) Open(ctx context.Context, project, webhook, field, sealed string) ([]byte, error) {
	plain, err := b.open(ctx, project, webhook, field, sealed)
	if err != nil {
		return nil, fmt.Errorf("open %q of webhook %q: %w", field, webhook, err)
	}
	return plain, nil
}

func (b *Box) open(ctx context.Context, project, webhook, field, sealed string) ([]byte, error) {
	raw, err := encoding.DecodeString(sealed)
	switch {
	case err != nil || len(raw) < headSize || len(sealed) != encoding.EncodedLen(len(raw)): // the decoder overlooks line breaks
		return nil, ErrTampered
	case raw[0] != formatByte || raw[1] != keyNumber:
		return nil, ErrFormat
	case len(raw) < headSize+nonceSize+tagSize:
		return nil, ErrTampered
	}
	key, err := b.dataKey(ctx, project, false)
	if err != nil {
		return nil, err
	}
	nonce, body := raw[headSize:headSize+nonceSize], raw[headSize+nonceSize:]
	plain, err := key.aead().Open(nil, nonce, body, placeOf(raw[:headSize], project, webhook, field))
	if err != nil {
		return nil, ErrTampered
	}
	return plain, nil
}

// Derive returns a key of 32 bytes for another purpose than sealing, such as signing cursors: always the same for a project
// and purpose, and unrelated to that of any other. The project gets a data key if it has none.
func (b *Box) Derive(ctx context.Context, project, purpose string) ([]byte, error) {
	key, err := b.dataKey(ctx, project, true)
	if err != nil {
		return nil, fmt.Errorf("derive the key for %q: %w", purpose, err)
	}
	return key.derive(purpose)
}

// dataKey returns the project's data key, from memory after the first time. Of all callers that need one which is not yet
// known, one at a time goes on; the others wait as long as their contexts allow.
func (b *Box) dataKey(ctx context.Context, project string, create bool) (*dataKey, error) {
	if project == "" {
		return nil, errors.New("no project is named")
	}
	s := b.slotOf(project)
	if key := s.key.Load(); key != nil {
		return key, nil
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if key := s.key.Load(); key != nil {
		return key, nil
	}
	raw, err := b.fetch(ctx, project)
	if create && errors.Is(err, ErrNoKey) {
		raw, err = b.create(ctx, project)
	}
	if err != nil {
		return nil, err
	}
	key, err := newDataKey(raw)
	if err != nil {
		return nil, err
	}
	s.key.Store(key)
	return key, nil
}

func (b *Box) slotOf(project string) *slot {
	if s, ok := b.slots.Load(project); ok {
		return s.(*slot)
	}
	s, _ := b.slots.LoadOrStore(project, &slot{turn: make(chan struct{}, 1)})
	return s.(*slot)
}

func (b *Box) fetch(ctx context.Context, project string) ([]byte, error) {
	wrapped, err := b.keys.DataKey(ctx, project)
	if err != nil {
		return nil, fmt.Errorf("read the data key of project %s: %w", project, err)
	}
	key, err := b.wrapper.Unwrap(ctx, project, wrapped)
	if err != nil {
		return nil, fmt.Errorf("unwrap the data key of project %s: %w", project, err)
	}
	return key, nil
}

// create makes the project's data key. If another process was faster, its key is the one.
func (b *Box) create(ctx context.Context, project string) ([]byte, error) {
	key := make([]byte, keySize)
	if _, err := io.ReadFull(b.random, key); err != nil {
		return nil, fmt.Errorf("random data key for project %s: %w", project, err)
	}
	wrapped, err := b.wrapper.Wrap(ctx, project, key)
	if err != nil {
		return nil, fmt.Errorf("wrap the data key of project %s: %w", project, err)
	}
	err = b.keys.PutDataKey(ctx, project, wrapped)
	if errors.Is(err, ErrKeyExists) {
		return b.fetch(ctx, project)
	}
	if err != nil {
		return nil, fmt.Errorf("store the data key of project %s: %w", project, err)
	}
	return key, nil
}

func newDataKey(raw []byte) (*dataKey, error) {
	if len(raw) != keySize {
		return nil, fmt.Errorf("%w: a data key of %d bytes, want %d", ErrTampered, len(raw), keySize)
	}
	derive := func(info string) ([]byte, error) { return hkdf.Key(sha256.New, raw, nil, info, keySize) }
	sealing, err := derive(infoSeal)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &dataKey{
		aead:   func() cipher.AEAD { return aead },
		derive: func(purpose string) ([]byte, error) { return derive(infoDerive + purpose) },
	}, nil
}

// placeOf returns additional data: a head, then each part after its length, so that no two places look the same.
func placeOf(head []byte, parts ...string) []byte {
	place := make([]byte, 0, 128)
	place = append(place, head...)
	for _, part := range parts {
		place = binary.AppendUvarint(place, uint64(len(part)))
		place = append(place, part...)
	}
	return place
}
