package api

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func table() []route { return (&api{}).table() }

func TestOpenAPIAndTheRoutesAreOne(t *testing.T) {
	s := readSpec(t)
	documented := map[string]bool{}
	for path, item := range s.at(s.root, "paths").(map[string]any) {
		for method := range item.(map[string]any) {
			if method != "parameters" {
				documented[strings.ToUpper(method)+" "+path] = true
			}
		}
	}
	ids := map[any]string{}
	for _, rt := range table() {
		name := rt.method + " " + rt.path
		op := s.operation(rt.method, rt.path)
		if !documented[name] || op == nil {
			t.Errorf("%s is not in openapi.yaml", name)
			continue
		}
		delete(documented, name)
		if other, ok := ids[op["operationId"]]; ok {
			t.Errorf("%s and %s have the same operationId", name, other)
		}
		ids[op["operationId"]] = name
		if diff := cmp.Diff(statusesOf(rt), slices.Sorted(maps.Keys(s.at(op, "responses").(map[string]any)))); diff != "" {
			t.Errorf("%s: statuses (- of the route, + of openapi.yaml)\n%s", name, diff)
		}
		if diff := cmp.Diff(securityOf(rt), op["security"]); diff != "" {
			t.Errorf("%s: security (- of the route, + of openapi.yaml)\n%s", name, diff)
		}
	}
	for name := range documented {
		t.Errorf("openapi.yaml has %s, which is no route", name)
	}
}

// statusesOf is every status a route can answer: what the wrapper can refuse follows from the route.
func statusesOf(rt route) []string {
	list := []int{rt.status, 400, 413, 415}
	if rt.scope != "" {
		list = append(list, 401, 403, 429, 500, 503)
	}
	if strings.Contains(rt.path, "{") {
		list = append(list, 404)
	}
	if rt.method == http.MethodPost || rt.method == http.MethodPatch {
		list = append(list, 409)
	}
	if rt.method == http.MethodPost {
		list = append(list, 422)
	}
	if rt.path == "/api-keys/{uid}" {
		list = append(list, 409) // a key that would delete itself
	}
	if rt.path == "/redrives" && rt.method == http.MethodPost {
		list = append(list, 200) // a dry run
	}
	var texts []string
	for _, n := range list {
		texts = append(texts, fmt.Sprint(n))
	}
	slices.Sort(texts)
	return texts
}

func securityOf(rt route) any {
	if rt.scope == "" {
		return []any{}
	}
	scopes := []any{string(rt.scope)}
	return []any{map[string]any{"apiKey": scopes}, map[string]any{"authorization": scopes}}
}

// What the decoder takes and what openapi.yaml says are compared field by field: names, types, limits, null, words.
func TestRequestsAreAsDocumented(t *testing.T) {
	s := readSpec(t)
	for _, rt := range table() {
		name := rt.method + " " + rt.path
		op := s.operation(rt.method, rt.path)
		schema := s.at(op, "requestBody", "content", typeJSON, "schema")
		if (schema == nil) != (len(rt.plan.body.fields) == 0) {
			t.Errorf("%s: openapi.yaml has a body: %v; the route takes %v", name, schema != nil, namesOf(rt.plan.body.fields))
			continue
		}
		if schema != nil {
			required := op["requestBody"].(map[string]any)["required"] == true
			if want := len(s.required(schema)) > 0; required != want && rt.method != http.MethodPatch {
				t.Errorf("%s: requestBody.required is %v, want %v", name, required, want)
			}
			s.compare(t, name, schema, rt.plan.body)
		}
		parameters := map[string]any{}
		for _, p := range list(op["parameters"]) {
			if p := s.deref(p).(map[string]any); p["in"] == "query" {
				parameters[p["name"].(string)] = p["schema"]
			}
		}
		s.compareFields(t, name+"?", parameters, rt.plan.query)
	}
}

