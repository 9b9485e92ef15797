package meter

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestValuesAreSizedAsTheGuideSays(t *testing.T) {
	for _, tt := range []struct {
		name, wire string
		want       int // without the attribute's name
	}{
		{"a string is as long as its UTF-8", `{"S":"Hermod"}`, 6},
		{"a letter may be two bytes", `{"S":"é"}`, 2},
		{"an escaped letter is sized as the letter", `{"S":"\u00e9"}`, 2},
		{"an empty string takes nothing", `{"S":""}`, 0},
		{"a binary is as long as what it encodes", `{"B":"aGVsbG8="}`, 5},
		{"true takes one byte", `{"BOOL":true}`, 1},
		{"null takes one byte", `{"NULL":true}`, 1},
		{"an empty list takes three bytes", `{"L":[]}`, 3},
		{"an empty map takes three bytes", `{"M":{}}`, 3},
		{"an element of a list takes one byte more", `{"L":[{"S":"a"},{"N":"1"}]}`, 3 + 2 + 3},
		{"an entry of a map takes one byte more", `{"M":{"k":{"S":"a"},"kk":{"N":"1"}}}`, 3 + 3 + 5},
		{"what is nested adds up", `{"L":[{"M":{"a":{"L":[{"S":"x"}]}}}]}`, 3 + 1 + 3 + 1 + 1 + 3 + 1 + 1},
		{"a set is as large as its elements", `{"SS":["a","bb"]}`, 3},
		{"a set of numbers too", `{"NS":["1","123"]}`, 5},
		{"a set of binaries too", `{"BS":["aGVsbG8=","aA=="]}`, 6},
		{"zero takes one byte", `{"N":"0"}`, 1},
		{"zero with a sign and decimals too", `{"N":"-0.00"}`, 1},
		{"a digit takes two", `{"N":"7"}`, 2},
		{"two digits too", `{"N":"12"}`, 2},
		{"three digits take three", `{"N":"123"}`, 3},
		{"zeros at the end are trimmed", `{"N":"1000"}`, 2},
		{"zeros in front are trimmed", `{"N":"00012"}`, 2},
		{"zeros after the point are trimmed", `{"N":"0.0012"}`, 2},
		{"the two sides of the point are rounded up apart", `{"N":"1.5"}`, 3},
		{"a minus takes one byte", `{"N":"-12"}`, 3},
		{"an exponent takes nothing", `{"N":"1.2E+5"}`, 2},
		{"a time in seconds takes six", `{"N":"1795523665"}`, 6},
		{"a time in milliseconds takes eight", `{"N":"1795523665123"}`, 8},
		{"38 digits take 20", `{"N":"12345678901234567890123456789012345678"}`, 20},
		{"no number takes more than 21", `{"N":"-1234567890123456789.1234567890123456789"}`, 21},
	} {
		got, err := ItemSize([]byte(`{"name":` + tt.wire + `}`))
		if err != nil || got != tt.want+4 {
			t.Errorf("%s: the size of %s is %d (%v), want %d", tt.name, tt.wire, got-4, err, tt.want)
		}
	}
}

func TestWhatIsNoItemHasNoSize(t *testing.T) {
	for _, wire := range []string{
		``, `[]`, `"x"`, `{"a":1}`, `{"a":{}}`, `{"a":{"S":"x","N":"1"}}`, `{"a":{"X":"x"}}`, `{"a":{"S":1}}`, `{"a":{"N":1}}`, `{"a":{"N":""}}`,
		`{"a":{"N":"one"}}`, `{"a":{"N":"1e"}}`, `{"a":{"N":"1e999999999999"}}`, `{"a":{"N":"--1"}}`, `{"a":{"N":"1.2.3"}}`, `{"a":{"B":"*"}}`, `{"a":{"SS":[1]}}`,
		`{"a":{"NS":["x"]}}`, `{"a":{"L":{}}}`, `{"a":{"M":[]}}`, `{"a":{"M":{"b":{"S":1}}}}`,
		`{"a":` + strings.Repeat(`{"L":[`, 40) + strings.Repeat(`]}`, 40) + `}`,
	} {
		if got, err := ItemSize([]byte(wire)); err == nil {
			t.Errorf("ItemSize(%s) = %d, want an error", wire, got)
		}
	}
}

func TestEqualValuesAreDeeplyEqual(t *testing.T) {
	for _, tt := range []struct {
		a, b  string
		equal bool
	}{
		{`{"N":"1"}`, `{"N":"1.0"}`, true},
		{`{"N":"100"}`, `{"N":"1E2"}`, true},
		{`{"N":"-0"}`, `{"N":"0"}`, true},
		{`{"N":"+5"}`, `{"N":"5"}`, true},
		{`{"N":"10"}`, `{"N":"1"}`, false},
		{`{"N":"-1"}`, `{"N":"1"}`, false},
		{`{"N":"0.1"}`, `{"N":"1"}`, false},
		{`{"S":"1"}`, `{"N":"1"}`, false},
		{`{"SS":["a","b"]}`, `{"SS":["b","a"]}`, true},
		{`{"L":[{"S":"a"},{"S":"b"}]}`, `{"L":[{"S":"b"},{"S":"a"}]}`, false},
		{`{"M":{"a":{"N":"1"}}}`, `{"M":{"a":{"N":"1.0"}}}`, true},
		{`{"BOOL":true}`, `{"BOOL":false}`, false},
	} {
		a, b := parse(t, `{"x":`+tt.a+`}`), parse(t, `{"x":`+tt.b+`}`)
		if got := reflect.DeepEqual(a, b); got != tt.equal {
			t.Errorf("%s and %s: equal = %v, want %v", tt.a, tt.b, got, tt.equal)
		}
	}
}

// FuzzItemSize feeds the parser of items what is no item, and checks that what is one keeps its size when its number of
// attributes grows by one of a known size.
func FuzzItemSize(f *testing.F) {
	f.Add(`{"pk":{"S":"J#1"},"sk":{"S":"#"},"n":{"N":"-12.50"},"l":{"L":[{"M":{"a":{"BOOL":true}}}]},"s":{"SS":["a","b"]}}`)
	f.Add(`{"a":{"N":"1e-130"},"b":{"B":"aGVsbG8="},"c":{"NULL":true}}`)
	f.Add(`{"a":{"NS":["1","1.0"]}}`)
	f.Fuzz(func(t *testing.T, wire string) {
		var i item
		if json.Unmarshal([]byte(wire), &i) != nil {
			return
		}
		before := i.size()
		if before < 0 {
			t.Fatalf("the size of %s is %d", wire, before)
		}
		if i == nil {
			return
		}
		delete(i, "one more")
		before = i.size()
		i["one more"] = value{kind: "S", text: "x", size: 1}
		if got := i.size(); got != before+9 {
			t.Fatalf("with an attribute of 9 bytes the size of %s grows from %d to %d", wire, before, got)
		}
	})
}

func parse(t testing.TB, wire string) item {
	t.Helper()
	var i item
	if err := json.Unmarshal([]byte(wire), &i); err != nil {
		t.Fatal(err)
	}
	return i
}
