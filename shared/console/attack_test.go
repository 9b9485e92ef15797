package console_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hermod/shared/console"
)

// aim is how a test calls one route so that it succeeds.
type aim struct {
	path   string     // below the console, with its query
	form   url.Values // of a POST
	reads  []string   // parameters that the page reads, beside those of every page
	scope  string     // that a key needs, if it is not read for a page and write for an action
	status int        // 0: 200 of a page, 303 of an action
	still  bool       // nothing of the API is changed by it
}

// target is a world with something of everything in a project, whose names all begin with zebra, and with the demo.
type target struct {
	*world
	spy  *spy
	aims map[string]aim // by method and path
	// foreign are what another project's key can ask for that names things of the first in a query or a form.
	foreign map[string][]aim
}

// spy stands before the API and the demo, and notes what is changed by requests that they do not refuse.
type spy struct{ changes []string }

func (s *spy) before(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rw := httptest.NewRecorder()
		h.ServeHTTP(rw, r)
		maps.Copy(w.Header(), rw.Header())
		w.WriteHeader(rw.Code)
		w.Write(rw.Body.Bytes())
		preview := r.URL.Path == "/v3/redrives" && rw.Code == http.StatusOK
		if r.Method != http.MethodGet && rw.Code < 300 && !preview {
			s.changes = append(s.changes, r.Method+" "+r.URL.Path)
		}
	})
}

