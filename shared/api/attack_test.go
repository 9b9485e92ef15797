package api

import (
	"context"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hermod/shared/access"
	"hermod/shared/job"
	"hermod/shared/webhook"
)

// target is how a test calls one route so that it succeeds.
type target struct {
	path   string // below /v3
	body   any    // nil: none
	status int
	// conflict makes 409 the answer, where an Idempotency-Key in flight cannot.
	conflict func(w *world)
}

// targets returns a call for every route of the table, by method and path. A route that is missing here fails the tests that
// use it.
func targets(w *world) map[string]target {
	flow := w.newFlow()
	running := w.newJob(flow, job.Running)
	hook := w.newHook(nil)
	done := w.newJob(flow, job.Running, job.Finished)
	w.archive(running)
	event := w.archive(done)[2]
	w.outcome(event, hook, "dead")
	task := w.call("POST", "/redrives", map[string]any{}).must(202)["uid"].(string)
	spare, spareFlow := w.newHook(nil), w.newFlow()
	spareKey := w.call("POST", "/api-keys", map[string]any{"name": "spare", "scopes": []string{"read"}}).must(201)["uid"].(string)
	open := w.newJob(flow, job.Running)
	failed := w.newFailedJob(flow)
	delivery := event.UID + "_" + hook
	return map[string]target{
		"GET /health":       {path: "/health", status: 200},
		"GET /openapi.yaml": {path: "/openapi.yaml", status: 200},

		"GET /workspace":         {path: "/workspace", status: 200},
		"GET /event-types":       {path: "/event-types", status: 200},
		"GET /api-keys":          {path: "/api-keys", status: 200},
		"POST /api-keys":         {path: "/api-keys", body: map[string]any{"name": "x", "scopes": []string{"read"}}, status: 201},
		"DELETE /api-keys/{uid}": {path: "/api-keys/" + spareKey, status: 204},

		"GET /workflows":                    {path: "/workflows", status: 200},
		"POST /workflows":                   {path: "/workflows", body: map[string]any{"name": "Export"}, status: 201},
		"GET /workflows/{uid}":              {path: "/workflows/" + flow, status: 200},
		"PATCH /workflows/{uid}":            {path: "/workflows/" + flow, body: map[string]any{"name": "Import"}, status: 200, conflict: staleFlows},
		"DELETE /workflows/{uid}":           {path: "/workflows/" + spareFlow, status: 204},
		"GET /workflows/{uid}/jobs":         {path: "/workflows/" + flow + "/jobs", status: 200},
		"GET /workflows/{uid}/results/last": {path: "/workflows/" + flow + "/results/last", status: 200},
		"POST /workflows/{uid}/schedule":    {path: "/workflows/" + flow + "/schedule", body: map[string]any{"inputs": []any{}}, status: 200},

		"GET /jobs":                       {path: "/jobs", status: 200},
		"POST /jobs/status":               {path: "/jobs/status", body: map[string]any{"updates": []any{map[string]any{"uid": running, "status": "running"}}}, status: 200},
		"POST /jobs/resume":               {path: "/jobs/resume", status: 200},
		"GET /jobs/{uid}/events":          {path: "/jobs/" + running + "/events", status: 200},
		"GET /jobs/{uid}/inputs":          {path: "/jobs/" + failed + "/inputs", status: 200},
		"POST /jobs/{uid}/inputs":         {path: "/jobs/" + open + "/inputs", body: map[string]any{"from": 0, "inputs": []any{map[string]any{"input_data": 1}}}, status: 201},
		"POST /jobs/{uid}/inputs/report":  {path: "/jobs/" + failed + "/inputs/report", body: map[string]any{"inputs": []any{map[string]any{"index": 0, "status": "failed"}}}, status: 200},
		"GET /jobs/{uid}/results":         {path: "/jobs/" + failed + "/results", status: 200},
		"POST /jobs/{uid}/retry":          {path: "/jobs/" + failed + "/retry", body: map[string]any{"force": true}, status: 200},
		"GET /jobs/{uid}":                 {path: "/jobs/" + running, status: 200},
		"PATCH /jobs/{uid}":               {path: "/jobs/" + running, body: map[string]any{"status": "running"}, status: 200, conflict: staleJobs},
		"POST /jobs/{uid}/cancel":         {path: "/jobs/" + running + "/cancel", status: 200},
		"POST /jobs/{uid}/webhooks/retry": {path: "/jobs/" + done + "/webhooks/retry", status: 202},
		"GET /jobs/{uid}/deliveries":      {path: "/jobs/" + done + "/deliveries", status: 200},

		"GET /webhooks":                      {path: "/webhooks", status: 200},
		"POST /webhooks":                     {path: "/webhooks", body: map[string]any{"url": "https://a.example.com", "events": []string{"failed"}}, status: 201},
		"GET /webhooks/{uid}/stats":          {path: "/webhooks/" + hook + "/stats", status: 200},
		"GET /webhooks/{uid}":                {path: "/webhooks/" + hook, status: 200},
		"PATCH /webhooks/{uid}":              {path: "/webhooks/" + hook, body: map[string]any{"name": "x"}, status: 200, conflict: staleHooks},
		"DELETE /webhooks/{uid}":             {path: "/webhooks/" + spare, status: 204},
		"POST /webhooks/{uid}/secret/rotate": {path: "/webhooks/" + hook + "/secret/rotate", body: map[string]any{}, status: 200},
		"POST /webhooks/{uid}/test":          {path: "/webhooks/" + hook + "/test", body: map[string]any{"event": "failed"}, status: 202},
		"POST /webhooks/{uid}/retry":         {path: "/webhooks/" + hook + "/retry", body: map[string]any{"job_uid": done}, status: 202},

		"GET /stats":                   {path: "/stats", status: 200},
		"GET /deliveries":              {path: "/deliveries", status: 200},
		"GET /deliveries/{uid}":        {path: "/deliveries/" + delivery, status: 200},
		"POST /deliveries/{uid}/retry": {path: "/deliveries/" + delivery + "/retry", status: 202},

		"GET /redrives":               {path: "/redrives", status: 200},
		"POST /redrives":              {path: "/redrives", body: map[string]any{"dry_run": true}, status: 200},
		"GET /redrives/{uid}":         {path: "/redrives/" + task, status: 200},
		"POST /redrives/{uid}/cancel": {path: "/redrives/" + task + "/cancel", status: 200},
	}
}

