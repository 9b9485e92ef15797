package template

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// resolver replaces intrinsic functions by values.
type resolver struct {
	document
	options    Options
	parameters map[string]any
	conditions map[string]bool
	open       []string // conditions and names that are being resolved, to find circles
}

// absent is the value of AWS::NoValue: what has it is left out.
type absent struct{}

func newResolver(d document, o Options) (*resolver, error) {
	r := &resolver{document: d, options: o, parameters: map[string]any{}, conditions: map[string]bool{}}
	for name, n := range members(d["Parameters"]) {
		value, err := parameter(name, n, o.Parameters)
		if err != nil {
			return nil, err
		}
		r.parameters[name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(o.Parameters)) {
		if _, has := r.parameters[name]; !has {
			return nil, fmt.Errorf("parameter %s is %w", name, errNotKnown)
		}
	}
	for name, n := range members(d["Conditions"]) {
		if _, err := r.condition(name, n); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// parameterFields are what a parameter may say. Those of the second line bind only people and AWS: a wrong value fails there.
var parameterFields = []string{
	"Type", "Default", "AllowedValues",
	"Description", "NoEcho", "AllowedPattern", "ConstraintDescription", "MinLength", "MaxLength", "MinValue", "MaxValue",
}

// parameter returns a parameter's value, which is given or the default. A list is []any.
func parameter(name string, n *yaml.Node, given map[string]string) (any, error) {
	fault := func(format string, args ...any) error {
		return fmt.Errorf("line %d: parameter %s %w", n.Line, name, fmt.Errorf(format, args...))
	}
	for field := range members(n) {
		if !slices.Contains(parameterFields, field) {
			return nil, fault("has %s, which is %w", field, errNotKnown)
		}
	}
	var p struct {
		Type          string   `yaml:"Type"`
		Default       *string  `yaml:"Default"`
		AllowedValues []string `yaml:"AllowedValues"`
	}
	if err := n.Decode(&p); err != nil {
		return nil, fault("is not readable: %w", err)
	}
	value, has := given[name]
	if !has && p.Default == nil {
		return nil, fault("has no default and is not given")
	}
	if !has {
		value = *p.Default
	}
	if p.AllowedValues != nil && !slices.Contains(p.AllowedValues, value) {
		return nil, fault("is %q, but must be one of %s", value, strings.Join(p.AllowedValues, ", "))
	}
	switch p.Type {
	case "String", "Number":
		return value, nil
	case "CommaDelimitedList":
		return split(",", value), nil
	}
	return nil, fault("has type %q, which is %w", p.Type, errNotKnown)
}

// parameterTexts are the parameters as they could be given.
func (r *resolver) parameterTexts() map[string]string {
	texts := map[string]string{}
	for name, value := range r.parameters {
		texts[name] = fmt.Sprint(value)
		if parts, is := value.([]any); is {
			texts[name] = join(",", parts)
		}
	}
	return texts
}

// value resolves a node and all that is in it.
func (r *resolver) value(n *yaml.Node) (any, error) {
	name, argument := intrinsic(n)
	if name != "" {
		v, err := r.call(name, argument)
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", n.Line, strings.TrimPrefix(name, "Fn::"), err)
		}
		return v, nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		return r.mapping(n)
	case yaml.SequenceNode:
		return r.sequence(n)
	}
	return scalar(n)
}

func (r *resolver) mapping(n *yaml.Node) (any, error) {
	m := map[string]any{}
	for name, child := range members(n) {
		v, err := r.value(child)
		if err != nil {
			return nil, err
		}
		if v != (absent{}) {
			m[name] = v
		}
	}
	return m, nil
}

func (r *resolver) sequence(n *yaml.Node) (any, error) {
	list := []any{}
	for _, child := range n.Content {
		v, err := r.value(child)
		if err != nil {
			return nil, err
		}
		if v != (absent{}) {
			list = append(list, v)
		}
	}
	return list, nil
}

// scalar is a string, int, float64 or bool. A date is a string.
func scalar(n *yaml.Node) (any, error) {
	var v any
	if n.Tag == "!!timestamp" {
		return n.Value, nil
	}
	if err := n.Decode(&v); err != nil {
		return nil, err
	}
	return v, nil
}

// enter notes that something is being resolved. It is an error if it is already: then it needs itself.
func (r *resolver) enter(what string) error {
	if at := slices.Index(r.open, what); at >= 0 {
		return fmt.Errorf("%s needs itself: %s", what, strings.Join(append(r.open[at:], what), ", "))
	}
	r.open = append(r.open, what)
	return nil
}

func (r *resolver) leave() { r.open = r.open[:len(r.open)-1] }

func (r *resolver) outputs() (map[string]string, error) {
	outputs := map[string]string{}
	for name, n := range members(r.document["Outputs"]) {
		if there, err := r.present(n); err != nil || !there {
			if err != nil {
				return nil, fmt.Errorf("output %s: %w", name, err)
			}
			continue
		}
		for field := range members(n) {
			if !slices.Contains([]string{"Description", "Value", "Condition", "Export"}, field) {
				return nil, fmt.Errorf("line %d: output %s has %s, which is %w", n.Line, name, field, errNotKnown)
			}
		}
		value := member(n, "Value")
		if value == nil {
			return nil, fmt.Errorf("line %d: output %s has no value", n.Line, name)
		}
		text, err := r.text(value)
		if err != nil {
			return nil, fmt.Errorf("output %s: %w", name, err)
		}
		outputs[name] = text
	}
	return outputs, nil
}
