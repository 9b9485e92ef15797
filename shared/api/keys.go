package api

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"hermod/shared/access"
	"hermod/shared/job"
)

// lastYear is when keys that expire have ended: times are kept in nanoseconds, which end in 2262.
const lastYear = 2200

// keyView is an API key as clients see it.
type keyView struct {
	UID       string         `json:"uid"`
	Name      string         `json:"name"`
	Scopes    []access.Scope `json:"scopes"` // never null
	Hint      string         `json:"hint"`
	CreatedAt job.Time       `json:"created_at"`
	ExpiresAt *job.Time      `json:"expires_at"`
}

// issuedKey is an API key in the answer to the request that made it.
type issuedKey struct {
	keyView
	Key *string `json:"key"` // null when the answer is given again
}

func (k issuedKey) again() any {
	type shown issuedKey
	return shown{keyView: k.keyView}
}

func viewKey(k access.Key) keyView {
	return keyView{
		UID: k.UID, Name: k.Name, Scopes: append([]access.Scope{}, k.Scopes...), Hint: k.Hint,
		CreatedAt: job.Time(k.CreatedAt), ExpiresAt: job.KnownTime(k.ExpiresAt),
	}
}

func (a *api) listKeys(ctx context.Context, c *call, q struct{ listing }) (page[keyView], error) {
	before, limit, err := c.begin(ctx, q.listing)
	if err != nil {
		return page[keyView]{}, err
	}
	keys, err := a.Access.Store().ListKeys(ctx, c.project())
	if err != nil {
		return page[keyView]{}, err
	}
	if before != "" {
		keys = slices.DeleteFunc(keys, func(k access.Key) bool { return k.UID >= before })
	}
	keys, next := cut(keys, limit, func(k access.Key) string { return k.UID })
	views := make([]keyView, len(keys))
	for i, k := range keys {
		views[i] = viewKey(k)
	}
	return pageOf(ctx, c, views, next)
}

type newKey struct {
	Name      string         `json:"name" api:"required"`
	Scopes    []access.Scope `json:"scopes" api:"required"`
	ExpiresAt time.Time      `json:"expires_at" api:"nullable"`
}

func (a *api) createKey(ctx context.Context, c *call, q newKey) (issuedKey, error) {
	now := c.now()
	if err := q.check(now); err != nil {
		return issuedKey{}, err
	}
	asked := access.Key{Project: c.project(), Name: q.Name, Scopes: q.Scopes, ExpiresAt: q.ExpiresAt.Truncate(time.Millisecond)}
	k, token, err := access.Issue(ctx, a.Access.Store(), asked, now)
	return issuedKey{viewKey(k), &token}, err
}

func (q newKey) check(now time.Time) error {
	if strings.TrimSpace(q.Name) == "" {
		return invalid("name", "must not be empty")
	}
	if err := checkText("name", q.Name, access.MaxName); err != nil {
		return err
	}
	if len(q.Scopes) == 0 {
		return invalid("scopes", "must have at least one of read, write, admin: a key without any may do nothing")
	}
	for i, s := range q.Scopes {
		if slices.Contains(q.Scopes[:i], s) {
			return invalid("scopes", "has %s twice", s)
		}
	}
	switch {
	case q.ExpiresAt.IsZero():
		return nil
	case !q.ExpiresAt.Truncate(time.Millisecond).After(now):
		return invalid("expires_at", "must lie in the future, or be null for a key that does not expire; it is %s now", now.Format(time.RFC3339))
	case q.ExpiresAt.Year() >= lastYear:
		return invalid("expires_at", "must lie before the year %d, or be null for a key that does not expire", lastYear)
	}
	return nil
}

// deleteKey ends a key, but not the one that asks: the last key with the scope admin stays.
func (a *api) deleteKey(ctx context.Context, c *call, q byUID) (none, error) {
	if q.UID == c.key.UID {
		return none{}, refuse(keyInUse, "")
	}
	err := a.Access.Revoke(ctx, c.project(), q.UID)
	if errors.Is(err, access.ErrNoKey) {
		return none{}, refuse(notFound, "There is no API key of this uid in the project.")
	}
	return none{}, err
}
