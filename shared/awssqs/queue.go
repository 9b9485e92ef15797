package awssqs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"hermod/shared/delivery"
)

const (
	maxBatch = 10               // entries of one request, SQS's limit
	maxWait  = 20 * time.Second // of one receive, SQS's limit
	spare    = time.Second      // between the end of a wait and the deadline of the context
)

// Config is what a Queue needs.
type Config struct {
	Client *sqs.Client              // required; its HTTP client must allow answers that take as long as a wait
	URLs   map[delivery.Lane]string // of the lanes that are used; any other is an error at its use
}

// Queue is the lanes. It is a delivery.Queue.
type Queue struct {
	client *sqs.Client
	urls   map[delivery.Lane]string
}

// New returns a Queue. It asks nothing of SQS yet.
func New(c Config) *Queue { return &Queue{client: c.Client, urls: c.URLs} }

func (q *Queue) url(lane delivery.Lane) (*string, error) {
	if url := q.urls[lane]; url != "" {
		return &url, nil
	}
	return nil, fmt.Errorf("there is no queue for the lane %q here", lane)
}

// Receive returns up to limit messages, never more than 10. It waits whole seconds, rounded up, and at most 20.
func (q *Queue) Receive(ctx context.Context, lane delivery.Lane, limit int, wait time.Duration) ([]delivery.Receipt, error) {
	url, err := q.url(lane)
	if err != nil {
		return nil, fmt.Errorf("receive messages: %w", err)
	}
	if limit < 1 {
		return nil, nil
	}
	out, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: url, MaxNumberOfMessages: int32(min(limit, maxBatch)), WaitTimeSeconds: waitSeconds(ctx, wait),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameApproximateReceiveCount, types.MessageSystemAttributeNameSentTimestamp, types.MessageSystemAttributeNameMessageGroupId,
		},
	}, once)
	if err != nil {
		return nil, fmt.Errorf("receive messages from %s: %w", lane, err)
	}
	receipts := make([]delivery.Receipt, len(out.Messages))
	for i, m := range out.Messages {
		if receipts[i], err = receipt(lane, m); err != nil {
			return nil, fmt.Errorf("receive messages from %s: %w", lane, err)
		}
	}
	return receipts, nil
}

// once keeps the SDK from trying an operation again.
func once(o *sqs.Options) { o.Retryer = aws.NopRetryer{} }

func waitSeconds(ctx context.Context, wait time.Duration) int32 {
	n := seconds(min(wait, maxWait))
	if deadline, ok := ctx.Deadline(); ok {
		n = min(n, int32((time.Until(deadline) - spare).Seconds()))
	}
	return max(0, n)
}

func receipt(lane delivery.Lane, m types.Message) (delivery.Receipt, error) {
	receives, err := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	if err != nil {
		return delivery.Receipt{}, fmt.Errorf("receive count: %w", err)
	}
	sent, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	if err != nil {
		return delivery.Receipt{}, fmt.Errorf("time of sending: %w", err)
	}
	return delivery.Receipt{
		Lane: lane, Handle: aws.ToString(m.ReceiptHandle), Group: m.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)],
		Body: []byte(aws.ToString(m.Body)), Receives: receives, SentAt: time.UnixMilli(sent).UTC(),
	}, nil
}

// Delete acknowledges messages, also of several lanes. It goes on after an error, and returns all there were.
func (q *Queue) Delete(ctx context.Context, receipts ...delivery.Receipt) error {
	lanes := map[delivery.Lane][]delivery.Receipt{}
	for _, r := range receipts {
		lanes[r.Lane] = append(lanes[r.Lane], r)
	}
	var errs []error
	for lane, mine := range lanes {
		for batch := range slices.Chunk(mine, maxBatch) {
			if err := q.deleteBatch(ctx, lane, batch); err != nil {
				errs = append(errs, fmt.Errorf("delete messages from %s: %w", lane, err))
			}
		}
	}
	return errors.Join(errs...)
}

