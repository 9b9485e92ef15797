package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hermod/shared/delivery"
)

// QueueOptions says what a queue cannot show.
type QueueOptions struct {
	// RealTime is true for a queue that reads a clock of its own. What takes minutes is left out then, and what takes seconds
	// takes them.
	RealTime bool
	// OneWayBack is true for a stand-in that redrives all letters to one lane, though they came from two.
	OneWayBack bool
}

// need is what a test needs that not every queue has.
type need string

const (
	aClock   need = "minutes or days, and the clock of this queue cannot be set"
	waysBack need = "letters of two lanes to be redriven each to its own, and this queue moves all to one"
)

func (o QueueOptions) lacks(n need) bool {
	return o.RealTime && n == aClock || o.OneWayBack && n == waysBack
}

// Queue is the suite of delivery.Queue.
func Queue(t *testing.T, open func(t *testing.T, now func() time.Time) delivery.Queue, o QueueOptions) {
	for _, test := range queueTests {
		t.Run(test.name, func(t *testing.T) {
			if o.lacks(test.needs) {
				t.Skip("LEFT OUT, needs " + test.needs)
			}
			clock := &Clock{at: start}
			test.run(t, &lanes{Queue: open(t, clock.Now), clock: clock, realTime: o.RealTime})
		})
	}
}

var queueTests = []struct {
	name  string
	run   func(t *testing.T, q *lanes)
	needs need
}{
	{"a message arrives as it was sent, byte for byte", messageArrives, ""},
	{"lanes are apart", lanesApart, ""},
	{"more parcels than a batch holds are sent at once", manySent, ""},
	{"an empty lane is no error", laneEmpty, ""},
	{"a receive gives no more than it was asked for", receiveLimited, ""},
	{"a receive that waits ends with the first message", receiveWaits, ""},
	{"a message that was deleted is gone, and deleting it again is no error", messageDeleted, ""},
	{"a message handed back at once is there at once, and counts its receives", messageHandedBack, ""},
	{"a message hidden comes back after its time", messageHidden, ""},
	{"a message hidden for hours comes back after its time", messageHiddenLong, aClock},
	{"a message neither deleted nor hidden comes back", messageComesBack, aClock},
	{"messages of one group come and go each for itself", groupMates, ""},
	{"messages of one group come back each after its time", groupMatesComeBack, aClock},
	{"a message delayed arrives after its time", messageDelayed, ""},
	{"a message delayed as long as may be arrives after its time", messageDelayedLong, aClock},
	{"a parcel that cannot be sent is refused alone", parcelRefused, ""},
	{"nothing is sent to the letters", lettersNotSent, ""},
	{"a message received too often moves to the letters", messageMoves, ""},
	{"a message that its receivers forget too often moves to the letters", messageForgotten, aClock},
	{"letters go back where they came from, as fresh messages", lettersRedriven, ""},
	{"letters of two lanes go back each where it came from", lettersOfTwoRedriven, waysBack},
	{"redriving no letters is no error", noLettersRedriven, ""},
	{"a message is gone when its time is over", messageExpires, aClock},
	{"a letter is gone when its time since it was sent is over", letterExpires, aClock},
	{"what could be received now is counted", visibleCounted, ""},
	{"no message is in two hands at once", noMessageTwice, ""},
}

// lanes is the queue under test, and its time.
type lanes struct {
	delivery.Queue
	clock    *Clock
	realTime bool
}

// pass lets time pass.
func (q *lanes) pass(d time.Duration) {
	q.clock.Advance(d)
	if q.realTime {
		<-time.After(d)
	}
}

// now is the queue's time.
func (q *lanes) now() time.Time {
	if q.realTime {
		return time.Now()
	}
	return q.clock.Now()
}

func parcel(body string) delivery.Parcel {
	return delivery.Parcel{Group: "w-" + body, Body: []byte(body)}
}

func (q *lanes) send(t *testing.T, lane delivery.Lane, parcels ...delivery.Parcel) {
	t.Helper()
	must(t, q.Send(t.Context(), lane, parcels...), "Send")
}

