package awslambda

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	payloadFormat = "2.0"
	// gatewayID is the header in which the gateway answers its own id of a request, and in which a handler finds it.
	gatewayID = "Apigw-Requestid"
)

// single are the headers of which a request has one, and whose value never has a comma: if it has, the gateway has joined
// several. All others stay joined: in a list that means the same (RFC 9110, 5.3), in anything else the comma may be the client's.
var single = []string{"Authorization", "X-Api-Key", "X-Project-Id"}

// requestEvent is a request in payload format 2.0.
type requestEvent struct {
	Version        string            `json:"version"`
	RawPath        string            `json:"rawPath"`
	RawQueryString string            `json:"rawQueryString"`
	Cookies        []string          `json:"cookies"`
	Headers        map[string]string `json:"headers"`
	RequestContext struct {
		DomainName string `json:"domainName"`
		RequestID  string `json:"requestId"`
		Stage      string `json:"stage"`
		HTTP       struct {
			Method   string `json:"method"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
	} `json:"requestContext"`
	Body            string `json:"body"`
	IsBase64Encoded bool   `json:"isBase64Encoded"`
}

// readRequest returns the request as net/http's own server would hand it to a handler.
func readRequest(ctx context.Context, event []byte) (*http.Request, error) {
	var e requestEvent
	if err := json.Unmarshal(event, &e); err != nil {
		return nil, err
	}
	if e.Version != payloadFormat {
		return nil, fmt.Errorf("the event has payload format %q, not %s", e.Version, payloadFormat)
	}
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(e.Body); err != nil {
			return nil, fmt.Errorf("decode body: %w", err)
		}
	}
	u := &url.URL{Path: e.path(), RawQuery: e.RawQueryString}
	r := &http.Request{
		Method: e.RequestContext.HTTP.Method, URL: u, RequestURI: u.RequestURI(), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: e.header(), Host: e.RequestContext.DomainName, RemoteAddr: net.JoinHostPort(e.RequestContext.HTTP.SourceIP, "0"),
		Body: http.NoBody, ContentLength: int64(len(body)),
	}
	if len(body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return r.WithContext(ctx), nil
}

// path returns the path without the name of the stage that stands before it, unless that is the default one. In spite of its
// name rawPath is decoded, so a slash that the client had encoded is a separator here, as it was one for the gateway's routes.
func (e *requestEvent) path() string {
	path, stage := e.RawPath, e.RequestContext.Stage
	rest, found := strings.CutPrefix(path, "/"+stage)
	if found && stage != "" && stage != "$default" && (rest == "" || rest[0] == '/') {
		path = rest
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return path
}

func (e *requestEvent) header() http.Header {
	h := http.Header{}
	for name, value := range e.Headers {
		name = http.CanonicalHeaderKey(name)
		values := []string{value}
		if slices.Contains(single, name) {
			values = strings.Split(value, ",")
		}
		for _, v := range values {
			h.Add(name, strings.TrimSpace(v))
		}
	}
	if len(e.Cookies) > 0 {
		h.Set("Cookie", strings.Join(e.Cookies, "; "))
	}
	h.Del("Host")                                // it is the request's Host
	h.Set(gatewayID, e.RequestContext.RequestID) // whatever the client says
	return h
}
