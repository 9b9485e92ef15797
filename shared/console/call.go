package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"hermod/shared/access"
	"hermod/shared/uid"
)

const maxForm = 512 << 10 // bytes

// call is one request on its way through the wrapper, as handlers see it.
type call struct {
	*console
	request *http.Request
	writer  http.ResponseWriter
	id      string
	session session
	form    url.Values // of a POST; nil otherwise
	problem *refusal   // shown above the page
	dialog  string     // id of the dialog that is open when the page appears
}

// reply is what a handler answers: a page or, with to, where the browser goes on.
type reply struct {
	page   string // name of the template
	title  string
	data   any
	status int // 0: 200, or the problem's
	to     string
}

// goTo sends the browser on, after a POST, to a page that says what was done: a word of the table sentences, or empty.
func goTo(path, done string) (reply, error) {
	if done != "" {
		path += map[bool]string{false: "?", true: "&"}[strings.Contains(path, "?")] + "done=" + done
	}
	return reply{to: path}, nil
}

// query returns the parameters of the page that are given and not empty.
func (c *call) query(names ...string) url.Values {
	given, query := c.request.URL.Query(), url.Values{}
	for _, name := range names {
		if v := strings.TrimSpace(given.Get(name)); v != "" {
			query.Set(name, v)
		}
	}
	return query
}

// tolerate shows a refusal that says what is wrong with the page's own parameters above the page, which goes on without results.
func (c *call) tolerate(err error) error {
	if r, ok := refused(err, http.StatusBadRequest); ok {
		c.problem = r
		return nil
	}
	return err
}

// nextPage is the URL of this page with a cursor; empty without one.
func (c *call) nextPage(cursor string) string {
	if cursor == "" {
		return ""
	}
	query := c.request.URL.Query()
	query.Set("cursor", cursor)
	query.Del("done")
	return c.request.URL.Path + "?" + query.Encode()
}

// serve returns the handler of a route.
func (s *console) serve(rt route) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, http.StatusForbidden, "This form was sent from another site. Open the console itself and send it from there.")
	}))
	return guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.Now()
		c := &call{console: s, request: r, writer: w, id: r.Header.Get("Apigw-Requestid")}
		if c.id == "" {
			c.id = uid.New(began)
		}
		status, size, err := c.answer(rt)
		c.log(rt, began, status, size, err)
	}))
}

// answer carries the request out. Whatever happens, there is a page.
func (c *call) answer(rt route) (status, size int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			status, size = c.write(c.broken(err))
		}
	}()
	out, err := c.perform(rt)
	if err != nil {
		out = c.broken(err)
	}
	status, size = c.write(out)
	return status, size, err
}

func (c *call) perform(rt route) (reply, error) {
	ctx := c.request.Context()
	var err error
	if !rt.open {
		c.session, err = c.openSession(ctx, c.request)
	}
	if errors.Is(err, errNoSession) {
		return c.signedOut(), nil
	}
	if err != nil {
		return reply{}, err
	}
	if c.request.Method == http.MethodPost {
		if err := c.readForm(); err != nil {
			return reply{}, err
		}
	}
	out, err := rt.handle(ctx, c)
	r, ok := refused(err)
	switch {
	case ok && r.Status == http.StatusUnauthorized:
		endSession(c.writer)
		return c.signedOut(), nil
	case ok && rt.back != nil && r.Status < 500:
		c.problem = r
		return rt.back(ctx, c)
	}
	return out, err
}

// readForm reads the fields of a form.
func (c *call) readForm() error {
	c.request.Body = http.MaxBytesReader(c.writer, c.request.Body, maxForm)
	if err := c.request.ParseForm(); err != nil {
		return &refusal{Status: http.StatusBadRequest, Message: "The form could not be read, or has more than 512 KB. Go back and send less."}
	}
	c.form = c.request.PostForm
	return nil
}

// signedOut leads to the page to sign in, and from there back to where one wanted to go. A browser that comes from another site by a
// link sends no cookie of SameSite=Strict: it is told to ask once more, from here.
func (c *call) signedOut() reply {
	r := c.request
	if r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return reply{page: "again", title: "One moment", data: r.URL.RequestURI()}
	}
	to := Base
	if r.Method == http.MethodGet {
		to = r.URL.RequestURI()
	}
	return reply{to: Base + "/sign-in?to=" + url.QueryEscape(to)}
}

// broken is the page for an error: what the API refuses it says itself, anything else is ours and in the log.
func (c *call) broken(err error) reply {
	r, ok := refused(err)
	if !ok {
		r = &refusal{Status: http.StatusInternalServerError, Ref: c.id, Message: "Something went wrong on our side. Try again; if it stays, the log has more under the id below."}
	}
	return reply{page: "problem", title: titleOf(r.Status), data: r, status: r.Status}
}

func titleOf(status int) string {
	switch {
	case status == http.StatusNotFound:
		return "Not found"
	case status == http.StatusForbidden:
		return "Not allowed"
	case status >= 500:
		return "Something went wrong"
	}
	return "That did not work"
}

// refuse answers a request that never came to a handler.
func (s *console) refuse(w http.ResponseWriter, r *http.Request, status int, message string) {
	c := &call{console: s, request: r, writer: w}
	c.write(c.broken(&refusal{Status: status, Message: message}))
}

// nowhere answers what is no page.
func (s *console) nowhere(ctx context.Context, c *call) (reply, error) {
	return reply{}, &refusal{Status: http.StatusNotFound, Message: "There is no such page. The pages are on the left; an address may have lost its end when it was copied."}
}

// write sends a reply.
func (c *call) write(out reply) (status, size int) {
	if out.to != "" {
		http.Redirect(c.writer, c.request, out.to, http.StatusSeeOther)
		return http.StatusSeeOther, 0
	}
	status = out.status
	switch {
	case status != 0:
	case c.problem != nil:
		status = c.problem.Status
	default:
		status = http.StatusOK
	}
	body, err := c.render(out)
	if err != nil {
		c.Logger.Error("page not rendered", "page", out.page, "request_id", c.id, "error", err.Error())
		status, body = http.StatusInternalServerError, []byte("This page cannot be shown: "+c.id)
	}
	c.writer.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.writer.WriteHeader(status)
	c.writer.Write(body)
	return status, len(body)
}

// log writes the one line of the request.
func (c *call) log(rt route, began time.Time, status, size int, err error) {
	level := slog.LevelDebug // live pages ask every few seconds
	switch {
	case status >= 500 && c.request.Context().Err() == nil:
		level = slog.LevelError
	case c.request.Method == http.MethodPost, status >= 400:
		level = slog.LevelInfo
	}
	list := []slog.Attr{
		slog.String("method", c.request.Method), slog.String("route", Base+rt.path), slog.Int("status", status),
		slog.Float64("duration_ms", float64(c.Now().Sub(began).Microseconds())/1000), slog.String("request_id", c.id),
		slog.String("project", c.session.key.Project), slog.String("key_uid", c.session.key.UID), slog.Int("bytes", size),
	}
	if err != nil {
		list = append(list, slog.String("error", err.Error()))
	}
	c.Logger.LogAttrs(c.request.Context(), level, "console", list...)
}

// May reports whether the session's key has a scope.
func (c *call) May(scope access.Scope) bool { return c.session.key.May(scope) }
