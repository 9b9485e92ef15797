package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/access"
	"hermod/shared/delivery"
	"hermod/shared/input"
	"hermod/shared/job"
	"hermod/shared/redrive"
	"hermod/shared/seal"
	"hermod/shared/sqlite"
	"hermod/shared/uid"
	"hermod/shared/webhook"
)

// clock is the time of a world; it stands still between Moves.
type clock struct{ at atomic.Int64 }

func (c *clock) Now() time.Time       { return time.UnixMilli(c.at.Load()).UTC() }
func (c *clock) Move(d time.Duration) { c.at.Add(d.Milliseconds()) }

// journal gathers what is logged.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// world is the API over a real engine, with two projects, called over HTTP.
type world struct {
	testing.TB
	db      *sqlite.DB
	config  Config
	clock   *clock
	server  *httptest.Server
	handler atomic.Pointer[http.Handler]
	log     *journal // of requests, one JSON object a line
	spec    *spec
	project string
	keys    map[string]string // full, reader, writer, none (no scope), other (another project's)
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{TB: t, clock: &clock{}, spec: readSpec(t), keys: map[string]string{}, log: &journal{}}
	w.clock.at.Store(time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC).UnixMilli())
	dir := t.TempDir()
	db, err := sqlite.Open(t.Context(), sqlite.Config{
		Path: filepath.Join(dir, "db"), Now: w.clock.Now, CleanEvery: -1, Logger: slog.New(slog.DiscardHandler),
	})
	w.noError(err)
	t.Cleanup(func() { db.Close() })
	w.db = db
	keyFile, err := seal.OpenKeyFile(filepath.Join(dir, "key"))
	w.noError(err)
	box, err := seal.New(seal.Config{Wrapper: keyFile, Keys: db.Keys()})
	w.noError(err)
	w.config = Config{
		Access: access.New(access.Config{Store: db.Access(), Now: w.clock.Now}), Replies: db.Access(), Box: box, Jobs: db.Jobs(), Workflows: db.Jobs(),
		Inputs:   input.New(input.Config{Jobs: db.Jobs(), Inputs: db.Inputs(), Now: w.clock.Now, Logger: slog.New(slog.DiscardHandler)}),
		Webhooks: db.Webhooks(), Counters: db.Counters(), Archive: db.Archive(), Log: db.Log(), Queue: db.Queue(),
		Redrives: redrive.New(redrive.Config{Tasks: db.Redrives(), Log: db.Log(), Archive: db.Archive(), Queue: db.Queue(), Now: w.clock.Now}),
		Version:  "1.2.3", Now: w.clock.Now, Logger: slog.New(slog.NewJSONHandler(w.log, nil)),
		Unavailable: func(err error) bool { return errors.Is(err, sqlite.ErrClosed) },
	}
	w.project = w.newProject("full", access.Scopes...)
	w.addKey("reader", w.project, access.Read)
	w.addKey("writer", w.project, access.Write, access.Admin)
	w.addKey("none", w.project)
	w.newProject("other", access.Scopes...)
	w.start()
	return w
}

// start serves the API of the world's Config as it is now.
func (w *world) start() {
	h := New(w.config)
	w.handler.Store(&h)
	if w.server == nil {
		w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { (*w.handler.Load()).ServeHTTP(rw, r) }))
		w.Cleanup(w.server.Close)
	}
}

func (w *world) newProject(key string, scopes ...access.Scope) string {
	p := access.Project{UID: uid.New(w.clock.Now()), Name: key, CreatedAt: w.clock.Now()}
	w.noError(w.db.Access().CreateProject(w.Context(), p))
	w.addKey(key, p.UID, scopes...)
	return p.UID
}

func (w *world) addKey(name, project string, scopes ...access.Scope) {
	token := access.NewToken()
	w.keys[name] = token
	w.noError(w.db.Access().CreateKey(w.Context(), access.Key{
		UID: uid.New(w.clock.Now()), Project: project, Name: name, Hash: access.Hash(token), Hint: access.Hint(token), Scopes: scopes, CreatedAt: w.clock.Now(),
	}))
}

