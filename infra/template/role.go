package template

import (
	"slices"
	"strings"
)

// role reads the inline policies of a role. Who may take the role is not read.
func (b *builder) role(id string, p *properties) *Role {
	r := &Role{ID: id, Name: b.get(id, "")}
	for _, policy := range p.each("Policies") {
		policy.must("PolicyName")
		document := policy.within("PolicyDocument")
		if version := document.must("Version"); version != "2012-10-17" {
			document.fault("Version", "is %s, which is %w", version, errNotKnown)
		}
		for _, s := range document.each("Statement") {
			r.Statements = append(r.Statements, statement(s))
		}
		document.done()
		policy.done()
	}
	p.done("RoleName", "Description", "AssumeRolePolicyDocument", "Tags")
	return r
}

// statement reads a statement. One with a condition, or that says what it is not about, is a fault: nobody here could judge it.
func statement(p *properties) Statement {
	s := Statement{Sid: p.text("Sid", ""), Effect: p.must("Effect"), Actions: p.texts("Action"), Resources: p.texts("Resource")}
	if s.Effect != "Allow" && s.Effect != "Deny" {
		p.fault("Effect", "is %s, which is %w", s.Effect, errNotKnown)
	}
	if len(s.Actions) == 0 || len(s.Resources) == 0 {
		p.fault("Action", "and Resource have to be there")
	}
	if slices.ContainsFunc(s.Resources, func(r string) bool { return strings.Contains(r, "${") }) {
		p.fault("Resource", "has a variable, which is %w", errNotKnown)
	}
	p.done()
	return s
}

// Allows says whether the role may do the action on the resource, and by which of its statements. A statement that denies it
// wins. The resource of an action that knows none is *.
func (r *Role) Allows(action, resource string) (statement int, ok bool) {
	for i, s := range r.Statements {
		switch {
		case !s.covers(action, resource):
		case s.Effect == "Deny":
			return i, false
		case !ok:
			statement, ok = i, true
		}
	}
	return statement, ok
}

// covers says whether a statement is about the action and the resource. Actions are the same in capitals.
func (s Statement) covers(action, resource string) bool {
	return slices.ContainsFunc(s.Actions, func(a string) bool { return Matches(strings.ToLower(a), strings.ToLower(action)) }) &&
		slices.ContainsFunc(s.Resources, func(r string) bool { return Matches(r, resource) })
}

// Matches says whether a text is of a pattern, in which * stands for any characters and ? for one, as IAM has them.
func Matches(pattern, text string) bool {
	star, resume := -1, 0 // where the last star is, and where the text goes on after what it stands for
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			resume++
			p, t = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
