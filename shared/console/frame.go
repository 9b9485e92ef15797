package console

import (
	"slices"
	"strings"

	"hermod/shared/access"
	"hermod/shared/uid"
)

// navigation are the pages that every page leads to.
var navigation = []struct{ Path, Name string }{
	{"", "Overview"}, {"/jobs", "Jobs"}, {"/webhooks", "Webhooks"}, {"/deliveries", "Deliveries"}, {"/dead-letters", "Dead letters"},
	{"/why", "Why not delivered?"}, {"/api-keys", "API keys"}, {"/reference", "API reference"}, {"/demo", "Demo"},
}

// link is one of the navigation.
type link struct {
	URL, Name string
	Here      bool
}

// frame is what the layout shows around a page.
type frame struct {
	*call
	Title string
	Data  any
}

// Navigation returns the pages that this session may see.
func (f frame) Navigation() (links []link) {
	for _, n := range navigation {
		if n.Path == "/demo" && f.Demo == nil || n.Path == "/api-keys" && !f.May(access.Admin) {
			continue
		}
		at := f.request.URL.Path
		here := at == Base+n.Path || n.Path != "" && strings.HasPrefix(at, Base+n.Path+"/")
		links = append(links, link{URL: Base + n.Path, Name: n.Name, Here: here})
	}
	return links
}

// SignedIn reports whether there is a session.
func (f frame) SignedIn() bool { return f.session.Token != "" }

// Answer reports whether the page answers a form. To ask for it again would not be to ask for the same.
func (f frame) Answer() bool { return f.form != nil }

// Project is the name of the session's project.
func (f frame) Project() string { return f.session.Project }

// Key is the session's API key, as far as it is shown.
func (f frame) Key() access.Key { return f.session.key }

// CanWrite reports whether the session may change anything: pages leave out what would be refused.
func (f frame) CanWrite() bool { return f.May(access.Write) }

// Problem is what the API refused; nil if nothing.
func (f frame) Problem() *refusal { return f.problem }

// Done says what was done just before.
func (f frame) Done() string { return sentences[f.request.URL.Query().Get("done")] }

// Path is that of this page.
func (f frame) Path() string { return f.request.URL.Path }

// URI is that of this page with its parameters.
func (f frame) URI() string { return f.request.URL.RequestURI() }

// Filtered reports whether the page has a parameter that narrows what it shows.
func (f frame) Filtered() bool {
	for name, values := range f.request.URL.Query() {
		if name != "done" && name != "dialog" && name != "tab" && values[0] != "" {
			return true
		}
	}
	return false
}

// Query returns a parameter of this page.
func (f frame) Query(name string) string { return f.request.URL.Query().Get(name) }

// Sent returns a field of the form that was sent, or otherwise: a form that is shown again keeps what was written.
func (f frame) Sent(name, otherwise string) string {
	if f.form.Has(name) {
		return f.form.Get(name)
	}
	return otherwise
}

// Checked reports whether a box is ticked: as the form was sent, or otherwise.
func (f frame) Checked(name, value string, otherwise bool) bool {
	if f.form == nil {
		return otherwise
	}
	return slices.Contains(f.form[name], value)
}

// Wrong returns the problem if it is about a field or a parameter, or about an item of one.
func (f frame) Wrong(field string) string {
	if f.problem == nil {
		return ""
	}
	for _, name := range []string{"field", "parameter"} {
		if at, _ := f.problem.Params[name].(string); at == field || strings.HasPrefix(at, field+"[") {
			return f.problem.Message
		}
	}
	return ""
}

// Open reports whether a dialog is open when the page appears: asked for by the link that opens it without a script, or because its
// form was refused.
func (f frame) Open(dialog string) bool {
	return f.dialog == dialog || f.form == nil && f.request.URL.Query().Get("dialog") == dialog
}

// Once returns a new Idempotency-Key for a form.
func (f frame) Once() string { return uid.New(f.Now()) }
