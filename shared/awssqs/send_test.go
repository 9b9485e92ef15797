package awssqs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/awssqs"
	"hermod/shared/delivery"
)

func parcels(n int) []delivery.Parcel {
	all := make([]delivery.Parcel, n)
	for i := range all {
		all[i] = delivery.Parcel{Group: "w1", Body: fmt.Appendf(nil, "%02d", i)}
	}
	return all
}

// bodies receives what is in the lane, in order, and how often each was there.
func bodies(t *testing.T, q *awssqs.Queue, lane delivery.Lane) (all []string, times map[string]int) {
	t.Helper()
	times = map[string]int{}
	for {
		got, err := q.Receive(t.Context(), lane, 10, 0)
		if err != nil {
			t.Fatalf("Receive = %v", err)
		}
		if len(got) == 0 {
			slices.Sort(all)
			return all, times
		}
		for _, r := range got {
			if times[string(r.Body)]++; times[string(r.Body)] == 1 {
				all = append(all, string(r.Body))
			}
		}
	}
}

func wantBodies(t *testing.T, q *awssqs.Queue, lane delivery.Lane, parcels []delivery.Parcel) {
	t.Helper()
	var want []string
	for _, p := range parcels {
		want = append(want, string(p.Body))
	}
	got, times := bodies(t, q, lane)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages in %s (-want +got):\n%s", lane, diff)
	}
	for body, n := range times {
		if n > 1 {
			t.Errorf("message %s is in %s %d times, want once", body, lane, n)
		}
	}
}

func wantFailed(t *testing.T, err error, want ...int) *delivery.SendError {
	t.Helper()
	var failed *delivery.SendError
	if !errors.As(err, &failed) {
		t.Fatalf("Send = %v, want a SendError", err)
	}
	if diff := cmp.Diff(want, failed.Failed); diff != "" {
		t.Errorf("parcels not sent (-want +got):\n%s", diff)
	}
	return failed
}

func TestEntriesThatSQSRefusesAreNamed(t *testing.T) {
	q, wire := open(t)
	wire.breaks(func(action string, n int, r *http.Request) (*http.Response, error) {
		return wire.refuse(r, "InternalError", "3", "14", "20", "21", "22", "23", "24")
	})
	all := parcels(25)
	err := q.Send(t.Context(), delivery.LaneFirst, all...)
	if failed := wantFailed(t, err, 3, 14, 20, 21, 22, 23, 24); !strings.Contains(failed.Error(), "InternalError: a test asked for it") {
		t.Errorf("Send = %v, want why it failed", err)
	}
	wire.mended()
	wantBodies(t, q, delivery.LaneFirst, slices.Concat(all[:3], all[4:14], all[15:20]))
}

func TestEntriesThatTheAnswerForgetsHaveFailed(t *testing.T) {
	q, _ := canned(http.StatusOK, `{"Successful":[{"Id":"1","MessageId":"m"}]}`)
	failed := wantFailed(t, q.Send(t.Context(), delivery.LaneFirst, parcels(3)...), 0, 2)
	if want := "what became of"; !strings.Contains(failed.Error(), want) {
		t.Errorf("Send = %v, want %q in it", failed, want)
	}
}

func TestThrottledSendIsTriedAgain(t *testing.T) {
	q, wire := open(t)
	wire.breaks(func(_ string, n int, r *http.Request) (*http.Response, error) {
		if n <= 2 {
			return refusal("RequestThrottled", "Request is throttled."), nil
		}
		return wire.next.RoundTrip(r)
	})
	if err := q.Send(t.Context(), delivery.LaneFirst, parcels(5)...); err != nil {
		t.Errorf("Send = %v, want nil", err)
	}
	wire.mended()
	wantBodies(t, q, delivery.LaneFirst, parcels(5))
}

