package console

import (
	"cmp"
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
	op.Scopes = scopesOf(n)
	op.Parameters = append(d.parameters(item), d.parameters(n)...)
	op.Body, op.BodyExample = d.content(at(n, "requestBody"))
	for status, r := range pairs(at(n, "responses")) {
		op.Answers = append(op.Answers, d.answer(status, d.follow(r)))
	}
	return op
}

// scopesOf returns the scopes of an operation, each once, whichever way the key is sent.
func scopesOf(n *yaml.Node) (scopes []string) {
	for _, scheme := range items(at(n, "security")) {
		for _, list := range pairs(scheme) {
			for _, scope := range items(list) {
				if !slices.Contains(scopes, scope.Value) {
					scopes = append(scopes, scope.Value)
				}
			}
		}
	}
	return scopes
}

// parameters returns those of a path, or of an operation.
func (d *document) parameters(n *yaml.Node) (list []fieldDoc) {
	for _, p := range items(at(n, "parameters")) {
		p = d.follow(p)
		f := d.field(scalar(at(p, "name")), at(p, "schema"), 0)
		f.In, f.Required = scalar(at(p, "in")), scalar(at(p, "required")) == "true"
		f.About = cmp.Or(scalar(at(p, "description")), f.About)
		list = append(list, f)
	}
	return list
}

// answer tells an answer; of an error only what it means, for all of them have the same fields.
func (d *document) answer(status string, n *yaml.Node) answerDoc {
	a := answerDoc{Status: status, About: scalar(at(n, "description"))}
	if status < "300" {
		a.Fields, a.Example = d.content(n)
	}
	return a
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
	required := values(at(schema, "required"))
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
	about := cmp.Or(scalar(at(schema, "description")), scalar(at(whole, "description")))
	return fieldDoc{Name: name, Depth: depth, Kind: d.kind(whole), About: about, Limits: limitsOf(whole)}
}

// limitsOf says what a value may be.
func limitsOf(schema *yaml.Node) string {
	var limits []string
	if words := values(at(schema, "enum")); len(words) > 0 {
		limits = append(limits, "one of "+strings.Join(words, ", "))
	}
	for _, bound := range []struct{ key, text string }{
		{"minimum", "at least %s"}, {"maximum", "at most %s"}, {"minItems", "at least %s items"}, {"maxItems", "at most %s items"},
		{"maxLength", "at most %s characters"}, {"default", "default %s"},
	} {
		if v := scalar(at(schema, bound.key)); v != "" {
			limits = append(limits, fmt.Sprintf(bound.text, v))
		}
	}
	return strings.Join(limits, "; ")
}

// kind is what a value is: string, array of object, integer or null.
func (d *document) kind(schema *yaml.Node) string {
	t := at(schema, "type")
	var kinds []string
	switch {
	case t == nil && at(schema, "enum") != nil:
		kinds = append(kinds, "string")
	case t == nil:
		if parts := items(at(schema, "allOf")); len(parts) > 0 {
			return d.kind(d.follow(parts[0]))
		}
		return "any"
	case t.Kind == yaml.SequenceNode:
		kinds = values(t)
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