// newTarget makes the world, and an aim for every route. A route that is missing here fails the tests that use it.
func newTarget(t testing.TB) *target {
	w := newWorld(t)
	x := &target{world: w, spy: &spy{}}
	w.config.API, w.config.Demo = x.spy.before(w.api), x.spy.before(&receivers{})
	w.console = console.New(w.config)

	flow := w.newFlow("zebra flow")
	hook := w.newHook(object{"name": "zebra hook", "url": w.receiver.URL + "/zebra", "description": "zebra description", "retry_schedule": []int{},
		"headers": []object{{"name": "X-Zebra", "value": "zebra value"}}})
	spare := w.newHook(object{"name": "zebra spare", "url": w.receiver.URL + "/zebra", "workflow_uid": flow})
	w.answer.Store(http.StatusBadGateway)
	batch := w.newBatch(flow, "zebra batch", 2)
	w.report(batch, "zebra/server", "zebra/server")
	running := w.newBatch(flow, "zebra running", 2)
	done := w.call("POST", "/workflows/"+flow+"/schedule", object{"job_name": "zebra done"})["job_uid"].(string)
	for _, status := range []string{"running", "finished"} {
		w.pass(time.Second)
		w.call("PATCH", "/jobs/"+done, object{"status": status})
	}
	w.work()
	task := w.call("POST", "/redrives", object{"job_uid": done})["uid"].(string)
	key := w.call("POST", "/api-keys", object{"name": "zebra key", "scopes": []string{"read"}})["uid"].(string)
	delivery := w.call("GET", "/deliveries?state=dead&webhook_uid="+hook, nil)["results"].([]any)[0].(object)["uid"].(string)
	w.work()

	fields := url.Values{
		"name": {"zebra"}, "url": {w.receiver.URL + "/zebra"}, "event": {"failed", "succeeded"}, "header_name": {"X-Zebra"}, "header_value": {"zebra"}, "scope": {"project"}, "workflow_uid": {""},
		"job_uid": {""}, "payload": {"v3"}, "signature": {"v1"}, "retry_schedule": {"1, 2"}, "timeout_seconds": {"5"}, "description": {"zebra"},
	}
	with := func(form url.Values, more ...string) url.Values {
		form = maps.Clone(form)
		for i := 0; i < len(more); i += 2 {
			form.Set(more[i], more[i+1])
		}
		return form
	}
	log := []string{"state", "event", "webhook_uid", "job_uid", "since", "until", "cursor"}
	letters := []string{"state", "event", "webhook_uid", "job_uid", "workflow_uid", "error_class", "since", "until", "preview"}
	x.aims = map[string]aim{
		"GET /sign-in":   {path: "/sign-in?to=/console/jobs", reads: []string{"to", "signed"}, status: 303},
		"POST /sign-in":  {path: "/sign-in", form: url.Values{"key": {w.keys["full"]}, "to": {"/console/jobs"}}, still: true},
		"POST /sign-out": {path: "/sign-out", still: true},

		"GET ": {path: "", reads: []string{"range"}},

		"GET /webhooks":               {path: "/webhooks", reads: []string{"cursor"}},
		"GET /webhooks/new":           {path: "/webhooks/new", reads: []string{"receiver"}},
		"POST /webhooks/new":          {path: "/webhooks/new", form: with(fields, "secret", ""), status: 200},
		"GET /webhooks/{uid}":         {path: "/webhooks/" + hook, reads: []string{"range"}},
		"GET /webhooks/{uid}/edit":    {path: "/webhooks/" + hook + "/edit"},
		"POST /webhooks/{uid}/edit":   {path: "/webhooks/" + hook + "/edit", form: fields},
		"POST /webhooks/{uid}/test":   {path: "/webhooks/" + hook + "/test", form: url.Values{"event": {"failed"}, "job_uid": {""}}},
		"POST /webhooks/{uid}/retry":  {path: "/webhooks/" + hook + "/retry", form: url.Values{"event": {""}, "job_uid": {batch}}},
		"POST /webhooks/{uid}/enable": {path: "/webhooks/" + hook + "/enable", form: url.Values{"enabled": {"true"}}},
		"POST /webhooks/{uid}/rotate": {path: "/webhooks/" + hook + "/rotate", form: url.Values{"overlap_seconds": {"0"}, "scheme": {""}, "secret": {""}}, status: 200},
		"POST /webhooks/{uid}/delete": {path: "/webhooks/" + spare + "/delete"},

		"GET /jobs": {path: "/jobs", reads: []string{"status", "workflow_uid", "since", "until", "cursor"}},
		"GET /jobs/{uid}": {path: "/jobs/" + batch,
			reads: []string{"tab", "tab=inputs&status", "tab=inputs&label", "tab=inputs&retryable", "tab=inputs&cursor", "tab=results&cursor", "tab=events&cursor",
				"tab=webhooks&page", "tab=deliveries&state", "tab=deliveries&event", "tab=deliveries&cursor"}},
		"POST /jobs/{uid}/retry":                    {path: "/jobs/" + batch + "/retry", form: url.Values{"label": {"zebra"}, "labels": {""}, "force": {"on"}}},
		"POST /jobs/{uid}/cancel":                   {path: "/jobs/" + running + "/cancel"},
		"POST /jobs/{uid}/webhooks":                 {path: "/jobs/" + batch + "/webhooks", form: fields, status: 200},
		"POST /jobs/{uid}/webhooks/retry":           {path: "/jobs/" + done + "/webhooks/retry"},
		"POST /jobs/{uid}/webhooks/{webhook}/retry": {path: "/jobs/" + done + "/webhooks/" + hook + "/retry", form: url.Values{"event": {""}, "job_uid": {done}}},

		"GET /api-keys":               {path: "/api-keys", reads: []string{"cursor"}, scope: "admin"},
		"POST /api-keys":              {path: "/api-keys", form: url.Values{"name": {"zebra"}, "scope": {"read"}, "expires_at": {""}}, scope: "admin", status: 200},
		"POST /api-keys/{uid}/delete": {path: "/api-keys/" + key + "/delete", scope: "admin"},

		"GET /reference":             {path: "/reference"},
		"GET /reference/{operation}": {path: "/reference/launch"},

		"GET /demo":                   {path: "/demo"},
		"POST /demo/launch":           {path: "/demo/launch", form: url.Values{"workflow_uid": {flow}, "job_name": {"zebra"}, "inputs": {"1"}}},
		"POST /demo/receivers/{name}": {path: "/demo/receivers/broken", form: url.Values{"status": {"204"}, "delay": {""}, "fail_first": {""}, "hang": {""}}},

		"GET /deliveries":              {path: "/deliveries", reads: log},
		"GET /deliveries/{uid}":        {path: "/deliveries/" + delivery, reads: []string{"asked"}},
		"POST /deliveries/{uid}/retry": {path: "/deliveries/" + delivery + "/retry"},
		"GET /dead-letters":            {path: "/dead-letters", reads: letters},
		"POST /dead-letters":           {path: "/dead-letters?webhook_uid=" + hook, form: url.Values{"rate": {"5"}}, reads: letters},
		"GET /redrives":                {path: "/redrives", reads: []string{"cursor"}},
		"GET /redrives/{uid}":          {path: "/redrives/" + task},
		"POST /redrives/{uid}/cancel":  {path: "/redrives/" + task + "/cancel"},
		"GET /why":                     {path: "/why?job_uid=" + batch + "&webhook_uid=" + hook, reads: []string{"job_uid", "webhook_uid"}},
	}

	theirFlow := w.callAs("other", "POST", "/workflows", object{"name": "their flow"})["uid"].(string)
	theirJob := w.callAs("other", "POST", "/workflows/"+theirFlow+"/schedule", object{"job_name": "their job"})["job_uid"].(string)
	theirHook := w.callAs("other", "POST", "/webhooks", object{"url": "http://127.0.0.1:1/theirs", "events": []string{"failed"}})["uid"].(string)
	ofFlow, ofJob := with(fields, "scope", "workflow", "workflow_uid", flow), with(fields, "scope", "job", "job_uid", batch)
	resend := url.Values{"event": {"failed"}, "job_uid": {batch}}
	x.foreign = map[string][]aim{
		"GET /sign-in":                              {{path: "/sign-in?to=/console/jobs/" + batch, status: 303}},
		"POST /webhooks/new":                        {{path: "/webhooks/new", form: ofFlow, status: 400}, {path: "/webhooks/new", form: ofJob, status: 400}},
		"POST /webhooks/{uid}/edit":                 {{path: "/webhooks/" + theirHook + "/edit", form: ofFlow, status: 400}, {path: "/webhooks/" + theirHook + "/edit", form: ofJob, status: 400}},
		"POST /webhooks/{uid}/test":                 {{path: "/webhooks/" + theirHook + "/test", form: resend, status: 400}},
		"POST /webhooks/{uid}/retry":                {{path: "/webhooks/" + theirHook + "/retry", form: resend, status: 400}},
		"GET /jobs":                                 {{path: "/jobs?workflow_uid=" + flow}},
		"POST /jobs/{uid}/webhooks":                 {{path: "/jobs/" + theirJob + "/webhooks", form: ofFlow, status: 400}, {path: "/jobs/" + theirJob + "/webhooks", form: ofJob, status: 400}},
		"POST /jobs/{uid}/webhooks/{webhook}/retry": {{path: "/jobs/" + theirJob + "/webhooks/" + hook + "/retry", form: resend, status: 404}, {path: "/jobs/" + theirJob + "/webhooks/" + theirHook + "/retry", form: resend, status: 400}},
		"POST /demo/launch":                         {{path: "/demo/launch", form: url.Values{"workflow_uid": {flow}, "inputs": {"1"}}, status: 404}},
		"GET /deliveries":                           {{path: "/deliveries?webhook_uid=" + hook}, {path: "/deliveries?job_uid=" + batch}},
		"GET /dead-letters":                         {{path: "/dead-letters?preview=1&webhook_uid=" + hook}, {path: "/dead-letters?preview=1&job_uid=" + batch}, {path: "/dead-letters?preview=1&workflow_uid=" + flow}},
		"POST /dead-letters":                        {{path: "/dead-letters?webhook_uid=" + hook, form: url.Values{}, status: 303}},
		"GET /why": {{path: "/why?job_uid=" + batch}, {path: "/why?webhook_uid=" + hook}, {path: "/why?job_uid=" + batch + "&webhook_uid=" + hook},
			{path: "/why?job_uid=" + theirJob + "&webhook_uid=" + hook}, {path: "/why?job_uid=" + delivery, status: 303}},
	}
	return x
}

