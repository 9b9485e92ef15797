package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
)

const (
	cursorPurpose = "cursor" // of the key that signs cursors
	cursorSum     = 16       // bytes of the signature that a cursor carries
	maxPosition   = 128      // bytes; two uids and what joins them are 73
)

// makeCursor returns the cursor of a position: base64url of a signature and the position. The signature binds it to the
// project, the path and the filters of the list.
func (c *call) makeCursor(ctx context.Context, position string) (string, error) {
	sum, err := c.signCursor(ctx, position)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(sum, position...)), nil
}

// openCursor returns the position of a cursor: of the token itself or of the URL of a next page that has one.
func (c *call) openCursor(ctx context.Context, cursor string) (string, error) {
	token := tokenIn(cursor)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || strings.ContainsAny(token, "\r\n") || len(raw) <= cursorSum || len(raw) > cursorSum+maxPosition {
		return "", refuse(badCursor, "").with("parameter", "cursor")
	}
	position := string(raw[cursorSum:])
	sum, err := c.signCursor(ctx, position)
	if err != nil {
		return "", err
	}
	if !hmac.Equal(sum, raw[:cursorSum]) {
		return "", refuse(badCursor, "").with("parameter", "cursor")
	}
	return position, nil
}

// tokenIn returns the cursor of a next page's URL; anything else is the cursor itself.
func tokenIn(cursor string) string {
	if !strings.Contains(cursor, "://") {
		return cursor
	}
	u, err := url.Parse(cursor)
	if err != nil {
		return ""
	}
	return u.Query().Get("cursor")
}

// adoptFilters takes filters over from the URL of a next page that was sent as the cursor, where the request does not say them itself:
// the client that does so sends nothing else.
func (c *call) adoptFilters() {
	query, err := url.ParseQuery(c.request.URL.RawQuery)
	if err != nil || len(query["cursor"]) != 1 || !strings.Contains(query.Get("cursor"), "://") {
		return
	}
	next, err := url.Parse(query.Get("cursor"))
	if err != nil || next.Path != c.request.URL.Path {
		return
	}
	for name, values := range next.Query() {
		if !query.Has(name) {
			query[name] = values
		}
	}
	c.request.URL.RawQuery = query.Encode()
}

func (c *call) signCursor(ctx context.Context, position string) ([]byte, error) {
	key, err := c.Box.Derive(ctx, c.project(), cursorPurpose)
	if err != nil {
		return nil, fmt.Errorf("sign cursor: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%q %q %q %q", c.project(), c.request.URL.Path, c.filters(), position)
	return mac.Sum(nil)[:cursorSum], nil
}
