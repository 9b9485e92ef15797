package awslambda

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

const (
	// settleTime is how long before the function's deadline the context of the work ends.
	settleTime = time.Second
	// replyTime is how long before the function's deadline a batch is answered, whether all of it is done or not.
	replyTime = 300 * time.Millisecond
)

// Handler takes the events of one Lambda function and returns the answers, both as JSON. An error is a failed invocation.
type Handler interface {
	Invoke(ctx context.Context, event []byte) ([]byte, error)
}

// Start hands h the events of this function, one after the other, for as long as the process lives.
func Start(h Handler) { lambda.Start(logged{h}) }

// logged logs what fails, once for all handlers and in our own form.
type logged struct{ Handler }

func (l logged) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	answer, err := l.Handler.Invoke(ctx, event)
	if err != nil {
		id := ""
		if c, ok := lambdacontext.FromContext(ctx); ok {
			id = c.AwsRequestID
		}
		slog.Error("invocation failed", "invocation", id, "error", err.Error())
	}
	return answer, err
}

// endEarly returns a context that ends so long before the deadline of ctx, if that has one.
func endEarly(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-by))
}

// contain runs f; a panic is logged and is its error.
func contain(l *slog.Logger, what string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			l.Error(what+" panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("%s: panic: %v", what, p)
		}
	}()
	return f()
}

// logger returns l, or the default one for nil.
func logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.Default()
	}
	return l
}
