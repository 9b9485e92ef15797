package proxy

import (
	"fmt"
	"net/http"
	"strings"

	"hermod/infra/meter"
	"hermod/infra/template"
)

// sender is who makes a request.
type sender struct {
	name string         // a function's logical id, or Operator
	role *template.Role // nil: it may do everything
	kind meter.Kind
}

func (s sender) caller() meter.Caller { return meter.Caller{Name: s.name, Kind: s.kind} }

// sender finds who has an access key id.
func (p *Proxy) sender(key string) (sender, *refusal) {
	if key == "" {
		return sender{}, &refusal{"MissingAuthenticationTokenException", "Request is missing Authentication Token"}
	}
	if key == Operator {
		return sender{name: Operator, kind: meter.Unbilled}, nil
	}
	s := sender{name: key, kind: meter.Working}
	if name, polls := strings.CutSuffix(key, pollerSuffix); polls {
		s = sender{name: name, kind: meter.Polling}
	}
	f := p.config.Template.Functions[s.name]
	if f == nil {
		return s, &refusal{"UnrecognizedClientException", fmt.Sprintf("The security token included in the request is invalid: %s is no function of the template", key)}
	}
	s.role = p.config.Template.Roles[f.Role]
	return s, nil
}

// accessKey is the access key id of a request's signature (AWS Signature Version 4), empty without one.
func accessKey(r *http.Request) string {
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	key, _, _ := strings.Cut(credential, "/")
	return key
}
