package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"hermod/shared/access"
)

// authorize finds the call's key and judges what it may do.
func (c *call) authorize(ctx context.Context) error {
	token, err := tokenOf(c.request.Header)
	if err != nil {
		return err
	}
	if c.key, err = c.Access.Check(ctx, token); err != nil {
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
