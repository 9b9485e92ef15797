package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"hermod/shared/uid"
)

// maxDepth is how deep arrays and objects may be nested in a body.
const maxDepth = 64

// decode reads a body into the struct that into points to. An empty body is an empty object. It is stricter than encoding/json:
// names must match exactly and be there once, nothing is converted, null is for nullable fields, text is Unicode without NUL,
// and nothing may follow. An error names the field.
func decode(body []byte, s *shape, into reflect.Value) error {
	if len(body) == 0 {
		body = []byte("{}")
	}
	if err := checkJSON(body); err != nil {
		return err
	}
	d := decoder{body: body, json: json.NewDecoder(bytes.NewReader(body))}
	d.json.UseNumber()
	return d.value("", s, into)
}

// checkJSON judges a body as text, before anything of it is read.
func checkJSON(body []byte) error {
	if !utf8.Valid(body) {
		return refuse(badJSON, "The body is not UTF-8.")
	}
	if !json.Valid(body) {
		return malformed(body)
	}
	if i := loneSurrogate(body); i >= 0 {
		return refuse(badJSON, "The body has half of a surrogate pair at byte %d, which is no character.", i+1).with("offset", i+1)
	}
	return nil
}

// malformed says where a body stops being JSON.
func malformed(body []byte) error {
	var all json.RawMessage
	var syntax *json.SyntaxError
	if errors.As(json.Unmarshal(body, &all), &syntax) {
		return refuse(badJSON, "The body is not valid JSON, at byte %d: %s.", syntax.Offset, syntax).with("offset", syntax.Offset)
	}
	return refuse(badJSON, "The body is not valid JSON.")
}

// loneSurrogate returns where valid JSON has an escaped surrogate without its other half, or -1. encoding/json would replace it
// by another character and say nothing.
func loneSurrogate(body []byte) int {
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		i++
		if body[i] != 'u' {
			continue
		}
		switch escaped := hexAt(body, i+1); {
		case escaped >= 0xd800 && escaped < 0xdc00 && i+6 < len(body) && body[i+5] == '\\' && body[i+6] == 'u' && hexAt(body, i+7)&0xfc00 == 0xdc00:
			i += 10
		case escaped >= 0xd800 && escaped < 0xe000:
			return i - 1
		default:
			i += 4
		}
	}
	return -1
}

func hexAt(body []byte, i int) uint64 {
	n, _ := strconv.ParseUint(string(body[i:min(i+4, len(body))]), 16, 32)
	return n
}

// decoder walks over a body that is valid JSON.
type decoder struct {
	body  []byte
	json  *json.Decoder
	depth int
}

// value reads the next value into v.
func (d *decoder) value(path string, s *shape, v reflect.Value) error {
	if s.kind == free {
		return d.free(path, s, v)
	}
	tok := d.token()
	if tok == nil && !s.nullable {
		return mistyped(path, s, "null")
	}
	if s.optional {
		v = v.Addr().Interface().(optional).give(tok == nil)
	}
	switch t := tok.(type) {
	case nil:
		return nil
	case string:
		if s.kind == text || s.kind == moment {
			return said(path, s.setText(v, t))
		}
	case json.Number:
		if s.kind == number {
			return said(path, s.setNumber(v, t.String()))
		}
	case bool:
		if s.kind == flag {
			v.SetBool(t)
			return nil
		}
	case json.Delim:
		switch {
		case t == '[' && s.kind == array:
			return d.array(path, s, v)
		case t == '{' && s.kind == object:
			return d.object(path, s, v)
		}
	}
	return mistyped(path, s, named(tok))
}

func (d *decoder) array(path string, s *shape, v reflect.Value) error {
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	for i := 0; d.json.More(); i++ {
		item := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(path+"["+strconv.Itoa(i)+"]", s.items, item); err != nil {
			return err
		}
		v.Set(reflect.Append(v, item))
	}
	d.token()
	return nil
}

func (d *decoder) object(path string, s *shape, v reflect.Value) error {
	seen := make(map[string]bool, len(s.fields))
	for d.json.More() {
		name := d.token().(string)
		f, ok := find(s.fields, name)
		switch {
		case !ok:
			where := join(path, name)
			return refuse(badField, "%s is no field of this request; %s.", shown(where), s.names()).with("field", clip(where))
		case seen[name]:
			return invalid(join(path, name), "is there twice")
		}
		seen[name] = true
		if err := d.value(join(path, name), f.shape, v.FieldByIndex(f.index)); err != nil {
			return err
		}
	}
	d.token()
	for _, f := range s.fields {
		if f.required && !seen[f.name] {
			return invalid(join(path, f.name), "is missing; it must be %s", f.wanted())
		}
	}
	return nil
}