func TestBatchThatStaysThrottledFailsAlone(t *testing.T) {
	q, wire := open(t)
	wire.breaks(func(_ string, _ int, r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if bytes.Contains(body, []byte(`"MessageBody":"10"`)) {
			return refusal("RequestThrottled", "Request is throttled."), nil
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		return wire.next.RoundTrip(r)
	})
	all := parcels(22)
	wantFailed(t, q.Send(t.Context(), delivery.LaneRetry, all...), 10, 11, 12, 13, 14, 15, 16, 17, 18, 19)
	wire.mended()
	wantBodies(t, q, delivery.LaneRetry, slices.Concat(all[:10], all[20:]))
}

// A request that was carried out and whose answer was lost is sent again: all messages are there, and may be there twice.
func TestSendWhoseAnswerIsLost(t *testing.T) {
	q, wire := open(t)
	wire.breaks(func(_ string, n int, r *http.Request) (*http.Response, error) {
		if n == 1 {
			return wire.lose(r)
		}
		return wire.next.RoundTrip(r)
	})
	if err := q.Send(t.Context(), delivery.LaneFirst, parcels(5)...); err != nil {
		t.Errorf("Send = %v, want nil", err)
	}
	wire.mended()
	if got, times := bodies(t, q, delivery.LaneFirst); len(got) != 5 || times["00"] != 2 {
		t.Errorf("messages %v, each %d times, want 5, each twice", got, times["00"])
	}
}

func TestSendWhoseAnswersAreAllLostHasFailed(t *testing.T) {
	q, wire := open(t)
	wire.breaks(func(_ string, _ int, r *http.Request) (*http.Response, error) { return wire.lose(r) })
	err := q.Send(t.Context(), delivery.LaneFirst, parcels(3)...)
	wantFailed(t, err, 0, 1, 2)
	if !errors.Is(err, errReset) {
		t.Errorf("Send = %v, want it to wrap what the connection said", err)
	}
	wire.mended()
	if got, _ := bodies(t, q, delivery.LaneFirst); len(got) != 3 {
		t.Errorf("messages %v, want all three: they were sent, only nobody was told", got)
	}
}

func TestSendOnAConnectionThatWasReset(t *testing.T) {
	q, wire := open(t)
	wire.breaks(func(_ string, n int, r *http.Request) (*http.Response, error) {
		if n == 1 {
			return nil, errReset
		}
		return wire.next.RoundTrip(r)
	})
	if err := q.Send(t.Context(), delivery.LaneFirst, parcels(5)...); err != nil {
		t.Errorf("Send = %v, want nil", err)
	}
	wire.mended()
	wantBodies(t, q, delivery.LaneFirst, parcels(5))
}

func TestSendEndsWithItsContext(t *testing.T) {
	q, wire := canned(http.StatusOK, "")
	wire.breaks(func(_ string, _ int, r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := q.Send(ctx, delivery.LaneFirst, parcels(2)...)
	if wantFailed(t, err, 0, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Send = %v, want it to wrap %v", err, context.DeadlineExceeded)
	}
}

func TestRequestsOfOneSendAreFewAndAtOnce(t *testing.T) {
	q, wire := canned(http.StatusOK, "")
	var mu sync.Mutex
	inFlight, most := 0, 0
	gate := make(chan struct{})
	wire.breaks(func(_ string, n int, r *http.Request) (*http.Response, error) {
		mu.Lock()
		inFlight++
		most = max(most, inFlight)
		if n == 8 {
			close(gate) // the eighth lets all go: they were under way together
		}
		mu.Unlock()
		<-gate
		mu.Lock()
		inFlight--
		mu.Unlock()
		return answer(http.StatusOK, `{"Successful":[]}`), nil
	})
	q.Send(t.Context(), delivery.LaneFirst, parcels(200)...)
	if n := len(wire.of("SendMessageBatch")); n != 20 || most != 8 {
		t.Errorf("200 parcels took %d requests, %d at once, want 20, 8 at once", n, most)
	}
}

func TestWhatSQSWouldRefuseIsNotSent(t *testing.T) {
	late := delivery.Parcel{Body: []byte("{}"), Delay: delivery.MaxDelay + 1}
	early := delivery.Parcel{Body: []byte("{}"), Delay: -1}
	tests := []struct {
		name   string
		lane   delivery.Lane
		parcel delivery.Parcel
		want   string
	}{
		{"a lane of letters", delivery.LaneDead, parcels(1)[0], `nothing is sent to the lane "dead"`},
		{"a lane that there is not", "lost", parcels(1)[0], `nothing is sent to the lane "lost"`},
		{"a lane without a queue here", delivery.LaneOps, parcels(1)[0], `no queue for the lane "ops" here`},
		{"a delay that is too long", delivery.LaneFirst, late, "a delay of 15m0.000000001s"},
		{"a delay below nothing", delivery.LaneFirst, early, "a delay of -1ns"},
		{"a body that is too big", delivery.LaneFirst, delivery.Parcel{Body: bytes.Repeat([]byte("x"), delivery.MaxBody+1)}, "a message of 262145 bytes"},
		{"no body", delivery.LaneFirst, delivery.Parcel{}, "without a body"},
		{"a body that is not UTF-8", delivery.LaneFirst, delivery.Parcel{Body: []byte("\"\xff\"")}, "not UTF-8"},
		{"a control character", delivery.LaneFirst, delivery.Parcel{Body: []byte("\"\x1f\"")}, "U+001F"},
		{"a noncharacter outside of JSON", delivery.LaneFirst, delivery.Parcel{Body: []byte("\uFFFF")}, "U+FFFF"},
	}
	for _, tt := range tests {
		q, wire := canned(http.StatusOK, "{}")
		failed := wantFailed(t, q.Send(t.Context(), tt.lane, tt.parcel), 0)
		if !strings.Contains(failed.Error(), tt.want) {
			t.Errorf("Send of %s = %v, want %q in it", tt.name, failed, tt.want)
		}
		if n := len(wire.of("SendMessageBatch")); n > 0 {
			t.Errorf("Send of %s made %d requests, want none", tt.name, n)
		}
	}
}

func TestEveryBodyOfJSONArrives(t *testing.T) {
	tests := []struct{ sent, want string }{
		{"{}", "{}"},
		{"{\t\"a\":\r\n\"b\"}", "{\t\"a\":\r\n\"b\"}"},
		{"\"\u007f\u0080\uE000\uFFFD\U00010000\U0010FFFF\U0001FFFE\"", "\"\u007f\u0080\uE000\uFFFD\U00010000\U0010FFFF\U0001FFFE\""},
		{`"\u0000\ufffe<&>]]>'"`, `"\u0000\ufffe<&>]]>'"`},
		{"{\"a\":\"\uFFFE-\uFFFF\"}", `{"a":"\ufffe-\uffff"}`}, // means the same
		{`"` + strings.Repeat("x", delivery.MaxBody-2) + `"`, `"` + strings.Repeat("x", delivery.MaxBody-2) + `"`},
	}
	q, _ := open(t)
	for _, tt := range tests {
		if err := q.Send(t.Context(), delivery.LaneOps, delivery.Parcel{Body: []byte(tt.sent)}); err != nil {
			t.Errorf("Send of %.40q = %v, want nil", tt.sent, err)
			continue
		}
		if got, _ := bodies(t, q, delivery.LaneOps); len(got) != 1 || got[0] != tt.want {
			t.Errorf("received %.60q, want %.60q", got, tt.want)
		}
	}
}
