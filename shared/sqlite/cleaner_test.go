package sqlite

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"hermod/shared/access"
	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/redrive"
	"hermod/shared/uid"
	"hermod/shared/webhook"
)

// fillTables writes one row that will expire into each table that is cleaned.
func fillTables(t *testing.T, db *DB) {
	t.Helper()
	ctx, now := t.Context(), db.Now()
	hook, task := aHook(uid.New(now)), redrive.Task{UID: uid.New(now), Project: "p", Version: 1}
	j := job.Launch(job.Job{UID: uid.New(now), Project: "p"}, now)
	d, a := aDelivery(uid.New(now), hook.UID, now)
	a.Answer = &delivery.Answer{Body: []byte("no")}
	d.State = delivery.Retrying
	event := delivery.Event{UID: uid.New(now), Project: "p", Job: "j", Type: job.EventCreated, At: now}
	for name, err := range map[string]error{
		"job":     db.Jobs().Create(ctx, j),
		"inputs":  db.Inputs().PutPage(ctx, job.Ref{Job: j.UID}, job.Page{Kind: job.DataPage, Name: "n"}),
		"chunk":   db.Inputs().PutChunk(ctx, job.Ref{Job: j.UID}, job.Chunk{Version: 1}),
		"webhook": db.Webhooks().Create(ctx, hook), "tombstone": db.Webhooks().Delete(ctx, "p", hook.UID),
		"delivery": db.Log().Append(ctx, d, a), "task": db.Redrives().CreateTask(ctx, task),
		"page":    db.Redrives().PutPage(ctx, task.UID, 0, nil),
		"counter": db.Counters().Add(ctx, "p", hook.UID, now, webhook.Stats{Succeeded: 1}),
		"health":  db.Counters().Note(ctx, "p", hook.UID, webhook.Health{FailingSince: now}),
		"message": db.Queue().Send(ctx, delivery.LaneFirst, delivery.Parcel{Group: hook.UID}),
		"reply":   db.Access().Finish(ctx, "name", access.Reply{}, now),
	} {
		if err != nil {
			t.Fatalf("write %s: %v", name, err)
		}
	}
	if _, _, err := db.Archive().Put(ctx, event); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, db *DB, table string) (n int) {
	t.Helper()
	err := db.read(t.Context(), "test", func(c *conn) (err error) {
		n, err = c.number("SELECT count(*) FROM " + table)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// counterLasting is how long counters of this moment are kept: until so long after the beginning of its hour.
func counterLasting(now time.Time) time.Duration {
	return now.Truncate(time.Hour).Add(webhook.StatsRetention).Sub(now)
}

func TestCleanRemovesWhatHasExpiredAndNothingElse(t *testing.T) {
	kept := map[string]time.Duration{
		"delivery": delivery.Retention, "answer": delivery.AnswerRetention, "job": job.Retention, "input_page": job.Retention,
		"input_chunk": job.Retention, "event": delivery.Retention,
		"message": delivery.LetterRetention, "webhook": webhook.TombstoneLasting, "reply": access.ReplyRetention,
		"redrive": redrive.Retention, "redrive_page": redrive.Retention, "counter": counterLasting(newClock().now()),
		"health": webhook.HealthRetention,
	}
	if len(kept) != len(littered) {
		t.Errorf("%d tables are tested, %d are cleaned", len(kept), len(littered))
	}
	for table, lasts := range kept {
		t.Run(table, func(t *testing.T) {
			clock := newClock()
			db := open(t, clock.now)
			fillTables(t, db)
			clock.pass(lasts - time.Second)
			if err := db.Clean(t.Context()); err != nil || count(t, db, table) != 1 {
				t.Errorf("Clean a second before = %v and %d rows, want 1", err, count(t, db, table))
			}
			clock.pass(2 * time.Second)
			if err := db.Clean(t.Context()); err != nil || count(t, db, table) != 0 {
				t.Errorf("Clean a second after = %v and %d rows, want none", err, count(t, db, table))
			}
		})
	}
}

func TestCleanKeepsWhatWasMadeToLast(t *testing.T) {
	clock := newClock()
	db := open(t, clock.now)
	var last string
	for range 3*cleanBatch + 7 {
		clock.pass(time.Millisecond)
		last = uid.New(clock.now())
		if _, _, err := db.Archive().Put(t.Context(), delivery.Event{UID: last, Project: fmt.Sprint(clock.now().UnixMilli() % 3), At: clock.now()}); err != nil {
			t.Fatal(err)
		}
	}
	project := fmt.Sprint(clock.now().UnixMilli() % 3)
	if err := db.Archive().Extend(t.Context(), project, last, clock.now().Add(2*delivery.Retention)); err != nil {
		t.Fatal(err)
	}
	clock.pass(delivery.Retention + time.Hour)
	if err := db.Clean(t.Context()); err != nil || count(t, db, "event") != 1 {
		t.Errorf("Clean = %v and %d rows, want the one that was extended", err, count(t, db, "event"))
	}
	if _, err := db.Archive().Event(t.Context(), project, last); err != nil {
		t.Errorf("Event = %v", err)
	}
}

// Pages and chunks stay as long as the job, though that was changed long after they were written; without a job they stay as long as
// one that nobody changes. More pages than are removed at once go all.
func TestCleanRemovesInputsAfterTheirJob(t *testing.T) {
	clock := newClock()
	db := open(t, clock.now)
	ctx := t.Context()
	j := job.Launch(job.Job{UID: uid.New(clock.now()), Project: "p"}, clock.now())
	if err := db.Jobs().Create(ctx, j); err != nil {
		t.Fatal(err)
	}
	const pages = cleanBatch + 7
	for _, r := range []job.Ref{{Project: "p", Job: j.UID}, {Project: "p", Job: uid.New(clock.now())}} {
		for i := range pages {
			if err := db.Inputs().PutPage(ctx, r, job.Page{Kind: job.DataPage, Name: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Inputs().PutChunk(ctx, r, job.Chunk{Version: 1}); err != nil {
			t.Fatal(err)
		}
	}
	wantLeft := func(when string, chunks int) {
		t.Helper()
		if err := db.Clean(ctx); err != nil {
			t.Fatal(err)
		}
		if p, c := count(t, db, "input_page"), count(t, db, "input_chunk"); p != chunks*pages || c != chunks {
			t.Errorf("%s %d pages and %d chunks are left, want %d and %d", when, p, c, chunks*pages, chunks)
		}
	}
	clock.pass(job.Retention - time.Second)
	wantLeft("a second before the end", 2)
	next, _, err := j.Apply(job.Update{Status: job.Running}, clock.now())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Jobs().Update(ctx, next); err != nil {
		t.Fatal(err)
	}
	clock.pass(2 * time.Second)
	wantLeft("a second after the end of what has no job", 1)
	clock.pass(job.Retention - 3*time.Second)
	wantLeft("a second before the end of the job", 1)
	clock.pass(2 * time.Second)
	wantLeft("a second after the end of the job", 0)
}

func TestCleanerRunsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := open(t, nil, func(c *Config) { c.CleanEvery = time.Hour })
		fillTables(t, db)
		<-time.After(access.ReplyRetention + time.Hour + time.Second)
		synctest.Wait()
		if n := count(t, db, "reply"); n != 0 {
			t.Errorf("%d replies are left an hour after they expired", n)
		}
	})
}
