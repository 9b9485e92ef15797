package awslambda

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// HTTP serves the requests of an API Gateway HTTP API, payload format 2.0, with an ordinary handler.
//
// A handler that panics, or whose answer is longer than Lambda takes (6 MB with its escapes, or some 4.5 MB in base64), is
// answered for with status 500, and the log says why.
func HTTP(h http.Handler) Handler { return httpHandler{h} }

type httpHandler struct{ http.Handler }

func (h httpHandler) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	ctx, cancel := endEarly(ctx, settleTime)
	defer cancel()
	r, err := readRequest(ctx, event)
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	answer, err := h.serve(r).encode()
	if err == nil && len(answer) > maxAnswer {
		slog.Error("answer too long", "method", r.Method, "path", r.URL.Path, "bytes", len(answer), "limit_bytes", maxAnswer)
		answer, err = failed().encode()
	}
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return answer, nil
}

// serve has the request handled. Nothing was sent yet when a handler panics, so the client gets a whole answer.
func (h httpHandler) serve(r *http.Request) (w *response) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p != http.ErrAbortHandler {
			slog.Error("handler panicked", "method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
		w = failed()
	}()
	w = newResponse(r.Method)
	h.ServeHTTP(w, r)
	return w
}

// failed is the answer for a handler that has none.
func failed() *response {
	w := newResponse(http.MethodGet)
	http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	return w
}
