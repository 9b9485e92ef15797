package console_test

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hermod/shared/access"
	"hermod/shared/api"
	"hermod/shared/console"
	"hermod/shared/delivery"
	"hermod/shared/dispatch"
	"hermod/shared/egress"
	"hermod/shared/fanout"
	"hermod/shared/input"
	"hermod/shared/job"
	"hermod/shared/redrive"
	"hermod/shared/seal"
	"hermod/shared/sqlite"
	"hermod/shared/tally"
	"hermod/shared/uid"
	"hermod/shared/webhook"
)

// world is the whole service over a real engine, with two projects and a receiver. Its time stands still but for pass, and nothing is
// delivered but by work.
type world struct {
	testing.TB
	db       *sqlite.DB
	api      http.Handler
	console  http.Handler
	config   console.Config
	receiver *httptest.Server
	answer   atomic.Int32 // status that the receiver answers
	received atomic.Int32 // requests
	last     atomic.Pointer[http.Request]
	project  string
	keys     map[string]string // full, reader (may read only), other (another project's)

	fan      *fanout.Fanout
	dispatch *dispatch.Dispatcher
	redrives *redrive.Service
	inputs   *input.Service
	at       atomic.Int64 // ms

	mu    sync.Mutex
	sums  tally.Sums
	notes tally.Notes
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, keys: map[string]string{}, sums: tally.Sums{}}
	w.at.Store(time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC).UnixMilli())
	w.answer.Store(http.StatusNoContent)
	w.receiver = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.received.Add(1)
		w.last.Store(r)
		rw.WriteHeader(int(w.answer.Load()))
	}))
	t.Cleanup(w.receiver.Close)

	dir, quiet := t.TempDir(), slog.New(slog.DiscardHandler)
	db, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(dir, "db"), Now: w.now, CleanEvery: -1, Observe: w.observe, Logger: quiet})
	w.noError(err)
	t.Cleanup(func() { db.Close() })
	w.db = db
	keyFile, err := seal.OpenKeyFile(filepath.Join(dir, "key"))
	w.noError(err)
	box, err := seal.New(seal.Config{Wrapper: keyFile, Keys: db.Keys()})
	w.noError(err)
	rules := webhook.Rules{AllowHTTP: true, AllowPrivate: true}
	w.redrives = redrive.New(redrive.Config{Tasks: db.Redrives(), Log: db.Log(), Archive: db.Archive(), Queue: db.Queue(), Now: w.now, Logger: quiet})
	w.inputs = input.New(input.Config{Jobs: db.Jobs(), Inputs: db.Inputs(), Now: w.now, Logger: quiet})
	guard := access.New(access.Config{Store: db.Access(), Now: w.now})
	w.api = api.New(api.Config{
		Access: guard, Replies: db.Access(), Box: box, Jobs: db.Jobs(), Workflows: db.Jobs(),
		Inputs:   w.inputs,
		Webhooks: db.Webhooks(), Counters: db.Counters(), Archive: db.Archive(), Log: db.Log(), Queue: db.Queue(), Redrives: w.redrives,
		Rules: rules, Version: "1.2.3", Now: w.now, Logger: quiet,
	})
	w.fan = fanout.New(fanout.Config{Archive: db.Archive(), Webhooks: db.Webhooks(), Queue: db.Queue(), Now: w.now, Logger: quiet})
	w.dispatch = dispatch.New(dispatch.Config{
		Log: db.Log(), Archive: db.Archive(), Webhooks: db.Webhooks(), Queue: db.Queue(), Box: box,
		Client: egress.New(egress.Config{Rules: rules}), Now: w.now, Random: func() float64 { return 0.5 }, Logger: quiet,
	})
	w.config = console.Config{API: w.api, Access: guard, Box: box, Version: "1.2.3", Now: w.now, Logger: quiet}
	w.console = console.New(w.config)

	w.project = w.newProject("full", access.Scopes...)
	w.addKey("reader", w.project, access.Read)
	w.newProject("other", access.Scopes...)
	return w
}

func (w *world) now() time.Time       { return time.UnixMilli(w.at.Load()).UTC() }
func (w *world) pass(d time.Duration) { w.at.Add(d.Milliseconds()) }

