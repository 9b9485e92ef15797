package awsdynamo

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"hermod/infra/engines"
	"hermod/infra/engines/enginetest"
)

// open makes an empty table in an engine of the test's own. Functions wrap the transport of what comes after.
func open(t testing.TB, now func() time.Time, wrap ...func(http.RoundTripper) http.RoundTripper) *DB {
	t.Helper()
	endpoint := enginetest.DynamoDB(t)
	transport := engines.Transport()
	db := New(Config{Client: client(endpoint, transport), Table: "hermod", Now: now})
	if _, err := db.client.CreateTable(t.Context(), TableInput("hermod")); err != nil {
		t.Fatalf("CreateTable = %v", err)
	}
	for _, f := range wrap {
		transport = f(transport)
	}
	db.client = client(endpoint, transport)
	return db
}

func client(endpoint string, transport http.RoundTripper) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
		HTTPClient: &http.Client{Transport: transport},
	})
}