// receive takes n messages that should be there, in the order of their bodies.
func (q *lanes) receive(t *testing.T, lane delivery.Lane, n int) (all []delivery.Receipt) {
	t.Helper()
	eventually(t, func() string {
		for len(all) < n {
			page, err := q.Receive(t.Context(), lane, min(10, n-len(all)), 0)
			must(t, err, "Receive")
			if len(page) == 0 {
				return fmt.Sprintf("%d of %d messages received from %s", len(all), n, lane)
			}
			all = append(all, page...)
		}
		return ""
	})
	slices.SortFunc(all, func(a, b delivery.Receipt) int { return bytes.Compare(a.Body, b.Body) })
	return all
}

func (q *lanes) receiveOne(t *testing.T, lane delivery.Lane) delivery.Receipt {
	t.Helper()
	return q.receive(t, lane, 1)[0]
}

func (q *lanes) wantNone(t *testing.T, what string, lane delivery.Lane) {
	t.Helper()
	if got, err := q.Receive(t.Context(), lane, 10, 0); err != nil || len(got) != 0 {
		t.Errorf("Receive from %s, %s = %+v, %v, want none", lane, what, got, err)
	}
}

func (q *lanes) hide(t *testing.T, r delivery.Receipt, d time.Duration) {
	t.Helper()
	must(t, q.Hide(t.Context(), r, d), "Hide for %v", d)
}

// exhaust receives the lane's only message as often as may be.
func (q *lanes) exhaust(t *testing.T, lane delivery.Lane) (last delivery.Receipt) {
	t.Helper()
	for range delivery.MaxReceives {
		last = q.receiveOne(t, lane)
		q.hide(t, last, 0)
	}
	q.wantNone(t, "after as many receives as may be", lane)
	return last
}

func messageArrives(t *testing.T, q *lanes) {
	for _, lane := range []delivery.Lane{delivery.LaneFirst, delivery.LaneRetry, delivery.LaneOps} {
		body := "{ \"größe\": \"三月 \U0001F4E8\\u0000\",\n\t\"a\" : [1,2] }\n"
		before := q.now()
		q.send(t, lane, delivery.Parcel{Group: "0190a5d1-7c00-7abc-8def-fedcba987654", Body: []byte(body)})
		got := q.receiveOne(t, lane)
		if got.Lane != lane || got.Handle == "" || got.Group != "0190a5d1-7c00-7abc-8def-fedcba987654" || got.Receives != 1 || string(got.Body) != body {
			t.Errorf("Receive = %+v with body %q, want the message as sent, received once", got, got.Body)
		}
		if got.SentAt.Before(before.Add(-time.Second)) || got.SentAt.After(q.now().Add(time.Second)) {
			t.Errorf("SentAt = %v, want the time of Send, %v", got.SentAt, before)
		}
	}
}

func lanesApart(t *testing.T, q *lanes) {
	q.send(t, delivery.LaneFirst, parcel("a"))
	for _, lane := range []delivery.Lane{delivery.LaneRetry, delivery.LaneOps, delivery.LaneDead, delivery.LaneStuck} {
		q.wantNone(t, "when a message is in first", lane)
	}
	q.receiveOne(t, delivery.LaneFirst)
}

func manySent(t *testing.T, q *lanes) {
	must(t, q.Send(t.Context(), delivery.LaneRetry), "Send of nothing")
	var parcels []delivery.Parcel
	for i := range 43 {
		parcels = append(parcels, parcel(fmt.Sprintf("%02d", i)))
	}
	for i := range 3 { // together too big for one request
		parcels = append(parcels, delivery.Parcel{Group: "big", Body: []byte(fmt.Sprintf("%d", 5+i) + strings.Repeat("x", 200<<10))})
	}
	q.send(t, delivery.LaneRetry, parcels...)
	for i, r := range q.receive(t, delivery.LaneRetry, len(parcels)) {
		if !bytes.Equal(r.Body, parcels[i].Body) || r.Group != parcels[i].Group {
			t.Errorf("message %d = %.20q of group %.20q, want %.20q of %.20q", i, r.Body, r.Group, parcels[i].Body, parcels[i].Group)
		}
	}
	q.wantNone(t, "after all were received", delivery.LaneRetry)
}

