package webhook_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/webhook"
)

// health is one whose last success was in one second and whose first failure after it in another; 0 is none.
func health(success, failing int) (h webhook.Health) {
	at := func(second int) time.Time { return time.Date(2026, 11, 24, 15, 0, second, 0, time.UTC) }
	if success > 0 {
		h.LastSuccessAt = at(success)
	}
	if failing > 0 {
		h.FailingSince = at(failing)
	}
	return h
}

func TestWhatTwoTellOfTheHealth(t *testing.T) {
	tests := []struct {
		name    string
		a, b    webhook.Health
		success int
		failing int
	}{
		{"nothing", health(0, 0), health(0, 0), 0, 0},
		{"one success", health(0, 0), health(5, 0), 5, 0},
		{"one failure", health(0, 0), health(0, 5), 0, 5},
		{"the later success", health(5, 0), health(7, 0), 7, 0},
		{"the first failure", health(0, 5), health(0, 7), 0, 5},
		{"a failure after a success", health(5, 0), health(0, 7), 5, 7},
		{"a success after a failure", health(0, 5), health(7, 0), 7, 0},
		{"a success at the moment of a failure", health(0, 5), health(5, 0), 5, 0},
		{"a success after both", health(3, 5), health(7, 0), 7, 0},
		{"a success between both", health(3, 7), health(5, 0), 5, 7},
		{"a success before both", health(3, 5), health(2, 0), 3, 5},
		{"a failure before both", health(3, 5), health(0, 2), 3, 5},
		{"a failure between both", health(3, 7), health(0, 5), 3, 5},
		{"a success and a failure after both", health(3, 5), health(7, 9), 7, 9},
		{"a success after which the first failure is the other's", health(3, 8), health(7, 9), 7, 8},
		{"failures after the same success", health(3, 5), health(3, 9), 3, 5},
	}
	for _, tt := range tests {
		want := health(tt.success, tt.failing)
		if diff := cmp.Diff(want, tt.a.Plus(tt.b)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if diff := cmp.Diff(want, tt.b.Plus(tt.a)); diff != "" {
			t.Errorf("%s, the other way round (-want +got):\n%s", tt.name, diff)
		}
	}
}
