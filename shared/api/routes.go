package api

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"hermod/shared/access"
)

// Limits of request bodies, in bytes.
const (
	maxBody = 256 << 10
	maxBulk = 4 << 20 // of requests that carry many items
)

// route is one row of the table.
type route struct {
	method string
	path   string       // below /v3, a ServeMux pattern
	scope  access.Scope // what the key must have; empty: no key is needed
	status int          // of success, unless the handler says otherwise
	limit  int64        // of the body, in bytes
	atRoot bool         // also without /v3
	operation
}

// table is every route there is.
func (a *api) table() []route {
	const (
		read, write = access.Read, access.Write
		admin       = access.Admin
		get, post   = http.MethodGet, http.MethodPost
		patch, del  = http.MethodPatch, http.MethodDelete
	)
	return []route{
		{get, "/health", "", 200, maxBody, true, on(a.health)},
		{get, "/openapi.yaml", "", 200, maxBody, true, on(a.openAPI)},

		{get, "/workspace", read, 200, maxBody, false, on(a.getWorkspace)},
		{get, "/api-keys", admin, 200, maxBody, false, on(a.listKeys)},
		{post, "/api-keys", admin, 201, maxBody, false, on(a.createKey)},
		{del, "/api-keys/{uid}", admin, 204, maxBody, false, on(a.deleteKey)},

		{get, "/workflows", read, 200, maxBody, false, on(a.listWorkflows)},
		{post, "/workflows", write, 201, maxBody, false, on(a.createWorkflow)},
		{get, "/workflows/{uid}", read, 200, maxBody, false, on(a.getWorkflow)},
		{patch, "/workflows/{uid}", write, 200, maxBody, false, on(a.updateWorkflow)},
		{del, "/workflows/{uid}", write, 204, maxBody, false, on(a.deleteWorkflow)},
		{get, "/workflows/{uid}/jobs", read, 200, maxBody, false, on(a.listFlowJobs)},
		{get, "/workflows/{uid}/results/last", read, 200, maxBody, false, on(a.lastResults)},
		{post, "/workflows/{uid}/schedule", write, 200, maxBulk, false, on(a.launch)},

		{get, "/event-types", read, 200, maxBody, false, on(a.listEventTypes)},

		{get, "/jobs", read, 200, maxBody, false, on(a.listJobs)},
		{post, "/jobs/status", write, 200, maxBody, false, on(a.updateJobs)},
		{post, "/jobs/resume", write, 200, maxBody, false, on(a.resumeJobs)},
		{get, "/jobs/{uid}", read, 200, maxBody, false, on(a.getJob)},
		{get, "/jobs/{uid}/events", read, 200, maxBody, false, on(a.listEvents)},
		{patch, "/jobs/{uid}", write, 200, maxBody, false, on(a.updateJob)},
		{get, "/jobs/{uid}/inputs", read, 200, maxBody, false, on(a.listInputs)},
		{post, "/jobs/{uid}/inputs", write, 201, maxBulk, false, on(a.appendInputs)},
		{post, "/jobs/{uid}/inputs/report", write, 200, maxBulk, false, on(a.reportInputs)},
		{get, "/jobs/{uid}/results", read, 200, maxBody, false, on(a.listResults)},
		{post, "/jobs/{uid}/retry", write, 200, maxBody, false, on(a.retryJob)},
		{post, "/jobs/{uid}/cancel", write, 200, maxBody, false, on(a.cancelJob)},
		{post, "/jobs/{uid}/webhooks/retry", write, 202, maxBody, false, on(a.resendJob)},
		{get, "/jobs/{uid}/deliveries", read, 200, maxBody, false, on(a.listJobDeliveries)},

		{get, "/webhooks", read, 200, maxBody, false, on(a.listWebhooks)},
		{post, "/webhooks", write, 201, maxBody, false, on(a.createWebhook)},
		{get, "/webhooks/{uid}", read, 200, maxBody, false, on(a.getWebhook)},
		{patch, "/webhooks/{uid}", write, 200, maxBody, false, on(a.updateWebhook)},
		{del, "/webhooks/{uid}", write, 204, maxBody, false, on(a.deleteWebhook)},
		{post, "/webhooks/{uid}/secret/rotate", write, 200, maxBody, false, on(a.rotateSecret)},
		{post, "/webhooks/{uid}/test", write, 202, maxBody, false, on(a.sendTest)},
		{post, "/webhooks/{uid}/retry", write, 202, maxBody, false, on(a.resend)},
		{get, "/webhooks/{uid}/stats", read, 200, maxBody, false, on(a.webhookStats)},

		{get, "/stats", read, 200, maxBody, false, on(a.projectStats)},
		{get, "/deliveries", read, 200, maxBody, false, on(a.listDeliveries)},
		{get, "/deliveries/{uid}", read, 200, maxBody, false, on(a.getDelivery)},
		{post, "/deliveries/{uid}/retry", write, 202, maxBody, false, on(a.retryDelivery)},

		{get, "/redrives", read, 200, maxBody, false, on(a.listRedrives)},
		{post, "/redrives", write, 202, maxBody, false, on(a.startRedrive)},
		{get, "/redrives/{uid}", read, 200, maxBody, false, on(a.getRedrive)},
		{post, "/redrives/{uid}/cancel", write, 200, maxBody, false, on(a.cancelRedrive)},
	}
}

