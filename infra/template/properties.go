package template

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// properties reads a mapping of properties and keeps what is wrong with them: a property that must be there and is not, one that
// is not of the form it must have, and, at the end, those that nobody asked for.
type properties struct {
	place  string // Resources.X.Properties
	values map[string]any
	asked  []string
	faults *[]error
}

func (p *properties) fault(name, format string, args ...any) {
	*p.faults = append(*p.faults, fmt.Errorf("%s.%s %w", p.place, name, fmt.Errorf(format, args...)))
}

// take returns a property, nil if there is none.
func (p *properties) take(name string) any {
	p.asked = append(p.asked, name)
	return p.values[name]
}

// text returns a property that is a text, or, if there is none, the one that it then is.
func (p *properties) text(name, otherwise string) string {
	v := p.take(name)
	if v == nil {
		return otherwise
	}
	text, err := textOf(v)
	if err != nil {
		p.fault(name, "is wrong: %w", err)
	}
	return text
}

// must is text for a property that has to be there.
func (p *properties) must(name string) string {
	text := p.text(name, "")
	if text == "" {
		p.fault(name, "is missing")
	}
	return text
}

func (p *properties) number(name string, otherwise int) int {
	v := p.take(name)
	switch v := v.(type) {
	case nil:
		return otherwise
	case int:
		return v
	case string:
		if n, err := strconv.Atoi(v); err == nil {
			return n
		}
	}
	p.fault(name, "is %v, want a number", v)
	return 0
}

func (p *properties) seconds(name string, otherwise int) time.Duration {
	return time.Duration(p.number(name, otherwise)) * time.Second
}

func (p *properties) flag(name string, otherwise bool) bool {
	switch v := p.take(name); v {
	case nil:
		return otherwise
	case true, "true":
		return true
	case false, "false":
		return false
	default:
		p.fault(name, "is %v, want true or false", v)
	}
	return false
}

// list returns the elements of a list, none if there is no such property.
func (p *properties) list(name string) []any {
	v := p.take(name)
	elements, is := v.([]any)
	if v != nil && !is {
		p.fault(name, "is %v, want a list", v)
	}
	return elements
}

// texts returns the elements of a list of texts. A single text stands for a list of one.
func (p *properties) texts(name string) []string {
	if text, is := p.values[name].(string); is {
		p.take(name)
		return []string{text}
	}
	var texts []string
	for _, e := range p.list(name) {
		text, err := textOf(e)
		if err != nil {
			p.fault(name, "is wrong: %w", err)
		}
		texts = append(texts, text)
	}
	return texts
}

// within returns a reader of a property that is a mapping, of an empty one if there is no such property.
func (p *properties) within(name string) *properties {
	return p.into(p.place+"."+name, p.take(name))
}

func (p *properties) into(place string, v any) *properties {
	q := &properties{place: place, faults: p.faults}
	var is bool
	if q.values, is = v.(map[string]any); v != nil && !is {
		*p.faults = append(*p.faults, fmt.Errorf("%s is %v, want a mapping", place, v))
	}
	return q
}

// each returns a reader for each element of a list of mappings.
func (p *properties) each(name string) []*properties {
	var all []*properties
	for i, e := range p.list(name) {
		all = append(all, p.into(fmt.Sprintf("%s.%s[%d]", p.place, name, i), e))
	}
	return all
}

// partialFailures reads FunctionResponseTypes.
func (p *properties) partialFailures() bool {
	types := p.texts("FunctionResponseTypes")
	if len(types) > 0 && !slices.Equal(types, []string{"ReportBatchItemFailures"}) {
		p.fault("FunctionResponseTypes", "are %v, which are %w", types, errNotKnown)
	}
	return len(types) > 0
}

// done is called when all was read, with the properties that may be there and say nothing to a host.
func (p *properties) done(idle ...string) {
	for _, name := range sortedKeys(p.values) {
		if !slices.Contains(p.asked, name) && !slices.Contains(idle, name) {
			p.fault(name, "is %w", errNotKnown)
		}
	}
}