// answered is what came back.
type answered struct {
	world  *world
	method string
	path   string
	status int
	header http.Header
	body   []byte
}

// as sends the request with another key than full.
func as(key string) func(*world, *http.Request) {
	return func(w *world, r *http.Request) { r.Header.Set("X-Api-Key", w.keys[key]) }
}

// with sets a header; an empty value removes it.
func with(name, value string) func(*world, *http.Request) {
	return func(_ *world, r *http.Request) {
		if r.Header.Set(name, value); value == "" {
			r.Header.Del(name)
		}
	}
}

// call sends a request below /v3 and checks the answer against openapi.yaml. A body that is a string is sent as it is.
func (w *world) call(method, path string, body any, options ...func(*world, *http.Request)) *answered {
	w.Helper()
	return w.raw(method, "/v3"+path, body, options...)
}

func (w *world) raw(method, path string, body any, options ...func(*world, *http.Request)) *answered {
	w.Helper()
	var b io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		b = strings.NewReader(body)
	default:
		text, err := json.Marshal(body)
		w.noError(err)
		b = bytes.NewReader(text)
	}
	url := path
	if strings.HasPrefix(path, "/") {
		url = w.server.URL + path
	}
	r, err := http.NewRequest(method, url, b)
	w.noError(err)
	r.Header.Set("X-Api-Key", w.keys["full"])
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, o := range options {
		o(w, r)
	}
	res, err := w.server.Client().Do(r)
	w.noError(err)
	defer res.Body.Close()
	a := &answered{world: w, method: method, path: r.URL.Path, status: res.StatusCode, header: res.Header}
	a.body, err = io.ReadAll(res.Body)
	w.noError(err)
	if method != http.MethodHead && method != http.MethodOptions {
		for _, wrong := range w.spec.check(a) {
			w.Errorf("%s %s answers %d, which openapi.yaml does not describe so: %s\n%s", method, path, a.status, wrong, a.body)
		}
	}
	return a
}

// must returns the answer's body if it has the status.
func (a *answered) must(status int) map[string]any {
	a.world.Helper()
	if a.status != status {
		a.world.Fatalf("%s %s answers %d, want %d: %s", a.method, a.path, a.status, status, a.body)
	}
	var v map[string]any
	if len(a.body) > 0 && a.body[0] == '{' {
		a.world.noError(json.Unmarshal(a.body, &v))
	}
	return v
}

// refused checks that the answer is an error of that label, and returns its message and params.
func (a *answered) refused(l label, params ...string) (message string, got map[string]any) {
	a.world.Helper()
	var e report
	if err := json.Unmarshal(a.body, &e); err != nil {
		a.world.Fatalf("%s %s answers %d, want an error %s: %s", a.method, a.path, a.status, l, a.body)
	}
	if e.Label != l || e.Status != a.status {
		a.world.Fatalf("%s %s answers %d %s, want %s: %s", a.method, a.path, a.status, e.Label, l, a.body)
	}
	if again := a.header.Get(replayHeader) != ""; !again && e.Ref != a.header.Get("X-Request-Id") || !uid.Valid(e.Ref) {
		a.world.Errorf("error_ref %q, want the X-Request-Id %q", e.Ref, a.header.Get("X-Request-Id"))
	}
	for i := 0; i+1 < len(params); i += 2 {
		if e.Params[params[i]] != params[i+1] {
			a.world.Errorf("%s %s: params %v, want %s %q (%s)", a.method, a.path, e.Params, params[i], params[i+1], e.Message)
		}
	}
	return e.Message, e.Params
}