func laneEmpty(t *testing.T, q *lanes) {
	for _, lane := range []delivery.Lane{delivery.LaneFirst, delivery.LaneRetry, delivery.LaneOps, delivery.LaneDead, delivery.LaneStuck} {
		q.wantNone(t, "where nothing was sent", lane)
	}
	if got, err := q.Receive(t.Context(), delivery.LaneFirst, 10, time.Second); err != nil || len(got) != 0 {
		t.Errorf("Receive that waits for nothing = %v, %v, want none", got, err)
	}
	must(t, q.Delete(t.Context()), "Delete of nothing")
}

func receiveLimited(t *testing.T, q *lanes) {
	q.send(t, delivery.LaneFirst, parcel("a"), parcel("b"), parcel("c"), parcel("d"), parcel("e"))
	seen := 0
	for _, limit := range []int{1, 3, 10} {
		got, err := q.Receive(t.Context(), delivery.LaneFirst, limit, 0)
		if seen += len(got); err != nil || len(got) > limit {
			t.Errorf("Receive with limit %d = %d messages, %v", limit, len(got), err)
		}
	}
	q.receive(t, delivery.LaneFirst, 5-seen)
}

func receiveWaits(t *testing.T, q *lanes) {
	type result struct {
		got []delivery.Receipt
		err error
	}
	done := make(chan result)
	go func() {
		got, err := q.Receive(t.Context(), delivery.LaneRetry, 10, lag)
		done <- result{got, err}
	}()
	<-time.After(poll) // most likely it waits by now; if not, it finds the message there
	q.send(t, delivery.LaneRetry, parcel("a"))
	if r := <-done; r.err != nil || len(r.got) != 1 {
		t.Errorf("Receive that waits = %v, %v, want the message that was sent meanwhile", r.got, r.err)
	}
}

func messageDeleted(t *testing.T, q *lanes) {
	var parcels []delivery.Parcel
	for i := range 25 {
		parcels = append(parcels, parcel(fmt.Sprintf("%02d", i)))
	}
	q.send(t, delivery.LaneFirst, parcels...)
	all := q.receive(t, delivery.LaneFirst, len(parcels))
	for _, r := range all[20:] {
		q.hide(t, r, 0)
	}
	must(t, q.Delete(t.Context(), all[:20]...), "Delete of 20 messages")
	must(t, q.Delete(t.Context(), all[:20]...), "Delete of 20 messages that are gone")
	again := q.receive(t, delivery.LaneFirst, 5)
	if want := fmt.Sprint(20); string(again[0].Body) != want {
		t.Errorf("the first message left is %s, want %s", again[0].Body, want)
	}
	must(t, q.Delete(t.Context(), all[20:]...), "Delete with the handles of earlier receives")
	must(t, q.Delete(t.Context(), again...), "Delete")
	q.wantNone(t, "after all were deleted", delivery.LaneFirst)
}

func messageHandedBack(t *testing.T, q *lanes) {
	q.send(t, delivery.LaneRetry, parcel("a"))
	first := q.receiveOne(t, delivery.LaneRetry)
	handles := []string{first.Handle}
	for n := 2; n <= delivery.MaxReceives; n++ {
		q.wantNone(t, "while the message is in hand", delivery.LaneRetry)
		q.hide(t, first, 0)
		want := first
		first = q.receiveOne(t, delivery.LaneRetry)
		want.Receives, want.Handle = n, first.Handle
		if diff := same(want, first); diff != "" {
			t.Errorf("receive %d (-want +got):\n%s", n, diff)
		}
		if slices.Contains(handles, first.Handle) {
			t.Errorf("receive %d has the handle of an earlier one", n)
		}
		handles = append(handles, first.Handle)
	}
}

func messageHidden(t *testing.T, q *lanes) {
	q.send(t, delivery.LaneRetry, parcel("a"))
	q.hide(t, q.receiveOne(t, delivery.LaneRetry), 3*time.Second)
	q.pass(time.Second)
	q.wantNone(t, "before the message may come back", delivery.LaneRetry)
	q.pass(2500 * time.Millisecond)
	if got := q.receiveOne(t, delivery.LaneRetry); got.Receives != 2 {
		t.Errorf("Receives = %d, want 2", got.Receives)
	}
}

