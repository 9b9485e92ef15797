package console

import (
	"fmt"
	"unicode/utf8"
)

// cut shortens a text, or what a pointer leads to, to so many bytes of HTML: what a page takes is known whatever a client has written.
func cut(v any, limit int) string {
	text := fmt.Sprint(deref(v))
	if n := fitting(text, limit); n < len(text) {
		return text[:n] + "…"
	}
	return text
}

// fitting returns how many bytes of a text, from its beginning on, take no more than so many as HTML.
func fitting(text string, limit int) int {
	for i, r := range text {
		if limit -= sizeInHTML(r); limit < 0 {
			return i
		}
	}
	return len(text)
}

// lengthInHTML is how many bytes a text takes as HTML, at most.
func lengthInHTML(text string) (n int) {
	for _, r := range text {
		n += sizeInHTML(r)
	}
	return n
}

// sizeInHTML is how many bytes a character takes where templates escape it, at most.
func sizeInHTML(r rune) int {
	switch r {
	case '"', '\'', '&', '+':
		return len("&#34;")
	case '<', '>':
		return len("&lt;")
	case 0:
		return utf8.RuneLen(utf8.RuneError)
	}
	return utf8.RuneLen(r)
}
