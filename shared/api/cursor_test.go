package api

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"hermod/shared/access"
)

// callTo is a call of a project to a list.
func callTo(w *world, project, target string) *call {
	return &call{api: newAPI(w.config), request: httptest.NewRequest("GET", target, nil), key: access.Key{Project: project}}
}

func TestACursorIsGoodForItsListOnly(t *testing.T) {
	w := newWorld(t)
	const list = "/v3/deliveries?state=dead&event=failed"
	cursor, err := callTo(w, w.project, list).makeCursor(w.Context(), "position")
	w.noError(err)
	next := "https://example.com" + list + "&cursor=" + cursor + "&limit=3"
	for _, row := range []struct {
		name, project, target, cursor string
		good                          bool
	}{
		{"the token", w.project, list, cursor, true},
		{"filters in another order, another limit", w.project, "/v3/deliveries?limit=7&event=failed&state=dead", cursor, true},
		{"the whole URL", w.project, list, next, true},
		{"another project", "other", list, cursor, false},
		{"another filter", w.project, "/v3/deliveries?state=dead", cursor, false},
		{"a filter more", w.project, list + "&since=2026-01-31T09:30:00Z", cursor, false},
		{"another list", w.project, "/v3/webhooks?state=dead&event=failed", cursor, false},
		{"cut", w.project, list, cursor[:len(cursor)-1], false},
		{"longer", w.project, list, cursor + "A", false},
		{"padded", w.project, list, cursor + "=", false},
		{"with a line break", w.project, list, cursor[:4] + "\n" + cursor[4:], false},
		{"altered", w.project, list, flipped(cursor), false},
		{"empty", w.project, list, "", false},
	} {
		position, err := callTo(w, row.project, row.target).openCursor(w.Context(), row.cursor)
		if row.good != (err == nil) || row.good && position != "position" {
			t.Errorf("%s: %q, %v", row.name, position, err)
		}
	}
}

// One client sends paging.next back as the cursor, and nothing else.
func TestTheURLOfANextPageBringsItsFiltersAlong(t *testing.T) {
	w := newWorld(t)
	flow, other := w.newFlow(), w.newFlow()
	var want []string
	for range 3 {
		w.clock.Move(1e9)
		want = append([]string{w.newJob(flow)}, want...)
		w.newJob(other)
	}
	var got []string
	query := "?workflow_uid=" + flow + "&limit=1"
	for range 4 {
		a := w.call("GET", "/jobs"+query, nil).must(200)
		for _, r := range a["results"].([]any) {
			got = append(got, r.(map[string]any)["uid"].(string))
		}
		next, ok := a["paging"].(map[string]any)["next"].(string)
		if !ok {
			break
		}
		query = "?cursor=" + url.QueryEscape(next)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("pages have %v, want %v", got, want)
	}
	w.call("GET", "/webhooks"+query, nil).refused(badCursor, "parameter", "cursor")
	foreign := url.QueryEscape("https://x/v3/jobs?cursor=AAAA&no_such_parameter=1")
	w.call("GET", "/jobs?cursor="+foreign, nil).refused(badParameter, "parameter", "no_such_parameter")
}

func flipped(s string) string {
	if s[0] == 'A' {
		return "B" + s[1:]
	}
	return "A" + s[1:]
}

func FuzzCursor(f *testing.F) {
	w := newWorld(f)
	const list = "/v3/webhooks?limit=5"
	c := callTo(w, w.project, list)
	good, err := c.makeCursor(f.Context(), "0197f39e-0000-7e6f-9071-829304152637")
	w.noError(err)
	for _, seed := range []string{"", good, "https://h/v3/webhooks?cursor=" + good, flipped(good), good + good, "://", "%"} {
		f.Add(seed, "position")
	}
	f.Fuzz(func(t *testing.T, cursor, position string) {
		got, err := c.openCursor(t.Context(), cursor)
		if err == nil && (got != "0197f39e-0000-7e6f-9071-829304152637" || tokenIn(cursor) != good) {
			t.Fatalf("took %q for a cursor of %q", cursor, got)
		}
		if position == "" || len(position) > maxPosition {
			return
		}
		made, err := c.makeCursor(t.Context(), position)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := c.openCursor(t.Context(), made); err != nil || again != position {
			t.Fatalf("the cursor of %q opens as %q, %v", position, again, err)
		}
		if _, err := callTo(w, "other", list).openCursor(t.Context(), made); err == nil {
			t.Fatalf("another project took the cursor of %q", position)
		}
	})
}

func TestListsArePaged(t *testing.T) {
	w := newWorld(t)
	var want []string
	for range 7 {
		want = append([]string{w.newHook(nil)}, want...)
		w.clock.Move(1e9)
	}
	var got []string
	path := "/webhooks?limit=3"
	for range 5 {
		a := w.call("GET", path, nil).must(200)
		for _, r := range a["results"].([]any) {
			got = append(got, r.(map[string]any)["uid"].(string))
		}
		next, more := a["paging"].(map[string]any)["next"].(string)
		if more != a["paging"].(map[string]any)["have_next_page"].(bool) {
			t.Fatalf("paging is %v", a["paging"])
		}
		if !more {
			break
		}
		if !strings.HasPrefix(next, w.server.URL+"/v3/webhooks?") {
			t.Fatalf("next is %q, want an absolute URL of this server", next)
		}
		if len(got) == 3 {
			path = strings.TrimPrefix(next, w.server.URL+"/v3") // a client that follows it
		} else {
			path = "/webhooks?limit=3&cursor=" + url.QueryEscape(next) // a client that sends it back
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("pages have %v, want %v", got, want)
	}
	w.config.BaseURL = "https://hermod.example.com/"
	w.start()
	a := w.call("GET", "/webhooks?limit=3", nil).must(200)
	if next := a["paging"].(map[string]any)["next"].(string); !strings.HasPrefix(next, "https://hermod.example.com/v3/webhooks?") {
		t.Errorf("next is %q, want it below BaseURL", next)
	}
}
