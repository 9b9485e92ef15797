package redrive_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/redrive"
	"hermod/shared/uid"
	"hermod/shared/webhook"
)

func TestAPreviewCountsAndChangesNothing(t *testing.T) {
	r := newRig(t)
	first := r.dead(r.hook(), 3)
	r.Pass(time.Hour)
	since := r.Now()
	second := r.dead(r.hook(), 112) // more than a page
	row := r.Row(second[0])
	tests := []struct {
		name string
		q    delivery.Query
		want int
	}{
		{"everything", delivery.Query{}, 115},
		{"one webhook", delivery.Query{Webhook: first[0].Webhook}, 3},
		{"one job", delivery.Query{Job: row.Job}, 1},
		{"one workflow", delivery.Query{Workflow: r.Workflow}, 115},
		{"another workflow", delivery.Query{Workflow: r.Project}, 0},
		{"its event", delivery.Query{Event: job.EventRequested}, 115},
		{"another event", delivery.Query{Event: job.EventFailed}, 0},
		{"since", delivery.Query{Since: since}, 112},
		{"until", delivery.Query{Until: since}, 3},
		{"between", delivery.Query{Since: since.Add(-time.Minute), Until: since}, 0},
		{"error class status", delivery.Query{Class: delivery.ClassStatus}, 115},
		{"error class timeout", delivery.Query{Class: delivery.ClassTimeout}, 0},
		{"cancelled ones", delivery.Query{State: delivery.Cancelled}, 0},
	}
	for _, test := range tests {
		if test.q.Project = r.Project; test.q.State == "" {
			test.q.State = delivery.Dead
		}
		p, err := r.Preview(t.Context(), test.q)
		if err != nil || p.Matched != test.want || len(p.Sample) != min(test.want, 10) || p.More {
			t.Errorf("%s: Preview = %d matched, %d shown, %v, %v; want %d", test.name, p.Matched, len(p.Sample), p.More, err, test.want)
		}
	}
	if n := len(r.Messages(delivery.LaneOps)) + len(r.Messages(delivery.LaneRetry)); n != 0 {
		t.Errorf("previews sent %d messages, want none", n)
	}
	if row := r.Row(first[0]); row.State != delivery.Dead || row.Place.Cycle != 0 {
		t.Errorf("after previews a row is %+v, want it as it was", row)
	}
	task := r.start(delivery.Query{State: delivery.Dead, Webhook: first[0].Webhook, Until: since}, 0)
	r.step()
	if got := r.Messages(delivery.LaneRetry); len(got) != 3 || task.Matched != 3 {
		t.Errorf("a redrive with filters matches %d and sends %d, want 3", task.Matched, len(got))
	}
}

// endless has dead rows without end, of which a list shows three at a time, and events without end, of which each lacks the row of one
// delivery.
type endless struct {
	delivery.Log
	delivery.Archive
	events int // that were looked at
}

func (endless) Count(_ context.Context, _ delivery.Query, most int) (int, bool, error) {
	return most, true, nil
}

func (endless) List(_ context.Context, q delivery.Query) ([]delivery.Delivery, string, error) {
	return make([]delivery.Delivery, min(q.Limit, 3)), "on and on", nil
}

func (l *endless) Events(_ context.Context, q delivery.EventQuery) (page []delivery.Event, next string, err error) {
	l.events += q.Limit
	for range q.Limit {
		page = append(page, delivery.Event{UID: uid.New(time.Now()), Project: q.Project, Matched: []delivery.Match{{Webhook: "w"}}})
	}
	return page, page[q.Limit-1].UID, nil
}

