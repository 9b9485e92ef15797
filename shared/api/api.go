package api

import (
	"io"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"hermod/shared/access"
	"hermod/shared/delivery"
	"hermod/shared/input"
	"hermod/shared/job"
	"hermod/shared/redrive"
	"hermod/shared/seal"
	"hermod/shared/webhook"
)

// base is where the API lives.
const base = "/v3"

// Config is what the API stands on. The seams are required.
type Config struct {
	Access    *access.Guard
	Replies   access.Replies
	Box       *seal.Box
	Jobs      job.Store
	Inputs    *input.Service
	Workflows job.Workflows
	Webhooks  webhook.Store
	Counters  webhook.Counters
	Archive   delivery.Archive
	Log       delivery.Log
	Queue     delivery.Queue
	Redrives  *redrive.Service
	Limiter   *access.Limiter // of requests per API key; nil: no limit

	Rules   webhook.Rules // about receivers; the zero Rules are the strictest
	Version string        // of Hermod, as deliveries tell it in User-Agent; empty: dev
	// BaseURL is what clients put before /v3, as https://hermod.example.com; empty: scheme and host of each request. Lists make
	// the URL of their next page of it.
	BaseURL string

	Now    func() time.Time // nil: time.Now
	Random io.Reader        // of new signing secrets; nil: crypto/rand
	Logger *slog.Logger     // nil: slog.Default
	// AccessLogged says that a gateway in front logs each request, by the id in the header Apigw-Requestid: here those that are
	// answered below 400 are of level debug then, and the line of each has that id too.
	AccessLogged bool
	// Unavailable reports that an error of a seam is a store that is full, busy or out of reach: the client is told to come back.
	// An error that has a method Unavailable() bool says so itself. nil: no other error does.
	Unavailable func(error) bool
}

// api is the handler of every route.
type api struct {
	Config
	routes   []route
	mux      *http.ServeMux
	reserved map[string]bool // patterns that only keep a path from being read as another one; see reserve
}

// New returns the API. A missing seam is a panic.
func New(c Config) http.Handler {
	if c.Access == nil || c.Replies == nil || c.Box == nil || c.Jobs == nil || c.Inputs == nil || c.Workflows == nil || c.Webhooks == nil ||
		c.Archive == nil || c.Log == nil || c.Queue == nil || c.Redrives == nil || c.Counters == nil {
		panic("api: a seam is missing in Config")
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
	if c.Unavailable == nil {
		c.Unavailable = func(error) bool { return false }
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	return newAPI(c)
}

func newAPI(c Config) *api {
	a := &api{Config: c, mux: http.NewServeMux(), reserved: map[string]bool{}}
	a.routes = a.table()
	for i := range a.routes {
		for _, pattern := range a.routes[i].patterns() {
			a.mux.Handle(pattern, a.serve(&a.routes[i]))
		}
	}
	for i := range a.routes {
		a.reserve(a.routes[i].path)
	}
	a.mux.Handle("/", a.unrouted())
	return a
}

// ServeHTTP answers one request. A path that is not in its shortest form is no route: ServeMux would redirect it, which loses
// the body of a POST.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path.Clean(r.URL.Path) != r.URL.Path {
		a.unrouted().ServeHTTP(w, r)
		return
	}
	a.mux.ServeHTTP(w, r)
}