// each calls f for every route, in the order of the table.
func (x *target) each(f func(name, method string, to aim)) {
	x.Helper()
	left := maps.Clone(x.aims)
	for _, name := range console.Routes() {
		to, ok := left[name]
		if !ok {
			x.Errorf("%s has no aim: it goes untested", name)
			continue
		}
		delete(left, name)
		method, _, _ := strings.Cut(name, " ")
		f(name, method, to)
	}
	for name := range left {
		x.Errorf("%s is no route any more", name)
	}
}

// unchanged fails if something was changed since it was asked last.
func (x *target) unchanged(who, name string) {
	x.Helper()
	if len(x.spy.changes) > 0 {
		x.Errorf("%s, %s changes something: %q", who, name, x.spy.changes)
	}
	x.spy.changes = nil
}

// everything is what there is in the first project.
func (x *target) everything() string {
	x.Helper()
	var all strings.Builder
	read := func(path string) []any {
		answer := x.call("GET", path, nil)
		text, err := json.Marshal(answer)
		x.noError(err)
		all.WriteString(path + " " + string(text) + "\n")
		list, _ := answer["results"].([]any)
		return list
	}
	read("/api-keys?limit=100")
	for _, hook := range read("/webhooks?limit=100") {
		read("/webhooks/" + hook.(object)["uid"].(string))
	}
	for _, d := range read("/deliveries?limit=100") {
		read("/deliveries/" + d.(object)["uid"].(string))
	}
	for _, j := range read("/jobs?limit=100") {
		for _, part := range []string{"", "/inputs", "/events", "/results"} {
			read("/jobs/" + j.(object)["uid"].(string) + part)
		}
	}
	read("/redrives")
	return all.String()
}

