// Package egress is the only HTTP client that may call receivers: it sends a POST to an address that somebody else chose and
// reads an answer that somebody else wrote.
//
// Its rules:
//
//   - The address and port of each connection are judged at the moment it is made, below name resolution: a name that leads
//     somewhere else the second time (DNS rebinding) gains nothing. The URL is judged again before each request.
//   - No proxy is taken from the environment, and no redirect is followed: 3xx is an answer like any other.
//   - One deadline is over everything, from resolving the name to the last byte read; within it, connecting (with resolving)
//     and the TLS handshake have three seconds each.
//   - Of an answer at most 32 KB of header and 16 KB of body are read, and 1 KB of the body is kept. A connection whose answer
//     was longer is closed. Compression is not asked for; what comes in gzip all the same is unpacked up to that 1 KB.
//   - A 2xx status is a delivery, whatever becomes of the body.
//   - One call is one request. Only a request of which nothing was sent, on a kept connection that turned out to be closed, is
//     made again.
//   - It speaks HTTP/1.1 alone. Over HTTP/2 all deliveries to a host, of whatever project, would share a connection: its reset
//     would fail them all, one answer that is not read would hold up the others, one that died while a function was frozen
//     would take every delivery with it until their deadlines, and what a peer can make us keep in memory would be hard to
//     say. The price is a connection for each delivery that runs at the same time as another to its host; kept connections
//     and resumed TLS sessions make it bearable.
package egress

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/webhook"
)

const (
	connectTimeout   = 3 * time.Second
	handshakeTimeout = 3 * time.Second
	maxTimeout       = 20 * time.Second // of a whole request

	maxHeader = 32 << 10 // bytes of an answer's header, interim answers (1xx) included
	maxBody   = 16 << 10 // bytes of an answer's body that are read
	keptBody  = 1 << 10  // bytes of an answer's body that are kept

	maxIdle     = 1000 // connections kept, to all receivers together
	maxSessions = 256  // TLS sessions kept for resumption, to all receivers together

	defaultIdleTimeout = 4 * time.Second
	defaultIdlePerHost = 64
)

// Config says how receivers are called.
type Config struct {
	Rules webhook.Rules

	// IdleTimeout is how long a connection is kept for the next delivery. Zero means 4 s: less than the 5 s after which Node.js
	// closes it from its side, because a request that crosses such a close on the way is lost; and short enough that a
	// function which was frozen does not trust a connection that died meanwhile. A process that is never frozen may set more.
	IdleTimeout time.Duration

	// MaxIdlePerHost is how many connections to one host and port are kept for the next delivery. Zero means 64. It should be
	// what one receiver may have in flight: each delivery beyond it makes a connection of its own.
	MaxIdlePerHost int

	RootCAs  *x509.CertPool // who may sign certificates; nil: whom the system trusts
	Resolver *net.Resolver  // nil: net.DefaultResolver
}

// Client calls receivers. It is safe for concurrent use.
type Client struct {
	rules     webhook.Rules
	judge     func(netip.AddrPort) error // CheckAddr of the rules; tests set their own
	transport *http.Transport
}

// New returns a client. One is enough for a process.
func New(cfg Config) *Client {
	c := &Client{rules: cfg.Rules, judge: cfg.Rules.CheckAddr}
	dialer := &net.Dialer{
		Timeout:   connectTimeout,
		KeepAlive: -1, // no connection is silent for longer than a deadline or IdleTimeout
		Resolver:  cfg.Resolver,
		Control:   c.control,
	}
	c.transport = &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: cfg.RootCAs, ClientSessionCache: tls.NewLRUClientSessionCache(maxSessions)},
		TLSHandshakeTimeout:    handshakeTimeout,
		Protocols:              new(http.Protocols),
		DisableCompression:     true,
		IdleConnTimeout:        cmp.Or(cfg.IdleTimeout, defaultIdleTimeout),
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    cmp.Or(cfg.MaxIdlePerHost, defaultIdlePerHost),
		MaxResponseHeaderBytes: maxHeader,
	}
	c.transport.Protocols.SetHTTP1(true)
	return c
}

// control judges the address of a connection that is about to be made. It is called for each address that a name has, until
// one answers.
func (c *Client) control(_, address string, _ syscall.RawConn) error {
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s is no address", webhook.ErrForbidden, address)
	}
	return c.judge(addr)
}

// Request is one POST. When the receiver answers before it has all of it, net/http may read Header and Body for a moment
// longer than Post takes: neither may be changed afterwards.
type Request struct {
	URL     string
	Header  http.Header   // sent as it is; User-Agent belongs in it; Host, Connection, Content-Length and Expect do not
	Body    []byte        //
	Timeout time.Duration // of the whole attempt, at most 20 s; 0: webhook.DefaultTimeout
}

// Result is what came of a request.
type Result struct {
	Status   int                 // 0 without an answer
	Header   http.Header         // the answer's, as received
	Body     []byte              // the first 1 KB of the answer's, unpacked if it came in gzip
	Duration time.Duration       // until the answer was read, or given up
	Timing   delivery.Timing     //
	Class    delivery.ErrorClass // ClassNone: delivered
	Error    string              // one sentence for a person, in our words only; empty when delivered
}

// Post makes one request. When ctx ends before the request's own deadline the result is that of a time-out: who may end it
// early should look at ctx before writing the result down, because the receiver is not to blame.
func (c *Client) Post(ctx context.Context, r Request) Result {
	watch := &stopwatch{start: time.Now()}
	timeout := min(cmp.Or(r.Timeout, webhook.DefaultTimeout), maxTimeout)
	ctx, cancel := context.WithTimeout(httptrace.WithClientTrace(ctx, watch.trace()), timeout)
	defer cancel()

	var res Result
	resp, err := c.send(ctx, r)
	if err == nil {
		res.Status, res.Header, res.Body = resp.StatusCode, resp.Header, readBody(resp)
	}
	res.Class, res.Error = classify(res.Status, watch.blame(err))
	res.Duration, res.Timing = watch.stop()
	return res
}

// send makes the request and returns when the answer's header is there. It calls the transport itself: what http.Client adds
// to it is redirects and cookies.
func (c *Client) send(ctx context.Context, r Request) (*http.Response, error) {
	if err := c.rules.CheckURL(r.URL); err != nil {
		return nil, &configError{err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return nil, &configError{err}
	}
	req.Header = sentOnce(r.Header)
	return c.transport.RoundTrip(req)
}

// Close closes the connections that are kept. Requests under way go on.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// repeatable are the headers in which net/http reads the permission to send a request again that may have arrived.
var repeatable = []string{"Idempotency-Key", "X-Idempotency-Key"}

// sentOnce returns h without that permission. net/http looks for these names as they are spelled here; for a receiver their
// case makes no difference.
func sentOnce(h http.Header) http.Header {
	if h == nil {
		return http.Header{}
	}
	for _, name := range repeatable {
		if values, ok := h[name]; ok {
			h = maps.Clone(h)
			delete(h, name)
			h[strings.ToLower(name)] = values
		}
	}
	return h
}
