package console

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is openapi.yaml, as far as the reference shows it.
type document struct {
	root       *yaml.Node
	About      string
	Tags       []tag
	operations map[string]operation
}

// tag is a group of operations.
type tag struct {
	Name, About string
	Operations  []operation
}

// operation is one method of one path.
type operation struct {
	ID, Method, Path string
	Tag              string
	Summary, About   string
	Scopes           []string // that the key needs; empty: no key is needed
	Parameters       []fieldDoc
	Body             []fieldDoc
	BodyExample      string
	Answers          []answerDoc
}

// answerDoc is an answer by its status.
type answerDoc struct {
	Status, About string
	Fields        []fieldDoc
	Example       string
}

// fieldDoc is a field or a parameter.
type fieldDoc struct {
	Name     string
	In       string // of a parameter: path, query or header
	Depth    int    // how deep the field lies in others
	Kind     string
	Required bool
	About    string
	Limits   string
}

// maxDepth is how deep fields within fields are told.
const maxDepth = 3

// readDocument reads openapi.yaml.
func readDocument(text []byte) (*document, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	if len(root.Content) == 0 {
		return nil, fmt.Errorf("read openapi.yaml: it is empty")
	}
	d := &document{root: root.Content[0], operations: map[string]operation{}}
	d.About = scalar(at(at(d.root, "info"), "description"))
	for _, t := range items(at(d.root, "tags")) {
		d.Tags = append(d.Tags, tag{Name: scalar(at(t, "name")), About: scalar(at(t, "description"))})
	}
	for path, item := range pairs(at(d.root, "paths")) {
		for method, op := range pairs(item) {
			if at(op, "operationId") != nil {
				d.add(d.operation(method, path, item, op))
			}
		}
	}
	return d, nil
}

func (d *document) add(op operation) {
	d.operations[op.ID] = op
	for i := range d.Tags {
		if d.Tags[i].Name == op.Tag {
			d.Tags[i].Operations = append(d.Tags[i].Operations, op)
		}
	}
}

func (d *document) operation(method, path string, item, n *yaml.Node) operation {
	op := operation{
		ID: scalar(at(n, "operationId")), Method: strings.ToUpper(method), Path: path, Summary: scalar(at(n, "summary")), About: scalar(at(n, "description")),
	}
	if tags := items(at(n, "tags")); len(tags) > 0 {
		op.Tag = tags[0].Value
	}
	for _, s := range items(at(n, "security")) {
		for _, scopes := range pairs(s) {
			for _, scope := range items(scopes) {
				if !slices.Contains(op.Scopes, scope.Value) {
					op.Scopes = append(op.Scopes, scope.Value)
				}
			}
		}
	}
	for _, p := range append(items(at(item, "parameters")), items(at(n, "parameters"))...) {
		p = d.follow(p)
		f := d.field(scalar(at(p, "name")), at(p, "schema"), 0)
		f.In, f.Required = scalar(at(p, "in")), scalar(at(p, "required")) == "true"
		if about := scalar(at(p, "description")); about != "" {
			f.About = about
		}
		op.Parameters = append(op.Parameters, f)
	}
	op.Body, op.BodyExample = d.content(at(n, "requestBody"))
	for status, r := range pairs(at(n, "responses")) {
		r = d.follow(r)
		a := answerDoc{Status: status, About: scalar(at(r, "description"))}
		if status < "300" {
			a.Fields, a.Example = d.content(r)
		}
		op.Answers = append(op.Answers, a)
	}
	return op
}

// content returns the fields and the example of a body in JSON.
func (d *document) content(n *yaml.Node) (fields []fieldDoc, example string) {
	body := at(at(d.follow(n), "content"), "application/json")
	if body == nil {
		return nil, ""
	}
	return d.fields(at(body, "schema"), 0), jsonOf(exampleOf(body))
}

// exampleOf returns the example of a body, or the first of several.
func exampleOf(body *yaml.Node) *yaml.Node {
	for _, named := range pairs(at(body, "examples")) {
		return at(named, "value")
	}
	return at(body, "example")
}