// send sends a form, or asks for a page, with these options.
func (v *visitor) send(method, path string, form url.Values, options ...func(*http.Request)) *seen {
	v.Helper()
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(method, console.Base+path, body)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for _, option := range options {
		option(r)
	}
	return v.ask(r).sound()
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func body(text string) func(*http.Request) {
	return func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	}
}

const strict = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

var (
	leadingOn = regexp.MustCompile(`(?:href|src|action|formaction|content)="([^"]*)"`)
	// homely is where pages may lead, and what their meta elements say.
	homely = regexp.MustCompile(`^(/console(/|\?|#|$)|/openapi\.yaml$|#|\?|https://www\.standardwebhooks\.com/$|width=device-width, |light dark$|0;url=/)`)
	uids   = regexp.MustCompile(`[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
)

// probe is markup that no page may have as such.
const probe = `"'><zqx onload=alert(1)>{{.}}</pre></script>`

// sound checks what holds for every answer, whoever asks for what.
func (p *seen) sound() *seen {
	p.Helper()
	at := p.path[:min(len(p.path), 200)]
	if p.status >= 500 {
		p.Errorf("%s answers %d: %s", at, p.status, p.said())
	}
	if got := p.header.Get("Content-Security-Policy"); got != strict {
		p.Errorf("%s has the policy %q", at, got)
	}
	if p.header.Get("X-Content-Type-Options") != "nosniff" || p.header.Get("Cache-Control") != "no-store" || p.header.Get("Referrer-Policy") != "same-origin" {
		p.Errorf("%s has the headers %v", at, p.header)
	}
	for _, bad := range []string{"<zqx", " style=", "<style", "<script>"} {
		if i := strings.Index(p.body, bad); i >= 0 {
			p.Errorf("%s has %q: %s", at, bad, p.body[max(0, i-200):min(len(p.body), i+200)])
		}
	}
	for _, link := range leadingOn.FindAllStringSubmatch(p.body, -1) {
		if p.status/100 != 3 && !homely.MatchString(link[1]) {
			p.Errorf("%s leads to %.200q", at, link[1])
		}
	}
	if p.to != "" && (!strings.HasPrefix(p.to, "/") || strings.HasPrefix(p.to, "//") || strings.ContainsAny(p.to, "\r\n\\")) {
		p.Errorf("%s leads on to %.200q", at, p.to)
	}
	return p
}

func TestEveryRouteRefusesWhoMayNot(t *testing.T) {
	x := newTarget(t)
	nobody, reader, full := &visitor{world: x.world}, x.visit("reader"), x.visit("full")
	x.unchanged("signing in", "")
	x.each(func(name, method string, to aim) {
		open := strings.HasSuffix(name, "/sign-in") || strings.HasSuffix(name, "/sign-out")
		if !open {
			p := nobody.send(method, to.path, to.form).is(http.StatusSeeOther).hides("zebra")
			if !strings.HasPrefix(p.to, "/console/sign-in?to=%2Fconsole") {
				t.Errorf("without a session %s leads to %s, want the page to sign in", name, p.to)
			}
			x.unchanged("without a session", name)
			want := http.StatusOK
			if method == http.MethodPost || to.scope == "admin" {
				want = http.StatusForbidden
			}
			reader.send(method, to.path, to.form).is(want)
			x.unchanged("with a key that only reads", name)
		}
		if method != http.MethodPost {
			return
		}
		for _, forged := range []func(*http.Request){
			header("Sec-Fetch-Site", "cross-site"), header("Sec-Fetch-Site", "same-site"), header("Sec-Fetch-Site", "none of these"),
			func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "https://evil.example") },
			func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "null") },
			func(r *http.Request) {
				r.Header.Del("Sec-Fetch-Site")
				r.Header.Set("Origin", "http://example.com.evil.example")
			},
		} {
			before := full.cookie
			full.send(method, to.path, to.form, forged).is(http.StatusForbidden).hides("zebra")
			if full.cookie != before {
				t.Errorf("%s of another site sets a cookie", name)
			}
		}
		x.unchanged("sent by another site", name)
	})
}

