package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"time"

	"hermod/shared/job"
	"hermod/shared/signature"
	"hermod/shared/uid"
	"hermod/shared/webhook"
)

func (a *api) listWebhooks(ctx context.Context, c *call, q struct{ listing }) (page[hookView], error) {
	before, limit, err := c.begin(ctx, q.listing)
	if err != nil {
		return page[hookView]{}, err
	}
	hooks, err := a.Webhooks.List(ctx, c.project(), before, limit+1)
	if err != nil {
		return page[hookView]{}, err
	}
	hooks, next := cut(hooks, limit, func(w webhook.Webhook) string { return w.UID })
	uids := make([]string, len(hooks))
	for i, w := range hooks {
		uids[i] = w.UID
	}
	health, err := a.Counters.Health(ctx, c.project(), uids...)
	if err != nil {
		return page[hookView]{}, err
	}
	views := make([]hookView, len(hooks))
	for i, w := range hooks {
		views[i] = viewHook(w).withHealth(health[w.UID])
	}
	return pageOf(ctx, c, views, next)
}

func (a *api) getWebhook(ctx context.Context, c *call, q byUID) (hookView, error) {
	w, err := a.Webhooks.Get(ctx, c.project(), q.UID)
	if err != nil {
		return hookView{}, err
	}
	health, err := a.healthOf(ctx, c, w.UID)
	return viewHook(w).withHealth(health), err
}

// healthOf reads how a webhook's requests have ended; zero of one that is not there. Who is to show a new secret reads it before the
// change: once that is made, nothing may keep the answer back.
func (a *api) healthOf(ctx context.Context, c *call, uid string) (webhook.Health, error) {
	all, err := a.Counters.Health(ctx, c.project(), uid)
	return all[uid], err
}

// newHook is a request for a webhook: the fields it is made of, and the secret of v1 if the client has one already.
type newHook struct {
	hookFields
	URL    opt[string]          `json:"url" api:"required"`
	Events opt[[]job.EventType] `json:"events" api:"required"`
	Secret opt[string]          `json:"secret"`
}

func (a *api) createWebhook(ctx context.Context, c *call, q newHook) (hookView, error) {
	now := c.now()
	w := webhook.Webhook{
		UID: uid.New(now), Project: c.project(), Version: 1, Payload: job.FormatV3, Enabled: true, CreatedAt: now, UpdatedAt: now,
	}
	fields := q.hookFields
	fields.URL, fields.Events = q.URL, q.Events
	w, err := a.compose(ctx, w, fields)
	if err != nil {
		return hookView{}, err
	}
	own, err := ownSecret(q.Secret)
	if err != nil {
		return hookView{}, err
	}
	if !own.IsZero() && !slices.Contains(w.SignedBy(), webhook.SchemeV1) {
		return hookView{}, invalid("secret", "is for scheme v1, which signatures leaves out; add v1 to signatures, or leave secret out")
	}
	w, secret, err := a.supply(ctx, w, own, now)
	if err != nil {
		return hookView{}, err
	}
	if err := a.Webhooks.Create(ctx, w); err != nil {
		return hookView{}, fmt.Errorf("create webhook %s: %w", w.UID, err)
	}
	return viewHook(w).withSecret(secret), nil
}

type hookUpdate struct {
	byUID
	hookFields
}

func (a *api) updateWebhook(ctx context.Context, c *call, q hookUpdate) (hookView, error) {
	health, err := a.healthOf(ctx, c, q.UID)
	if err != nil {
		return hookView{}, err
	}
	var secret signature.Secret
	w, err := a.changeHook(ctx, c, q.UID, func(w webhook.Webhook) (webhook.Webhook, error) {
		w, err := a.compose(ctx, w, q.hookFields)
		if err != nil {
			return w, err
		}
		w, secret, err = a.supply(ctx, w, signature.Secret{}, c.now())
		return w, err
	})
	if err != nil {
		return hookView{}, err
	}
	return viewHook(w).withHealth(health).withSecret(secret), nil
}

func (a *api) deleteWebhook(ctx context.Context, c *call, q byUID) (none, error) {
	return none{}, a.Webhooks.Delete(ctx, c.project(), q.UID)
}

// rotation is a request for a new signing secret.
type rotation struct {
	byUID
	Secret  opt[string]    `json:"secret"`
	Scheme  webhook.Scheme `json:"scheme"`
	Overlap opt[int]       `json:"overlap_seconds" api:"range=0..604800"`
}

func (a *api) rotateSecret(ctx context.Context, c *call, q rotation) (hookView, error) {
	own, err := ownSecret(q.Secret)
	if err != nil {
		return hookView{}, err
	}
	overlap := webhook.DefaultOverlap
	if q.Overlap.given {
		overlap = time.Duration(q.Overlap.value) * time.Second
	}
	health, err := a.healthOf(ctx, c, q.UID)
	if err != nil {
		return hookView{}, err
	}
	var secret signature.Secret
	w, err := a.changeHook(ctx, c, q.UID, func(w webhook.Webhook) (webhook.Webhook, error) {
		scheme, err := q.schemeOf(w)
		if err != nil {
			return w, err
		}
		var next webhook.Secret
		next, secret, err = a.newSecret(ctx, w, scheme, own, c.now())
		return w.Rotate(next, overlap, c.now()), err
	})
	if err != nil {
		return hookView{}, err
	}
	return viewHook(w).withHealth(health).withSecret(secret), nil
}

