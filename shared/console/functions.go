package console

import (
	"fmt"
	"html/template"
	"reflect"
	"strings"
)

// functions are those that templates call.
func (s *console) functions() template.FuncMap {
	return template.FuncMap{
		"asset":    s.assets.url,
		"base":     func() string { return Base },
		"when":     s.when,
		"lasting":  s.lasting,
		"state":    stateTone,
		"short":    short,
		"number":   number,
		"percent":  percent,
		"ms":       milliseconds,
		"bytes":    size,
		"plural":   plural,
		"pretty":   pretty,
		"prose":    prose,
		"title":    words,
		"reason":   reasonOf,
		"sentence": sentence,
		"capital":  capital,
		"span":     span,
		"tell":     s.tellOf,
		"deref":    deref,
		"cut":      cut,
		"first":    func(all []any, n int) []any { return all[:min(len(all), n)] },
		"dict":     dict,
		"lower":    strings.ToLower,
		"join":     strings.Join,
		"add":      func(a, b int) int { return a + b },

		"statsRanges":    func() []statsRange { return statsRanges },
		"phases":         func() []string { return phaseNames },
		"eventTypes":     func() []string { return eventTypes },
		"deliveryStates": func() []string { return deliveryStates },
		"errorClasses":   func() []string { return errorClasses },
		"jobStatuses":    func() []string { return jobStatuses },
		"inputStatuses":  func() []string { return inputStatuses },
		"jobTabs":        func() []string { return jobTabs },
	}
}

// tones are the colours of states: those of deliveries, jobs, inputs, redrives and webhooks. A state without one is neutral.
var tones = map[string]string{
	"succeeded": "good", "finished": "good", "completed": "good", "enabled": "good", "healthy": "good",
	"retrying": "wait", "running": "wait", "sending": "wait", "settling": "wait", "paused": "wait",
	"dead": "bad", "failed": "bad", "warning": "bad", "shutdown": "bad", "failing": "bad", testFailed: "bad",
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

// words turns a word of the API, such as other_workflow, into one for people.
func words(v any) string { return strings.ReplaceAll(fmt.Sprint(deref(v)), "_", " ") }

// reasons say in a few words why a delivery is in its state, where the word of the API alone would not.
var reasons = map[string]string{"exhausted": "schedule used up", "gone": "answered 410", "fault": "by a fault of ours"}

func reasonOf(reason *string) string {
	if text := reasons[valueOf(reason)]; text != "" {
		return text
	}
	return words(reason)
}

// sentence writes what the API says after a colon as a sentence of its own.
func sentence(v any) string { return capital(v) + "." }

// capital writes a text with its first letter large.
func capital(v any) string {
	text := fmt.Sprint(deref(v))
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// valueOf returns what a pointer leads to; zero of nil.
func valueOf[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// deref is valueOf for templates: of nil it returns an empty text, and what is no pointer is itself.
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
