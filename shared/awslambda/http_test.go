package awslambda_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/access"
	"hermod/shared/api"
	"hermod/shared/awslambda"
	"hermod/shared/input"
	"hermod/shared/redrive"
	"hermod/shared/sqlite/sqlitetest"
	"hermod/shared/uid"
)

// httpAnswer is an answer as the gateway reads it.
type httpAnswer struct {
	Status  int               `json:"statusCode"`
	Headers map[string]string `json:"headers"`
	Cookies []string          `json:"cookies"`
	Body    string            `json:"body"`
	Base64  bool              `json:"isBase64Encoded"`
}

// httpEvent returns a request on the default stage; change may make it another.
func httpEvent(t testing.TB, method, path string, change ...func(event map[string]any)) []byte {
	t.Helper()
	event := map[string]any{
		"version": "2.0", "rawPath": path, "rawQueryString": "", "headers": map[string]string{"x-forwarded-proto": "https"},
		"requestContext": map[string]any{
			"domainName": "api.example.com", "stage": "$default", "http": map[string]string{"method": method, "sourceIp": "203.0.113.7"},
		},
	}
	for _, f := range change {
		f(event)
	}
	b, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// serve has the handler answer an event.
func serve(t testing.TB, h http.HandlerFunc, event []byte) httpAnswer {
	t.Helper()
	raw, err := awslambda.HTTP(h).Invoke(t.Context(), event)
	if err != nil {
		t.Fatalf("Invoke = %v", err)
	}
	var a httpAnswer
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatalf("the answer %.200s: %v", raw, err)
	}
	return a
}

// requestOf returns the request that an event becomes.
func requestOf(t testing.TB, event []byte) (got *http.Request) {
	t.Helper()
	serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r }, event)
	return got
}

func inStage(name string) func(map[string]any) {
	return func(event map[string]any) { event["requestContext"].(map[string]any)["stage"] = name }
}

func withHeader(name, value string) func(map[string]any) {
	return func(event map[string]any) { event["headers"].(map[string]string)[name] = value }
}

func TestThePathIsTheClientsWithoutTheStage(t *testing.T) {
	tests := []struct{ stage, raw, path, escaped string }{
		{"$default", "/v3/jobs", "/v3/jobs", "/v3/jobs"},
		{"$default", "/", "/", "/"},
		{"$default", "", "/", "/"},
		{"$default", "/$default/v3/jobs", "/$default/v3/jobs", "/$default/v3/jobs"},
		{"prod", "/prod/v3/jobs", "/v3/jobs", "/v3/jobs"},
		{"prod", "/prod", "/", "/"},
		{"prod", "/prod/", "/", "/"},
		{"prod", "/v3/jobs", "/v3/jobs", "/v3/jobs"},
		{"prod", "/production/jobs", "/production/jobs", "/production/jobs"},
		{"v3", "/v3/v3/jobs", "/v3/jobs", "/v3/jobs"},
		{"", "//v3/jobs", "//v3/jobs", "//v3/jobs"},
		{"$default", "/v3/jobs/", "/v3/jobs/", "/v3/jobs/"},
		{"$default", "/v3/../jobs", "/v3/../jobs", "/v3/../jobs"},
		// rawPath is decoded once by the gateway: a percent sign in it is one that the client had encoded.
		{"$default", "/v3/jobs/a b", "/v3/jobs/a b", "/v3/jobs/a%20b"},
		{"$default", "/v3/jobs/ü?#", "/v3/jobs/ü?#", "/v3/jobs/%C3%BC%3F%23"},
		{"$default", "/v3/jobs/a%2Fb", "/v3/jobs/a%2Fb", "/v3/jobs/a%252Fb"},
		{"$default", "/v3/jobs/100%", "/v3/jobs/100%", "/v3/jobs/100%25"},
	}
	for _, test := range tests {
		u := requestOf(t, httpEvent(t, "GET", test.raw, inStage(test.stage))).URL
		if u.Path != test.path || u.EscapedPath() != test.escaped {
			t.Errorf("rawPath %q in stage %q becomes %q, escaped %q, want %q, %q", test.raw, test.stage, u.Path, u.EscapedPath(), test.path, test.escaped)
		}
	}
}

