package awsdynamo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/redrive"
	"hermod/shared/uid"
)

// someEvent is an event of now for so many webhooks, as long as events are when names have some twenty letters.
func someEvent(t testing.TB, project string, now time.Time, hooks int) delivery.Event {
	t.Helper()
	j := job.Launch(job.Job{
		UID: uid.New(now), Project: project, Workflow: uid.New(now), WorkflowName: "Enrich people's pages", Name: "Monday's list, part 1",
	}, now)
	e := delivery.Event{
		UID: j.EventUID(j.Last()), Project: project, Job: j.UID, Workflow: j.Workflow, Type: j.Last().Event, Sequence: 1, At: now, Bodies: map[job.Format][]byte{},
	}
	body, err := j.Payload(e.UID, j.Last(), job.FormatV3)
	if err != nil {
		t.Fatal(err)
	}
	e.Bodies[job.FormatV3] = body
	for range hooks {
		e.Matched = append(e.Matched, delivery.Match{Webhook: uid.New(now), Format: job.FormatV3})
	}
	return e
}

// someAttempt is request number n, answered with the status.
func someAttempt(n int, p delivery.Place, now time.Time, status int) delivery.Attempt {
	a := delivery.Attempt{
		ID: fmt.Sprintf("ID%02d", n), Number: n, Cause: delivery.CauseSchedule, Cycle: p.Cycle, Step: p.Step, StartedAt: now, Duration: 87654 * time.Microsecond,
		Timing: delivery.Timing{DNS: 1234 * time.Microsecond, Connect: 23456 * time.Microsecond, TLS: 34567 * time.Microsecond, FirstByte: 87543 * time.Microsecond},
		Status: status, SignedWith: []string{"whsec_…aKYo"}, Headers: []string{"Authorization", "X-Environment"},
	}
	if status/100 != 2 {
		a.Class, a.Error = delivery.ClassStatus, fmt.Sprintf("the receiver answered %d", status)
		a.Answer = &delivery.Answer{
			Headers: map[string][]string{"Content-Type": {"text/html; charset=utf-8"}, "Date": {"Wed, 04 Mar 2026 12:00:00 GMT"}, "Server": {"nginx"}},
			Body:    []byte(strings.Repeat("<p>", 1024/3)),
		}
	}
	return a
}

// waits is the row as one that waits at a place, for a minute.
func waits(d delivery.Delivery, p delivery.Place, now time.Time) delivery.Delivery {
	d.State, d.Reason, d.Place, d.NextAt, d.EndedAt = delivery.Retrying, "", p, now.Add(time.Minute), time.Time{}
	d.Due = delivery.Due{At: d.NextAt.Add(time.Hour)}
	d.ExpiresAt = now.Add(delivery.Retention)
	return d
}

// ends is the row as one that ended at a place.
func ends(d delivery.Delivery, s delivery.State, p delivery.Place, now time.Time) delivery.Delivery {
	d.State, d.Place, d.EndedAt, d.NextAt, d.Due = s, p, now, time.Time{}, delivery.Due{}
	d.ExpiresAt = now.Add(delivery.Retention)
	return d
}

// aDelivery is one of an event of now, before any outcome.
func aDelivery(t testing.TB, c *clock) delivery.Delivery {
	t.Helper()
	return someEvent(t, uid.New(c.now()), c.now(), 0).Delivery(uid.New(c.now()))
}

// failed writes the failure of a delivery's step and returns the row.
func failed(t testing.TB, db *DB, d delivery.Delivery, c *clock) delivery.Delivery {
	t.Helper()
	was := d.Place
	a := someAttempt(d.NextNumber(), was, c.now(), 503)
	d = waits(d, delivery.Place{Cycle: was.Cycle, Step: was.Step + 1}, c.now())
	if err := db.Log().Step(t.Context(), d, was, &a); err != nil {
		t.Fatalf("Step = %v", err)
	}
	return d.Record(a)
}

func wantRow(t *testing.T, db *DB, want delivery.Delivery) {
	t.Helper()
	got, err := db.Log().Rows(t.Context(), want.UID)
	if diff := cmp.Diff([]delivery.Delivery{want}, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("Rows = %v (-want +got):\n%s", err, diff)
	}
}

// rewrite changes a stored item, as a later release would.
func rewrite(t *testing.T, db *DB, k key, change func(item)) {
	t.Helper()
	i, err := db.fetch(t.Context(), k)
	if err != nil || i == nil {
		t.Fatalf("fetch %v = %v, %v, want an item", k, i, err)
	}
	change(i)
	if err := db.put(t.Context(), i, "", nil); err != nil {
		t.Fatal(err)
	}
}

func TestAWriteKeepsWhatALaterReleaseStored(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	d := failed(t, db, aDelivery(t, c), c)
	later := text(`{"n":1,"c":"schedule","t":1,"region":"moon"}`)
	rewrite(t, db, deliveryKey(d.UID), func(i item) {
		i["later"] = text("kept")
		i["attempts"] = &types.AttributeValueMemberL{Value: []types.AttributeValue{later}}
	})
	c.advance(time.Minute)
	d.Attempts = nil
	failed(t, db, d, c)
	i, err := db.fetch(t.Context(), deliveryKey(d.UID))
	if err != nil {
		t.Fatal(err)
	}
	attempts := i.list("attempts")
	if i.text("later") != "kept" || len(attempts) != 2 || !cmp.Equal(later, attempts[0], cmpopts.IgnoreUnexported(types.AttributeValueMemberS{})) {
		t.Errorf("after a step the row has the attribute %q and the attempts %v, want what was there kept", i.text("later"), attempts)
	}
}

