package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// functions are those that templates call.
func (s *console) functions() template.FuncMap {
	return template.FuncMap{
		"asset":   s.assets.url,
		"base":    func() string { return Base },
		"when":    s.when,
		"state":   stateTone,
		"short":   short,
		"number":  number,
		"percent": percent,
		"ms":      milliseconds,
		"bytes":   size,
		"plural":  plural,
		"pretty":  pretty,
		"title":   words,
		"deref":   deref,
		"dict":    dict,
		"lower":   strings.ToLower,
		"join":    strings.Join,
		"add":     func(a, b int) int { return a + b },

		"eventTypes":     func() []string { return eventTypes },
		"deliveryStates": func() []string { return deliveryStates },
	}
}

// Words of the API that filters and forms offer.
var (
	eventTypes     = []string{"requested", "created", "succeeded", "failed", "paused", "stopped"}
	deliveryStates = []string{"pending", "retrying", "succeeded", "dead", "cancelled"}
)

// when shows a time by how long ago or ahead it is, and exactly on hover. It takes a time or a pointer; what is not there is a dash.
func (s *console) when(v any) template.HTML {
	at, ok := timeOf(v)
	if !ok {
		return `<span class="muted">–</span>`
	}
	exact := at.UTC().Format("2006-01-02 15:04:05.000 UTC")
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`,
		at.UTC().Format(time.RFC3339Nano), exact, relative(at.Sub(s.Now())))) // no character of these is special in HTML
}

func timeOf(v any) (time.Time, bool) {
	switch at := v.(type) {
	case time.Time:
		return at, !at.IsZero()
	case *time.Time:
		if at != nil {
			return *at, !at.IsZero()
		}
	}
	return time.Time{}, false
}

// relative says how far ahead a time is, or how long ago.
func relative(d time.Duration) string {
	ahead, text := d > 0, ""
	switch d = d.Abs(); {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		text = strconv.Itoa(int(d.Seconds())) + " s"
	case d < time.Hour:
		text = strconv.Itoa(int(d.Minutes())) + " min"
	case d < 48*time.Hour:
		text = strconv.Itoa(int(d.Hours())) + " h"
	default:
		text = strconv.Itoa(int(d.Hours()/24)) + " days"
	}
	if ahead {
		return "in " + text
	}
	return text + " ago"
}

// tones are the colours of states: those of deliveries, jobs, inputs, redrives and webhooks. A state without one is neutral.
var tones = map[string]string{
	"succeeded": "good", "finished": "good", "completed": "good", "enabled": "good", "healthy": "good",
	"retrying": "wait", "running": "wait", "sending": "wait", "settling": "wait", "paused": "wait",
	"dead": "bad", "failed": "bad", "warning": "bad", "shutdown": "bad", "failing": "bad",
}

func stateTone(state any) string {
	if tone := tones[fmt.Sprint(state)]; tone != "" {
		return tone
	}
	return "off"
}

// short is a uid as a table shows it: its end, which differs most. A delivery's is its event's and its webhook's.
func short(uid string) string {
	event, hook, ok := strings.Cut(uid, "_")
	if len(event) > 8 {
		event = "…" + event[len(event)-8:]
	}
	if !ok {
		return event
	}
	return event + "_" + hook[max(0, len(hook)-4):]
}

// number writes a whole number with its thousands apart.
func number(v any) string {
	n := reflect.ValueOf(v)
	if n.Kind() == reflect.Pointer {
		if n.IsNil() {
			return "–"
		}
		n = n.Elem()
	}
	text := strconv.FormatInt(n.Int(), 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "\u2009" + text[i:]
	}
	return text
}

// percent writes a part of one.
func percent(part *float64) string {
	switch {
	case part == nil:
		return "–"
	case *part > 0.999 && *part < 1:
		return "99.9 %" // not everything
	}
	return strconv.FormatFloat(math.Round(*part*1000)/10, 'f', -1, 64) + " %"
}

// milliseconds writes a duration. It takes a float64 or a pointer.
func milliseconds(v any) string {
	var ms float64
	switch n := v.(type) {
	case float64:
		ms = n
	case *float64:
		if n == nil {
			return "–"
		}
		ms = *n
	}
	switch {
	case ms == 0:
		return "0 ms"
	case ms < 10:
		return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
	case ms < 10_000:
		return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
	}
	return strconv.FormatFloat(ms/1000, 'f', 1, 64) + " s"
}

// size writes a number of bytes.
func size(n int) string {
	switch {
	case n < 1024:
		return strconv.Itoa(n) + " bytes"
	case n < 1<<20:
		return strconv.FormatFloat(float64(n)/1024, 'f', 1, 64) + " KB"
	}
	return strconv.FormatFloat(float64(n)/(1<<20), 'f', 1, 64) + " MB"
}

// plural writes a number with its noun.
func plural(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y"):
		return number(n) + " " + strings.TrimSuffix(noun, "y") + "ies"
	}
	return number(n) + " " + noun + "s"
}

// pretty sets JSON out in lines; what is none stays as it is.
func pretty(v any) string {
	var raw []byte
	switch t := v.(type) {
	case json.RawMessage:
		raw = t
	case string:
		raw = []byte(t)
	case *string:
		if t != nil {
			raw = []byte(*t)
		}
	}
	return indented(raw)
}

// words turns a word of the API, such as other_workflow, into one for people.
func words(v any) string { return strings.ReplaceAll(fmt.Sprint(deref(v)), "_", " ") }

// deref returns what a pointer leads to; nil is empty.
func deref(v any) any {
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer {
		return v
	}
	if p.IsNil() {
		return ""
	}
	return p.Elem().Interface()
}

// dict makes a map for a part that needs several values: dict "Name" .Name "URL" .URL.
func dict(pairs ...any) (map[string]any, error) {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is no name", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}

func indented(raw []byte) string {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return string(raw)
	}
	return b.String()
}