// These are stores in which somebody else is always faster.
type (
	staleJobStore  struct{ job.Store }
	staleFlowStore struct{ job.Workflows }
	staleHookStore struct{ webhook.Store }
)

func (staleJobStore) Update(context.Context, job.Job) error { return job.ErrStale }
func (staleFlowStore) UpdateWorkflow(context.Context, job.Workflow) error {
	return job.ErrWorkflowStale
}
func (staleHookStore) Update(context.Context, webhook.Webhook) error { return webhook.ErrStale }

func staleJobs(w *world)  { w.config.Jobs = staleJobStore{w.config.Jobs} }
func staleFlows(w *world) { w.config.Workflows = staleFlowStore{w.config.Workflows} }
func staleHooks(w *world) { w.config.Webhooks = staleHookStore{w.config.Webhooks} }

// eachRoute calls f for every route of the table, in its order.
func eachRoute(w *world, f func(rt *route, name string, to target)) {
	w.Helper()
	a := newAPI(w.config)
	known := targets(w)
	for i := range a.routes {
		rt := &a.routes[i]
		name := rt.method + " " + rt.path
		to, ok := known[name]
		if !ok {
			w.Errorf("%s has no row in targets: it goes untested", name)
			continue
		}
		delete(known, name)
		f(rt, name, to)
	}
	for name := range known {
		w.Errorf("%s is no route any more", name)
	}
}

func TestEveryRouteRefusesWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	eachRoute(w, func(rt *route, name string, to target) {
		do := func(path string, body any, options ...func(*world, *http.Request)) *answered {
			return w.call(rt.method, path, body, options...)
		}
		if rt.scope != "" {
			do(to.path, to.body, with("X-Api-Key", "")).refused(noKey)
			do(to.path, to.body, with("X-Api-Key", access.NewToken())).refused(noKey)
			do(to.path, to.body, with("X-Api-Key", "x"), with("Authorization", "x-api-key "+w.keys["full"])).refused(noKey)
			do(to.path, to.body, with("X-Api-Key", ""), with("Authorization", "Bearer "+w.keys["full"])).refused(noKey)
			do(to.path, to.body, as("none")).refused(noScope, "scope", string(rt.scope))
			lacking := map[access.Scope]string{access.Read: "writer", access.Write: "reader", access.Admin: "reader"}[rt.scope]
			do(to.path, to.body, as(lacking)).refused(noScope, "scope", string(rt.scope))
			do(to.path, to.body, with("x-project-id", "0197f39e-0000-7e6f-9071-829304152637")).refused(otherProject, "header", "x-project-id")
		}
		if strings.Contains(rt.path, "{") {
			do(to.path, to.body, as("other")).refused(notFound)
			do(strings.Replace(to.path, "/0", "/G", 1), to.body).refused(notFound)
			do(strings.Replace(to.path, "/0", "/%00", 1), to.body).refused(notFound)
		}
		do(to.path, "{}", with("Content-Type", "text/plain")).refused(badMediaType)
		do(to.path, "{}", with("Content-Type", "application/json; charset=latin1")).refused(badMediaType)
		do(to.path, "{}", with("Content-Encoding", "gzip")).refused(badMediaType)
		do(to.path, strings.Repeat(" ", int(rt.limit)+1)).refused(tooLarge)
		do(to.path, `{"no_such_field":1}`).refused(badField, "field", "no_such_field")
		do(to.path, `{"no_such_field":1`).refused(badJSON)
		do(to.path, `{} {}`).refused(badJSON)
		do(to.path, `[]`).refused(badJSON)
		do(to.path, "{\"\xff\":1}").refused(badJSON)
		do(to.path+"?no_such_parameter=1", to.body).refused(badParameter, "parameter", "no_such_parameter")
		do(to.path+"?a=%zz", to.body).refused(badParameter)
		if _, ok := find(rt.plan.query, "cursor"); ok {
			do(to.path+"?limit=1&limit=1", nil).refused(badParameter, "parameter", "limit")
			for _, limit := range []string{"0", "101", "-1", "x", "1.5", ""} {
				do(to.path+"?limit="+limit, nil).refused(badParameter, "parameter", "limit")
			}
			for _, cursor := range []string{"", "x", "AAAA", strings.Repeat("A", 40), strings.Repeat("A", 4000), "https://x/y?cursor=AAAA", "https://x/y", "://"} {
				do(to.path+"?cursor="+cursor, nil).refused(badCursor, "parameter", "cursor")
			}
			for _, stale := range []*call{
				callTo(w, "other", "/v3"+to.path), callTo(w, w.project, "/v3"+to.path+"?a=b"), callTo(w, w.project, "/v3/elsewhere"),
			} {
				cursor, err := stale.makeCursor(w.Context(), "0197f39e-0000-7e6f-9071-829304152637")
				w.noError(err)
				do(to.path+"?cursor="+cursor, nil).refused(badCursor, "parameter", "cursor")
			}
		}
		if rt.method == http.MethodPost {
			do(to.path, to.body, with(keyHeader, strings.Repeat("k", 256))).refused(badHeader, "header", keyHeader)
			do(to.path, to.body, with(keyHeader, "schlüssel")).refused(badHeader, "header", keyHeader)
		}
	})
}

// Every status that openapi.yaml lists for a route is given by it, and it gives no other: the wrapper checks each answer here.
func TestEveryDocumentedStatusIsGiven(t *testing.T) {
	w := newWorld(t)
	seen := map[string]map[int]bool{}
	note := func(name string, a *answered) *answered {
		if seen[name] == nil {
			seen[name] = map[int]bool{}
		}
		seen[name][a.status] = true
		return a
	}
	calls := map[string]func(){}
	eachRoute(w, func(rt *route, name string, to target) {
		do := func(body any, options ...func(*world, *http.Request)) *answered {
			return note(name, w.call(rt.method, to.path, body, options...))
		}
		do("{", with("Content-Type", "application/json")).must(400)
		do("{}", with("Content-Type", "text/plain")).must(415)
		do(strings.Repeat(" ", int(rt.limit)+1)).must(413)
		if rt.scope != "" {
			do(nil, as("none")).must(403)
			do(nil, with("X-Api-Key", "")).must(401)
		}
		if strings.Contains(rt.path, "{") {
			do(to.body, as("other")).must(404)
		}
		if rt.method == http.MethodPost {
			claim(w, rt, "taken")
			do(to.body, with(keyHeader, "taken")).must(422)
			first := do(to.body, with(keyHeader, "mine"))
			first.must(to.status)
			again := do(to.body, with(keyHeader, "mine"))
			again.must(to.status)
			want := withoutKey.ReplaceAllString(string(first.body), `"key":null`)
			if again.header.Get(replayHeader) != "true" || string(again.body) != want {
				t.Errorf("%s with the same key answers %s, want again %s", name, again.body, want)
			}
		}
		if name == "DELETE /api-keys/{uid}" {
			own, err := w.config.Access.Check(w.Context(), w.keys["full"])
			w.noError(err)
			note(name, w.call(rt.method, "/api-keys/"+own.UID, nil)).refused(keyInUse)
		}
		if rt.scope != "" {
			sound := w.config
			w.config.Limiter = access.NewLimiter(access.LimiterConfig{PerMinute: 1, Meter: new(access.Memory), Now: w.clock.Now})
			w.start()
			w.call("GET", "/workspace", nil).must(200)
			do(to.body).refused(tooMany)
			w.config = sound
			w.start()
		}
		if name == "POST /redrives" {
			note(name, w.call(rt.method, to.path, map[string]any{}, with(keyHeader, "not dry"))).must(202)
		}
		if rt.method != http.MethodPost {
			do(to.body).must(to.status)
		}
		calls[name] = func() { note(name, w.call(rt.method, to.path, to.body)) }
		if name == "GET /event-types" { // it asks no store but for the key
			calls[name] = func() { note(name, w.call(rt.method, to.path, nil, with("X-Api-Key", access.NewToken()))) }
		}
		if rt.method == http.MethodPost {
			note(name, inFlightTwice(w, to)).must(409)
		}
		if to.conflict != nil {
			sound := w.config
			to.conflict(w)
			w.start()
			body := map[string]any{"name": "other"}
			if rt.path == "/jobs/{uid}" {
				body = map[string]any{"status": "paused"}
			}
			do(body).must(409)
			w.config = sound
			w.start()
		}
	})
	w.noError(w.db.Close())
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		calls[name]() // 503
	}
	w.config.Unavailable = nil
	w.start()
	for _, name := range slices.Sorted(maps.Keys(calls)) {
		calls[name]() // 500
	}
	for name, statuses := range seen {
		method, path, _ := strings.Cut(name, " ")
		documented := w.spec.at(w.spec.operation(method, path), "responses").(map[string]any)
		for status := range documented {
			n, err := strconv.Atoi(status)
			w.noError(err)
			if !statuses[n] {
				t.Errorf("%s: openapi.yaml documents %s, which no call here was answered", name, status)
			}
		}
	}
}

