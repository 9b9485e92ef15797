package awslambda_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hermod/shared/awslambda"
)

func TestAScheduleThatFailsIsAFailedInvocation(t *testing.T) {
	log := captureLog(t)
	errDown := errors.New("the store is out of reach")
	answer, err := awslambda.Schedule(func(context.Context) error { return errDown }).Invoke(t.Context(), []byte("{}"))
	if answer != nil || !errors.Is(err, errDown) {
		t.Errorf("Invoke = %s, %v, want the error", answer, err)
	}
	if log.String() != "" {
		t.Errorf("the log has %q, want nothing: Start logs the error", log)
	}
	answer, err = awslambda.Schedule(func(context.Context) error { panic("a bug") }).Invoke(t.Context(), []byte("{}"))
	if answer != nil || err == nil || !strings.Contains(err.Error(), "a bug") || !strings.Contains(log.String(), "schedule_test.go") {
		t.Errorf("Invoke = %s, %v, want the panic as an error, and its stack in the log", answer, err)
	}
}

func TestAScheduleIsTheSameWhateverTheEvent(t *testing.T) {
	for _, event := range []string{"", "{}", "no JSON", `{"detail":{}}`} {
		if answer, err := awslambda.Schedule(func(context.Context) error { return nil }).Invoke(t.Context(), []byte(event)); string(answer) != "null" || err != nil {
			t.Errorf("Invoke of %q = %s, %v, want null", event, answer, err)
		}
	}
}

func TestAScheduledRunEndsASecondBeforeTheFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := awslambda.Schedule(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }).Invoke(ctx, nil)
		if took := time.Since(began); took != 9*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v: %v, want the deadline after 9s", took, err)
		}
	})
}
