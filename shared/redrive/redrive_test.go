package redrive_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/redrive"
	"hermod/shared/webhook"
)

func TestDeadDeliveriesComeBackAndTheirLettersGo(t *testing.T) {
	r := newRig(t)
	uids := r.dead(r.hook(), 25)
	other := r.dead(r.hook(), 12) // of a webhook that is not redriven
	r.status.Store(http.StatusOK)
	r.Pass(time.Hour)
	task := r.start(delivery.Query{State: delivery.Dead, Webhook: uids[0].Webhook}, 0)
	if task.State != redrive.Sending || task.Matched != 25 || task.Rate != redrive.DefaultRate {
		t.Errorf("the task begins as %+v, want it sending, with 25 matched, at the default rate", task)
	}
	r.wantCounts("at the start", r.task(task), 0, 0, 0, 0)
	r.step()
	if now := r.task(task); now.State != redrive.Settling {
		t.Errorf("once the page is sent the task is %s, want settling", now.State)
	}
	r.wantCounts("once the page is sent", r.task(task), 25, 0, 0, 25)
	task = r.finish(task)
	if task.State != redrive.Completed || task.EndedAt.IsZero() {
		t.Errorf("the task is %s, ended at %v; want it completed", task.State, task.EndedAt)
	}
	r.wantCounts("at the end", task, 25, 25, 0, 0)
	for _, u := range uids {
		if row := r.Row(u); row.State != delivery.Succeeded || row.Place != (delivery.Place{Cycle: 1}) || row.AttemptCount != 2 {
			t.Errorf("delivery %s is %s at %+v after %d attempts, want succeeded in cycle 1 after 2", u, row.State, row.Place, row.AttemptCount)
		}
	}
	letters := r.Messages(delivery.LaneDead)
	for _, l := range letters {
		if l.Webhook != other[0].Webhook {
			t.Errorf("a letter of the redriven webhook is left: %+v", l)
		}
	}
	if len(letters) != len(other) {
		t.Errorf("%d letters are left, want the %d of the other webhook", len(letters), len(other))
	}
	if n := r.step(); n != 0 {
		t.Errorf("%d messages of the task are left", n)
	}
}

func TestWhatFailsAgainIsCountedAndHasALetter(t *testing.T) {
	r := newRig(t)
	uids := r.dead(r.hook(), 2)
	for cycle := 1; cycle <= 3; cycle++ {
		task := r.start(delivery.Query{State: delivery.Dead}, 0)
		r.step()
		for _, receipt := range r.Receive(delivery.LaneRetry) {
			m, err := delivery.ParseMessage(receipt.Body)
			if err != nil || m.Cause != delivery.CauseRedrive || m.Cycle != cycle-1 || m.MaybeDup {
				t.Errorf("redrive %d sends %+v, %v; want cause redrive and cycle %d", cycle, m, err, cycle-1)
			}
			r.Settle(receipt, delivery.Refused())
		}
		r.wantCounts("having failed again", r.finish(task), 2, 0, 2, 0)
		letters := 0
		for _, receipt := range r.Receive(delivery.LaneDead) {
			if m, err := delivery.ParseMessage(receipt.Body); err != nil || m.Cycle != cycle {
				t.Errorf("after redrive %d there is a letter %+v, %v; want one of cycle %d for each delivery", cycle, m, err, cycle)
			}
			letters++
			r.Settle(receipt, delivery.Refused())
		}
		if letters != len(uids) {
			t.Errorf("after redrive %d there are %d letters, want %d", cycle, letters, len(uids))
		}
	}
}

