package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"hermod/shared/access"
)

// keyLooks is how one tells an API key from other texts.
const keyLooks = "begins with hmd_ and has 47 characters."

// signInView is what the page to sign in shows.
type signInView struct {
	To     string
	Lost   bool // the browser did not keep the cookie
	Secure bool // it is one that keeps Secure cookies, as far as the address tells
}

func (s *console) signInPage(ctx context.Context, c *call) (reply, error) {
	query := c.request.URL.Query()
	if c.form != nil {
		query = c.form
	}
	if _, err := s.openSession(ctx, c.request); err == nil && c.form == nil {
		return reply{to: within(query.Get("to"))}, nil
	}
	view := signInView{To: within(query.Get("to")), Lost: query.Get("signed") != "", Secure: c.secure()}
	return reply{page: "signin", title: "Sign in", data: view}, nil
}

// secure reports whether the page came over https or from this machine, where browsers keep Secure cookies too.
func (c *call) secure() bool {
	host := c.request.Host
	return c.encrypted() || strings.HasPrefix(host, "127.0.0.1:") || strings.HasPrefix(host, "localhost:") || strings.HasPrefix(host, "[::1]:")
}

// signIn seals the key into a session. The page that follows knows whether the browser kept it.
func (s *console) signIn(ctx context.Context, c *call) (reply, error) {
	token := strings.TrimSpace(c.form.Get("key"))
	key, err := s.Access.Check(ctx, token)
	switch {
	case token == "":
		return reply{}, &refusal{Status: http.StatusBadRequest, Message: "Paste an API key: it " + keyLooks}
	case errors.Is(err, access.ErrNoKey):
		return reply{}, &refusal{Status: http.StatusForbidden, Message: "There is no such API key, or it has expired or been deleted. A key " + keyLooks}
	case err != nil:
		return reply{}, err
	case !key.May(access.Read):
		return reply{}, &refusal{Status: http.StatusForbidden, Message: "This API key has no scope read, so it could see nothing here. Sign in with one that has."}
	}
	c.session = session{Token: token, Until: s.Now().Add(sessionTime), key: key}
	workspace, err := get[struct {
		Name string `json:"name"`
	}](ctx, c, "/workspace", nil)
	if err != nil {
		return reply{}, err
	}
	c.session.Project = workspace.Name
	if err := s.setSession(ctx, c.writer, c.session); err != nil {
		return reply{}, err
	}
	return reply{to: Base + "/sign-in?signed=1&to=" + url.QueryEscape(within(c.form.Get("to")))}, nil
}

func (s *console) signOut(ctx context.Context, c *call) (reply, error) {
	endSession(c.writer)
	return reply{to: Base + "/sign-in"}, nil
}
