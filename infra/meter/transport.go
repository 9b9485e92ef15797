package meter

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// services are the prefixes of X-Amz-Target.
var services = map[string]string{
	"DynamoDB_20120810": DynamoDB, "DynamoDBStreams_20120810": Streams, "AmazonSQS": SQS, "TrentService": KMS,
}

// transport counts for one caller.
type transport struct {
	meter  *Meter
	caller Caller
	next   http.RoundTripper
}

// exchange is a request and what is known of it.
type exchange struct {
	*transport
	req       *http.Request
	service   string
	operation string
	body      []byte
}

// answer is a response with its whole body.
type answer struct {
	*http.Response
	body []byte
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := readBody(req)
	if err != nil {
		return nil, err
	}
	prefix, operation, _ := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	x := &exchange{transport: t, req: req, service: services[prefix], operation: operation, body: body}
	a, err := x.pass()
	if err != nil {
		return nil, err
	}
	a.Header = a.Header.Clone()
	a.Header.Del("X-Amz-Crc32") // of a body that may be another one now
	a.Body, a.ContentLength = io.NopCloser(bytes.NewReader(a.body)), int64(len(a.body))
	a.Header.Set("Content-Length", fmt.Sprint(len(a.body)))
	return a.Response, nil
}

// pass sends the request on and counts it.
func (x *exchange) pass() (answer, error) {
	switch x.service {
	case DynamoDB:
		return x.passDynamoDB()
	case SQS:
		return x.passSQS()
	case Streams, KMS:
		a, err := x.send(x.operation, x.body)
		if err == nil && a.StatusCode == http.StatusOK {
			x.count(Amount{Requests: 1})
		}
		return a, err
	}
	x.differs("it is of no service that is metered")
	return x.send("", x.body)
}

// send makes a request like the caller's, of another operation and with another body.
func (x *exchange) send(operation string, body []byte) (answer, error) {
	req := x.req.Clone(x.req.Context())
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Header.Del("Content-Length")
	req.Header.Set("Accept-Encoding", "identity")
	if prefix, _, found := strings.Cut(req.Header.Get("X-Amz-Target"), "."); found {
		req.Header.Set("X-Amz-Target", prefix+"."+operation)
	}
	res, err := x.next.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	answered, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, fmt.Errorf("read the answer to %s: %w", operation, err)
	}
	return answer{res, answered}, nil
}

func (x *exchange) count(a Amount) {
	use := Use{Caller: x.caller, Service: x.service, Operation: x.operation}
	x.meter.mu.Lock()
	defer x.meter.mu.Unlock()
	if x.meter.uses[use] == nil {
		x.meter.uses[use] = new(amount)
	}
	x.meter.uses[use].add(a)
}

// differs remembers what is wrong with the meter's or the engine's idea of this request.
func (x *exchange) differs(format string, args ...any) {
	what := fmt.Sprintf("%s %s: ", x.req.Method, x.req.URL.Path)
	if x.operation != "" {
		what = x.operation + ": "
	}
	x.meter.mu.Lock()
	defer x.meter.mu.Unlock()
	if len(x.meter.differences) == maxDifferences {
		x.meter.omitted++
		return
	}
	x.meter.differences = append(x.meter.differences, what+fmt.Sprintf(format, args...)+"; the request was "+shorten(x.body))
}

func readBody(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer req.Body.Close()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, fmt.Errorf("read the request: %w", err)
	}
	return body, nil
}

func shorten(body []byte) string {
	const most = 600
	if len(body) <= most {
		return string(body)
	}
	return fmt.Sprintf("%s… (%d bytes)", body[:most], len(body))
}
