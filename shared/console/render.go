package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"

	"hermod/shared/access"
	"hermod/shared/uid"
)

//go:embed templates
var templateFiles embed.FS

// pages are the templates by name, each with the layout and the parts.
type pages map[string]*template.Template

// parsePages reads the templates, which are part of the program.
func parsePages(s *console) pages {
	common := template.Must(template.New("").Funcs(s.functions()).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html"))
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(err)
	}
	all := pages{}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name != "layout" && name != "parts" {
			all[name] = template.Must(template.Must(common.Clone()).ParseFS(templateFiles, file))
		}
	}
	return all
}

// frame is what the layout shows around a page.
type frame struct {
	*call
	Title string
	Data  any
}

// sentences say what was done, by the word that goTo gave.
var sentences = map[string]string{
	"signed-out": "You are signed out.",
}

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

// Wrong returns the problem if it is about a field.
func (f frame) Wrong(field string) string {
	if f.problem != nil && f.problem.Params["field"] == field {
		return f.problem.Message
	}
	return ""
}

// Open reports whether a dialog is open when the page appears: asked for by the link that opens it without a script, or because its
// form was refused.
func (f frame) Open(dialog string) bool {
	return f.dialog == dialog || f.form == nil && f.request.URL.Query().Get("dialog") == dialog
}

// With returns a URL of this page with one parameter changed, and from its first page.
func (f frame) With(name, value string) string {
	query := f.request.URL.Query()
	query.Del("cursor")
	query.Del("done")
	query.Del("dialog")
	if query.Set(name, value); value == "" {
		query.Del(name)
	}
	if len(query) == 0 {
		return f.request.URL.Path
	}
	return f.request.URL.Path + "?" + query.Encode()
}

// Once returns a new Idempotency-Key for a form.
func (f frame) Once() string { return uid.New(f.Now()) }

// render executes the page's template.
func (c *call) render(out reply) ([]byte, error) {
	t := c.pages[out.page]
	if t == nil {
		return nil, fmt.Errorf("there is no template %q", out.page)
	}
	var b bytes.Buffer
	err := t.ExecuteTemplate(&b, "layout", frame{call: c, Title: out.title, Data: out.data})
	return b.Bytes(), err
}