func messageHiddenLong(t *testing.T, q *lanes) {
	q.send(t, delivery.LaneRetry, parcel("a"))
	for _, d := range []time.Duration{delivery.Visibility, 30 * time.Minute, delivery.MaxHidden} {
		q.hide(t, q.receiveOne(t, delivery.LaneRetry), d)
		q.pass(d - time.Second)
		q.wantNone(t, "before the message may come back", delivery.LaneRetry)
		q.pass(2 * time.Second)
	}
	r := q.receiveOne(t, delivery.LaneRetry)
	if err := q.Hide(t.Context(), r, delivery.MaxHidden+time.Hour); err == nil {
		t.Error("Hide for longer than may be = nil, want an error")
	}
	must(t, q.Delete(t.Context(), r), "Delete")
}

func messageComesBack(t *testing.T, q *lanes) {
	q.send(t, delivery.LaneFirst, parcel("a"))
	sent := q.receiveOne(t, delivery.LaneFirst)
	q.pass(delivery.Visibility - time.Second)
	q.wantNone(t, "while the message is in hand", delivery.LaneFirst)
	q.pass(2 * time.Second)
	got := q.receiveOne(t, delivery.LaneFirst)
	if got.Receives != 2 || !got.SentAt.Equal(sent.SentAt) || string(got.Body) != "a" {
		t.Errorf("a message that came back = %+v, want it received twice, sent at %v", got, sent.SentAt)
	}
	must(t, q.Delete(t.Context(), sent), "Delete with the handle of the receive that was too slow")
}

// mates sends messages of one group and returns them as received.
func (q *lanes) mates(t *testing.T, bodies ...string) []delivery.Receipt {
	t.Helper()
	for _, body := range bodies {
		q.send(t, delivery.LaneFirst, delivery.Parcel{Group: "w1", Body: []byte(body)})
	}
	return q.receive(t, delivery.LaneFirst, len(bodies))
}

func groupMates(t *testing.T, q *lanes) {
	all := q.mates(t, "a", "b", "c", "d")
	must(t, q.Delete(t.Context(), all[1]), "Delete")
	for _, n := range []int{2, 0} {
		q.hide(t, all[n], 0)
		if got := q.receiveOne(t, delivery.LaneFirst); !bytes.Equal(got.Body, all[n].Body) || got.Receives != 2 {
			t.Errorf("received %q, %d times, want %q, which alone was handed back", got.Body, got.Receives, all[n].Body)
		}
		q.wantNone(t, "while the others of the group are in hand or gone", delivery.LaneFirst)
	}
}

func groupMatesComeBack(t *testing.T, q *lanes) {
	q.mates(t, "a")
	q.pass(delivery.Visibility / 2)
	q.mates(t, "b")
	q.pass(delivery.Visibility/2 + time.Second)
	for _, body := range []string{"a", "b"} {
		if got := q.receiveOne(t, delivery.LaneFirst); string(got.Body) != body {
			t.Errorf("received %q, want %q, whose time is over", got.Body, body)
		}
		q.wantNone(t, "while the other of the group is in hand", delivery.LaneFirst)
		q.pass(delivery.Visibility / 2)
	}
}

func messageDelayed(t *testing.T, q *lanes) {
	now, soon := parcel("now"), parcel("soon")
	soon.Delay = 1500 * time.Millisecond
	q.send(t, delivery.LaneRetry, soon, now)
	if got := q.receiveOne(t, delivery.LaneRetry); string(got.Body) != "now" {
		t.Errorf("received %q, want the message without a delay", got.Body)
	}
	q.pass(time.Second)
	q.wantNone(t, "before the delay is over", delivery.LaneRetry)
	q.pass(1200 * time.Millisecond) // a queue may delay by whole seconds only
	if got := q.receiveOne(t, delivery.LaneRetry); string(got.Body) != "soon" || got.Receives != 1 {
		t.Errorf("received %q, %d times, want the delayed message for the first time", got.Body, got.Receives)
	}
}

func messageDelayedLong(t *testing.T, q *lanes) {
	p := parcel("a")
	p.Delay = delivery.MaxDelay
	sentAt := q.now()
	q.send(t, delivery.LaneRetry, p)
	q.pass(delivery.MaxDelay - time.Second)
	q.wantNone(t, "before the delay is over", delivery.LaneRetry)
	q.pass(2 * time.Second)
	if got := q.receiveOne(t, delivery.LaneRetry); got.SentAt.Sub(sentAt).Abs() > time.Second {
		t.Errorf("SentAt of a delayed message = %v, want when it was sent, %v", got.SentAt, sentAt)
	}
}

