package mapping

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// pattern is an event pattern as event source mappings use them to filter: objects name fields, lists hold what a field may be.
// It knows plain values and the operators prefix, suffix, exists and anything-but.
type pattern map[string]any

// parsePattern reads a pattern. One that uses what it does not know is an error: it would match something else than on AWS.
func parsePattern(text string) (pattern, error) {
	var p pattern
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return nil, fmt.Errorf("pattern %s: %w", text, err)
	}
	if err := check(p); err != nil {
		return nil, fmt.Errorf("pattern %s: %w", text, err)
	}
	return p, nil
}

func check(fields map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch want := fields[name].(type) {
		case map[string]any:
			if err := check(want); err != nil {
				return err
			}
		case []any:
			for _, w := range want {
				if err := checkOne(w); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
		default:
			return fmt.Errorf("%s: neither an object nor a list", name)
		}
	}
	return nil
}

func checkOne(want any) error {
	operator, operand, ok := operatorOf(want)
	if !ok {
		if _, isObject := want.(map[string]any); isObject {
			return fmt.Errorf("%v is no operator", want)
		}
		return nil
	}
	switch operand.(type) {
	case string:
		ok = operator == "prefix" || operator == "suffix" || operator == "anything-but"
	case bool:
		ok = operator == "exists"
	case []any, float64:
		ok = operator == "anything-but"
	default:
		ok = false
	}
	if !ok {
		return fmt.Errorf("a rehearsal does not know %s of %v", operator, operand)
	}
	return nil
}

// operatorOf takes {"prefix": "J#"} apart.
func operatorOf(want any) (operator string, operand any, ok bool) {
	m, isObject := want.(map[string]any)
	if !isObject || len(m) != 1 {
		return "", nil, false
	}
	for operator, operand = range m {
	}
	return operator, operand, true
}

// matches reports whether an event has all that the pattern names.
func (p pattern) matches(event map[string]any) bool {
	for name, want := range p {
		have, there := event[name]
		switch want := want.(type) {
		case map[string]any:
			inner, _ := have.(map[string]any) // a missing object has no fields, which exists: false may want
			if !pattern(want).matches(inner) {
				return false
			}
		case []any:
			if !slices.ContainsFunc(want, func(w any) bool { return anyIs(have, there, w) }) {
				return false
			}
		}
	}
	return true
}

// anyIs compares a field, and of a list each element.
func anyIs(have any, there bool, want any) bool {
	if list, ok := have.([]any); ok {
		return slices.ContainsFunc(list, func(h any) bool { return is(h, true, want) })
	}
	return is(have, there, want)
}

func is(have any, there bool, want any) bool {
	operator, operand, ok := operatorOf(want)
	if !ok {
		return there && reflect.DeepEqual(have, want)
	}
	text, isText := have.(string)
	switch operator {
	case "exists":
		return there == operand.(bool)
	case "prefix":
		return isText && strings.HasPrefix(text, operand.(string))
	case "suffix":
		return isText && strings.HasSuffix(text, operand.(string))
	case "anything-but":
		if list, ok := operand.([]any); ok {
			return there && !slices.ContainsFunc(list, func(o any) bool { return reflect.DeepEqual(have, o) })
		}
		return there && !reflect.DeepEqual(have, operand)
	}
	panic("an operator that check let pass: " + operator)
}
