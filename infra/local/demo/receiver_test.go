package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/signature"
)

const base = "http://127.0.0.1:8081"

// post sends a delivery to a path of the receiver, signed unless the secret is zero, and returns the status.
func post(t *testing.T, r *Receiver, secret signature.Secret, path string) int {
	t.Helper()
	body, now := []byte(`{"message":"Job started."}`), time.Now()
	req := httptest.NewRequest("POST", path, bytes.NewReader(body))
	if !secret.IsZero() {
		req.Header.Set(signature.HeaderID, "msg_1")
		req.Header.Set(signature.HeaderTimestamp, strconv.FormatInt(now.Unix(), 10))
		req.Header.Set(signature.HeaderSignature, signature.Sign([]signature.Secret{secret}, "msg_1", now, body))
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Code
}

func TestTheReceiverMisbehavesOnCommand(t *testing.T) {
	secret := signature.New(nil)
	tests := []struct {
		name, command string
		want          []int
	}{
		{"well by default", "", []int{204, 204}},
		{"a status", "status=500", []int{500, 500}},
		{"fail the first two", "fail_first=2", []int{503, 503, 204}},
		{"fail the first, then a status", "fail_first=1&status=201", []int{503, 201}},
		{"a delay", "delay=1ms", []int{204}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			r := NewReceiver(base, secret, &out)
			w := httptest.NewRecorder()
			r.ServeHTTP(w, httptest.NewRequest("POST", "/behave/x?"+test.command, nil))
			if w.Code != http.StatusOK {
				t.Fatalf("the command is answered %d: %s", w.Code, w.Body)
			}
			for i, want := range test.want {
				if got := post(t, r, secret, "/hook/x"); got != want {
					t.Errorf("request %d is answered %d, want %d", i+1, got, want)
				}
			}
			if n := strings.Count(out.String(), "signature verified"); n != len(test.want) {
				t.Errorf("it tells of %d verified requests, want %d: %s", n, len(test.want), &out)
			}
		})
	}
}

func TestTheReceiverHangsUntilTheCallerGivesUp(t *testing.T) {
	var out strings.Builder
	r := NewReceiver(base, signature.New(nil), &out)
	r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/behave/x?hang=true", nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/hook/x", nil).WithContext(ctx))
	if !strings.Contains(out.String(), "answered nothing") {
		t.Errorf("it tells %q, want that nothing was answered", &out)
	}
}

func TestTheReceiverRefusesWhatIsNotSigned(t *testing.T) {
	var out strings.Builder
	r := NewReceiver(base, signature.New(nil), &out)
	for _, secret := range []signature.Secret{{}, signature.New(nil)} {
		if got := post(t, r, secret, "/hook/x"); got != http.StatusUnauthorized {
			t.Errorf("it is answered %d, want 401", got)
		}
	}
	if n := strings.Count(out.String(), "NOT VERIFIED"); n != 2 {
		t.Errorf("it tells of %d requests that were not verified, want 2: %s", n, &out)
	}
}

// Who sees why a delivery failed sees what the receiver said.
func TestTheReceiverSaysWhyItDoesNotAccept(t *testing.T) {
	r := NewReceiver(base, signature.New(nil), new(strings.Builder))
	answer := httptest.NewRecorder()
	r.ServeHTTP(answer, httptest.NewRequest("POST", "/hook/x", strings.NewReader("{}")))
	if !strings.Contains(answer.Body.String(), "the secret of the demo") {
		t.Errorf("to what is not signed it says %q, want by which secret it verifies", answer.Body)
	}
	for status, want := range map[int]string{500: "told to answer 500", 204: ""} {
		answer := httptest.NewRecorder()
		behavior{Status: status}.answer(answer, nil)
		if got := answer.Body.String(); answer.Code != status || !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("told to answer %d it answers %d and says %q, want %q", status, answer.Code, got, want)
		}
	}
}

