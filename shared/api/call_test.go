package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"hermod/shared/job"
	"hermod/shared/uid"
)

func TestUnknownPathsAndMethodsAreAnsweredInOurWords(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/", 404, ""},
		{"GET", "/v3", 404, ""},
		{"GET", "/v3/", 404, ""},
		{"GET", "/v4/jobs", 404, ""},
		{"GET", "/v3/webhooks/", 404, ""},
		{"GET", "/v3//webhooks", 404, ""},
		{"POST", "/v3/x/../webhooks", 404, ""},
		{"GET", "/v3/./webhooks", 404, ""},
		{"GET", "/v3/webhooks/%2e%2e", 404, ""},
		{"GET", "/v3/job", 404, ""},
		{"OPTIONS", "/v3/nothing", 404, ""},
		{"PUT", "/v3/webhooks", 405, "GET, HEAD, POST, OPTIONS"},
		{"DELETE", "/v3/webhooks", 405, "GET, HEAD, POST, OPTIONS"},
		{"TRACE", "/v3/jobs/x", 405, "GET, HEAD, PATCH, OPTIONS"},
		{"BREW", "/v3/jobs/x/cancel", 405, "POST, OPTIONS"},
		{"POST", "/health", 405, "GET, HEAD, OPTIONS"},
		{"GET", "/v3/jobs/status", 405, "POST, OPTIONS"},
		{"PATCH", "/v3/jobs/resume", 405, "POST, OPTIONS"},
		{"OPTIONS", "/v3/jobs/resume", 204, "POST, OPTIONS"},
		{"OPTIONS", "/v3/webhooks/x", 204, "GET, HEAD, PATCH, DELETE, OPTIONS"},
	} {
		a := w.raw(row.method, row.path, nil, with("X-Api-Key", ""))
		if a.status != row.status || a.header.Get("Allow") != row.allow {
			t.Errorf("%s %s answers %d, Allow %q; want %d, %q", row.method, row.path, a.status, a.header.Get("Allow"), row.status, row.allow)
		}
		switch row.status {
		case 404:
			a.refused(noRoute)
		case 405:
			if _, params := a.refused(badMethod); fmt.Sprint(params["allowed"]) != fmt.Sprint(strings.Split(row.allow, ", ")) {
				t.Errorf("%s %s: params.allowed is %v, want %s", row.method, row.path, params["allowed"], row.allow)
			}
		}
	}
}

func TestHeadAnswersAsGetWithoutTheBody(t *testing.T) {
	w := newWorld(t)
	get, head := w.call("GET", "/workflows", nil), w.call("HEAD", "/workflows", nil)
	if head.status != 200 || len(head.body) != 0 || head.header.Get("Content-Length") != get.header.Get("Content-Length") {
		t.Errorf("HEAD answers %d with %d bytes, Content-Length %s; GET has %d", head.status, len(head.body), head.header.Get("Content-Length"), len(get.body))
	}
	if a := w.call("HEAD", "/workflows", nil, as("none")); a.status != 403 {
		t.Errorf("HEAD with a key that may not read answers %d, want 403", a.status)
	}
}

func TestBothHeadersCarryTheKey(t *testing.T) {
	w := newWorld(t)
	full := w.keys["full"]
	for name, options := range map[string][]func(*world, *http.Request){
		"X-API-Key":                 {with("X-Api-Key", full)},
		"Authorization":             {with("X-Api-Key", ""), with("Authorization", "x-api-key "+full)},
		"Authorization, any case":   {with("X-Api-Key", ""), with("Authorization", "X-Api-Key   "+full)},
		"both, the same":            {with("X-Api-Key", full), with("Authorization", "x-api-key "+full)},
		"with the key's project":    {with("X-Api-Key", full), with("x-project-id", w.project)},
		"both scopes and a body {}": {with("X-Api-Key", full), with("Content-Type", "")},
	} {
		if a := w.call("GET", "/workflows", "{}", options...); a.status != 200 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	a := w.call("GET", "/workflows", nil, with("X-Api-Key", ""))
	if a.refused(noKey); a.header.Get("WWW-Authenticate") == "" {
		t.Error("401 has no WWW-Authenticate")
	}
}

func TestAnswersAreNotToBeKept(t *testing.T) {
	w := newWorld(t)
	a := w.call("GET", "/workflows", nil)
	for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Type": "application/json"} {
		if a.header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, a.header.Get(name), want)
		}
	}
	if !uid.Valid(a.header.Get("X-Request-Id")) {
		t.Errorf("X-Request-Id is %q", a.header.Get("X-Request-Id"))
	}
}

// failing are jobs that cannot be read.
type failing struct {
	job.Store
	err error
}

func (f failing) Get(context.Context, string, string) (job.Job, error) {
	if f.err == nil {
		panic("the store broke: secret detail")
	}
	return job.Job{}, f.err
}

// busyError is an error that says itself that it passes.
type busyError struct{}

func (busyError) Error() string     { return "throttled: secret detail" }
func (busyError) Unavailable() bool { return true }

