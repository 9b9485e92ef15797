package awsdynamo

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// faults stands between the table and its engine, and spoils requests as it is told.
type faults struct {
	next http.RoundTripper

	mu    sync.Mutex
	plan  map[string][]spoil // of the coming requests of an operation, in turn
	every map[string]spoil   // of all requests of an operation that have no plan; "" for all operations
	seen  map[string][]string
}

// spoil makes what it will of a request.
type spoil func(next http.RoundTripper, r *http.Request) (*http.Response, error)

func newFaults() *faults {
	return &faults{plan: map[string][]spoil{}, every: map[string]spoil{}, seen: map[string][]string{}}
}

// between is what open wraps a transport with.
func (f *faults) between(next http.RoundTripper) http.RoundTripper {
	f.next = next
	return f
}

func (f *faults) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	own := r.Clone(r.Context())
	own.Body = io.NopCloser(bytes.NewReader(body))
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return f.take(operation, string(body))(f.next, own)
}

// take notes a request and returns what happens to it.
func (f *faults) take(operation, body string) spoil {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen[operation] = append(f.seen[operation], body)
	if plan := f.plan[operation]; len(plan) > 0 {
		f.plan[operation] = plan[1:]
		return plan[0]
	}
	for _, name := range []string{operation, ""} {
		if s := f.every[name]; s != nil {
			return s
		}
	}
	return fine
}

// then plans the coming requests of an operation; those after them are fine.
func (f *faults) then(operation string, plan ...spoil) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan[operation] = plan
}

// always spoils every request of an operation that is not planned; "" for all operations, and fine to end it.
func (f *faults) always(operation string, s spoil) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.every[operation] = s
}

// requests returns the bodies of the requests of an operation since the last call, or how many there were of all.
func (f *faults) requests(operation string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	seen := f.seen[operation]
	delete(f.seen, operation)
	return seen
}

// count is how many requests there were since the last call of it.
func (f *faults) count() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, seen := range f.seen {
		n += len(seen)
	}
	clear(f.seen)
	return n
}

func fine(next http.RoundTripper, r *http.Request) (*http.Response, error) { return next.RoundTrip(r) }

// Requests that are not carried out.
var (
	throttled  = answers(http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}`)
	limited    = answers(http.StatusBadRequest, `{"__type":"com.amazon.coral.availability#ThrottlingException","message":"slow down"}`)
	broken     = answers(http.StatusInternalServerError, `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"oops"}`)
	away       = answers(http.StatusServiceUnavailable, `<html>no JSON</html>`)
	conflicted = answers(http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"conflict",
		"CancellationReasons":[{"Code":"None"},{"Code":"TransactionConflict","Message":"ongoing"}]}`)
	interrupted = answers(http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"conflict"}`)
)

func answers(status int, body string) spoil {
	return func(_ http.RoundTripper, r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Request: r,
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		}, nil
	}
}

var errConnection = errors.New("connection reset by peer")

// cut loses a request on its way there.
func cut(http.RoundTripper, *http.Request) (*http.Response, error) { return nil, errConnection }

// hangs never answers.
func hangs(_ http.RoundTripper, r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// lost loses the answer to a request that is carried out.
func lost(next http.RoundTripper, r *http.Request) (*http.Response, error) {
	res, err := next.RoundTrip(r)
	if err == nil {
		res.Body.Close()
	}
	return nil, errConnection
}

// late lets something happen once a request is carried out, before its answer is there.
func late(happens func()) spoil {
	return func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		res, err := next.RoundTrip(r)
		happens()
		return res, err
	}
}

// soon lets something happen before a request is made.
func soon(happens func()) spoil {
	return func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		happens()
		return next.RoundTrip(r)
	}
}

// partly has a BatchGetItem read no more than n items, and say that the others are left.
func partly(n int) spoil {
	return func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		res, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		var out struct {
			Responses       map[string][]map[string]json.RawMessage
			UnprocessedKeys map[string]map[string][]map[string]json.RawMessage
		}
		if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
			return nil, err
		}
		out.UnprocessedKeys = map[string]map[string][]map[string]json.RawMessage{}
		for table, items := range out.Responses {
			n := min(n, len(items))
			out.Responses[table] = items[:n]
			keys := map[string][]map[string]json.RawMessage{}
			for _, i := range items[n:] {
				keys["Keys"] = append(keys["Keys"], map[string]json.RawMessage{"pk": i["pk"], "sk": i["sk"]})
			}
			out.UnprocessedKeys[table] = keys
		}
		body, err := json.Marshal(out)
		if err != nil {
			return nil, err
		}
		return answers(http.StatusOK, string(body))(next, r)
	}
}

// field is a text in the body of a request.
func field(t *testing.T, body, name string) (s string) {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &fields); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(fields[name], &s); err != nil {
		t.Fatalf("%s of the request %s: %v", name, body, err)
	}
	return s
}
