package assemble_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hermod/shared/assemble"
	"hermod/shared/awsdynamo"
	"hermod/shared/delivery"
)

// environment is a complete one, with some variables changed.
func environment(change map[string]string) func(string) string {
	variables := map[string]string{
		"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "HERMOD_TABLE": "hermod-Table",
		"HERMOD_KEY_ID":      "arn:aws:kms:us-east-1:000000000000:key/1",
		"HERMOD_QUEUE_FIRST": "https://sqs.us-east-1.amazonaws.com/000000000000/hermod-first",
		"HERMOD_QUEUE_RETRY": "https://sqs.us-east-1.amazonaws.com/000000000000/hermod-retry",
	}
	for name, value := range change {
		variables[name] = value
	}
	return func(name string) string { return variables[name] }
}

func TestAnEnvironmentThatSaysSomethingElseIsRefused(t *testing.T) {
	tests := []struct{ name, value, want string }{
		{"HERMOD_TABLE", "", "HERMOD_TABLE is empty, want the name of the table"},
		{"AWS_REGION", "", "AWS_REGION is empty, want the region"},
		{"HERMOD_LOG_LEVEL", "loud", `HERMOD_LOG_LEVEL is "loud", want debug, info, warn or error`},
		{"HERMOD_ALLOW_HTTP", "yes", `HERMOD_ALLOW_HTTP is "yes", want true or false`},
		{"HERMOD_ALLOW_PRIVATE", "no", `HERMOD_ALLOW_PRIVATE is "no", want true or false`},
		{"HERMOD_RATE_LIMIT", "-1", `HERMOD_RATE_LIMIT is "-1", want a whole number from 0 on`},
		{"HERMOD_RATE_LIMIT", "1e3", `HERMOD_RATE_LIMIT is "1e3", want a whole number from 0 on`},
	}
	for _, tt := range tests {
		_, err := assemble.New(environment(map[string]string{tt.name: tt.value}))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New with %s=%q = %v, want %q", tt.name, tt.value, err, tt.want)
		}
	}
	a, err := assemble.New(environment(nil))
	if err != nil || a.Rules.AllowHTTP || a.Rules.AllowPrivate {
		t.Errorf("New = %v with the rules %+v, want the strictest where nothing is said", err, a.Rules)
	}
}

func TestALaneIsFoundByTheNameOfItsQueue(t *testing.T) {
	a, err := assemble.New(environment(nil))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		arn  string
		lane delivery.Lane
		ok   bool
	}{
		{"arn:aws:sqs:us-east-1:000000000000:hermod-first", delivery.LaneFirst, true},
		{"arn:aws:sqs:us-east-1:000000000000:hermod-retry", delivery.LaneRetry, true},
		{"arn:aws:sqs:us-east-1:000000000000:hermod-ops", "", false},
		{"arn:aws:sqs:us-east-1:000000000000:first", "", false},
		{"", "", false},
	}
	for _, tt := range tests {
		if lane, ok := a.Lane(tt.arn); lane != tt.lane || ok != tt.ok {
			t.Errorf("Lane(%s) = %q, %v, want %q, %v", tt.arn, lane, ok, tt.lane, tt.ok)
		}
	}
}

func TestAnAPIWhoseTableIsOutOfReachAsksToComeBack(t *testing.T) {
	nobody := httptest.NewServer(nil)
	nobody.Close()
	a, err := assemble.New(environment(map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": nobody.URL}))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/v3/workflows", nil)
	r.Header.Set("X-Api-Key", "hmd_"+strings.Repeat("x", 43))
	w := httptest.NewRecorder()
	a.API().ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("GET with the table out of reach answers %d %s, want 503 with Retry-After", w.Code, w.Body)
	}
	if awsdynamo.IsUnavailable(errors.New("a bug of ours")) {
		t.Error("IsUnavailable(a bug of ours) = true, want false: to repeat it would not help")
	}
}

// A server that answers before it has read the request makes the transport stop writing; the SDK closes the body meanwhile.
func TestARequestToThisMachineHasABodyOfItsOwn(t *testing.T) {
	var bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(body))
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = w.Write([]byte(`{}`))
	}))
	defer server.Close()
	a, err := assemble.New(environment(map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": server.URL}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.DB.Cursor().SweptUntil(t.Context()); err != nil || len(bodies) != 1 || !strings.Contains(bodies[0], "SWEEP") {
		t.Errorf("SweptUntil = %v with the requests %q, want one for the cursor", err, bodies)
	}
	if _, err := a.Queue.Receive(t.Context(), delivery.LaneDead, 1, time.Second); err == nil || !strings.Contains(err.Error(), "dead") {
		t.Errorf("Receive of a lane without a variable = %v, want an error that names it", err)
	}
}
