package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hermod/infra/rehearsal/runtime"
	"hermod/infra/template"
)

var routes = []template.Route{
	{Path: "$default", Function: "Default"},
	{Method: "GET", Path: "/v3/jobs/{uid}", Function: "Jobs"},
	{Method: "ANY", Path: "/v3/jobs/{uid}", Function: "AnyJob"},
	{Method: "GET", Path: "/v3/jobs/status", Function: "Status"},
	{Method: "GET", Path: "/v3/jobs/{uid}/deliveries", Function: "Deliveries"},
	{Method: "GET", Path: "/static/{file+}", Function: "Static"},
	{Method: "POST", Path: "/v3/webhooks", Function: "Webhooks"},
	{Method: "GET", Path: "/", Function: "Root"},
	{Method: "GET", Path: "/console", Function: "Overview"},
	{Method: "ANY", Path: "/console/{proxy+}", Function: "Console"},
	{Method: "GET", Path: "/{area}/health", Function: "Health"},
}

func TestTheMostSpecificRouteIsTaken(t *testing.T) {
	tests := []struct {
		method, path, function, key string
		params                      map[string]string
	}{
		{"GET", "/v3/jobs/status", "Status", "GET /v3/jobs/status", nil},
		{"GET", "/v3/jobs/1", "Jobs", "GET /v3/jobs/{uid}", map[string]string{"uid": "1"}},
		{"PATCH", "/v3/jobs/1", "AnyJob", "ANY /v3/jobs/{uid}", map[string]string{"uid": "1"}},
		{"POST", "/v3/jobs/status", "AnyJob", "ANY /v3/jobs/{uid}", map[string]string{"uid": "status"}},
		{"GET", "/v3/jobs/1/deliveries", "Deliveries", "GET /v3/jobs/{uid}/deliveries", map[string]string{"uid": "1"}},
		{"GET", "/static/a/b.css", "Static", "GET /static/{file+}", map[string]string{"file": "a/b.css"}},
		{"GET", "/static/", "Default", "$default", nil},
		{"GET", "/static", "Default", "$default", nil},
		{"GET", "/v3/jobs/", "Default", "$default", nil},
		{"GET", "/v3/jobs/1/", "Default", "$default", nil},
		{"HEAD", "/v3/jobs/1/deliveries", "Default", "$default", nil},
		{"GET", "/v3/webhooks", "Default", "$default", nil},
		{"GET", "/", "Root", "GET /", nil},
		{"POST", "/", "Default", "$default", nil},
		{"GET", "/console", "Overview", "GET /console", nil},
		{"POST", "/console", "Default", "$default", nil},
		{"POST", "/console/sign-in", "Console", "ANY /console/{proxy+}", map[string]string{"proxy": "sign-in"}},
		{"HEAD", "/console/jobs/1/inputs", "Console", "ANY /console/{proxy+}", map[string]string{"proxy": "jobs/1/inputs"}},
		{"GET", "/console/jobs/", "Console", "ANY /console/{proxy+}", map[string]string{"proxy": "jobs/"}},
		{"GET", "/console/", "Default", "$default", nil},
		{"GET", "/consoles", "Default", "$default", nil},
		// A route for the whole path is taken before a greedy one, however fixed the words of that.
		{"GET", "/console/health", "Health", "GET /{area}/health", map[string]string{"area": "console"}},
		{"POST", "/console/health", "Console", "ANY /console/{proxy+}", map[string]string{"proxy": "health"}},
	}
	for _, tt := range tests {
		rt, params, ok := match(routesOf(routes), tt.method, tt.path)
		if !ok || rt.Function != tt.function || rt.key != tt.key {
			t.Errorf("%s %s goes to %s by %q, want %s by %q", tt.method, tt.path, rt.Function, rt.key, tt.function, tt.key)
		}
		if diff := cmp.Diff(tt.params, params, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s %s: parameters (-want +got):\n%s", tt.method, tt.path, diff)
		}
	}
	if _, _, ok := match(routesOf(routes[1:]), "GET", "/nowhere"); ok {
		t.Error("without $default /nowhere has a route, want none")
	}
}

// serve starts a gateway whose functions are one Go function.
func serve(t *testing.T, invoke func(event []byte) ([]byte, error), change func(*Config)) *httptest.Server {
	t.Helper()
	c := Config{Routes: routes, Invoke: func(_ string, event []byte) ([]byte, error) { return invoke(event) }}
	if change != nil {
		change(&c)
	}
	server := httptest.NewServer(New(c))
	t.Cleanup(server.Close)
	return server
}

func send(t *testing.T, method, url string, body io.Reader, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(said)
}

