package console

import (
	"encoding/json"
	"strings"
)

// prettyShown is how much of a text is set out in lines, in bytes, beyond what any page shows: in lines a few KB that are nested may be megabytes.
const prettyShown = 32 << 10

// pretty sets JSON out in lines, as far as pages show it; what is none stays as it is.
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
	if !json.Valid(raw) {
		return string(raw)
	}
	return inLines(raw)
}

// inLines does what json.Indent does, and ends when it has done enough.
func inLines(raw []byte) string {
	var b strings.Builder
	depth, quoted, escaped, fresh := 0, false, false, false // fresh: an object or array has just begun
	line := func() { b.WriteString("\n" + strings.Repeat("  ", depth)) }
	for i := 0; i < len(raw) && b.Len() < prettyShown; i++ {
		c := raw[i]
		switch {
		case quoted:
			quoted, escaped = escaped || c != '"', c == '\\' && !escaped
			b.WriteByte(c)
			continue
		case strings.IndexByte(" \t\r\n", c) >= 0:
			continue
		}
		ends := c == '}' || c == ']'
		if fresh && !ends {
			depth++
			line()
		}
		if ends && !fresh {
			depth--
			line()
		}
		fresh = c == '{' || c == '['
		quoted = c == '"'
		b.WriteByte(c)
		switch c {
		case ',':
			line()
		case ':':
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// spaced writes JSON of one line with spaces after commas and colons, where browsers may begin a new line.
func spaced(text string) string {
	var b strings.Builder
	quoted, escaped := false, false
	for i := range len(text) {
		c := text[i]
		b.WriteByte(c)
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == ':'):
			b.WriteByte(' ')
		}
	}
	return b.String()
}
