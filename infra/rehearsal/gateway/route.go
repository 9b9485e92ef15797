package gateway

import (
	"cmp"
	"slices"
	"strings"

	"hermod/infra/template"
)

// The kinds of segments: a fixed word, {parameter} or {greedy+}. The lower one is tried earlier.
const (
	word      = "a"
	parameter = "b"
	greedy    = "c"
)

// route is a route of the template, ready to be matched.
type route struct {
	template.Route
	key      string   // GET /v3/jobs/{uid}, or $default
	segments []string // of the path
	rank     string   // the lower, the earlier it is tried
}

// routesOf returns the routes in the order in which they are tried: those for the whole path before greedy ones, of either kind fixed
// words before parameters, a method before ANY, $default last.
func routesOf(list []template.Route) []route {
	routes := make([]route, 0, len(list))
	for _, t := range list {
		rt := route{Route: t, key: t.Path, rank: "~"}
		if t.Path != "$default" {
			rt.key, rt.segments = t.Method+" "+t.Path, strings.Split(t.Path, "/")
			rt.rank = rankOf(t.Method, rt.segments)
		}
		routes = append(routes, rt)
	}
	slices.SortStableFunc(routes, func(a, b route) int { return cmp.Compare(a.rank, b.rank) })
	return routes
}

// rankOf puts greedy routes after all others, and compares by the kinds of segments among themselves.
func rankOf(method string, segments []string) string {
	kinds := ""
	for _, s := range segments {
		kinds += kindOf(s)
	}
	if method == "ANY" {
		kinds += "~"
	}
	if strings.Contains(kinds, greedy) {
		return "b" + kinds
	}
	return "a" + kinds
}

// kindOf is the rank of a segment.
func kindOf(segment string) string {
	switch {
	case strings.HasSuffix(segment, "+}"):
		return greedy
	case strings.HasPrefix(segment, "{"):
		return parameter
	}
	return word
}

// match returns the route of a request and what its parameters are.
func match(routes []route, method, path string) (rt route, params map[string]string, ok bool) {
	segments := strings.Split(path, "/")
	for _, rt := range routes {
		if params, ok := rt.match(method, segments); ok {
			return rt, params, true
		}
	}
	return route{}, nil, false
}

func (rt route) match(method string, path []string) (map[string]string, bool) {
	if rt.Path == "$default" {
		return nil, true
	}
	if rt.Method != "ANY" && rt.Method != method {
		return nil, false
	}
	params := map[string]string{}
	for i, s := range rt.segments {
		kind, name := kindOf(s), strings.Trim(s, "{+}")
		switch {
		case i >= len(path):
			return nil, false
		case kind == greedy:
			params[name] = strings.Join(path[i:], "/")
			return params, params[name] != ""
		case kind == parameter && path[i] != "":
			params[name] = path[i]
		case s != path[i]:
			return nil, false
		}
	}
	return params, len(path) == len(rt.segments)
}
