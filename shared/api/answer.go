package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

const typeJSON = "application/json"

// answer is what goes back to the client.
type answer struct {
	status int
	header map[string]string
	body   []byte
	again  []byte // what is given again in place of the body; nil: the body
	label  label  // of an error
	err    error  // what the log says of an error
}

// none is the response of a handler that has nothing to say: 204.
type none struct{}

// repeated is a response that is not given again as it was, but as again says.
type repeated interface{ again() any }

// document is a response that is no JSON.
type document struct {
	kind string // media type
	body []byte
}

// encode returns a response as it is sent: null for what is unknown, nothing escaped that JSON does not ask for.
func encode(status int, response any) (answer, error) {
	switch r := response.(type) {
	case none:
		return answer{status: status, header: map[string]string{}}, nil
	case document:
		return answer{status: status, header: map[string]string{"Content-Type": r.kind}, body: r.body}, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(response); err != nil {
		return answer{}, fmt.Errorf("encode response: %w", err)
	}
	out := answer{status: status, header: map[string]string{"Content-Type": typeJSON}, body: b.Bytes()}
	if r, ok := response.(repeated); ok {
		again, err := encode(status, r.again())
		if err != nil {
			return answer{}, err
		}
		out.again = again.body
	}
	return out, nil
}

// write sends the answer. Answers may hold secrets, so nothing on the way may keep one.
func (out answer) write(w http.ResponseWriter, id string) {
	h := w.Header()
	for name, value := range out.header {
		h.Set(name, value)
	}
	h.Set("X-Request-Id", id)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if out.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(out.body)))
	}
	w.WriteHeader(out.status)
	w.Write(out.body) // a client that went away is no error of ours
}
