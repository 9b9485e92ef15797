package console

import (
	"context"
	"net/http"
)

// handler answers a request.
type handler func(ctx context.Context, c *call) (reply, error)

// route is one row of the table.
type route struct {
	method string
	path   string // below Base, a ServeMux pattern
	handle handler
	back   handler // of a POST: the page that its form is on, shown again when the API refuses what the form asks for
	open   bool    // without a session
}

// table is every page and every action there is.
func (s *console) table() []route {
	const get, post = http.MethodGet, http.MethodPost
	return []route{
		{method: get, path: "/sign-in", handle: s.signInPage, open: true},
		{method: post, path: "/sign-in", handle: s.signIn, back: s.signInPage, open: true},
		{method: post, path: "/sign-out", handle: s.signOut, open: true},

		{method: get, path: "", handle: s.overviewPage},
		{method: get, path: "/deliveries", handle: s.deliveriesPage},
	}
}
