package engines

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Transport is for clients of the AWS SDK whose server is on this machine. The SDK closes the body of a request as soon as the
// head of the answer is there, which net/http may still be writing when the server is that fast; then the call fails with "use of
// closed network connection", as 3 in 100 receives of ten messages do. The SDK tries again, but a receive that is tried again
// leaves its messages in flight, and an addition counts twice. So the request that is sent has a body of its own.
func Transport() http.RoundTripper {
	return ownBody{&http.Transport{MaxIdleConnsPerHost: 100, IdleConnTimeout: 10 * time.Second}}
}

type ownBody struct{ next http.RoundTripper }

func (o ownBody) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return o.next.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("read the body of a request: %w", err)
	}
	own := r.Clone(r.Context())
	own.Body, own.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	own.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return o.next.RoundTrip(own)
}
