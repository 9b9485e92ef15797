package api

import (
	"context"
	"net/url"
)

const defaultLimit = 20

// listing is what the request of every list has besides its filters.
type listing struct {
	Limit  int    `query:"limit" api:"range=1..100"`
	Cursor string `query:"cursor"`
}

// page is the answer of every list.
type page[T any] struct {
	Results []T    `json:"results"` // never null
	Paging  paging `json:"paging"`
}

// paging is always there, and HaveNextPage is always a boolean: clients rely on both.
type paging struct {
	Next         *string `json:"next"`
	HaveNextPage bool    `json:"have_next_page"`
}

// begin returns how many results the list is asked for, and the position that they come after; empty at the beginning.
func (c *call) begin(ctx context.Context, q listing) (position string, limit int, err error) {
	limit = q.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	if !c.request.URL.Query().Has("cursor") {
		return "", limit, nil
	}
	position, err = c.openCursor(ctx, q.Cursor)
	return position, limit, err
}

// pageOf returns the answer: results and, unless next is empty, the URL of the page that begins after that position.
func pageOf[T any](ctx context.Context, c *call, results []T, next string) (page[T], error) {
	if results == nil {
		results = []T{}
	}
	if next == "" {
		return page[T]{Results: results}, nil
	}
	cursor, err := c.makeCursor(ctx, next)
	if err != nil {
		return page[T]{}, err
	}
	query := c.request.URL.Query()
	query.Set("cursor", cursor)
	to := c.base() + c.request.URL.EscapedPath() + "?" + query.Encode()
	return page[T]{Results: results, Paging: paging{Next: &to, HaveNextPage: true}}, nil
}

// cut returns the first limit of the items, of which one more was asked for, and the position of the last if there are more.
func cut[T any](items []T, limit int, position func(T) string) ([]T, string) {
	if len(items) <= limit {
		return items, ""
	}
	return items[:limit], position(items[limit-1])
}

// base returns what comes before the path in a URL of this API. Host and X-Forwarded-Proto are the client's word, and nobody
// but the client reads the URL that is made of them.
func (c *call) base() string {
	if c.BaseURL != "" {
		return c.BaseURL
	}
	u := url.URL{Scheme: "http", Host: c.request.Host}
	if c.request.TLS != nil || c.request.Header.Get("X-Forwarded-Proto") == "https" {
		u.Scheme = "https"
	}
	return u.String()
}

// filters returns what narrows the list, in one notation: the query without what only turns its pages.
func (c *call) filters() string {
	query := c.request.URL.Query()
	query.Del("cursor")
	query.Del("limit")
	return query.Encode()
}
