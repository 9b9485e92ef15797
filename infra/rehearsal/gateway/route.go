package gateway

import (
	"cmp"
	"slices"
	"strings"

	"hermod/infra/template"
)

// route is a route of the template, ready to be matched.
type route struct {
	template.Route
	key      string   // GET /v3/jobs/{uid}, or $default
	segments []string // of the path
	rank     string   // the lower, the earlier it is tried
}

// routesOf returns the routes in the order in which they are tried: fixed words before parameters, parameters before greedy
// ones, a method before ANY, $default last.
func routesOf(list []template.Route) []route {
	routes := make([]route, 0, len(list))
	for _, t := range list {
		rt := route{Route: t, key: t.Path, rank: "~"}
		if t.Path != "$default" {
			rt.key, rt.segments, rt.rank = t.Method+" "+t.Path, strings.Split(t.Path, "/"), ""
			for _, s := range rt.segments {
				rt.rank += kindOf(s)
			}
			if t.Method == "ANY" {
				rt.rank += "~"
			}
		}
		routes = append(routes, rt)
	}
	slices.SortStableFunc(routes, func(a, b route) int { return cmp.Compare(a.rank, b.rank) })
	return routes
}

// kindOf is the rank of a segment: a fixed word, {parameter} or {greedy+}.
func kindOf(segment string) string {
	switch {
	case strings.HasSuffix(segment, "+}"):
		return "c"
	case strings.HasPrefix(segment, "{"):
		return "b"
	}
	return "a"
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
		case kind == "c":
			params[name] = strings.Join(path[i:], "/")
			return params, params[name] != ""
		case kind == "b" && path[i] != "":
			params[name] = path[i]
		case s != path[i]:
			return nil, false
		}
	}
	return params, len(path) == len(rt.segments)
}