func TestARouteGetsTheSegmentsThatTheClientSent(t *testing.T) {
	tests := []struct{ raw, want string }{
		{"/v3/jobs/one", "job one"},
		{"/v3/jobs/one two", "job one two"},
		{"/v3/jobs/a%2Fcancel", "job a%2Fcancel"},
		{"/v3/jobs/a%252Fb", "job a%252Fb"},
		{"/v3/jobs/a?b=c#d", "job a?b=c#d"},
		{"/v3/jobs/a/cancel", "none"},
		{"/v3/jobs/a\u2028b", "job a\u2028b"},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v3/jobs/{uid}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "job ", r.PathValue("uid")) })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "none") })
	for _, test := range tests {
		if got := serve(t, mux.ServeHTTP, httpEvent(t, "GET", test.raw)); got.Status != 200 || got.Body != test.want {
			t.Errorf("GET %q is answered %d %q, want 200 %q", test.raw, got.Status, got.Body, test.want)
		}
	}
}

func TestTheQueryStaysAsTheClientEncodedIt(t *testing.T) {
	const query = "since=2026-03-01T00%3A00%3A00%2B01%3A00&name=a+b%26c&tag=x&tag=y%2Cz"
	r := requestOf(t, httpEvent(t, "GET", "/v3/jobs", func(event map[string]any) { event["rawQueryString"] = query }))
	want := map[string][]string{"since": {"2026-03-01T00:00:00+01:00"}, "name": {"a b&c"}, "tag": {"x", "y,z"}}
	if diff := cmp.Diff(want, map[string][]string(r.URL.Query())); diff != "" || r.RequestURI != "/v3/jobs?"+query {
		t.Errorf("request URI %s, query (-want +got):\n%s", r.RequestURI, diff)
	}
}

func TestHeadersThatTheGatewayJoined(t *testing.T) {
	tests := []struct {
		name, value string
		want        []string
	}{
		{"x-api-key", "one", []string{"one"}},
		{"x-api-key", "one,two", []string{"one", "two"}},
		{"authorization", "x-api-key one, x-api-key two", []string{"x-api-key one", "x-api-key two"}},
		{"x-project-id", "a,a", []string{"a", "a"}},
		{"idempotency-key", "monday, again", []string{"monday, again"}},
		{"accept", "text/html,*/*;q=0.8", []string{"text/html,*/*;q=0.8"}},
		{"if-modified-since", "Wed, 04 Mar 2026 05:06:07 GMT", []string{"Wed, 04 Mar 2026 05:06:07 GMT"}},
		{"user-agent", "a (like b,c)", []string{"a (like b,c)"}},
		{"x-empty", "", []string{""}},
	}
	for _, test := range tests {
		if got := requestOf(t, httpEvent(t, "GET", "/", withHeader(test.name, test.value))).Header.Values(test.name); !slices.Equal(got, test.want) {
			t.Errorf("%s: %s becomes %q, want %q", test.name, test.value, got, test.want)
		}
	}
}

func TestTheHostIsTheGatewaysAndNotTheClients(t *testing.T) {
	r := requestOf(t, httpEvent(t, "GET", "/", withHeader("host", "evil.example")))
	if r.Host != "api.example.com" || r.Header.Values("Host") != nil || r.RemoteAddr != "203.0.113.7:0" {
		t.Errorf("Host = %q, header Host = %q, RemoteAddr = %q", r.Host, r.Header.Values("Host"), r.RemoteAddr)
	}
}

// What the console needs of a browser's request, and a browser of its answer.
func TestAFormThatSignsInIsReadAndAnswered(t *testing.T) {
	event := httpEvent(t, "POST", "/console/sign-in", withHeader("content-type", "application/x-www-form-urlencoded"),
		withHeader("origin", "https://api.example.com"), withHeader("sec-fetch-site", "same-origin"), func(event map[string]any) {
			event["body"], event["isBase64Encoded"] = "a2V5PWhtZF8xJm5hbWU9YStiJTI2Yw==", true // key=hmd_1&name=a+b%26c
			event["cookies"] = []string{"theme=dark", "__Host-session=old"}
		})
	answer := serve(t, http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		old, err := r.Cookie("__Host-session")
		if err != nil || old.Value != "old" || r.PostFormValue("key") != "hmd_1" || r.PostFormValue("name") != "a b&c" {
			t.Errorf("the request has the cookie %v (%v) and the form %v", old, err, r.PostForm)
		}
		http.SetCookie(w, &http.Cookie{Name: "__Host-session", Value: "new", Path: "/", Secure: true})
		http.Redirect(w, r, "/console", http.StatusSeeOther)
	})).ServeHTTP, event)
	want := httpAnswer{Status: 303, Headers: map[string]string{"Location": "/console"}, Cookies: []string{"__Host-session=new; Path=/; Secure"}}
	if diff := cmp.Diff(want, answer); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	foreign := httpEvent(t, "POST", "/console/sign-in", withHeader("origin", "https://evil.example"), withHeader("host", "evil.example"))
	if answer := serve(t, http.NewCrossOriginProtection().Handler(http.NotFoundHandler()).ServeHTTP, foreign); answer.Status != 403 {
		t.Errorf("a form of another site, which names its own host, is answered %d, want 403", answer.Status)
	}
}