func (s *spec) compare(t *testing.T, where string, schema any, sh *shape) {
	t.Helper()
	own, _ := schema.(map[string]any)
	m, _ := s.deref(schema).(map[string]any)
	types := list(m["type"])
	kinds := map[kind]string{text: "string", moment: "string", number: "integer", flag: "boolean", array: "array", object: "object"}
	switch want := kinds[sh.kind]; {
	case sh.kind == free && types != nil && !(sh.nullable && slices.Equal(types, []any{"null"})): // nothing but null is taken
		t.Errorf("%s: openapi.yaml says %v, the route takes any JSON", where, types)
	case sh.kind != free && !slices.Contains(types, any(want)):
		t.Errorf("%s: openapi.yaml says %v, the route takes %s", where, types, want)
	case sh.kind != free && slices.Contains(types, any("null")) != sh.nullable:
		t.Errorf("%s: openapi.yaml says %v, the route takes null: %v", where, types, sh.nullable)
	}
	if (m["format"] == "date-time") != (sh.kind == moment) {
		t.Errorf("%s: is it a time? openapi.yaml says %v", where, m["format"])
	}
	if p, _ := m["pattern"].(string); (p == s.at(s.root, "components", "schemas", "UID", "pattern")) != sh.uid {
		t.Errorf("%s: is it a uid? openapi.yaml has the pattern %q", where, p)
	}
	var words []string
	for _, word := range list(m["enum"]) {
		words = append(words, word.(string))
	}
	if !slices.Equal(words, sh.words) {
		t.Errorf("%s: openapi.yaml lists %v, the route takes %v", where, words, sh.words)
	}
	if sh.kind == number && sh.low > -1<<53 && (m["minimum"] != sh.low || m["maximum"] != sh.high) {
		t.Errorf("%s: openapi.yaml says from %v to %v, the route takes from %d to %d", where, m["minimum"], m["maximum"], sh.low, sh.high)
	}
	if sh.kind == array {
		if sh.items.kind == free {
			return
		}
		s.compare(t, where+"[]", m["items"], sh.items)
	}
	if sh.kind == object {
		if m["additionalProperties"] != false && m["unevaluatedProperties"] != false && own != nil {
			t.Errorf("%s: openapi.yaml allows what it does not list", where)
		}
		s.compareFields(t, where+" ", s.properties(schema), sh.fields)
		var required []string
		for _, f := range sh.fields {
			if f.required {
				required = append(required, f.name)
			}
		}
		slices.Sort(required)
		if !slices.Equal(required, s.required(schema)) {
			t.Errorf("%s: openapi.yaml requires %v, the route %v", where, s.required(schema), required)
		}
	}
}

func (s *spec) compareFields(t *testing.T, where string, documented map[string]any, fields []field) {
	t.Helper()
	names := namesOf(fields)
	slices.Sort(names)
	if diff := cmp.Diff(names, slices.Sorted(maps.Keys(documented))); diff != "" && len(names)+len(documented) > 0 {
		t.Errorf("%s: names (- of the route, + of openapi.yaml)\n%s", where, diff)
		return
	}
	for _, f := range fields {
		s.compare(t, where+f.name, documented[f.name], f.shape)
	}
}

func TestExamplesAreValid(t *testing.T) {
	s := readSpec(t)
	n := 0
	var walk func(path string, node any)
	walk = func(path string, node any) {
		switch node := node.(type) {
		case map[string]any:
			if example, ok := node["example"]; ok && node["schema"] != nil {
				n++
				for _, wrong := range s.validate(path, node["schema"], asJSON(example)) {
					t.Error(wrong)
				}
			}
			for name, child := range node {
				walk(path+"/"+name, child)
			}
		case []any:
			for _, child := range node {
				walk(path, child)
			}
		}
	}
	walk("", s.root)
	if n < 30 {
		t.Errorf("%d examples, want one for every body and every answer", n)
	}
}

// asJSON gives numbers of YAML the type that JSON gives them.
func asJSON(v any) any {
	switch v := v.(type) {
	case int:
		return float64(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = asJSON(v[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for name := range v {
			out[name] = asJSON(v[name])
		}
		return out
	}
	return v
}

func TestLabelsAreDocumented(t *testing.T) {
	s := readSpec(t)
	about := s.at(s.root, "info", "description").(string)
	var words, rows []string
	for _, word := range s.at(s.root, "components", "schemas", "Error", "properties", "error_label", "enum").([]any) {
		words = append(words, word.(string))
	}
	var want, wantRows []string
	for _, row := range labels {
		want = append(want, string(row.label))
		wantRows = append(wantRows, fmt.Sprintf("%s | %d", row.label, row.status))
	}
	for _, m := range regexp.MustCompile(`(?m)^\| ([A-Z_]+ \| \d+) \|`).FindAllStringSubmatch(about, -1) {
		rows = append(rows, m[1])
	}
	if diff := cmp.Diff(want, words); diff != "" {
		t.Errorf("labels (- of the table, + of the schema Error)\n%s", diff)
	}
	if diff := cmp.Diff(wantRows, rows); diff != "" {
		t.Errorf("labels (- of the table, + of the description)\n%s", diff)
	}
}

func TestEveryLabelHasOneRow(t *testing.T) {
	seen := map[label]bool{}
	for _, row := range labels {
		if seen[row.label] || row.status < 400 || row.sentence == "" {
			t.Errorf("label %s: twice, or no error, or without a sentence", row.label)
		}
		seen[row.label] = true
	}
	for _, s := range sentinels {
		if !seen[s.label] {
			t.Errorf("sentinel %v has the label %s, which is not in the table", s.err, s.label)
		}
	}
}

func TestOpenAPIIsServedWithoutAKey(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/openapi.yaml", "/v3/openapi.yaml"} {
		a := w.raw("GET", path, nil, with("X-Api-Key", ""))
		a.must(200)
		if !reflect.DeepEqual(a.body, openAPI) || a.header.Get("Content-Type") != "application/yaml" {
			t.Errorf("%s: %d bytes of %s, want openapi.yaml", path, len(a.body), a.header.Get("Content-Type"))
		}
	}
	for _, path := range []string{"/health", "/v3/health"} {
		if got := w.raw("GET", path, nil, with("X-Api-Key", "")).must(200); got["status"] != "ok" || got["version"] != "1.2.3" {
			t.Errorf("%s: %v", path, got)
		}
	}
}
