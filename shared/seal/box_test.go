package seal_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hermod/shared/seal"
)

const (
	project = "0190a5d1-7c00-7abc-8def-0123456789ab"
	webhook = "0190a5d1-7c00-7abc-8def-fedcba987654"
	field   = "secret"
)

// memory is Keys in memory. It can fail before and after it has stored a key.
type memory struct {
	mu         sync.Mutex
	wrapped    map[string][]byte
	puts       int // that stored a key
	failBefore error
	failAfter  error
	onMiss     func() // called once, after DataKey has found nothing
}

func newMemory() *memory { return &memory{wrapped: map[string][]byte{}} }

func (m *memory) DataKey(ctx context.Context, project string) ([]byte, error) {
	m.mu.Lock()
	w, ok := m.wrapped[project]
	onMiss := m.onMiss
	if !ok {
		m.onMiss = nil
	}
	m.mu.Unlock()
	if ok {
		return bytes.Clone(w), nil
	}
	if onMiss != nil {
		onMiss()
	}
	return nil, seal.ErrNoKey
}

func (m *memory) PutDataKey(ctx context.Context, project string, wrapped []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failBefore != nil {
		return m.failBefore
	}
	if m.wrapped[project] != nil {
		return seal.ErrKeyExists
	}
	m.wrapped[project] = bytes.Clone(wrapped)
	m.puts++
	return m.failAfter
}

// counting is a Wrapper that counts.
type counting struct {
	seal.Wrapper
	mu             sync.Mutex
	wraps, unwraps int
	fail           error
}

func (c *counting) Wrap(ctx context.Context, project string, key []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wraps++
	if c.fail != nil {
		return nil, c.fail
	}
	return c.Wrapper.Wrap(ctx, project, key)
}

func (c *counting) Unwrap(ctx context.Context, project string, wrapped []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unwraps++
	if c.fail != nil {
		return nil, c.fail
	}
	return c.Wrapper.Unwrap(ctx, project, wrapped)
}

