package awsdynamo

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/tally"
	"hermod/shared/uid"
	"hermod/shared/webhook"
)

// aChange is the row of a delivery before and after its second attempt.
func aChange(at time.Time) (before, after delivery.Delivery) {
	u := delivery.UID{Event: uid.New(at), Webhook: uid.New(at)}
	before = delivery.Delivery{
		UID: u, Project: "p", Job: "j", Workflow: "f", Event: "failed", Sequence: 3, State: delivery.Retrying, Place: delivery.Place{Step: 1},
		NextAt: at.Add(time.Minute), Due: delivery.Due{At: at.Add(time.Hour)}, CreatedAt: at, ExpiresAt: at.Add(delivery.Retention),
	}.Record(delivery.Attempt{
		Number: 1, Cause: delivery.CauseSchedule, StartedAt: at, Duration: time.Second, Status: 500, Class: delivery.ClassStatus, Error: "no",
	})
	after, later := before, at.Add(time.Minute)
	after.State, after.NextAt, after.Due, after.EndedAt = delivery.Succeeded, time.Time{}, delivery.Due{}, later
	return before, after.Record(delivery.Attempt{
		Number: 2, Cause: delivery.CauseSchedule, Step: 1, StartedAt: later, Duration: 70 * time.Millisecond, Status: 204,
	})
}

// imageOfJob is a job as a record of the stream has it.
func imageOfJob(t testing.TB, status job.Status, closed bool) json.RawMessage {
	t.Helper()
	return image(t, jobItem(job.Job{UID: "j7", Project: "p7", Status: status, Version: 2, Inputs: 3, Closed: closed}))
}

// everyCount is n in every counter.
func everyCount(n int) (s webhook.Stats) {
	for _, counter := range countersOf(&s) {
		*counter = n
	}
	return s
}

// imageOf is a row as a record of the stream has it.
func imageOf(t testing.TB, d delivery.Delivery) json.RawMessage {
	t.Helper()
	i := deliveryKey(d.UID).item()
	i.setDelivery(d)
	for _, a := range d.Attempts {
		i.addAttempt(a)
	}
	return image(t, i)
}

func TestChangesOfTheStreamAreDecoded(t *testing.T) {
	at := newClock().at.Truncate(time.Millisecond)
	before, after := aChange(at)
	chunk := image(t, item{"pk": text("J#j7#I"), "sk": text("C#000012"), "pid": text("p7"), "o": octets([]byte("xyz")), "v": number(3)})
	hook := newHookItem(webhook.Webhook{UID: before.UID.Webhook, Project: "p"})
	answer := answerKey(before.UID, 1).item()
	answer.setOctets("body", []byte("no"))
	counters := counterKey(before.Project, before.UID.Webhook, at).item()
	counters.setInt("ok", 1)
	whole := counterKey(before.Project, webhook.Whole, at).item()
	whole.setInt("ok", 1)
	health := healthKey(before.UID.Webhook).item()
	health.setTime("ls", at)
	open, closed, paused := imageOfJob(t, job.Running, false), imageOfJob(t, job.Running, true), imageOfJob(t, job.Paused, true)
	settle := tally.Change{Job: "j7", Project: "p7"}
	tests := []struct {
		name          string
		before, after json.RawMessage
		want          tally.Change
	}{
		{"a new row", nil, imageOf(t, after), tally.Change{After: after}},
		{"a row before and after", imageOf(t, before), imageOf(t, after), tally.Change{Before: before, After: after}},
		{"new outcomes of inputs", nil, chunk, settle},
		{"outcomes of inputs", chunk, chunk, settle},
		{"a job whose list of inputs was closed", open, closed, settle},
		{"a job that was resumed", paused, closed, settle},
		{"a job that was resumed, its list open", imageOfJob(t, job.Paused, false), open, settle},
		{"a job that was closed while it was paused", imageOfJob(t, job.Paused, false), paused, settle},
		{"a new job", nil, closed, tally.Change{}},
		{"a job that was paused", closed, paused, tally.Change{}},
		{"a job that began to run", imageOfJob(t, job.Pending, true), closed, tally.Change{}},
		{"a job that finished", closed, imageOfJob(t, job.Finished, true), tally.Change{}},
		{"totals of a job", closed, closed, tally.Change{}},
		{"a webhook", nil, image(t, hook), tally.Change{}},
		{"an answer", nil, image(t, answer), tally.Change{}},
		{"counters", nil, image(t, counters), tally.Change{}},
		{"counters of a project", nil, image(t, whole), tally.Change{}},
		{"health of a webhook", nil, image(t, health), tally.Change{}},
		{"data of inputs", nil, json.RawMessage(`{"pk":{"S":"J#j#D"},"sk":{"S":"C#1"}}`), tally.Change{}},
		{"nothing", nil, json.RawMessage(`{}`), tally.Change{}},
	}
	for _, tt := range tests {
		got, err := DecodeChange(tt.before, tt.after)
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("DecodeChange of %s = %v (-want +got):\n%s", tt.name, err, diff)
		}
	}
}

func TestAChangeThatCannotBeReadIsAnError(t *testing.T) {
	before, after := aChange(newClock().at)
	later := deliveryKey(after.UID).item()
	later["f"] = number(format + 1)
	for _, tt := range []struct {
		name          string
		before, after json.RawMessage
		want          error // nil: any
	}{
		{"no object", nil, json.RawMessage(`[]`), nil},
		{"a row of a later format", imageOf(t, before), image(t, later), errFormat},
		{"a row that was of a later format", image(t, later), imageOf(t, after), errFormat},
		{"a row that was no object", json.RawMessage(`7`), imageOf(t, after), nil},
		{"a job that was no object", json.RawMessage(`7`), imageOfJob(t, job.Running, true), nil},
		{"an attempt that is no JSON", nil, json.RawMessage(`{"pk":{"S":"W#x"},"sk":{"S":"` + after.UID.Event + `"},"attempts":{"L":[{"S":"{"}]}}`), nil},
	} {
		got, err := DecodeChange(tt.before, tt.after)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || IsUnavailable(err) || got.Job != "" {
			t.Errorf("DecodeChange of %s = %+v, %v, want the error %v, which is no outage", tt.name, got, err, tt.want)
		}
	}
}

func FuzzDecodeChange(f *testing.F) {
	before, after := aChange(newClock().at)
	f.Add([]byte(imageOf(f, before)), []byte(imageOf(f, after)))
	f.Add([]byte(imageOfJob(f, job.Paused, true)), []byte(imageOfJob(f, job.Running, true)))
	f.Add([]byte(nil), []byte(`{"pk":{"S":"J#j#I"},"sk":{"S":"C#1"},"pid":{"N":"1"}}`))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		c, err := DecodeChange(before, after)
		if err == nil && c.Job != "" && c.After.UID != (delivery.UID{}) {
			t.Errorf("DecodeChange(%s, %s) = %+v, which is of two things", before, after, c)
		}
	})
}
