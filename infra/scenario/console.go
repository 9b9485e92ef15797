package scenario

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Console signs in to the web console, goes wherever its links lead, adds a webhook there, sends a dead delivery once more and then
// redrives it, and signs out.
func Console(t *testing.T, g Target) {
	r, hook, delivery := failing(t, g)
	v := signIn(t, g)
	pages := v.everyLink(t, "/console")
	t.Logf("%d pages", len(pages))
	for _, path := range []string{"", "/jobs", "/webhooks", "/deliveries", "/deliveries/" + delivery, "/dead-letters", "/api-keys", "/reference"} {
		if !pages["/console"+path] {
			t.Errorf("no link leads to /console%s", path)
		}
	}
	if p := v.open(t, "GET", "/console/jobs?status=paused", nil); p.status != http.StatusOK {
		t.Errorf("GET /console/jobs?status=paused answers %d, want 200", p.status)
	}
	if p := v.open(t, "GET", "/console/nowhere", nil); p.status != http.StatusNotFound {
		t.Errorf("GET /console/nowhere answers %d, want 404", p.status)
	}
	addWebhook(t, v)

	v.submit(t, "/console/deliveries/"+delivery, "/console/deliveries/"+delivery+"/retry", nil)
	g.until(t, "fourth attempt", func() bool { return len(r.got(t)) == 4 })
	r.answers(http.StatusOK)
	v.submit(t, "/console/dead-letters?preview=1&webhook_uid="+hook, "/console/dead-letters", url.Values{"rate": {"10"}})
	g.until(t, "delivery redriven", func() bool {
		list := deliveries(t, g, "?webhook_uid="+hook)
		return len(list) == 1 && list[0].State == "succeeded"
	})

	if p := v.open(t, "POST", "/console/sign-out", url.Values{}); p.status != http.StatusSeeOther || v.cookie != nil {
		t.Errorf("who signs out is answered %d with the cookie %v, want a redirect and none", p.status, v.cookie)
	}
	if p := v.open(t, "GET", "/console", nil); p.status != http.StatusSeeOther {
		t.Errorf("GET /console after signing out answers %d, want a redirect", p.status)
	}
}

// signIn comes from / and is let in with the right key only.
func signIn(t testing.TB, g Target) *visitor {
	t.Helper()
	v := &visitor{root: strings.TrimSuffix(g.API, "/v3")}
	if p := v.open(t, "GET", "/", nil); p.status != http.StatusSeeOther || p.header.Get("Location") != "/console" {
		t.Errorf("GET / answers %d to %q, want a redirect to /console", p.status, p.header.Get("Location"))
	}
	if p := v.open(t, "GET", "/console", nil); p.status != http.StatusSeeOther || !strings.HasPrefix(p.header.Get("Location"), "/console/sign-in") {
		t.Errorf("GET /console without a session answers %d to %q, want a redirect to the page to sign in", p.status, p.header.Get("Location"))
	}
	for why, refused := range map[string]page{
		"a wrong key":            v.open(t, "POST", "/console/sign-in", url.Values{"key": {"hmd_wrong"}}),
		"a form of another site": v.open(t, "POST", "/console/sign-in", url.Values{"key": {g.Key}}, "Origin", "https://elsewhere.example"),
	} {
		if refused.status != http.StatusForbidden || v.cookie != nil {
			t.Errorf("%s is answered %d with the cookie %v, want 403 and none", why, refused.status, v.cookie)
		}
	}
	if p := v.follow(t, "POST", "/console/sign-in", url.Values{"key": {g.Key}}); p.status != http.StatusOK || v.cookie == nil {
		t.Fatalf("the key is answered %d with the cookie %v, want a page and a cookie", p.status, v.cookie)
	}
	if c := v.cookie; !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || strings.Contains(c.Value, g.Key) {
		t.Errorf("the session's cookie is %s, want it Secure, HttpOnly, of SameSite=Strict, and without the key", c)
	}
	return v
}

// addWebhook makes a webhook that has a secret header, is shown its signing secret, and deletes the webhook again.
func addWebhook(t testing.TB, v *visitor) {
	t.Helper()
	made := v.submit(t, "/console/webhooks/new", "/console/webhooks/new", url.Values{
		"url": {"http://127.0.0.1:9/hook"}, "event": {"failed"}, "scope": {"project"}, "payload": {"v3"}, "signature": {"v1"},
		"timeout_seconds": {"5"}, "header_name": {"Authorization"}, "header_value": {"Bearer of-a-scenario"},
	})
	if !strings.Contains(made.body, "whsec_") {
		t.Error("who adds a webhook is not shown its secret")
	}
	for _, link := range links.FindAllStringSubmatch(made.body, -1) {
		if uid := uids.FindString(link[1]); link[1] == "/console/webhooks/"+uid {
			v.submit(t, link[1], link[1]+"/delete", nil)
			return
		}
	}
	t.Error("no link leads to the webhook that was made")
}