func newBox(t testing.TB, w seal.Wrapper, k seal.Keys) *seal.Box {
	t.Helper()
	box, err := seal.New(seal.Config{Wrapper: w, Keys: k})
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func newKeyFile(t testing.TB) *seal.KeyFile {
	t.Helper()
	k, err := seal.OpenKeyFile(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func mustSeal(t testing.TB, box *seal.Box, plain string) string {
	t.Helper()
	sealed, err := box.Seal(t.Context(), project, webhook, field, []byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func wantOpen(t *testing.T, box *seal.Box, sealed, want string) {
	t.Helper()
	if got, err := box.Open(t.Context(), project, webhook, field, sealed); err != nil || string(got) != want {
		t.Errorf("Open = %q, %v; want %q", got, err, want)
	}
}

func Example() {
	dir, _ := os.MkdirTemp("", "seal")
	defer os.RemoveAll(dir)
	ctx := context.Background()

	file, err := seal.OpenKeyFile(filepath.Join(dir, "key"))
	if err != nil {
		fmt.Println(err)
		return
	}
	box, _ := seal.New(seal.Config{Wrapper: file, Keys: newMemory()})

	sealed, _ := box.Seal(ctx, "project", "webhook", "header/Authorization", []byte("Bearer xyz"))
	plain, err := box.Open(ctx, "project", "webhook", "header/Authorization", sealed)
	fmt.Println(string(plain), err)

	_, err = box.Open(ctx, "project", "another webhook", "header/Authorization", sealed)
	fmt.Println(err)
	// Output:
	// Bearer xyz <nil>
	// open "header/Authorization" of webhook "another webhook": sealed value altered, or sealed elsewhere
}

func TestOpenReturnsWhatWasSealed(t *testing.T) {
	box := newBox(t, newKeyFile(t), newMemory())
	for _, plain := range []string{"", "x", "Bearer xyz", strings.Repeat("long ", 100_000), "\x00\xff"} {
		wantOpen(t, box, mustSeal(t, box, plain), plain)
	}
	if first, second := mustSeal(t, box, "same"), mustSeal(t, box, "same"); first == second {
		t.Error("sealing the same twice gives the same text, want a fresh nonce each time")
	}
}

// What is stored must be readable by every later release: this text may never change.
func TestFormatStaysReadable(t *testing.T) {
	keys := newMemory()
	keys.wrapped[project] = bytes.Repeat([]byte{7}, 32)
	box, err := seal.New(seal.Config{Wrapper: plainWrapper{}, Keys: keys, Random: bytes.NewReader(bytes.Repeat([]byte{9}, 12))})
	if err != nil {
		t.Fatal(err)
	}
	const want = "AQAJCQkJCQkJCQkJCQmNLDBNGg1or8j61iXpShgazB5HMJtDPT-LXQ"
	if got := mustSeal(t, box, "Bearer xyz"); got != want {
		t.Errorf("Seal = %q, want %q", got, want)
	}
	wantOpen(t, box, want, "Bearer xyz")
	const wantKey = "20846aa1e3ca13931bb7e8f98649b0541f34ca1e13ffdbe9e718eed0f9b0b954"
	if got, err := box.Derive(t.Context(), project, "cursor"); err != nil || hex.EncodeToString(got) != wantKey {
		t.Errorf("Derive = %x, %v; want %s", got, err, wantKey)
	}
}

// plainWrapper wraps nothing.
type plainWrapper struct{}

func (plainWrapper) Wrap(_ context.Context, _ string, key []byte) ([]byte, error) { return key, nil }
func (plainWrapper) Unwrap(_ context.Context, _ string, wrapped []byte) ([]byte, error) {
	return wrapped, nil
}

func TestEveryChangedByteIsNoticed(t *testing.T) {
	box := newBox(t, newKeyFile(t), newMemory())
	sealed := mustSeal(t, box, "Bearer xyz")
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for bit := range 8 {
			altered := bytes.Clone(raw)
			altered[i] ^= 1 << bit
			want := seal.ErrTampered
			if i < 2 { // format and key number: of a later release, as far as this one can tell
				want = seal.ErrFormat
			}
			wantOpenError(t, box, fmt.Sprintf("bit %d of byte %d changed", bit, i), base64.RawURLEncoding.EncodeToString(altered), want)
		}
		wantOpenError(t, box, fmt.Sprintf("only %d bytes left", i), base64.RawURLEncoding.EncodeToString(raw[:i]), seal.ErrTampered)
	}
	for i := range sealed {
		wantOpenError(t, box, fmt.Sprintf("character %d replaced", i), sealed[:i]+"*"+sealed[i+1:], seal.ErrTampered)
	}
	wantOpenError(t, box, "a byte added", base64.RawURLEncoding.EncodeToString(append(bytes.Clone(raw), 0)), seal.ErrTampered)
	wantOpenError(t, box, "a line break added", sealed+"\n", seal.ErrTampered)
	wantOpenError(t, box, "the plain text itself", "Bearer xyz", seal.ErrTampered)
}

func wantOpenError(t *testing.T, box *seal.Box, how, sealed string, want error) {
	t.Helper()
	plain, err := box.Open(t.Context(), project, webhook, field, sealed)
	if !errors.Is(err, want) || plain != nil {
		t.Errorf("Open with %s = %q, %v; want %v", how, plain, err, want)
	}
}

func TestSealedValueOpensOnlyInItsPlace(t *testing.T) {
	box := newBox(t, newKeyFile(t), newMemory())
	ctx := t.Context()
	sealed, err := box.Seal(ctx, "p1", "web", "hook", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	mustHaveKey := func(project string) {
		if _, err := box.Seal(ctx, project, "", "", nil); err != nil {
			t.Fatal(err)
		}
	}
	mustHaveKey("p2")
	mustHaveKey("p1web")
	for _, p := range [][3]string{
		{"p2", "web", "hook"}, {"p1", "other", "hook"}, {"p1", "web", "other"}, {"p1", "hook", "web"},
		{"p1", "webhook", ""}, {"p1", "", "webhook"}, {"p1", "we", "bhook"}, {"p1web", "", "hook"}, {"p1", "web\x04hook", ""},
	} {
		if _, err := box.Open(ctx, p[0], p[1], p[2], sealed); !errors.Is(err, seal.ErrTampered) {
			t.Errorf("Open for project %q, webhook %q, field %q = %v, want ErrTampered", p[0], p[1], p[2], err)
		}
	}
}

func TestOpenMakesNoKey(t *testing.T) {
	sealed := mustSeal(t, newBox(t, newKeyFile(t), newMemory()), "x")
	keys := newMemory()
	if _, err := newBox(t, newKeyFile(t), keys).Open(t.Context(), project, webhook, field, sealed); !errors.Is(err, seal.ErrNoKey) || keys.puts != 0 {
		t.Errorf("Open without a data key = %v and %d keys stored, want ErrNoKey and none", err, keys.puts)
	}
}

func TestBoxesShareKeys(t *testing.T) {
	file, keys := newKeyFile(t), newMemory()
	a, b := newBox(t, file, keys), newBox(t, file, keys)
	wantOpen(t, b, mustSeal(t, a, "from a"), "from a")
	wantOpen(t, a, mustSeal(t, b, "from b"), "from b")
	if keys.puts != 1 {
		t.Errorf("two boxes made %d data keys for one project, want 1", keys.puts)
	}
}

func TestDataKeyIsUnwrappedOnce(t *testing.T) {
	wrapper, keys := &counting{Wrapper: newKeyFile(t)}, newMemory()
	sealed := mustSeal(t, newBox(t, wrapper, keys), "x")
	box := newBox(t, wrapper, keys)
	for range 10 {
		wantOpen(t, box, sealed, "x")
	}
	if wrapper.wraps != 1 || wrapper.unwraps != 1 {
		t.Errorf("%d wraps and %d unwraps, want 1 for the process that made the key and 1 for the one that read it", wrapper.wraps, wrapper.unwraps)
	}
}

func TestConcurrentFirstUseMakesOneKey(t *testing.T) {
	wrapper, keys := &counting{Wrapper: newKeyFile(t)}, newMemory()
	boxes := []*seal.Box{newBox(t, wrapper, keys), newBox(t, wrapper, keys), newBox(t, wrapper, keys)}
	texts := make([]string, 60)
	var wg sync.WaitGroup
	for i := range texts {
		wg.Go(func() {
			sealed, err := boxes[i%len(boxes)].Seal(t.Context(), project, webhook, field, []byte("x"))
			if err != nil {
				t.Errorf("Seal %d = %v", i, err)
			}
			texts[i] = sealed
		})
	}
	wg.Wait()
	if keys.puts != 1 || wrapper.wraps > len(boxes) {
		t.Errorf("%d data keys stored and %d made, want 1 and at most one per box", keys.puts, wrapper.wraps)
	}
	for i, sealed := range texts {
		wantOpen(t, boxes[(i+1)%len(boxes)], sealed, "x")
	}
}

func TestLoserOfTheFirstWriteUsesTheWinnersKey(t *testing.T) {
	file, keys := newKeyFile(t), newMemory()
	winner, loser := newBox(t, file, keys), newBox(t, file, keys)
	var sealed string
	keys.onMiss = func() { sealed = mustSeal(t, winner, "by the winner") } // between the loser's read and its write
	byLoser := mustSeal(t, loser, "by the loser")
	wantOpen(t, loser, sealed, "by the winner")
	wantOpen(t, winner, byLoser, "by the loser")
}

func TestFailuresOfTheStoreLoseNothing(t *testing.T) {
	down := errors.New("store down")
	keys := newMemory()
	box := newBox(t, newKeyFile(t), keys)

	keys.failBefore = down
	if _, err := box.Seal(t.Context(), project, webhook, field, nil); !errors.Is(err, down) || keys.puts != 0 {
		t.Errorf("Seal with a store that fails before writing = %v, want its error", err)
	}
	keys.failBefore, keys.failAfter = nil, down
	if _, err := box.Seal(t.Context(), project, webhook, field, nil); !errors.Is(err, down) || keys.puts != 1 {
		t.Errorf("Seal with a store that fails after writing = %v, want its error", err)
	}
	keys.failAfter = nil
	wantOpen(t, box, mustSeal(t, box, "x"), "x")
	if keys.puts != 1 {
		t.Errorf("%d data keys stored, want the one that was written before the error", keys.puts)
	}
}

func TestFailuresOfTheWrapperPassBy(t *testing.T) {
	down := errors.New("wrapper down")
	wrapper, keys := &counting{Wrapper: newKeyFile(t), fail: down}, newMemory()
	box := newBox(t, wrapper, keys)
	if _, err := box.Seal(t.Context(), project, webhook, field, nil); !errors.Is(err, down) {
		t.Errorf("Seal with a wrapper that is down = %v, want its error", err)
	}
	wrapper.fail = nil
	wantOpen(t, box, mustSeal(t, box, "x"), "x")
}

func TestWaitingForTheKeyEndsWithTheContext(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	keys := newMemory()
	keys.onMiss = func() { close(entered); <-release }
	box := newBox(t, newKeyFile(t), keys)
	first := make(chan error)
	go func() {
		_, err := box.Seal(t.Context(), project, webhook, field, nil)
		first <- err
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := box.Seal(ctx, project, webhook, field, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Seal behind a slow one, cancelled = %v, want context.Canceled", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Errorf("the slow Seal = %v, want nil", err)
	}
}

func TestRandomThatEndsSealsNothing(t *testing.T) {
	for _, n := range []int{0, 31, 32, 43} { // the data key takes 32 bytes, the nonce 12
		keys := newMemory()
		box, err := seal.New(seal.Config{Wrapper: newKeyFile(t), Keys: keys, Random: bytes.NewReader(make([]byte, n))})
		if err != nil {
			t.Fatal(err)
		}
		if sealed, err := box.Seal(t.Context(), project, webhook, field, []byte("x")); err == nil || sealed != "" {
			t.Errorf("Seal with %d random bytes = %q, %v; want an error", n, sealed, err)
		}
	}
}

func TestDerivedKeysDifferByProjectAndPurpose(t *testing.T) {
	file, keys := newKeyFile(t), newMemory()
	box := newBox(t, file, keys)
	derive := func(box *seal.Box, project, purpose string) string {
		key, err := box.Derive(t.Context(), project, purpose)
		if err != nil || len(key) != 32 {
			t.Fatalf("Derive(%s, %s) = %d bytes, %v; want 32", project, purpose, len(key), err)
		}
		return string(key)
	}
	cursor := derive(box, "p1", "cursor")
	if cursor != derive(newBox(t, file, keys), "p1", "cursor") {
		t.Error("two processes derive different keys for one purpose")
	}
	if cursor == derive(box, "p2", "cursor") || cursor == derive(box, "p1", "cursors") || cursor == derive(box, "p1", "") {
		t.Error("two purposes or projects share a derived key")
	}
}

func TestProjectMustBeNamed(t *testing.T) {
	keys := newMemory()
	box := newBox(t, newKeyFile(t), keys)
	if _, err := box.Seal(t.Context(), "", webhook, field, nil); err == nil || keys.puts != 0 {
		t.Errorf("Seal without a project = %v and %d keys stored, want an error and none", err, keys.puts)
	}
}

func TestDataKeyOfAnotherSizeIsRefused(t *testing.T) {
	keys := newMemory()
	keys.wrapped[project] = make([]byte, 31)
	if _, err := newBox(t, plainWrapper{}, keys).Seal(t.Context(), project, webhook, field, nil); !errors.Is(err, seal.ErrTampered) {
		t.Errorf("Seal under a data key of 31 bytes = %v, want ErrTampered", err)
	}
}

func TestConfigMustBeComplete(t *testing.T) {
	for _, c := range []seal.Config{{}, {Keys: newMemory()}, {Wrapper: plainWrapper{}}} {
		if _, err := seal.New(c); err == nil {
			t.Errorf("New(%+v) = nil error, want one", c)
		}
	}
}

func TestNoVerbShowsAKey(t *testing.T) {
	root := bytes.Repeat([]byte{0xab}, 32)
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, root, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := seal.OpenKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	keys := newMemory()
	box := newBox(t, file, keys)
	mustSeal(t, box, "x")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%p", "%z"} {
		for _, out := range []string{fmt.Sprintf(verb, file), fmt.Sprintf(verb, *file), fmt.Sprintf(verb, struct{ f *seal.KeyFile }{file}), fmt.Sprintf(verb, box)} {
			for _, leak := range []string{"abab", "ABAB", "171 171", "0xab, 0xab", string(root[:3]), "2880154539"} { // the last is a word of AES's schedule
				if strings.Contains(out, leak) {
					t.Errorf("%s shows the key: %.200s", verb, out)
				}
			}
		}
	}
}

// Whatever the text is, only what was sealed opens.
func FuzzOpen(f *testing.F) {
	box := newBox(f, newKeyFile(f), newMemory())
	sealed := mustSeal(f, box, "x")
	for _, s := range []string{sealed, sealed + "\n", sealed[:10], "", "AQA", "AQE", "AgA", "*", strings.Repeat("A", 41)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		plain, err := box.Open(context.Background(), project, webhook, field, text)
		if (err == nil) != (text == sealed) || err != nil && !errors.Is(err, seal.ErrTampered) && !errors.Is(err, seal.ErrFormat) {
			t.Errorf("Open(%q) = %q, %v; want ErrTampered or ErrFormat for all but %q", text, plain, err, sealed)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	box := newBox(b, newKeyFile(b), newMemory())
	mustSeal(b, box, "warm")
	plain := []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8G")
	b.ReportAllocs()
	for b.Loop() {
		box.Seal(b.Context(), project, webhook, field, plain)
	}
}

func BenchmarkOpen(b *testing.B) {
	box := newBox(b, newKeyFile(b), newMemory())
	sealed := mustSeal(b, box, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8G")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := box.Open(b.Context(), project, webhook, field, sealed); err != nil {
			b.Fatal(err)
		}
	}
}
