package awsdynamo

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"hermod/infra/meter"
	"hermod/shared/delivery"
	"hermod/shared/redrive"
	"hermod/shared/uid"
	"hermod/shared/webhook"
)

// TestUnits says what each operation costs, in the units that AWS bills: a request unit writes 1 KB or reads 4 KB.
func TestUnits(t *testing.T) {
	c, m := newClock(), meter.New()
	db := open(t, c.now, m.Transport)
	log, archive, redrives := db.Log(), db.Archive(), db.Redrives()
	project := uid.New(c.now())
	event := someEvent(t, project, c.now(), 1)
	var zero delivery.Place
	fresh := func() delivery.Delivery { return someEvent(t, project, c.now(), 1).Delivery(uid.New(c.now())) }
	good, bad, ten := fresh(), fresh(), fresh()
	at := func(step int) delivery.Place { return delivery.Place{Step: step} }
	step := func(d delivery.Delivery, n int) error {
		c.advance(time.Minute)
		a := someAttempt(n+1, at(n), c.now(), 503)
		return log.Step(t.Context(), waits(d, at(n+1), c.now()), at(n), &a)
	}
	manyDead := func(n int) error { // in one shard of the index
		for n > 0 {
			d := fresh()
			if shardOf(d.UID.Event, listShards) > 0 {
				continue
			}
			n--
			if err := log.Step(t.Context(), ends(d, delivery.Dead, at(1), c.now()), zero, nil); err != nil {
				return err
			}
		}
		return nil
	}
	count := func(s delivery.State) error {
		_, _, err := log.Count(t.Context(), delivery.Query{Project: project, State: s}, redrive.MaxCount)
		return err
	}
	due := func(after time.Duration) delivery.Due { return delivery.Due{At: c.now().Add(after)} }
	note := func(h webhook.Health) error { return db.Counters().Note(t.Context(), project, good.UID.Webhook, h) }
	task := redrive.Task{UID: uid.New(c.now()), Project: project, Version: 1, State: redrive.Sending, Query: delivery.Query{Project: project, State: delivery.Dead}, CreatedAt: c.now()}

	tests := []struct {
		operation string
		run       func() error
		wru, rru  float64
	}{
		{"a delivery that succeeds at once", func() error {
			return log.Succeed(t.Context(), ends(good, delivery.Succeeded, zero, c.now()), someAttempt(1, zero, c.now(), 200))
		}, 1, 0},
		{"the same again, after an unknown outcome", func() error {
			return log.Succeed(t.Context(), ends(good, delivery.Succeeded, zero, c.now()), someAttempt(1, zero, c.now(), 200))
		}, 1, 0}, // refused
		{"a first failure: the answer (2), the row, an entry in each index", func() error { return step(bad, 0) }, 5, 0},
		{"a second failure: the answer (2), the row, the due entry moved", func() error { return step(bad, 1) }, 5, 1},
		{"a success after two failures: the row, both entries removed", func() error {
			return log.Succeed(t.Context(), ends(bad, delivery.Succeeded, at(2), c.now()), someAttempt(3, at(2), c.now(), 200))
		}, 3, 1},
		{"nine failures, without answers", func() error {
			for n := range 9 {
				c.advance(time.Minute)
				a := someAttempt(n+1, at(n), c.now(), 503)
				a.Answer = nil
				if err := log.Step(t.Context(), waits(ten, at(n+1), c.now()), at(n), &a); err != nil {
					return err
				}
			}
			return nil
		}, 36, 8},
		{"the tenth, which is the last: the row (3), its entries", func() error {
			a := someAttempt(10, at(9), c.now(), 503)
			a.Answer = nil
			return log.Step(t.Context(), ends(ten, delivery.Dead, at(10), c.now()), at(9), &a)
		}, 6, 1},
		{"a reopening: the row (3), its entries", func() error {
			_, err := log.Reopen(t.Context(), ten.UID, 0, c.now(), due(time.Hour), c.now().Add(delivery.Retention))
			return err
		}, 6, 1},
		{"a step sent again: the row (3), the due entry moved", func() error {
			return log.Resent(t.Context(), ten.UID, delivery.Place{Cycle: 1}, due(2*time.Hour))
		}, 5, 1},
		{"a step that is not there to be sent again", func() error {
			if err := log.Resent(t.Context(), ten.UID, zero, due(0)); !errors.Is(err, delivery.ErrStale) {
				return fmt.Errorf("Resent = %w, want ErrStale", err)
			}
			return nil
		}, 0, 1},
		{"three rows and one that is not there", func() error {
			_, err := log.Rows(t.Context(), good.UID, bad.UID, ten.UID, fresh().UID)
			return err
		}, 0, 4},
		{"a look at what is due, of little", func() error {
			_, _, err := log.Due(t.Context(), time.Time{}, c.now().Add(24*time.Hour), "", 500)
			return err
		}, 0, 4},
		{"a list of one state, of little: an entry in one of four shards, its row", func() error {
			_, _, err := log.List(t.Context(), delivery.Query{Project: project, State: delivery.Retrying, Limit: 20})
			return err
		}, 0, 3},
		{"a count of one state, of little: four shards", func() error { return count(delivery.Retrying) }, 0, 2},
		{"300 deaths: each the row and an entry", func() error { return manyDead(300) }, 600, 0},
		{"a count of them, which are 66 KB in the index", func() error { return count(delivery.Dead) }, 0, 10},
		{"an event for one webhook", func() error { _, _, err := archive.Put(t.Context(), event); return err }, 1, 0},
		{"the same again", func() error { _, _, err := archive.Put(t.Context(), event); return err }, 1, 0}, // refused
		{"a list of events that today has enough of", func() error {
			_, _, err := archive.Events(t.Context(), delivery.EventQuery{Project: project, Limit: 1})
			return err
		}, 0, 4},
		{"an event for ten webhooks", func() error { _, _, err := archive.Put(t.Context(), someEvent(t, project, c.now(), 10)); return err }, 1, 0},
		{"an event for a hundred webhooks", func() error { _, _, err := archive.Put(t.Context(), someEvent(t, project, c.now(), 100)); return err }, 3, 0},
		{"an event for as many webhooks as there may be", func() error { _, _, err := archive.Put(t.Context(), someEvent(t, project, c.now(), 1020)); return err }, 18, 0},
		{"an event read", func() error { _, err := archive.Event(t.Context(), project, event.UID); return err }, 0, 1},
		{"an event kept for longer: it", func() error {
			return archive.Extend(t.Context(), project, event.UID, c.now().Add(delivery.Retention+time.Hour))
		}, 1, 1},
		{"for much longer: it, an entry in an index", func() error {
			return archive.Extend(t.Context(), project, event.UID, c.now().Add(2*delivery.Retention))
		}, 2, 1},
		{"for less", func() error { return archive.Extend(t.Context(), project, event.UID, c.now()) }, 0, 1},
		{"a list of the events of a project of today that has none", func() error {
			_, _, err := archive.Events(t.Context(), delivery.EventQuery{Project: uid.New(c.now()), Limit: 20})
			return err
		}, 0, 6},
		{"a list of the events of an old project that has none", func() error {
			_, _, err := archive.Events(t.Context(), delivery.EventQuery{Project: uid.New(c.now().AddDate(-1, 0, 0)), Limit: 20})
			return err
		}, 0, 130},
		{"a redrive", func() error { return redrives.CreateTask(t.Context(), task) }, 1, 0},
		{"its progress", func() error { task.Version++; return redrives.UpdateTask(t.Context(), task) }, 1, 1},
		{"a block of requests of an API key", func() error {
			_, err := db.Meter().Lease(t.Context(), uid.New(c.now()), c.now().Truncate(time.Minute), 600)
			return err
		}, 1, 0},
		{"counters of an hour, all of them", func() error {
			return db.Counters().Add(t.Context(), project, good.UID.Webhook, c.now(), everyCount(1_000_000))
		}, 1, 0},
		{"the same hour again", func() error {
			return db.Counters().Add(t.Context(), project, good.UID.Webhook, c.now(), everyCount(1))
		}, 1, 0},
		{"the same of the project", func() error {
			return db.Counters().Add(t.Context(), project, webhook.Whole, c.now(), everyCount(1))
		}, 1, 0},
		{"counters of 35 days", func() error {
			for n := 1; n < 35*24; n++ {
				at := c.now().Add(time.Duration(-n) * time.Hour)
				if err := db.Counters().Add(t.Context(), project, good.UID.Webhook, at, everyCount(1_000_000)); err != nil {
					return err
				}
			}
			return nil
		}, 839, 0},
		{"a day of them read", func() error {
			_, err := db.Counters().Hours(t.Context(), project, good.UID.Webhook, c.now().Add(-24*time.Hour), c.now())
			return err
		}, 0, 1},
		{"all of them read", func() error {
			_, err := db.Counters().Hours(t.Context(), project, good.UID.Webhook, c.now().AddDate(0, 0, -35), c.now())
			return err
		}, 0, 22},
		{"the health of a webhook that succeeds", func() error {
			return note(webhook.Health{LastSuccessAt: c.now()})
		}, 1, 0},
		{"a minute later", func() error {
			c.advance(time.Minute)
			return note(webhook.Health{LastSuccessAt: c.now()})
		}, 1, 0},
		{"when it begins to fail, with the last success", func() error {
			succeeded := c.now()
			c.advance(time.Minute)
			return note(webhook.Health{LastSuccessAt: succeeded, FailingSince: c.now()})
		}, 1, 0},
		{"when it still fails", func() error {
			c.advance(time.Minute)
			return note(webhook.Health{FailingSince: c.now()})
		}, 1, 0}, // refused
		{"when it succeeded and fails anew", func() error {
			c.advance(time.Minute)
			return note(webhook.Health{LastSuccessAt: c.now(), FailingSince: c.now().Add(time.Second)})
		}, 1, 0},
		{"the health of two webhooks read, of which one has none", func() error {
			_, err := db.Counters().Health(t.Context(), project, good.UID.Webhook, bad.UID.Webhook)
			return err
		}, 0, 2},
		{"a page of a hundred deliveries", func() error {
			items := make([]redrive.Item, 100)
			for i := range items {
				items[i].UID = fresh().UID
			}
			return redrives.PutPage(t.Context(), task.UID, 0, items)
		}, 4, 0},
	}
	for _, test := range tests {
		before := m.Total()
		if err := test.run(); err != nil {
			t.Errorf("%s: %v", test.operation, err)
		}
		if used := m.Total().Minus(before); used.WRU() != test.wru || used.RRU() != test.rru {
			t.Errorf("%s: %v WRU and %v RRU, want %v and %v", test.operation, used.WRU(), used.RRU(), test.wru, test.rru)
		}
	}
	for _, d := range m.Differences() {
		t.Errorf("the meter and the engine differ: %s", d)
	}
}
