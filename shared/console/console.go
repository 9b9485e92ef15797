package console

import (
	"log/slog"
	"net/http"
	"time"

	"hermod/shared/access"
	"hermod/shared/seal"
)

// Base is where the console lives. Everything below it is the console's; / leads to it.
const Base = "/console"

// Config is what the console stands on.
type Config struct {
	API    http.Handler  // of the same service: what every page reads and every action calls; required
	Access *access.Guard // knows the key that signs in; required
	Box    *seal.Box     // seals sessions; required
	Demo   http.Handler  // of the demo's receiver: GET /behave, POST /behave/{name}, GET /webhook/{name}; nil: there is no demo

	Version string           // of Hermod; empty: dev
	Now     func() time.Time // nil: time.Now
	Logger  *slog.Logger     // nil: slog.Default
}

// console is the handler of every page.
type console struct {
	Config
	assets assets
	pages  pages
	mux    *http.ServeMux

	reference reference
}

// New returns the console. It answers /, /console and everything below it. A missing part is a panic.
func New(c Config) http.Handler {
	if c.API == nil || c.Access == nil || c.Box == nil {
		panic("console: API, Access or Box is missing in Config")
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	s := &console{Config: c, assets: loadAssets(), mux: http.NewServeMux()}
	s.pages = parsePages(s)
	for _, rt := range s.table() {
		s.mux.Handle(rt.method+" "+Base+rt.path, s.serve(rt))
	}
	s.mux.Handle("GET "+Base+"/static/{version}/{name}", s.assets)
	s.mux.Handle("GET /{$}", http.RedirectHandler(Base, http.StatusSeeOther))
	s.mux.Handle("GET "+Base+"/{$}", http.RedirectHandler(Base, http.StatusSeeOther))
	s.mux.Handle("/", s.serve(route{handle: s.nowhere}))
	return s
}

// policy allows what is ours and nothing else. An inline script or style would not work, whoever wrote it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'"

// ServeHTTP answers one request.
func (s *console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // no-referrer would make browsers send Origin: null with our own forms
	h.Set("Cache-Control", "no-store")
	s.mux.ServeHTTP(w, r)
}
