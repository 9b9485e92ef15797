package awsdynamo

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"hermod/shared/delivery"
	"hermod/shared/job"
)

// The row of a delivery is an item:
//
//	pid, job, workflow, event, seq, test, made   what it is of; made is when the event happened
//	state, reason, cycle, step, next, ended      where it stands
//	due_pk, due_sk, own, resends                 its due entry, while it waits; due_sk begins with the entry's time
//	list_pk, list_sk                             its entry in the list of its state, unless it succeeded
//	count, attempts                              how many requests were made; the last attempts, a JSON text each
//	expires                                      as ttl, but to the millisecond
//
// Times are milliseconds. The outcome of the last attempt is not kept twice.

// attemptDoc is an attempt. Its names are short, for a row has up to a hundred. Durations are microseconds.
type attemptDoc struct {
	ID         string              `json:"i,omitempty"`
	Number     int                 `json:"n,omitempty"`
	Cause      delivery.Cause      `json:"c"`
	Cycle      int                 `json:"cy,omitempty"`
	Step       int                 `json:"s,omitempty"`
	StartedAt  int64               `json:"t"` // milliseconds
	Duration   int64               `json:"d,omitempty"`
	Timing     *[4]int64           `json:"ti,omitempty"` // DNS, connect, TLS, first byte
	Status     int                 `json:"st,omitempty"`
	Class      delivery.ErrorClass `json:"k,omitempty"`
	Error      string              `json:"e,omitempty"`
	RetryAfter int64               `json:"ra,omitempty"`
	SignedWith []string            `json:"w,omitempty"`
	Headers    []string            `json:"h,omitempty"`
}

func encodeAttempt(a delivery.Attempt) types.AttributeValue {
	doc := attemptDoc{
		ID: a.ID, Number: a.Number, Cause: a.Cause, Cycle: a.Cycle, Step: a.Step, StartedAt: a.StartedAt.UnixMilli(), Duration: a.Duration.Microseconds(),
		Status: a.Status, Class: a.Class, Error: a.Error, RetryAfter: a.RetryAfter.Microseconds(), SignedWith: a.SignedWith, Headers: a.Headers,
	}
	if t := a.Timing; t != (delivery.Timing{}) {
		doc.Timing = &[4]int64{t.DNS.Microseconds(), t.Connect.Microseconds(), t.TLS.Microseconds(), t.FirstByte.Microseconds()}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("awsdynamo: encode attempt: %v", err)) // it has no field that can fail
	}
	return text(string(b))
}

func decodeAttempt(v types.AttributeValue) (delivery.Attempt, error) {
	s, ok := v.(*types.AttributeValueMemberS)
	if !ok {
		return delivery.Attempt{}, errors.New("an attempt is no text")
	}
	var d attemptDoc
	if err := json.Unmarshal([]byte(s.Value), &d); err != nil {
		return delivery.Attempt{}, fmt.Errorf("attempt: %w", err)
	}
	a := delivery.Attempt{
		ID: d.ID, Number: d.Number, Cause: d.Cause, Cycle: d.Cycle, Step: d.Step, StartedAt: time.UnixMilli(d.StartedAt).UTC(), Duration: microseconds(d.Duration),
		Status: d.Status, Class: d.Class, Error: d.Error, RetryAfter: microseconds(d.RetryAfter), SignedWith: d.SignedWith, Headers: d.Headers,
	}
	if t := d.Timing; t != nil {
		a.Timing = delivery.Timing{DNS: microseconds(t[0]), Connect: microseconds(t[1]), TLS: microseconds(t[2]), FirstByte: microseconds(t[3])}
	}
	return a, nil
}

func microseconds(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

// setDelivery stores a row, but not its attempts.
func (i item) setDelivery(d delivery.Delivery) {
	i["pid"], i["state"] = text(d.Project), text(string(d.State))
	i.setText("job", d.Job)
	i.setText("workflow", d.Workflow)
	i.setText("event", string(d.Event))
	i.setInt("seq", d.Sequence)
	i.setFlag("test", d.Test)
	i.setTime("made", d.CreatedAt)
	i.setText("reason", string(d.Reason))
	i.setInt("cycle", d.Place.Cycle)
	i.setInt("step", d.Place.Step)
	i.setTime("next", d.NextAt)
	i.setTime("ended", d.EndedAt)
	i.setInt("resends", d.Resends)
	i.setInt("count", d.AttemptCount)
	i.setTime("expires", d.ExpiresAt)
	i.setExpiry(d.ExpiresAt)
	i.setDue(d)
	i.setListed(d)
}

// setDue makes the entry in the index due follow the row.
func (i item) setDue(d delivery.Delivery) {
	delete(i, "due_pk")
	delete(i, "due_sk")
	i.setFlag("own", d.Due.Own)
	if !d.Due.At.IsZero() {
		pk, sk := dueIndexKey(d.UID, d.Due.At)
		i["due_pk"], i["due_sk"] = text(pk), text(sk)
	}
}

// setListed makes the entry in the index list follow the row.
func (i item) setListed(d delivery.Delivery) {
	delete(i, "list_pk")
	delete(i, "list_sk")
	if d.State != delivery.Succeeded {
		pk, sk := listKey(d)
		i["list_pk"], i["list_sk"] = text(pk), text(sk)
	}
}

// addAttempt appends an attempt. Those before it stay as they are stored.
func (i item) addAttempt(a delivery.Attempt) {
	all := append(slices.Clip(i.list("attempts")), encodeAttempt(a))
	i["attempts"] = &types.AttributeValueMemberL{Value: all[max(0, len(all)-delivery.MaxAttempts):]}
}

func decodeDelivery(i item) (delivery.Delivery, error) {
	if err := i.readable(); err != nil {
		return delivery.Delivery{}, err
	}
	hook, _, _ := strings.Cut(strings.TrimPrefix(i.text("pk"), "W#"), "#")
	d := delivery.Delivery{
		UID: delivery.UID{Event: i.text("sk"), Webhook: hook}, Project: i.text("pid"), Job: i.text("job"), Workflow: i.text("workflow"),
		Event: job.EventType(i.text("event")), Sequence: i.int("seq"), Test: i.flag("test"), CreatedAt: i.time("made"),
		State: delivery.State(i.text("state")), Reason: delivery.Reason(i.text("reason")), Place: delivery.Place{Cycle: i.int("cycle"), Step: i.int("step")},
		NextAt: i.time("next"), EndedAt: i.time("ended"), Resends: i.int("resends"), ExpiresAt: i.time("expires"), AttemptCount: i.int("count"),
	}
	if at, _, ok := parseDue(i.text("due_sk")); ok {
		d.Due = delivery.Due{At: at, Own: i.flag("own")}
	}
	for _, v := range i.list("attempts") {
		a, err := decodeAttempt(v)
		if err != nil {
			return d, fmt.Errorf("row of delivery %s: %w", d.UID, err)
		}
		d.Attempts = append(d.Attempts, a)
	}
	if n := len(d.Attempts); n > 0 {
		last := d.Attempts[n-1]
		d.LastStatus, d.LastClass, d.LastError = last.Status, last.Class, last.Error
	}
	return d, nil
}

// decodeDue reads an entry of the index due.
func decodeDue(i item) (e delivery.DueEntry, ok bool) {
	at, u, ok := parseDue(i.text("due_sk"))
	return delivery.DueEntry{
		UID: u, Project: i.text("pid"), Place: delivery.Place{Cycle: i.int("cycle"), Step: i.int("step")},
		Due: delivery.Due{At: at, Own: i.flag("own")}, Resends: i.int("resends"),
	}, ok
}