func (w *world) noError(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// newFlow makes a workflow and returns its uid.
func (w *world) newFlow() string {
	w.Helper()
	return w.call("POST", "/workflows", map[string]any{"name": "Import"}).must(201)["uid"].(string)
}

// newJob launches a job and reports these statuses.
func (w *world) newJob(flow string, statuses ...job.Status) string {
	w.Helper()
	id := w.call("POST", "/workflows/"+flow+"/schedule", map[string]any{"job_name": "nightly"}).must(200)["job_uid"].(string)
	for _, s := range statuses {
		w.clock.Move(time.Second)
		w.call("PATCH", "/jobs/"+id, map[string]any{"status": s}).must(200)
	}
	return id
}

// launch launches a job with inputs {"n": 0}, {"n": 1} and so on, and returns its uid. None leave the list open.
func (w *world) launch(flow string, inputs int) string {
	w.Helper()
	list := make([]map[string]int, inputs)
	for i := range list {
		list[i] = map[string]int{"n": i}
	}
	return w.call("POST", "/workflows/"+flow+"/schedule", map[string]any{"job_name": "batch", "inputs": list}).must(200)["job_uid"].(string)
}

// report reports the same of inputs from first to before last, in requests of up to 500, and returns the last answer.
func (w *world) report(jobUID string, first, last int, fields map[string]any) (answer map[string]any) {
	w.Helper()
	for ; first < last; first += 500 {
		var list []map[string]any
		for i := first; i < min(last, first+500); i++ {
			one := maps.Clone(fields)
			one["index"] = i
			list = append(list, one)
		}
		answer = w.call("POST", "/jobs/"+jobUID+"/inputs/report", map[string]any{"inputs": list}).must(200)
	}
	return answer
}

// succeeded and failure are what is reported of an input.
var succeeded = map[string]any{"status": "succeeded"}

func failure(label string) map[string]any {
	return map[string]any{"status": "failed", "error": map[string]any{"label": label, "message": "first of " + label}}
}

// everyPage reads a list of objects to its end, both ways.
func (w *world) everyPage(path string) []map[string]any {
	w.Helper()
	return bothWays[map[string]any](w, path)
}

// bothWays reads a list to its end: once by following next, once by sending it back as the cursor. Both must give the same.
func bothWays[T any](w *world, path string) []T {
	w.Helper()
	follow := eachPage[T](w, path, func(next string) *answered { return w.raw("GET", next, nil) })
	joint := map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")]
	back := eachPage[T](w, path, func(next string) *answered { return w.call("GET", path+joint+"cursor="+url.QueryEscape(next), nil) })
	if diff := cmp.Diff(follow, back); diff != "" {
		w.Errorf("%s differs between both ways of turning its pages (- followed, + sent back):\n%s", path, diff)
	}
	return follow
}

func eachPage[T any](w *world, path string, turn func(next string) *answered) (all []T) {
	w.Helper()
	for a := w.call("GET", path, nil); ; {
		a.must(200)
		var p page[T]
		w.noError(json.Unmarshal(a.body, &p))
		all = append(all, p.Results...)
		if p.Paging.HaveNextPage != (p.Paging.Next != nil) {
			w.Fatalf("paging of %s is %+v", path, p.Paging)
		}
		if p.Paging.Next == nil {
			return all
		}
		a = turn(*p.Paging.Next)
	}
}

func uidsOf(list []map[string]any) (uids []string) {
	for _, one := range list {
		uids = append(uids, one["uid"].(string))
	}
	return uids
}

// newHook makes a webhook for all events but what fields say, and returns its uid.
func (w *world) newHook(fields map[string]any) string {
	w.Helper()
	body := map[string]any{"url": "https://hooks.example.com/x", "events": job.EventTypes}
	for k, v := range fields {
		body[k] = v
	}
	return w.call("POST", "/webhooks", body).must(201)["uid"].(string)
}

// stored reads a job from the engine.
func (w *world) stored(jobUID string) job.Job {
	w.Helper()
	j, err := w.db.Jobs().Get(w.Context(), w.project, jobUID)
	w.noError(err)
	return j
}

// archive does what fan-out does: it archives the event of each change of the job with the webhooks that take it. It returns
// the events, oldest first.
func (w *world) archive(jobUID string) []delivery.Event {
	w.Helper()
	j := w.stored(jobUID)
	all, err := w.db.Webhooks().ProjectMatches(w.Context(), w.project)
	w.noError(err)
	own, err := w.db.Webhooks().JobMatches(w.Context(), w.project, jobUID)
	w.noError(err)
	var events []delivery.Event
	for _, change := range j.Changes {
		if change.Event == job.NoEvent {
			continue
		}
		e := delivery.Event{
			UID: j.EventUID(change), Project: w.project, Job: j.UID, Workflow: j.Workflow, Type: change.Event, Sequence: change.Version, At: change.At,
			Bodies: map[job.Format][]byte{},
		}
		for _, m := range append(append([]webhook.Match{}, all...), own...) {
			if !m.Takes(j, change.Event) || !m.Before(change.At) {
				continue
			}
			body, err := j.Payload(j.EventUID(change), change, m.Payload)
			w.noError(err)
			e.Bodies[m.Payload] = body
			e.Matched = append(e.Matched, delivery.Match{Webhook: m.Webhook, Format: m.Payload})
		}
		e, _, err := w.db.Archive().Put(w.Context(), e)
		w.noError(err)
		events = append(events, e)
	}
	return events
}

// outcome writes the row of a delivery, with one attempt.
func (w *world) outcome(e delivery.Event, hook string, s delivery.State) delivery.Delivery {
	w.Helper()
	d := e.Delivery(hook)
	now := w.clock.Now()
	d.ExpiresAt = now.Add(delivery.Retention)
	a := delivery.Attempt{
		Number: 1, Cause: delivery.CauseSchedule, StartedAt: now, Duration: 12345 * time.Microsecond, SignedWith: []string{"whsec_…abcd"},
		Headers: []string{"Authorization"}, Status: 200,
	}
	if s != delivery.Succeeded {
		a.Status, a.Class, a.Error = 503, delivery.ClassStatus, "The receiver answered 503."
		a.RetryAfter = 30 * time.Second
		a.Answer = &delivery.Answer{Headers: map[string][]string{"Retry-After": {"30"}}, Body: []byte("later \xff")}
	}
	d.State = s
	switch s {
	case delivery.Succeeded:
		d.EndedAt = now
		w.noError(w.db.Log().Succeed(w.Context(), d, a))
	case delivery.Pending:
		d.NextAt, d.Due = now, delivery.Due{At: now.Add(time.Hour)}
		w.noError(w.db.Log().Append(w.Context(), d, a))
	default:
		d.Place.Step = 1
		switch s {
		case delivery.Retrying:
			d.NextAt, d.Due = now.Add(time.Minute), delivery.Due{At: now.Add(time.Hour)}
		case delivery.Dead:
			d.Reason, d.EndedAt = delivery.ReasonExhausted, now
		case delivery.Cancelled:
			d.Reason, d.EndedAt = delivery.ReasonDisabled, now
		}
		w.noError(w.db.Log().Step(w.Context(), d, delivery.Place{}, &a))
	}
	return d
}

// messages takes everything that lies in the lane retry.
func (w *world) messages() []delivery.Message {
	w.Helper()
	var list []delivery.Message
	for {
		ctx, cancel := context.WithTimeout(w.Context(), 10*time.Second)
		got, err := w.db.Queue().Receive(ctx, delivery.LaneRetry, 10, 0)
		cancel()
		w.noError(err)
		if len(got) == 0 {
			return list
		}
		for _, r := range got {
			m, err := delivery.ParseMessage(r.Body)
			w.noError(err)
			list = append(list, m)
		}
		w.noError(w.db.Queue().Delete(w.Context(), got...))
	}
}
