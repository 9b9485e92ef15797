package input_test

import (
	"encoding/json"
	"os"
	"testing"

	"hermod/shared/input"
)

// labels are those of errors.json, spelled out so that a change of the data shows.
var labels = []struct {
	label string
	scope string
	class input.Retryable
}{
	{"BAD_INPUT", "input", input.RetryNo},
	{"BAD_PARAMETERS", "param", input.RetryNo},
	{"MISSING_PARAMETER", "param", input.RetryNo},
	{"STATUS_404", "input", input.RetryNo},
	{"NO_RESULT", "input", input.RetryNo},
	{"NO_ACCESS", "auth", input.RetryNo},
	{"STATUS_403", "auth", input.RetryNo},
	{"NOT_CONNECTED", "input", input.RetryNo},
	{"NO_VALID_ACCOUNT_CONFIGURED", "auth", input.RetryNo},
	{"INTEGRATION_ERROR", "server", input.RetryNo},
	{"ACTION_ABORTED", "server", input.RetryNo},
	{"LK_BAD_COOKIE", "auth", input.RetryAfterRefresh},
	{"STATUS_401", "auth", input.RetryAfterRefresh},
	{"LIMIT_REACHED", "server", input.RetryYes},
	{"STATUS_429", "server", input.RetryYes},
	{"LK_524", "server", input.RetryYes},
	{"API_TIMEOUT_ERROR", "server", input.RetryYes},
	{"API_MAX_RETRY", "server", input.RetryYes},
	{"PROXY_ERROR", "server", input.RetryYes},
	{"HTTP_RESPONSE_EMPTY", "server", input.RetryYes},
	{"UNKNOWN_ERROR", "server", input.RetryYes},
}

func TestAKnownLabelHasItsClassWhateverTheScope(t *testing.T) {
	for _, want := range labels {
		for _, scope := range []string{want.scope, "", "input", "integ", "weather"} {
			if got := input.Class(want.label, scope); got != want.class {
				t.Errorf("Class(%s, %q) = %s, want %s", want.label, scope, got, want.class)
			}
		}
		if got := input.ScopeOf(want.label); got != want.scope {
			t.Errorf("ScopeOf(%s) = %q, want %q", want.label, got, want.scope)
		}
	}
}

func TestEveryLabelOfTheDataIsACase(t *testing.T) {
	raw, err := os.ReadFile("errors.json")
	if err != nil {
		t.Fatal(err)
	}
	var data struct{ Labels map[string]json.RawMessage }
	if err := json.Unmarshal(raw, &data); err != nil {
		t.Fatal(err)
	}
	for _, known := range labels {
		delete(data.Labels, known.label)
	}
	for label := range data.Labels {
		t.Errorf("%s of errors.json is no case of this test", label)
	}
}

func TestAnUnknownLabelGoesByItsScope(t *testing.T) {
	tests := []struct {
		scope      string
		class      input.Retryable
		functional bool
	}{
		{"input", input.RetryNo, true},
		{"param", input.RetryNo, true},
		{"auth", input.RetryAfterRefresh, true},
		{"integ", input.RetryYes, false},
		{"server", input.RetryYes, false},
		{"null", input.RetryYes, false},
		{"", input.RetryYes, false},
		{"weather", input.RetryYes, false},
	}
	for _, test := range tests {
		for _, label := range []string{"", "SOMETHING_NEW", "status_404"} {
			if got := input.Class(label, test.scope); got != test.class {
				t.Errorf("Class(%q, %q) = %s, want %s", label, test.scope, got, test.class)
			}
			if got := input.ScopeOf(label); got != "" {
				t.Errorf("ScopeOf(%q) = %q, want none", label, got)
			}
		}
		if got := input.Functional(test.scope); got != test.functional {
			t.Errorf("Functional(%q) = %v, want %v", test.scope, got, test.functional)
		}
	}
}
