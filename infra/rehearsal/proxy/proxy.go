package proxy

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"hermod/infra/meter"
	"hermod/infra/template"
)

// Operator is the access key id of who is no function and may do everything: the host, and tests that do what a person does in
// the AWS console. What it uses is counted, but not billed.
const Operator = "operator"

// pollerSuffix marks the access key id of who polls for a function.
const pollerSuffix = ".poller"

// Poller is the access key id of the event source mappings of a function: they may do what the function may.
func Poller(function string) string { return function + pollerSuffix }

// Config is what a proxy needs.
type Config struct {
	Template *template.Template
	DynamoDB string       // endpoint, for streams too
	SQS      string       // endpoint
	KMS      string       // endpoint
	Meter    *meter.Meter // nil: nothing is counted
}

// Proxy decides and forwards.
type Proxy struct {
	config Config
	needs  needs
	next   http.RoundTripper

	mu     sync.Mutex
	used   map[grant]bool
	denied []string
}

// New returns a proxy before the engines of the config.
func New(c Config) *Proxy {
	return &Proxy{
		config: c, needs: newNeeds(c.Template), used: map[grant]bool{},
		next: &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute, DisableCompression: true},
	}
}

// Handler serves all services: X-Amz-Target says which one is meant.
func (p *Proxy) Handler() http.Handler { return http.HandlerFunc(p.serve) }

// Denied lists the requests that were refused, each once, in the order in which they first came.
func (p *Proxy) Denied() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.denied)
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	q := query{target: r.Header.Get("X-Amz-Target"), body: body}
	s, known := services[q.prefix()]
	if !known {
		refusal{"UnknownOperationException", fmt.Sprintf("the proxy knows no service of the target %q", q.target)}.answer(w)
		return
	}
	sender, refused := p.sender(accessKey(r))
	if refused == nil && sender.role != nil {
		refused = p.check(sender, q)
	}
	if refused != nil {
		p.deny(cmp.Or(sender.name, "somebody"), q, *refused)
		refused.answer(w)
		return
	}
	p.forward(w, r, s.endpoint(p.config), sender, body)
}

// forward makes the request of the engine and answers what it answers. It is made to its end even if the sender is gone, as the
// service would.
func (p *Proxy) forward(w http.ResponseWriter, r *http.Request, endpoint string, s sender, body []byte) {
	out, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, strings.TrimSuffix(endpoint, "/")+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out.Header = r.Header.Clone()
	out.Header.Del("Connection")
	through := p.next
	if p.config.Meter != nil {
		through = p.config.Meter.As(s.caller(), p.next)
	}
	res, err := through.RoundTrip(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer res.Body.Close()
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(res.StatusCode)
	io.Copy(w, res.Body) // an error is that the client is gone
}

// check finds a reason to refuse a request. If there is none it notes which grants the request needs.
func (p *Proxy) check(s sender, q query) *refusal {
	all, err := p.needs.of(q)
	if err != nil {
		return &refusal{"AccessDeniedException", err.Error()}
	}
	for _, n := range all {
		if _, ok := s.role.Allows(n.action, n.resource); !ok {
			return &refusal{"AccessDeniedException", fmt.Sprintf("User: arn:aws:sts::%s:assumed-role/%s/%s is not authorized to perform: %s on resource: %s",
				template.Account, s.role.Name, s.name, n.action, n.resource)}
		}
	}
	for _, n := range all {
		p.use(s.role, n)
	}
	return nil
}

func (p *Proxy) deny(who string, q query, why refusal) {
	line := fmt.Sprintf("%s: %s: %s", who, q.operation(), why.message)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.denied, line) {
		p.denied = append(p.denied, line)
	}
}
