package storetest

import (
	"errors"
	"testing"
	"time"

	"hermod/shared/access"
)

// Access is the suite of access.Store.
func Access(t *testing.T, open func(t *testing.T, now func() time.Time) access.Store) {
	run(t, open, []test[access.Store]{
		{"a project is read as it was created", projectReadAsCreated},
		{"a project that is not there is not found", projectNotFound},
		{"a key is found by its hash", keyFoundByHash},
		{"a key that has expired is found", keyFoundExpired},
		{"a key that is not there is not found", keyNotFound},
	})
}

func newKey(project string, c *Clock) access.Key {
	token := access.NewToken()
	return access.Key{
		UID: newUID(c), Project: project, Name: `CI "größe"`, Hash: access.Hash(token), Hint: access.Hint(token),
		Scopes: []access.Scope{access.Write, access.Read}, CreatedAt: c.Now(), ExpiresAt: c.Now().Add(24 * time.Hour),
	}
}

func projectReadAsCreated(t *testing.T, s access.Store, c *Clock) {
	c.Advance(7 * time.Millisecond)
	for _, name := range []string{"Größe & Söhne", ""} {
		p := access.Project{UID: newUID(c), Name: name, CreatedAt: c.Now()}
		must(t, s.CreateProject(t.Context(), p), "CreateProject")
		got, err := s.Project(t.Context(), p.UID)
		if diff := same(p, got); err != nil || diff != "" {
			t.Errorf("Project = %v (-want +got):\n%s", err, diff)
		}
	}
}

func projectNotFound(t *testing.T, s access.Store, c *Clock) {
	must(t, s.CreateProject(t.Context(), access.Project{UID: newUID(c), CreatedAt: c.Now()}), "CreateProject")
	if got, err := s.Project(t.Context(), newUID(c)); !errors.Is(err, access.ErrNoProject) {
		t.Errorf("Project of a uid that is nobody's = %+v, %v, want ErrNoProject", got, err)
	}
}

func wantKey(t *testing.T, s access.Store, want access.Key) {
	t.Helper()
	got, err := s.KeyByHash(t.Context(), want.Hash)
	if diff := same(want, got); err != nil || diff != "" {
		t.Errorf("KeyByHash = %v (-want +got):\n%s", err, diff)
	}
}

func keyFoundByHash(t *testing.T, s access.Store, c *Clock) {
	c.Advance(7 * time.Millisecond)
	mine, admin, theirs := newKey("p1", c), newKey("p1", c), newKey("p2", c)
	admin.Scopes, admin.ExpiresAt = access.Scopes, time.Time{}
	for _, k := range []access.Key{mine, admin, theirs} {
		must(t, s.CreateKey(t.Context(), k), "CreateKey")
		wantKey(t, s, k)
	}
	wantKey(t, s, mine)
}

func keyFoundExpired(t *testing.T, s access.Store, c *Clock) {
	k := newKey("p1", c)
	must(t, s.CreateKey(t.Context(), k), "CreateKey")
	c.Advance(25 * time.Hour)
	wantKey(t, s, k)
}

func keyNotFound(t *testing.T, s access.Store, c *Clock) {
	k := newKey("p1", c)
	must(t, s.CreateKey(t.Context(), k), "CreateKey")
	for _, hash := range []string{newKey("p1", c).Hash, k.Hash[:63], k.Hash + "0", k.UID, "%", ""} {
		if got, err := s.KeyByHash(t.Context(), hash); !errors.Is(err, access.ErrNoKey) {
			t.Errorf("KeyByHash(%q) = %+v, %v, want ErrNoKey", hash, got, err)
		}
	}
}
