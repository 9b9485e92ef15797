package awsdynamo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"hermod/shared/access"
)

// setProject names the project in an item that may be there already, with the numbers of what the project has.
const setProject = "SET f = :f, nm = :nm, ca = :ca"

// Access keeps projects, API keys and replies. It is an access.Store and an access.Replies.
type Access struct{ db *DB }

// Access returns the side of the table that keeps projects, API keys and replies.
func (db *DB) Access() *Access { return &Access{db} }

// CreateProject writes a new project.
func (s *Access) CreateProject(ctx context.Context, p access.Project) error {
	values := item{":f": number(format), ":nm": text(p.Name), ":ca": moment(p.CreatedAt)}
	err := s.db.read(ctx, func() error { return s.db.update(ctx, projectKey(p.UID), setProject, "", values) })
	if err != nil {
		return fmt.Errorf("create project %s: %w", p.UID, err)
	}
	return nil
}

// Project reads one. An item that only counts, made before the project, is none.
func (s *Access) Project(ctx context.Context, uid string) (access.Project, error) {
	i, err := s.db.get(ctx, projectKey(uid))
	if err == nil && i["ca"] == nil {
		err = access.ErrNoProject
	}
	if err = errors.Join(err, i.readable()); err != nil {
		return access.Project{}, fmt.Errorf("read project %s: %w", uid, err)
	}
	return access.Project{UID: uid, Name: i.text("nm"), CreatedAt: i.time("ca")}, nil
}

// CreateKey writes a new key, and a row in its project's list of keys.
func (s *Access) CreateKey(ctx context.Context, k access.Key) error {
	listing := keyListingKey(k.Project, k.UID).item()
	listing["f"], listing["hash"] = number(format), text(k.Hash)
	err := s.db.transact(ctx, s.db.putting(keyItem(k), "", nil), s.db.putting(listing, "", nil))
	if err != nil {
		return fmt.Errorf("create API key %s: %w", k.UID, err)
	}
	return nil
}

// KeyByHash reads the key whose text has this hash.
func (s *Access) KeyByHash(ctx context.Context, hash string) (k access.Key, err error) {
	i, err := s.db.get(ctx, apiKeyKey(hash))
	switch {
	case err == nil && i == nil:
		err = access.ErrNoKey
	case err == nil:
		k, err = decodeKey(i)
	}
	if err != nil {
		return access.Key{}, fmt.Errorf("read API key: %w", err)
	}
	return k, nil
}

// keyItem is a key as it is kept: uid, project, name, hint, scopes, times of creation and end.
func keyItem(k access.Key) item {
	i := apiKeyKey(k.Hash).item()
	i["f"], i["uid"], i["pid"] = number(format), text(k.UID), text(k.Project)
	i.setText("nm", k.Name)
	i.setText("hint", k.Hint)
	i.setJSON("sco", k.Scopes)
	i.setTime("ca", k.CreatedAt)
	i.setTime("ea", k.ExpiresAt)
	return i
}

func decodeKey(i item) (access.Key, error) {
	k := access.Key{
		UID: i.text("uid"), Project: i.text("pid"), Name: i.text("nm"), Hash: strings.TrimPrefix(i.text("pk"), "K#"), Hint: i.text("hint"),
		CreatedAt: i.time("ca"), ExpiresAt: i.time("ea"),
	}
	return k, errors.Join(i.readable(), i.json("sco", &k.Scopes))
}
