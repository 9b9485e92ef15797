package console

import (
	"fmt"
	"html/template"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
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

// lasting shows how long something has lasted, which began at a time, and exactly when that was on hover.
func (s *console) lasting(v any) template.HTML {
	return template.HTML(strings.NewReplacer(" ago</time>", "</time>", ">now</time>", ">a moment</time>").Replace(string(s.when(v))))
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
		return "99.9\u00a0%" // not everything
	}
	return oneDecimal(*part*100) + "\u00a0%"
}

// oneDecimal writes a number with a decimal, which is left out if it is 0.
func oneDecimal(x float64) string { return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64) }

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
		return oneDecimal(float64(n)/1024) + " KB"
	}
	return oneDecimal(float64(n)/(1<<20)) + " MB"
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

// span says a number of seconds in its two largest units.
func span(seconds int) string {
	units := []struct {
		name string
		long int // seconds
	}{{"days", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}}
	for i, u := range units {
		n, rest := seconds/u.long, seconds%u.long
		if u.name == "days" && seconds <= 2*u.long || n == 0 {
			continue // 24 h and 48 h are said so
		}
		text := strconv.Itoa(n) + "\u00a0" + u.name
		if i+1 < len(units) && rest/units[i+1].long > 0 {
			text += " " + strconv.Itoa(rest/units[i+1].long) + "\u00a0" + units[i+1].name
		}
		return text
	}
	return "0\u00a0s"
}

// pause writes how long nothing happened.
func pause(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return ""
	case d < time.Second:
		return milliseconds(float64(d.Milliseconds()))
	}
	return span(int(d.Round(time.Second).Seconds()))
}
