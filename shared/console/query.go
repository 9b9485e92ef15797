package console

import (
	"net/url"
	"strings"
)

// moments turns the times of a page's filters, which a browser writes as 2026-01-31T09:30 and we take for UTC, into those of the API.
func moments(query url.Values) url.Values {
	for _, name := range []string{"since", "until"} {
		if at := query.Get(name); at != "" && !strings.HasSuffix(at, "Z") {
			query.Set(name, at+map[bool]string{true: ":00Z", false: "Z"}[strings.Count(at, ":") == 1])
		}
	}
	return query
}
