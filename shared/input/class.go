package input

import (
	_ "embed"
	"encoding/json"
	"slices"
	"sync"
)

// Retryable says whether sending an input back that failed may help.
type Retryable string

const (
	RetryNo           Retryable = "no"            // it would fail again
	RetryYes          Retryable = "yes"           // the reason may pass
	RetryAfterRefresh Retryable = "after_refresh" // once the account, session or integration was refreshed; calling retry says that it was
)

// functional are the scopes of failures that lie in the inputs.
var functional = []string{"input", "param", "auth"}

//go:embed errors.json
var errorsJSON []byte

// classes are what errors.json says.
type classes struct {
	Labels map[string]struct {
		Scope string    `json:"scope"`
		Retry Retryable `json:"retry"`
	} `json:"labels"`
	Scopes map[string]Retryable `json:"scopes"`
}

var readClasses = sync.OnceValue(func() (c classes) {
	if err := json.Unmarshal(errorsJSON, &c); err != nil {
		panic("input: errors.json: " + err.Error()) // it is part of the program, and a test reads it
	}
	return c
})

// Class returns whether an error of the label and scope may be retried, from errors.json: by its label if that is known, else by its scope.
// An unknown scope counts as null.
func Class(label, scope string) Retryable {
	c := readClasses()
	if known, ok := c.Labels[label]; ok {
		return known.Retry
	}
	if class, ok := c.Scopes[scope]; ok {
		return class
	}
	return c.Scopes["null"]
}

// ScopeOf returns the scope of a label that is known; empty if it is not, or has none.
func ScopeOf(label string) string { return readClasses().Labels[label].Scope }

// Functional reports whether a failure of the scope lies in the inputs (input, param, auth), not in the work on them.
func Functional(scope string) bool { return slices.Contains(functional, scope) }
