package demo

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// maxForm is how long a form that says how to behave may be, in bytes.
const maxForm = 4 << 10

// behavior is how one path of the receiver answers.
type behavior struct {
	Status    int           // of every answer
	Delay     time.Duration // before it
	FailFirst int           // so many more requests get 503 before Status counts
	Hang      bool          // no answer until the caller gives up
}

// good is how a path behaves that nobody said anything about.
var good = behavior{Status: http.StatusNoContent}

// unsaid is what a field that is empty in a form stands for.
var unsaid = map[string]string{"status": strconv.Itoa(good.Status), "delay": "0s", "fail_first": "0", "hang": "false"}

// errNoForm is answered to a body that would be passed over.
var errNoForm = errors.New("the body is no form; say status, delay, fail_first and hang in the query, or as application/x-www-form-urlencoded")

// parseBehavior takes status, delay (500ms, 3s), fail_first and hang=true from the query and from a form. What is not said is as it is
// by default.
func parseBehavior(w http.ResponseWriter, req *http.Request) (behavior, error) {
	b := good
	form, err := readForm(w, req)
	if err != nil {
		return b, err
	}
	query, err := url.ParseQuery(req.URL.RawQuery)
	if err != nil {
		return b, fmt.Errorf("the query cannot be read: %w", err)
	}
	for key := range form {
		value := form.Get(key)
		if value == "" {
			value = unsaid[key]
		}
		if err := b.set(key, value); err != nil {
			return b, err
		}
	}
	for key := range query {
		if err := b.set(key, query.Get(key)); err != nil {
			return b, err
		}
	}
	return b, nil
}

// readForm returns the form in the body, nil if there is no body.
func readForm(w http.ResponseWriter, req *http.Request) (url.Values, error) {
	if req.Body == nil || req.ContentLength == 0 {
		return nil, nil
	}
	if kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, errNoForm
	}
	req.Body = http.MaxBytesReader(w, req.Body, maxForm)
	if err := req.ParseForm(); err != nil {
		return nil, fmt.Errorf("the form cannot be read: %w", err)
	}
	return req.PostForm, nil
}

func (b *behavior) set(key, v string) (err error) {
	switch key {
	case "status":
		if b.Status, err = strconv.Atoi(v); err != nil || b.Status < 200 || b.Status > 599 {
			return fmt.Errorf("status is %q; it must be a number from 200 to 599", v)
		}
	case "delay":
		if b.Delay, err = time.ParseDuration(v); err != nil || b.Delay < 0 {
			return fmt.Errorf("delay is %q; it must be a time such as 500ms or 3s", v)
		}
	case "fail_first":
		if b.FailFirst, err = strconv.Atoi(v); err != nil || b.FailFirst < 0 {
			return fmt.Errorf("fail_first is %q; it must be a number of requests", v)
		}
	case "hang":
		if b.Hang, err = strconv.ParseBool(v); err != nil {
			return fmt.Errorf("hang is %q; it must be true or false", v)
		}
	default:
		return fmt.Errorf("%q is no behavior; there are status, delay, fail_first and hang", key)
	}
	return nil
}
