package awsdynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"hermod/shared/access"
)

const (
	// setProject names the project in an item that may be there already, with the numbers of what the project has.
	setProject = "SET f = :f, nm = :nm, ca = :ca"
	// A project's API keys are counted in its item.
	countKey = "SET f = if_not_exists(f, :f) ADD nk :n"
	ifKeys   = "attribute_not_exists(nk) OR nk < :max"
	ifThere  = "attribute_exists(pk)"
)

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
	err := s.db.transact(ctx,
		s.db.putting(keyItem(k), ifNone, nil),
		s.db.putting(listing, "", nil),
		s.db.updating(projectKey(k.Project), countKey, ifKeys, item{":f": number(format), ":n": number(1), ":max": number(access.MaxKeys)}),
	)
	if _, used := refusedIn(err, 0); used {
		err = errUsedUp
	} else if _, full := refusedIn(err, 2); full {
		err = access.ErrKeyQuota
	}
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

// ListKeys returns all keys of the project, newest first. One that is being created or deleted may be missing.
func (s *Access) ListKeys(ctx context.Context, project string) ([]access.Key, error) {
	listed := func(listing item) (key, error) { return apiKeyKey(listing.text("hash")), nil }
	keys, err := queryAll(ctx, s.db, beginning(keyListingKey(project, "")), listed)
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	items, err := s.db.getAll(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read API keys: %w", err)
	}
	list := make([]access.Key, len(items))
	for n, i := range items {
		if list[n], err = decodeKey(i); err != nil {
			return nil, fmt.Errorf("read API keys: %w", err)
		}
	}
	slices.SortFunc(list, func(a, b access.Key) int { return strings.Compare(b.UID, a.UID) })
	return list, nil
}

// DeleteKey removes a key of the project, and its row in the list.
func (s *Access) DeleteKey(ctx context.Context, project, uid string) error {
	if err := s.deleteKey(ctx, project, uid); err != nil {
		return fmt.Errorf("delete API key %s: %w", uid, err)
	}
	return nil
}

func (s *Access) deleteKey(ctx context.Context, project, uid string) error {
	listing, err := s.db.get(ctx, keyListingKey(project, uid))
	switch {
	case err != nil:
		return err
	case listing == nil:
		return access.ErrNoKey
	}
	listed := s.db.deleting(keyListingKey(project, uid))
	listed.Delete.ConditionExpression = aws.String(ifThere)
	err = s.db.transact(ctx,
		listed,
		s.db.deleting(apiKeyKey(listing.text("hash"))),
		s.db.updating(projectKey(project), countKey, "", item{":f": number(format), ":n": number(-1)}),
	)
	if _, gone := refusedIn(err, 0); gone {
		return access.ErrNoKey
	}
	return err
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
