package api

import (
	"context"
	"errors"
	"fmt"
	"reflect"
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
	views := make([]hookView, len(hooks))
	for i, w := range hooks {
		views[i] = viewHook(w)
	}
	return pageOf(ctx, c, views, next)
}

func (a *api) getWebhook(ctx context.Context, c *call, q byUID) (hookView, error) {
	w, err := a.Webhooks.Get(ctx, c.project(), q.UID)
	if err != nil {
		return hookView{}, err
	}
	return viewHook(w), nil
}

// newHook is a request for a webhook: the fields it is made of, and the secret if the client has one already.
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
	secret, err := a.secretFor(q.Secret)
	if err != nil {
		return hookView{}, err
	}
	current, err := a.sealSecret(ctx, w, secret, now)
	if err != nil {
		return hookView{}, err
	}
	w.Secrets = []webhook.Secret{current}
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
	w, err := a.changeHook(ctx, c, q.UID, func(w webhook.Webhook) (webhook.Webhook, error) { return a.compose(ctx, w, q.hookFields) })
	if err != nil {
		return hookView{}, err
	}
	return viewHook(w), nil
}

func (a *api) deleteWebhook(ctx context.Context, c *call, q byUID) (none, error) {
	return none{}, a.Webhooks.Delete(ctx, c.project(), q.UID)
}

// rotation is a request for a new signing secret.
type rotation struct {
	byUID
	Secret  opt[string] `json:"secret"`
	Scheme  string      `json:"scheme" api:"one=v1|v1a"`
	Overlap opt[int]    `json:"overlap_seconds" api:"range=0..604800"`
}

func (a *api) rotateSecret(ctx context.Context, c *call, q rotation) (hookView, error) {
	if q.Scheme == "v1a" {
		return hookView{}, refuse(notOffered, "scheme v1a is not offered by this version yet; leave scheme out, or send v1.").with("field", "scheme")
	}
	secret, err := a.secretFor(q.Secret)
	if err != nil {
		return hookView{}, err
	}
	overlap := webhook.DefaultOverlap
	if q.Overlap.given {
		overlap = time.Duration(q.Overlap.value) * time.Second
	}
	w, err := a.changeHook(ctx, c, q.UID, func(w webhook.Webhook) (webhook.Webhook, error) {
		next, err := a.sealSecret(ctx, w, secret, c.now())
		return w.Rotate(next, overlap, c.now()), err
	})
	if err != nil {
		return hookView{}, err
	}
	return viewHook(w).withSecret(secret), nil
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

// secretFor returns the client's own secret, or a new one.
func (a *api) secretFor(own opt[string]) (signature.Secret, error) {
	if !own.given {
		return signature.New(a.Random), nil
	}
	s, err := signature.Parse(own.value)
	if err != nil {
		return s, invalid("secret", "cannot be used: %v", err)
	}
	return s, nil
}

func (a *api) sealSecret(ctx context.Context, w webhook.Webhook, s signature.Secret, now time.Time) (webhook.Secret, error) {
	sealed, err := a.Box.Seal(ctx, w.Project, w.UID, webhook.SecretField, []byte(s.Reveal()))
	return webhook.Secret{Sealed: sealed, Hint: s.Hint(), CreatedAt: now}, err
}
