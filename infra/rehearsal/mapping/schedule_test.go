package mapping

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hermod/infra/template"
)

func TestRates(t *testing.T) {
	for expression, want := range map[string]time.Duration{
		"rate(1 minute)": time.Minute, "rate(5 minutes)": 5 * time.Minute, "rate(2 hours)": 2 * time.Hour, "rate(1 day)": 24 * time.Hour,
	} {
		if got, err := rate(expression); err != nil || got != want {
			t.Errorf("rate(%s) = %v, %v, want %v", expression, got, err, want)
		}
	}
	for _, expression := range []string{"", "rate(0 minutes)", "rate(1 second)", "cron(0 12 * * ? *)", "rate(1 minute) ", "at(2026-01-01T00:00:00)"} {
		if got, err := rate(expression); err == nil {
			t.Errorf("rate(%q) = %v, want an error", expression, got)
		}
	}
}

func TestAScheduleCallsAtOnceAndThenAtItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute+time.Second)
		defer cancel()
		var calls atomic.Int32
		s := Schedule{
			Schedule: template.Schedule{Name: "sweep", Expression: "rate(1 minute)"}, Logger: slog.New(slog.DiscardHandler),
			Invoke: func(event []byte) ([]byte, error) {
				calls.Add(1)
				var e map[string]any
				if err := json.Unmarshal(event, &e); err != nil || e["source"] != "aws.scheduler" {
					t.Errorf("event %s (%v), want the scheduler's", event, err)
				}
				return nil, errors.New("a call that fails changes nothing")
			},
		}
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if n := calls.Load(); n != 6 {
			t.Errorf("in five minutes %d calls, want 6", n)
		}
	})
}

func TestTheInputOfAScheduleIsItsEvent(t *testing.T) {
	s := Schedule{Schedule: template.Schedule{Input: `{"a":1}`}}
	if got := string(s.event(time.Now())); got != `{"a":1}` {
		t.Errorf("event = %s, want the input", got)
	}
}