// The secret is for the console in the same process; the receiver's own address does not tell it.
func TestTheSecretIsToldToTheConsoleAlone(t *testing.T) {
	secret := signature.New(nil)
	d := New(Config{API: "http://127.0.0.1:8080/v3", Receiver: base, Secret: secret, Out: new(strings.Builder)})
	for path, want := range map[string]int{"/webhook/mine": 200, "/webhook/%20": 404, "/behave": 200, "/hook/mine": 404, "/executor": 404} {
		w := httptest.NewRecorder()
		d.Panel().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want || strings.Contains(w.Body.String(), secret.Reveal()) != (path == "/webhook/mine") {
			t.Errorf("GET %s of the panel answers %d: %s; want %d, and the secret with the webhook alone", path, w.Code, w.Body, want)
		}
		w = httptest.NewRecorder()
		if d.ServeHTTP(w, httptest.NewRequest("GET", path, nil)); strings.Contains(w.Body.String(), secret.Reveal()) {
			t.Errorf("GET %s of the receiver tells the secret: %s", path, w.Body)
		}
	}
}

// command sends a command, as a query or as a form, and returns the answer.
func command(r *Receiver, query, form string, header ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest("POST", "/behave/x?"+query, strings.NewReader(form))
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

func TestACommandThatIsNoneIsRefused(t *testing.T) {
	commands := []string{
		"status=99", "status=600", "status=x", "delay=soon", "delay=-1s", "fail_first=-1", "fail_first=x", "hang=maybe", "mood=bad", "mood=",
		"status=500&mood=bad", "status=%zz",
	}
	for _, said := range commands {
		r := NewReceiver(base, signature.New(nil), new(strings.Builder))
		for _, w := range []*httptest.ResponseRecorder{command(r, said, ""), command(r, "", said)} {
			if w.Code != http.StatusBadRequest || w.Body.Len() < 10 {
				t.Errorf("%s is answered %d: %s; want 400 and why", said, w.Code, w.Body)
			}
		}
		if got := post(t, r, r.secret, "/hook/x"); got != 204 {
			t.Errorf("after %s was refused a request is answered %d, want 204 as before", said, got)
		}
	}
	r := NewReceiver(base, signature.New(nil), new(strings.Builder))
	if w := command(r, "status=", ""); w.Code != http.StatusBadRequest {
		t.Errorf("an empty status in the query is answered %d, want 400", w.Code)
	}
	if w := command(r, "", `{"status":500}`, "Content-Type", "application/json"); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("JSON is answered %d: %s; want 415", w.Code, w.Body)
	}
	if w := command(r, "", "status=500&delay="+strings.Repeat("0", maxForm)+"1s"); w.Code != http.StatusBadRequest {
		t.Errorf("a form of more than %d bytes is answered %d, want 400", maxForm, w.Code)
	}
}

func TestAFormSaysTheSameAsAQueryAndEmptyFieldsTheDefault(t *testing.T) {
	for form, want := range map[string]string{
		"status=500&delay=1s&fail_first=2&hang=true":  `"status":500,"delay":"1s","fail_first":2,"hang":true`,
		"status=&delay=&fail_first=&hang=":            `"status":204,"delay":"0s","fail_first":0,"hang":false`,
		"status=500&delay=&fail_first=&hang=":         `"status":500,"delay":"0s","fail_first":0,"hang":false`,
		"status=204&delay=250ms&fail_first=&hang=":    `"status":204,"delay":"250ms","fail_first":0,"hang":false`,
		"status=204&delay=0s&fail_first=3&hang=false": `"status":204,"delay":"0s","fail_first":3,"hang":false`,
	} {
		r := NewReceiver(base, signature.New(nil), new(strings.Builder))
		command(r, "status=503&hang=true", "")
		if w := command(r, "", form); w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s is answered %d: %s; want %s", form, w.Code, w.Body, want)
		}
	}
}

func TestAPageOfAnotherSiteCannotChangeHowThePathsBehave(t *testing.T) {
	tests := []struct {
		name   string
		header []string
		want   int
	}{
		{"curl", nil, 200},
		{"a form of another site", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403},
		{"another port of this machine", []string{"Origin", "http://127.0.0.1:3000", "Sec-Fetch-Site", "same-site"}, 403},
		{"an old browser", []string{"Origin", "https://evil.example"}, 403},
		{"a page of the receiver's own", []string{"Origin", "http://example.com", "Sec-Fetch-Site", "same-origin"}, 200},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := NewReceiver(base, signature.New(nil), new(strings.Builder))
			if w := command(r, "status=500", "", test.header...); w.Code != test.want {
				t.Errorf("it is answered %d: %s; want %d", w.Code, w.Body, test.want)
			}
			want := map[int]int{200: 500, 403: 204}[test.want]
			if got := post(t, r, r.secret, "/hook/x"); got != want {
				t.Errorf("then a request is answered %d, want %d", got, want)
			}
		})
	}
}

