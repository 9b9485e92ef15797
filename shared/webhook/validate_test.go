package webhook_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"hermod/shared/job"
	"hermod/shared/webhook"
)

func valid() webhook.Webhook {
	return webhook.Webhook{UID: "w", Project: "p", URL: "https://example.com/hook", Events: []job.EventType{job.EventFailed}, Payload: job.FormatV3}
}

func ExampleWebhook_Validate() {
	w := webhook.Webhook{URL: "https://example.com/hook", Events: []job.EventType{"done"}, Payload: job.FormatV3}
	err := w.Validate(webhook.Rules{})
	var field *webhook.FieldError
	fmt.Println(errors.As(err, &field), field.Field)
	fmt.Println(field.Message)
	// Output:
	// true events
	// "done" is no event type; there are created, succeeded, failed, requested, paused, stopped
}

func headers(names ...string) []webhook.Header {
	var list []webhook.Header
	for _, name := range names {
		list = append(list, webhook.Header{Name: name})
	}
	return list
}

func numbered(n int) []webhook.Header {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("x-h%d", i))
	}
	return headers(names...)
}

func TestAWebhookAtItsLimitsIsValid(t *testing.T) {
	tests := map[string]func(w *webhook.Webhook){
		"as few fields as there may be": func(*webhook.Webhook) {},
		"every event type":              func(w *webhook.Webhook) { w.Events = job.EventTypes },
		"payload standard":              func(w *webhook.Webhook) { w.Payload = job.FormatStandard },
		"signed under v1":               func(w *webhook.Webhook) { w.Signatures = v1 },
		"signed under v1a":              func(w *webhook.Webhook) { w.Signatures = v1a },
		"signed under both":             func(w *webhook.Webhook) { w.Signatures = mixed },
		"for one workflow":              func(w *webhook.Webhook) { w.Workflow = "f" },
		"for one job":                   func(w *webhook.Webhook) { w.Job = "j" },
		"a second to answer":            func(w *webhook.Webhook) { w.Timeout = time.Second },
		"twenty seconds to answer":      func(w *webhook.Webhook) { w.Timeout = 20 * time.Second },
		"one delivery a second":         func(w *webhook.Webhook) { w.MaxRate = 1 },
		"1,000 deliveries a second":     func(w *webhook.Webhook) { w.MaxRate = 1000 },
		"as many headers as there are":  func(w *webhook.Webhook) { w.Headers = numbered(webhook.MaxHeaders) },
		"a longest header name":         func(w *webhook.Webhook) { w.Headers = headers(strings.Repeat("x", 128)) },
		"every character of a token":    func(w *webhook.Webhook) { w.Headers = headers("Az09!#$%&'*+-.^_`|~") },
		"names that begin as reserved": func(w *webhook.Webhook) {
			w.Headers = headers("Te-X", "Hosts", "Proxy", "Hermod", "Webhook", "X-Amz", "Expected")
		},
		"content-type and authorization": func(w *webhook.Webhook) {
			w.Headers = headers("Content-Type", "Authorization", "Cookie", "Accept", "X-Api-Key")
		},
		"a longest name":        func(w *webhook.Webhook) { w.Name = strings.Repeat("é", webhook.MaxName/2) },
		"a longest description": func(w *webhook.Webhook) { w.Description = strings.Repeat("x", webhook.MaxDescription) },
		"a longest URL": func(w *webhook.Webhook) {
			w.URL = "https://example.com/" + strings.Repeat("x", webhook.MaxURL-len("https://example.com/"))
		},
		"disabled": func(w *webhook.Webhook) { w.Reason = webhook.DisabledByUser },
	}
	for name, change := range tests {
		w := valid()
		change(&w)
		if err := w.Validate(webhook.Rules{}); err != nil {
			t.Errorf("%s: Validate = %v, want nil", name, err)
		}
	}
}

