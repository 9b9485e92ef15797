package console_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"hermod/shared/access"
	"hermod/shared/console"
	"hermod/shared/uid"
)

func TestASessionIsACookieThatOnlyThisServiceOpens(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	if c := v.cookie; !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.MaxAge != 12*60*60 {
		t.Errorf("the cookie is %s, want HttpOnly, Secure, SameSite=Strict, for / and 12 hours", c)
	}
	if strings.Contains(v.cookie.Value, w.keys["full"]) || strings.Contains(v.cookie.Value, "hmd_") {
		t.Errorf("the cookie %s shows the API key", v.cookie.Value)
	}
	v.get("/deliveries").is(200).shows("Project full", access.Hint(w.keys["full"])).hides(w.keys["full"])

	altered := *v.cookie
	altered.Value = strings.ToUpper(altered.Value)
	for name, c := range map[string]*http.Cookie{
		"an altered cookie": &altered, "no cookie": {Name: "other", Value: "x"}, "a long one": {Name: altered.Name, Value: strings.Repeat("A", 5000)},
		"an empty one": {Name: altered.Name},
	} {
		if p := (&visitor{world: w, cookie: c}).get("/deliveries?state=dead"); p.status != 303 || p.to != console.Base+"/sign-in?to=%2Fconsole%2Fdeliveries%3Fstate%3Ddead" {
			t.Errorf("with %s it answers %d and leads to %q, want 303 and the page to sign in", name, p.status, p.to)
		}
	}
}

func TestASessionEndsAfter12HoursAndWithItsKey(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	w.pass(12*time.Hour - time.Second)
	v.get("/deliveries").is(200)
	w.pass(time.Second)
	v.get("/deliveries").is(303)

	v, reader := w.visit("full"), w.visit("reader")
	uid := ""
	for _, k := range w.call("GET", "/api-keys", nil)["results"].([]any) {
		if k.(object)["name"] == "reader" {
			uid = k.(object)["uid"].(string)
		}
	}
	reader.get("/deliveries").is(200)
	v.post("/api-keys/"+uid+"/delete", url.Values{}).is(303)
	reader.get("/deliveries").is(303)
}

func TestSigningInSaysWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	w.addKey("writer", w.project, access.Write)
	for key, want := range map[string]string{
		"": "Paste an API key", "hmd_nonsense": "There is no such API key", access.NewToken(): "There is no such API key", w.keys["writer"]: "no scope read",
	} {
		p := (&visitor{world: w}).post("/sign-in", url.Values{"key": {key}, "to": {"/console/jobs"}})
		if p.status != 400 && p.status != 403 || p.cookie != nil {
			t.Errorf("the key %q is answered %d with the cookie %v, want 400 or 403 and none", key, p.status, p.cookie)
		}
		p.shows(want, `value="/console/jobs"`)
	}
}

func TestSigningInLeadsBackIntoTheConsoleOnly(t *testing.T) {
	w := newWorld(t)
	for to, want := range map[string]string{
		"/console/jobs?status=running": "/console/jobs?status=running", "": "/console", "https://evil.example": "/console", "//evil.example": "/console",
		"/consoles": "/console", "/v3/jobs": "/console", `/\evil.example`: "/console",
	} {
		v := &visitor{world: w}
		p := v.post("/sign-in", url.Values{"key": {w.keys["full"]}, "to": {to}}).follow()
		if p.status != 303 || p.to != want {
			t.Errorf("after signing in with to=%q it leads to %q, want %q", to, p.to, want)
		}
	}
}

func TestABrowserThatDoesNotKeepTheCookieIsToldWhy(t *testing.T) {
	w := newWorld(t)
	(&visitor{world: w}).get("/sign-in?signed=1&to=%2Fconsole").is(200).shows("Your browser did not keep the session")
	(&visitor{world: w}).get("/sign-in").is(200).hides("did not keep")
}

func TestSigningOutEndsTheSession(t *testing.T) {
	v := newWorld(t).visit("full")
	p := v.post("/sign-out", nil)
	if p.status != 303 || v.cookie.MaxAge >= 0 || v.cookie.Value != "" {
		t.Errorf("signing out answers %d with the cookie %v, want 303 and one that ends", p.status, v.cookie)
	}
}

