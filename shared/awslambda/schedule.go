package awslambda

import (
	"context"
	"log/slog"
)

// Schedule runs something each time the function is invoked, whatever the event says. An error, or a panic, is a failed
// invocation.
func Schedule(run func(context.Context) error) Handler { return scheduled(run) }

type scheduled func(context.Context) error

func (run scheduled) Invoke(ctx context.Context, _ []byte) ([]byte, error) {
	ctx, cancel := endEarly(ctx, settleTime)
	defer cancel()
	if err := contain(slog.Default(), "schedule", func() error { return run(ctx) }); err != nil {
		return nil, err
	}
	return []byte("null"), nil
}