// Every uid that a query or a body may hold is tried with one of another project: it names nothing. A route that takes one and has no row
// fails.
func TestUIDsOfAnotherProjectNameNothing(t *testing.T) {
	w := newWorld(t)
	flow := w.call("POST", "/workflows", map[string]any{"name": "theirs"}, as("other")).must(201)["uid"].(string)
	id := w.call("POST", "/workflows/"+flow+"/schedule", map[string]any{}, as("other")).must(200)["job_uid"].(string)
	hook := w.call("POST", "/webhooks", map[string]any{"url": "https://a.example.com", "events": []string{"failed"}}, as("other")).must(201)["uid"].(string)
	foreign := map[string]string{"workflow_uid": flow, "job_uid": id, "webhook_uid": hook, "uid": id}
	mine, myHook := w.newJob(w.newFlow(), job.Running), w.newHook(nil)
	newHook := func(name string) map[string]any {
		return map[string]any{"url": "https://a.example.com", "events": []string{"failed"}, name: foreign[name]}
	}
	update := map[string]any{"updates": []any{map[string]any{"uid": id, "status": "running"}}}
	rows := map[string]struct {
		path  string
		body  any
		label label  // of the refusal; empty: the answer is empty
		empty string // what an empty answer says
	}{
		"GET /jobs?workflow_uid":                      {path: "/jobs?workflow_uid=" + flow, empty: `"results":[]`},
		"GET /jobs/{uid}/events?webhook_uid":          {path: "/jobs/" + mine + "/events?webhook_uid=" + hook, label: notFound},
		"GET /jobs/{uid}/deliveries?webhook_uid":      {path: "/jobs/" + mine + "/deliveries?webhook_uid=" + hook, empty: `"results":[]`},
		"GET /deliveries?webhook_uid":                 {path: "/deliveries?webhook_uid=" + hook, empty: `"results":[]`},
		"GET /deliveries?job_uid":                     {path: "/deliveries?job_uid=" + id, empty: `"results":[]`},
		"POST /jobs/status updates[].uid":             {path: "/jobs/status", body: update, empty: `"status_code":404`},
		"POST /jobs/resume workflow_uid":              {path: "/jobs/resume", body: map[string]any{"workflow_uid": flow}, label: badField},
		"POST /jobs/{uid}/inputs/report inputs[].uid": {path: "/jobs/" + mine + "/inputs/report", body: map[string]any{"inputs": []any{map[string]any{"uid": id, "status": "running"}}}, label: badField},
		"PATCH /workflows/{uid} steps[].uid":          {path: "/workflows/" + w.newFlow(), body: map[string]any{"steps": []any{map[string]any{"uid": id, "name": "x"}}}, label: badField},
		"POST /workflows steps[].uid":                 {path: "/workflows", body: map[string]any{"name": "x", "steps": []any{map[string]any{"uid": id, "name": "x"}}}, label: badField},
		"POST /webhooks workflow_uid":                 {path: "/webhooks", body: newHook("workflow_uid"), label: badField},
		"POST /webhooks job_uid":                      {path: "/webhooks", body: newHook("job_uid"), label: badField},
		"PATCH /webhooks/{uid} workflow_uid":          {path: "/webhooks/" + myHook, body: map[string]any{"workflow_uid": flow}, label: badField},
		"PATCH /webhooks/{uid} job_uid":               {path: "/webhooks/" + myHook, body: map[string]any{"job_uid": id}, label: badField},
		"POST /webhooks/{uid}/test job_uid":           {path: "/webhooks/" + myHook + "/test", body: map[string]any{"event": "failed", "job_uid": id}, label: badField},
		"POST /webhooks/{uid}/retry job_uid":          {path: "/webhooks/" + myHook + "/retry", body: map[string]any{"job_uid": id}, label: badField},
		"POST /redrives webhook_uid":                  {path: "/redrives", body: map[string]any{"dry_run": true, "webhook_uid": hook}, empty: `"matched":0`},
		"POST /redrives workflow_uid":                 {path: "/redrives", body: map[string]any{"dry_run": true, "workflow_uid": flow}, empty: `"matched":0`},
		"POST /redrives job_uid":                      {path: "/redrives", body: map[string]any{"dry_run": true, "job_uid": id}, empty: `"matched":0`},
	}
	for _, rt := range table() {
		var names []string
		for _, f := range rt.plan.query {
			if f.uid {
				names = append(names, "?"+f.name)
			}
		}
		for _, name := range append(names, uidsIn(" ", rt.plan.body)...) {
			name = rt.method + " " + rt.path + name
			row, ok := rows[name]
			if !ok {
				t.Errorf("%s has no row: it goes untested", name)
				continue
			}
			delete(rows, name)
			a := w.call(rt.method, row.path, row.body)
			if row.label != "" {
				a.refused(row.label)
			} else if !strings.Contains(string(a.body), row.empty) {
				t.Errorf("%s of another project answers %d %s, want %s", name, a.status, a.body, row.empty)
			}
		}
	}
	for name := range rows {
		t.Errorf("%s takes no uid any more", name)
	}
}