func TestARequestWithoutABodyHasNone(t *testing.T) {
	r := requestOf(t, httpEvent(t, "GET", "/"))
	if body, err := io.ReadAll(r.Body); err != nil || len(body) != 0 || r.Body != http.NoBody || r.ContentLength != 0 {
		t.Errorf("the body is %q, %v, length %d, want none", body, err, r.ContentLength)
	}
}

func TestAnAnswerIsWhatNetHTTPWouldSend(t *testing.T) {
	tests := []struct {
		name   string
		method string
		handle http.HandlerFunc
		want   httpAnswer
	}{
		{"nothing", "GET", func(http.ResponseWriter, *http.Request) {}, httpAnswer{Status: 200}},
		{"a body alone", "GET", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
			httpAnswer{Status: 200, Headers: map[string]string{"Content-Type": "text/html; charset=utf-8"}, Body: "<html>"}},
		{"the first status", "GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); w.WriteHeader(200) }, httpAnswer{Status: 404}},
		{"headers until the status", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Early", "1")
			w.WriteHeader(201)
			w.Header().Set("X-Late", "1")
		}, httpAnswer{Status: 201, Headers: map[string]string{"X-Early": "1"}}},
		{"no body with 204", "DELETE", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(204)
			if _, err := fmt.Fprint(w, "body"); err != http.ErrBodyNotAllowed {
				t.Errorf("Write after status 204 = %v, want ErrBodyNotAllowed", err)
			}
		}, httpAnswer{Status: 204}},
		{"no body for HEAD", "HEAD", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			if n, err := fmt.Fprint(w, "body"); n != 4 || err != nil {
				t.Errorf("Write for HEAD = %d, %v, want 4", n, err)
			}
		}, httpAnswer{Status: 200, Headers: map[string]string{"Content-Type": "text/plain"}}},
		{"several values", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Allow"] = []string{"GET", "HEAD"}
			w.Header()["Set-Cookie"] = []string{"a=1; Expires=Thu, 05 Mar 2026 00:00:00 GMT", "b=2"}
		}, httpAnswer{Status: 200, Headers: map[string]string{"Allow": "GET, HEAD"}, Cookies: []string{"a=1; Expires=Thu, 05 Mar 2026 00:00:00 GMT", "b=2"}}},
		{"octets", "GET", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte{0xff, 0xfe, 0}) },
			httpAnswer{Status: 200, Headers: map[string]string{"Content-Type": "application/octet-stream"}, Body: "//4A", Base64: true}},
		{"a coding", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			fmt.Fprint(w, "coded")
		}, httpAnswer{Status: 200, Headers: map[string]string{"Content-Encoding": "br"}, Body: "Y29kZWQ=", Base64: true}},
		{"texts of every kind", "GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", "15")
			io.WriteString(w, "<é> & \"\x00\n\u2028\U0001F600\"")
		}, httpAnswer{Status: 200, Headers: map[string]string{"Content-Type": "text/plain"}, Body: "<é> & \"\x00\n\u2028\U0001F600\""}},
	}
	for _, test := range tests {
		got := serve(t, test.handle, httpEvent(t, test.method, "/"))
		if test.want.Headers == nil {
			test.want.Headers = map[string]string{}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestAHandlerThatPanicsIsAnsweredFor(t *testing.T) {
	log := captureLog(t)
	for _, value := range []any{"a bug", http.ErrAbortHandler} {
		got := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Secret", "1")
			fmt.Fprint(w, "half an ans")
			panic(value)
		}, httpEvent(t, "GET", "/v3/jobs"))
		if got.Status != 500 || got.Body != "Internal Server Error\n" || got.Headers["X-Secret"] != "" {
			t.Errorf("after a panic with %v the answer is %+v, want a plain 500", value, got)
		}
	}
	if got := log.String(); strings.Count(got, "handler panicked") != 1 || !strings.Contains(got, "a bug") || !strings.Contains(got, "/v3/jobs") {
		t.Errorf("the log has %q, want one panic", got)
	}
}

