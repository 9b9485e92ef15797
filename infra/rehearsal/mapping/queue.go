package mapping

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"hermod/infra/rehearsal/wire"
	"hermod/infra/template"
)

const (
	// waitTime is how long a poll waits for a first message, in seconds. A poll is never cut off: ElasticMQ would give its
	// messages to nobody.
	waitTime = 1
	// atOnce is how many calls are made at the same time without MaximumConcurrency: as many as Lambda begins with.
	atOnce = 5
	// receiveAtOnce is the most that a request takes, of messages to receive or to delete.
	receiveAtOnce = 10
	// faultPause is how long a mapping rests when what it polls does not answer.
	faultPause = time.Second
)

// Queue polls a queue for a function.
type Queue struct {
	template.QueueMapping
	From   *template.Queue
	Client wire.Client // in the name of the function
	Invoke func(event []byte) ([]byte, error)
	Passed func(messages int) // is told how many messages did not fail
	Logger *slog.Logger
}

// message is a received message, and its record in an event.
type message struct {
	MessageID     string            `json:"messageId"`
	ReceiptHandle string            `json:"receiptHandle"`
	Body          string            `json:"body"`
	Attributes    map[string]string `json:"attributes"`
	Custom        map[string]any    `json:"messageAttributes"` // always empty: we send none
	MD5           string            `json:"md5OfBody"`
	Source        string            `json:"eventSource"`
	ARN           string            `json:"eventSourceARN"`
	Region        string            `json:"awsRegion"`
}

// Run polls until ctx ends, then waits for the poll and the calls that are under way.
func (q Queue) Run(ctx context.Context) {
	q.look(ctx)
	slots := make(chan struct{}, cmp.Or(q.MaxConcurrency, atOnce))
	var calls sync.WaitGroup
	defer calls.Wait()
	for ctx.Err() == nil {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		batch := q.batch(ctx)
		calls.Go(func() {
			defer func() { <-slots }()
			if len(batch) > 0 {
				q.call(ctx, batch)
			}
		})
	}
}

// look asks how full the queue is, as Lambda does to choose the number of its pollers: the function's role must allow it.
func (q Queue) look(ctx context.Context) {
	in := map[string]any{"QueueUrl": q.From.URL, "AttributeNames": []string{"ApproximateNumberOfMessages"}}
	if err := q.Client.Call(ctx, "AmazonSQS.GetQueueAttributes", in, nil); err != nil && ctx.Err() == nil {
		q.Logger.Error("queue not readable", "queue", q.From.ID, "error", err.Error())
	}
}

// batch receives what one call is given: what is there, or with a window what comes until it is over or the batch is full.
func (q Queue) batch(ctx context.Context) []message {
	batch := q.receive(ctx, min(q.BatchSize, receiveAtOnce))
	if len(batch) == 0 || q.Window == 0 {
		return batch
	}
	for end := time.Now().Add(q.Window); len(batch) < q.BatchSize && time.Now().Before(end) && ctx.Err() == nil; {
		batch = append(batch, q.receive(ctx, min(q.BatchSize-len(batch), receiveAtOnce))...)
	}
	return batch
}

func (q Queue) receive(ctx context.Context, limit int) []message {
	var got struct {
		Messages []struct {
			MessageID     string `json:"MessageId"`
			ReceiptHandle string
			Body          string
			MD5OfBody     string
			Attributes    map[string]string
		}
	}
	err := q.Client.Call(context.WithoutCancel(ctx), "AmazonSQS.ReceiveMessage", map[string]any{
		"QueueUrl": q.From.URL, "MaxNumberOfMessages": limit, "WaitTimeSeconds": waitTime,
		"MessageSystemAttributeNames": []string{"All"}, "AttributeNames": []string{"All"},
	}, &got)
	if err != nil {
		if ctx.Err() == nil {
			q.Logger.Error("queue not readable", "queue", q.From.ID, "error", err.Error())
		}
		pause(ctx, faultPause)
		return nil
	}
	var list []message
	for _, m := range got.Messages {
		list = append(list, message{
			MessageID: m.MessageID, ReceiptHandle: m.ReceiptHandle, Body: m.Body, Attributes: m.Attributes, Custom: map[string]any{}, MD5: m.MD5OfBody,
			Source: "aws:sqs", ARN: q.From.ARN, Region: template.Region,
		})
	}
	return list
}

// call gives a batch to the function, and deletes what did not fail. What failed comes back when its visibility ends, which the
// function may have changed.
func (q Queue) call(ctx context.Context, batch []message) {
	event, err := json.Marshal(map[string]any{"Records": batch})
	if err != nil {
		panic(err) // strings only
	}
	answer, err := q.Invoke(event)
	var failed []int
	if err == nil && q.PartialFailures {
		failed, err = failures(answer, identifiers(batch))
	}
	if err != nil {
		q.Logger.Warn("batch failed", "queue", q.From.ID, "messages", len(batch), "error", err.Error())
		return
	}
	var passed []message
	for i, m := range batch {
		if !slices.Contains(failed, i) {
			passed = append(passed, m)
		}
	}
	q.Passed(len(passed))
	if err := q.delete(ctx, passed); err != nil { // they come back
		q.Logger.Error("messages not deleted", "queue", q.From.ID, "error", err.Error())
	}
}

func (q Queue) delete(ctx context.Context, messages []message) error {
	for part := range slices.Chunk(messages, receiveAtOnce) {
		var entries []map[string]string
		for i, m := range part {
			entries = append(entries, map[string]string{"Id": fmt.Sprint(i), "ReceiptHandle": m.ReceiptHandle})
		}
		var said struct {
			Failed []struct{ Code, Message string }
		}
		err := q.Client.Call(context.WithoutCancel(ctx), "AmazonSQS.DeleteMessageBatch", map[string]any{"QueueUrl": q.From.URL, "Entries": entries}, &said)
		if err != nil {
			return err
		}
		if len(said.Failed) > 0 {
			return fmt.Errorf("%d of %d messages: %s: %s", len(said.Failed), len(part), said.Failed[0].Code, said.Failed[0].Message)
		}
	}
	return nil
}

func identifiers(batch []message) []string {
	list := make([]string, len(batch))
	for i, m := range batch {
		list[i] = m.MessageID
	}
	return list
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
