package awslambda

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
)

// Stream works on batches of a DynamoDB stream. Removals, and records without a new image, pass.
//
// Lambda goes on from one record of the batch: the lowest that failed. Those after it come again too, handled or not.
type Stream struct {
	// Handle works on the new images of a batch, in the stream's order and as they are on the wire ({"pk":{"S":"…"},…}), until its
	// context ends, a second before the function's deadline. It returns an error for each that has to come again, nil for those
	// that passed. If it panics all come again.
	Handle func(ctx context.Context, images []json.RawMessage) []error
	// Same reports that a change left alone what Handle works on; then it passes. nil: no change does.
	Same   func(before, after json.RawMessage) bool
	Logger *slog.Logger // nil: slog.Default
}

// Changes works on batches of a DynamoDB stream as Stream does, but on what was before and after each change.
type Changes struct {
	// Handle works on the changes of a batch, as Stream's does: before[i] is the old image of a change, nil where the item is new, and
	// after[i] the new one.
	Handle func(ctx context.Context, before, after []json.RawMessage) []error
	Logger *slog.Logger // nil: slog.Default
}

// streamEvent is a batch of a DynamoDB stream.
type streamEvent struct {
	Records []changeRecord `json:"Records"`
}

type changeRecord struct {
	EventName string `json:"eventName"` // INSERT, MODIFY or REMOVE
	Change    struct {
		SequenceNumber string          `json:"SequenceNumber"` // up to 40 digits
		NewImage       json.RawMessage `json:"NewImage"`
		OldImage       json.RawMessage `json:"OldImage"`
	} `json:"dynamodb"`
}

// Invoke works on one batch. An error means that nothing was attempted.
func (s Stream) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	return invokeStream(ctx, s.Logger, event, s.same, func(ctx context.Context, _, after []json.RawMessage) []error {
		return s.Handle(ctx, after)
	})
}

// Invoke works on one batch. An error means that nothing was attempted.
func (c Changes) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	return invokeStream(ctx, c.Logger, event, func(changeRecord) bool { return false }, c.Handle)
}

// invokeStream hands over the changes of a batch that do not pass, and reports the lowest that has to come again.
func invokeStream(
	ctx context.Context, l *slog.Logger, event []byte, passes func(changeRecord) bool,
	handle func(ctx context.Context, before, after []json.RawMessage) []error,
) ([]byte, error) {
	var e streamEvent
	if err := json.Unmarshal(event, &e); err != nil {
		return nil, fmt.Errorf("read stream: %w", err)
	}
	var before, after []json.RawMessage
	var numbers []string
	for _, r := range e.Records {
		number := r.Change.SequenceNumber
		if number == "" || strings.Trim(number, "0123456789") != "" {
			return nil, fmt.Errorf("read stream: a record has the sequence number %q", number)
		}
		if r.EventName != "REMOVE" && present(r.Change.NewImage) && !passes(r) {
			before, after, numbers = append(before, orNone(r.Change.OldImage)), append(after, r.Change.NewImage), append(numbers, number)
		}
	}
	if len(after) == 0 {
		return answerBatch()
	}
	ctx, cancel := endEarly(ctx, settleTime)
	defer cancel()
	var lowest []string // at most one
	errs := outcomes(l, len(after), func() []error { return handle(ctx, before, after) })
	for i, err := range errs {
		if err != nil && (lowest == nil || compareNumbers(numbers[i], lowest[0]) < 0) {
			lowest = []string{numbers[i]}
		}
	}
	return answerBatch(lowest...)
}

func (s Stream) same(r changeRecord) bool {
	return s.Same != nil && present(r.Change.OldImage) && s.Same(r.Change.OldImage, r.Change.NewImage)
}

func present(image json.RawMessage) bool { return len(image) > 0 && string(image) != "null" }

// orNone is the image, nil where there is none.
func orNone(image json.RawMessage) json.RawMessage {
	if !present(image) {
		return nil
	}
	return image
}

// outcomes returns an error for each of n records that has to come again: all of them, if handle panics or miscounts.
func outcomes(l *slog.Logger, n int, handle func() []error) []error {
	var errs []error
	err := contain(logger(l), "handler", func() error {
		if errs = handle(); len(errs) != n {
			panic(fmt.Sprintf("%d outcomes of %d records", len(errs), n))
		}
		return nil
	})
	if err != nil {
		errs = make([]error, n)
		for i := range errs {
			errs[i] = err
		}
	}
	return errs
}

// compareNumbers compares texts of digits as the numbers they are, however long.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}
