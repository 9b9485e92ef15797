package console_test

import (
	"net/url"
	"regexp"
	"testing"
)

var shownKey = regexp.MustCompile(`hmd_[A-Za-z0-9_-]{43}`)

func TestANewKeyIsShownOnce(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	form := url.Values{"name": {"billing"}, "scope": {"read", "write"}, "expires_at": {"2026-03-01T12:00"}, "once": {"a-form"}}
	p := v.post("/api-keys", form).is(200).shows("The key “billing” is made", "read, write", "2026-03-01 12:00:00.000 UTC")
	key := shownKey.FindString(p.body)
	if key == "" {
		t.Fatalf("the page shows no key: %s", p.said())
	}
	w.keys["billing"] = key
	w.visit("billing").get("/deliveries").is(200)

	v.post("/api-keys", form).is(200).shows("was made by this form before").hides(key)
	v.get("/api-keys").is(200).shows("billing").hides(key)
	if keys := w.call("GET", "/api-keys", nil)["results"].([]any); len(keys) != 3 {
		t.Errorf("there are %d keys, want one more than two", len(keys))
	}
}

func TestAKeyThatIsRefusedKeepsWhatWasTyped(t *testing.T) {
	v := newWorld(t).visit("full")
	v.post("/api-keys", url.Values{"name": {"bill & co"}}).is(400).
		shows("scopes must have at least one", `value="bill &amp; co"`, `<dialog id="new-key" aria-labelledby="new-key-title" open>`)
	v.post("/api-keys", url.Values{"name": {"x"}, "scope": {"read"}, "expires_at": {"2020-01-01T00:00"}}).is(400).shows("must lie in the future", `value="2020-01-01T00:00"`)
}

func TestAKeyIsDeletedButNotTheOneSignedInWith(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	p := v.get("/api-keys").is(200).shows("signed in with it", "Delete reader for good").hides("Delete full for good")
	action := regexp.MustCompile(`/api-keys/[0-9a-f-]+/delete`).FindString(p.body)
	v.post(action, nil).follow().is(200).shows("The key is deleted").hides("reader")
	v.post(action, nil).is(404).shows("no API key of this uid")
}

func TestKeysAreForWhoHasTheScopeAdmin(t *testing.T) {
	w := newWorld(t)
	reader := w.visit("reader")
	reader.get("/deliveries").is(200).hides(">API keys<").shows("This key only reads")
	reader.get("/api-keys").is(403).shows("needs a key with the scope admin")
	reader.post("/api-keys", url.Values{"name": {"x"}, "scope": {"admin"}}).is(403)
	w.visit("other").get("/api-keys").is(200).hides("reader")
}
