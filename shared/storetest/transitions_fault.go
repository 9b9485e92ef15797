package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/dispatch"
)

// walkFaults handles the record of a vector once for each write that comes of it, with that write failing, and looks at what is
// left when nothing moves any more: one fault of ours may cost a request more, and nothing else.
func walkFaults(t *testing.T, v vector, c dispatch.Config, clock *Clock, r *receiver) {
	plain := newWorld(t, v, c, clock, r)
	plain.settle(t, 0)
	requests, _ := r.got()
	writes := plain.faults.Writes()
	for n := range writes {
		for _, fault := range []struct {
			what  string
			after bool
			time  time.Duration
		}{
			{"a crash before write", false, 0},
			{"a crash after write", true, 0},
			{"an unknown outcome, and time to repeat, of write", true, 4 * time.Second},
		} {
			t.Run(fmt.Sprintf("%s %d of %d", fault.what, n+1, writes), func(t *testing.T) {
				w := newWorld(t, v, c, clock, r)
				w.faults.Fail(n+1, fault.after)
				w.settle(t, fault.time)
				made, _ := r.got()
				if made > requests+1 {
					t.Errorf("%d requests were made, want at most one more than without the fault, %d", made, requests)
				}
				if counted := w.requests(t) - w.others; counted > made {
					t.Errorf("the row counts %d requests more, and %d were made", counted, made)
				}
			})
		}
	}
}

// settle handles the record in hand and then whatever lies in the lanes, until nothing moves any more, and checks that nothing
// was lost. A dispatcher that is given time repeats a write itself; one that is not hands the record back.
func (w *world) settle(t *testing.T, limit time.Duration) {
	t.Helper()
	w.complete(t)
	letters := w.finish(t, w.record(), limit)
	for range 10 * delivery.MaxReceives {
		moving := append(w.take(t, delivery.LaneFirst), w.take(t, delivery.LaneRetry)...)
		if len(moving) == 0 {
			w.wantSettled(t, append(letters, w.letters(t)...))
			return
		}
		for _, m := range moving {
			if w.handle(t, m.receipt, limit).Acknowledge {
				must(t, w.Queue.Delete(t.Context(), m.receipt), "Delete")
			} else {
				must(t, w.Queue.Hide(t.Context(), m.receipt, 0), "Hide")
			}
		}
	}
	t.Errorf("the delivery does not come to rest")
}

// complete sends what must be in the lanes besides the record in hand: the message that is to come of a row that waits, or of
// none yet, where the record is another.
func (w *world) complete(t *testing.T) {
	t.Helper()
	lane, at := delivery.LaneFirst, zero
	if row := w.Given.Row; row != nil {
		if !row.State.Waits() || row.Due == "own" {
			return
		}
		lane, at = delivery.LaneRetry, row.standing().place
	}
	if w.Message.place() == at && w.Message.Cause != delivery.CauseManual {
		return
	}
	for _, m := range w.Expect.Sends {
		if m.place() == at {
			return
		}
	}
	own := delivery.NewMessage("p1", w.delivery.UID, at, delivery.CauseSchedule)
	must(t, w.Queue.Send(t.Context(), lane, own.Parcel(w.clock.Now(), 0)), "Send")
}

// finish handles the record in hand until it is acknowledged or has been received too often: then it is a letter.
func (w *world) finish(t *testing.T, r delivery.Receipt, limit time.Duration) []delivery.Message {
	t.Helper()
	for ; r.Receives <= delivery.MaxReceives; r.Receives++ {
		if w.handle(t, r, limit).Acknowledge {
			return nil
		}
	}
	m, err := delivery.ParseMessage(r.Body)
	must(t, err, "ParseMessage")
	if r.Lane == delivery.LaneFirst {
		t.Errorf("a message of the lane first was handed back until it is stuck: %+v", m)
	}
	return []delivery.Message{m}
}

func (w *world) handle(t *testing.T, r delivery.Receipt, limit time.Duration) delivery.Verdict {
	t.Helper()
	ctx := t.Context()
	if limit > 0 {
		limited, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		ctx = limited
	}
	v := w.dispatcher.Handle(ctx, r)
	if r.Lane == delivery.LaneFirst && v == delivery.Refused() {
		t.Errorf("a message was refused in the lane first: %s", r.Body)
	}
	return v
}

// letters takes the dead letters away.
func (w *world) letters(t *testing.T) (all []delivery.Message) {
	t.Helper()
	for _, m := range w.take(t, delivery.LaneDead) {
		all = append(all, m.message)
		must(t, w.Queue.Delete(t.Context(), m.receipt), "Delete of a letter")
	}
	for _, m := range w.take(t, delivery.LaneStuck) {
		t.Errorf("a message is stuck: %+v", m.message)
	}
	return all
}

// wantSettled checks what is left when nothing moves any more.
func (w *world) wantSettled(t *testing.T, letters []delivery.Message) {
	t.Helper()
	row := w.row(t)
	if row == nil {
		t.Fatal("the delivery is lost: it has no row and no message")
	}
	if _, accepted := w.receiver.got(); accepted > 0 && row.State != delivery.Succeeded && !w.forgotten() {
		t.Errorf("the receiver accepted, and the row is %+v, want it succeeded", *row)
	}
	switch {
	case row.State.Waits() && row.Due != "own":
		t.Errorf("the delivery is lost for an hour: the row is %+v, and no message is under way", *row)
	case row.State.Waits():
		w.wantDueEntry(t)
	case row.State == delivery.Dead && !w.hasLetter(*row, letters):
		t.Errorf("the row is %+v and has no letter among %+v", *row, letters)
	}
}

// forgotten reports whether nobody may know that the receiver accepted: who did crashed before the write, and another writer had
// ended the delivery meanwhile, so that there is no further attempt.
func (w *world) forgotten() bool {
	return w.Given.Meanwhile != nil && !w.Given.Meanwhile.State.Waits() && w.faults.failedBefore()
}

// wantDueEntry checks that the row of this delivery has its entry.
func (w *world) wantDueEntry(t *testing.T) {
	t.Helper()
	eventually(t, func() string {
		for _, e := range listDue(t, w.Log, w.clock.Now(), w.clock.Now().AddDate(0, 1, 0), 100) {
			if e.UID == w.delivery.UID {
				return ""
			}
		}
		return "the delivery is lost: its row waits, has no message and is not due"
	})
}

// hasLetter reports whether a dead row can be reopened by a letter. One that was dead before, and whose message was not the
// record in hand, has its letter already.
func (w *world) hasLetter(row vectorRow, letters []delivery.Message) bool {
	for _, m := range letters {
		if m.Cycle == row.Cycle && m.Cause != delivery.CauseManual {
			return true
		}
	}
	given := w.Given.Row
	return given != nil && given.State == delivery.Dead && given.Cycle == row.Cycle && w.Expect.Record == "acknowledged" && len(w.Expect.Sends) == 0
}
