// Package enginetest gives tests the engines that stand in for AWS. Where they are not installed the test is skipped and says
// how to install them, but fails where the variable CI is set: there everything must run.
package enginetest

import (
	"errors"
	"os"
	"sync"
	"testing"

	"hermod/infra/engines"
)

// DynamoDB starts a DynamoDB of the test's own and returns its endpoint. It is stopped when the test is over.
func DynamoDB(t testing.TB) string {
	t.Helper()
	p, err := engines.StartDynamoDB(engines.Config{})
	if err != nil {
		missing(t, err)
	}
	stopAfter(t, p.Stop)
	return p.Endpoint
}

// SQS returns the endpoint of an SQS that all tests of the binary share, since it takes seconds to start: each makes queues of
// its own. It ends with the binary.
func SQS(t testing.TB) string {
	t.Helper()
	p, err := sharedSQS()
	if err != nil {
		missing(t, err)
	}
	return p.Endpoint
}

var sharedSQS = sync.OnceValues(func() (*engines.Process, error) { return engines.StartSQS(engines.Config{}) })

// KMS starts a KMS of the test's own and returns its endpoint. It is stopped when the test is over.
func KMS(t testing.TB) string {
	t.Helper()
	k, err := engines.StartKMS()
	if err != nil {
		t.Fatal(err)
	}
	stopAfter(t, k.Stop)
	return k.Endpoint
}

func stopAfter(t testing.TB, stop func() error) {
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("stop an engine: %v", err)
		}
	})
}

func missing(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, engines.ErrNotInstalled) && os.Getenv("CI") == "" {
		t.Skipf("LEFT OUT, needs an engine: %v", err)
	}
	t.Fatal(err)
}
