package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"hermod/shared/access"
	"hermod/shared/uid"
)

// changeTimeout is how long a change may take once it has begun: it goes on when the client hangs up, because a match without
// its message, or an Idempotency-Key that stays claimed, would be left behind.
const changeTimeout = 25 * time.Second

// call is one request on its way through the wrapper, as handlers see it.
type call struct {
	*api
	request *http.Request
	writer  http.ResponseWriter
	route   *route
	id      string     // of the request: X-Request-Id, error_ref
	key     access.Key // zero on routes without a key
	began   time.Time
	status  int // of success
}

// project is whose things the call is about: the key's, never the path's.
func (c *call) project() string { return c.key.Project }

// now is the time of a change, in the whole milliseconds in which times are kept.
func (c *call) now() time.Time { return c.Now().UTC().Truncate(time.Millisecond) }

// work is a request that was read and can be carried out.
type work func(ctx context.Context) (answer, error)

// operation is a handler in its wrapping.
type operation struct {
	prepare func(c *call, body []byte) (work, error)
	plan    *plan // of the request type, from which openapi.yaml can be checked
}

// on wraps a handler: the request type says what is read, the response type what is written.
func on[Q, R any](handle func(ctx context.Context, c *call, request Q) (R, error)) operation {
	p := planOf[Q]()
	return operation{plan: p, prepare: func(c *call, body []byte) (work, error) {
		var request Q
		c.adoptFilters()
		if err := p.read(c.request, body, &request); err != nil {
			return nil, err
		}
		return func(ctx context.Context) (answer, error) {
			response, err := handle(ctx, c, request)
			if err != nil {
				return answer{}, err
			}
			return encode(c.status, response)
		}, nil
	}}
}

// respond is work whose answer is known.
func respond(out answer) work {
	return func(context.Context) (answer, error) { return out, nil }
}

// serve returns the route's handler.
func (a *api) serve(rt *route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := a.Now()
		c := &call{api: a, request: r, writer: w, route: rt, id: uid.New(now), began: now, status: rt.status}
		out := c.answer()
		out.write(w, c.id)
		c.log(out)
	})
}

// answer carries the call out. Whatever happens, there is an answer.
func (c *call) answer() (out answer) {
	defer func() {
		if p := recover(); p != nil {
			out = c.failed(panicked(p))
		}
	}()
	out, err := c.perform()
	if err != nil {
		return c.failed(err)
	}
	return out
}

func (c *call) perform() (answer, error) {
	ctx := c.request.Context()
	if c.route.scope != "" {
		if err := c.authorize(ctx); err != nil {
			return answer{}, err
		}
	}
	body, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	do, err := c.route.prepare(c, body)
	if err != nil {
		return answer{}, err
	}
	if c.request.Method == http.MethodGet || c.request.Method == http.MethodHead {
		return do(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeTimeout)
	defer cancel()
	if c.request.Method == http.MethodPost {
		return c.once(ctx, body, do)
	}
	return do(ctx)
}

// readBody returns the whole body; none is empty.
func (c *call) readBody() ([]byte, error) {
	if c.route.plan == nil {
		return nil, nil // no route: nothing would become of it
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.writer, c.request.Body, c.route.limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, refuse(tooLarge, "The body has more than %d bytes, the most that this request takes.", c.route.limit)
	case err != nil:
		return nil, &problem{label: badJSON, message: "The body ended before it was complete.", cause: err}
	case len(body) > 0 && !isJSON(c.request.Header):
		return nil, refuse(badMediaType, "")
	}
	return body, nil
}

// isJSON reports whether the headers say that the body is JSON in UTF-8, or do not say what it is.
func isJSON(h http.Header) bool {
	encoding := h.Get("Content-Encoding")
	if encoding != "" && !strings.EqualFold(encoding, "identity") {
		return false
	}
	values := h.Values("Content-Type")
	if len(values) == 0 {
		return true
	}
	kind, params, err := mime.ParseMediaType(values[0])
	charset := params["charset"]
	return err == nil && len(values) == 1 && kind == "application/json" && (charset == "" || strings.EqualFold(charset, "utf-8"))
}

// crash is a panic that became an error.
type crash struct {
	value any
	stack string
}

func panicked(value any) *crash { return &crash{value: value, stack: string(debug.Stack())} }

func (e *crash) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// failed returns the answer to an error.
func (c *call) failed(err error) answer {
	p := c.explain(err)
	body := p.report(c.id)
	out, err2 := encode(body.Status, body)
	if err2 != nil {
		panic(fmt.Sprintf("encode error report: %v", err2)) // params are texts and numbers
	}
	for name, value := range p.header {
		out.header[name] = value
	}
	if p.wait > 0 {
		out.header["Retry-After"] = fmt.Sprint(int((p.wait + time.Second - 1) / time.Second))
	}
	if p.label == noKey {
		out.header["WWW-Authenticate"] = `x-api-key realm="Hermod"`
	}
	out.label, out.err = p.label, err
	return out
}

// log writes the one line of the request. The error is told for what is our fault; a client's own mistakes have a label.
func (c *call) log(out answer) {
	level, ctx := slog.LevelInfo, c.request.Context()
	switch {
	case out.status >= 500 && ctx.Err() == nil: // a client that hung up is no error of ours
		level = slog.LevelError
	case out.status < 400 && c.AccessLogged:
		level = slog.LevelDebug
	}
	if !c.Logger.Enabled(ctx, level) {
		return
	}
	list := []slog.Attr{
		slog.String("method", c.request.Method), slog.String("route", c.request.Pattern), slog.Int("status", out.status),
		slog.Float64("duration_ms", float64(c.Now().Sub(c.began).Microseconds())/1000), slog.String("request_id", c.id),
		slog.String("project", c.key.Project), slog.String("key_uid", c.key.UID), slog.Int("bytes", len(out.body)),
	}
	if c.AccessLogged {
		list = append(list, slog.String("gateway_request_id", c.request.Header.Get("Apigw-Requestid")))
	}
	if out.label != "" {
		list = append(list, slog.String("error_label", string(out.label)))
	}
	if out.status >= 500 {
		list = append(list, slog.String("error", out.err.Error()))
	}
	var crashed *crash
	if errors.As(out.err, &crashed) {
		list = append(list, slog.String("stack", crashed.stack))
	}
	c.Logger.LogAttrs(ctx, level, "request", list...)
}
