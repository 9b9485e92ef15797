package console

import (
	"net/url"
	"strings"
)

// moments turns the times of a page's filters into those of the API.
func moments(query url.Values) url.Values {
	for _, name := range []string{"since", "until"} {
		if at := query.Get(name); at != "" {
			query.Set(name, moment(at))
		}
	}
	return query
}

// moment turns a time as browsers write it, 2026-01-31T09:30, into one of the API. It is taken for UTC, as the fields' labels say.
func moment(at string) string {
	switch {
	case strings.HasSuffix(at, "Z"):
		return at
	case strings.Count(at, ":") == 1:
		return at + ":00Z"
	}
	return at + "Z"
}
