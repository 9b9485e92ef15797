package scenario

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// secret signs the deliveries of every scenario.
const secret = "whsec_c2NlbmFyaW9zIG9mIGhlcm1vZCwgMzIgYnl0ZXMhISE="

// arrival is one verified request that the receiver got.
type arrival struct {
	ID     string // webhook-id
	Header http.Header
	Body   []byte
	Fields object
}

// receiver takes deliveries over real HTTP and verifies each with the Standard Webhooks library.
type receiver struct {
	URL      string
	verifier *standardwebhooks.Webhook

	mu       sync.Mutex
	answer   func(arrival) int // the status; nil: 204
	arrivals []arrival
	forged   []string // what was not verified, and why
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	v, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{verifier: v}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err == nil {
		err = r.verifier.Verify(body, req.Header)
	}
	a := arrival{ID: req.Header.Get("Webhook-Id"), Header: req.Header, Body: body}
	if err == nil {
		err = json.Unmarshal(body, &a.Fields)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.forged = append(r.forged, a.ID+": "+err.Error())
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	r.arrivals = append(r.arrivals, a)
	status := http.StatusNoContent
	if r.answer != nil {
		status = r.answer(a)
	}
	w.WriteHeader(status)
}

// answers makes the receiver answer with a status from now on.
func (r *receiver) answers(status int) { r.answerBy(func(arrival) int { return status }) }

// answerBy makes the receiver answer with what f says of each arrival from now on.
func (r *receiver) answerBy(f func(arrival) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

// got returns what has arrived so far; a request that could not be verified fails the test.
func (r *receiver) got(t testing.TB) []arrival {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.forged) > 0 {
		t.Fatalf("%d requests were not verified by the Standard Webhooks library, the first: %s", len(r.forged), r.forged[0])
	}
	return slices.Clone(r.arrivals)
}