func TestWhatOnlyALaterReleaseReadsIsNeitherReadNorWritten(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	d := failed(t, db, aDelivery(t, c), c)
	e := someEvent(t, "p", c.now(), 1)
	if _, _, err := db.Archive().Put(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	task := redrive.Task{UID: uid.New(c.now()), Project: "p", Version: 1}
	if err := errors.Join(db.Redrives().CreateTask(t.Context(), task), db.Redrives().PutPage(t.Context(), task.UID, 0, []redrive.Item{{UID: d.UID}})); err != nil {
		t.Fatal(err)
	}
	task.Version = 2
	for _, k := range []key{deliveryKey(d.UID), answerKey(d.UID, 1), eventKey("p", e.UID), redriveKey("p", task.UID), redrivePageKey(task.UID, 0)} {
		rewrite(t, db, k, func(i item) { i["f"] = number(format + 1) })
	}
	for what, run := range map[string]func(context.Context) error{
		"Rows":    func(ctx context.Context) error { _, err := db.Log().Rows(ctx, d.UID); return err },
		"Answers": func(ctx context.Context) error { _, err := db.Log().Answers(ctx, d.UID); return err },
		"Step":    func(ctx context.Context) error { return db.Log().Step(ctx, d, d.Place, nil) },
		"Succeed": func(ctx context.Context) error {
			return db.Log().Succeed(ctx, d, someAttempt(2, d.Place, c.now(), 200))
		},
		"Put":   func(ctx context.Context) error { _, _, err := db.Archive().Put(ctx, e); return err },
		"Event": func(ctx context.Context) error { _, err := db.Archive().Event(ctx, "p", e.UID); return err },
		"Events": func(ctx context.Context) error {
			_, _, err := db.Archive().Events(ctx, delivery.EventQuery{Project: "p", Limit: 10})
			return err
		},
		"Extend": func(ctx context.Context) error {
			return db.Archive().Extend(ctx, "p", e.UID, c.now().Add(2*delivery.Retention))
		},
		"Task":       func(ctx context.Context) error { _, err := db.Redrives().Task(ctx, "p", task.UID); return err },
		"UpdateTask": func(ctx context.Context) error { return db.Redrives().UpdateTask(ctx, task) },
		"ListTasks":  func(ctx context.Context) error { _, err := db.Redrives().ListTasks(ctx, "p", "", 10); return err },
		"Page":       func(ctx context.Context) error { _, err := db.Redrives().Page(ctx, task.UID, 0); return err },
	} {
		if err := run(t.Context()); !errors.Is(err, errFormat) {
			t.Errorf("%s of an item of the next format = %v, want errFormat", what, err)
		}
	}
	i, err := db.fetch(t.Context(), deliveryKey(d.UID))
	if err != nil || i.int("f") != format+1 || i.int("rev") != 1 {
		t.Errorf("the row is of format %d and was written %d times, %v, want it left alone", i.int("f"), i.int("rev"), err)
	}
}

func TestAWriteOverARowThatExpiredBeginsAnew(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	var zero delivery.Place
	for what, write := range map[string]func(delivery.Delivery, delivery.Attempt) error{
		"Step":    func(d delivery.Delivery, a delivery.Attempt) error { return db.Log().Step(t.Context(), d, zero, &a) },
		"Succeed": func(d delivery.Delivery, a delivery.Attempt) error { return db.Log().Succeed(t.Context(), d, a) },
		"Append":  func(d delivery.Delivery, a delivery.Attempt) error { return db.Log().Append(t.Context(), d, a) },
	} {
		d := aDelivery(t, c)
		failed(t, db, failed(t, db, d, c), c)
		rewrite(t, db, deliveryKey(d.UID), func(i item) { i["later"] = text("gone with it") })
		c.advance(delivery.Retention + time.Second)
		d = ends(d, delivery.Succeeded, zero, c.now())
		a := someAttempt(1, zero, c.now(), 200)
		if err := write(d, a); err != nil {
			t.Errorf("%s over a row that has expired = %v, want nil", what, err)
		}
		wantRow(t, db, d.Record(a))
		if i, err := db.fetch(t.Context(), deliveryKey(d.UID)); err != nil || i.text("later") != "" {
			t.Errorf("%s over a row that has expired kept %q of it, %v", what, i.text("later"), err)
		}
	}
}

func TestTheRowOfADeliveryThatSucceedsAtOnceIsSmall(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	d := ends(aDelivery(t, c), delivery.Succeeded, delivery.Place{}, c.now())
	if err := db.Log().Succeed(t.Context(), d, someAttempt(1, delivery.Place{}, c.now(), 200)); err != nil {
		t.Fatal(err)
	}
	i, err := db.fetch(t.Context(), deliveryKey(d.UID))
	if size := sizeOf(i); err != nil || size > 512 {
		t.Errorf("the row has %d bytes, %v, want at most half a kilobyte: what is above one is paid twice", size, err)
	}
	for _, name := range []string{"due_pk", "due_sk", "list_pk", "list_sk"} {
		if _, ok := i[name]; ok {
			t.Errorf("the row has %s, want no entry in any index", name)
		}
	}
}

// sizeOf is an item's size as DynamoDB counts it.
func sizeOf(i item) (n int) {
	for name, v := range i {
		n += len(name)
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			n += len(v.Value)
		case *types.AttributeValueMemberN:
			n += (len(v.Value)+1)/2 + 1
		case *types.AttributeValueMemberB:
			n += len(v.Value)
		case *types.AttributeValueMemberL:
			n += 3
			for _, one := range v.Value {
				n += 1 + sizeOf(item{"": one})
			}
		}
	}
	return n
}
