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
		{"a project lists its own keys, newest first", keysListed},
		{"a key that was deleted is gone", keyDeleted},
		{"a key is deleted by its own project only", keyDeletedByItsProject},
		{"of many deletes of a key at once one succeeds", keyDeleteRace},
		{"a project has as many keys as it may have", keyQuota},
		{"many new keys at once do not pass the quota", keyQuotaRace},
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

func createKey(t *testing.T, s access.Store, project string, c *Clock) access.Key {
	t.Helper()
	k := newKey(project, c)
	must(t, s.CreateKey(t.Context(), k), "CreateKey")
	return k
}

func wantKeys(t *testing.T, s access.Store, project string, want ...access.Key) {
	t.Helper()
	got, err := s.ListKeys(t.Context(), project)
	if diff := same(want, got); err != nil || diff != "" {
		t.Errorf("ListKeys of project %s = %v (-want +got):\n%s", project, err, diff)
	}
}

func wantNoKey(t *testing.T, s access.Store, hash string) {
	t.Helper()
	if got, err := s.KeyByHash(t.Context(), hash); !errors.Is(err, access.ErrNoKey) {
		t.Errorf("KeyByHash = %+v, %v, want ErrNoKey", got, err)
	}
}

func keysListed(t *testing.T, s access.Store, c *Clock) {
	must(t, s.CreateProject(t.Context(), access.Project{UID: "p1", CreatedAt: c.Now()}), "CreateProject")
	var want []access.Key
	for range 7 {
		c.Advance(7 * time.Millisecond)
		want = append([]access.Key{createKey(t, s, "p1", c)}, want...)
		createKey(t, s, "p2", c)
	}
	c.Advance(25 * time.Hour) // they expire, and stay in the list
	admin := newKey("p1", c)
	admin.Name, admin.Scopes, admin.ExpiresAt = "", access.Scopes, time.Time{}
	must(t, s.CreateKey(t.Context(), admin), "CreateKey")
	wantKeys(t, s, "p1", append([]access.Key{admin}, want...)...)
	wantKeys(t, s, "p3")
}

func keyDeleted(t *testing.T, s access.Store, c *Clock) {
	kept := createKey(t, s, "p1", c)
	c.Advance(time.Second)
	k := createKey(t, s, "p1", c)
	must(t, s.DeleteKey(t.Context(), "p1", k.UID), "DeleteKey")
	wantNoKey(t, s, k.Hash)
	wantKeys(t, s, "p1", kept)
	if err := s.DeleteKey(t.Context(), "p1", k.UID); !errors.Is(err, access.ErrNoKey) {
		t.Errorf("DeleteKey again = %v, want ErrNoKey", err)
	}
	wantKey(t, s, kept)
}

func keyDeletedByItsProject(t *testing.T, s access.Store, c *Clock) {
	k, theirs := createKey(t, s, "p1", c), createKey(t, s, "p2", c)
	for _, who := range []struct{ project, uid string }{{"p2", k.UID}, {"", k.UID}, {"p1", newUID(c)}, {"p1", k.Hash}, {"p1", ""}} {
		if err := s.DeleteKey(t.Context(), who.project, who.uid); !errors.Is(err, access.ErrNoKey) {
			t.Errorf("DeleteKey %q of project %q = %v, want ErrNoKey", who.uid, who.project, err)
		}
	}
	wantKeys(t, s, "p1", k)
	wantKeys(t, s, "p2", theirs)
	wantKey(t, s, k)
}

// fillKeys gives a project as many keys as it may have, and returns one of them.
func fillKeys(t *testing.T, s access.Store, project string, c *Clock) (one access.Key) {
	t.Helper()
	one = createKey(t, s, project, c)
	inTurn(access.MaxKeys-1, func(i int) {
		if err := s.CreateKey(t.Context(), newKey(project, c)); err != nil {
			t.Errorf("CreateKey %d of %d = %v, want nil", i+2, access.MaxKeys, err)
		}
	})
	return one
}

// wantFull checks that a project has no place for another key.
func wantFull(t *testing.T, s access.Store, project string, c *Clock) {
	t.Helper()
	beyond := newKey(project, c)
	if err := s.CreateKey(t.Context(), beyond); !errors.Is(err, access.ErrKeyQuota) {
		t.Errorf("CreateKey beyond the quota = %v, want ErrKeyQuota", err)
	}
	wantNoKey(t, s, beyond.Hash)
	if got, err := s.ListKeys(t.Context(), project); err != nil || len(got) != access.MaxKeys {
		t.Errorf("ListKeys = %d of them, %v, want %d", len(got), err, access.MaxKeys)
	}
}

func keyQuota(t *testing.T, s access.Store, c *Clock) {
	must(t, s.CreateProject(t.Context(), access.Project{UID: "p1", Name: "P", CreatedAt: c.Now()}), "CreateProject")
	one := fillKeys(t, s, "p1", c)
	wantFull(t, s, "p1", c)
	c.Advance(25 * time.Hour) // those that have expired count
	wantFull(t, s, "p1", c)
	createKey(t, s, "p2", c)
	must(t, s.DeleteKey(t.Context(), "p1", one.UID), "DeleteKey")
	createKey(t, s, "p1", c)
	wantFull(t, s, "p1", c)
	if p, err := s.Project(t.Context(), "p1"); err != nil || p.Name != "P" {
		t.Errorf("Project = %+v, %v, want it as it was created", p, err)
	}
}

func keyDeleteRace(t *testing.T, s access.Store, c *Clock) {
	one := fillKeys(t, s, "p1", c)
	winner(t, access.ErrNoKey, atOnce(8, func(int) error { return s.DeleteKey(t.Context(), "p1", one.UID) }))
	createKey(t, s, "p1", c)
	wantFull(t, s, "p1", c)
}

func keyQuotaRace(t *testing.T, s access.Store, c *Clock) {
	one := fillKeys(t, s, "p1", c)
	must(t, s.DeleteKey(t.Context(), "p1", one.UID), "DeleteKey")
	winner(t, access.ErrKeyQuota, atOnce(8, func(int) error { return s.CreateKey(t.Context(), newKey("p1", c)) })) // for one place
	wantFull(t, s, "p1", c)
}
