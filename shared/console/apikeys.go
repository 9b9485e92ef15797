package console

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// apiKey is an API key as the API tells it.
type apiKey struct {
	UID       string     `json:"uid"`
	Name      string     `json:"name"`
	Scopes    []string   `json:"scopes"`
	Hint      string     `json:"hint"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
	Key       *string    `json:"key"` // in the first answer to the request that made it
}

// apiKeysView is the page of API keys; with one that was just made, it shows that.
type apiKeysView struct {
	Keys []apiKey
	Next string
	Made *apiKey
}

func (s *console) apiKeysPage(ctx context.Context, c *call) (reply, error) {
	return c.showKeys(ctx, nil)
}

func (c *call) showKeys(ctx context.Context, made *apiKey) (reply, error) {
	query := url.Values{}
	if made == nil && c.form == nil {
		query = c.query("cursor")
	}
	keys, err := get[list[apiKey]](ctx, c, "/api-keys", query)
	if err != nil {
		return reply{}, err
	}
	return reply{page: "apikeys", title: "API keys", data: apiKeysView{Keys: keys.Results, Next: c.nextPage(keys.cursor()), Made: made}}, nil
}

// createKey shows the new key on the page that answers: it is known nowhere else. The same form sent again shows which key it made,
// and no key.
func (s *console) createKey(ctx context.Context, c *call) (reply, error) {
	var expires any
	if at := c.form.Get("expires_at"); at != "" {
		expires = moment(at)
	}
	made, err := post[apiKey](ctx, c, "/api-keys", map[string]any{
		"name": c.form.Get("name"), "scopes": append([]string{}, c.form["scope"]...), "expires_at": expires,
	})
	if err != nil {
		return reply{}, err
	}
	return c.showKeys(ctx, &made)
}

func (s *console) deleteKey(ctx context.Context, c *call) (reply, error) {
	if _, err := send[nothing](ctx, c, http.MethodDelete, "/api-keys/"+inPath(c.uid()), nil); err != nil {
		return reply{}, err
	}
	return goTo("/api-keys", "key-deleted")
}
