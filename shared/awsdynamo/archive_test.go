package awsdynamo

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/uid"
)

func put(t testing.TB, db *DB, e delivery.Event) delivery.Event {
	t.Helper()
	if _, existed, err := db.Archive().Put(t.Context(), e); err != nil || existed {
		t.Fatalf("Put = existed %v, %v, want a new event", existed, err)
	}
	return e
}

func TestAnEventWhoseAnswerIsLostIsThereAtTheNextTry(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	e := someEvent(t, "p", c.now(), 3)
	f.then("PutItem", lost)
	if _, _, err := db.Archive().Put(t.Context(), e); err == nil || !IsUnavailable(err) {
		t.Errorf("Put that was carried out and got no answer = %v, want an unknown outcome", err)
	}
	stored, existed, err := db.Archive().Put(t.Context(), e)
	if err != nil || !existed || len(stored.Matched) != 3 || string(stored.Bodies[job.FormatV3]) != string(e.Bodies[job.FormatV3]) {
		t.Errorf("Put again = %+v, existed %v, %v, want what is stored", stored, existed, err)
	}
}

// What two change of one event at once is all there: each is decided again on what the other wrote.
func TestAMatchAndAnExtensionAtOnceAreBothKept(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	until := c.now().Add(2 * delivery.Retention)
	hook := uid.New(c.now())
	changes := map[string]func(*DB, delivery.Event) error{
		"AddMatch": func(db *DB, e delivery.Event) error {
			_, err := db.Archive().AddMatch(t.Context(), e.Project, e.UID, delivery.Match{Webhook: hook, Format: job.FormatStandard}, []byte("{}"))
			return err
		},
		"Extend": func(db *DB, e delivery.Event) error { return db.Archive().Extend(t.Context(), e.Project, e.UID, until) },
	}
	for first, second := range map[string]string{"AddMatch": "Extend", "Extend": "AddMatch"} {
		for _, twice := range []bool{false, true} {
			e := put(t, db, someEvent(t, "p", c.now(), 1))
			plan := []spoil{soon(func() {
				if err := changes[first](unspoiled(db, f), e); err != nil {
					t.Error(err)
				}
			})}
			if twice {
				plan = append(plan, lost)
			}
			f.then("PutItem", plan...)
			err := changes[second](db, e)
			if twice && err != nil { // nobody knows; so it is made again
				err = changes[second](db, e)
			}
			i, readErr := db.fetch(t.Context(), eventKey(e.Project, e.UID))
			got, decodeErr := decodeEvent(i)
			_, matched := got.Match(hook)
			if err := errors.Join(err, readErr, decodeErr); err != nil || !matched || string(got.Bodies[job.FormatStandard]) != "{}" || int64(i.int("ttl")) < until.Unix() {
				t.Errorf("%s during %s: matched %v, kept until %d, %v, want both", first, second, matched, i.int("ttl"), err)
			}
		}
	}
}

func TestAFormatWithoutAPlaceIsRefused(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	matched, bodied := someEvent(t, "p", c.now(), 1), someEvent(t, "p", c.now(), 1)
	matched.Matched[0].Format = "xml"
	bodied.Bodies["xml"] = []byte("<job/>")
	for _, e := range []delivery.Event{matched, bodied} {
		if _, _, err := db.Archive().Put(t.Context(), e); err == nil {
			t.Error("Put of an event in a format that there is not = nil, want an error")
		}
		if _, err := db.Archive().Event(t.Context(), "p", e.UID); !errors.Is(err, delivery.ErrNoEvent) {
			t.Errorf("Event = %v, want ErrNoEvent", err)
		}
	}
}

func TestFormatsThatALaterReleaseAddedAreKept(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	e := put(t, db, someEvent(t, "p", c.now(), 1))
	rewrite(t, db, eventKey("p", e.UID), func(i item) {
		i["to_later"], i["body_later"] = octets(packed{}.addUID(uid.New(c.now()))), octets([]byte("later"))
	})
	if _, err := db.Archive().AddMatch(t.Context(), "p", e.UID, delivery.Match{Webhook: uid.New(c.now()), Format: job.FormatV3}, nil); err != nil {
		t.Fatal(err)
	}
	i, err := db.fetch(t.Context(), eventKey("p", e.UID))
	if err != nil || len(i.octets("to_later")) != 17 || string(i.octets("body_later")) != "later" {
		t.Errorf("after another match the event has %q and %q, %v, want what was there", i.octets("to_later"), i.octets("body_later"), err)
	}
}