// uidsIn names the uids that a body may hold.
func uidsIn(path string, s *shape) (names []string) {
	if s.items != nil {
		return uidsIn(path+"[]", s.items)
	}
	for _, f := range s.fields {
		name := strings.Replace(path+"."+f.name, " .", " ", 1)
		if f.uid {
			names = append(names, name)
		}
		names = append(names, uidsIn(name, f.shape)...)
	}
	return names
}

// newFailedJob makes a job whose only input has failed, and which has failed with it.
func (w *world) newFailedJob(flow string) string {
	w.Helper()
	id := w.call("POST", "/workflows/"+flow+"/schedule", map[string]any{"inputs": []any{"x"}}).must(200)["job_uid"].(string)
	w.call("POST", "/jobs/"+id+"/inputs/report", map[string]any{"inputs": []any{map[string]any{"index": 0, "status": "failed"}}}).must(200)
	return id
}

// withoutKey finds an API key that was shown, which no answer shows again.
var withoutKey = regexp.MustCompile(`"key":"hmd_[^"]*"`)

// claim takes an Idempotency-Key for another request.
func claim(w *world, rt *route, key string) {
	w.Helper()
	k, err := w.config.Access.Check(w.Context(), w.keys["full"])
	w.noError(err)
	_, err = w.db.Access().Begin(w.Context(), k.UID+" "+rt.pattern()+" "+key, "another request", w.clock.Now())
	w.noError(err)
}

// inFlightTwice sends a request while the same one, with the same Idempotency-Key, is being answered.
func inFlightTwice(w *world, to target) *answered {
	w.Helper()
	sound := w.config
	defer func() {
		w.config = sound
		w.start()
	}()
	w.config.Replies = heldReplies{w.config.Replies}
	w.start()
	a := w.call("POST", to.path, to.body, with(keyHeader, "held"))
	a.refused(inFlight)
	if a.header.Get("Retry-After") != "1" {
		w.Errorf("Retry-After is %q, want 1", a.header.Get("Retry-After"))
	}
	return a
}

// heldReplies are replies in which the same request is always in flight.
type heldReplies struct{ access.Replies }

func (heldReplies) Begin(_ context.Context, _, request string, _ time.Time) (*access.Reply, error) {
	return &access.Reply{Request: request}, access.ErrInFlight
}
