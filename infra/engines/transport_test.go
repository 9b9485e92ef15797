package engines_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"hermod/infra/engines"
)

// body notes whether it was closed.
type body struct {
	io.Reader
	closed bool
}

func (b *body) Close() error {
	b.closed = true
	return nil
}

func TestTransportSendsABodyOfItsOwn(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		w.Write([]byte(r.Method + " " + r.Header.Get("X-Test") + " " + string(raw)))
	}))
	defer server.Close()
	transport := engines.Transport()
	for _, text := range []string{"", "x", strings.Repeat("long ", 100_000)} {
		b := &body{Reader: strings.NewReader(text)}
		r := httptest.NewRequest("POST", server.URL, b)
		r.Header.Set("X-Test", "kept")
		res, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		res.Body.Close()
		if want := "POST kept " + text; err != nil || string(got) != want || !b.closed {
			t.Errorf("the server got %.40q, %v, body closed: %v; want %.40q, closed", got, err, b.closed, want)
		}
	}
	r := httptest.NewRequest("GET", server.URL, nil)
	if res, err := transport.RoundTrip(r); err != nil || res.StatusCode != 200 {
		t.Errorf("a request without a body = %v, want nil", err)
	}
}

func TestTransportTellsOfABodyThatCannotBeRead(t *testing.T) {
	broken := errors.New("broken")
	r := httptest.NewRequest("POST", "http://127.0.0.1:1", &body{Reader: io.MultiReader(strings.NewReader("x"), iotest.ErrReader(broken))})
	if _, err := engines.Transport().RoundTrip(r); !errors.Is(err, broken) {
		t.Errorf("RoundTrip = %v, want %v", err, broken)
	}
}
