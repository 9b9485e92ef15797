package template

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// sections are what a template may have at its top. The first three say nothing to a host.
var sections = []string{
	"AWSTemplateFormatVersion", "Description", "Metadata", "Transform", "Parameters", "Mappings", "Conditions", "Globals", "Resources", "Outputs",
}

// serverless is the transform that makes functions of AWS::Serverless::Function.
const serverless = "AWS::Serverless-2016-10-31"

var errNotKnown = errors.New("not known")

// document is a template's text, checked for what our reader and AWS's read in two ways.
type document map[string]*yaml.Node

func readDocument(text []byte) (document, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, err
	}
	if len(root.Content) != 1 || root.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("the file is no template: it has no sections")
	}
	if err := check(&root); err != nil {
		return nil, err
	}
	d := document{}
	for name, n := range members(root.Content[0]) {
		if !slices.Contains(sections, name) {
			return nil, fmt.Errorf("line %d: section %s is %w", n.Line, name, errNotKnown)
		}
		d[name] = n
	}
	if n := d["Transform"]; n != nil && n.Value != serverless {
		return nil, fmt.Errorf("line %d: transform %s is %w", n.Line, n.Value, errNotKnown)
	}
	return d, nil
}

// oldBoolean is what YAML 1.1, which SAM reads, takes for a boolean, and YAML 1.2 for a string.
var oldBoolean = regexp.MustCompile(`^(?i:yes|no|on|off)$`)

// check looks for what two readers of YAML could understand in two ways, in all nodes.
func check(n *yaml.Node) error {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return fmt.Errorf("line %d: anchors and aliases are not for templates", n.Line)
	case n.Kind == yaml.ScalarNode && n.Style == 0 && oldBoolean.MatchString(n.Value):
		return fmt.Errorf("line %d: %s is a boolean to SAM: write it in quotes, or true or false", n.Line, n.Value)
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return fmt.Errorf("line %d: a template must not have an empty value", n.Line)
	}
	var keys []string
	for i, c := range n.Content {
		if err := check(c); err != nil {
			return err
		}
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if slices.Contains(keys, c.Value) {
				return fmt.Errorf("line %d: %s is there twice", c.Line, c.Value)
			}
			keys = append(keys, c.Value)
		}
	}
	return nil
}

// members yields the names and values of a mapping, in their order. What is no mapping has none.
func members(n *yaml.Node) func(yield func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i < len(n.Content); i += 2 {
			if !yield(n.Content[i].Value, n.Content[i+1]) {
				return
			}
		}
	}
}

// member returns the value of a name in a mapping, nil if there is none.
func member(n *yaml.Node, name string) *yaml.Node {
	for key, value := range members(n) {
		if key == name {
			return value
		}
	}
	return nil
}

// intrinsic returns the name and the argument of an intrinsic function, in its short or its long form: !Sub or Fn::Sub. The name
// is empty for any other node.
func intrinsic(n *yaml.Node) (name string, argument *yaml.Node) {
	if short, is := strings.CutPrefix(n.Tag, "!"); is && !strings.HasPrefix(short, "!") {
		plain := *n
		plain.Tag = ""
		if plain.Kind == yaml.ScalarNode {
			plain.Tag = "!!str"
		}
		if short == "Ref" || short == "Condition" {
			return short, &plain
		}
		return "Fn::" + short, &plain
	}
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 {
		if key := n.Content[0].Value; key == "Ref" || strings.HasPrefix(key, "Fn::") {
			return key, n.Content[1]
		}
	}
	return "", nil
}