func TestWhatAWebhookCannotBeIsRefusedByField(t *testing.T) {
	tests := []struct {
		name   string
		field  string
		change func(w *webhook.Webhook)
	}{
		{"no URL", "url", func(w *webhook.Webhook) { w.URL = "" }},
		{"a relative URL", "url", func(w *webhook.Webhook) { w.URL = "/hook" }},
		{"http, where the installation does not allow it", "url", func(w *webhook.Webhook) { w.URL = "http://example.com/" }},
		{"a user in the URL", "url", func(w *webhook.Webhook) { w.URL = "https://user:pass@example.com/" }},
		{"a private address", "url", func(w *webhook.Webhook) { w.URL = "https://10.0.0.7/" }},
		{"an address as one odd numeral", "url", func(w *webhook.Webhook) { w.URL = "https://0x7f000001/" }},
		{"localhost", "url", func(w *webhook.Webhook) { w.URL = "https://localhost/" }},
		{"a forbidden port", "url", func(w *webhook.Webhook) { w.URL = "https://example.com:22/" }},
		{"a URL too long", "url", func(w *webhook.Webhook) { w.URL = "https://example.com/" + strings.Repeat("x", webhook.MaxURL) }},
		{"no events", "events", func(w *webhook.Webhook) { w.Events = nil }},
		{"an empty list of events", "events", func(w *webhook.Webhook) { w.Events = []job.EventType{} }},
		{"an unknown event", "events", func(w *webhook.Webhook) { w.Events = []job.EventType{job.EventFailed, "done"} }},
		{"an event with its subject", "events", func(w *webhook.Webhook) { w.Events = []job.EventType{"job.failed"} }},
		{"an event twice", "events", func(w *webhook.Webhook) {
			w.Events = []job.EventType{job.EventFailed, job.EventStopped, job.EventFailed}
		}},
		{"no payload format", "payload", func(w *webhook.Webhook) { w.Payload = "" }},
		{"an unknown payload format", "payload", func(w *webhook.Webhook) { w.Payload = "v4" }},
		{"signed under nothing", "signatures", func(w *webhook.Webhook) { w.Signatures = []webhook.Scheme{} }},
		{"signed under what does not exist", "signatures", func(w *webhook.Webhook) { w.Signatures = []webhook.Scheme{"v1", "v2"} }},
		{"signed under a scheme twice", "signatures", func(w *webhook.Webhook) { w.Signatures = []webhook.Scheme{"v1a", "v1a"} }},
		{"for a job and a workflow", "job_uid", func(w *webhook.Webhook) { w.Workflow, w.Job = "f", "j" }},
		{"less than a second to answer", "timeout_seconds", func(w *webhook.Webhook) { w.Timeout = time.Second - 1 }},
		{"more than twenty seconds to answer", "timeout_seconds", func(w *webhook.Webhook) { w.Timeout = 20*time.Second + 1 }},
		{"a negative time to answer", "timeout_seconds", func(w *webhook.Webhook) { w.Timeout = -time.Second }},
		{"a negative rate", "max_rate", func(w *webhook.Webhook) { w.MaxRate = -1 }},
		{"more than 1,000 deliveries a second", "max_rate", func(w *webhook.Webhook) { w.MaxRate = 1001 }},
		{"a header too many", "headers", func(w *webhook.Webhook) { w.Headers = numbered(webhook.MaxHeaders + 1) }},
		{"a header twice", "headers", func(w *webhook.Webhook) { w.Headers = headers("X-A", "X-B", "x-a") }},
		{"a name too long", "name", func(w *webhook.Webhook) { w.Name = strings.Repeat("x", webhook.MaxName+1) }},
		{"a name that is no UTF-8", "name", func(w *webhook.Webhook) { w.Name = "\xff" }},
		{"a description too long", "description", func(w *webhook.Webhook) { w.Description = strings.Repeat("x", webhook.MaxDescription+1) }},
		{"a description that is no UTF-8", "description", func(w *webhook.Webhook) { w.Description = "\xff" }},
	}
	for _, test := range tests {
		w := valid()
		test.change(&w)
		wantField(t, test.name, w.Validate(webhook.Rules{}), test.field)
	}
}

func TestHeaderNamesThatAreNotFreeAreRefused(t *testing.T) {
	reserved := []string{
		"Host", "Connection", "Content-Length", "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "proxy-x",
		"Expect", "User-Agent", "webhook-id", "Webhook-Timestamp", "WEBHOOK-SIGNATURE", "webhook-x", "hermod-event", "Hermod-X", "X-Amz-Date", "x-amzn-trace-id",
	}
	noToken := []string{"", " ", "x y", "x:y", "x\r\ny", "x\x00", "é", "x(", "x@y", `"x"`, "x/y", "x\x7f", strings.Repeat("x", 129)}
	for _, name := range append(reserved, noToken...) {
		w := valid()
		w.Headers = headers("X-Fine", name)
		wantField(t, fmt.Sprintf("header %q", name), w.Validate(webhook.Rules{}), "headers")
	}
}

func TestARefusalNamesWhatWouldBeRight(t *testing.T) {
	tests := []struct {
		change func(w *webhook.Webhook)
		want   string
	}{
		{func(w *webhook.Webhook) { w.Name = strings.Repeat("é", 200) }, "name: has 400 bytes; at most 256 are allowed"},
		{func(w *webhook.Webhook) { w.Headers = headers("Webhook-Id") }, "headers: Webhook-Id is reserved and cannot be set by a webhook, as are host, connection,"},
		{func(w *webhook.Webhook) { w.Headers = headers("Host") }, "proxy-, expect, user-agent, webhook-, hermod-, x-amz-, x-amzn-; a - at the end stands for"},
	}
	for _, test := range tests {
		w := valid()
		test.change(&w)
		if err := w.Validate(webhook.Rules{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Validate = %v, want %q", err, test.want)
		}
	}
}

func TestHeaderValuesThatBreakARequestAreRefused(t *testing.T) {
	for _, value := range []string{"", "Bearer abc", "a\tb", "Größe ✓", strings.Repeat("x", webhook.MaxHeaderValue)} {
		if err := webhook.CheckHeaderValue("X-A", value); err != nil {
			t.Errorf("CheckHeaderValue(%.20q) = %v, want nil", value, err)
		}
	}
	for _, value := range []string{"a\r\nX-B: c", "a\n", "\r", "a\x00", "\x1b[0m", "\x7f", strings.Repeat("x", webhook.MaxHeaderValue+1)} {
		wantField(t, fmt.Sprintf("the value %.20q", value), webhook.CheckHeaderValue("X-A", value), "headers")
	}
}

func TestARefusalNeverShowsTheValueOfAHeader(t *testing.T) {
	for _, value := range []string{"hunter2\n", strings.Repeat("hunter2", 1000)} {
		if err := webhook.CheckHeaderValue("X-A", value); strings.Contains(err.Error(), "hunter2") {
			t.Errorf("CheckHeaderValue = %.60q, want the value left out", err)
		}
	}
}

func wantField(t *testing.T, what string, err error, field string) {
	t.Helper()
	var refused *webhook.FieldError
	if !errors.As(err, &refused) || refused.Field != field || refused.Message == "" {
		t.Errorf("%s: refused with %v, want a FieldError of %s", what, err, field)
	}
}