func TestCountingStopsSomewhere(t *testing.T) {
	r := newRig(t)
	all := &endless{Log: r.World.Log()}
	s := redrive.New(redrive.Config{Tasks: r.Redrives(), Log: all, Archive: all, Queue: r.World.Queue(), Now: r.Now})
	for _, state := range []delivery.State{delivery.Dead, delivery.Cancelled, redrive.Missing} {
		q := delivery.Query{Project: r.Project, State: state}
		p, err := s.Preview(t.Context(), q)
		if err != nil || p.Matched < 100 || p.Matched > redrive.MaxCount || !p.More || len(p.Sample) != 10 {
			t.Errorf("Preview of very many that are %s = %d, more %v, %d shown, %v; want hundreds, more, 10 shown", state, p.Matched, p.More, len(p.Sample), err)
		}
		if all.events > 1000 {
			t.Errorf("a preview looked at %d events, want at most 1,000", all.events)
		}
		all.events = 0
		if task, err := s.Start(t.Context(), q, 0); err != nil || task.Matched != p.Matched {
			t.Errorf("Start = %d matched, %v; want the %d of the preview", task.Matched, err, p.Matched)
		}
		all.events = 0
	}
}

// What is counted is the newest part of the archive; what is sent is all.
func TestWhatIsMissingIsFoundBehindThePartThatWasCounted(t *testing.T) {
	r := newRig(t)
	h := r.hook()
	lost := delivery.UID{Event: r.Archived(h).UID, Webhook: h.UID}
	r.Pass(time.Minute)
	for range 1200 {
		r.archive(h, func(e *delivery.Event) { e.Matched = nil })
	}
	r.Pass(time.Hour)
	r.status.Store(http.StatusOK)
	q := delivery.Query{Project: r.Project, State: redrive.Missing}
	if p, err := r.Preview(t.Context(), q); err != nil || p.Matched != 0 || !p.More {
		t.Errorf("Preview = %d, more %v, %v; want none, and perhaps more", p.Matched, p.More, err)
	}
	task := r.start(q, 0)
	steps := 0
	for r.read(task).State == redrive.Sending {
		steps += r.step()
	}
	if steps < 3 || steps > 10 {
		t.Errorf("to look at 1,201 events took %d steps, want a few", steps)
	}
	task = r.finish(task)
	r.wantCounts("at the end", task, 1, 1, 0, 0)
	if row := r.Row(lost); task.Matched != 0 || row == nil || row.State != delivery.Succeeded {
		t.Errorf("%d matched and the row is %+v, want 0 counted and the delivery made all the same", task.Matched, row)
	}
}

// archive archives an event of another kind for a webhook.
func (r *rig) archive(h webhook.Webhook, change func(*delivery.Event)) delivery.Event {
	r.T.Helper()
	e := r.Archived()
	e.UID, e.Matched = uid.New(r.Now()), []delivery.Match{{Webhook: h.UID, Format: h.Payload}}
	change(&e)
	if _, _, err := r.World.Archive().Put(r.T.Context(), e); err != nil {
		r.T.Fatal(err)
	}
	return e
}

func isTest(e *delivery.Event) { e.Test = true }

func TestMissingDeliveriesAreSentAsFirstAttempts(t *testing.T) {
	r := newRig(t)
	h, other := r.hook(), r.hook()
	lost := r.Archived(h, other) // archived, never sent to the first of them
	u := r.send(lost, other)
	r.status.Store(http.StatusOK)
	r.settle()
	r.Pass(redrive.MissingAfter - time.Millisecond)
	q := delivery.Query{Project: r.Project, State: redrive.Missing}
	if p, err := r.Preview(t.Context(), q); err != nil || p.Matched != 0 {
		t.Errorf("Preview of events younger than 5 minutes = %d, %v; want none", p.Matched, err)
	}
	r.Pass(2 * time.Millisecond)
	task := r.start(q, 0)
	r.step()
	for _, receipt := range r.Receive(delivery.LaneRetry) {
		m, err := delivery.ParseMessage(receipt.Body)
		if err != nil || m.Cause != delivery.CauseSchedule || !m.MaybeDup || m.Place() != (delivery.Place{}) || m.Webhook != h.UID {
			t.Errorf("sent is %+v, %v; want a first attempt that may be a copy", m, err)
		}
		r.Settle(receipt, delivery.Refused())
	}
	r.wantCounts("before it is made", r.task(task), 1, 0, 0, 1)
	task = r.finish(task)
	row := r.Row(delivery.UID{Event: lost.UID, Webhook: h.UID})
	if task.Matched != 1 || row == nil || row.State != delivery.Succeeded || row.Place != (delivery.Place{}) || row.AttemptCount != 1 {
		t.Errorf("the task is %+v, the missing delivery %+v; want it delivered as a first attempt", task, row)
	}
	r.wantCounts("at the end", task, 1, 1, 0, 0)
	if row := r.Row(u); row.AttemptCount != 1 {
		t.Errorf("the delivery that was not missing has %d attempts, want 1", row.AttemptCount)
	}
}

