package redrive_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/redrive"
)

// Dispatch works between the page and its repetition: what it has reopened is not found again, and counts all the same.
func TestAPageThatIsSentTwiceReopensOnceAndCountsOnce(t *testing.T) {
	for _, state := range []delivery.State{delivery.Dead, redrive.Missing} {
		for _, between := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, reopened in between %v", state, between), func(t *testing.T) {
				r := newRig(t)
				h := r.hook()
				var uids []delivery.UID
				if state == delivery.Dead {
					uids = r.dead(h, 3)
				} else {
					for range 3 {
						uids = append(uids, delivery.UID{Event: r.Archived(h).UID, Webhook: h.UID})
					}
					r.Pass(time.Hour)
				}
				r.status.Store(http.StatusOK)
				before := r.requests.Load()
				task := r.start(delivery.Query{State: state}, 0)
				r.seams.fails("UpdateTask", 1, false, errDown)
				r.step() // sends the page, and does not get it written
				if between {
					r.settle()
				}
				r.Pass(time.Minute)
				task = r.finish(task)
				if made := r.requests.Load() - before; made != 3 {
					t.Errorf("%d requests, want 3", made)
				}
				r.wantCounts("at the end", task, 3, 3, 0, 0)
				cycle := map[delivery.State]int{delivery.Dead: 1, redrive.Missing: 0}[state]
				for _, u := range uids {
					if row := r.Row(u); row.Place.Cycle != cycle || row.State != delivery.Succeeded {
						t.Errorf("the row is %s in cycle %d, want succeeded in cycle %d", row.State, row.Place.Cycle, cycle)
					}
				}
			})
		}
	}
}

// A page whose rows were reopened and are dead again, before it is sent for the second time, is not reopened once more.
func TestAPageThatIsSentTwiceDoesNotReopenWhatFailedInBetween(t *testing.T) {
	r := newRig(t)
	uids := r.dead(r.hook(), 3)
	task := r.start(delivery.Query{State: delivery.Dead}, 0)
	r.seams.fails("UpdateTask", 1, false, errDown)
	r.step()
	r.settle() // they fail again
	r.Pass(time.Minute)
	r.wantCounts("at the end", r.finish(task), 3, 0, 3, 0)
	for _, u := range uids {
		if row := r.Row(u); row.Place.Cycle != 1 || row.AttemptCount != 2 {
			t.Errorf("the row is in cycle %d after %d requests, want 1 after 2", row.Place.Cycle, row.AttemptCount)
		}
	}
}

// One fault of ours, wherever it falls, costs time and nothing else.
func TestOneFaultCostsNothing(t *testing.T) {
	calls := []struct {
		name  string
		times int // that it is made
		reads bool
	}{
		{"Task", 3, true}, {"List", 2, true}, {"Page", 4, true}, {"PutPage", 2, false}, {"Send retry", 2, false}, {"UpdateTask", 3, false},
		{"Send ops", 2, false}, {"Rows", 2, true}, {"Receive", 2, true}, {"Delete", 1, false}, {"Hide", 2, false},
	}
	for _, call := range calls {
		t.Run(fmt.Sprintf("%s 1 panics", call.name), func(t *testing.T) { wantNoCost(t, call.name, 1, false, "a bug") })
		for nth := 1; nth <= call.times; nth++ {
			t.Run(fmt.Sprintf("%s %d fails", call.name, nth), func(t *testing.T) { wantNoCost(t, call.name, nth, false, errDown) })
			if !call.reads {
				t.Run(fmt.Sprintf("%s %d is carried out and fails", call.name, nth), func(t *testing.T) { wantNoCost(t, call.name, nth, true, errDown) })
			}
		}
	}
}

