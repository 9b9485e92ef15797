package console

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"hermod/shared/access"
)

// call is one request on its way through the wrapper, as handlers see it.
type call struct {
	*console
	request *http.Request
	writer  http.ResponseWriter
	route   route
	began   time.Time
	id      string
	session session
	form    url.Values // of a POST; nil otherwise
	problem *refusal   // shown above the page
	dialog  string     // id of the dialog that is open when the page appears
}

// May reports whether the session's key has a scope.
func (c *call) May(scope access.Scope) bool { return c.session.key.May(scope) }

// uid is that of what the page is about, from its path.
func (c *call) uid() string { return c.request.PathValue("uid") }

// query returns the parameters of the page that are given and not empty.
func (c *call) query(names ...string) url.Values {
	given, query := c.request.URL.Query(), url.Values{}
	for _, name := range names {
		if v := strings.TrimSpace(given.Get(name)); v != "" {
			query.Set(name, v)
		}
	}
	return query
}

// tolerate shows a refusal that says what is wrong with the page's own parameters above the page, which goes on without results.
func (c *call) tolerate(err error) error {
	if r, ok := refused(err, http.StatusBadRequest); ok {
		c.problem = r
		return nil
	}
	return err
}

// standsAt makes the links of a page those of its own address, also where it answers a form, which another address takes.
func (c *call) standsAt(path string) { c.request.URL.Path = path }

// With returns a URL of this page with one parameter changed, and from its first page. What is empty, as in the fields of a form, is left out.
func (c *call) With(name, value string) string {
	query := c.request.URL.Query()
	query.Del("cursor")
	query.Del("done")
	query.Del("dialog")
	query.Set(name, value)
	maps.DeleteFunc(query, func(_ string, values []string) bool { return values[0] == "" })
	if len(query) == 0 {
		return c.request.URL.Path
	}
	return c.request.URL.Path + "?" + query.Encode()
}

// nextPage is the URL of this page from a cursor on; empty without one.
func (c *call) nextPage(cursor string) string {
	if cursor == "" {
		return ""
	}
	return c.With("cursor", cursor)
}

// origin is scheme and host of this page, as the browser knows them.
func (c *call) origin() string {
	if c.encrypted() {
		return "https://" + c.request.Host
	}
	return "http://" + c.request.Host
}

// encrypted reports whether the browser asks over https: of us, or of what stands in front.
func (c *call) encrypted() bool {
	return c.request.TLS != nil || c.request.Header.Get("X-Forwarded-Proto") == "https"
}
