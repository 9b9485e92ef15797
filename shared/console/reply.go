package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// reply is what a handler answers: a page or, with to, where the browser goes on.
type reply struct {
	page   string // name of the template
	title  string
	data   any
	status int // 0: 200, or the problem's
	to     string
}

// goTo sends the browser on, after a POST, to a path below Base, whose page says what was done: a word of the table sentences, or empty.
func goTo(path, done string) (reply, error) {
	switch {
	case done == "":
	case strings.Contains(path, "?"):
		path += "&done=" + done
	default:
		path += "?done=" + done
	}
	return reply{to: Base + path}, nil
}

// signedOut leads to the page to sign in, and from there back to where one wanted to go. A browser that comes from another site by a
// link sends no cookie of SameSite=Strict: it is told to ask once more, from here.
func (c *call) signedOut() reply {
	r := c.request
	if r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return reply{page: "again", title: "One moment", data: r.URL.RequestURI()}
	}
	to := Base
	if r.Method == http.MethodGet && len(url.QueryEscape(r.URL.RequestURI())) < maxURI/2 {
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

// write sends a reply. Errors: of a page that could not be rendered, in whose place a line is sent.
func (c *call) write(out reply) (status, size int, err error) {
	if out.to != "" {
		http.Redirect(c.writer, c.request, out.to, http.StatusSeeOther)
		return http.StatusSeeOther, 0, nil
	}
	body, err := c.render(out)
	switch {
	case err != nil:
		err = fmt.Errorf("render the page %s: %w", out.page, err)
		status, body = http.StatusInternalServerError, []byte("This page cannot be shown: "+c.id)
	case out.status != 0:
		status = out.status
	case c.problem != nil:
		status = c.problem.Status
	default:
		status = http.StatusOK
	}
	c.writer.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.writer.WriteHeader(status)
	c.writer.Write(body) // a client that hung up reads no more
	return status, len(body), err
}
