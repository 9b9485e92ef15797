package console

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// messageShown is how much of a refusal's message a page shows, in bytes of HTML: it may repeat what a client has typed.
const messageShown = 2000

// refusal is what the API answers instead of what was asked for.
type refusal struct {
	Label   string         `json:"error_label"`
	Message string         `json:"message"`
	Ref     string         `json:"error_ref"`
	Status  int            `json:"status_code"`
	Params  map[string]any `json:"params"`
}

// Error leaves the message out: it may repeat what was typed, such as a key in the wrong field, and errors go into the log.
func (r *refusal) Error() string {
	return fmt.Sprintf("refused with %d %s", r.Status, cmp.Or(r.Label, "by the console"))
}

// refused reports whether err is a refusal with one of the statuses; with any, if none is given.
func refused(err error, statuses ...int) (*refusal, bool) {
	var r *refusal
	if !errors.As(err, &r) {
		return nil, false
	}
	for _, s := range statuses {
		if r.Status == s {
			return r, true
		}
	}
	return r, len(statuses) == 0
}

// get reads what the API answers to a GET of a path below /v3.
func get[T any](ctx context.Context, c *call, path string, query url.Values) (T, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return send[T](ctx, c, http.MethodGet, path, nil)
}

// post sends a body as JSON; nil is none. A form that is sent twice is carried out once: it has an Idempotency-Key.
func post[T any](ctx context.Context, c *call, path string, body any) (T, error) {
	return send[T](ctx, c, http.MethodPost, path, body)
}

// nothing is an answer that is not read.
type nothing struct{}

// send makes a request of the API with the key of the session. Errors: *refusal for every answer that is no success.
func send[T any](ctx context.Context, c *call, method, path string, body any) (answer T, err error) {
	w, err := c.ask(ctx, method, path, body)
	if err != nil {
		return answer, err
	}
	if w.status >= 300 {
		r := &refusal{Status: w.status}
		if err := json.Unmarshal(w.body.Bytes(), r); err != nil {
			return answer, fmt.Errorf("%s %s: answer %d: %w", method, withoutQuery(path), w.status, err)
		}
		r.Message = cut(r.Message, messageShown)
		return answer, r
	}
	if w.body.Len() == 0 {
		return answer, nil
	}
	if _, unread := any(answer).(nothing); unread {
		return answer, nil
	}
	if err := json.Unmarshal(w.body.Bytes(), &answer); err != nil {
		return answer, fmt.Errorf("%s %s: %w", method, withoutQuery(path), err)
	}
	return answer, nil
}

// withoutQuery is a path as an error may tell it.
func withoutQuery(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path
}

func (c *call) ask(ctx context.Context, method, path string, body any) (*recorder, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("%s %s: %w", method, withoutQuery(path), err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, "/v3"+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-API-Key", c.session.Token)
	r.Header.Set("Apigw-Requestid", c.id)
	if len(text) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	if once := c.form.Get("once"); once != "" && method == http.MethodPost {
		r.Header.Set("Idempotency-Key", once)
	}
	return answerOf(c.API, r), nil
}

// answerOf has a handler of this process answer a request.
func answerOf(h http.Handler, r *http.Request) *recorder {
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	h.ServeHTTP(w, r)
	return w
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header         { return w.header }
func (w *recorder) WriteHeader(status int)      { w.status = status }
func (w *recorder) Write(p []byte) (int, error) { return w.body.Write(p) }

// list is a page of a list.
type list[T any] struct {
	Results []T `json:"results"`
	Paging  struct {
		Next         *string `json:"next"`
		HaveNextPage bool    `json:"have_next_page"`
	} `json:"paging"`
}

// firstOf returns the first of a list; nil if there is none.
func firstOf[T any](all []T) *T {
	if len(all) == 0 {
		return nil
	}
	return &all[0]
}

// cursor is the place of the next page; empty on the last.
func (l list[T]) cursor() string {
	if l.Paging.Next == nil {
		return ""
	}
	next, err := url.Parse(*l.Paging.Next)
	if err != nil {
		return ""
	}
	return next.Query().Get("cursor")
}
