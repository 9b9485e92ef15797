package awslambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"hermod/shared/delivery"
)

// Batch works on batches of SQS messages, each message in a goroutine of its own. What is acknowledged is deleted by Lambda; what
// is not is hidden for as long as the verdict says and then reported as failed, which makes Lambda leave it alone.
//
// A panic fails its own message, which is handed back. A message that Handle has in hand still when the answer is due is reported
// as failed too, and comes again when its visibility ends; its goroutine stands still until the process gets another event.
type Batch struct {
	Queue delivery.Queue // only to hide messages
	// Lane is the lane of a queue's ARN. A message of a queue that has none is reported as failed.
	Lane func(sourceARN string) (delivery.Lane, bool)
	// Handle works on a message until its context ends, a second before the function's deadline.
	Handle func(context.Context, delivery.Receipt) delivery.Verdict
	Logger *slog.Logger // nil: slog.Default
}

// batchEvent is a batch of SQS messages.
type batchEvent struct {
	Records []messageRecord `json:"Records"`
}

type messageRecord struct {
	MessageID      string `json:"messageId"`
	ReceiptHandle  string `json:"receiptHandle"`
	Body           string `json:"body"`
	EventSourceARN string `json:"eventSourceARN"`
	Attributes     struct {
		ReceiveCount  string `json:"ApproximateReceiveCount"`
		SentTimestamp string `json:"SentTimestamp"` // milliseconds since 1970
		GroupID       string `json:"MessageGroupId"`
	} `json:"attributes"`
}

// Invoke works on one batch. An error means that nothing was attempted.
func (b Batch) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	var e batchEvent
	if err := json.Unmarshal(event, &e); err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	for _, m := range e.Records {
		if m.MessageID == "" {
			return nil, errors.New("read messages: one has no messageId")
		}
	}
	ctx, cancel := endEarly(ctx, replyTime)
	defer cancel()
	acknowledged := b.work(ctx, e.Records)
	var failed []string
	for i, m := range e.Records {
		if !acknowledged[i] {
			failed = append(failed, m.MessageID)
		}
	}
	return answerBatch(failed...)
}

// work has all messages worked on, and returns which of them were acknowledged before ctx ended.
func (b Batch) work(ctx context.Context, messages []messageRecord) []bool {
	type outcome struct {
		message      int
		acknowledged bool
	}
	done := make(chan outcome, len(messages)) // nobody may be listening any more
	for i, m := range messages {
		go func() { done <- outcome{i, b.settle(ctx, m)} }()
	}
	acknowledged := make([]bool, len(messages))
	for n := range messages {
		select {
		case o := <-done:
			acknowledged[o.message] = o.acknowledged
		case <-ctx.Done():
			logger(b.Logger).Error("messages not done in time", "messages", len(messages)-n)
			return acknowledged
		}
	}
	return acknowledged
}

// settle works on one message and reports whether it was acknowledged. If not it is hidden.
func (b Batch) settle(ctx context.Context, m messageRecord) bool {
	log := logger(b.Logger).With("message", m.MessageID)
	var r delivery.Receipt
	if err := contain(log, "lane", func() (err error) { r, err = b.receipt(m); return err }); err != nil {
		log.Error("message not readable", "source", m.EventSourceARN, "error", err.Error())
		return false
	}
	v := delivery.HandedBack(r.Receives) // if it panics
	contain(log, "handler", func() error {
		work, cancel := endEarly(ctx, settleTime-replyTime)
		defer cancel()
		v = b.Handle(work, r)
		return nil
	})
	if v.Acknowledge {
		return true
	}
	if err := contain(log, "queue", func() error { return b.Queue.Hide(ctx, r, v.VisibleAfter) }); err != nil {
		log.Error("message not hidden", "lane", string(r.Lane), "visible_after_s", int64(v.VisibleAfter/time.Second), "error", err.Error())
	}
	return false
}

// receipt reads a message.
func (b Batch) receipt(m messageRecord) (delivery.Receipt, error) {
	lane, ok := b.Lane(m.EventSourceARN)
	if !ok {
		return delivery.Receipt{}, errors.New("no lane has this queue")
	}
	receives, err := strconv.Atoi(m.Attributes.ReceiveCount)
	if err != nil {
		return delivery.Receipt{}, fmt.Errorf("receive count: %w", err)
	}
	sent, err := strconv.ParseInt(m.Attributes.SentTimestamp, 10, 64)
	if err != nil {
		return delivery.Receipt{}, fmt.Errorf("sent time: %w", err)
	}
	return delivery.Receipt{
		Lane: lane, Handle: m.ReceiptHandle, Group: m.Attributes.GroupID, Body: []byte(m.Body), Receives: receives,
		SentAt: time.UnixMilli(sent).UTC(),
	}, nil
}

// batchAnswer says which records of a batch failed.
type batchAnswer struct {
	Failures []itemFailure `json:"batchItemFailures"` // never null
}

type itemFailure struct {
	ID string `json:"itemIdentifier"`
}

func answerBatch(failed ...string) ([]byte, error) {
	a := batchAnswer{Failures: make([]itemFailure, len(failed))}
	for i, id := range failed {
		a.Failures[i].ID = id
	}
	return json.Marshal(a)
}
