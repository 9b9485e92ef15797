package enginetest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"hermod/infra/engines/enginetest"
)

// TestEngines is also run without its engines, by TestMissingEngines.
func TestEngines(t *testing.T) {
	for name, start := range map[string]func(testing.TB) string{"DynamoDB": enginetest.DynamoDB, "SQS": enginetest.SQS, "KMS": enginetest.KMS} {
		t.Run(name, func(t *testing.T) {
			if endpoint := start(t); !strings.HasPrefix(endpoint, "http://127.0.0.1:") {
				t.Errorf("endpoint = %q, want one on this machine", endpoint)
			}
		})
	}
	if a, b := enginetest.KMS(t), enginetest.KMS(t); a == b {
		t.Errorf("two KMS have the endpoint %s, want one of each test's own", a)
	}
}

func TestTestsShareOneSQS(t *testing.T) {
	if a, b := enginetest.SQS(t), enginetest.SQS(t); a != b {
		t.Errorf("two endpoints, %s and %s, want one SQS for all", a, b)
	}
}

func TestMissingEngines(t *testing.T) {
	for ci, want := range map[string]string{"": "--- SKIP: TestEngines/DynamoDB", "true": "--- FAIL: TestEngines/DynamoDB"} {
		run := exec.Command(os.Args[0], "-test.run=^TestEngines$", "-test.v")
		run.Env = append(os.Environ(), "HERMOD_ENGINES="+t.TempDir(), "CI="+ci)
		out, err := run.CombinedOutput()
		if !strings.Contains(string(out), want) || !strings.Contains(string(out), "run infra/engines/install") || (err == nil) != (ci == "") {
			t.Errorf("with CI=%q and no engines the tests say %s, %v, want %q", ci, out, err, want)
		}
	}
}
