package assemble

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// clients makes the clients of AWS's services.
type clients struct{ getenv func(string) string }

func (c clients) check() error {
	if c.getenv("AWS_REGION") == "" {
		return errors.New("AWS_REGION is empty, want the region of table, queues and key")
	}
	return nil
}

func (c clients) dynamoDB() *dynamodb.Client {
	endpoint := c.endpoint("AWS_ENDPOINT_URL_DYNAMODB")
	return dynamodb.New(dynamodb.Options{Region: c.getenv("AWS_REGION"), Credentials: c.credentials(), BaseEndpoint: endpoint, HTTPClient: client(endpoint)})
}

func (c clients) sqs() *sqs.Client {
	endpoint := c.endpoint("AWS_ENDPOINT_URL_SQS")
	return sqs.New(sqs.Options{Region: c.getenv("AWS_REGION"), Credentials: c.credentials(), BaseEndpoint: endpoint, HTTPClient: client(endpoint)})
}

func (c clients) kms() *kms.Client {
	endpoint := c.endpoint("AWS_ENDPOINT_URL_KMS")
	return kms.New(kms.Options{Region: c.getenv("AWS_REGION"), Credentials: c.credentials(), BaseEndpoint: endpoint, HTTPClient: client(endpoint)})
}

func (c clients) endpoint(variable string) *string {
	if url := c.getenv(variable); url != "" {
		return aws.String(url)
	}
	return nil
}

// credentials are those of the environment, which on Lambda are the role's and as good as long as the process.
func (c clients) credentials() aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		got := aws.Credentials{
			AccessKeyID: c.getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: c.getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: c.getenv("AWS_SESSION_TOKEN"),
			Source: "environment",
		}
		if !got.HasKeys() {
			return got, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are empty, want credentials")
		}
		return got, nil
	})
}

// requestTime bounds one request, so that one that hangs leaves time to repeat it. It is longer than any receive waits.
const requestTime = 4 * time.Second

func client(endpoint *string) *http.Client {
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: time.Second}).DialContext,
		TLSHandshakeTimeout: 2 * time.Second,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     50 * time.Second,
	}
	if endpoint == nil {
		return &http.Client{Transport: transport, Timeout: requestTime}
	}
	return &http.Client{Transport: ownBody{transport}, Timeout: requestTime}
}

// ownBody gives the transport a copy of each request's body. The SDK closes the body as soon as an answer begins, which a server on
// the same machine may send while the transport still writes: the request would fail.
type ownBody struct{ next http.RoundTripper }

func (t ownBody) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil {
		return t.next.RoundTrip(req)
	}
	body, err := io.ReadAll(req.Body)
	if err := errors.Join(err, req.Body.Close()); err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Body = io.NopCloser(bytes.NewReader(body))
	return t.next.RoundTrip(req)
}