// A link in a mail leads here from another site: the browser keeps a Strict cookie back, and gives it to the same page a moment later.
func TestALinkFromAnotherSiteOpensThePageWithTheSession(t *testing.T) {
	v := newWorld(t).visit("full")
	r := httptest.NewRequest(http.MethodGet, console.Base+"/deliveries?state=dead", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	(&visitor{world: v.world}).ask(r).is(200).shows(`content="0;url=/console/deliveries?state=dead"`)
}

func TestFormsOfAnotherSiteAreRefused(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	for name, header := range map[string]http.Header{
		"cross-site": {"Sec-Fetch-Site": {"cross-site"}}, "same-site, as a sibling of this host": {"Sec-Fetch-Site": {"same-site"}},
		"with another Origin": {"Origin": {"https://evil.example"}}, "with the Origin null": {"Origin": {"null"}},
	} {
		for _, path := range []string{"/sign-in", "/sign-out", "/api-keys", "/webhooks", "/demo/launch"} {
			r := httptest.NewRequest(http.MethodPost, console.Base+path, strings.NewReader("name=x&scope=read"))
			r.Header = header.Clone()
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if p := v.ask(r); p.status != 403 || !strings.Contains(p.body, "another site") {
				t.Errorf("POST %s %s answers %d, want 403: %s", path, name, p.status, p.said())
			}
		}
	}
	if keys := w.call("GET", "/api-keys", nil)["results"].([]any); len(keys) != 2 {
		t.Errorf("there are %d keys, want the two there were", len(keys))
	}
}

func TestEveryAnswerForbidsWhatIsNotOurs(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	for _, path := range []string{"", "/sign-in", "/deliveries", "/no-such-page", "/demo"} {
		p := v.get(path)
		policy := p.header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s has the policy %q, want %s in it", path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || p.header.Get("X-Content-Type-Options") != "nosniff" || p.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s has the headers %v", path, p.header)
		}
		if strings.Contains(p.body, " style=") || strings.Contains(p.body, "<style") || strings.Contains(p.body, " onclick") || strings.Count(p.body, "<script") > strings.Count(p.body, `<script src="/console/static/`) {
			t.Errorf("%s has something inline, which the policy would stop: %s", path, p.body)
		}
	}
}

func TestAPageThatIsNoneIsNotFound(t *testing.T) {
	v := newWorld(t).visit("full")
	for _, path := range []string{"/no-such-page", "/deliveries/nonsense", "/jobs/01a20cd6-dc80-727f-9144-d6015ccff700", "/webhooks/x", "/reference/nothing", "/demo", "/redrives/01a20cd6-dc80-727f-9144-d6015ccff700"} {
		v.get(path).is(404).shows("To the overview")
	}
}

// What is left in the address where a form was refused, is asked for again by who reloads or goes back.
func TestTheAddressOfAnActionLeadsToItsPage(t *testing.T) {
	w := newWorld(t)
	v := w.visit("full")
	job, hook := w.newJob(w.newFlow("Leads")), w.newHook(nil)
	for path, want := range map[string]string{
		"/jobs/" + job + "/retry": "/jobs/" + job, "/jobs/" + job + "/webhooks/" + hook + "/retry": "/jobs/" + job, "/webhooks/" + hook + "/rotate": "/webhooks/" + hook,
		"/api-keys/" + hook + "/delete": "/api-keys", "/demo/launch": "/demo", "/sign-out": "",
	} {
		if p := v.get(path); p.status != 303 || p.to != console.Base+want {
			t.Errorf("GET %s answers %d and leads to %q, want %q", path, p.status, p.to, console.Base+want)
		}
	}
}

func TestFilesOfThisReleaseAreKeptByBrowsers(t *testing.T) {
	w := newWorld(t)
	v := &visitor{world: w}
	_, rest, _ := strings.Cut(v.get("/sign-in").body, `href="/console/static/`)
	version, _, _ := strings.Cut(rest, "/")
	for name, kind := range map[string]string{"console.css": "text/css", "console.js": "text/javascript", "icon.svg": "image/svg+xml"} {
		p := v.get("/static/" + version + "/" + name).is(200)
		if !strings.HasPrefix(p.header.Get("Content-Type"), kind) || !strings.Contains(p.header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s has the headers %v, want %s, kept for good", name, p.header, kind)
		}
		if p = v.get("/static/older/" + name).is(200); strings.Contains(p.header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s of another release is kept for good", name)
		}
	}
	v.get("/static/" + version + "/other.css").is(404)
}

// Nothing is stored, so signing out makes this browser forget, and nothing else: a copy of the cookie is good until its time or its key ends.
func TestACopiedCookieOutlivesTheSignOutAndEndsWithItsKey(t *testing.T) {
	w := newWorld(t)
	w.addKey("mine", w.project, access.Read, access.Write)
	v := w.visit("mine")
	copied := &visitor{world: w, cookie: v.cookie}
	v.post("/sign-out", nil)
	copied.get("/jobs").is(200)

	admin := w.visit("full")
	for _, key := range w.call("GET", "/api-keys", nil)["results"].([]any) {
		if key.(object)["name"] == "mine" {
			admin.post("/api-keys/"+key.(object)["uid"].(string)+"/delete", nil).is(303)
		}
	}
	copied.get("/jobs").is(303)
	if copied.get("/sign-in").is(200); strings.Contains(copied.get("/sign-in").body, "Project full") {
		t.Error("the page to sign in tells the project of a session that has ended")
	}
}

