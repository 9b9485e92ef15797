package mapping

import (
	"encoding/json"
	"testing"
)

func TestPatterns(t *testing.T) {
	const event = `{"eventName":"INSERT","flag":true,"n":7,"tags":["x","y"],"dynamodb":{"Keys":{"pk":{"S":"J#1"},"sk":{"S":"#"}},"NewImage":{"a":{"N":"1"}}}}`
	tests := []struct {
		pattern string
		want    bool
	}{
		{`{}`, true},
		{`{"eventName":["INSERT","MODIFY"]}`, true},
		{`{"eventName":["REMOVE"]}`, false},
		{`{"eventName":[]}`, false},
		{`{"flag":[true],"n":[7]}`, true},
		{`{"flag":["true"]}`, false},
		{`{"n":["7"]}`, false},
		{`{"tags":["z","y"]}`, true},
		{`{"tags":["z"]}`, false},
		{`{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"J#"}]},"sk":{"S":["#"]}}}}`, true},
		{`{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"W#"}]}}}}`, false},
		{`{"dynamodb":{"Keys":{"pk":{"S":[{"suffix":"1"}]}}}}`, true},
		{`{"dynamodb":{"Keys":{"pk":{"S":["J#"]}}}}`, false},
		{`{"n":[{"prefix":"7"}]}`, false},
		{`{"dynamodb":{"NewImage":{"a":{"N":[{"exists":true}]}}}}`, true},
		{`{"dynamodb":{"OldImage":{"a":{"N":[{"exists":true}]}}}}`, false},
		{`{"dynamodb":{"OldImage":{"a":{"N":[{"exists":false}]}}}}`, true},
		{`{"missing":["x"]}`, false},
		{`{"missing":[{"anything-but":"x"}]}`, false},
		{`{"eventName":[{"anything-but":"REMOVE"}]}`, true},
		{`{"eventName":[{"anything-but":["REMOVE","INSERT"]}]}`, false},
		{`{"n":[{"anything-but":7}]}`, false},
		{`{"eventName":["INSERT"],"n":[8]}`, false},
	}
	var e map[string]any
	if err := json.Unmarshal([]byte(event), &e); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		p, err := parsePattern(tt.pattern)
		if err != nil {
			t.Errorf("parsePattern: %v", err)
		} else if got := p.matches(e); got != tt.want {
			t.Errorf("%s matches: %v, want %v", tt.pattern, got, tt.want)
		}
	}
}

func TestPatternsThatAreNotKnownAreRefused(t *testing.T) {
	for _, text := range []string{
		``, `[]`, `{"a":"b"}`, `{"a":1}`, `{"a":[{"numeric":[">",1]}]}`, `{"a":[{"prefix":1}]}`, `{"a":[{"prefix":"x","suffix":"y"}]}`, `{"a":[{}]}`,
		`{"a":[{"exists":"yes"}]}`, `{"a":[{"anything-but":{"prefix":"x"}}]}`, `{"$or":[{"a":[1]}]}`, `{"a":{"b":[{"wildcard":"*"}]}}`,
	} {
		if _, err := parsePattern(text); err == nil {
			t.Errorf("parsePattern(%s) = nil, want an error", text)
		}
	}
}
