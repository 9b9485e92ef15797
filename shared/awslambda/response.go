package awslambda

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"unicode/utf8"
)

// maxAnswer is how many bytes of JSON Lambda takes for an answer: 6 MB, and 100 for its own. The runtime would end the process
// over a longer one.
const maxAnswer = 6<<20 + 100

// response keeps what a handler answers, as net/http's own server would send it.
type response struct {
	method string
	header http.Header
	sent   http.Header // header as it was when the status was written
	status int         // 0: not written yet
	body   bytes.Buffer
}

func newResponse(method string) *response { return &response{method: method, header: http.Header{}} }

// Header returns the headers of the answer. What is changed in them after the status was written is not sent.
func (w *response) Header() http.Header { return w.header }

// WriteHeader sets the status. The first one counts.
func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status, w.sent = status, w.header.Clone()
	}
}

// Write adds to the body.
func (w *response) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	switch {
	case w.status == http.StatusNoContent || w.status == http.StatusNotModified:
		return 0, http.ErrBodyNotAllowed
	case w.method == http.MethodHead:
		return len(p), nil
	}
	return w.body.Write(p)
}

// responseEvent is a response in payload format 2.0.
type responseEvent struct {
	StatusCode      int               `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Cookies         []string          `json:"cookies,omitempty"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

// encode returns the answer for the gateway.
func (w *response) encode() ([]byte, error) {
	w.WriteHeader(http.StatusOK)
	body := w.body.Bytes()
	encoded := w.sent.Get("Content-Encoding") != ""
	if len(body) > 0 && !encoded && w.sent.Get("Content-Type") == "" {
		w.sent.Set("Content-Type", http.DetectContentType(body))
	}
	e := responseEvent{StatusCode: w.status, Headers: map[string]string{}, Cookies: w.sent.Values("Set-Cookie"), Body: string(body)}
	for name, values := range w.sent {
		e.Headers[name] = strings.Join(values, ", ")
	}
	delete(e.Headers, "Set-Cookie")
	delete(e.Headers, "Content-Length") // the gateway tells it, of what it sends
	if encoded || !utf8.Valid(body) {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(e)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