// Route names a route, as a gateway in front of the API has to know it.
type Route struct{ Method, Path string }

// Routes lists every route with its whole path, and those at the root twice. Whatever else arrives is answered 404 or 405.
func Routes() (all []Route) {
	for _, rt := range (&api{}).table() {
		for _, pattern := range rt.patterns() {
			method, path, _ := strings.Cut(pattern, " ")
			all = append(all, Route{method, path})
		}
	}
	return all
}

// patterns are the route's patterns for ServeMux. A GET route answers HEAD too.
func (rt *route) patterns() []string {
	patterns := []string{rt.pattern()}
	if rt.atRoot {
		patterns = append(patterns, rt.method+" "+rt.path)
	}
	return patterns
}

func (rt *route) pattern() string { return rt.method + " " + base + rt.path }

// unrouted answers what no route takes: 404, or 405 and OPTIONS where another method would have found one.
func (a *api) unrouted() http.Handler {
	return a.serve(&route{path: "", limit: maxBody, operation: operation{prepare: func(c *call, _ []byte) (work, error) {
		allowed := a.allowed(c.request)
		switch {
		case len(allowed) == 0:
			return nil, refuse(noRoute, "")
		case c.request.Method == http.MethodOptions:
			return respond(answer{status: 204, header: map[string]string{"Allow": strings.Join(allowed, ", ")}}), nil
		}
		p := refuse(badMethod, "This path takes %s, not %s.", strings.Join(allowed, ", "), shown(c.request.Method)).with("allowed", allowed)
		p.header = map[string]string{"Allow": strings.Join(allowed, ", ")}
		return nil, p
	}}})
}

// methods are those that a route may have.
var methods = []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete}

// reserve keeps a path without a uid, as /jobs/status, from being taken for one with a uid where it does not take the method itself.
func (a *api) reserve(path string) {
	for _, m := range methods {
		r := &http.Request{Method: m, URL: &url.URL{Path: base + path}}
		if _, taken := a.mux.Handler(r); strings.Contains(taken, "{") && !strings.Contains(path, "{") {
			pattern := m + " " + base + path
			a.reserved[pattern] = true
			a.mux.Handle(pattern, a.unrouted())
		}
	}
}

// allowed returns the methods that the request's path takes; none if there is no such path.
func (a *api) allowed(r *http.Request) []string {
	if path.Clean(r.URL.Path) != r.URL.Path {
		return nil
	}
	var allowed []string
	probe := *r
	for _, m := range methods {
		probe.Method = m
		if _, pattern := a.mux.Handler(&probe); pattern == "/" || pattern == "" || a.reserved[pattern] {
			continue
		}
		if allowed = append(allowed, m); m == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	if allowed != nil {
		allowed = append(allowed, http.MethodOptions)
	}
	return allowed
}