func (q *Queue) deleteBatch(ctx context.Context, lane delivery.Lane, receipts []delivery.Receipt) error {
	url, err := q.url(lane)
	if err != nil {
		return err
	}
	in := &sqs.DeleteMessageBatchInput{QueueUrl: url}
	for i, r := range receipts {
		in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: aws.String(r.Handle)})
	}
	out, err := q.client.DeleteMessageBatch(ctx, in)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range out.Failed {
		if !usedUp(aws.ToString(f.Code), aws.ToString(f.Message)) {
			errs = append(errs, entryError(f))
		}
	}
	return errors.Join(errs...)
}

// usedUp reports whether an error means that the handle names nothing any more: the message is gone, or somebody else's. SQS has
// a type for some of these errors only, and none for those of a batch; some servers put a prefix before the code. Used handles
// are InvalidParameterValue there: https://github.com/aws/aws-sdk-java/issues/1628.
func usedUp(code, message string) bool {
	return strings.HasSuffix(code, "ReceiptHandleIsInvalid") || strings.HasSuffix(code, "MessageNotInflight") ||
		strings.HasSuffix(code, "InvalidParameterValue") && strings.Contains(message, "ReceiptHandle")
}

func entryError(f types.BatchResultErrorEntry) error {
	return fmt.Errorf("%s: %s", aws.ToString(f.Code), aws.ToString(f.Message))
}

// Hide hands a message back, for whole seconds, rounded up. A handle that is used up is no error.
func (q *Queue) Hide(ctx context.Context, r delivery.Receipt, visibleAfter time.Duration) error {
	if visibleAfter < 0 || visibleAfter > delivery.MaxHidden {
		return fmt.Errorf("hide message for %v: from 0 to %v is allowed", visibleAfter, delivery.MaxHidden)
	}
	url, err := q.url(r.Lane)
	if err != nil {
		return fmt.Errorf("hide message: %w", err)
	}
	_, err = q.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: url, ReceiptHandle: &r.Handle, VisibilityTimeout: seconds(visibleAfter)})
	var refused smithy.APIError
	if errors.As(err, &refused) && usedUp(refused.ErrorCode(), refused.ErrorMessage()) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("hide message of %s: %w", r.Lane, err)
	}
	return nil
}

// Visible counts the messages that could be received now, as SQS believes.
func (q *Queue) Visible(ctx context.Context, lane delivery.Lane) (int, error) {
	text, err := q.attribute(ctx, lane, types.QueueAttributeNameApproximateNumberOfMessages)
	if err != nil {
		return 0, fmt.Errorf("count messages: %w", err)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("count messages of %s: %w", lane, err)
	}
	return n, nil
}

// Redrive starts a task of SQS that moves the letters, unless one is at it. Letters that were sent straight to their lane stop
// the task: SQS knows of no queue where they came from.
func (q *Queue) Redrive(ctx context.Context, letters delivery.Lane) error {
	arn, err := q.attribute(ctx, letters, types.QueueAttributeNameQueueArn)
	if err != nil {
		return fmt.Errorf("redrive letters: %w", err)
	}
	tasks, err := q.client.ListMessageMoveTasks(ctx, &sqs.ListMessageMoveTasksInput{SourceArn: &arn})
	if err != nil {
		return fmt.Errorf("redrive letters of %s: list the tasks: %w", letters, err)
	}
	for _, task := range tasks.Results {
		if aws.ToString(task.Status) == "RUNNING" {
			return nil
		}
	}
	if _, err := q.client.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: &arn}); err != nil {
		return fmt.Errorf("redrive letters of %s: %w", letters, err)
	}
	return nil
}

func (q *Queue) attribute(ctx context.Context, lane delivery.Lane, name types.QueueAttributeName) (string, error) {
	url, err := q.url(lane)
	if err != nil {
		return "", err
	}
	out, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []types.QueueAttributeName{name}})
	if err != nil {
		return "", fmt.Errorf("%s of %s: %w", name, lane, err)
	}
	return out.Attributes[string(name)], nil
}

// seconds is a time in whole seconds, rounded up: what waits may wait longer, never shorter.
func seconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) }