func TestProgressTellsWhatBecameOfEachDelivery(t *testing.T) {
	r := newRig(t)
	patient := r.Hook(r.url, func(h *webhook.Webhook) { h.Schedule = []time.Duration{} })
	uids := append(r.dead(r.hook(), 3), r.dead(patient, 4)...)
	patient.Version, patient.Schedule = 2, []time.Duration{time.Hour} // fails again, and waits
	if err := r.Webhooks().Update(t.Context(), patient); err != nil {
		t.Fatal(err)
	}
	task := r.start(delivery.Query{State: delivery.Dead}, 0)
	r.step()
	r.wantCounts("before any is reopened", r.task(task), 7, 0, 0, 7)
	r.settle()
	r.wantCounts("while some wait", r.task(task), 7, 0, 3, 4)
	task = r.finish(task)
	r.wantCounts("when all are reopened", task, 7, 0, 3, 4)
	if task.State != redrive.Completed {
		t.Errorf("the task is %s, want completed: deliveries that wait go their way", task.State)
	}
	r.status.Store(http.StatusOK)
	r.Pass(time.Hour)
	for _, u := range uids[3:] { // the sweeper's part
		m := delivery.NewMessage(r.Project, u, delivery.Place{Cycle: 1, Step: 1}, delivery.CauseSchedule)
		if err := r.World.Queue().Send(t.Context(), delivery.LaneRetry, m.Parcel(r.Now(), 0)); err != nil {
			t.Fatal(err)
		}
	}
	r.settle()
	r.wantCounts("an hour after its end", r.task(task), 7, 4, 3, 0)
	if stored := r.read(task); stored.Succeeded != 0 || !stored.UpdatedAt.Equal(stored.EndedAt) {
		t.Errorf("to look at a task that has ended writes it: %+v", stored)
	}
}

func TestPagesArePacedByTheRate(t *testing.T) {
	for _, test := range []struct{ dead, rate int }{{15, 2}, {130, 1}, {250, 20}} { // a page is worth five seconds, and at most 100
		r := newRig(t)
		r.dead(r.hook(), test.dead)
		task := r.start(delivery.Query{State: delivery.Dead}, test.rate)
		seen := map[delivery.UID]bool{}
		for second := 0; len(seen) < test.dead; second++ {
			r.step()
			if page := min(test.dead, 100, 5*test.rate); second == 0 && r.read(task).Sent != page {
				t.Errorf("at rate %d the first page has %d, want %d", test.rate, r.read(task).Sent, page)
			}
			want := min(test.rate, test.dead-len(seen))
			got := 0
			for {
				page := r.Messages(delivery.LaneRetry) // a webhook may have 64 in hand
				if len(page) == 0 {
					break
				}
				for _, m := range page {
					seen[m.UID()] = true
					got++
				}
			}
			if got != want {
				t.Fatalf("at rate %d, in second %d, %d messages are visible, want %d", test.rate, second, got, want)
			}
			r.Pass(time.Second)
		}
		r.step()
		if now := r.read(task); now.Sent != test.dead {
			t.Errorf("at rate %d %d are sent, want %d", test.rate, now.Sent, test.dead)
		}
	}
}

func TestACopyOfTheTasksMessageDoesNothing(t *testing.T) {
	r := newRig(t)
	r.dead(r.hook(), 130)
	task := r.start(delivery.Query{State: delivery.Dead}, 100)
	r.step()
	before := r.read(task)
	for version, receives := range map[int]int{1: 1, 0: 1, 7: 1, 3: 2} {
		body, err := json.Marshal(map[string]any{"f": 1, "kind": "redrive", "p": r.Project, "task": task.UID, "v": version})
		if err != nil {
			t.Fatal(err)
		}
		v := r.Service.Handle(t.Context(), delivery.Receipt{Lane: delivery.LaneOps, Body: body, Receives: receives})
		if now := r.read(task); v != delivery.Acknowledged() || now.Version != before.Version || now.Sent != 100 {
			t.Errorf("a copy of version %d gives %+v, version %d and %d sent; want it acknowledged, %d and 100", version, v, now.Version, now.Sent, before.Version)
		}
	}
	r.Pass(time.Minute)
	if n := len(r.Receive(delivery.LaneOps)); n != 1 {
		t.Errorf("the task has %d messages, want 1", n)
	}
}

func TestMessagesThatAreNoneOfOursAreHandedBack(t *testing.T) {
	r := newRig(t)
	for body, want := range map[string]delivery.Verdict{
		`{"f":2,"kind":"redrive"}`: delivery.HandedOver(), `{"f":1,"kind":"x"}`: delivery.HandedBack(3), `no JSON`: delivery.HandedBack(3),
		`{"f":1,"kind":"redrive","p":"` + r.Project + `","task":"expired","v":1}`: delivery.Acknowledged(),
	} {
		if v := r.Service.Handle(t.Context(), delivery.Receipt{Lane: delivery.LaneOps, Body: []byte(body), Receives: 3}); v != want {
			t.Errorf("%s gives %+v, want %+v", body, v, want)
		}
	}
}

