package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"hermod/shared/access"
)

// authorize finds the call's key, counts the request, and judges what the key may do.
func (c *call) authorize(ctx context.Context) error {
	token, err := tokenOf(c.request.Header)
	if err != nil {
		return err
	}
	if c.key, err = c.Access.Check(ctx, token); err != nil {
		return err
	}
	if err := c.count(ctx); err != nil {
		return err
	}
	for _, named := range c.request.Header.Values("X-Project-Id") {
		if named != c.key.Project {
			return refuse(otherProject, "").with("header", "x-project-id")
		}
	}
	if !c.key.May(c.route.scope) {
		return refuse(noScope, "This request needs a key with the scope %s; this key has %s.", c.route.scope, scopes(c.key)).
			with("scope", c.route.scope)
	}
	return nil
}

// count counts the request against its key's limit, and tells in the headers of whatever is answered what is left.
func (c *call) count(ctx context.Context) error {
	if c.Limiter == nil {
		return nil
	}
	has, ok, err := c.Limiter.Take(ctx, c.key.UID)
	c.warn("requests are not counted against the rate limit of all processes", err)
	h := c.writer.Header()
	h.Set("X-RateLimit-Limit", strconv.Itoa(has.Limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(has.Remaining))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(has.Reset.Unix(), 10))
	if !ok {
		return refuse(tooMany, "").with("limit", has.Limit).after(max(has.Reset.Sub(c.Now()), retrySoon))
	}
	return nil
}

// tokenOf returns the text of the key, from either of the two headers, or from both if they agree.
func tokenOf(h http.Header) (string, error) {
	tokens := slices.Clone(h.Values("X-Api-Key"))
	for _, value := range h.Values("Authorization") {
		scheme, token, _ := strings.Cut(value, " ")
		if !strings.EqualFold(scheme, "x-api-key") {
			return "", refuse(noKey, "Authorization must be x-api-key and the key, separated by a space; or send the key alone as X-API-Key.")
		}
		tokens = append(tokens, strings.TrimSpace(token))
	}
	if len(tokens) == 0 || tokens[0] == "" {
		return "", refuse(noKey, "")
	}
	for _, t := range tokens[1:] {
		if t != tokens[0] {
			return "", refuse(noKey, "The request has two different API keys. Send one.")
		}
	}
	return tokens[0], nil
}

func scopes(k access.Key) string {
	if len(k.Scopes) == 0 {
		return "none"
	}
	names := make([]string, len(k.Scopes))
	for i, s := range k.Scopes {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}