func TestTheReceiverTellsWhatItHasTaken(t *testing.T) {
	secret := signature.New(nil)
	r := NewReceiver(base, secret, new(strings.Builder))
	list := func() map[string]view {
		t.Helper()
		req, err := http.NewRequest("GET", "/behave", nil) // as in process: method and path only
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		var answer struct{ Receivers []view }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 200 {
			t.Fatalf("GET /behave answers %d, %v: %s", w.Code, err, w.Body)
		}
		if !slices.IsSortedFunc(answer.Receivers, func(a, b view) int { return strings.Compare(a.Name, b.Name) }) {
			t.Errorf("the paths are not in the order of their names: %s", w.Body)
		}
		all := map[string]view{}
		for _, v := range answer.Receivers {
			all[v.Name] = v
		}
		return all
	}
	fresh := func(name string) view {
		return view{Name: name, Path: "/hook/" + name, URL: base + "/hook/" + name, Status: 204, Delay: "0s"}
	}
	if diff := cmp.Diff(map[string]view{"good": fresh("good"), "shaky": fresh("shaky"), "broken": fresh("broken"), "mine": fresh("mine")}, list()); diff != "" {
		t.Errorf("at the start (-want +got):\n%s", diff)
	}
	began := time.Now().UTC().Truncate(time.Millisecond)
	command(r, "status=500&fail_first=2&delay=1ms", "")
	post(t, r, secret, "/hook/x")
	post(t, r, signature.Secret{}, "/hook/mine")
	post(t, r, secret, "/hook/good")
	post(t, r, secret, "/hook/good")
	got := list()
	for _, want := range []view{
		{Name: "x", Status: 500, Delay: "1ms", FailFirst: 1, Taken: 1, LastStatus: new(503), LastVerified: new(true)},
		{Name: "mine", Status: 204, Delay: "0s", Taken: 1, LastStatus: new(401), LastVerified: new(false)},
		{Name: "good", Status: 204, Delay: "0s", Taken: 2, LastStatus: new(204), LastVerified: new(true)},
	} {
		v := got[want.Name]
		if at, err := time.Parse(time.RFC3339, *v.LastAt); err != nil || at.Before(began) || at.After(time.Now()) {
			t.Errorf("%s: the last request came at %s, want the time of the test", v.Name, *v.LastAt)
		}
		want.Path, want.URL, want.LastAt = "/hook/"+want.Name, base+"/hook/"+want.Name, v.LastAt
		if diff := cmp.Diff(want, v); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Name, diff)
		}
	}
}

func TestWhatIsNotAnsweredHasNoStatus(t *testing.T) {
	r := NewReceiver(base, signature.New(nil), new(strings.Builder))
	post(t, r, r.secret, "/hook/x")
	command(r, "hang=true", "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/hook/x", nil).WithContext(ctx))
	if v := r.view("x"); v.Taken != 2 || v.LastStatus != nil || v.LastAt == nil {
		t.Errorf("it tells %d requests, the last at %v with status %v; want 2, and no status", v.Taken, v.LastAt, v.LastStatus)
	}
}

func TestThePathsAreBounded(t *testing.T) {
	r := NewReceiver(base, signature.New(nil), new(strings.Builder))
	for i := 4; i < maxPaths; i++ {
		if got := post(t, r, r.secret, "/hook/"+strconv.Itoa(i)); got != 204 {
			t.Fatalf("path %d is answered %d, want 204", i, got)
		}
	}
	if got := post(t, r, r.secret, "/hook/more"); got != 404 {
		t.Errorf("one path more than %d is answered %d, want 404", maxPaths, got)
	}
	if w := command(r, "", ""); w.Code != 400 {
		t.Errorf("a command for it is answered %d, want 400", w.Code)
	}
	if got := post(t, r, r.secret, "/hook/7"); got != 204 {
		t.Errorf("a path that is known is answered %d, want 204", got)
	}
	for _, name := range []string{"a%0Ab", "a%20b", "%1b%5b2J", strings.Repeat("x", 65)} {
		var out strings.Builder
		r := NewReceiver(base, signature.New(nil), &out)
		if got := post(t, r, r.secret, "/hook/"+name); got != 404 || out.Len() > 0 {
			t.Errorf("a path called %s is answered %d and told as %q; want 404, and nothing told", name, got, &out)
		}
	}
}
