package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"hermod/shared/job"
)

// everything has a field of each kind.
type everything struct {
	Text   string            `json:"text"`
	Word   job.Status        `json:"word"`
	UID    string            `json:"uid" api:"uid"`
	Number int               `json:"number" api:"range=1..20"`
	Flag   bool              `json:"flag"`
	At     time.Time         `json:"at"`
	Any    json.RawMessage   `json:"any"`
	List   []int             `json:"list"`
	Rows   []headerField     `json:"rows"`
	Free   []json.RawMessage `json:"free"`
	Maybe  opt[string]       `json:"maybe" api:"nullable"`
	Given  opt[int]          `json:"given"`
}

func decodeAs[Q any](body string) (Q, error) {
	var q Q
	return q, decode([]byte(body), planOf[Q]().body, reflect.ValueOf(&q).Elem())
}

func TestDecodeTakes(t *testing.T) {
	for body, want := range map[string]func(everything) bool{
		``:                        func(e everything) bool { return e.Text == "" && !e.Maybe.given },
		`{}`:                      func(e everything) bool { return !e.Given.given },
		` { "text" : "é\n" } `:    func(e everything) bool { return e.Text == "é\n" },
		`{"text":"\ud83d\ude00"}`: func(e everything) bool { return e.Text == "😀" },
		`{"text":"\\ud83d"}`:      func(e everything) bool { return e.Text == `\ud83d` },
		`{"word":"running"}`:      func(e everything) bool { return e.Word == job.Running },
		`{"number":20}`:           func(e everything) bool { return e.Number == 20 },
		`{"number":2.0}`:          func(e everything) bool { return e.Number == 2 },
		`{"number":1e1}`:          func(e everything) bool { return e.Number == 10 },
		`{"flag":true}`:           func(e everything) bool { return e.Flag },
		`{"at":"2026-01-31T10:30:00.5+01:00"}`: func(e everything) bool {
			return e.At.Equal(time.Date(2026, 1, 31, 9, 30, 0, 5e8, time.UTC))
		},
		`{"any": {"a":[1, 2.50,null,"x"]} }`:   func(e everything) bool { return string(e.Any) == `{"a":[1, 2.50,null,"x"]}` },
		`{"any":null}`:                         func(e everything) bool { return string(e.Any) == `null` },
		`{"list":[1,2],"free":[ 1 , {"a":1}]}`: func(e everything) bool { return e.List[1] == 2 && string(e.Free[1]) == `{"a":1}` },
		`{"list":[]}`:                          func(e everything) bool { return e.List != nil },
		`{"rows":[{"name":"a"},{"name":"b","value":""}]}`: func(e everything) bool {
			return !e.Rows[0].Value.given && e.Rows[1].Value.given
		},
		`{"maybe":null}`: func(e everything) bool { return e.Maybe.given && e.Maybe.null },
		`{"maybe":"x"}`:  func(e everything) bool { return e.Maybe.given && !e.Maybe.null && e.Maybe.value == "x" },
		`{"given":0}`:    func(e everything) bool { return e.Given.given },
	} {
		got, err := decodeAs[everything](body)
		if err != nil || !want(got) {
			t.Errorf("decode %s = %+v, %v", body, got, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for _, row := range []struct{ body, field, says string }{
		{`{"text":1}`, "text", "must be a string, not a number"},
		{`{"text":null}`, "text", "must be a string, not null"},
		{`{"text":["a"]}`, "text", "must be a string, not an array"},
		{`{"text":"a\u0000b"}`, "text", "NUL"},
		{`{"Text":"a"}`, "Text", "no field"},
		{`{"te\u0000xt":"a"}`, "te\x00xt", "no field"},
		{`{"text":"a","text":"b"}`, "text", "twice"},
		{`{"text":"a","te\u0078t":"b"}`, "text", "twice"},
		{`{"word":"done"}`, "word", "one of pending, running"},
		{`{"uid":"0197F39E-0000-7e6f-9071-829304152637"}`, "uid", "uid"},
		{`{"number":0}`, "number", "from 1 to 20"},
		{`{"number":21}`, "number", "from 1 to 20"},
		{`{"number":1.5}`, "number", "whole number"},
		{`{"number":1e999}`, "number", "whole number"},
		{`{"number":99999999999999999999}`, "number", "whole number"},
		{`{"number":"1"}`, "number", "not a string"},
		{`{"number":true}`, "number", "not true or false"},
		{`{"flag":"true"}`, "flag", "true or false"},
		{`{"flag":0}`, "flag", "true or false"},
		{`{"at":"2026-01-31"}`, "at", "a time like"},
		{`{"at":"1969-12-31T23:59:59Z"}`, "at", "a time like"},
		{`{"at":5}`, "at", "a time like"},
		{`{"any":{"a":1,"a":2}}`, "any", "twice"},
		{`{"any":[{"b":{"a":1,"\u0061":2}}]}`, "any", "twice"},
		{`{"any":{"a":"\u0000"}}`, "any", "NUL"},
		{`{"any":{"\u0000":1}}`, "any", "NUL"},
		{`{"any":` + deep + `}`, "any", "deep"},
		{`{"list":{}}`, "list", "an array, not an object"},
		{`{"list":[1,"2"]}`, "list[1]", "whole number"},
		{`{"list":[null]}`, "list[0]", "not null"},
		{`{"rows":[{"name":"a"},{}]}`, "rows[1].name", "missing"},
		{`{"rows":[{"name":"a","hint":"x"}]}`, "rows[0].hint", "no field"},
		{`{"rows":[{"name":"a","value":null}]}`, "rows[0].value", "not null"},
		{`{"free":[{"a":1,"a":1}]}`, "free[0]", "twice"},
		{`{"given":null}`, "given", "not null"},
		{`{"` + strings.Repeat("x", 500) + `":1}`, strings.Repeat("x", 64) + "…", "no field"},
		{`{"text":"a",}`, "", "byte 13"},
		{`{"text":"a"}x`, "", "byte 13"},
		{`{"text":"a"}{}`, "", "byte 13"},
		{`{"text":"a`, "", "JSON"},
		{"{\"text\":\"a\x00\"}", "", "JSON"},
		{"{\"text\":\"\xc3\x28\"}", "", "UTF-8"},
		{`{"text":"\ud83d"}`, "", "surrogate"},
		{`{"text":"\ude00\ud83d"}`, "", "surrogate"},
		{`{"any":"\ud83dx\ude00"}`, "", "surrogate"},
		{`null`, "", "object, not null"},
		{`[]`, "", "object, not an array"},
		{`"x"`, "", "object, not a string"},
		{` `, "", "JSON"},
		{"\ufeff{}", "", "JSON"},
		{strings.Repeat("[", 20000), "", "JSON"},
	} {
		_, err := decodeAs[everything](row.body)
		var p *problem
		if !errors.As(err, &p) {
			t.Errorf("decode %.80s: %v, want a refusal", row.body, err)
			continue
		}
		field, _ := p.params["field"].(string)
		if field != row.field || !strings.Contains(p.message, row.says) {
			t.Errorf("decode %.80s: field %q, %q; want field %q and a message with %q", row.body, field, p.message, row.field, row.says)
		}
		if want := map[bool]label{true: badField, false: badJSON}[row.field != ""]; p.label != want {
			t.Errorf("decode %.80s: %s, want %s", row.body, p.label, want)
		}
		if len(p.message) > 1000 {
			t.Errorf("decode %.80s: a message of %d bytes", row.body, len(p.message))
		}
	}
}

// FuzzDecode: whatever comes, it is refused by name or it is what encoding/json reads, with known names that are there once.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"text":"a","any":{"a":[1,{"b":null}]},"list":[1,2],"rows":[{"name":"a","value":"b"}],"maybe":null}`,
		`{"text":"\ud83d\ude00","text":1}`, `{"number":1e1,"at":"2026-01-31T10:30:00Z","flag":false,"word":"running"}`, `[`, ``, `{"any":[[[[]]]]}`,
		`{"url":"https://a.example.com","events":["failed"],"retry_schedule":[1]}`, `{"free":[1,"\u0000"]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := decodeAs[newHook](string(body)); err != nil {
			refusedByName(t, err)
		}
		if _, err := decodeAs[launch](string(body)); err != nil {
			refusedByName(t, err)
		}
		got, err := decodeAs[everything](string(body))
		if err != nil {
			refusedByName(t, err)
			return
		}
		if len(body) == 0 {
			return
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(body, &fields); err != nil {
			t.Fatalf("taken, but encoding/json says %v", err)
		}
		for name := range fields {
			if _, ok := find(planOf[everything]().body.fields, name); !ok {
				t.Fatalf("took the unknown field %q", name)
			}
		}
		var text string
		if raw, ok := fields["text"]; ok {
			if err := json.Unmarshal(raw, &text); err != nil || text != got.Text {
				t.Fatalf("text is %q, encoding/json reads %q, %v", got.Text, text, err)
			}
		}
		if raw := fields["any"]; !bytes.Equal(raw, got.Any) {
			t.Fatalf("any is kept as %q, want %q", got.Any, raw)
		}
	})
}

func refusedByName(t *testing.T, err error) {
	t.Helper()
	var p *problem
	if !errors.As(err, &p) || p.label != badField && p.label != badJSON || p.message == "" {
		t.Fatalf("%v is no refusal", err)
	}
	if _, named := p.params["field"]; p.label == badField && !named {
		t.Fatalf("%v names no field", err)
	}
	if _, err := json.Marshal(p.report("x")); err != nil {
		t.Fatal(err)
	}
}