func TestAnotherProjectSeesAndChangesNothing(t *testing.T) {
	x := newTarget(t)
	before := x.everything()
	theirs := map[string]bool{}
	for _, uid := range uids.FindAllString(before, -1) {
		theirs[uid] = true
	}
	v := x.visit("other")
	x.each(func(name, method string, to aim) {
		calls := x.foreign[name]
		if strings.Contains(name, "{uid}") {
			calls = append(calls, aim{path: to.path, form: to.form, status: http.StatusNotFound})
		} else if len(uids.FindAllString(to.path+to.form.Encode(), -1)) > 0 && len(calls) == 0 {
			t.Errorf("%s takes uids and has no row in foreign: it goes untested", name)
		}
		for _, foreign := range calls {
			sent := foreign.path + foreign.form.Encode()
			p := v.send(method, foreign.path, foreign.form)
			if name == "POST /webhooks/{uid}/delete" { // it is as good as gone
				foreign.status = http.StatusSeeOther
			}
			if want := max(foreign.status, 200); p.status != want && !(want == 200 && p.status == 404) {
				t.Errorf("for another project %s %s answers %d, want %d: %s", method, sent, p.status, want, p.said())
			}
			for _, uid := range uids.FindAllString(p.body+p.to, -1) {
				if theirs[uid] && !strings.Contains(sent, uid) {
					t.Errorf("to another project %s %s tells of %s", method, sent, uid)
				}
			}
			own := strings.NewReplacer()
			if foreign.form.Get("name") == "zebra" { // what was typed is shown again
				own = strings.NewReplacer(`"zebra"`, "", ">zebra<", "", `"X-Zebra"`, "", x.receiver.URL+"/zebra", "")
			}
			if text := own.Replace(p.body); strings.Contains(strings.ToLower(text), "zebra") || strings.Contains(text, "Project full") {
				t.Errorf("to another project %s %s tells names: %s", method, sent, p.said())
			}
		}
	})
	if after := x.everything(); after != before {
		t.Errorf("another project has changed something: before\n%s\nafter\n%s", before, after)
	}
}

func TestEveryAimHits(t *testing.T) {
	x := newTarget(t)
	v := x.visit("full")
	x.spy.changes = nil
	x.each(func(name, method string, to aim) {
		want := map[string]int{http.MethodGet: http.StatusOK, http.MethodPost: http.StatusSeeOther}[method]
		if to.status != 0 {
			want = to.status
		}
		session := *v
		session.send(method, to.path, to.form).is(want)
		if changed := len(x.spy.changes) > 0; changed != (method == http.MethodPost && !to.still) {
			t.Errorf("%s changes %q", name, x.spy.changes)
		}
		x.spy.changes = nil
	})
}

func TestEveryRouteKnowsItsMethods(t *testing.T) {
	x := newTarget(t)
	v := x.visit("full")
	known := map[string]bool{}
	for _, name := range console.Routes() {
		known[name] = true
	}
	x.each(func(name, method string, to aim) {
		_, path, _ := strings.Cut(name, " ")
		for _, other := range []string{"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "POST", "HEAD", "get", "PURGE"} {
			if known[other+" "+path] || other == "HEAD" && known["GET "+path] || other == "POST" && name == "GET /demo" {
				continue
			}
			if p := v.send(other, to.path, nil); p.status != http.StatusNotFound && p.status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s answers %d, want 404 or 405", other, to.path, p.status)
			}
		}
		if method == http.MethodPost && !known["GET "+path] { // the address is left behind by a form that was refused
			if p := v.send(http.MethodGet, to.path, nil); p.status != http.StatusSeeOther || strings.Contains(p.to, "sign-in") {
				t.Errorf("GET %s answers %d and leads to %q, want its page", to.path, p.status, p.to)
			}
		}
		x.unchanged("by another method", name)
	})
}