func TestAKeyThatExpiresEndsItsSessions(t *testing.T) {
	w := newWorld(t)
	made := w.call("POST", "/api-keys", object{"name": "brief", "scopes": []string{"read", "write"}, "expires_at": w.now().Add(time.Hour).Format(time.RFC3339)})
	w.keys["brief"] = made["key"].(string)
	v := w.visit("brief")
	v.get("/jobs").is(200)
	w.pass(time.Hour)
	v.get("/jobs").is(303)
	v.post("/webhooks/new", url.Values{"url": {w.receiver.URL}, "event": {"failed"}}).is(303)
	if hooks := w.call("GET", "/webhooks", nil)["results"].([]any); len(hooks) > 0 {
		t.Errorf("an expired session has made %v", hooks)
	}
	(&visitor{world: w}).post("/sign-in", url.Values{"key": {w.keys["brief"]}}).is(403)
}

func TestASessionOfAnotherInstallationIsNone(t *testing.T) {
	here, there := newWorld(t), newWorld(t)
	there.keys["full"] = here.keys["full"]
	stranger := there.visit("other")
	if p := (&visitor{world: here, cookie: stranger.cookie}).get("/jobs"); p.status != 303 || !strings.Contains(p.to, "sign-in") {
		t.Errorf("a cookie of another installation is answered %d and leads to %q, want the page to sign in", p.status, p.to)
	}
}

// Browsers keep a cookie of 4,096 characters, and the name of a project is in it.
func TestAProjectOfTheWorstNameCanBeSignedInto(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{strings.Repeat("<", access.MaxName), strings.Repeat("\u2028", access.MaxName/3), strings.Repeat("😀", access.MaxName/4)} {
		key := name[:4]
		p := access.Project{UID: uid.New(w.now()), Name: name, CreatedAt: w.now()}
		w.noError(w.db.Access().CreateProject(w.Context(), p))
		w.addKey(key, p.UID, access.Scopes...)
		v := w.visit(key)
		t.Logf("the cookie has %d characters", len(v.cookie.Value))
		if n := len(v.cookie.String()); n > 4096 {
			t.Errorf("the cookie of a project named %.20q… has %d characters, want at most 4,096", name, n)
		}
		v.get("/jobs").is(200)
	}
	t.Logf("an ordinary cookie has %d characters", len(w.visit("full").cookie.Value))
}

// Keys are pasted into the wrong place. The log has none of them, nor the cookie, and no query.
func TestTheLogTellsNoSecrets(t *testing.T) {
	w := newWorld(t)
	var log bytes.Buffer
	w.config.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	broken := false
	w.config.API = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if broken {
			http.Error(rw, "no JSON: "+r.URL.String(), http.StatusInternalServerError)
			return
		}
		w.api.ServeHTTP(rw, r)
	})
	w.console = console.New(w.config)
	v, key := w.visit("full"), w.keys["full"]
	hook := w.newHook(nil)
	for _, path := range []string{
		"/sign-in?key=" + key, "/sign-in?to=/console/jobs?key=" + key, "?key=" + key, "/" + key, "/jobs?status=" + key, "/jobs?cursor=" + key, "/jobs/" + key, "/webhooks/" + key,
		"/deliveries?webhook_uid=" + key, "/deliveries/" + key, "/dead-letters?job_uid=" + key, "/redrives/" + key, "/why?job_uid=" + key, "/why?webhook_uid=" + key, "/reference/" + key,
	} {
		for _, one := range []*visitor{v, {world: w}} {
			one.get(path)
			one.post(path, url.Values{"key": {key + "x"}, "once": {key}, "name": {key}, "url": {key}, "job_uid": {key}, "event": {key}, "rate": {key}})
		}
	}
	v.post("/webhooks/"+hook+"/test", url.Values{"event": {key}, "job_uid": {key}})
	v.post("/webhooks/"+hook+"/rotate", url.Values{"secret": {key}})
	broken = true
	v.get("/jobs?status=" + key)
	v.get("/webhooks/" + hook + "?range=" + key)
	v.post("/api-keys", url.Values{"name": {key}})
	for name, secret := range map[string]string{"an API key": key, "the secret part of a key": key[len("hmd_"):], "a cookie": v.cookie.Value, "a query": "status="} {
		if i := strings.Index(log.String(), secret); i >= 0 {
			t.Errorf("the log has %s: …%s", name, log.String()[max(0, i-300):min(log.Len(), i+100)])
		}
	}
	if lines := strings.Count(log.String(), "\n"); lines < 60 {
		t.Errorf("the log has %d lines, want one for each request", lines)
	}
}
