package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"hermod/infra/template"
)

// event is what a function gets: payload format 2.0 of HTTP APIs.
type event struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext        requestContext    `json:"requestContext"`
	PathParameters        map[string]string `json:"pathParameters,omitempty"`
	Body                  string            `json:"body,omitempty"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

type requestContext struct {
	AccountID    string      `json:"accountId"`
	APIID        string      `json:"apiId"`
	DomainName   string      `json:"domainName"`
	DomainPrefix string      `json:"domainPrefix"`
	HTTP         httpContext `json:"http"`
	RequestID    string      `json:"requestId"`
	RouteKey     string      `json:"routeKey"`
	Stage        string      `json:"stage"`
	Time         string      `json:"time"`
	TimeEpoch    int64       `json:"timeEpoch"`
}

type httpContext struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// newEvent returns the event of a request. The path is the decoded one and the query is as it came, as with HTTP APIs.
func newEvent(r *http.Request, id, key string, params map[string]string, body []byte) event {
	now := time.Now().UTC()
	source, _, _ := net.SplitHostPort(r.RemoteAddr)
	e := event{
		Version: "2.0", RouteKey: key, RawPath: r.URL.Path, RawQueryString: r.URL.RawQuery,
		Cookies: cookies(r.Header), Headers: headers(r, source), QueryStringParameters: joined(r.URL.Query()), PathParameters: params,
		RequestContext: requestContext{
			AccountID: template.Account, APIID: "rehearsal", DomainName: r.Host, DomainPrefix: "rehearsal",
			HTTP:      httpContext{Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: source, UserAgent: r.UserAgent()},
			RequestID: id, RouteKey: key, Stage: "$default", Time: now.Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
		},
		Body: string(body),
	}
	if len(body) > 0 && !isText(r.Header.Get("Content-Type")) {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return e
}

// encode leaves <, > and & as they are, as the gateway does: what is escaped counts against the size of the event.
func (e event) encode() []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		panic(err) // strings and numbers only
	}
	return b.Bytes()
}

// headers are in lower case, one value each, with what the gateway adds.
func headers(r *http.Request, source string) map[string]string {
	h := map[string]string{}
	for name, values := range r.Header {
		if name != "Cookie" {
			h[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	_, port, _ := net.SplitHostPort(r.Host)
	h["host"] = r.Host
	h["x-forwarded-for"] = strings.Join(append(slices.Clone(r.Header["X-Forwarded-For"]), source), ", ")
	h["x-forwarded-port"] = port
	h["x-forwarded-proto"] = "http"
	return h
}

func cookies(h http.Header) []string {
	var list []string
	for _, line := range h["Cookie"] {
		for _, c := range strings.Split(line, ";") {
			list = append(list, strings.TrimSpace(c))
		}
	}
	return list
}

func joined(query url.Values) map[string]string {
	all := map[string]string{}
	for name, values := range query {
		all[name] = strings.Join(values, ",")
	}
	return all
}

// isText reports whether a body of this type travels as it is; every other one travels in base64.
func isText(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	return strings.HasPrefix(kind, "text/") || slices.Contains([]string{"application/json", "application/javascript", "application/xml"}, kind)
}
