package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// spec is openapi.yaml as a test reads it.
type spec struct{ root map[string]any }

func readSpec(t testing.TB) *spec {
	t.Helper()
	var s spec
	if err := yaml.Unmarshal(openAPI, &s.root); err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	return &s
}

// at returns what is at a path of names, following references.
func (s *spec) at(node any, path ...string) any {
	for _, name := range path {
		m, _ := s.deref(node).(map[string]any)
		node = m[name]
	}
	return s.deref(node)
}

func (s *spec) deref(node any) any {
	for {
		m, _ := node.(map[string]any)
		ref, ok := m["$ref"].(string)
		if !ok {
			return node
		}
		target := any(s.root)
		for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			target = target.(map[string]any)[name]
		}
		if target == nil {
			panic("openapi.yaml has a reference to nothing: " + ref)
		}
		node = target
	}
}

// operation returns what openapi.yaml says of a method and a path; nil if nothing.
func (s *spec) operation(method, path string) map[string]any {
	for template, item := range s.at(s.root, "paths").(map[string]any) {
		if matches(template, path) {
			if op, ok := s.at(item, strings.ToLower(method)).(map[string]any); ok {
				return op // of two paths that match, as /jobs/{uid} and /jobs/status do, one has the method
			}
		}
	}
	return nil
}

func matches(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if want[i] != got[i] && !strings.HasPrefix(want[i], "{") {
			return false
		}
	}
	return true
}

// check returns what is wrong with a real answer.
func (s *spec) check(a *answered) []string {
	op := s.operation(a.method, strings.TrimPrefix(a.path, "/v3"))
	if op == nil || a.status == 405 {
		return s.validate("error", map[string]any{"$ref": "#/components/schemas/Error"}, parsed(a.body))
	}
	response, ok := s.at(op, "responses", fmt.Sprint(a.status)).(map[string]any)
	if !ok {
		return []string{"the status is not documented"}
	}
	if a.header.Get("X-Request-Id") == "" {
		return []string{"there is no X-Request-Id"}
	}
	content, _ := s.at(response, "content").(map[string]any)
	if content == nil {
		if len(a.body) > 0 {
			return []string{"no body is documented"}
		}
		return nil
	}
	schema, ok := content[a.header.Get("Content-Type")].(map[string]any)
	switch {
	case !ok:
		return []string{"no content of type " + a.header.Get("Content-Type")}
	case a.header.Get("Content-Type") != typeJSON:
		return nil
	}
	return s.validate("body", schema["schema"], parsed(a.body))
}

func parsed(body []byte) any {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return fmt.Errorf("no JSON: %w", err)
	}
	return v
}

// validate is JSON Schema 2020-12 as far as openapi.yaml uses it.
func (s *spec) validate(path string, schema, v any) (wrong []string) {
	m, ok := schema.(map[string]any)
	if !ok {
		return []string{path + ": no schema"}
	}
	if _, ok := m["$ref"]; ok {
		wrong = s.validate(path, s.deref(map[string]any{"$ref": m["$ref"]}), v)
	}
	for _, part := range list(m["allOf"]) {
		wrong = append(wrong, s.validate(path, part, v)...)
	}
	bad := func(format string, args ...any) { wrong = append(wrong, path+": "+fmt.Sprintf(format, args...)) }
	if types := list(m["type"]); len(types) > 0 && !slices.ContainsFunc(types, func(t any) bool { return is(v, t.(string)) }) {
		bad("%v is no %v", v, types)
	}
	if words, ok := m["enum"].([]any); ok && !slices.Contains(words, v) {
		bad("%v is not one of %v", v, words)
	}
	if word, ok := m["const"]; ok && v != word {
		bad("%v is not %v", v, word)
	}
	switch v := v.(type) {
	case string:
		if p, ok := m["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(v) {
			bad("%q does not match %s", v, p)
		}
		if n, ok := m["minLength"].(int); ok && len(v) < n {
			bad("shorter than %d", n)
		}
	case float64:
		if n, ok := m["minimum"].(int); ok && v < float64(n) {
			bad("%v is less than %d", v, n)
		}
		if n, ok := m["maximum"].(int); ok && v > float64(n) {
			bad("%v is more than %d", v, n)
		}
	case []any:
		if n, ok := m["minItems"].(int); ok && len(v) < n {
			bad("fewer than %d items", n)
		}
		if n, ok := m["maxItems"].(int); ok && len(v) > n {
			bad("more than %d items", n)
		}
		for i, item := range v {
			if m["items"] != nil {
				wrong = append(wrong, s.validate(fmt.Sprintf("%s[%d]", path, i), m["items"], item)...)
			}
		}
	case map[string]any:
		wrong = append(wrong, s.validateObject(path, m, v)...)
	}
	return wrong
}

func (s *spec) validateObject(path string, m, v map[string]any) (wrong []string) {
	for _, name := range list(m["required"]) {
		if _, ok := v[name.(string)]; !ok {
			wrong = append(wrong, path+": "+name.(string)+" is missing")
		}
	}
	properties, _ := m["properties"].(map[string]any)
	for name, value := range v {
		if p, ok := properties[name]; ok {
			wrong = append(wrong, s.validate(path+"."+name, p, value)...)
		} else if m["additionalProperties"] == false {
			wrong = append(wrong, path+": "+name+" is not documented")
		}
	}
	if m["unevaluatedProperties"] == false {
		all := s.properties(m)
		for name := range v {
			if _, ok := all[name]; !ok {
				wrong = append(wrong, path+": "+name+" is not documented")
			}
		}
	}
	return wrong
}

// properties returns the schema's own properties and those of what it consists of.
func (s *spec) properties(schema any) map[string]any {
	m, _ := s.deref(schema).(map[string]any)
	all := map[string]any{}
	for _, part := range list(m["allOf"]) {
		maps.Copy(all, s.properties(part))
	}
	own, _ := m["properties"].(map[string]any)
	maps.Copy(all, own)
	return all
}

// required returns the names that a schema and what it consists of ask for.
func (s *spec) required(schema any) (names []string) {
	m, _ := s.deref(schema).(map[string]any)
	for _, part := range list(m["allOf"]) {
		names = append(names, s.required(part)...)
	}
	for _, name := range list(m["required"]) {
		names = append(names, name.(string))
	}
	slices.Sort(names)
	return names
}

// list returns v as a list: of one if it is a single thing, of none if it is nil.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

func is(v any, kind string) bool {
	switch v := v.(type) {
	case nil:
		return kind == "null"
	case string:
		return kind == "string"
	case bool:
		return kind == "boolean"
	case float64:
		return kind == "number" || kind == "integer" && v == math.Trunc(v)
	case int:
		return kind == "number" || kind == "integer"
	case []any:
		return kind == "array"
	case map[string]any:
		return kind == "object"
	}
	return false
}
