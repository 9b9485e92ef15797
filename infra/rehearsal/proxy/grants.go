package proxy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"hermod/infra/template"
)

// grant is one action on one resource, as a statement of a role has them.
type grant struct {
	role      string // logical id
	statement int
	action    string
	resource  string
}

// use notes the grants that meet a need: those of the statement which allows it.
func (p *Proxy) use(r *template.Role, n need) {
	statement, _ := r.Allows(n.action, n.resource)
	s := r.Statements[statement]
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, action := range s.Actions {
		for _, resource := range s.Resources {
			if template.Matches(strings.ToLower(action), strings.ToLower(n.action)) && template.Matches(resource, n.resource) {
				p.used[grant{r.ID, statement, action, resource}] = true
			}
		}
	}
}

// Unused lists the grants to functions that no request needed so far, but for those to write logs, which are not rehearsed.
func (p *Proxy) Unused() []string {
	roles := map[string]*template.Role{}
	for _, f := range p.config.Template.Functions {
		roles[f.Role] = p.config.Template.Roles[f.Role]
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, id := range slices.Sorted(maps.Keys(roles)) {
		for i, s := range roles[id].Statements {
			if s.Effect == "Allow" {
				all = append(all, p.unusedOf(id, i, s)...)
			}
		}
	}
	return all
}

func (p *Proxy) unusedOf(role string, index int, s template.Statement) []string {
	var all []string
	for _, action := range s.Actions {
		for _, resource := range s.Resources {
			if !strings.HasPrefix(action, "logs:") && !p.used[grant{role, index, action, resource}] {
				all = append(all, fmt.Sprintf("%s %s: %s on %s", role, s.Sid, action, resource))
			}
		}
	}
	return all
}
