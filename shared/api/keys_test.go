package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hermod/shared/access"
)

// issue makes a key over HTTP, by which tests call from then on, and returns its uid.
func (w *world) issue(name string, fields map[string]any, options ...func(*world, *http.Request)) string {
	w.Helper()
	body := map[string]any{"name": name, "scopes": access.Scopes}
	for k, v := range fields {
		body[k] = v
	}
	made := w.call("POST", "/api-keys", body, options...).must(201)
	w.keys[name] = made["key"].(string)
	return made["uid"].(string)
}

// keyNames lists the names of the keys that a list shows.
func keyNames(a *answered) (names []string) {
	a.world.Helper()
	for _, k := range a.must(200)["results"].([]any) {
		names = append(names, k.(map[string]any)["name"].(string))
	}
	return names
}

func TestAKeyMadeByTheAPIOpensItsProject(t *testing.T) {
	w := newWorld(t)
	a := w.call("POST", "/api-keys", `{"name":"CI größe","scopes":["write","read"],"expires_at":"2026-02-01T10:30:00.0009+01:00"}`)
	made := a.must(201)
	key := made["key"].(string)
	for name, want := range map[string]any{
		"name": "CI größe", "hint": access.Hint(key), "created_at": "2026-01-31T09:30:00.000Z", "expires_at": "2026-02-01T09:30:00.000Z",
	} {
		if made[name] != want {
			t.Errorf("%s is %v, want %v", name, made[name], want)
		}
	}
	if fmt.Sprint(made["scopes"]) != "[write read]" {
		t.Errorf("scopes are %v, want those that were asked for", made["scopes"])
	}
	w.keys["new"] = key
	flow := w.newFlow()
	w.call("GET", "/workflows/"+flow, nil, as("new")).must(200)
	w.call("POST", "/workflows", map[string]any{"name": "x"}, as("new")).must(201)
	w.call("GET", "/workflows/"+flow, nil, as("new"), with("x-project-id", w.project)).must(200)
	if list := w.call("GET", "/api-keys", nil); strings.Contains(string(list.body), key) || strings.Contains(string(list.body), `"key"`) {
		t.Errorf("the list shows the key: %s", list.body)
	}
}

func TestAKeyMadeByTheAPIHasOnlyItsScopes(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	calls := map[access.Scope]func(key string) *answered{
		access.Read:  func(key string) *answered { return w.call("GET", "/workflows/"+flow, nil, as(key)) },
		access.Write: func(key string) *answered { return w.call("POST", "/workflows", map[string]any{"name": "x"}, as(key)) },
		access.Admin: func(key string) *answered { return w.call("GET", "/api-keys", nil, as(key)) },
	}
	for _, has := range access.Scopes {
		w.issue(string(has), map[string]any{"scopes": []access.Scope{has}})
		for needs, call := range calls {
			a := call(string(has))
			if has != needs {
				a.refused(noScope, "scope", string(needs))
			} else if a.status >= 400 {
				t.Errorf("a key with the scope %s is refused what that allows: %d %s", has, a.status, a.body)
			}
		}
	}
}

func TestAKeyMadeByTheAPIEndsAtItsTime(t *testing.T) {
	w := newWorld(t)
	w.issue("short", map[string]any{"expires_at": w.clock.Now().Add(90 * time.Second).Format(time.RFC3339)})
	w.clock.Move(89 * time.Second)
	w.call("GET", "/workflows", nil, as("short")).must(200)
	w.clock.Move(time.Second)
	w.call("GET", "/workflows", nil, as("short")).refused(noKey)
	if names := keyNames(w.call("GET", "/api-keys", nil)); !slices.Contains(names, "short") {
		t.Errorf("the list is %v, want a key that has expired in it until it is deleted", names)
	}
}

func TestAKeyThatIsDeletedIsGoneAtOnce(t *testing.T) {
	w := newWorld(t)
	uid := w.issue("gone", nil)
	w.call("GET", "/workflows", nil, as("gone")).must(200)
	w.call("DELETE", "/api-keys/"+uid, nil).must(204)
	w.call("GET", "/workflows", nil, as("gone")).refused(noKey)
	if names := keyNames(w.call("GET", "/api-keys", nil)); slices.Contains(names, "gone") {
		t.Errorf("the list is %v, want none that was deleted", names)
	}
	w.call("DELETE", "/api-keys/"+uid, nil).refused(notFound)
}

