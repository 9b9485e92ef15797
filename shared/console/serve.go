package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"hermod/shared/uid"
)

const (
	maxForm  = 512 << 10 // bytes
	formType = "application/x-www-form-urlencoded"
	maxURI   = 2000 // characters: links of a page repeat its parameters
	// formShown is how much of a form that was refused its page shows again.
	formShown = 16 << 10 // bytes of HTML
)

// serve returns the handler of a route.
func (s *console) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := s.Now()
		c := &call{console: s, request: r, writer: w, route: rt, began: now, id: requestID(r, now)}
		status, size, err := c.answer()
		c.log(status, size, err)
	})
}

// requestID is what a gateway in front calls the request. What is longer than a gateway's was made up by a client.
func requestID(r *http.Request, now time.Time) string {
	if id := r.Header.Get("Apigw-Requestid"); id != "" && len(id) <= 64 {
		return id
	}
	return uid.New(now)
}

// answer carries the request out. Whatever happens, there is a page.
func (c *call) answer() (status, size int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
			status, size, _ = c.write(c.broken(err))
		}
	}()
	out, err := c.perform()
	if err != nil {
		out = c.broken(err)
	}
	status, size, failed := c.write(out)
	return status, size, cmp.Or(err, failed)
}

// panicked is the error for a panic, with the stack, which only the log sees.
func panicked(p any) error { return fmt.Errorf("panic: %v\n%s", p, debug.Stack()) }

func (c *call) perform() (reply, error) {
	ctx := c.request.Context()
	if new(http.CrossOriginProtection).Check(c.request) != nil {
		return reply{}, &refusal{Status: http.StatusForbidden, Message: "This form was sent from another site. Open the console itself and send it from there."}
	}
	if len(c.request.URL.RequestURI()) > maxURI {
		return reply{}, &refusal{Status: http.StatusRequestURITooLong, Message: "This address is longer than any page has. Open the page from the left, and set its filters anew."}
	}
	if !c.route.open {
		open, err := c.openSession(ctx, c.request)
		if errors.Is(err, errNoSession) {
			return c.signedOut(), nil
		}
		if err != nil {
			return reply{}, err
		}
		c.session = open
	}
	if c.request.Method == http.MethodPost {
		if err := c.readForm(); err != nil {
			return reply{}, err
		}
	}
	out, err := c.route.handle(ctx, c)
	r, ok := refused(err)
	switch {
	case ok && r.Status == http.StatusUnauthorized:
		endSession(c.writer)
		return c.signedOut(), nil
	case ok && c.route.back != nil && r.Status < 500 && c.typed() > formShown:
		long := *r
		long.Message += " What was typed is too long to be shown again. Go back: your browser still has it."
		return reply{}, &long
	case ok && c.route.back != nil && r.Status < 500:
		c.problem = r
		c.dialog = strings.NewReplacer("{uid}", c.uid(), "{webhook}", c.request.PathValue("webhook")).Replace(c.route.dialog)
		return c.route.back(ctx, c)
	}
	return out, err
}

// readForm reads the fields of a form. What is none is not carried out as if it were one without fields.
func (c *call) readForm() error {
	if kind, _, err := mime.ParseMediaType(c.request.Header.Get("Content-Type")); err != nil || kind != formType {
		return &refusal{Status: http.StatusUnsupportedMediaType, Message: "This is no form: its Content-Type must be " + formType + "."}
	}
	c.request.Body = http.MaxBytesReader(c.writer, c.request.Body, maxForm)
	if err := c.request.ParseForm(); err != nil {
		return &refusal{Status: http.StatusBadRequest, Message: "The form could not be read, or has more than " + size(maxForm) + ". Go back and send less."}
	}
	for _, values := range c.request.PostForm {
		if !utf8.ValidString(strings.Join(values, "")) { // as JSON it would be altered
			return &refusal{Status: http.StatusBadRequest, Message: "The form is not UTF-8. Go back and type it again."}
		}
	}
	c.form = c.request.PostForm
	return nil
}

// typed is how long the fields of the form are, as HTML.
func (c *call) typed() (n int) {
	for _, values := range c.form {
		for _, v := range values {
			n += lengthInHTML(v)
		}
	}
	return n
}

// nowhere answers what is no page. The address of an action is left behind where its form was refused: it leads to the page that the
// form was on.
func (s *console) nowhere(ctx context.Context, c *call) (reply, error) {
	if c.request.Method == http.MethodGet && s.takes(http.MethodPost, c.request.URL.Path) {
		page := path.Dir(c.request.URL.Path)
		for !s.takes(http.MethodGet, page) {
			page = path.Dir(page)
		}
		return reply{to: page}, nil
	}
	return reply{}, &refusal{Status: http.StatusNotFound, Message: "There is no such page. The pages are on the left; an address may have lost its end when it was copied."}
}

// takes reports whether there is a route for a method and a path.
func (s *console) takes(method, path string) bool {
	_, pattern := s.mux.Handler(&http.Request{Method: method, URL: &url.URL{Path: path}})
	return strings.HasPrefix(pattern, method+" ")
}

// log writes the one line of the request.
func (c *call) log(status, size int, err error) {
	level := slog.LevelDebug // live pages ask every few seconds
	switch {
	case status >= 500 && c.request.Context().Err() == nil: // a client that hung up is no error of ours
		level = slog.LevelError
	case c.request.Method == http.MethodPost, status >= 400:
		level = slog.LevelInfo
	}
	list := []slog.Attr{
		slog.String("method", c.request.Method), slog.String("route", Base+c.route.path), slog.Int("status", status),
		slog.Float64("duration_ms", float64(c.Now().Sub(c.began).Microseconds())/1000), slog.String("request_id", c.id),
		slog.String("project", c.session.key.Project), slog.String("key_uid", c.session.key.UID), slog.Int("bytes", size),
	}
	if err != nil {
		list = append(list, slog.String("error", err.Error()))
	}
	c.Logger.LogAttrs(c.request.Context(), level, "console", list...)
}