// fields returns those of an object, with those that lie in them, or those of an array's items.
func (d *document) fields(schema *yaml.Node, depth int) (list []fieldDoc) {
	schema = d.follow(schema)
	if schema == nil || depth > maxDepth {
		return nil
	}
	if inner := at(schema, "items"); inner != nil {
		return d.fields(inner, depth)
	}
	var required []string
	for _, r := range items(at(schema, "required")) {
		required = append(required, r.Value)
	}
	for _, part := range append(items(at(schema, "allOf")), items(at(schema, "oneOf"))...) {
		for _, f := range d.fields(part, depth) {
			f.Required = f.Required || f.Depth == depth && slices.Contains(required, f.Name)
			list = append(list, f)
		}
	}
	for name, property := range pairs(at(schema, "properties")) {
		f := d.field(name, property, depth)
		f.Required = slices.Contains(required, name)
		list = append(append(list, f), d.fields(property, depth+1)...)
	}
	return list
}

// field describes a value by its schema.
func (d *document) field(name string, schema *yaml.Node, depth int) fieldDoc {
	whole := d.follow(schema)
	f := fieldDoc{Name: name, Depth: depth, Kind: d.kind(whole), About: scalar(at(whole, "description"))}
	if about := scalar(at(schema, "description")); about != "" {
		f.About = about
	}
	var limits []string
	if words := items(at(whole, "enum")); len(words) > 0 {
		var all []string
		for _, w := range words {
			all = append(all, w.Value)
		}
		limits = append(limits, "one of "+strings.Join(all, ", "))
	}
	for _, bound := range []struct{ key, text string }{
		{"minimum", "at least %s"}, {"maximum", "at most %s"}, {"minItems", "at least %s items"}, {"maxItems", "at most %s items"},
		{"maxLength", "at most %s characters"}, {"default", "default %s"},
	} {
		if v := scalar(at(whole, bound.key)); v != "" {
			limits = append(limits, fmt.Sprintf(bound.text, v))
		}
	}
	f.Limits = strings.Join(limits, "; ")
	return f
}

// kind is what a value is: string, array of object, integer or null.
func (d *document) kind(schema *yaml.Node) string {
	t := at(schema, "type")
	kinds := []string{}
	switch {
	case t == nil && at(schema, "enum") != nil:
		kinds = append(kinds, "string")
	case t == nil:
		if parts := items(at(schema, "allOf")); len(parts) > 0 {
			return d.kind(d.follow(parts[0]))
		}
		return "any"
	case t.Kind == yaml.SequenceNode:
		for _, k := range t.Content {
			kinds = append(kinds, k.Value)
		}
	default:
		kinds = append(kinds, t.Value)
	}
	if i := slices.Index(kinds, "array"); i >= 0 {
		kinds[i] = "array of " + d.kind(d.follow(at(schema, "items")))
	}
	return strings.Join(kinds, " or ")
}

// follow returns what a reference leads to; anything else is itself.
func (d *document) follow(n *yaml.Node) *yaml.Node {
	for range 8 {
		ref := scalar(at(n, "$ref"))
		if ref == "" {
			return n
		}
		n = d.root
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			n = at(n, part)
		}
	}
	return nil
}

// jsonOf writes an example as JSON, in its own order.
func jsonOf(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	writeJSON(&b, n, "")
	return b.String()
}

func writeJSON(b *strings.Builder, n *yaml.Node, indent string) {
	switch {
	case n.Kind == yaml.MappingNode && len(n.Content) > 0:
		separator := "{\n"
		for name, value := range pairs(n) {
			fmt.Fprintf(b, "%s%s  %s: ", separator, indent, quoted(name))
			writeJSON(b, value, indent+"  ")
			separator = ",\n"
		}
		b.WriteString("\n" + indent + "}")
	case n.Kind == yaml.SequenceNode && len(n.Content) > 0:
		b.WriteString("[")
		for i, item := range n.Content {
			if i > 0 {
				b.WriteString(", ")
			}
			writeJSON(b, item, indent+"  ")
		}
		b.WriteString("]")
	default:
		var v any
		if err := n.Decode(&v); err == nil {
			b.WriteString(quoted(v))
		}
	}
}

// quoted writes a value as JSON, with < and & as they are: templates escape them.
func quoted(v any) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return "null"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// at returns the value of a key; nil if there is none.
func at(n *yaml.Node, key string) *yaml.Node {
	for name, value := range pairs(n) {
		if name == key {
			return value
		}
	}
	return nil
}

// pairs goes over a mapping in its order.
func pairs(n *yaml.Node) func(yield func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i].Value, n.Content[i+1]) {
				return
			}
		}
	}
}

// items returns those of a sequence.
func items(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return slices.Clone(n.Content)
}

// scalar is a scalar's text; empty if there is none.
func scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return strings.TrimSpace(n.Value)
}
