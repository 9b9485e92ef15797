package awslambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/awslambda"
	"hermod/shared/delivery"
)

const firstARN = "arn:aws:sqs:us-east-1:123456789012:hermod-first"

func laneOf(arn string) (delivery.Lane, bool) {
	switch {
	case strings.HasSuffix(arn, "first"):
		return delivery.LaneFirst, true
	case strings.HasSuffix(arn, "retry"):
		return delivery.LaneRetry, true
	}
	return "", false
}

// hidingQueue notes what is received and hidden.
type hidingQueue struct {
	delivery.Queue
	fault any // what Hide fails with: an error, or what it panics with

	mu       sync.Mutex
	received []delivery.Receipt
	hidden   map[string]time.Duration // by the receipt's handle
}

func (q *hidingQueue) Hide(ctx context.Context, r delivery.Receipt, visibleAfter time.Duration) error {
	switch err, ok := q.fault.(error); {
	case ctx.Err() != nil:
		return ctx.Err()
	case ok:
		return err
	case q.fault != nil:
		panic(q.fault)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.hidden == nil {
		q.hidden = map[string]time.Duration{}
	}
	q.hidden[r.Handle] = visibleAfter
	return nil
}

// note returns a handler that notes each message before it works on it.
func (q *hidingQueue) note(handle func(context.Context, delivery.Receipt) delivery.Verdict) func(context.Context, delivery.Receipt) delivery.Verdict {
	return func(ctx context.Context, r delivery.Receipt) delivery.Verdict {
		q.mu.Lock()
		q.received = append(q.received, r)
		q.mu.Unlock()
		return handle(ctx, r)
	}
}

// sqsRecord is a message as Lambda hands it over.
type sqsRecord struct {
	MessageID      string            `json:"messageId"`
	ReceiptHandle  string            `json:"receiptHandle"`
	Body           string            `json:"body"`
	Attributes     map[string]string `json:"attributes"`
	EventSourceARN string            `json:"eventSourceARN"`
}

// sqsMessage returns a message received so many times; its id is its handle is its body.
func sqsMessage(id string, receives int) sqsRecord {
	return sqsRecord{
		MessageID: id, ReceiptHandle: id, Body: id, EventSourceARN: firstARN,
		Attributes: map[string]string{"ApproximateReceiveCount": fmt.Sprint(receives), "SentTimestamp": "1772600767913", "MessageGroupId": "hook"},
	}
}

func sqsEvent(t testing.TB, records ...sqsRecord) []byte {
	t.Helper()
	event, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// failures reads the ids that an answer reports. It has to have a list, if only an empty one.
func failures(t testing.TB, answer []byte) []string {
	t.Helper()
	var a struct {
		Failures *[]struct {
			ID string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(answer, &a); err != nil || a.Failures == nil {
		t.Fatalf("the answer is %s (%v), want a list of failures", answer, err)
	}
	var ids []string
	for _, f := range *a.Failures {
		ids = append(ids, f.ID)
	}
	return ids
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// invoke has records worked on and returns the ids that are reported as failed.
func invoke(t testing.TB, b awslambda.Batch, records ...sqsRecord) []string {
	t.Helper()
	if b.Lane == nil {
		b.Lane = laneOf
	}
	b.Logger = quiet()
	answer, err := b.Invoke(t.Context(), sqsEvent(t, records...))
	if err != nil {
		t.Fatalf("Invoke = %v", err)
	}
	return failures(t, answer)
}

func TestEachVerdictBecomesOfItsOwnMessage(t *testing.T) {
	verdicts := map[string]delivery.Verdict{
		"done": delivery.Acknowledged(), "refused": delivery.Refused(), "later": delivery.HandedOver(), "done too": delivery.Acknowledged(),
		"once": delivery.HandedBack(1), "twice": delivery.HandedBack(2), "often": delivery.HandedBack(7),
	}
	q := &hidingQueue{}
	b := awslambda.Batch{Queue: q, Handle: func(_ context.Context, r delivery.Receipt) delivery.Verdict { return verdicts[string(r.Body)] }}
	got := invoke(t, b, sqsMessage("done", 1), sqsMessage("refused", 3), sqsMessage("later", 1), sqsMessage("done too", 1),
		sqsMessage("once", 1), sqsMessage("twice", 2), sqsMessage("often", 7))
	if want := []string{"refused", "later", "once", "twice", "often"}; !slices.Equal(got, want) {
		t.Errorf("reported as failed: %q, want %q", got, want)
	}
	want := map[string]time.Duration{
		"refused": 0, "later": 15 * time.Minute, "once": time.Minute, "twice": 2 * time.Minute, "often": 30 * time.Minute,
	}
	if diff := cmp.Diff(want, q.hidden); diff != "" {
		t.Errorf("hidden (-want +got):\n%s", diff)
	}
}

func TestABatchThatIsDoneReportsAnEmptyList(t *testing.T) {
	b := awslambda.Batch{Lane: laneOf, Handle: func(context.Context, delivery.Receipt) delivery.Verdict { return delivery.Acknowledged() }}
	for _, records := range [][]sqsRecord{{}, {sqsMessage("a", 1)}} {
		answer, err := b.Invoke(t.Context(), sqsEvent(t, records...))
		if want := `{"batchItemFailures":[]}`; err != nil || string(answer) != want {
			t.Errorf("Invoke of %d messages = %s, %v, want %s", len(records), answer, err, want)
		}
	}
}

func TestAPanicFailsItsOwnMessage(t *testing.T) {
	q := &hidingQueue{}
	b := awslambda.Batch{Queue: q, Handle: func(_ context.Context, r delivery.Receipt) delivery.Verdict {
		if r.Receives > 1 {
			panic("a bug")
		}
		return delivery.Acknowledged()
	}}
	got := invoke(t, b, sqsMessage("a", 1), sqsMessage("b", 3), sqsMessage("c", 1), sqsMessage("d", 8))
	if want := []string{"b", "d"}; !slices.Equal(got, want) {
		t.Errorf("reported as failed: %q, want %q", got, want)
	}
	if diff := cmp.Diff(map[string]time.Duration{"b": 4 * time.Minute, "d": 30 * time.Minute}, q.hidden); diff != "" {
		t.Errorf("hidden (-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeHiddenIsReportedAllTheSame(t *testing.T) {
	for _, fault := range []any{errors.New("the queue is out of reach"), "a bug"} {
		b := awslambda.Batch{Queue: &hidingQueue{fault: fault}, Handle: func(_ context.Context, r delivery.Receipt) delivery.Verdict {
			return delivery.Verdict{Acknowledge: string(r.Body) == "b"}
		}}
		got := invoke(t, b, sqsMessage("a", 1), sqsMessage("b", 1), sqsMessage("c", 2))
		if want := []string{"a", "c"}; !slices.Equal(got, want) {
			t.Errorf("when Hide fails with %v, reported as failed: %q, want %q", fault, got, want)
		}
	}
}

func TestAMessageThatCannotBeReadFailsAlone(t *testing.T) {
	strange, uncounted, timeless := sqsMessage("strange", 1), sqsMessage("uncounted", 1), sqsMessage("timeless", 1)
	strange.EventSourceARN = "arn:aws:sqs:us-east-1:123456789012:another"
	uncounted.Attributes["ApproximateReceiveCount"] = "many"
	delete(timeless.Attributes, "SentTimestamp")
	q := &hidingQueue{}
	b := awslambda.Batch{Queue: q}
	b.Handle = q.note(func(context.Context, delivery.Receipt) delivery.Verdict { return delivery.Acknowledged() })
	got := invoke(t, b, strange, sqsMessage("sound", 1), uncounted, timeless)
	if want := []string{"strange", "uncounted", "timeless"}; !slices.Equal(got, want) {
		t.Errorf("reported as failed: %q, want %q", got, want)
	}
	if len(q.received) != 1 || len(q.hidden) != 0 {
		t.Errorf("%d messages were handled and %v hidden, want only the sound one handled", len(q.received), q.hidden)
	}
}

func TestAPanicOverAQueuesLaneFailsTheMessage(t *testing.T) {
	b := awslambda.Batch{Lane: func(string) (delivery.Lane, bool) { panic("a bug") }}
	if got := invoke(t, b, sqsMessage("a", 1)); !slices.Equal(got, []string{"a"}) {
		t.Errorf("reported as failed: %q, want the message", got)
	}
}

func TestAnUnreadableBatchIsAnErrorAndNothingIsAttempted(t *testing.T) {
	for _, event := range []string{"", "no JSON", `{"Records":{}}`, `{"Records":[{"messageId":7}]}`, `{"Records":[{"messageId":"a"},{"body":"of nobody"}]}`} {
		b := awslambda.Batch{Lane: laneOf, Handle: func(context.Context, delivery.Receipt) delivery.Verdict {
			t.Errorf("a message of %q is handled", event)
			return delivery.Acknowledged()
		}}
		if answer, err := b.Invoke(t.Context(), []byte(event)); err == nil {
			t.Errorf("Invoke of %q = %s, want an error", event, answer)
		}
	}
}

func TestMessagesOfABatchAreWorkedOnAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var records []sqsRecord
		for i := range 10 {
			records = append(records, sqsMessage(fmt.Sprint(i), 1))
		}
		var together sync.WaitGroup
		together.Add(len(records))
		b := awslambda.Batch{Handle: func(context.Context, delivery.Receipt) delivery.Verdict {
			together.Done()
			together.Wait()
			return delivery.Acknowledged()
		}}
		if got := invoke(t, b, records...); got != nil {
			t.Errorf("reported as failed: %q, want none", got)
		}
	})
}

func TestTheWorkEndsASecondBeforeTheFunctionAndIsSettledStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		q := &hidingQueue{}
		b := awslambda.Batch{Queue: q, Lane: laneOf, Logger: quiet(), Handle: func(ctx context.Context, r delivery.Receipt) delivery.Verdict {
			<-ctx.Done()
			return delivery.Verdict{Acknowledge: string(r.Body) == "a", VisibleAfter: time.Minute}
		}}
		answer, err := b.Invoke(ctx, sqsEvent(t, sqsMessage("a", 1), sqsMessage("b", 1)))
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 29*time.Second {
			t.Errorf("handlers that wait for the end of their context wait %v, want 29s", took)
		}
		if got := failures(t, answer); !slices.Equal(got, []string{"b"}) || q.hidden["b"] != time.Minute {
			t.Errorf("reported as failed: %q, hidden: %v, want b in both", got, q.hidden)
		}
	})
}

func TestAMessageStillInHandAtTheEndIsReportedAndTheOthersKeepTheirVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		q, thaw := &hidingQueue{}, make(chan struct{})
		b := awslambda.Batch{Queue: q, Lane: laneOf, Logger: quiet(), Handle: func(_ context.Context, r delivery.Receipt) delivery.Verdict {
			switch string(r.Body) {
			case "hangs", "hangs too":
				<-thaw
			case "later":
				return delivery.HandedOver()
			}
			return delivery.Acknowledged()
		}}
		answer, err := b.Invoke(ctx, sqsEvent(t, sqsMessage("hangs", 1), sqsMessage("done", 1), sqsMessage("later", 1), sqsMessage("hangs too", 1)))
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took >= 30*time.Second || took < 29*time.Second {
			t.Errorf("the answer comes after %v, want it in the last second before 30s", took)
		}
		if got, want := failures(t, answer), []string{"hangs", "later", "hangs too"}; !slices.Equal(got, want) {
			t.Errorf("reported as failed: %q, want %q", got, want)
		}
		close(thaw) // the process gets another event
		synctest.Wait()
		if diff := cmp.Diff(map[string]time.Duration{"later": 15 * time.Minute}, q.hidden); diff != "" {
			t.Errorf("hidden (-want +got):\n%s", diff)
		}
	})
}