func TestWhatIsOurFaultIsToldInTheLogOnly(t *testing.T) {
	for name, row := range map[string]struct {
		err    error
		status int
		label  label
		after  string
		logged string
	}{
		"an unknown error":    {errors.New("secret detail"), 500, internalError, "", "secret detail"},
		"a panic":             {nil, 500, internalError, "", "failing.Get"},
		"an error that waits": {fmt.Errorf("read: %w", busyError{}), 503, outOfReach, "1", "secret detail"},
		"a deadline":          {context.DeadlineExceeded, 503, outOfReach, "1", "deadline"},
	} {
		w := newWorld(t)
		w.config.Jobs = failing{w.config.Jobs, row.err}
		w.start()
		a := w.call("GET", "/jobs/0197f39e-0000-7e6f-9071-829304152637?", nil)
		message, params := a.refused(row.label)
		if a.status != row.status || a.header.Get("Retry-After") != row.after || len(params) > 0 || strings.Contains(message, "secret") {
			t.Errorf("%s: %d, Retry-After %q: %s", name, a.status, a.header.Get("Retry-After"), a.body)
		}
		w.server.Close()
		if log := w.log.String(); !strings.Contains(log, row.logged) || !strings.Contains(log, a.header.Get("X-Request-Id")) {
			t.Errorf("%s: the log has no %q: %s", name, row.logged, log)
		}
	}
}

func TestOneLineIsLoggedForARequest(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	a := w.call("POST", "/workflows/"+flow+"/schedule?q=hidden-query", `{"job_name":"hidden-body"}`)
	a.must(400)
	w.server.Close()
	log := w.log.String()
	if strings.Contains(log, "hidden") || strings.Contains(log, w.keys["full"]) {
		t.Errorf("the log shows query, body or key: %s", log)
	}
	rows := strings.Split(strings.TrimSpace(log), "\n")
	var last map[string]any
	w.noError(json.Unmarshal([]byte(rows[len(rows)-1]), &last))
	for name, want := range map[string]any{
		"method": "POST", "route": "POST /v3/workflows/{uid}/schedule", "status": 400.0, "request_id": a.header.Get("X-Request-Id"),
		"project": w.project, "bytes": float64(len(a.body)), "error_label": "INVALID_PARAMETER", "level": "INFO",
	} {
		if last[name] != want {
			t.Errorf("%s is logged as %v, want %v", name, last[name], want)
		}
	}
	for _, name := range []string{"duration_ms", "key_uid"} {
		if last[name] == nil {
			t.Errorf("%s is not logged: %v", name, last)
		}
	}
	if len(rows) != 2 {
		t.Errorf("2 requests logged %d lines", len(rows))
	}
}

func TestBehindAnAccessLogOnlyWhatWasRefusedIsLogged(t *testing.T) {
	w := newWorld(t)
	w.config.AccessLogged = true
	w.start()
	w.call("GET", "/workflows", "").must(200)
	w.call("POST", "/workflows", `{}`, func(_ *world, r *http.Request) { r.Header.Set("Apigw-Requestid", "gateway-1") }).must(400)
	w.server.Close()
	if log := w.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, `"status":400`) || !strings.Contains(log, `"gateway_request_id":"gateway-1"`) {
		t.Errorf("a list and a refused request log %q, want the second alone, with the gateway's id", log)
	}
}

// A change goes on when its client hangs up, so that nothing is left half done.
func TestAChangeIsFinishedAfterTheClientHungUp(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	seen := make(chan error, 1)
	entered, leave := make(chan bool), make(chan bool)
	w.config.Jobs = slowJobs{w.config.Jobs, entered, leave, seen}
	w.start()
	conn, err := net.Dial("tcp", w.server.Listener.Addr().String())
	w.noError(err)
	fmt.Fprintf(conn, "POST /v3/workflows/%s/schedule HTTP/1.1\r\nHost: x\r\nX-Api-Key: %s\r\nContent-Length: 0\r\n\r\n", flow, w.keys["full"])
	<-entered
	w.noError(conn.Close())
	close(leave)
	if err := <-seen; err != nil {
		t.Errorf("the launch was given up: %v", err)
	}
}

type slowJobs struct {
	job.Store
	entered, leave chan bool
	seen           chan error
}

func (s slowJobs) Create(ctx context.Context, j job.Job) error {
	s.entered <- true
	<-s.leave
	err := s.Store.Create(ctx, j)
	s.seen <- errors.Join(err, ctx.Err())
	return err
}

func TestABodyThatEndsEarlyIsRefused(t *testing.T) {
	w := newWorld(t)
	conn, err := net.Dial("tcp", w.server.Listener.Addr().String())
	w.noError(err)
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v3/workflows HTTP/1.1\r\nHost: x\r\nX-Api-Key: %s\r\nContent-Length: 50\r\n\r\n{\"name\":", w.keys["full"])
	w.noError(conn.(*net.TCPConn).CloseWrite())
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	w.noError(err)
	defer res.Body.Close()
	if res.StatusCode != 400 {
		t.Errorf("half a body is answered %d, want 400", res.StatusCode)
	}
}

func TestNewPanicsWithoutASeam(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New took a Config without seams")
		}
	}()
	New(Config{})
}