// wantNoCost carries a redrive of three deliveries out, in two pages, with a fault.
func wantNoCost(t *testing.T, call string, nth int, after bool, fault any) {
	r := newRig(t)
	uids, kept := r.dead(r.hook(), 3), r.dead(r.hook(), 2)
	r.seams.short = 2
	r.status.Store(http.StatusOK)
	before := r.requests.Load()
	r.Pass(time.Hour)
	task := r.start(delivery.Query{State: delivery.Dead, Webhook: uids[0].Webhook}, 0)
	r.seams.fails(call, nth, after, fault)
	task = r.finish(task)
	if task.State != redrive.Completed || !r.seams.hit {
		t.Errorf("the task is %s, the fault was met: %v; want completed in spite of it", task.State, r.seams.hit)
	}
	r.wantCounts("at the end", task, 3, 3, 0, 0)
	if made := r.requests.Load() - before; made != 3 {
		t.Errorf("%d requests, want 3", made)
	}
	for _, u := range uids {
		if row := r.Row(u); row.State != delivery.Succeeded || row.Place.Cycle != 1 {
			t.Errorf("a row is %s in cycle %d, want succeeded in cycle 1", row.State, row.Place.Cycle)
		}
	}
	r.Pass(delivery.Visibility) // a letter in hand during the fault is visible then
	left := 0
	for _, m := range r.Messages(delivery.LaneDead) {
		if m.Webhook == kept[0].Webhook {
			left++
		}
	}
	if left != 2 {
		t.Errorf("%d letters of the other webhook are left, want 2", left)
	}
}

func TestAFaultHandsTheMessageBackLongerEachTime(t *testing.T) {
	for _, fault := range []any{errDown, "a bug"} {
		r := newRig(t)
		r.dead(r.hook(), 1)
		task := r.start(delivery.Query{State: delivery.Dead}, 0)
		receipt := r.Receive(delivery.LaneOps)[0]
		r.seams.fails("Send retry", 0, false, fault)
		for receipt.Receives = 1; receipt.Receives <= delivery.MaxReceives; receipt.Receives++ {
			if v := r.Service.Handle(t.Context(), receipt); v != delivery.HandedBack(receipt.Receives) {
				t.Errorf("receive %d gives %+v, want %+v", receipt.Receives, v, delivery.HandedBack(receipt.Receives))
			}
		}
		if now := r.read(task); now.Sent != 0 || now.Version != 1 {
			t.Errorf("the task has version %d with %d sent, want 1 and none", now.Version, now.Sent)
		}
	}
}

func TestACrashBeforeTheNextMessageDoesNotEndTheTask(t *testing.T) {
	r := newRig(t)
	r.dead(r.hook(), 3)
	r.status.Store(http.StatusOK)
	task := r.start(delivery.Query{State: delivery.Dead}, 0)
	r.seams.fails("Send ops", 1, false, errDown)
	r.step() // the page is sent and written, the next message is not
	r.Pass(time.Minute - time.Millisecond)
	if n := r.step(); n != 0 {
		t.Errorf("%d messages of the task are visible within the minute, want none", n)
	}
	r.Pass(time.Millisecond)
	r.wantCounts("at the end", r.finish(task), 3, 3, 0, 0)
}

func TestATaskThatCannotBeginIsNoTask(t *testing.T) {
	for _, call := range []string{"Count", "List", "CreateTask", "Send ops"} {
		r := newRig(t)
		r.dead(r.hook(), 1)
		r.seams.fails(call, 1, false, errDown)
		if task, err := r.Start(t.Context(), delivery.Query{Project: r.Project, State: delivery.Dead}, 0); !errors.Is(err, errDown) || task.UID != "" {
			t.Errorf("%s fails: Start = %+v, %v; want the reason", call, task, err)
		}
		list, err := r.List(t.Context(), r.Project, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range list {
			if task.State != redrive.Cancelled {
				t.Errorf("%s fails: the task that was made is %s, want cancelled", call, task.State)
			}
		}
		if n := r.step(); n != 0 {
			t.Errorf("%s fails: %d messages are sent, want none", call, n)
		}
	}
}

func TestAMissingSeamIsAPanic(t *testing.T) {
	r := newRig(t)
	for name, c := range map[string]redrive.Config{
		"Tasks":   {Log: r.World.Log(), Archive: r.World.Archive(), Queue: r.World.Queue()},
		"Log":     {Tasks: r.Redrives(), Archive: r.World.Archive(), Queue: r.World.Queue()},
		"Archive": {Tasks: r.Redrives(), Log: r.World.Log(), Queue: r.World.Queue()},
		"Queue":   {Tasks: r.Redrives(), Log: r.World.Log(), Archive: r.World.Archive()},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("New without %s does not panic", name)
				}
			}()
			redrive.New(c)
		}()
	}
}