// schemeOf returns the scheme whose secret is rotated: without a word v1, unless the webhook is signed under v1a alone.
func (q rotation) schemeOf(w webhook.Webhook) (webhook.Scheme, error) {
	scheme, on := q.Scheme, w.SignedBy()
	switch {
	case scheme == "" && slices.Contains(on, webhook.SchemeV1):
		scheme = webhook.SchemeV1
	case scheme == "":
		scheme = on[0]
	case !slices.Contains(on, scheme):
		return "", invalid("scheme", "is %s, but the webhook is signed under %s alone; add %s to its signatures, which makes its first secret",
			scheme, on[0], scheme)
	}
	if q.Secret.given && scheme != webhook.SchemeV1 {
		return "", invalid("secret", "is for scheme v1; a key pair of v1a is made here, for its private half is never shown. Leave secret out")
	}
	return scheme, nil
}

// changeHook applies a change to the webhook and writes it, unless nothing changes; if the webhook was written meanwhile, the
// change is applied anew.
func (a *api) changeHook(ctx context.Context, c *call, uid string, change func(webhook.Webhook) (webhook.Webhook, error)) (webhook.Webhook, error) {
	for range maxTries {
		stored, err := a.Webhooks.Get(ctx, c.project(), uid)
		if err != nil {
			return stored, err
		}
		w, err := change(stored)
		if err != nil || reflect.DeepEqual(w, stored) {
			return w, err
		}
		w.Version++
		w.UpdatedAt = c.now()
		err = a.Webhooks.Update(ctx, w)
		if err == nil {
			return w, nil
		}
		if !errors.Is(err, webhook.ErrStale) {
			return w, fmt.Errorf("write webhook %s: %w", uid, err)
		}
	}
	return webhook.Webhook{}, refuse(busy, "").after(retrySoon)
}

// ownSecret reads the client's own secret; zero if it gave none.
func ownSecret(own opt[string]) (signature.Secret, error) {
	if !own.given {
		return signature.Secret{}, nil
	}
	s, err := signature.Parse(own.value)
	if err != nil {
		return s, invalid("secret", "cannot be used: %s", detail(signature.ErrSecret, err))
	}
	if s.Public() != "" {
		return s, invalid("secret", "is a key of v1a, and those are made here; want one of v1, whsec_ and the standard base64 of %d to %d bytes",
			signature.MinSecret, signature.MaxSecret)
	}
	return s, nil
}

// supply gives a secret to each scheme that the webhook is signed under and has none of: for v1 the client's own, unless that is
// zero. It returns the one of v1 for the answer to show; zero if there was one before.
func (a *api) supply(ctx context.Context, w webhook.Webhook, own signature.Secret, now time.Time) (webhook.Webhook, signature.Secret, error) {
	var secret signature.Secret
	for _, scheme := range w.SignedBy() {
		if _, ok := w.Current(scheme); ok {
			continue
		}
		next, shown, err := a.newSecret(ctx, w, scheme, own, now)
		if err != nil {
			return w, secret, err
		}
		w = w.Rotate(next, 0, now)
		if scheme == webhook.SchemeV1 {
			secret = shown
		}
	}
	return w, secret, nil
}

// newSecret makes and seals a secret of a scheme: for v1 of the client's own, unless that is zero. It returns what the answer may
// show of it besides the webhook: a secret of v1, and nothing of v1a.
func (a *api) newSecret(
	ctx context.Context, w webhook.Webhook, scheme webhook.Scheme, own signature.Secret, now time.Time,
) (next webhook.Secret, shown signature.Secret, err error) {
	if scheme == webhook.SchemeV1a {
		next, err = a.sealSecret(ctx, w, signature.NewPair(a.Random), now)
		return next, signature.Secret{}, err
	}
	if own.IsZero() {
		own = signature.New(a.Random)
	}
	next, err = a.sealSecret(ctx, w, own, now)
	return next, own, err
}

func (a *api) sealSecret(ctx context.Context, w webhook.Webhook, s signature.Secret, now time.Time) (webhook.Secret, error) {
	sealed, err := a.Box.Seal(ctx, w.Project, w.UID, webhook.SecretField, []byte(s.Reveal()))
	if err != nil {
		return webhook.Secret{}, err
	}
	next := webhook.Secret{Sealed: sealed, Hint: s.Hint(), Public: s.Public(), CreatedAt: now}
	if next.Scheme() == webhook.SchemeV1 {
		next.Print, err = a.printOf(ctx, w, s)
	}
	return next, err
}

// printOf returns a fingerprint under a key of the project's, so that a secret is known again which nobody here may open.
func (a *api) printOf(ctx context.Context, w webhook.Webhook, s signature.Secret) (string, error) {
	key, err := a.Box.Derive(ctx, w.Project, "fingerprints of signing secrets")
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	io.WriteString(mac, w.UID+" "+s.Reveal())
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16]), nil
}
