// Package gateway is the HTTP API of a rehearsal: it does to requests what Amazon API Gateway does between a client and a
// function with payload format 2.0, its limits and its own answers included.
//
// Two things differ, for the sake of the address: the scheme is http, and domainName has the port with it.
package gateway

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"hermod/infra/rehearsal/runtime"
	"hermod/infra/template"
	"hermod/shared/uid"
)

const (
	// maxBody is the size of a request's body, in bytes. A function's event may be smaller: see runtime.MaxPayload.
	maxBody = 10 << 20
	// patience is how long a request may take. The function is not told when it is over.
	patience = 30 * time.Second
)

// Config is what a gateway needs.
type Config struct {
	Routes []template.Route
	// Invoke calls a function, which is given by its logical id.
	Invoke func(function string, event []byte) ([]byte, error)
	// Requested is told of each request that reached a function: the bytes of its body or of the answer's, whichever has more. Nil:
	// nobody is.
	Requested func(bytes int)
	Patience  time.Duration // zero: 30 s
	Logger    *slog.Logger  // nil: the default
}

// Gateway serves the API.
type Gateway struct {
	Config
	routes []route
}

// New returns the gateway of some routes.
func New(c Config) *Gateway {
	if c.Patience == 0 {
		c.Patience = patience
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Requested == nil {
		c.Requested = func(int) {}
	}
	return &Gateway{Config: c, routes: routesOf(c.Routes)}
}

// ServeHTTP passes a request to the function of its route.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := uid.New(time.Now())
	w.Header().Set("Apigw-Requestid", id)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if large := new(http.MaxBytesError); errors.As(err, &large) {
		refuse(w, http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		return // the client went away
	}
	rt, params, ok := match(g.routes, r.Method, r.URL.Path)
	if !ok {
		refuse(w, http.StatusNotFound)
		return
	}
	raw, err := g.invoke(rt.Function, newEvent(r, id, rt.key, params, body).encode())
	sent := 0
	if err == nil {
		sent, err = write(w, raw)
	}
	g.Requested(max(len(body), sent))
	if err != nil {
		g.Logger.Warn("gateway answers instead of the function", "function", rt.Function, "route", rt.key, "request_id", id, "error", err.Error())
		refuse(w, statusOf(err))
	}
}

var errSlow = errors.New("no answer in time")

// invoke waits for the function's answer as long as a gateway does.
func (g *Gateway) invoke(function string, event []byte) ([]byte, error) {
	type outcome struct {
		raw []byte
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		raw, err := g.Invoke(function, event)
		done <- outcome{raw, err}
	}()
	timeout := time.NewTimer(g.Patience)
	defer timeout.Stop()
	select {
	case o := <-done:
		return o.raw, o.err
	case <-timeout.C:
		return nil, errSlow
	}
}

// statusOf is what the gateway answers when there is no usable answer of the function.
func statusOf(err error) int {
	switch {
	case errors.Is(err, errSlow), errors.Is(err, runtime.ErrThrottled), errors.Is(err, runtime.ErrStopped):
		return http.StatusServiceUnavailable
	case errors.Is(err, runtime.ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusInternalServerError
}

// refuse is an answer of the gateway's own. It has Amazon's shape, not the API's.
func refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, `{"message":"`+http.StatusText(status)+`"}`)
}
