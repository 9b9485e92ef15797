package scenario

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// Target is a running deployment that allows http receivers on this machine.
type Target struct {
	API string // base URL with /v3
	Key string // API key with every scope
	// Crash ends the processes that work with kill -9 and starts them again; it returns when the API answers again.
	Crash func(t testing.TB)
	// Patience is how long a scenario waits for what must come; zero: 90 s. A deployment that works needs a fraction of it.
	Patience time.Duration
}

const patience = 90 * time.Second

// call makes an API request and decodes the answer into out (nil: ignored). It returns the status, or 0 without an answer.
func (g Target) call(method, path string, in, out any) (int, error) {
	return g.request(method, path, in, out, http.Header{})
}

// request is call with more headers.
func (g Target) request(method, path string, in, out any, header http.Header) (int, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, g.API+path, body)
	if err != nil {
		return 0, err
	}
	req.Header = header
	req.Header.Set("Authorization", "x-api-key "+g.Key)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	if res.StatusCode/100 != 2 {
		return res.StatusCode, fmt.Errorf("%s %s answers %d: %s", method, path, res.StatusCode, answer)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			return res.StatusCode, fmt.Errorf("%s %s answers what is no JSON: %w", method, path, err)
		}
	}
	return res.StatusCode, nil
}

// must makes an API request that has to succeed.
func (g Target) must(t testing.TB, method, path string, in, out any) {
	t.Helper()
	if _, err := g.call(method, path, in, out); err != nil {
		t.Fatal(err)
	}
}

// object is a JSON object.
type object = map[string]any

func (g Target) workflow(t testing.TB) string {
	t.Helper()
	var made struct{ UID string }
	g.must(t, "POST", "/workflows", object{"name": t.Name()}, &made)
	return made.UID
}

func (g Target) webhook(t testing.TB, fields object) string {
	t.Helper()
	var made struct{ UID string }
	g.must(t, "POST", "/webhooks", fields, &made)
	t.Cleanup(func() { g.call("DELETE", "/webhooks/"+made.UID, nil, nil) })
	return made.UID
}

func (g Target) launch(workflow, name string) (string, error) {
	var made struct {
		JobUID string `json:"job_uid"`
	}
	_, err := g.call("POST", "/workflows/"+workflow+"/schedule", object{"job_name": name}, &made)
	return made.JobUID, err
}

// until waits for something to become true. It asks at ever longer intervals: where requests are counted, most would be its own.
func (g Target) until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	patience := cmp.Or(g.Patience, patience)
	give := time.After(patience)
	for pause := 20 * time.Millisecond; !ok(); pause = min(pause*11/10, time.Second) {
		select {
		case <-time.After(pause):
		case <-give:
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}