func TestAKeyCannotDeleteItself(t *testing.T) {
	w := newWorld(t)
	uid := w.issue("boss", nil)
	if message, _ := w.call("DELETE", "/api-keys/"+uid, nil, as("boss")).refused(keyInUse); !strings.Contains(message, "another key") {
		t.Errorf("the refusal says %q, want what would work", message)
	}
	w.call("GET", "/api-keys", nil, as("boss")).must(200)
	w.call("DELETE", "/api-keys/"+uid, nil).must(204)
}

func TestKeysOfAnotherProjectAreInvisible(t *testing.T) {
	w := newWorld(t)
	w.clock.Move(time.Second)
	mine, theirs := w.issue("mine", nil), w.issue("theirs", nil, as("other"))
	if names := keyNames(w.call("GET", "/api-keys", nil, as("other"))); !slices.Equal(names, []string{"theirs", "other"}) {
		t.Errorf("another project lists %v, want its own two keys", names)
	}
	w.call("DELETE", "/api-keys/"+mine, nil, as("other")).refused(notFound)
	w.call("DELETE", "/api-keys/"+theirs, nil).refused(notFound)
	for _, key := range []string{"mine", "theirs"} {
		w.call("GET", "/workflows", nil, as(key)).must(200)
	}
}

func TestKeysAreListedNewestFirstInPages(t *testing.T) {
	w := newWorld(t)
	var want []string
	for i := range 5 {
		w.clock.Move(time.Second)
		name := fmt.Sprint("k", i)
		w.issue(name, map[string]any{"scopes": []string{"read"}})
		want = append([]string{name}, want...)
	}
	var got []string
	path := "/api-keys?limit=2"
	for pages := 0; path != "" && pages < 10; pages++ {
		a := w.call("GET", path, nil)
		got = append(got, keyNames(a)...)
		paging := a.must(200)["paging"].(map[string]any)
		path = ""
		if paging["have_next_page"] == true {
			path = strings.TrimPrefix(paging["next"].(string), w.server.URL+"/v3")
		}
	}
	if len(got) != 9 || !slices.Equal(got[:5], want) {
		t.Errorf("pages list %v, want %v and the four older ones", got, want)
	}
}

func TestAKeyIsRefusedWithWhatWouldBeRight(t *testing.T) {
	w := newWorld(t)
	for body, want := range map[string]struct{ field, says string }{
		`{"scopes":["read"]}`:                                           {"name", "missing"},
		`{"name":"  ","scopes":["read"]}`:                               {"name", "must not be empty"},
		`{"name":"` + strings.Repeat("é", 129) + `","scopes":["read"]}`: {"name", "258 bytes"},
		`{"name":"x"}`:                                                            {"scopes", "missing"},
		`{"name":"x","scopes":null}`:                                              {"scopes", "array"},
		`{"name":"x","scopes":"read"}`:                                            {"scopes", "array"},
		`{"name":"x","scopes":[]}`:                                                {"scopes", "at least one"},
		`{"name":"x","scopes":["read","owner"]}`:                                  {"scopes[1]", "one of read, write, admin"},
		`{"name":"x","scopes":["read","read"]}`:                                   {"scopes", "twice"},
		`{"name":"x","scopes":["read"],"hint":"x"}`:                               {"hint", "no field"},
		`{"name":"x","scopes":["read"],"key":"hmd_x"}`:                            {"key", "no field"},
		`{"name":"x","scopes":["read"],"expires_at":"2026-01-31T09:30:00Z"}`:      {"expires_at", "future"},
		`{"name":"x","scopes":["read"],"expires_at":"2026-01-31T09:30:00.0009Z"}`: {"expires_at", "future"},
		`{"name":"x","scopes":["read"],"expires_at":"2200-01-01T00:00:00Z"}`:      {"expires_at", "2200"},
		`{"name":"x","scopes":["read"],"expires_at":"tomorrow"}`:                  {"expires_at", "2026-01-31T09:30:00Z"},
		`{"name":"x","scopes":["read"],"expires_at":3600}`:                        {"expires_at", "time"},
	} {
		if message, _ := w.call("POST", "/api-keys", body).refused(badField, "field", want.field); !strings.Contains(message, want.says) {
			t.Errorf("%s is answered %q, want %q in it", body, message, want.says)
		}
	}
	if names := keyNames(w.call("GET", "/api-keys", nil)); len(names) != 4 {
		t.Errorf("there are the keys %v, want those of the beginning", names)
	}
	w.call("POST", "/api-keys", `{"name":"`+strings.Repeat("é", 128)+`","scopes":["read"],"expires_at":null}`).must(201)
	w.call("POST", "/api-keys", `{"name":"x","scopes":["read"],"expires_at":"2026-01-31T09:30:00.001Z"}`).must(201)
}