// free keeps the next value as it is written. It may hold anything but what no value may.
func (d *decoder) free(path string, s *shape, v reflect.Value) error {
	begin := d.json.InputOffset()
	tok := d.token()
	if s.optional {
		v = v.Addr().Interface().(optional).give(tok == nil)
	}
	if tok == nil && s.nullable {
		return nil
	}
	if err := d.inspect(path, tok); err != nil {
		return err
	}
	raw := bytes.TrimLeft(d.body[begin:d.json.InputOffset()], " \t\r\n,:")
	v.SetBytes(raw[:len(raw):len(raw)]) // part of the body, which nobody changes
	return nil
}

// inspect reads to the end of a value that begins with tok.
func (d *decoder) inspect(path string, tok json.Token) error {
	if s, ok := tok.(string); ok && strings.Contains(s, "\x00") {
		return said(path, errNUL)
	}
	if tok != json.Delim('[') && tok != json.Delim('{') {
		return nil
	}
	if d.depth++; d.depth > maxDepth {
		return invalid(path, "is nested more than %d deep", maxDepth)
	}
	seen := map[string]bool{}
	for d.json.More() {
		next := d.token()
		if name, ok := next.(string); ok && tok == json.Delim('{') {
			if seen[name] {
				return invalid(path, "has the key %s twice in one object", shown(name))
			}
			if strings.Contains(name, "\x00") {
				return said(path, errNUL)
			}
			seen[name] = true
			next = d.token()
		}
		if err := d.inspect(path, next); err != nil {
			return err
		}
	}
	d.token()
	d.depth--
	return nil
}

// token returns the next token. There is one: the body is valid JSON.
func (d *decoder) token() json.Token {
	tok, err := d.json.Token()
	if err != nil {
		panic(fmt.Sprintf("read a token of valid JSON: %v", err))
	}
	return tok
}

var (
	errNUL  = errors.New("must not contain the character NUL")
	errUTF8 = errors.New("must be UTF-8")
	errPlus = errors.New("has a space in its time: a + must be written as %2B in a query")
)

// setText puts a text where it belongs if it is what the shape asks for.
func (s *shape) setText(v reflect.Value, t string) error {
	switch {
	case strings.Contains(t, "\x00"):
		return errNUL
	case s.kind == moment:
		at, err := time.Parse(time.RFC3339, t)
		if err != nil || at.Year() > 9999 || at.Before(time.Unix(0, 0)) {
			return fmt.Errorf("must be %s", s.wanted())
		}
		v.Set(reflect.ValueOf(at.UTC()))
		return nil
	case s.words != nil && !slices.Contains(s.words, t), s.uid && !uid.Valid(t):
		return fmt.Errorf("must be %s", s.wanted())
	}
	v.SetString(t)
	return nil
}

// setNumber puts a number where it belongs if it is whole, however it is written, and in range.
func (s *shape) setNumber(v reflect.Value, t string) error {
	n, err := strconv.Atoi(t)
	if err != nil {
		f, err := strconv.ParseFloat(t, 64)
		if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return fmt.Errorf("must be %s", s.wanted())
		}
		n = int(f)
	}
	if n < s.low || n > s.high {
		return fmt.Errorf("must be %s", s.wanted())
	}
	v.SetInt(int64(n))
	return nil
}

// said makes a field's error of what is wrong with its value.
func said(path string, err error) error {
	if err == nil {
		return nil
	}
	return invalid(path, "%v", err)
}

func mistyped(path string, s *shape, is string) error {
	if path == "" {
		return refuse(badJSON, "The body must be a JSON object, not %s.", is)
	}
	return invalid(path, "must be %s, not %s", s.wanted(), is)
}

func named(tok json.Token) string {
	switch tok.(type) {
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
		return "true or false"
	case json.Delim:
		if tok == json.Delim('[') {
			return "an array"
		}
		return "an object"
	}
	return "null"
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// clip keeps a client's own text short.
func clip(s string) string {
	if len(s) > maxShown {
		return strings.ToValidUTF8(s[:maxShown], "") + "…"
	}
	return s
}
