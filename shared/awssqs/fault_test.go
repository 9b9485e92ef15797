package awssqs_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"hermod/shared/awssqs"
	"hermod/shared/delivery"
)

// receive takes n messages that are there.
func receive(t *testing.T, q *awssqs.Queue, lane delivery.Lane, n int) (all []delivery.Receipt) {
	t.Helper()
	for len(all) < n {
		got, err := q.Receive(t.Context(), lane, n-len(all), 5*time.Second)
		if err != nil || len(got) == 0 {
			t.Fatalf("Receive = %d messages, %v, want %d more", len(got), err, n-len(all))
		}
		all = append(all, got...)
	}
	return all
}

func send(t *testing.T, q *awssqs.Queue, lane delivery.Lane, parcels ...delivery.Parcel) {
	t.Helper()
	if err := q.Send(t.Context(), lane, parcels...); err != nil {
		t.Fatalf("Send = %v, want nil", err)
	}
}

// A second try would leave the messages of the first in flight, and take ten more.
func TestReceiveIsNotTriedAgain(t *testing.T) {
	faults := map[string]func(w *wire, r *http.Request) (*http.Response, error){
		"the answer is lost":       func(w *wire, r *http.Request) (*http.Response, error) { return w.lose(r) },
		"the connection is reset":  func(*wire, *http.Request) (*http.Response, error) { return nil, errReset },
		"SQS throttles":            func(*wire, *http.Request) (*http.Response, error) { return refusal("RequestThrottled", ""), nil },
		"SQS fails":                func(*wire, *http.Request) (*http.Response, error) { return answer(500, "{}"), nil },
		"the answer is cut":        func(*wire, *http.Request) (*http.Response, error) { return answer(200, `{"Messages":[{"Body`), nil },
		"the answer is not SQS's":  func(*wire, *http.Request) (*http.Response, error) { return answer(200, "<html>"), nil },
		"the body does not add up": func(*wire, *http.Request) (*http.Response, error) { return answer(200, received("1", "1")), nil },
	}
	q, wire := open(t)
	send(t, q, delivery.LaneFirst, parcels(3)...)
	for name, fault := range faults {
		wire.breaks(func(_ string, _ int, r *http.Request) (*http.Response, error) { return fault(wire, r) })
		got, err := q.Receive(t.Context(), delivery.LaneFirst, 1, 0)
		if err == nil || got != nil {
			t.Errorf("Receive when %s = %v, %v, want an error", name, got, err)
		}
		if n := len(wire.of("ReceiveMessage")); n != 1 {
			t.Errorf("Receive when %s made %d requests, want 1", name, n)
		}
	}
	wire.mended()
	if got, _ := bodies(t, q, delivery.LaneFirst); len(got) != 2 {
		t.Errorf("%d messages can be received, want 2: one is in flight since its answer was lost", len(got))
	}
}

// received is an answer with a message whose checksum is wrong.
func received(receives, sentAt string) string {
	body, _ := json.Marshal(map[string]any{"Messages": []any{map[string]any{"Body": "x", "ReceiptHandle": "h", "MD5OfBody": "0",
		"Attributes": map[string]string{"ApproximateReceiveCount": receives, "SentTimestamp": sentAt}}}})
	return string(body)
}

func TestReceivedWithoutItsCountOrTimeIsAnError(t *testing.T) {
	for _, attributes := range []string{``, `"ApproximateReceiveCount":"1"`, `"SentTimestamp":"1772600767000"`, `"ApproximateReceiveCount":"x","SentTimestamp":"1"`} {
		q, _ := canned(http.StatusOK, `{"Messages":[{"Body":"x","MD5OfBody":"9dd4e461268c8034f5c8564e155c67a6","ReceiptHandle":"h","Attributes":{`+attributes+`}}]}`)
		if got, err := q.Receive(t.Context(), delivery.LaneFirst, 1, 0); err == nil {
			t.Errorf("Receive of a message with {%s} = %+v, want an error", attributes, got)
		}
	}
}

func TestReceiveAsksForWholeSecondsAndNoMoreThanItMay(t *testing.T) {
	tests := []struct {
		limit int
		wait  time.Duration
		want  asked
	}{
		{1, 0, asked{1, 0}},
		{10, -time.Second, asked{10, 0}},
		{10, time.Nanosecond, asked{10, 1}},
		{10, 1500 * time.Millisecond, asked{10, 2}},
		{256, time.Hour, asked{10, 20}},
	}
	for _, tt := range tests {
		if got := asks(t, t.Context(), tt.limit, tt.wait); got != tt.want {
			t.Errorf("Receive(limit %d, wait %v) asks for %+v, want %+v", tt.limit, tt.wait, got, tt.want)
		}
	}
	for deadline, most := range map[time.Duration]int{time.Hour: 20, 10 * time.Second: 9} {
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		if got := asks(t, ctx, 5, 20*time.Second); got.WaitTimeSeconds > most {
			t.Errorf("Receive that waits 20 s with %v left asks for %+v, want to wait at most %d s", deadline, got, most)
		}
		cancel()
	}
}