func TestAListReadsTheMatchesOfEveryFormatAndNoBody(t *testing.T) {
	read := strings.Split(eventParts, ", ")
	for _, f := range job.Formats {
		if !slices.Contains(read, "to_"+string(f)) || strings.Contains(eventParts, "body_") {
			t.Errorf("a list reads %q, want to_%s among it, and no body", eventParts, f)
		}
	}
}

// eventsOf reads a whole list, and counts the calls.
func eventsOf(t *testing.T, db *DB, q delivery.EventQuery, between func()) (uids []string, calls int) {
	t.Helper()
	for {
		page, next, err := db.Archive().Events(t.Context(), q)
		if err != nil || len(page) > q.Limit {
			t.Fatalf("Events with limit %d = %d events, %v", q.Limit, len(page), err)
		}
		for _, e := range page {
			uids = append(uids, e.UID)
		}
		if calls++; next == "" {
			return uids, calls
		}
		if q.Before = next; between != nil {
			between()
		}
	}
}

func wantEvents(t *testing.T, when string, db *DB, want ...string) {
	t.Helper()
	for _, limit := range []int{1, 100} {
		if got, _ := eventsOf(t, db, delivery.EventQuery{Project: "p", Limit: limit}, nil); !slices.Equal(got, want) {
			t.Errorf("%s the list has %v, want %v", when, got, want)
		}
	}
}

// An event may be archived days after it happened, when fan-out stood still or its record was parked.
func TestAnEventThatWasArchivedLateIsListedUntilItsTimeIsOver(t *testing.T) {
	for _, late := range []time.Duration{time.Second, lateness - time.Second, lateness + time.Second, 14 * day} {
		t.Run(late.String(), func(t *testing.T) {
			c := newClock()
			db := open(t, c.now)
			e := someEvent(t, "p", c.now(), 1)
			c.advance(late)
			put(t, db, e)
			wantEvents(t, "at first", db, e.UID)
			c.advance(delivery.Retention / 2)
			wantEvents(t, "half its time later", db, e.UID)
			c.advance(delivery.Retention/2 - time.Second)
			wantEvents(t, "at the end of its time", db, e.UID)
			c.advance(2 * time.Second)
			wantEvents(t, "after its time", db)
		})
	}
}

func TestAnEventThatIsExtendedAgainAndAgainIsListed(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	old := put(t, db, someEvent(t, "p", c.now(), 1))
	for n := range 12 {
		c.advance(delivery.Retention - time.Hour)
		if err := db.Archive().Extend(t.Context(), "p", old.UID, c.now().Add(delivery.Retention)); err != nil {
			t.Fatal(err)
		}
		c.advance(30 * time.Minute)
		wantEvents(t, fmt.Sprintf("after %d extensions", n+1), db, old.UID)
	}
	if got, err := db.Archive().Event(t.Context(), "p", old.UID); err != nil || len(got.Bodies) != 1 {
		t.Errorf("Event after a year = %+v, %v, want it whole", got, err)
	}
}

func TestEventsOfABusyDayAreReadFromThatDayAlone(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	for range 400 {
		c.advance(time.Second)
		put(t, db, someEvent(t, "p", c.now(), 1))
	}
	f.count()
	page, next, err := db.Archive().Events(t.Context(), delivery.EventQuery{Project: "p", Limit: 20})
	if n := f.count(); err != nil || len(page) != 20 || next != page[19].UID || n != eventShards {
		t.Errorf("Events = %d events, next %q, %v, after %d requests, want a full page after %d", len(page), next, err, n, eventShards)
	}
	uids, calls := eventsOf(t, db, delivery.EventQuery{Project: "p", Limit: 100}, nil)
	if len(uids) != 400 || calls != 5 {
		t.Errorf("the list has %d events in %d pages, want 400 in 4 and the end", len(uids), calls)
	}
}

