package sqlite

import (
	"context"
	"slices"
	"strings"

	"hermod/shared/access"
)

// Access keeps projects, keys and replies. It is an access.Store and an access.Replies.
type Access struct{ db *DB }

// Access returns the side of the database that keeps projects, keys and replies.
func (db *DB) Access() *Access { return &Access{db} }

// CreateProject writes a new project.
func (s *Access) CreateProject(ctx context.Context, p access.Project) error {
	doc := encode(projectDoc{UID: p.UID, Name: p.Name, CreatedAt: stamp(p.CreatedAt)})
	return s.db.write(ctx, "create project", func(t *tx) error {
		_, err := t.exec("INSERT INTO project (uid, doc) VALUES (?, ?)", p.UID, doc)
		return err
	})
}

// Project reads one.
func (s *Access) Project(ctx context.Context, uid string) (access.Project, error) {
	return readOne(ctx, s.db, "read project", access.ErrNoProject, decodeProject, "SELECT doc FROM project WHERE uid = ?", uid)
}

// CountProjects counts the projects: none means that the file is new.
func (s *Access) CountProjects(ctx context.Context) (n int, err error) {
	err = s.db.read(ctx, "count projects", func(c *conn) error {
		n, err = c.number("SELECT count(*) FROM project")
		return err
	})
	return n, err
}

// CreateKey writes a new key.
func (s *Access) CreateKey(ctx context.Context, k access.Key) error {
	doc := encode(keyDoc{
		UID: k.UID, Project: k.Project, Name: k.Name, Hint: k.Hint, Scopes: k.Scopes, CreatedAt: stamp(k.CreatedAt), ExpiresAt: stamp(k.ExpiresAt),
	})
	return s.db.write(ctx, "create API key", func(t *tx) error {
		n, err := t.number("SELECT count(*) FROM api_key WHERE project = ?", k.Project)
		if err != nil {
			return err
		}
		if n >= access.MaxKeys {
			return access.ErrKeyQuota
		}
		_, err = t.exec("INSERT INTO api_key (hash, project, doc) VALUES (?, ?, ?)", k.Hash, k.Project, doc)
		return err
	})
}

// KeyByHash reads the key whose text has this hash.
func (s *Access) KeyByHash(ctx context.Context, hash string) (access.Key, error) {
	return readOne(ctx, s.db, "read API key", access.ErrNoKey, decodeKey, "SELECT doc, hash FROM api_key WHERE hash = ?", hash)
}

// keysOf reads the keys of a project; there are few enough to look for one among them.
const keysOf = "SELECT doc, hash FROM api_key WHERE project = ?"

// ListKeys returns all keys of the project, newest first.
func (s *Access) ListKeys(ctx context.Context, project string) ([]access.Key, error) {
	list, err := readAll(ctx, s.db, "list API keys", decodeKey, keysOf, project)
	slices.SortFunc(list, func(a, b access.Key) int { return strings.Compare(b.UID, a.UID) })
	return list, err
}

// DeleteKey removes a key of the project.
func (s *Access) DeleteKey(ctx context.Context, project, uid string) error {
	return s.db.write(ctx, "delete API key", func(t *tx) error {
		list, err := collect(t.rows(keysOf, project), decodeKey)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(k access.Key) bool { return k.UID == uid })
		if i < 0 {
			return access.ErrNoKey
		}
		_, err = t.exec("DELETE FROM api_key WHERE hash = ?", list[i].Hash)
		return err
	})
}

type projectDoc struct {
	UID       string `json:"uid"`
	Name      string `json:"name"`
	CreatedAt int64  `json:"created_at"`
}

func decodeProject(r row) (access.Project, error) {
	d, err := decode[projectDoc](r.blob(0))
	return access.Project{UID: d.UID, Name: d.Name, CreatedAt: moment(d.CreatedAt)}, err
}

type keyDoc struct {
	UID       string         `json:"uid"`
	Project   string         `json:"project"`
	Name      string         `json:"name,omitempty"`
	Hint      string         `json:"hint,omitempty"`
	Scopes    []access.Scope `json:"scopes"`
	CreatedAt int64          `json:"created_at"`
	ExpiresAt int64          `json:"expires_at,omitempty"`
}

// decodeKey reads a row of doc and hash.
func decodeKey(r row) (access.Key, error) {
	d, err := decode[keyDoc](r.blob(0))
	return access.Key{
		UID: d.UID, Project: d.Project, Name: d.Name, Hash: r.text(1), Hint: d.Hint, Scopes: d.Scopes,
		CreatedAt: moment(d.CreatedAt), ExpiresAt: moment(d.ExpiresAt),
	}, err
}
