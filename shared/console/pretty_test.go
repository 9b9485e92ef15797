package console

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func FuzzPretty(f *testing.F) {
	for _, text := range []string{
		``, `{}`, `[]`, `{"a":[]}`, `[[],{}]`, ` { "a" : [ 1 , "x,:{}[]\\"" ] , "b" : { } } `, `"\\"`, `"\\\""`, `{"a":"\u003c","":null}`, `no JSON`, `{"a"`, `[1,2]]`, "\xff", `"` + "\xff" + `"`,
		strings.Repeat("[", 60) + strings.Repeat("]", 60), `[` + strings.Repeat(`{"a":[1,2,3]},`, 5000) + `1]`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want := text
		var b bytes.Buffer
		if json.Indent(&b, []byte(text), "", "  ") == nil {
			want = strings.TrimSpace(b.String()) // Indent keeps what follows the value
		}
		got := pretty(text)
		if len(want) > prettyShown && json.Valid([]byte(text)) {
			want = want[:min(len(want), len(got))]
			if len(got) < prettyShown {
				t.Fatalf("pretty(%.100q) has %d bytes, want %d at least", text, len(got), prettyShown)
			}
		}
		if got != want {
			t.Fatalf("pretty(%.200q) = %.200q, want %.200q", text, got, want)
		}
	})
}

// Set out in lines, 256 KB of numbers in 60 arrays are 16 MB, and a page has 20 inputs.
func TestPrettyStopsWhereNoPageReads(t *testing.T) {
	text := strings.Repeat("[", 60) + strings.Repeat("1,", 128<<10) + "1" + strings.Repeat("]", 60)
	if n := len(pretty(text)); n < prettyShown || n > prettyShown+200 {
		t.Errorf("pretty of %d nested bytes has %d, want about %d", len(text), n, prettyShown)
	}
}