func TestCancelStopsWhatWasNotSent(t *testing.T) {
	r := newRig(t)
	uids := r.dead(r.hook(), 130) // more than a page of 100
	task := r.start(delivery.Query{State: delivery.Dead}, 1000)
	r.step()
	task, err := r.Cancel(t.Context(), r.Project, task.UID)
	if err != nil || task.State != redrive.Cancelled || task.Sent != 100 || task.EndedAt.IsZero() {
		t.Fatalf("Cancel = %s, %d sent, %v; want cancelled after 100", task.State, task.Sent, err)
	}
	r.status.Store(http.StatusOK)
	r.Pass(time.Minute)
	r.step()
	r.settle()
	if n := r.step(); n != 0 {
		t.Errorf("after the cancellation %d messages of the task are left, want none", n)
	}
	came := 0
	for _, u := range uids {
		if r.Row(u).State == delivery.Succeeded {
			came++
		}
	}
	if came != 100 {
		t.Errorf("%d deliveries came back, want the 100 that were sent before", came)
	}
	r.wantCounts("after that", r.task(task), 100, 100, 0, 0)
	if again, err := r.Cancel(t.Context(), r.Project, task.UID); err != nil || again.Version != task.Version {
		t.Errorf("Cancel once more = %+v, %v; want no change", again, err)
	}
}

func TestCancelStopsASlowRedriveWithinSeconds(t *testing.T) {
	r := newRig(t)
	r.dead(r.hook(), 80)
	task := r.start(delivery.Query{State: delivery.Dead}, 1)
	for range 12 {
		r.step()
		r.Pass(time.Second)
	}
	task, err := r.Cancel(t.Context(), r.Project, task.UID)
	if err != nil || task.State != redrive.Cancelled || task.Sent != 15 {
		t.Errorf("Cancel after 12 s at rate 1 = %s, %d sent, %v; want cancelled after 15, three pages of 5 s", task.State, task.Sent, err)
	}
}

// However a cancellation falls between the calls of a step: the task is cancelled, and nothing more is begun.
func TestCancelInTheMiddleOfAStepStopsTheTask(t *testing.T) {
	for _, call := range []string{"List", "Page", "PutPage", "Send retry", "UpdateTask", "Send ops", "Rows", "Receive"} {
		t.Run(call, func(t *testing.T) {
			r := newRig(t)
			r.dead(r.hook(), 2)
			task := r.start(delivery.Query{State: delivery.Dead}, 0)
			unhurried := redrive.New(redrive.Config{Tasks: r.Redrives(), Log: r.World.Log(), Archive: r.World.Archive(), Queue: r.World.Queue(), Now: r.Now})
			r.seams.fails(call, 1, false, func() {
				if _, err := unhurried.Cancel(t.Context(), r.Project, task.UID); err != nil {
					t.Error(err)
				}
			})
			task = r.finish(task)
			if task.State != redrive.Cancelled {
				t.Fatalf("the task is %s, want cancelled", task.State)
			}
			r.Pass(2 * time.Minute)
			r.step()
			if n := r.step(); n != 0 || r.read(task).Version != task.Version {
				t.Errorf("after the cancellation %d messages are left, and the task has version %d after %d", n, r.read(task).Version, task.Version)
			}
		})
	}
}

func TestCancelByManyAtOnceEndsTheTaskOnce(t *testing.T) {
	r := newRig(t)
	r.dead(r.hook(), 10)
	task := r.start(delivery.Query{State: delivery.Dead}, 0)
	var all sync.WaitGroup
	answers := make(chan redrive.Task, 8)
	for range cap(answers) {
		all.Go(func() {
			answer, err := r.Cancel(t.Context(), r.Project, task.UID)
			if err != nil {
				t.Error(err)
			}
			answers <- answer
		})
	}
	r.step() // the page is sent meanwhile, or not
	all.Wait()
	close(answers)
	now := r.read(task)
	for answer := range answers {
		if answer.State != redrive.Cancelled || answer.Version != now.Version {
			t.Errorf("Cancel = %s in version %d, want cancelled in version %d", answer.State, answer.Version, now.Version)
		}
	}
}