// nonsense is what may stand in the place of a uid, a word or a number, from the harmless to the absurd.
var nonsense = []string{
	"x", ".", "..", "../..", "%2e%2e", "a/b", "/", "//evil.example", `\\evil.example`, "\x00", "\r\nSet-Cookie: a=b", "\xff\xfe", "%", "%zz", "😀", "\u202e", probe,
	"javascript:alert(1)", "0197F39E-0000-7E6F-9071-829304152637", "0197f39e-0000-7e6f-9071-829304152637 ", "0197f39e-0000-7e6f-9071-829304152637",
	"9223372036854775807", "-9223372036854775808", "1e999", "NaN", "null", "[]", "-1", "{uid}", "hmd_", "2026-02-30T25:61", "9999999-01-01T00:00", strings.Repeat("9", 10_000),
	strings.Repeat("<", 10_000), strings.Repeat("é", 5_000),
}

// some returns six of the texts, for each turn others: all of everything would take minutes.
func some(texts []string, turn int) (list []string) {
	for i := range 6 {
		list = append(list, texts[(6*turn+i)%len(texts)])
	}
	return list
}

// inPath writes a text as one segment of a path: no byte of it means anything but itself.
func inPath(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(url.PathEscape(text), ".", "%2E"), "+", "%2B")
}

func TestNonsenseInAPathNamesNothing(t *testing.T) {
	x := newTarget(t)
	v := x.visit("full")
	x.spy.changes = nil
	x.each(func(name, method string, to aim) {
		_, pattern, _ := strings.Cut(name, " ")
		path, _, _ := strings.Cut(to.path, "?")
		is, was := strings.Split(path, "/"), strings.Split(pattern, "/")
		for i := range was {
			if !strings.HasPrefix(was[i], "{") {
				continue
			}
			for _, text := range nonsense {
				parts := slices.Clone(is)
				parts[i] = inPath(text)
				p := v.send(method, strings.Join(parts, "/"), to.form)
				switch {
				case p.status == http.StatusNotFound || p.status == http.StatusBadRequest || p.status == http.StatusRequestURITooLong:
				case name == "POST /webhooks/{uid}/delete" && p.status == http.StatusSeeOther: // it is as good as gone
				default:
					if name != "POST /demo/receivers/{name}" { // the demo knows its own names
						t.Errorf("%s with %.60q answers %d, want 404: %s", name, text, p.status, p.said())
					}
				}
			}
			for _, text := range []string{"..", ".", "../../..", "%2F..%2F..", ""} { // as it stands: a browser would not send it
				parts := slices.Clone(is)
				parts[i] = text
				v.send(method, strings.Join(parts, "/"), to.form)
			}
		}
		if name != "POST /demo/receivers/{name}" {
			x.unchanged("with nonsense in its path", name)
		}
		x.spy.changes = nil
	})
}

func TestNonsenseInAQueryIsSaidToBe(t *testing.T) {
	t.Parallel()
	x := newTarget(t)
	v := x.visit("full")
	everywhere := []string{"done", "dialog", "no_such_parameter", "once", "key"}
	x.spy.changes = nil
	turn := 0
	x.each(func(name, method string, to aim) {
		if method != http.MethodGet {
			return
		}
		path, _, _ := strings.Cut(to.path, "?")
		for _, parameter := range append(everywhere, to.reads...) {
			turn++
			for _, text := range some(nonsense, turn) {
				p := v.send(method, path+"?"+parameter+"="+url.QueryEscape(text), nil)
				if strings.HasSuffix(parameter, "cursor") && p.status != http.StatusBadRequest && p.status != http.StatusRequestURITooLong {
					t.Errorf("%s?%s=%.60q answers %d, want 400: %s", path, parameter, text, p.status, p.said())
				}
			}
			for _, raw := range []string{"%zz", "a=b;c=d", "&&&=&=", "%00", "=", "a&" + parameter} {
				v.send(method, path+"?"+parameter+"="+raw, nil)
			}
		}
		x.unchanged("with nonsense in its query", name)
	})
}