func parcelRefused(t *testing.T, q *lanes) {
	late, big := parcel("late"), parcel("big")
	late.Delay = delivery.MaxDelay + time.Second
	big.Body = bytes.Repeat([]byte("x"), delivery.MaxBody+1)
	parcels := []delivery.Parcel{parcel("a"), late, parcel("b"), big}
	for i := range 12 {
		parcels = append(parcels, parcel(fmt.Sprintf("c%02d", i)))
	}
	parcels = append(parcels, late)
	err := q.Send(t.Context(), delivery.LaneRetry, parcels...)
	var refused *delivery.SendError
	if !errors.As(err, &refused) || refused.Err == nil {
		t.Fatalf("Send of some that cannot be sent = %v, want a SendError", err)
	}
	slices.Sort(refused.Failed)
	if diff := same([]int{1, 3, 16}, refused.Failed); diff != "" {
		t.Errorf("parcels not sent (-want +got):\n%s", diff)
	}
	got := q.receive(t, delivery.LaneRetry, len(parcels)-3)
	if string(got[0].Body) != "a" || string(got[1].Body) != "b" {
		t.Errorf("received %q and %q first, want the parcels beside the refused ones", got[0].Body, got[1].Body)
	}
	q.wantNone(t, "after those that could be sent", delivery.LaneRetry)
}

func (q *lanes) wantVisible(t *testing.T, lane delivery.Lane, want int) {
	t.Helper()
	eventually(t, func() string {
		if n, err := q.Visible(t.Context(), lane); err != nil || n != want {
			return fmt.Sprintf("Visible of %s = %d, %v, want %d", lane, n, err, want)
		}
		return ""
	})
}

func visibleCounted(t *testing.T, q *lanes) {
	q.wantVisible(t, delivery.LaneRetry, 0)
	late := parcel("late")
	late.Delay = delivery.MaxDelay
	q.send(t, delivery.LaneRetry, parcel("a"), parcel("b"), parcel("c"), parcel("d"), late)
	q.wantVisible(t, delivery.LaneRetry, 4)
	got := q.receive(t, delivery.LaneRetry, 3)
	q.wantVisible(t, delivery.LaneRetry, 1)
	q.hide(t, got[0], 0)
	q.hide(t, got[1], time.Hour)
	q.wantVisible(t, delivery.LaneRetry, 2)
	must(t, q.Delete(t.Context(), got[2], q.receiveOne(t, delivery.LaneRetry)), "Delete")
	q.wantVisible(t, delivery.LaneRetry, 1)
	q.wantVisible(t, delivery.LaneFirst, 0)
}

func noMessageTwice(t *testing.T, q *lanes) {
	const messages = 300
	inTurn(messages/10, func(i int) {
		var parcels []delivery.Parcel
		for n := range 10 {
			parcels = append(parcels, delivery.Parcel{Group: fmt.Sprintf("w%d", i), Body: fmt.Appendf(nil, "%d/%d", i, n)})
		}
		if err := q.Send(t.Context(), delivery.LaneFirst, parcels...); err != nil {
			t.Errorf("Send = %v, want nil", err)
		}
	})
	var mu sync.Mutex
	held := map[string]int{}
	count := func(got []delivery.Receipt) (left int) {
		mu.Lock()
		defer mu.Unlock()
		for _, r := range got {
			held[string(r.Body)]++
		}
		return messages - len(held)
	}
	deadline := time.Now().Add(lag)
	for _, err := range atOnce(16, func(int) error {
		for {
			got, err := q.Receive(t.Context(), delivery.LaneFirst, 7, 0)
			left := count(got)
			if err != nil || left == 0 || time.Now().After(deadline) {
				return err
			}
			if len(got) == 0 {
				<-time.After(poll)
			}
		}
	}) {
		must(t, err, "Receive, one of 16 at once")
	}
	for body, n := range held {
		if n > 1 {
			t.Errorf("message %s was handed out %d times within its visibility", body, n)
		}
	}
	if len(held) != messages {
		t.Errorf("%d of %d messages were handed out", len(held), messages)
	}
	q.wantNone(t, "when all messages are in hand", delivery.LaneFirst)
}
