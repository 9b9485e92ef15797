package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"hermod/shared/signature"
)

// behavior is how one path of the receiver answers.
type behavior struct {
	Status    int           // of every answer; 0: 204
	Delay     time.Duration // before it
	FailFirst int           // so many more requests get 503 before Status counts
	Hang      bool          // no answer until the caller gives up
}

// Receiver is a receiver of deliveries: POST /hook/{name} takes one, POST /behave/{name} says how that path answers from now on.
type Receiver struct {
	secret signature.Secret
	out    io.Writer
	mux    *http.ServeMux

	mu    sync.Mutex
	names map[string]behavior
}

// NewReceiver returns a receiver that verifies with the secret and tells out what it gets, a line each.
func NewReceiver(secret signature.Secret, out io.Writer) *Receiver {
	r := &Receiver{secret: secret, out: out, mux: http.NewServeMux(), names: map[string]behavior{}}
	r.mux.HandleFunc("POST /hook/{name}", r.take)
	r.mux.HandleFunc("POST /behave/{name}", r.behave)
	return r
}

func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.mux.ServeHTTP(w, req) }

// take verifies a delivery before anything else, as every receiver should.
func (r *Receiver) take(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	verdict := "signature verified"
	if err := signature.Verify(req.Header, body, []signature.Secret{r.secret}, time.Now(), signature.Tolerance); err != nil {
		verdict = "NOT VERIFIED: " + err.Error()
	}
	name := req.PathValue("name")
	b := r.next(name)
	status := r.answer(w, req, b, verdict)
	fmt.Fprintf(r.out, "receiver  /hook/%s  %s  attempt %s  %s  answered %s  webhook-id %s\n",
		name, req.Header.Get("Hermod-Event"), req.Header.Get("Hermod-Attempt"), verdict, status, req.Header.Get("Webhook-Id"))
}

func (r *Receiver) answer(w http.ResponseWriter, req *http.Request, b behavior, verdict string) string {
	wait := b.Delay
	if b.Hang {
		wait = time.Hour
	}
	if wait > 0 {
		select {
		case <-req.Context().Done():
			return "nothing"
		case <-time.After(wait):
		}
	}
	if verdict != "signature verified" {
		b.Status = http.StatusUnauthorized
	}
	w.WriteHeader(b.Status)
	return strconv.Itoa(b.Status)
}

// next is how the path answers now, and counts the failures that were asked for.
func (r *Receiver) next(name string) behavior {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.names[name]
	if b.FailFirst > 0 {
		left := b
		left.FailFirst--
		r.names[name] = left
		b.Status = http.StatusServiceUnavailable
	}
	if b.Status == 0 {
		b.Status = http.StatusNoContent
	}
	return b
}

// behave takes status, delay (500ms, 3s), fail_first and hang=true from the query; without any the path behaves well again.
func (r *Receiver) behave(w http.ResponseWriter, req *http.Request) {
	b, err := parseBehavior(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	name := req.PathValue("name")
	r.mu.Lock()
	r.names[name] = b
	r.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"path": "/hook/" + name, "status": b.Status, "delay": b.Delay.String(), "fail_first": b.FailFirst, "hang": b.Hang})
}

func parseBehavior(req *http.Request) (b behavior, err error) {
	for key, values := range req.URL.Query() {
		v := values[0]
		switch key {
		case "status":
			if b.Status, err = strconv.Atoi(v); err != nil || b.Status < 200 || b.Status > 599 {
				return b, fmt.Errorf("status is %q; it must be a number from 200 to 599", v)
			}
		case "delay":
			if b.Delay, err = time.ParseDuration(v); err != nil || b.Delay < 0 {
				return b, fmt.Errorf("delay is %q; it must be a time such as 500ms or 3s", v)
			}
		case "fail_first":
			if b.FailFirst, err = strconv.Atoi(v); err != nil || b.FailFirst < 0 {
				return b, fmt.Errorf("fail_first is %q; it must be a number of requests", v)
			}
		case "hang":
			if b.Hang, err = strconv.ParseBool(v); err != nil {
				return b, fmt.Errorf("hang is %q; it must be true or false", v)
			}
		default:
			return b, fmt.Errorf("%q is no behavior; there are status, delay, fail_first and hang", key)
		}
	}
	return b, nil
}

// Set makes a path answer with a status, after so many failures.
func (r *Receiver) Set(name string, status, failFirst int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names[name] = behavior{Status: status, FailFirst: failFirst}
}