func TestWhatIsNeverMovedDoesNotKeepATaskForEver(t *testing.T) {
	for _, state := range []delivery.State{delivery.Dead, redrive.Missing} {
		r := newRig(t)
		if h := r.hook(); state == delivery.Dead {
			r.dead(h, 2)
		} else {
			r.Archived(h)
			r.Archived(h)
			r.Pass(time.Hour)
		}
		task := r.start(delivery.Query{State: state}, 0)
		r.step()
		r.Messages(delivery.LaneRetry) // lost
		looks := 0
		for end := r.Now().Add(time.Hour - time.Minute); r.Now().Before(end); r.Pass(time.Second) {
			looks += r.step()
		}
		if now := r.read(task); now.State != redrive.Settling || looks < 59 || looks > 120 {
			t.Errorf("%s: while nothing moves the task is %s after %d looks, want settling after at least one a minute and not many more", state, now.State, looks)
		}
		r.Pass(2 * time.Minute)
		r.step()
		now := r.read(task)
		if now.State != redrive.Completed {
			t.Errorf("%s: after an hour the task is %s, want completed", state, now.State)
		}
		r.wantCounts("then", now, 2, 0, 0, 2)
		if n := len(r.Messages(delivery.LaneDead)); state == delivery.Dead && n != 2 {
			t.Errorf("%d letters are left, want those of the 2 rows that are dead still", n)
		}
	}
}

func TestTwoTasksOverTheSameRowsReopenThemOnce(t *testing.T) {
	r := newRig(t)
	uids := r.dead(r.hook(), 5)
	r.status.Store(http.StatusOK)
	before := r.requests.Load()
	tasks := []redrive.Task{r.start(delivery.Query{State: delivery.Dead}, 0), r.start(delivery.Query{State: delivery.Dead}, 0)}
	r.step() // both send the page
	for _, task := range tasks {
		r.wantCounts("at the end", r.finish(task), 5, 5, 0, 0)
	}
	for _, u := range uids {
		if row := r.Row(u); row.Place.Cycle != 1 {
			t.Errorf("delivery %s is in cycle %d, want 1", u, row.Place.Cycle)
		}
	}
	if made := r.requests.Load() - before; made != 5 {
		t.Errorf("%d requests, want 5", made)
	}
}

func TestATaskOfAnotherProjectIsNotFound(t *testing.T) {
	r := newRig(t)
	r.dead(r.hook(), 1)
	task := r.start(delivery.Query{State: delivery.Dead}, 0)
	if _, err := r.Task(t.Context(), "elsewhere", task.UID); !errors.Is(err, redrive.ErrNotFound) {
		t.Errorf("Task = %v, want ErrNotFound", err)
	}
	if _, err := r.Cancel(t.Context(), "elsewhere", task.UID); !errors.Is(err, redrive.ErrNotFound) {
		t.Errorf("Cancel = %v, want ErrNotFound", err)
	}
	if list, err := r.List(t.Context(), "elsewhere", "", 10); err != nil || len(list) != 0 {
		t.Errorf("List = %d tasks, %v; want none", len(list), err)
	}
	if list, err := r.List(t.Context(), r.Project, "", 10); err != nil || len(list) != 1 || list[0].UID != task.UID {
		t.Errorf("List of its own project = %+v, %v; want the task", list, err)
	}
	if now := r.read(task); now.State != redrive.Sending {
		t.Errorf("the task is %s, want it untouched", now.State)
	}
	theirs := delivery.Query{Project: "elsewhere", State: delivery.Dead}
	if p, err := r.Preview(t.Context(), theirs); err != nil || p.Matched != 0 {
		t.Errorf("Preview of another project = %d, %v; want none", p.Matched, err)
	}
}

