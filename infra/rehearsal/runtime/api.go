package runtime

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"hermod/shared/uid"
)

// version is the path of the Runtime API.
const version = "/2018-06-01/runtime"

// call is one event and what came of it.
type call struct {
	id       string
	event    []byte
	deadline time.Time

	mu     sync.Mutex
	posted bool
	answer []byte
	err    error
}

func newCall(event []byte, timeout time.Duration) *call {
	now := time.Now()
	return &call{id: uid.New(now), event: event, deadline: now.Add(timeout)}
}

// post keeps what the function said; the first word counts.
func (c *call) post(answer []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.posted {
		c.posted, c.answer, c.err = true, answer, err
	}
}

func (c *call) answered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.posted
}

// outcome is what the function said. One that asked for the next call without a word has failed this one.
func (c *call) outcome() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.posted {
		return nil, &Failure{Type: "Runtime.NoResponse", Message: "the runtime asked for the next call without an answer to this one"}
	}
	return c.answer, c.err
}

// api is the Runtime API of one process.
func (p *process) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+version+"/invocation/next", p.next)
	mux.HandleFunc("POST "+version+"/invocation/{id}/response", p.response)
	mux.HandleFunc("POST "+version+"/invocation/{id}/error", p.failure)
	mux.HandleFunc("POST "+version+"/init/error", func(w http.ResponseWriter, _ *http.Request) { accept(w) })
	return mux
}

// next tells that the process is free, and answers when there is a call. Between the two the process is stopped.
func (p *process) next(w http.ResponseWriter, r *http.Request) {
	select {
	case p.waits <- struct{}{}:
	case <-r.Context().Done():
		return
	}
	select {
	case c := <-p.calls:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", c.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(c.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", p.arn)
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-"+c.id[:8]+"-"+c.id[24:]+c.id[24:]+";Parent="+c.id[19:23]+c.id[24:]+";Sampled=0")
		w.Write(c.event)
	case <-r.Context().Done():
	}
}

func (p *process) response(w http.ResponseWriter, r *http.Request) {
	c, ok := p.call(r.PathValue("id"))
	if !ok {
		refuse(w, http.StatusBadRequest, "InvalidRequestID")
		return
	}
	answer, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	if large := new(http.MaxBytesError); errors.As(err, &large) {
		c.post(nil, &Failure{Type: "Function.ResponseSizeTooLarge", Message: "response " + ErrTooLarge.Error()})
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge")
		return
	}
	if err != nil {
		return // it died while it answered
	}
	c.post(answer, nil)
	accept(w)
}

func (p *process) failure(w http.ResponseWriter, r *http.Request) {
	c, ok := p.call(r.PathValue("id"))
	if !ok {
		refuse(w, http.StatusBadRequest, "InvalidRequestID")
		return
	}
	f := &Failure{Type: "Unhandled"}
	if err := json.NewDecoder(io.LimitReader(r.Body, MaxPayload)).Decode(f); err != nil {
		f.Message = "no error description: " + err.Error()
	}
	c.post(nil, f)
	accept(w)
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"status":"OK"}`+"\n")
}

func refuse(w http.ResponseWriter, status int, kind string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(Failure{Type: kind, Message: http.StatusText(status)})
}
