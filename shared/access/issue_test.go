package access_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"hermod/shared/access"
)

// memory is a store of what is written to it.
type memory struct {
	access.Store
	projects []access.Project
	keys     []access.Key
}

func (m *memory) CreateProject(_ context.Context, p access.Project) error {
	m.projects = append(m.projects, p)
	return nil
}

func (m *memory) CreateKey(_ context.Context, k access.Key) error {
	m.keys = append(m.keys, k)
	return nil
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