func TestAProjectHasAHundredKeys(t *testing.T) {
	w := newWorld(t)
	for range access.MaxKeys - 4 {
		w.addKey("more", w.project, access.Read)
	}
	last := map[string]any{"name": "one too many", "scopes": []string{"read"}}
	if message, _ := w.call("POST", "/api-keys", last).refused(quota); !strings.Contains(message, "100 API keys") {
		t.Errorf("the refusal says %q, want how many there may be", message)
	}
	w.issue("theirs", nil, as("other"))
}

func TestAKeyIsNotGivenAgain(t *testing.T) {
	w := newWorld(t)
	kept := &keptReplies{Replies: w.config.Replies}
	w.config.Replies = kept
	w.start()
	body := map[string]any{"name": "CI", "scopes": []string{"read"}}
	first := w.call("POST", "/api-keys", body, with(keyHeader, "k")).must(201)
	again := w.call("POST", "/api-keys", body, with(keyHeader, "k"))
	repeated := again.must(201)
	if again.header.Get(replayHeader) != "true" || repeated["key"] != nil || !strings.Contains(string(again.body), `"key":null`) {
		t.Errorf("again: %s, want the answer with \"key\":null", again.body)
	}
	for _, name := range []string{"uid", "name", "hint", "created_at", "expires_at"} {
		if first[name] != repeated[name] {
			t.Errorf("%s is %v when it is given again, was %v", name, repeated[name], first[name])
		}
	}
	k, err := w.config.Access.Check(w.Context(), w.keys["full"])
	w.noError(err)
	field := replyField(k.UID + " POST /v3/api-keys k")
	open, err := w.config.Box.Open(w.Context(), w.project, "", field, kept.last.Sealed)
	if err != nil || strings.Contains(string(open), first["key"].(string)) {
		t.Errorf("what is kept is %s, %v; want it without the key", open, err)
	}
	if names := keyNames(w.call("GET", "/api-keys", nil)); len(names) != 5 {
		t.Errorf("there are the keys %v, want one more than at the beginning", names)
	}
}

func TestAWorkspaceIsTheProjectInThisMonth(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		at         time.Time
		start, end string
	}{
		{time.Date(2026, 1, 31, 23, 59, 59, 999e6, time.UTC), "2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"},
		{time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), "2026-02-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"},
		{time.Date(2027, 12, 15, 12, 0, 0, 0, time.UTC), "2027-12-01T00:00:00.000Z", "2028-01-01T00:00:00.000Z"},
	} {
		w.clock.at.Store(row.at.UnixMilli())
		got := w.call("GET", "/workspace", nil, as("reader")).must(200)
		want := map[string]any{
			"uid": w.project, "name": "full", "plan_name": "self-hosted", "current_month_start": row.start, "current_month_end": row.end,
			"tasks_used": nil, "tasks_max": nil, "tasks_left": nil,
		}
		if len(got) != len(want) {
			t.Errorf("the workspace is %v, want exactly the keys of %v", got, want)
		}
		for name, v := range want {
			if value, there := got[name]; !there || value != v {
				t.Errorf("at %v %s is %v, there: %v, want %v", row.at, name, value, there, v)
			}
		}
	}
}
