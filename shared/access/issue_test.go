package access_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/access"
	"hermod/shared/uid"
)

// memory is a store of what is written to it.
type memory struct {
	access.Store
	projects []access.Project
	keys     []access.Key
	err      error
}

func (m *memory) CreateProject(_ context.Context, p access.Project) error {
	m.projects = append(m.projects, p)
	return nil
}

func (m *memory) CreateKey(_ context.Context, k access.Key) error {
	m.keys = append(m.keys, k)
	return m.err
}

func TestAProjectIsFoundedWithAKeyOfEveryScope(t *testing.T) {
	m, now := new(memory), time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	p, token, err := access.Found(t.Context(), m, "acme", now)
	if err != nil || len(m.projects) != 1 || len(m.keys) != 1 {
		t.Fatalf("Found = %v with %d projects and %d keys, want one of each", err, len(m.projects), len(m.keys))
	}
	k := m.keys[0]
	if m.projects[0] != p || p.Name != "acme" || k.Project != p.UID || k.Hash != access.Hash(token) || strings.Contains(k.Hint, token) {
		t.Errorf("Found makes %+v and the key %+v of the text %s, want them to belong together", p, k, token)
	}
	for _, s := range access.Scopes {
		if !k.May(s) {
			t.Errorf("the first key may not %s", s)
		}
	}
	for _, name := range []string{"", strings.Repeat("x", 257)} {
		if _, _, err := access.Found(t.Context(), m, name, now); !errors.Is(err, access.ErrName) {
			t.Errorf("Found with a name of %d bytes = %v, want ErrName", len(name), err)
		}
	}
}

func TestAKeyIsIssuedAsItWasAskedFor(t *testing.T) {
	m, now := new(memory), time.Date(2026, 3, 4, 5, 6, 7, 8_000_009, time.UTC)
	asked := access.Key{Project: "p", Name: "CI", Scopes: []access.Scope{access.Write}, ExpiresAt: now.Add(time.Hour)}
	k, token, err := access.Issue(t.Context(), m, asked, now)
	if err != nil || len(m.keys) != 1 {
		t.Fatalf("Issue = %v with %d keys, want one", err, len(m.keys))
	}
	want := asked
	want.UID, want.Hash, want.Hint, want.CreatedAt = k.UID, access.Hash(token), access.Hint(token), now.Truncate(time.Millisecond)
	if diff := cmp.Diff(want, k) + cmp.Diff(k, m.keys[0]); diff != "" || !uid.Valid(k.UID) || !uid.Time(k.UID).Equal(want.CreatedAt) {
		t.Errorf("Issue (-want +got), with the uid %s:\n%s", k.UID, diff)
	}
	m.err = access.ErrKeyQuota
	if k, token, err := access.Issue(t.Context(), m, asked, now); !errors.Is(err, access.ErrKeyQuota) || token != "" || k.UID != "" {
		t.Errorf("Issue beyond the quota = %+v, %q, %v, want ErrKeyQuota", k, token, err)
	}
}