func TestARequestArrivesInPayloadFormat2(t *testing.T) {
	var got map[string]any
	server := serve(t, func(e []byte) ([]byte, error) {
		return []byte(`{"statusCode":204}`), json.Unmarshal(e, &got)
	}, nil)
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}, "X-Team": {"a", "b"}, "Cookie": {"x=1; y=2"}, "User-Agent": {"probe"}, "X-Forwarded-For": {"192.0.2.7"}, "X-Forwarded-Proto": {"https"}}
	send(t, "PATCH", server.URL+"/v3/jobs/a%20b?q=1&q=2&r=%C3%A4", strings.NewReader(`{"a":"<ü>"}`), header)
	host := strings.TrimPrefix(server.URL, "http://")
	_, port, _ := strings.Cut(host, ":")
	ctx := got["requestContext"].(map[string]any)
	for _, name := range []string{"requestId", "time", "timeEpoch"} {
		if ctx[name] == nil {
			t.Errorf("requestContext has no %s", name)
		}
		delete(ctx, name)
	}
	want := map[string]any{
		"version": "2.0", "routeKey": "ANY /v3/jobs/{uid}", "rawPath": "/v3/jobs/a b", "rawQueryString": "q=1&q=2&r=%C3%A4",
		"cookies": []any{"x=1", "y=2"},
		"headers": map[string]any{
			"accept-encoding": "gzip", "content-length": "12", "content-type": "application/json; charset=utf-8", "host": host, "user-agent": "probe",
			"x-forwarded-for": "192.0.2.7, 127.0.0.1", "x-forwarded-port": port, "x-forwarded-proto": "http", "x-team": "a,b",
		},
		"queryStringParameters": map[string]any{"q": "1,2", "r": "ä"},
		"pathParameters":        map[string]any{"uid": "a b"},
		"requestContext": map[string]any{
			"accountId": "000000000000", "apiId": "rehearsal", "domainName": host, "domainPrefix": "rehearsal", "routeKey": "ANY /v3/jobs/{uid}", "stage": "$default",
			"http": map[string]any{"method": "PATCH", "path": "/v3/jobs/a b", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "probe"},
		},
		"body": `{"a":"<ü>"}`, "isBase64Encoded": false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestABodyThatIsNoTextTravelsInBase64(t *testing.T) {
	for contentType, want := range map[string]bool{
		"application/json": false, "text/plain": false, "application/xml;charset=utf-8": false,
		"application/octet-stream": true, "application/x-www-form-urlencoded": true, "image/png": true, "": true, "??": true,
	} {
		var got event
		server := serve(t, func(e []byte) ([]byte, error) { return []byte(`{}`), json.Unmarshal(e, &got) }, nil)
		send(t, "POST", server.URL+"/v3/webhooks", strings.NewReader("hello"), http.Header{"Content-Type": {contentType}})
		body := map[bool]string{false: "hello", true: "aGVsbG8="}[want]
		if got.IsBase64Encoded != want || got.Body != body {
			t.Errorf("a body of type %q travels as %q, base64 %v, want %q, %v", contentType, got.Body, got.IsBase64Encoded, body, want)
		}
	}
}

func TestWhatAFunctionReturnsIsTheAnswer(t *testing.T) {
	tests := []struct {
		name, raw   string
		status      int
		contentType string
		body        string
	}{
		{"an answer", `{"statusCode":201,"headers":{"content-type":"application/json","content-length":"99"},"body":"{}"}`, 201, "application/json", "{}"},
		{"base64", `{"statusCode":200,"headers":{"Content-Type":"image/png"},"body":"aGVsbG8=","isBase64Encoded":true}`, 200, "image/png", "hello"},
		{"no headers, no body", `{"statusCode":404,"headers":null}`, 404, "text/plain;charset=UTF-8", ""},
		{"JSON without a status", `{"hello":"world"}`, 200, "application/json", `{"hello":"world"}`},
		{"a JSON string", `"hello"`, 200, "application/json", `"hello"`},
		{"no JSON", `hello`, 500, "application/json", `{"message":"Internal Server Error"}`},
		{"nothing", ``, 500, "application/json", `{"message":"Internal Server Error"}`},
		{"a status that is none", `{"statusCode":42}`, 500, "application/json", `{"message":"Internal Server Error"}`},
		{"a body that is no string", `{"statusCode":200,"body":{}}`, 500, "application/json", `{"message":"Internal Server Error"}`},
		{"broken base64", `{"statusCode":200,"body":"???","isBase64Encoded":true}`, 500, "application/json", `{"message":"Internal Server Error"}`},
	}
	for _, tt := range tests {
		server := serve(t, func([]byte) ([]byte, error) { return []byte(tt.raw), nil }, nil)
		res, body := send(t, "GET", server.URL+"/v3/jobs/1", nil, nil)
		if res.StatusCode != tt.status || body != tt.body || res.Header.Get("Content-Type") != tt.contentType {
			t.Errorf("%s: %d, %s, %q, want %d, %s, %q", tt.name, res.StatusCode, res.Header.Get("Content-Type"), body, tt.status, tt.contentType, tt.body)
		}
	}
}

func TestHeadersAndCookiesReachTheClient(t *testing.T) {
	server := serve(t, func([]byte) ([]byte, error) {
		return []byte(`{"statusCode":200,"headers":{"x-a":"1","retry-after":"3"},"cookies":["a=1","b=2"]}`), nil
	}, nil)
	res, _ := send(t, "GET", server.URL+"/", nil, nil)
	if h := res.Header; h.Get("X-A") != "1" || h.Get("Retry-After") != "3" || len(h["Set-Cookie"]) != 2 || h.Get("Apigw-Requestid") == "" {
		t.Errorf("the answer's headers are %v, want the function's, two cookies and the gateway's request id", h)
	}
}

// A form is no text to the gateway, and a redirect with a cookie is the client's to follow.
func TestAFormIsSentAndAnsweredWithACookieAndARedirect(t *testing.T) {
	const cookie = "__Host-session=a; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Strict"
	var got event
	server := serve(t, func(e []byte) ([]byte, error) {
		return []byte(`{"statusCode":303,"headers":{"Location":"/console","Cache-Control":"no-store"},"cookies":["` + cookie + `"]}`), json.Unmarshal(e, &got)
	}, nil)
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {server.URL}, "Cookie": {"a=1; b=\"2\""}}
	req, err := http.NewRequest("POST", server.URL+"/console/sign-in?next=%2Fconsole", strings.NewReader("key=hmd_1&name=a+b"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = form
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if h := res.Header; res.StatusCode != 303 || h.Get("Location") != "/console" || h.Get("Set-Cookie") != cookie || h.Get("Cache-Control") != "no-store" {
		t.Errorf("the answer is %d with %v, want the function's redirect and cookie", res.StatusCode, res.Header)
	}
	body, err := base64.StdEncoding.DecodeString(got.Body)
	if err != nil || string(body) != "key=hmd_1&name=a+b" || !got.IsBase64Encoded {
		t.Errorf("the form arrives as %q (%v), want it in base64", got.Body, err)
	}
	if diff := cmp.Diff([]string{"a=1", `b="2"`}, got.Cookies); diff != "" || got.Headers["cookie"] != "" || got.Headers["origin"] != server.URL {
		t.Errorf("headers %v, cookies (-want +got):\n%s", got.Headers, diff)
	}
	if got.RawPath != "/console/sign-in" || got.RawQueryString != "next=%2Fconsole" || "http://"+got.RequestContext.DomainName != server.URL {
		t.Errorf("the event is of %s?%s at %s", got.RawPath, got.RawQueryString, got.RequestContext.DomainName)
	}
}

func TestWhatTheGatewayAnswersItself(t *testing.T) {
	large := bytes.Repeat([]byte("x"), maxBody+1)
	tests := []struct {
		name   string
		body   []byte
		err    error
		status int
		want   string
	}{
		{"a function that fails", nil, &runtime.Failure{Type: "x"}, 500, "Internal Server Error"},
		{"a function that took too long", nil, fmt.Errorf("%w after 3 s", runtime.ErrTimedOut), 500, "Internal Server Error"},
		{"a process that ended", nil, runtime.ErrExited, 500, "Internal Server Error"},
		{"no process left", nil, runtime.ErrThrottled, 503, "Service Unavailable"},
		{"an event that is too large", nil, runtime.ErrTooLarge, 413, "Request Entity Too Large"},
		{"a body that is too large", large, errors.New("not reached"), 413, "Request Entity Too Large"},
	}
	for _, tt := range tests {
		server := serve(t, func([]byte) ([]byte, error) { return nil, tt.err }, nil)
		res, body := send(t, "POST", server.URL+"/v3/webhooks", bytes.NewReader(tt.body), nil)
		if want := `{"message":"` + tt.want + `"}`; res.StatusCode != tt.status || body != want {
			t.Errorf("%s: %d %s, want %d %s", tt.name, res.StatusCode, body, tt.status, want)
		}
	}
	server := serve(t, nil, func(c *Config) { c.Routes = routes[1:] })
	if res, body := send(t, "GET", server.URL+"/nowhere", nil, nil); res.StatusCode != 404 || body != `{"message":"Not Found"}` {
		t.Errorf("no route: %d %s, want 404 and Amazon's message", res.StatusCode, body)
	}
}

func TestAFunctionThatIsSlowerThanTheGatewayGoesOn(t *testing.T) {
	release, ended := make(chan struct{}), make(chan struct{})
	server := serve(t, func([]byte) ([]byte, error) {
		<-release
		close(ended)
		return nil, nil
	}, func(c *Config) { c.Patience = time.Millisecond })
	if res, body := send(t, "GET", server.URL+"/", nil, nil); res.StatusCode != 503 || body != `{"message":"Service Unavailable"}` {
		t.Errorf("a slow function: %d %s, want 503 and Amazon's message", res.StatusCode, body)
	}
	close(release)
	<-ended
}

func TestRequestsThatReachAFunctionAreCounted(t *testing.T) {
	var counted []int
	server := serve(t, func([]byte) ([]byte, error) { return []byte(`{"statusCode":200,"body":"abc"}`), nil }, func(c *Config) {
		c.Requested = func(n int) { counted = append(counted, n) }
	})
	send(t, "POST", server.URL+"/v3/webhooks", strings.NewReader("hello"), nil)
	send(t, "GET", server.URL+"/", nil, nil)
	if diff := cmp.Diff([]int{5, 3}, counted); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}
