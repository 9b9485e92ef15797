package proxy_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"hermod/infra/meter"
	"hermod/infra/rehearsal/proxy"
	"hermod/infra/template"
)

const (
	tableARN  = "arn:aws:dynamodb:us-east-1:000000000000:table/things"
	streamARN = tableARN + "/stream/2026-01-01T00:00:00.000"
	keyARN    = "arn:aws:kms:us-east-1:000000000000:key/1234"
)

func queueARN(name string) string { return "arn:aws:sqs:us-east-1:000000000000:" + name }

// granted is a template with one function, Worker, whose role has these statements.
func granted(statements ...template.Statement) *template.Template {
	for i := range statements {
		if statements[i].Effect == "" {
			statements[i].Effect = "Allow"
		}
	}
	return &template.Template{
		Functions: map[string]*template.Function{"Worker": {ID: "Worker", Role: "WorkerRole"}},
		Roles:     map[string]*template.Role{"WorkerRole": {ID: "WorkerRole", Name: "worker", Statements: statements}},
		Tables:    map[string]*template.Table{"Table": {ID: "Table", Name: "things", ARN: tableARN, StreamARN: streamARN}},
		Queues: map[string]*template.Queue{
			"Retry": {ID: "Retry", Name: "retry", ARN: queueARN("retry"), DeadLetters: "Dead"},
			"First": {ID: "First", Name: "first", ARN: queueARN("first")},
			"Dead":  {ID: "Dead", Name: "dead", ARN: queueARN("dead")},
		},
	}
}

func allow(sid string, actions []string, resources ...string) template.Statement {
	return template.Statement{Sid: sid, Actions: actions, Resources: resources}
}

// rig is a proxy with one engine behind it that answers {} to everything and keeps what it was asked.
type rig struct {
	*proxy.Proxy
	meter    *meter.Meter
	endpoint string

	mu    sync.Mutex
	asked []string // targets
}

func newRig(t testing.TB, tmpl *template.Template) *rig {
	t.Helper()
	r := &rig{meter: meter.New()}
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked = append(r.asked, req.Header.Get("X-Amz-Target"))
		io.WriteString(w, "{}")
	}))
	t.Cleanup(engine.Close)
	r.Proxy = proxy.New(proxy.Config{Template: tmpl, DynamoDB: engine.URL, SQS: engine.URL, KMS: engine.URL, Meter: r.meter})
	r.endpoint = serve(t, r.Proxy)
	return r
}

func serve(t testing.TB, p *proxy.Proxy) string {
	t.Helper()
	server := httptest.NewServer(p.Handler())
	t.Cleanup(server.Close)
	return server.URL
}

// ask makes a request in somebody's name and returns the status and the answer.
func (r *rig) ask(t testing.TB, key, target, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", r.endpoint, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", target)
	if key != "" {
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20261124/us-east-1/any/aws4_request, SignedHeaders=host, Signature=0")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(answer)
}

func as(key string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: key, SecretAccessKey: "test"}, nil
	})
}

func dynamoClient(endpoint, key string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{BaseEndpoint: &endpoint, Region: "us-east-1", Credentials: as(key)})
}

func sqsClient(endpoint, key string) *sqs.Client {
	return sqs.New(sqs.Options{BaseEndpoint: &endpoint, Region: "us-east-1", Credentials: as(key)})
}

func kmsClient(endpoint, key string) *kms.Client {
	return kms.New(kms.Options{BaseEndpoint: &endpoint, Region: "us-east-1", Credentials: as(key)})
}
