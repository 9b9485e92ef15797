package awslambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"hermod/shared/awsdynamo"
	"hermod/shared/awslambda"
	"hermod/shared/delivery"
)

var update = flag.Bool("update", false, "write the golden files anew")

// eventFolder has the events as Lambda sends them.
const eventFolder = "../../infra/events"

// exchange is what a golden file has: what the event became, and the answer to it.
type exchange struct {
	Event  any             `json:"event"`
	Answer json.RawMessage `json:"answer"`
}

// kinds says by the beginning of an event's name what it is: how it is handled, and the shapes that aws-lambda-go gives it and
// its answer.
var kinds = []struct {
	prefix        string
	handle        func(t *testing.T, event []byte) exchange
	event, answer any
}{
	{"http-", exchangeHTTP, &events.APIGatewayV2HTTPRequest{}, &events.APIGatewayV2HTTPResponse{}},
	{"sqs-", exchangeBatch, &events.SQSEvent{}, &events.SQSEventResponse{}},
	{"stream", exchangeStream, &events.DynamoDBEvent{}, &events.DynamoDBEventResponse{}},
	{"schedule", exchangeSchedule, &events.EventBridgeEvent{}, new(any)},
}

func TestEvents(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(eventFolder, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s has no events: %v", eventFolder, err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		t.Run(name, func(t *testing.T) {
			event := readFile(t, path)
			for _, k := range kinds {
				if strings.HasPrefix(name, k.prefix) {
					decodeStrictly(t, "the event", event, k.event)
					got := k.handle(t, event)
					decodeStrictly(t, "the answer", got.Answer, k.answer)
					compareGolden(t, name, got)
					return
				}
			}
			t.Error("no kind of event has a name like this")
		})
	}
}

// decodeStrictly reads JSON into a type that has to know all of its fields.
func decodeStrictly(t *testing.T, what string, doc []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(doc))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Errorf("%s is no %T: %v", what, into, err)
	}
}

func compareGolden(t *testing.T, name string, got exchange) {
	t.Helper()
	text := indented(t, got)
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Log(text)
	if diff := cmp.Diff(string(readFile(t, path)), text); diff != "" {
		t.Errorf("%s (-golden +got):\n%s", name, diff)
	}
}

func indented(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// request is a request as the handler got it.
type request struct {
	Method     string      `json:"method"`
	URL        string      `json:"url"`
	Path       string      `json:"path"`
	Host       string      `json:"host"`
	RemoteAddr string      `json:"remote_addr"`
	Header     http.Header `json:"header"`
	Length     int64       `json:"length"`
	Body       string      `json:"body"` // as a Go literal
}

// exchangeHTTP has a request answered with two cookies, a header of two values and a body that is the first 8 bytes of its own.
func exchangeHTTP(t *testing.T, event []byte) exchange {
	var got request
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = request{
			Method: r.Method, URL: r.URL.String(), Path: r.URL.Path, Host: r.Host, RemoteAddr: r.RemoteAddr, Header: r.Header, Length: r.ContentLength,
			Body: fmt.Sprintf("%q", body),
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "43", Secure: true, HttpOnly: true, Expires: time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)})
		http.SetCookie(w, &http.Cookie{Name: "theme", Value: "light"})
		w.Header().Add("Vary", "Accept")
		w.Header().Add("Vary", "Origin")
		w.Header().Set("Content-Length", "8")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusAccepted)
		w.Write(body[:min(8, len(body))])
	})
	answer, err := awslambda.HTTP(h).Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	return exchange{got, answer}
}

// message is a message as the handler got it.
type message struct {
	Lane     delivery.Lane `json:"lane"`
	Handle   string        `json:"handle"`
	Group    string        `json:"group"`
	Receives int           `json:"receives"`
	SentAt   time.Time     `json:"sent_at"`
	Body     string        `json:"body"`
	Hidden   string        `json:"hidden,omitempty"` // for how long, if it was not acknowledged
}

// exchangeBatch acknowledges what was received once, refuses what is to be buried, and hands all else back.
func exchangeBatch(t *testing.T, event []byte) exchange {
	q := &hidingQueue{}
	b := awslambda.Batch{Queue: q, Lane: laneOf, Handle: func(_ context.Context, r delivery.Receipt) delivery.Verdict {
		m, err := delivery.ParseMessage(r.Body)
		switch {
		case err != nil:
			t.Errorf("the body of message %s: %v", r.Handle, err)
		case m.Cause == delivery.CauseBury:
			return delivery.Refused()
		case r.Receives > 1:
			return delivery.HandedBack(r.Receives)
		}
		return delivery.Acknowledged()
	}}
	b.Handle = q.note(b.Handle)
	answer, err := b.Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	var got []message
	for _, r := range q.received {
		m := message{Lane: r.Lane, Handle: r.Handle, Group: r.Group, Receives: r.Receives, SentAt: r.SentAt, Body: string(r.Body)}
		if d, ok := q.hidden[r.Handle]; ok {
			m.Hidden = d.String()
		}
		got = append(got, m)
	}
	slices.SortFunc(got, func(a, b message) int { return strings.Compare(a.Handle, b.Handle) })
	return exchange{got, answer}
}

// exchangeStream lets the second image come again.
func exchangeStream(t *testing.T, event []byte) exchange {
	var got []json.RawMessage
	s := awslambda.Stream{Handle: func(_ context.Context, images []json.RawMessage) []error {
		got = images
		errs := make([]error, len(images))
		errs[1] = io.ErrUnexpectedEOF
		return errs
	}}
	answer, err := s.Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range got {
		if _, err := awsdynamo.DecodeImage(image); err != nil {
			t.Errorf("image %s: %v", image, err)
		}
	}
	return exchange{got, answer}
}

func exchangeSchedule(t *testing.T, event []byte) exchange {
	runs := 0
	answer, err := awslambda.Schedule(func(context.Context) error { runs++; return nil }).Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	return exchange{map[string]int{"runs": runs}, answer}
}
