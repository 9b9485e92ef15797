package gateway

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// answer is what a function returns.
type answer struct {
	StatusCode      *int              `json:"statusCode"`
	Headers         map[string]string `json:"headers"`
	Cookies         []string          `json:"cookies"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

// connection are the headers that belong to a connection: those of the client's are the gateway's own.
var connection = []string{"Connection", "Content-Length", "Keep-Alive", "Transfer-Encoding", "Upgrade"}

// write sends what a function returned, and says how long the body is. What cannot be sent is an error, and then nothing was.
func write(w http.ResponseWriter, raw []byte) (int, error) {
	a, err := parse(raw)
	if err != nil {
		return 0, err
	}
	body := []byte(a.Body)
	if a.IsBase64Encoded {
		if body, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			return 0, fmt.Errorf("the function's body is no base64: %w", err)
		}
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain;charset=UTF-8")
	for name, value := range a.Headers {
		if name = http.CanonicalHeaderKey(name); !slices.Contains(connection, name) {
			h.Set(name, value)
		}
	}
	for _, c := range a.Cookies {
		h.Add("Set-Cookie", c)
	}
	w.WriteHeader(*a.StatusCode)
	w.Write(body)
	return len(body), nil
}

// parse reads a function's answer. JSON without statusCode is itself the body of a 200.
func parse(raw []byte) (answer, error) {
	if !json.Valid(raw) {
		return answer{}, errors.New("the function's answer is no JSON")
	}
	var a answer
	err := json.Unmarshal(raw, &a)
	if a.StatusCode == nil {
		ok := http.StatusOK
		return answer{StatusCode: &ok, Headers: map[string]string{"Content-Type": "application/json"}, Body: string(raw)}, nil
	}
	if err != nil {
		return answer{}, fmt.Errorf("the function's answer: %w", err)
	}
	if *a.StatusCode < 200 || *a.StatusCode > 599 {
		return answer{}, fmt.Errorf("the function's answer has the status %d", *a.StatusCode)
	}
	return a, nil
}
