package storetest

import (
	"testing"
	"time"

	"hermod/shared/delivery"
)

func lettersNotSent(t *testing.T, q *lanes) {
	for _, lane := range []delivery.Lane{delivery.LaneDead, delivery.LaneStuck} {
		if err := q.Send(t.Context(), lane, parcel("a")); err == nil {
			t.Errorf("Send to %s = nil, want an error: a redrive refuses what was sent there", lane)
		}
		q.wantNone(t, "after a send that was refused", lane)
	}
}

func messageMoves(t *testing.T, q *lanes) {
	for lane, letters := range map[delivery.Lane]delivery.Lane{delivery.LaneFirst: delivery.LaneStuck, delivery.LaneRetry: delivery.LaneDead, delivery.LaneOps: delivery.LaneStuck} {
		q.send(t, lane, parcel(string(lane)))
		last := q.exhaust(t, lane)
		if last.Receives != delivery.MaxReceives {
			t.Errorf("the last receive from %s is number %d, want %d", lane, last.Receives, delivery.MaxReceives)
		}
		q.pass(time.Second)
		letter := q.receiveOne(t, letters)
		want := last
		want.Lane, want.Handle, want.Receives = letters, letter.Handle, letter.Receives
		if diff := same(want, letter); diff != "" {
			t.Errorf("the letter of a message from %s (-want +got):\n%s", lane, diff)
		}
		q.hide(t, letter, 0)
		must(t, q.Delete(t.Context(), q.receiveOne(t, letters)), "Delete of a letter")
		q.wantNone(t, "after its letter was deleted", letters)
		q.wantNone(t, "after its message moved", lane)
	}
}

func messageForgotten(t *testing.T, q *lanes) {
	q.send(t, delivery.LaneRetry, parcel("a"))
	for range delivery.MaxReceives {
		q.wantNone(t, "before the last receive is over", delivery.LaneDead)
		q.receiveOne(t, delivery.LaneRetry)
		q.pass(delivery.Visibility + time.Second)
	}
	q.wantNone(t, "after as many receives as may be", delivery.LaneRetry)
	q.receiveOne(t, delivery.LaneDead)
}

func lettersRedriven(t *testing.T, q *lanes) {
	q.checkRedrive(t, delivery.LaneDead, delivery.LaneRetry)
}

func lettersOfTwoRedriven(t *testing.T, q *lanes) {
	q.checkRedrive(t, delivery.LaneStuck, delivery.LaneFirst, delivery.LaneOps)
}

// checkRedrive makes a letter in each of the lanes and redrives them all.
func (q *lanes) checkRedrive(t *testing.T, letters delivery.Lane, sources ...delivery.Lane) {
	t.Helper()
	sent := map[delivery.Lane]delivery.Receipt{}
	for _, lane := range sources {
		q.send(t, lane, parcel(string(lane)))
		sent[lane] = q.exhaust(t, lane)
	}
	q.wantVisible(t, letters, len(sources))
	q.pass(1100 * time.Millisecond)
	must(t, q.Redrive(t.Context(), letters), "Redrive")
	for _, lane := range sources {
		got := q.receiveOne(t, lane)
		if got.Lane != lane || string(got.Body) != string(lane) || got.Group != sent[lane].Group || got.Receives != 1 {
			t.Errorf("a message redriven to %s = %+v with body %q, want it as sent, received once", lane, got, got.Body)
		}
		if !got.SentAt.After(sent[lane].SentAt) {
			t.Errorf("SentAt of a message redriven to %s = %v, want a new one, after %v", lane, got.SentAt, sent[lane].SentAt)
		}
		q.hide(t, got, 0)
		q.exhaustRest(t, lane, letters)
	}
}

// exhaustRest receives the lane's only message, received once since it was redriven, until it moves to the letters again.
func (q *lanes) exhaustRest(t *testing.T, lane, letters delivery.Lane) {
	t.Helper()
	for range delivery.MaxReceives - 1 {
		q.hide(t, q.receiveOne(t, lane), 0)
	}
	q.wantNone(t, "after as many receives since the redrive as may be", lane)
	must(t, q.Delete(t.Context(), q.receiveOne(t, letters)), "Delete")
}

func noLettersRedriven(t *testing.T, q *lanes) {
	for _, letters := range []delivery.Lane{delivery.LaneDead, delivery.LaneStuck} {
		must(t, q.Redrive(t.Context(), letters), "Redrive of no letters")
	}
}

func messageExpires(t *testing.T, q *lanes) {
	q.send(t, delivery.LaneRetry, parcel("a"))
	q.pass(delivery.LetterRetention - time.Minute)
	q.hide(t, q.receiveOne(t, delivery.LaneRetry), 0)
	q.pass(2 * time.Minute)
	q.wantVisible(t, delivery.LaneRetry, 0)
	q.wantNone(t, "when the time of its message is over", delivery.LaneRetry)
	q.wantNone(t, "when the time of a message is over", delivery.LaneDead)
}

func letterExpires(t *testing.T, q *lanes) {
	q.send(t, delivery.LaneRetry, parcel("a"))
	q.pass(10 * 24 * time.Hour)
	q.exhaust(t, delivery.LaneRetry)
	q.pass(delivery.LetterRetention - 10*24*time.Hour - time.Minute)
	q.hide(t, q.receiveOne(t, delivery.LaneDead), 0)
	q.pass(2 * time.Minute)
	q.wantNone(t, "when the time of its letter is over", delivery.LaneDead)
}
