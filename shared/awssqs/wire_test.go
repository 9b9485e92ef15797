package awssqs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"hermod/infra/engines"
	"hermod/infra/engines/enginetest"
	"hermod/shared/awssqs"
	"hermod/shared/awssqs/awssqstest"
	"hermod/shared/delivery"
)

// errReset is what the client of a connection sees that was reset.
var errReset = errors.New("read tcp 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer")

// wire is what lies between the client and SQS. It counts the requests of each action and can spoil them.
type wire struct {
	next http.RoundTripper

	mu    sync.Mutex
	calls map[string][]string // action -> bodies
	spoil func(action string, n int, r *http.Request) (*http.Response, error)
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	w.mu.Lock()
	w.calls[action] = append(w.calls[action], string(body))
	n, spoil := len(w.calls[action]), w.spoil
	w.mu.Unlock()
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	if spoil == nil {
		return w.next.RoundTrip(r)
	}
	return spoil(action, n, r)
}

// of returns the bodies of an action's requests.
func (w *wire) of(action string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[action]
}

// breaks sets what happens to requests from now on, and forgets those before.
func (w *wire) breaks(spoil func(action string, n int, r *http.Request) (*http.Response, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls, w.spoil = map[string][]string{}, spoil
}

// mended lets everything pass.
func (w *wire) mended() { w.breaks(nil) }

// open returns lanes on an SQS and the wire to it. The SDK waits for nothing before it tries again.
func open(t *testing.T) (*awssqs.Queue, *wire) {
	t.Helper()
	w := &wire{next: engines.Transport(), calls: map[string][]string{}}
	client := impatient(awssqstest.Client(enginetest.SQS(t), w))
	q := awssqs.New(awssqs.Config{Client: client, URLs: awssqstest.CreateQueues(t, client)})
	t.Cleanup(w.mended)
	w.mended()
	return q, w
}

// canned returns lanes on a server that gives one answer to everything, and the wire to it.
func canned(status int, body string) (*awssqs.Queue, *wire) {
	w := &wire{calls: map[string][]string{}, spoil: func(string, int, *http.Request) (*http.Response, error) { return answer(status, body), nil }}
	return awssqs.New(awssqs.Config{Client: impatient(awssqstest.Client("http://sqs.invalid", w)), URLs: map[delivery.Lane]string{
		delivery.LaneFirst: "http://sqs.invalid/first", delivery.LaneRetry: "http://sqs.invalid/retry", delivery.LaneDead: "http://sqs.invalid/dead",
	}}), w
}

func impatient(c *sqs.Client) *sqs.Client {
	return sqs.New(c.Options(), func(o *sqs.Options) {
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			o.RateLimiter = ratelimit.None // nor does it give up since it had to so often
		})
	})
}

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: io.NopCloser(strings.NewReader(body))}
}

// refusal is the answer of a service that does not do what it is asked.
func refusal(code, message string) *http.Response {
	body, _ := json.Marshal(map[string]string{"__type": "com.amazonaws.sqs#" + code, "message": message})
	return answer(http.StatusBadRequest, string(body))
}

// lose carries a request out and loses the answer.
func (w *wire) lose(r *http.Request) (*http.Response, error) {
	res, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body.Close()
	return nil, errReset
}

// refuse carries out a request of a batch without the entries that have these ids, and adds to the answer that they failed.
func (w *wire) refuse(r *http.Request, code string, ids ...string) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var request map[string]any
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, err
	}
	var rest, failed []any
	for _, e := range request["Entries"].([]any) {
		id := e.(map[string]any)["Id"].(string)
		if strings.Contains(","+strings.Join(ids, ",")+",", ","+id+",") {
			failed = append(failed, map[string]any{"Id": id, "Code": code, "Message": "a test asked for it", "SenderFault": false})
			continue
		}
		rest = append(rest, e)
	}
	done := map[string]any{"Successful": []any{}}
	if len(rest) > 0 {
		request["Entries"] = rest
		body, _ = json.Marshal(request)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		res, err := w.next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&done); err != nil {
			return nil, err
		}
	}
	done["Failed"] = failed
	body, err = json.Marshal(done)
	return answer(http.StatusOK, string(body)), err
}