// A cursor is good for its own list, filters and project.
func TestCursorsOfOtherListsAreRefused(t *testing.T) {
	x := newTarget(t)
	for range 25 {
		x.newHook(object{"events": []string{"paused"}})
	}
	v := x.visit("full")
	_, cursor, ok := strings.Cut(v.get("/webhooks").body, "?cursor=")
	if !ok {
		t.Fatal("the list of webhooks has no second page")
	}
	cursor, _, _ = strings.Cut(cursor, `"`)
	v.get("/webhooks?cursor=" + cursor).is(200)
	x.visit("other").send("GET", "/webhooks?cursor="+cursor, nil).is(400)
	x.each(func(name, method string, to aim) {
		path, _, _ := strings.Cut(to.path, "?")
		for _, reads := range to.reads {
			if method == http.MethodGet && strings.HasSuffix(reads, "cursor") && name != "GET /webhooks" {
				v.send(method, path+"?"+reads+"="+cursor, nil).is(http.StatusBadRequest)
			}
		}
	})
}

func TestWhatIsNoFormIsRefused(t *testing.T) {
	x := newTarget(t)
	v := x.visit("full")
	x.spy.changes = nil
	x.each(func(name, method string, to aim) {
		if method != http.MethodPost {
			return
		}
		var parts bytes.Buffer
		multi := multipart.NewWriter(&parts)
		for field, values := range to.form {
			x.noError(multi.WriteField(field, values[0]))
		}
		x.noError(multi.Close())
		object, err := json.Marshal(to.form)
		x.noError(err)
		encoded := to.form.Encode()
		for what, options := range map[string][]func(*http.Request){
			"multipart":            {header("Content-Type", multi.FormDataContentType()), body(parts.String())},
			"plain text":           {header("Content-Type", "text/plain")},
			"JSON":                 {header("Content-Type", "application/json"), body(string(object))},
			"without a type":       {header("Content-Type", "")},
			"of a malformed type":  {header("Content-Type", "application/x-www-form-urlencoded; =")},
			"of bad escapes":       {body(encoded + "&name=%zz")},
			"of bad UTF-8":         {body(encoded + "&name=%ff")},
			"of bad UTF-8 as is":   {body(encoded + "&name=\xff")},
			"with semicolons":      {body(encoded + "&a=b;c=d")},
			"of 600 KB":            {body(encoded + "&x=" + strings.Repeat("x", 600<<10))},
			"of very many fields":  {body(encoded + strings.Repeat("&a", 300<<10))},
			"with a bad query too": {func(r *http.Request) { r.URL.RawQuery = "a=%zz" }},
		} {
			session := *v // signing out would end it
			if p := session.send(method, to.path, to.form, options...); p.status != 400 && p.status != 413 && p.status != 415 {
				t.Errorf("%s with a form %s answers %d, want 400, 413 or 415: %s", name, what, p.status, p.said())
			}
			x.unchanged("with a form "+what, name)
		}
	})
}

// A field may be refused or taken, but whatever is in it, the answer is a page that is safe and not too long.
func TestNonsenseInAFormIsAnsweredByASoundPage(t *testing.T) {
	t.Parallel()
	x := newTarget(t)
	v := x.visit("full")
	long := []string{strings.Repeat("x", 300<<10), strings.Repeat(`"`, 100<<10), strings.Repeat("x,", 20_000), strings.Repeat("\n", 50_000)}
	turn := 0
	x.each(func(name, method string, to aim) {
		if method != http.MethodPost {
			return
		}
		form := maps.Clone(to.form)
		if form == nil {
			form = url.Values{}
		}
		form.Set("once", "zebra once")
		form.Set("no_such_field", "zebra")
		for _, field := range slices.Sorted(maps.Keys(form)) {
			turn++
			for _, text := range append(some(nonsense, turn), long[turn%len(long)]) {
				if strings.Contains(text, "\xff") {
					continue // which is refused as a whole
				}
				other := maps.Clone(form)
				other.Del("once") // what was carried out once would be answered again
				other[field] = []string{text}
				session := *v
				session.send(method, to.path, other)
				if text == probe {
					other[field] = []string{text, text, "x", probe}
					session.send(method, to.path, other)
				}
			}
			session := *v
			without := maps.Clone(form)
			without.Del("once")
			without.Del(field)
			session.send(method, to.path, without)
		}
		for _, parameter := range to.reads {
			path, _, _ := strings.Cut(to.path, "?")
			for _, text := range some(nonsense, turn) {
				v.send(method, path+"?"+parameter+"="+url.QueryEscape(text), to.form)
			}
		}
	})
}