func TestCancelledDeliveriesComeBack(t *testing.T) {
	r := newRig(t)
	enable := func(h webhook.Webhook, on bool) webhook.Webhook {
		t.Helper()
		h.Version, h.Enabled = h.Version+1, on
		if err := r.Webhooks().Update(t.Context(), h); err != nil {
			t.Fatal(err)
		}
		return h
	}
	back, off := enable(r.hook(), false), enable(r.hook(), false)
	u, still := r.send(r.Archived(back), back), r.send(r.Archived(off), off)
	test := r.archive(back, isTest).Delivery(back.UID) // it has failed, and is left alone
	test.State, test.Reason, test.ExpiresAt = delivery.Cancelled, delivery.ReasonTest, r.Now().Add(delivery.Retention)
	if err := r.World.Log().Append(t.Context(), test, delivery.Attempt{Number: 1, Status: 500}); err != nil {
		t.Fatal(err)
	}
	r.settle()
	enable(back, true)
	r.status.Store(http.StatusOK)
	task := r.finish(r.start(delivery.Query{State: delivery.Cancelled}, 0))
	if task.Matched != 2 {
		t.Errorf("%d matched, want the 2 that are no test", task.Matched)
	}
	r.wantCounts("at the end", task, 2, 1, 1, 0)
	if row := r.Row(u); row.State != delivery.Succeeded || row.Place.Cycle != 1 {
		t.Errorf("the delivery is %s in cycle %d, want succeeded in cycle 1", row.State, row.Place.Cycle)
	}
	if row := r.Row(still); row.State != delivery.Cancelled || row.Place.Cycle != 1 {
		t.Errorf("the delivery of the webhook that is disabled still is %s in cycle %d, want cancelled again in cycle 1", row.State, row.Place.Cycle)
	}
	if row := r.Row(test.UID); row.State != delivery.Cancelled || row.Place.Cycle != 0 || row.AttemptCount != 1 {
		t.Errorf("the test is %+v, want it as it was", row)
	}
}

// Letters that are not the task's to judge, or whose rows are dead still, are as they were; those of rows that are not, whoever
// saw to that, are gone.
func TestOtherLettersAreKept(t *testing.T) {
	r := newRig(t)
	uids := r.dead(r.hook(), 3)
	kept := r.dead(r.hook(), 11)
	byHand := r.dead(r.hook(), 1)[0]
	if err := r.World.Log().Succeed(t.Context(), *r.Row(byHand), delivery.Attempt{Number: 2, Cause: delivery.CauseManual, Status: 200}); err != nil {
		t.Fatal(err)
	}
	rowless := r.Archived(r.hook())
	letter := delivery.NewMessage(r.Project, delivery.UID{Event: rowless.UID, Webhook: rowless.Matched[0].Webhook}, delivery.Place{}, delivery.CauseSchedule)
	r.letter(string(letter.Parcel(r.Now(), 0).Body))
	r.letter("no JSON")
	r.letter(`{"f":2,"of a later":"release"}`)
	r.status.Store(http.StatusOK)
	r.wantCounts("at the end", r.finish(r.start(delivery.Query{State: delivery.Dead, Webhook: uids[0].Webhook}, 0)), 3, 3, 0, 0)
	letters := r.Receive(delivery.LaneDead)
	if len(letters) != len(kept)+3 {
		t.Errorf("%d letters are receivable, want the %d of the other webhook and the 3 that nobody can judge", len(letters), len(kept))
	}
	for _, l := range letters {
		if strings.Contains(string(l.Body), uids[0].Webhook) || strings.Contains(string(l.Body), byHand.Webhook) {
			t.Errorf("a letter of a delivery that is not dead is left: %s", l.Body)
		}
	}
}

// letter makes a letter of what nobody can process.
func (r *rig) letter(body string) {
	r.T.Helper()
	if err := r.World.Queue().Send(r.T.Context(), delivery.LaneRetry, delivery.Parcel{Group: "a letter", Body: []byte(body)}); err != nil {
		r.T.Fatal(err)
	}
	for range delivery.MaxReceives + 1 {
		for _, receipt := range r.Receive(delivery.LaneRetry) {
			r.Settle(receipt, delivery.Refused())
		}
	}
}

func TestATaskThatHasExpiredIsOver(t *testing.T) {
	r := newRig(t)
	r.dead(r.hook(), 1)
	task := r.start(delivery.Query{State: delivery.Dead}, 0)
	receipts := r.Receive(delivery.LaneOps)
	r.Pass(redrive.Retention)
	if v := r.Service.Handle(t.Context(), receipts[0]); v != delivery.Acknowledged() {
		t.Errorf("the message of an expired task gives %+v, want it acknowledged", v)
	}
	if _, err := r.Task(t.Context(), r.Project, task.UID); !errors.Is(err, redrive.ErrNotFound) {
		t.Errorf("Task = %v, want ErrNotFound", err)
	}
}