func (w *world) noError(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) newProject(key string, scopes ...access.Scope) string {
	p := access.Project{UID: uid.New(w.now()), Name: "Project " + key, CreatedAt: w.now()}
	w.noError(w.db.Access().CreateProject(w.Context(), p))
	w.addKey(key, p.UID, scopes...)
	return p.UID
}

func (w *world) addKey(name, project string, scopes ...access.Scope) {
	token := access.NewToken()
	w.keys[name] = token
	w.noError(w.db.Access().CreateKey(w.Context(), access.Key{
		UID: uid.New(w.now()), Project: project, Name: name, Hash: access.Hash(token), Hint: access.Hint(token), Scopes: scopes, CreatedAt: w.now(),
	}))
}

func (w *world) observe(before, after delivery.Delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sums.Count(before, after, w.now())
}

// work does all that is due: it fans events out, makes attempts, carries redrives out, and counts what came of it.
func (w *world) work() {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	for w.fanOut(ctx) || w.lane(ctx, delivery.LaneFirst, w.dispatch.Handle) || w.lane(ctx, delivery.LaneRetry, w.dispatch.Handle) ||
		w.lane(ctx, delivery.LaneOps, w.redrives.Handle) {
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, err := range w.sums.Write(ctx, w.db.Counters(), &w.notes, w.now()) {
		w.noError(err)
	}
	w.sums = tally.Sums{}
}

func (w *world) fanOut(ctx context.Context) (some bool) {
	w.Helper()
	entries, err := w.db.Jobs().Changes(ctx, 100, 0)
	w.noError(err)
	for _, e := range entries {
		w.noError(w.fan.Handle(ctx, []job.Job{e.Job})[0])
		w.noError(w.db.Jobs().Passed(ctx, e.ID))
	}
	return len(entries) > 0
}

// lane handles the messages of a lane that are visible now.
func (w *world) lane(ctx context.Context, lane delivery.Lane, handle func(context.Context, delivery.Receipt) delivery.Verdict) (some bool) {
	w.Helper()
	receipts, err := w.db.Queue().Receive(ctx, lane, 100, 0)
	w.noError(err)
	for _, r := range receipts {
		if v := handle(ctx, r); v.Acknowledge {
			w.noError(w.db.Queue().Delete(ctx, r))
		} else {
			w.noError(w.db.Queue().Hide(ctx, r, v.VisibleAfter))
		}
	}
	return len(receipts) > 0
}

// object is JSON.
type object = map[string]any

// call makes a request of the API, which has to go well, and returns the answer.
func (w *world) call(method, path string, body any) object {
	w.Helper()
	return w.callAs("full", method, path, body)
}

// callAs does so with one of the world's keys.
func (w *world) callAs(key, method, path string, body any) object {
	w.Helper()
	text, err := json.Marshal(body)
	w.noError(err)
	if body == nil {
		text = nil
	}
	r := httptest.NewRequest(method, "/v3"+path, bytes.NewReader(text))
	r.Header.Set("X-API-Key", w.keys[key])
	r.Header.Set("Content-Type", "application/json")
	rw := httptest.NewRecorder()
	w.api.ServeHTTP(rw, r)
	if rw.Code >= 300 {
		w.Fatalf("%s %s answers %d: %s", method, path, rw.Code, rw.Body)
	}
	var answer object
	if b := rw.Body.Bytes(); len(b) > 0 && b[0] == '{' {
		w.noError(json.Unmarshal(b, &answer))
	}
	return answer
}

// newFlow makes a workflow and returns its uid.
func (w *world) newFlow(name string) string {
	w.Helper()
	return w.call("POST", "/workflows", object{"name": name})["uid"].(string)
}

// newJob launches a job and reports these statuses.
func (w *world) newJob(flow string, statuses ...string) string {
	w.Helper()
	id := w.call("POST", "/workflows/"+flow+"/schedule", object{"job_name": "nightly"})["job_uid"].(string)
	for _, s := range statuses {
		w.pass(time.Second)
		w.call("PATCH", "/jobs/"+id, object{"status": s})
	}
	return id
}

// newHook makes a webhook of the receiver for all events but what fields say, and returns its uid.
func (w *world) newHook(fields object) string {
	w.Helper()
	body := object{"url": w.receiver.URL + "/hook", "events": job.EventTypes}
	for k, v := range fields {
		body[k] = v
	}
	return w.call("POST", "/webhooks", body)["uid"].(string)
}

// visitor is a browser that is signed in, as far as a console without a script needs one.
type visitor struct {
	*world
	cookie *http.Cookie
}

// visit signs in with one of the world's keys.
func (w *world) visit(key string) *visitor {
	w.Helper()
	v := &visitor{world: w}
	p := v.post("/sign-in", url.Values{"key": {w.keys[key]}})
	if p.status != http.StatusSeeOther || v.cookie == nil {
		w.Fatalf("signing in with the key %s answers %d: %s", key, p.status, p.body)
	}
	return v
}

// seen is a page as it was answered.
type seen struct {
	*visitor
	path   string
	status int
	to     string // where it leads on to
	header http.Header
	body   string
}

// get opens a page by its path below the console.
func (v *visitor) get(path string) *seen {
	v.Helper()
	return v.ask(httptest.NewRequest(http.MethodGet, console.Base+path, nil))
}

// post sends a form as browsers do.
func (v *visitor) post(path string, form url.Values) *seen {
	v.Helper()
	r := httptest.NewRequest(http.MethodPost, console.Base+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return v.ask(r)
}

func (v *visitor) ask(r *http.Request) *seen {
	v.Helper()
	if v.cookie != nil {
		r.AddCookie(v.cookie)
	}
	rw := httptest.NewRecorder()
	v.console.ServeHTTP(rw, r)
	res := rw.Result()
	for _, c := range res.Cookies() {
		v.cookie = c
	}
	body, err := io.ReadAll(res.Body)
	v.noError(err)
	if len(body) > 100_000 {
		v.Errorf("%s has %d bytes, want at most 100,000", r.URL, len(body))
	}
	return &seen{visitor: v, path: r.URL.RequestURI(), status: res.StatusCode, to: res.Header.Get("Location"), header: res.Header, body: string(body)}
}

// follow opens where the answer to a form leads.
func (p *seen) follow() *seen {
	p.Helper()
	if p.status != http.StatusSeeOther {
		p.Fatalf("%s answers %d, want 303: %s", p.path, p.status, p.said())
	}
	return p.get(strings.TrimPrefix(p.to, console.Base))
}

var (
	markup = regexp.MustCompile(`<[^>]*>`)
	blanks = regexp.MustCompile(`[\s\x{a0}]+`)
)

// text is what the page says to people, each run of white space as one space.
func (p *seen) text() string {
	return strings.TrimSpace(blanks.ReplaceAllString(html.UnescapeString(markup.ReplaceAllString(p.body, " ")), " "))
}

// said is what the page says beside the navigation, as far as a failure has room for it.
func (p *seen) said() string {
	_, text, ok := strings.Cut(p.text(), "Sign out ")
	if !ok {
		text = p.text()
	}
	return text[:min(len(text), 600)]
}

// is checks the status.
func (p *seen) is(status int) *seen {
	p.Helper()
	if p.status != status {
		p.Fatalf("%s answers %d, want %d: %s", p.path, p.status, status, p.said())
	}
	return p
}

// shows checks that the page says these, or has them as HTML.
func (p *seen) shows(parts ...string) *seen {
	p.Helper()
	for _, part := range parts {
		if !strings.Contains(p.text(), part) && !strings.Contains(p.body, part) {
			p.Errorf("%s does not show %q: %s", p.path, part, p.said())
		}
	}
	return p
}

// hides checks that the page has none of these: neither as HTML nor, unless it is HTML itself, as text.
func (p *seen) hides(parts ...string) *seen {
	p.Helper()
	for _, part := range parts {
		if strings.Contains(p.body, part) || !strings.Contains(part, "<") && strings.Contains(p.text(), part) {
			p.Errorf("%s shows %q: %s", p.path, part, p.said())
		}
	}
	return p
}