func TestTheListOfAQuietProjectIsOnePage(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	e := put(t, db, someEvent(t, "p", c.now(), 1))
	c.advance(29 * day)
	f.count()
	page, next, err := db.Archive().Events(t.Context(), delivery.EventQuery{Project: "p", Limit: 20})
	if n := f.count(); err != nil || len(page) != 1 || page[0].UID != e.UID || next != "" || n > 33*eventShards+listShards {
		t.Errorf("Events = %d events, next %q, %v after %d requests, want the one event", len(page), next, err, n)
	}
	if ever, _, err := db.Archive().Events(t.Context(), delivery.EventQuery{Project: "p", Since: time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC), Limit: 20}); err != nil || len(ever) != 1 {
		t.Errorf("Events since 1960 = %d events, %v, want the one event", len(ever), err)
	}
	f.count()
	since, _, err := db.Archive().Events(t.Context(), delivery.EventQuery{Project: "p", Since: c.now().Add(-time.Hour), Limit: 20})
	if n := f.count(); err != nil || len(since) != 0 || n > 2*eventShards {
		t.Errorf("Events of the last hour = %d events, %v, after %d requests, want none, and only that day looked at", len(since), err, n)
	}
}

func TestALookForEventsEndsBeforeTheEnd(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	wanted := put(t, db, someEvent(t, "p", c.now(), 1))
	for range 1500 {
		c.advance(time.Second)
		put(t, db, someEvent(t, "p", c.now(), 0))
	}
	f.count()
	page, next, err := db.Archive().Events(t.Context(), delivery.EventQuery{Project: "p", Job: wanted.Job, Limit: 20})
	if n := f.count(); err != nil || len(page) != 0 || next == "" || n > 6*eventShards {
		t.Errorf("Events of a job whose event is the oldest of 1,500 = %d events, next %q, %v, after %d requests, want an empty page before the end", len(page), next, err, n)
	}
	uids, calls := eventsOf(t, db, delivery.EventQuery{Project: "p", Job: wanted.Job, Limit: 20}, nil)
	if len(uids) != 1 || calls != 2 {
		t.Errorf("the list has %d events in %d pages, want one in two", len(uids), calls)
	}
}

// DynamoDB removes what has expired within days; until then it is in the way.
func TestALookAtEventsThatExpiredEndsBeforeTheEnd(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	for range 1000 {
		c.advance(time.Second)
		put(t, db, someEvent(t, "p", c.now(), 0))
	}
	c.advance(delivery.Retention + time.Second)
	q := delivery.EventQuery{Project: "p", Limit: 20}
	for f.count(); ; {
		page, next, err := db.Archive().Events(t.Context(), q)
		if err != nil || len(page) > 0 {
			t.Fatalf("Events = %d events, %v, want none", len(page), err)
		}
		if n := f.count(); n > 33*eventShards+maxLooks*eventShards {
			t.Fatalf("one page took %d requests", n)
		}
		if q.Before = next; next == "" {
			break
		}
	}
}

// The days that are looked at move on while somebody pages.
func TestNothingIsSkippedWhereDaysEnd(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	var want []string
	for n := range 60 {
		e := put(t, db, someEvent(t, "p", c.now(), 1))
		want = slices.Insert(want, 0, e.UID)
		if n%2 == 0 {
			c.advance(12*time.Hour + time.Millisecond)
		} else {
			c.at = dateOf(c.at).Add(day) // the first moment of a day
		}
	}
	for _, pause := range []time.Duration{0, time.Minute, 3 * time.Hour} {
		begun := c.now()
		got, _ := eventsOf(t, db, delivery.EventQuery{Project: "p", Limit: 7}, func() { c.advance(pause) })
		alive := func(u string) bool { return c.now().Before(uid.Time(u).Add(delivery.Retention)) }
		for _, u := range want {
			if alive(u) && !slices.Contains(got, u) {
				t.Errorf("with %v between pages, event %s is left out", pause, u)
			}
		}
		for n := range got[1:] {
			if got[n] <= got[n+1] {
				t.Errorf("with %v between pages, %s comes before %s", pause, got[n], got[n+1])
			}
		}
		c.at = begun
	}
}

func TestAnEventOfAClockThatIsAheadIsListed(t *testing.T) {
	c := newClock()
	c.at = dateOf(c.at).Add(day - 10*time.Second)
	db := open(t, c.now)
	e := put(t, db, someEvent(t, "p", c.now().Add(30*time.Second), 1))
	wantEvents(t, "dated tomorrow, by half a minute:", db, e.UID)
}
