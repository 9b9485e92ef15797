package template

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// named says whether a condition holds.
func (r *resolver) named(name string) (bool, error) {
	if holds, known := r.conditions[name]; known {
		return holds, nil
	}
	n := member(r.document["Conditions"], name)
	if n == nil {
		return false, fmt.Errorf("condition %s is %w", name, errNotKnown)
	}
	return r.condition(name, n)
}

// condition resolves a condition and remembers it.
func (r *resolver) condition(name string, n *yaml.Node) (bool, error) {
	if err := r.enter("condition " + name); err != nil {
		return false, err
	}
	defer r.leave()
	holds, err := r.holds(n)
	if err != nil {
		return false, fmt.Errorf("condition %s: %w", name, err)
	}
	r.conditions[name] = holds
	return holds, nil
}

// present says whether a resource or output is part of the stack: its condition holds, or it has none.
func (r *resolver) present(n *yaml.Node) (bool, error) {
	c := member(n, "Condition")
	if c == nil {
		return true, nil
	}
	return r.named(c.Value)
}

// holds resolves an expression of conditions.
func (r *resolver) holds(n *yaml.Node) (bool, error) {
	name, argument := intrinsic(n)
	if name == "" && member(n, "Condition") != nil {
		name, argument = "Condition", member(n, "Condition")
	}
	switch name {
	case "Condition":
		return r.named(argument.Value)
	case "Fn::Equals":
		pair, err := r.texts(argument, 2)
		return err == nil && pair[0] == pair[1], err
	case "Fn::Not":
		all, err := r.each(argument, 1, 1)
		return err == nil && !all[0], err
	case "Fn::And":
		all, err := r.each(argument, 2, 10)
		holds := true
		for _, one := range all {
			holds = holds && one
		}
		return holds, err
	case "Fn::Or":
		all, err := r.each(argument, 2, 10)
		holds := false
		for _, one := range all {
			holds = holds || one
		}
		return holds, err
	}
	return false, fmt.Errorf("line %d: it is no condition", n.Line)
}

// each resolves a list of conditions.
func (r *resolver) each(n *yaml.Node, least, most int) ([]bool, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) < least || len(n.Content) > most {
		return nil, errors.New("it has too many or too few conditions")
	}
	var all []bool
	for _, child := range n.Content {
		holds, err := r.holds(child)
		if err != nil {
			return nil, err
		}
		all = append(all, holds)
	}
	return all, nil
}
