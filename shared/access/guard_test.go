package access_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/access"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// keys is a store that counts how often it is asked.
type keys struct {
	mu    sync.Mutex
	keys  map[string]access.Key // by hash
	err   error
	asked int
}

func (k *keys) KeyByHash(_ context.Context, hash string) (access.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	if k.err != nil {
		return access.Key{}, k.err
	}
	key, ok := k.keys[hash]
	if !ok {
		return access.Key{}, fmt.Errorf("read key: %w", access.ErrNoKey)
	}
	return key, nil
}

func (k *keys) CreateKey(_ context.Context, key access.Key) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys[key.Hash] = key
	return nil
}

func (k *keys) DeleteKey(_ context.Context, project, uid string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for hash, key := range k.keys {
		if key.Project == project && key.UID == uid {
			delete(k.keys, hash)
			return nil
		}
	}
	return access.ErrNoKey
}

func (k *keys) ListKeys(context.Context, string) ([]access.Key, error)  { panic("not asked for") }
func (k *keys) CreateProject(context.Context, access.Project) error     { panic("not asked for") }
func (k *keys) Project(context.Context, string) (access.Project, error) { panic("not asked for") }

// guarded is a Guard over one key, at noon.
type guarded struct {
	*access.Guard
	store *keys
	token string
	key   access.Key
	now   time.Time
}

func guard(change ...func(*access.Key)) *guarded {
	g := &guarded{store: &keys{keys: map[string]access.Key{}}, token: access.NewToken(), now: noon}
	g.key = access.Key{UID: "k", Project: "p", Hash: access.Hash(g.token), Scopes: []access.Scope{access.Read}}
	for _, c := range change {
		c(&g.key)
	}
	g.store.CreateKey(context.Background(), g.key)
	g.Guard = access.New(access.Config{Store: g.store, Now: func() time.Time { return g.now }})
	return g
}

func ExampleGuard() {
	store := &keys{keys: map[string]access.Key{}}
	token := access.NewToken()
	store.CreateKey(context.Background(), access.Key{Project: "p", Hash: access.Hash(token), Scopes: []access.Scope{access.Read}})

	guard := access.New(access.Config{Store: store})
	key, err := guard.Check(context.Background(), token)
	fmt.Println(key.Project, key.May(access.Read), key.May(access.Write), err)
	_, err = guard.Check(context.Background(), access.NewToken())
	fmt.Println(err)
	// Output:
	// p true false <nil>
	// read key: no such API key
}

func TestTheStoreIsAskedOnceAMinuteForAKey(t *testing.T) {
	g := guard()
	for _, step := range []struct {
		after time.Duration
		asked int
	}{{0, 1}, {59 * time.Second, 1}, {time.Second - 1, 1}, {1, 2}, {59 * time.Second, 2}, {time.Second, 3}} {
		g.now = g.now.Add(step.after)
		got, err := g.Check(t.Context(), g.token)
		if diff := cmp.Diff(g.key, got); err != nil || diff != "" {
			t.Errorf("Check = %v (-want +got):\n%s", err, diff)
		}
		if g.store.asked != step.asked {
			t.Errorf("%v after noon the store was asked %d times, want %d", g.now.Sub(noon), g.store.asked, step.asked)
		}
	}
}

func TestARevokedKeyIsGoodForAMinuteAtMost(t *testing.T) {
	g := guard()
	if _, err := g.Check(t.Context(), g.token); err != nil {
		t.Fatalf("Check = %v, want nil", err)
	}
	delete(g.store.keys, g.key.Hash)
	g.now = g.now.Add(access.CachedFor)
	if key, err := g.Check(t.Context(), g.token); !errors.Is(err, access.ErrNoKey) || key.Project != "" {
		t.Errorf("Check a minute after the revocation = %+v, %v, want ErrNoKey", key, err)
	}
}

func TestAKeyThatIsRevokedHereIsForgottenAtOnce(t *testing.T) {
	g := guard()
	other, token := g.key, access.NewToken()
	other.UID, other.Hash = "k2", access.Hash(token)
	g.store.CreateKey(t.Context(), other)
	for _, token := range []string{g.token, token} {
		if _, err := g.Check(t.Context(), token); err != nil {
			t.Fatalf("Check = %v, want nil", err)
		}
	}
	for _, who := range []struct{ project, uid string }{{"p2", "k"}, {"p", "k3"}} {
		if err := g.Revoke(t.Context(), who.project, who.uid); !errors.Is(err, access.ErrNoKey) {
			t.Errorf("Revoke %s of project %s = %v, want ErrNoKey", who.uid, who.project, err)
		}
	}
	if err := g.Revoke(t.Context(), "p", "k"); err != nil {
		t.Fatalf("Revoke = %v, want nil", err)
	}
	asked := g.store.asked
	if _, err := g.Check(t.Context(), g.token); !errors.Is(err, access.ErrNoKey) {
		t.Errorf("Check right after Revoke = %v, want ErrNoKey", err)
	}
	if _, err := g.Check(t.Context(), token); err != nil || g.store.asked != asked+1 {
		t.Errorf("Check of the other key = %v with %d questions to the store, want nil and only one, about the key revoked", err, g.store.asked-asked)
	}
}

