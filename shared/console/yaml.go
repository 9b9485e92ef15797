package console

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

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

// values returns the texts of a sequence of scalars.
func values(n *yaml.Node) (texts []string) {
	for _, item := range items(n) {
		texts = append(texts, item.Value)
	}
	return texts
}

// scalar is a scalar's text; empty if there is none.
func scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return strings.TrimSpace(n.Value)
}
