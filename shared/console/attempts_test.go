package console

import (
	"fmt"
	"html/template"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestTheTimeOfAnAttemptIsSharedOutToPhases(t *testing.T) {
	tests := []struct {
		name string
		a    attempt
		want string
	}{
		{"a new connection", attempt{DurationMS: 100, DNSMS: 10, ConnectMS: 20, TLSMS: 30, FirstByteMS: 90}, "DNS 10 at 0+100, connect 20 at 100+200, TLS 30 at 300+300, wait 30 at 600+300, read 10 at 900+100"},
		{"a connection that was there", attempt{DurationMS: 50, FirstByteMS: 40}, "wait 40 at 0+800, read 10 at 800+200"},
		{"no answer", attempt{DurationMS: 2000, ConnectMS: 500}, "connect 500 at 0+250, wait 1500 at 250+750"},
		{"a name without an address", attempt{DurationMS: 10, DNSMS: 10}, "DNS 10 at 0+1000"},
		{"clocks that disagree", attempt{DurationMS: 10, DNSMS: 15, FirstByteMS: 5}, "DNS 15 at 0+750, read 5 at 750+250"},
		{"no request", attempt{}, ""},
	}
	for _, tt := range tests {
		var got []string
		for _, p := range tt.a.Phases() {
			got = append(got, fmt.Sprintf("%s %g at %g+%g", p.Name, p.MS, p.X, p.Width))
		}
		if text := strings.Join(got, ", "); text != tt.want {
			t.Errorf("%s has the phases %q, want %q", tt.name, text, tt.want)
		}
	}
}

// attemptsAfter returns scheduled attempts of 100 ms, each so long after the one before, the first after the event.
func attemptsAfter(pauses ...time.Duration) deliveryDetail {
	d := deliveryDetail{delivery: delivery{CreatedAt: noon, AttemptCount: len(pauses)}}
	at := noon
	for i, p := range pauses {
		number := i + 1
		at = at.Add(p)
		d.Attempts = append(d.Attempts, attempt{Number: &number, Cause: "schedule", StartedAt: at, DurationMS: 100})
		at = at.Add(100 * time.Millisecond)
	}
	return d
}

func TestTheTimelineTellsTheNewestFirstAndThePausesBetween(t *testing.T) {
	views, left := timeline(attemptsAfter(23*time.Millisecond, 4*time.Second, 0, 2*time.Hour+3*time.Minute))
	var got []string
	for _, v := range views {
		got = append(got, fmt.Sprintf("%d %q %t", *v.Number, strings.ReplaceAll(v.Waited, "\u00a0", " "), v.First))
	}
	want := `4 "2 h 3 min" false, 3 "" false, 2 "4 s" false, 1 "23 ms" true`
	if text := strings.Join(got, ", "); text != want || left != 0 {
		t.Errorf("the timeline is %s, %d left out; want %s and none", text, left, want)
	}
}

func TestTheTimelineHasTheNewestAttemptsOnly(t *testing.T) {
	d := attemptsAfter(make([]time.Duration, 100)...)
	d.AttemptCount = 130 // of which the log has dropped the oldest
	views, left := timeline(d)
	if len(views) != attemptsShown || *views[0].Number != 100 || *views[len(views)-1].Number != 76 || left != 75 {
		t.Errorf("the timeline has %d attempts, %d to %d, and %d are left out; want 25, 100 to 76, and 75", len(views), *views[0].Number, *views[len(views)-1].Number, left)
	}
	d.Attempts = d.Attempts[:3]
	if views, _ = timeline(d); views[2].First {
		t.Error("the oldest attempt that is kept is shown as if it were the first")
	}
}

func TestWhatWasAnsweredIsShownAsFarAsThePageHasRoom(t *testing.T) {
	d := attemptsAfter(make([]time.Duration, 25)...)
	body := strings.Repeat(`"`, 1024)
	for i := range d.Attempts {
		d.Attempts[i].ResponseBody = &body
		d.Attempts[i].ResponseHeaders = []headerLine{{"x-long", strings.Repeat("<", 32<<10)}}
	}
	views, _ := timeline(d)
	shown := 0
	for i, v := range views {
		if v.Exchange {
			shown++
		} else if i < 3 {
			t.Errorf("what attempt %d got is left out, which is one of the newest", *v.Number)
		}
	}
	if shown == len(views) {
		t.Error("what every attempt got is shown, however long it is")
	}
	if n := len(views[0].ResponseHeaders[0].Value); n > valueShown+len("…") {
		t.Errorf("a header's value is shown with %d characters", n)
	}
}

func TestABodyIsCutWhereItsHTMLWouldBeTooLong(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		cut  bool
	}{
		"short":      {`{"a":1}`, false},
		"no JSON":    {"hello", false},
		"long":       {`{"a":"` + strings.Repeat("x", 30_000) + `"}`, true},
		"all quotes": {`{"a":"` + strings.Repeat("'", 20_000) + `"}`, true},
		"emoji":      {`{"a":"` + strings.Repeat("😀", 20_000) + `"}`, true},
	} {
		text, cut := bodyText(tt.body)
		if n := len(template.HTMLEscapeString(text)); n > bodyShown || cut != tt.cut || !utf8.ValidString(text) {
			t.Errorf("a body that is %s is shown with %d bytes, %d as HTML, cut %t; want %t", name, len(text), n, cut, tt.cut)
		}
	}
}
