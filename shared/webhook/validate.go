package webhook

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"hermod/shared/job"
)

// FieldError says which field of a webhook cannot be as it is, and what it should be.
type FieldError struct{ Field, Message string }

func (e *FieldError) Error() string { return e.Field + ": " + e.Message }

func invalid(field, format string, args ...any) error {
	return &FieldError{Field: field, Message: fmt.Sprintf(format, args...)}
}

// Validate judges everything about a webhook but the values of its headers and its schedule. Errors: *FieldError.
func (w Webhook) Validate(r Rules) error {
	if err := r.CheckURL(w.URL); err != nil {
		return invalid("url", "%v", err)
	}
	if len(w.Events) == 0 {
		return invalid("events", "a webhook takes at least one event type: %s", list(job.EventTypes))
	}
	for i, e := range w.Events {
		if !e.Known() {
			return invalid("events", "%q is no event type; there are %s", string(e), list(job.EventTypes))
		}
		if slices.Contains(w.Events[:i], e) {
			return invalid("events", "%q is there twice", string(e))
		}
	}
	if err := checkSchemes(w.SignedBy()); err != nil {
		return err
	}
	switch {
	case !slices.Contains(job.Formats, w.Payload):
		return invalid("payload", "%q is no payload format; there are %s", string(w.Payload), list(job.Formats))
	case w.Workflow != "" && w.Job != "":
		return invalid("job_uid", "a webhook is for one job, for one workflow or, with neither, for the whole project: give one of job_uid and workflow_uid")
	case w.Timeout != 0 && (w.Timeout < time.Second || w.Timeout > MaxTimeout):
		return invalid("timeout_seconds", "must be from 1 to 20")
	case w.MaxRate < 0 || w.MaxRate > 1000:
		return invalid("max_rate", "must be from 1 to 1,000 deliveries a second, or null for no limit")
	case len(w.Headers) > MaxHeaders:
		return invalid("headers", "there are %d; a webhook has at most %d", len(w.Headers), MaxHeaders)
	}
	if err := checkText("name", w.Name, MaxName); err != nil {
		return err
	}
	if err := checkText("description", w.Description, MaxDescription); err != nil {
		return err
	}
	return checkNames(w.Headers)
}

func checkSchemes(schemes []Scheme) error {
	if len(schemes) == 0 {
		return invalid("signatures", "a webhook is signed under at least one scheme: %s", list(Schemes))
	}
	for i, s := range schemes {
		if !slices.Contains(Schemes, s) {
			return invalid("signatures", "%q is no scheme; there are %s", string(s), list(Schemes))
		}
		if slices.Contains(schemes[:i], s) {
			return invalid("signatures", "%q is there twice", string(s))
		}
	}
	return nil
}

func checkText(field, s string, limit int) error {
	switch {
	case len(s) > limit:
		return invalid(field, "has %d bytes; at most %d are allowed (a character may have several)", len(s), limit)
	case !utf8.ValidString(s):
		return invalid(field, "must be UTF-8")
	}
	return nil
}

// reserved are header names that belong to HTTP, to the signature or to us. One that ends in "-" reserves a prefix.
var reserved = []string{
	"host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "keep-alive", "proxy-", "expect",
	"user-agent", "webhook-", "hermod-", "x-amz-", "x-amzn-",
}

func checkNames(headers []Header) error {
	seen := map[string]bool{}
	for _, h := range headers {
		name := strings.ToLower(h.Name)
		if !isToken(name) {
			return invalid("headers", "%.80q is no header name: use letters, digits and !#$%%&'*+-.^_`|~, at most 128 of them", h.Name)
		}
		for _, r := range reserved {
			if name == r || strings.HasSuffix(r, "-") && strings.HasPrefix(name, r) {
				return invalid("headers", "%s is reserved and cannot be set by a webhook, as are %s; a - at the end stands for all names that begin so", h.Name, list(reserved))
			}
		}
		if seen[name] {
			return invalid("headers", "%s is there twice; names do not differ by case", h.Name)
		}
		seen[name] = true
	}
	return nil
}

// CheckHeaderValue judges the value of one header before it is sealed. Errors: *FieldError.
func CheckHeaderValue(name, value string) error {
	if len(value) > MaxHeaderValue {
		return invalid("headers", "the value of %s has %d bytes; at most %d are allowed", name, len(value), MaxHeaderValue)
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return invalid("headers", "the value of %s contains a control character (line breaks included), which no header may", name)
		}
	}
	return nil
}

// isToken is RFC 9110, section 5.6.2.
func isToken(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return true
}

func list[T ~string](items []T) string {
	var b strings.Builder
	for i, s := range items {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(s))
	}
	return b.String()
}
