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
	var e streamEvent
	if err := json.Unmarshal(event, &e); err != nil {
		return nil, fmt.Errorf("read stream: %w", err)
	}
	var images []json.RawMessage
	var numbers []string
	for _, r := range e.Records {
		number, image := r.Change.SequenceNumber, r.Change.NewImage
		if number == "" || strings.Trim(number, "0123456789") != "" {
			return nil, fmt.Errorf("read stream: a record has the sequence number %q", number)
		}
		if r.EventName != "REMOVE" && present(image) && !s.same(r) {
			images, numbers = append(images, image), append(numbers, number)
		}
	}
	if len(images) == 0 {
		return answerBatch()
	}
	ctx, cancel := endEarly(ctx, settleTime)
	defer cancel()
	var lowest []string // at most one
	for i, err := range s.handle(ctx, images) {
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

// handle returns an error for each image that has to come again.
func (s Stream) handle(ctx context.Context, images []json.RawMessage) []error {
	var errs []error
	err := contain(logger(s.Logger), "handler", func() error {
		errs = s.Handle(ctx, images)
		if len(errs) != len(images) {
			panic(fmt.Sprintf("%d outcomes of %d records", len(errs), len(images)))
		}
		return nil
	})
	if err != nil {
		errs = make([]error, len(images))
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