// A Check that has read the key before it was deleted must not remember it after.
func TestAKeyThatIsRevokedWhileItIsLookedUpIsNotRemembered(t *testing.T) {
	g := guard()
	g.Guard = access.New(access.Config{Store: slow{g.store, func() {
		if err := g.Revoke(t.Context(), "p", "k"); err != nil {
			t.Errorf("Revoke = %v, want nil", err)
		}
	}}, Now: func() time.Time { return g.now }})
	if _, err := g.Check(t.Context(), g.token); err != nil {
		t.Fatalf("Check that began before Revoke = %v, want nil", err)
	}
	if g.Remembered() != 0 {
		t.Errorf("%d answers are remembered, want none", g.Remembered())
	}
}

// slow is a store where something happens between a look at a key and its answer.
type slow struct {
	*keys
	meanwhile func()
}

func (s slow) KeyByHash(ctx context.Context, hash string) (access.Key, error) {
	key, err := s.keys.KeyByHash(ctx, hash)
	s.meanwhile()
	return key, err
}

func TestANewKeyIsNoticedWithinAMinuteOfItsFirstUse(t *testing.T) {
	g := guard()
	delete(g.store.keys, g.key.Hash)
	if _, err := g.Check(t.Context(), g.token); !errors.Is(err, access.ErrNoKey) {
		t.Fatalf("Check before the key is there = %v, want ErrNoKey", err)
	}
	g.store.CreateKey(t.Context(), g.key)
	g.now = g.now.Add(access.CachedFor)
	if _, err := g.Check(t.Context(), g.token); err != nil {
		t.Errorf("Check a minute later = %v, want nil", err)
	}
}

func TestAKeyExpiresWhileItIsRemembered(t *testing.T) {
	g := guard(func(k *access.Key) { k.ExpiresAt = noon.Add(10 * time.Second) })
	for after, want := range map[time.Duration]error{0: nil, 9 * time.Second: nil, 10 * time.Second: access.ErrNoKey, time.Hour: access.ErrNoKey} {
		g.now = noon.Add(after)
		key, err := g.Check(t.Context(), g.token)
		if !errors.Is(err, want) || want != nil && key.Project != "" {
			t.Errorf("Check %v after noon = %+v, %v, want %v", after, key, err, want)
		}
	}
}

func TestWhatCannotBeAKeyIsNotLookedUp(t *testing.T) {
	g := guard()
	for _, token := range []string{"", "hmd_", "hunter2", g.token[4:], g.token + "A", g.token[:len(g.token)-1], "HMD_" + g.token[4:], " " + g.token} {
		if _, err := g.Check(t.Context(), token); !errors.Is(err, access.ErrNoKey) {
			t.Errorf("Check(%q) = %v, want ErrNoKey", token, err)
		}
	}
	if g.store.asked != 0 {
		t.Errorf("the store was asked %d times, want never", g.store.asked)
	}
}

func TestWrongKeysFillNoMemory(t *testing.T) {
	g := guard()
	for range access.MaxCached + 100 {
		g.Check(t.Context(), access.NewToken())
	}
	if got := g.Remembered(); got == 0 || got > access.MaxCached {
		t.Errorf("after %d wrong keys %d answers are remembered, want at most %d", access.MaxCached+100, got, access.MaxCached)
	}
	if _, err := g.Check(t.Context(), g.token); err != nil {
		t.Errorf("Check of the right key after them = %v, want nil", err)
	}
}

func TestAStoreThatCannotBeAskedIsNoAnswer(t *testing.T) {
	g := guard()
	down := errors.New("the disk is full")
	g.store.err = down
	if _, err := g.Check(t.Context(), g.token); !errors.Is(err, down) || errors.Is(err, access.ErrNoKey) {
		t.Errorf("Check while the store is down = %v, want its error", err)
	}
	g.store.err = nil
	if _, err := g.Check(t.Context(), g.token); err != nil {
		t.Errorf("Check right after = %v, want nil: a fault is not remembered", err)
	}
	g.store.err = down
	if _, err := g.Check(t.Context(), g.token); err != nil {
		t.Errorf("Check of a remembered key while the store is down = %v, want nil", err)
	}
}

func TestAGuardServesManyAtOnce(t *testing.T) {
	g := guard()
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 50 {
				if key, err := g.Check(t.Context(), g.token); err != nil || key.Project != "p" {
					t.Errorf("Check = %+v, %v, want the key", key, err)
				}
				g.Check(t.Context(), access.NewToken())
			}
		})
	}
	wg.Wait()
}