func TestAnAnswerThatLambdaDoesNotTakeIsA500(t *testing.T) {
	const limit = 6<<20 + 100
	event := httpEvent(t, "GET", "/v3/jobs")
	answerOf := func(size int) (raw []byte) {
		raw, err := awslambda.HTTP(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, strings.Repeat("x", size))
		})).Invoke(t.Context(), event)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	frame := len(answerOf(0))
	if got := answerOf(limit - frame); len(got) != limit {
		t.Errorf("an answer of %d bytes becomes one of %d", limit, len(got))
	}
	log := captureLog(t)
	if got := string(answerOf(limit - frame + 1)); !strings.Contains(got, `"statusCode":500`) {
		t.Errorf("an answer of %d bytes becomes %.200s, want a 500", limit+1, got)
	}
	if got := log.String(); !strings.Contains(got, "answer too long") || !strings.Contains(got, "/v3/jobs") || !strings.Contains(got, fmt.Sprint(limit+1)) {
		t.Errorf("the log has %q, want the answer that was too long", got)
	}
}

func TestAnEventThatIsNoRequestIsAnError(t *testing.T) {
	h := awslambda.HTTP(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler is called") }))
	for _, event := range []string{"", "no JSON", "{}", `{"version":"1.0","path":"/"}`, `{"Records":[]}`, `{"version":"2.0","body":"no base64!","isBase64Encoded":true}`, `{"version":"2.0","headers":[]}`} {
		if answer, err := h.Invoke(t.Context(), []byte(event)); err == nil {
			t.Errorf("Invoke of %q = %s, want an error", event, answer)
		}
	}
}

func TestARequestEndsASecondBeforeTheFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		raw, err := awslambda.HTTP(h).Invoke(ctx, httpEvent(t, "GET", "/"))
		if took := time.Since(began); err != nil || took != 29*time.Second || !strings.Contains(string(raw), `"statusCode":503`) {
			t.Errorf("after %v: %s, %v; want the handler's own answer after 29s", took, raw, err)
		}
	})
}

// The whole way: a client of the API behind a gateway goes from page to page by the URLs that it is given.
func TestPagesOfTheAPIFollowEachOtherThroughTheGateway(t *testing.T) {
	w := sqlitetest.New(t)
	token := access.NewToken()
	if err := w.Access().CreateProject(t.Context(), access.Project{UID: w.Project, Name: "test", CreatedAt: w.Now()}); err != nil {
		t.Fatal(err)
	}
	key := access.Key{UID: uid.New(w.Now()), Project: w.Project, Hash: access.Hash(token), Scopes: access.Scopes, CreatedAt: w.Now()}
	if err := w.Access().CreateKey(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	handler := api.New(api.Config{
		Jobs: w.Jobs(), Workflows: w.Jobs(), Webhooks: w.Webhooks(), Counters: w.Counters(), Archive: w.Archive(), Log: w.Log(), Queue: w.Queue(), Box: w.Box, Now: w.Now,
		Access: access.New(access.Config{Store: w.Access(), Now: w.Now}), Replies: w.Access(), Logger: quiet(),
		Inputs:   input.New(input.Config{Jobs: w.Jobs(), Inputs: w.Inputs(), Now: w.Now, Logger: quiet()}),
		Redrives: redrive.New(redrive.Config{Tasks: w.Redrives(), Log: w.Log(), Archive: w.Archive(), Queue: w.Queue(), Now: w.Now, Logger: quiet()}),
	})
	want := map[string]bool{}
	for range 3 {
		want[w.Hook("https://example.com/").UID] = true
	}
	got := map[string]bool{}
	for path := "/v3/webhooks?limit=1"; path != ""; {
		raw, query, _ := strings.Cut(path, "?")
		answer := serve(t, handler.ServeHTTP, httpEvent(t, "GET", raw, withHeader("x-api-key", token), func(event map[string]any) { event["rawQueryString"] = query }))
		var page struct {
			Results []struct{ UID string }
			Paging  struct{ Next string }
		}
		if err := json.Unmarshal([]byte(answer.Body), &page); err != nil || answer.Status != 200 || len(page.Results) != 1 {
			t.Fatalf("%s is answered %d %s (%v)", path, answer.Status, answer.Body, err)
		}
		got[page.Results[0].UID] = true
		var ours bool
		if path, ours = strings.CutPrefix(page.Paging.Next, "https://api.example.com"); !ours && path != "" {
			t.Fatalf("the next page is at %s, want it at https://api.example.com", page.Paging.Next)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("the pages list the webhooks %v, want %v", got, want)
	}
}

// captureLog sends the default logger's lines to a text until the test ends.
func captureLog(t *testing.T) *strings.Builder {
	t.Helper()
	var text strings.Builder
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&text, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &text
}
