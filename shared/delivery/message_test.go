package delivery_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/delivery"
)

var sentAt = time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)

func ExampleMessage_Parcel() {
	m := delivery.NewMessage(projectUID, someUID, delivery.Place{Cycle: 1, Step: 2}, delivery.CauseSchedule)
	p := m.Parcel(sentAt, 5*time.Second)
	fmt.Println(p.Group, p.Delay)
	fmt.Println(string(p.Body))
	// Output:
	// 0190a5d1-7c00-7abc-8def-fedcba987654 5s
	// {"f":1,"p":"0190a5d1-7c00-7abc-8def-00000000000a","e":"0190a5d1-7c00-7abc-8def-0123456789ab","w":"0190a5d1-7c00-7abc-8def-fedcba987654","c":1,"s":2,"cause":"schedule","sent_at":"2026-03-04T05:06:07.089Z"}
}

func TestAMessageIsReadAsItWasSent(t *testing.T) {
	causes := []delivery.Cause{delivery.CauseSchedule, delivery.CauseManual, delivery.CauseTest, delivery.CauseProbe, delivery.CauseRedrive, delivery.CauseBury}
	for _, cause := range causes {
		m := delivery.NewMessage(projectUID, someUID, delivery.Place{Cycle: 3, Step: 9}, cause)
		m.MaybeDup, m.Parked = true, sentAt.Add(time.Hour)
		got, err := delivery.ParseMessage(m.Parcel(sentAt.Add(999*time.Microsecond).In(time.FixedZone("", 3600)), 0).Body)
		m.SentAt = sentAt
		if diff := cmp.Diff(m, got); err != nil || diff != "" {
			t.Errorf("a message of cause %s is read with %v (-sent +read):\n%s", cause, err, diff)
		}
		if got.UID() != someUID || got.Place() != (delivery.Place{Cycle: 3, Step: 9}) {
			t.Errorf("UID, Place = %v, %v, want those that were sent", got.UID(), got.Place())
		}
	}
}

// body is a message's text with one field changed; a value of nil leaves the field out.
func body(t *testing.T, field string, value any) []byte {
	t.Helper()
	m := map[string]any{"f": 1, "p": projectUID, "e": eventUID, "w": hookUID, "cause": "schedule", "sent_at": sentAt}
	if m[field] = value; value == nil {
		delete(m, field)
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAMessageFromALaterReleaseIsOfAnUnknownFormat(t *testing.T) {
	later := map[string][]byte{
		"the next format":                            body(t, "f", 2),
		"a far format":                               body(t, "f", 1<<40),
		"a cause this release has no word for":       body(t, "cause", "audit"),
		"the next format, a field of another kind":   []byte(`{"f":2,"c":"first","cause":["schedule"]}`),
		"the next format, nothing else that we know": []byte(`{"f":2,"v":{}}`),
	}
	for name, b := range later {
		if m, err := delivery.ParseMessage(b); !errors.Is(err, delivery.ErrFormat) {
			t.Errorf("%s: ParseMessage = %+v, %v, want ErrFormat", name, m, err)
		}
	}
}

func TestWhatIsNoMessageIsMalformed(t *testing.T) {
	bad := map[string][]byte{
		"nothing":               nil,
		"no JSON":               []byte("hello"),
		"an array":              []byte("[]"),
		"an empty object":       []byte("{}"),
		"two objects":           append(body(t, "", nil), "{}"...),
		"cut short":             body(t, "", nil)[:40],
		"no format":             body(t, "f", nil),
		"format 0":              body(t, "f", 0),
		"a negative format":     body(t, "f", -1),
		"no event":              body(t, "e", nil),
		"an event that is none": body(t, "e", "x"),
		"no webhook":            body(t, "w", nil),
		"a webhook that is two": body(t, "w", hookUID+"_"+hookUID),
		"a negative cycle":      body(t, "c", -1),
		"a negative step":       body(t, "s", -1),
		"a step that is a text": body(t, "s", "1"),
		"a time that is none":   body(t, "sent_at", "yesterday"),
	}
	for name, b := range bad {
		if m, err := delivery.ParseMessage(b); !errors.Is(err, delivery.ErrMalformed) || m != (delivery.Message{}) {
			t.Errorf("%s: ParseMessage = %+v, %v, want ErrMalformed", name, m, err)
		}
	}
}

func TestFieldsThatALaterReleaseAddedAreNoObstacle(t *testing.T) {
	if _, err := delivery.ParseMessage(body(t, "priority", 9)); err != nil {
		t.Errorf("ParseMessage of a message with one more field = %v, want nil", err)
	}
}

func FuzzParseMessage(f *testing.F) {
	f.Add(string(delivery.NewMessage(projectUID, someUID, delivery.Place{Cycle: 1, Step: 2}, delivery.CauseManual).Parcel(sentAt, 0).Body))
	for _, s := range []string{"", "{}", `{"f":2}`, `{"f":1,"cause":"x"}`, `{"f":1,"e":null}`, `{"f":1e3}`, strings.Repeat("[", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := delivery.ParseMessage([]byte(s))
		if err != nil {
			if !errors.Is(err, delivery.ErrFormat) && !errors.Is(err, delivery.ErrMalformed) {
				t.Errorf("ParseMessage(%q) = %v, want ErrFormat or ErrMalformed", s, err)
			}
			return
		}
		if _, ok := delivery.ParseUID(m.UID().String()); !ok || !m.Cause.Known() || m.Cycle < 0 || m.Step < 0 || m.Format != delivery.MessageFormat {
			t.Errorf("ParseMessage(%q) = %+v, want only what dispatch can work on", s, m)
		}
		again, err := delivery.ParseMessage(m.Parcel(sentAt, 0).Body)
		if m.SentAt = sentAt; err != nil || !cmp.Equal(m, again) {
			t.Errorf("a message read from %q and sent again is %+v, %v, want %+v", s, again, err, m)
		}
	})
}
