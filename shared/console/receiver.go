package console

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// receiver is a path of the demo's receiver, how it behaves and what it has taken.
type receiver struct {
	Name         string     `json:"name"`
	URL          string     `json:"url"`
	Status       int        `json:"status"`
	Delay        string     `json:"delay"`
	FailFirst    int        `json:"fail_first"`
	Hang         bool       `json:"hang"`
	Taken        int        `json:"taken"`
	LastStatus   *int       `json:"last_status"`
	LastAt       *time.Time `json:"last_at"`
	LastVerified *bool      `json:"last_verified"`
}

// Mood says in words how the path behaves.
func (r receiver) Mood() string {
	mood := "answers " + strconv.Itoa(r.Status)
	switch {
	case r.Hang:
		return "never answers"
	case r.FailFirst > 0:
		mood = fmt.Sprintf("answers 503 to the next %d, then %d", r.FailFirst, r.Status)
	}
	if r.Delay != "" && r.Delay != "0s" {
		mood += ", after " + r.Delay
	}
	return mood
}

// Well reports whether deliveries to it succeed.
func (r receiver) Well() bool { return !r.Hang && r.FailFirst == 0 && r.Status/100 == 2 }

// lately returns receivers in their order, and how many are left out: those that took something least lately, where there are many.
func lately(all []receiver) ([]receiver, int) {
	latest := slices.Clone(all)
	slices.SortStableFunc(latest, func(a, b receiver) int { return valueOf(b.LastAt).Compare(valueOf(a.LastAt)) })
	latest = latest[:min(len(latest), rowsShown)]
	slices.SortStableFunc(latest, func(a, b receiver) int { return cmp.Compare(a.Name, b.Name) })
	return latest, len(all) - len(latest)
}

// askDemo sends a request to the demo's receiver.
func askDemo[T any](ctx context.Context, c *call, method, path string, query url.Values) (answer T, err error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, path, nil)
	if err != nil {
		return answer, err
	}
	w := answerOf(c.Demo, r)
	switch {
	case w.status >= 500:
		return answer, fmt.Errorf("%s %s: the demo answers %d", method, path, w.status)
	case w.status >= 400:
		return answer, &refusal{Status: http.StatusBadRequest, Message: strings.TrimSpace(w.body.String())}
	}
	if _, unread := any(answer).(nothing); unread {
		return answer, nil
	}
	if err := json.Unmarshal(w.body.Bytes(), &answer); err != nil {
		return answer, fmt.Errorf("%s %s of the demo: %w", method, path, err)
	}
	return answer, nil
}