func TestMissingDeliveriesAreFoundByFilter(t *testing.T) {
	r := newRig(t)
	h, other := r.hook(), r.hook()
	early := r.Archived(h)
	r.Pass(time.Hour)
	since := r.Now()
	late := r.Archived(h, other)
	elsewhere := r.archive(other, func(e *delivery.Event) { e.Workflow, e.Type = r.Project, job.EventFailed })
	r.archive(h, isTest)
	r.send(r.Archived(h), h) // is not missing
	r.settle()
	r.Pass(time.Hour)
	r.Archived(h) // is not missing yet
	tests := []struct {
		name string
		q    delivery.Query
		want int
	}{
		{"everything", delivery.Query{}, 4},
		{"one webhook", delivery.Query{Webhook: other.UID}, 2},
		{"one job", delivery.Query{Job: late.Job}, 2},
		{"one job and one webhook", delivery.Query{Job: late.Job, Webhook: h.UID}, 1},
		{"one workflow", delivery.Query{Workflow: elsewhere.Workflow}, 1},
		{"one event", delivery.Query{Event: job.EventFailed}, 1},
		{"since", delivery.Query{Since: since}, 3},
		{"until", delivery.Query{Until: since}, 1},
		{"between", delivery.Query{Since: early.At, Until: early.At.Add(time.Millisecond)}, 1},
		{"until later than 5 minutes ago", delivery.Query{Until: r.Now().Add(time.Hour)}, 4},
	}
	for _, test := range tests {
		test.q.Project, test.q.State = r.Project, redrive.Missing
		p, err := r.Preview(t.Context(), test.q)
		if err != nil || p.Matched != test.want || len(p.Sample) != test.want {
			t.Errorf("%s: Preview = %d matched, %d shown, %v; want %d", test.name, p.Matched, len(p.Sample), err, test.want)
		}
		for _, d := range p.Sample {
			if d.Test || d.State != delivery.Pending {
				t.Errorf("%s: shown is %+v, want a delivery that is pending and no test", test.name, d)
			}
		}
	}
}

// A page of events may match more than is stored, sent or read at a time.
func TestManyMissingDeliveriesOfFewEvents(t *testing.T) {
	r := newRig(t)
	var hooks []webhook.Webhook
	for range 101 {
		hooks = append(hooks, r.hook())
	}
	const events = 11 // a page has 10
	for range events {
		r.Archived(hooks...)
	}
	r.status.Store(http.StatusOK)
	r.Pass(time.Hour)
	want := events * len(hooks)
	task := r.finish(r.start(delivery.Query{State: redrive.Missing}, 1000))
	if task.Matched < 100 || task.Matched >= want || int(r.requests.Load()) != want {
		t.Errorf("%d matched, %d requests, want some hundreds counted and %d requests", task.Matched, r.requests.Load(), want)
	}
	r.wantCounts("at the end", task, want, want, 0, 0)
	r.seams.works()
	if again := r.task(task); again.Succeeded != want || r.seams.count("Page") != 0 {
		t.Errorf("to look at a big task that has ended reads %d pages of it, want none", r.seams.count("Page"))
	}
}