// asked is what a receive asks SQS for. What is not said is 0.
type asked struct{ MaxNumberOfMessages, WaitTimeSeconds int }

func asks(t *testing.T, ctx context.Context, limit int, wait time.Duration) (a asked) {
	t.Helper()
	q, wire := canned(http.StatusOK, "{}")
	if got, err := q.Receive(ctx, delivery.LaneFirst, limit, wait); err != nil || len(got) != 0 {
		t.Errorf("Receive of an empty answer = %v, %v, want none", got, err)
	}
	calls := wire.of("ReceiveMessage")
	if len(calls) != 1 {
		t.Fatalf("Receive made %d requests, want 1", len(calls))
	}
	if err := json.Unmarshal([]byte(calls[0]), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestReceiveOfNothingAsksNothing(t *testing.T) {
	q, wire := canned(http.StatusOK, "{}")
	for _, limit := range []int{0, -1} {
		if got, err := q.Receive(t.Context(), delivery.LaneFirst, limit, 0); err != nil || got != nil || len(wire.of("ReceiveMessage")) > 0 {
			t.Errorf("Receive with limit %d = %v, %v, want none without a request", limit, got, err)
		}
	}
}

func TestLaneWithoutAQueueIsAnError(t *testing.T) {
	q, _ := canned(http.StatusOK, "{}")
	ctx, lost := t.Context(), delivery.Receipt{Lane: "lost", Handle: "h"}
	_, received := q.Receive(ctx, "lost", 1, 0)
	_, visible := q.Visible(ctx, "lost")
	for what, err := range map[string]error{
		"Receive": received, "Visible": visible, "Delete": q.Delete(ctx, lost), "Hide": q.Hide(ctx, lost, 0), "Redrive": q.Redrive(ctx, "lost"),
	} {
		if err == nil || !strings.Contains(err.Error(), `"lost"`) {
			t.Errorf("%s of a lane without a queue = %v, want an error that names it", what, err)
		}
	}
}

func TestDeleteTellsOfWhatIsNotDeleted(t *testing.T) {
	q, wire := open(t)
	send(t, q, delivery.LaneFirst, parcels(12)...)
	send(t, q, delivery.LaneRetry, parcels(1)...)
	all := append(receive(t, q, delivery.LaneFirst, 12), receive(t, q, delivery.LaneRetry, 1)...)
	wire.breaks(func(_ string, _ int, r *http.Request) (*http.Response, error) {
		return wire.refuse(r, "InternalError", "1")
	})
	err := q.Delete(t.Context(), all...)
	if err == nil || !strings.Contains(err.Error(), "delete messages from first: InternalError: a test asked for it") {
		t.Errorf("Delete = %v, want why two are not", err)
	}
	wire.mended()
	for _, r := range all {
		if err := q.Hide(t.Context(), r, 0); err != nil {
			t.Errorf("Hide = %v, want nil, whether the message is deleted or not", err)
		}
	}
	if got, _ := bodies(t, q, delivery.LaneFirst); len(got) != 2 {
		t.Errorf("messages left %v, want two: one of each request, and the others deleted", got)
	}
}

func TestDeleteWhoseAnswerIsLostIsTriedAgain(t *testing.T) {
	q, wire := open(t)
	send(t, q, delivery.LaneFirst, parcels(2)...)
	all := receive(t, q, delivery.LaneFirst, 2)
	wire.breaks(func(_ string, n int, r *http.Request) (*http.Response, error) {
		if n == 1 {
			return wire.lose(r)
		}
		return wire.next.RoundTrip(r)
	})
	if err := q.Delete(t.Context(), all...); err != nil || len(wire.of("DeleteMessageBatch")) != 2 {
		t.Errorf("Delete = %v after %d requests, want nil after 2", err, len(wire.of("DeleteMessageBatch")))
	}
}

// The two codes are what AWS and what ElasticMQ say of a handle that names nothing any more.
func TestHandlesThatAreUsedUpAreNoError(t *testing.T) {
	for _, e := range []struct {
		code, message string
		wantErr       bool
	}{
		{"ReceiptHandleIsInvalid", "The receipt handle is invalid", false},
		{"MessageNotInflight", "The specified message isn't in flight.", false},
		{"InvalidParameterValue", "Value AQEB for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.", false},
		{"InvalidParameterValue", "Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit.", true},
		{"QueueDoesNotExist", "The specified queue does not exist.", true},
		{"AccessDeniedException", "not yours", true},
	} {
		r := delivery.Receipt{Lane: delivery.LaneFirst, Handle: "h"}
		q, wire := canned(0, "")
		wire.breaks(func(string, int, *http.Request) (*http.Response, error) { return refusal(e.code, e.message), nil })
		if err := q.Hide(t.Context(), r, time.Second); (err != nil) != e.wantErr {
			t.Errorf("Hide when SQS says %s: %s = %v, want an error: %v", e.code, e.message, err, e.wantErr)
		}
		for _, prefix := range []string{"", "com.amazonaws.sqs#"} {
			body, _ := json.Marshal(map[string]any{"Failed": []any{map[string]any{"Id": "0", "Code": prefix + e.code, "Message": e.message, "SenderFault": true}}})
			q, _ := canned(http.StatusOK, string(body))
			if err := q.Delete(t.Context(), r); (err != nil) != e.wantErr {
				t.Errorf("Delete when SQS says %s%s: %s = %v, want an error: %v", prefix, e.code, e.message, err, e.wantErr)
			}
		}
	}
}

func TestHideAsksForWholeSecondsWithinTheLimits(t *testing.T) {
	r := delivery.Receipt{Lane: delivery.LaneFirst, Handle: "h"}
	for d, want := range map[time.Duration]string{
		0: `"VisibilityTimeout":0`, time.Nanosecond: `"VisibilityTimeout":1`, 90 * time.Second: `"VisibilityTimeout":90`,
		delivery.MaxHidden: `"VisibilityTimeout":39600`, delivery.MaxHidden + 1: "", -1: "",
	} {
		q, wire := canned(http.StatusOK, "{}")
		err := q.Hide(t.Context(), r, d)
		calls := wire.of("ChangeMessageVisibility")
		if want == "" && (err == nil || len(calls) > 0) || want != "" && (err != nil || len(calls) != 1 || !strings.Contains(calls[0], want)) {
			t.Errorf("Hide for %v = %v and asks %q, want %q (empty: an error)", d, err, calls, want)
		}
	}
}

func TestVisibleOfAnAnswerThatIsNoNumber(t *testing.T) {
	q, _ := canned(http.StatusOK, `{"Attributes":{}}`)
	if n, err := q.Visible(t.Context(), delivery.LaneFirst); err == nil {
		t.Errorf("Visible = %d, want an error", n)
	}
}

func TestRedriveWhileATaskRunsStartsNone(t *testing.T) {
	for status, want := range map[string]int{"": 1, "RUNNING": 0, "COMPLETED": 1, "CANCELLED": 1, "FAILED": 1} {
		q, wire := canned(0, "")
		wire.breaks(func(action string, _ int, _ *http.Request) (*http.Response, error) {
			switch action {
			case "GetQueueAttributes":
				return answer(http.StatusOK, `{"Attributes":{"QueueArn":"arn:aws:sqs:us-east-1:000000000000:dead"}}`), nil
			case "ListMessageMoveTasks":
				return answer(http.StatusOK, `{"Results":[{"Status":"`+status+`"}]}`), nil
			}
			return answer(http.StatusOK, "{}"), nil
		})
		err := q.Redrive(t.Context(), delivery.LaneDead)
		calls := wire.of("StartMessageMoveTask")
		if err != nil || len(calls) != want {
			t.Errorf("Redrive when the last task is %q = %v and starts %d, want %d", status, err, len(calls), want)
		}
		if want > 0 && !strings.Contains(calls[0], `{"SourceArn":"arn:aws:sqs:us-east-1:000000000000:dead"}`) {
			t.Errorf("Redrive asks %s, want the ARN of the letters' queue and nothing else", calls[0])
		}
	}
}

func TestRedriveTellsWhatSQSSays(t *testing.T) {
	for _, action := range []string{"GetQueueAttributes", "ListMessageMoveTasks", "StartMessageMoveTask"} {
		q, wire := canned(0, "")
		wire.breaks(func(a string, _ int, _ *http.Request) (*http.Response, error) {
			if a == action {
				return nil, errReset
			}
			return answer(http.StatusOK, "{}"), nil
		})
		if err := q.Redrive(t.Context(), delivery.LaneDead); !errors.Is(err, errReset) || !strings.Contains(err.Error(), "dead") {
			t.Errorf("Redrive when %s fails = %v, want what the connection said", action, err)
		}
	}
}
