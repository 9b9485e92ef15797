package awsdynamo

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/uid"
)

// lagging has the indexes answer as they did when it was told to, to requests that it has seen before.
type lagging struct {
	mu    sync.Mutex
	old   bool
	known map[string]string
}

func (l *lagging) query(next http.RoundTripper, r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var asked any
	if err := json.Unmarshal(body, &asked); err != nil {
		return nil, err
	}
	name, err := json.Marshal(asked) // in the same order each time
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if answer, ok := l.known[string(name)]; ok && l.old {
		return answers(http.StatusOK, answer)(next, r)
	}
	res, err := next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	l.known[string(name)] = string(answer)
	if err != nil {
		return nil, err
	}
	return answers(http.StatusOK, string(answer))(next, r)
}

func (l *lagging) lag(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.old = on
}

// An index of AWS shows a write after a moment. Until then a row is listed nowhere rather than where it was.
func TestARowIsNotListedWhereItIsNoMore(t *testing.T) {
	c, f, l := newClock(), newFaults(), &lagging{known: map[string]string{}}
	f.always("Query", l.query)
	db := open(t, c.now, f.between)
	d := aDelivery(t, c)
	if err := db.Log().Step(t.Context(), ends(d, delivery.Dead, delivery.Place{Step: 1}, c.now()), delivery.Place{}, nil); err != nil {
		t.Fatal(err)
	}
	listed := func(s delivery.State) int {
		t.Helper()
		page, next, err := db.Log().List(t.Context(), delivery.Query{Project: d.Project, State: s, Limit: 10})
		if err != nil || next != "" {
			t.Errorf("List = next %q, %v, want the only page", next, err)
		}
		return len(page)
	}
	want := func(when string, dead, retrying int) {
		t.Helper()
		if gotDead, gotRetrying := listed(delivery.Dead), listed(delivery.Retrying); gotDead != dead || gotRetrying != retrying {
			t.Errorf("%s %d are listed as dead and %d as retrying, want %d and %d", when, gotDead, gotRetrying, dead, retrying)
		}
	}
	want("a dead row:", 1, 0)
	l.lag(true)
	if _, err := db.Log().Reopen(t.Context(), d.UID, 0, c.now(), delivery.Due{At: c.now().Add(time.Hour)}, c.now().Add(delivery.Retention)); err != nil {
		t.Fatal(err)
	}
	want("reopened, while the index lags:", 0, 0)
	l.lag(false)
	want("reopened:", 0, 1)
}

func TestAListLooksAtSoManyRowsForOnePage(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	project, hook := uid.New(c.now()), uid.New(c.now())
	for n := range 1500 {
		c.advance(time.Second)
		d := someEvent(t, project, c.now(), 0).Delivery(hook)
		d.Workflow = "other"
		if n == 0 {
			d.Workflow = "asked for"
		}
		if err := db.Log().Step(t.Context(), ends(d, delivery.Dead, delivery.Place{Step: 1}, c.now()), delivery.Place{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	f.count()
	q := delivery.Query{Project: project, State: delivery.Dead, Workflow: "asked for", Limit: 20}
	var found, pages int
	for {
		page, next, err := db.Log().List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		found, pages = found+len(page), pages+1
		queries, batches := len(f.requests("Query")), len(f.requests("BatchGetItem"))
		if queries > 8*listShards || batches > 60 {
			t.Errorf("page %d took %d queries and %d reads of rows", pages, queries, batches)
		}
		if q.Before = next; next == "" {
			break
		}
	}
	if found != 1 || pages != 2 {
		t.Errorf("the oldest of 1,500 rows was found %d times in %d pages, want once in two", found, pages)
	}
	q.Before, q.Workflow, q.Webhook = "", "", uid.New(c.now())
	page, next, err := db.Log().List(t.Context(), q)
	if queries := len(f.requests("Query")); err != nil || len(page) > 0 || next == "" || queries > 4*listShards {
		t.Errorf("List of another webhook = %d rows, next %q, %v after %d queries, want an empty page before the end", len(page), next, err, queries)
	}
	if batches := len(f.requests("BatchGetItem")); batches > 0 {
		t.Errorf("%d reads of rows were made for a webhook that has none, want none: the keys tell", batches)
	}
}

// A count that is narrowed reads rows, no more of them than it has to.
func TestACountThatIsNarrowedReadsRows(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	project, hook := uid.New(c.now()), uid.New(c.now())
	const rows = maxExamined + 200
	for n := range rows {
		c.advance(time.Second)
		d := someEvent(t, project, c.now(), 0).Delivery(hook)
		d.Workflow = "many"
		if n == rows-5 {
			d.Workflow = "few"
		}
		if err := db.Log().Step(t.Context(), ends(d, delivery.Dead, delivery.Place{Step: 1}, c.now()), delivery.Place{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, count := range []struct {
		q       delivery.Query
		most, n int
		more    bool
		batches int
	}{
		{delivery.Query{Workflow: "few"}, 10_000, 1, false, 20},
		{delivery.Query{Workflow: "many"}, 300, 300, true, 10},
		{delivery.Query{Workflow: "many"}, 10_000, rows - 1, false, 20},
		{delivery.Query{Workflow: "many", Since: c.now().Add(-9 * time.Second)}, 300, 9, false, 1},
		{delivery.Query{Since: c.now().Add(-9 * time.Second)}, 300, 10, false, 0},
		{delivery.Query{Webhook: uid.New(c.now())}, 300, 0, false, 0},
	} {
		f.count()
		count.q.Project, count.q.State = project, delivery.Dead
		n, more, err := db.Log().Count(t.Context(), count.q, count.most)
		if n != count.n || more != count.more || err != nil {
			t.Errorf("Count of %+v = %d, more %v, %v, want %d, more %v", count.q, n, more, err, count.n, count.more)
		}
		if batches := len(f.requests("BatchGetItem")); batches > count.batches {
			t.Errorf("Count of %+v took %d reads of rows, want at most %d", count.q, batches, count.batches)
		}
	}
}

func TestACountAsksEachShardForItsPart(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	project, rows := uid.New(c.now()), 0
	for rows < 60 { // the first are anywhere, the others in one shard
		d := someEvent(t, project, c.now(), 0).Delivery(uid.New(c.now()))
		if rows >= 8 && shardOf(d.UID.Event, listShards) != 3 {
			continue
		}
		if err := db.Log().Step(t.Context(), ends(d, delivery.Dead, delivery.Place{Step: 1}, c.now()), delivery.Place{}, nil); err != nil {
			t.Fatal(err)
		}
		rows++
	}
	for most, queries := range map[int]int{10_000: listShards, 240: listShards, 40: 2 * listShards, 1: listShards} {
		f.count()
		n, more, err := db.Log().Count(t.Context(), delivery.Query{Project: project, State: delivery.Dead}, most)
		if want := min(most, rows); n != want || more != (rows > most) || err != nil {
			t.Errorf("Count up to %d of %d rows = %d, more %v, %v, want %d", most, rows, n, more, err, want)
		}
		if asked := len(f.requests("Query")); asked > queries {
			t.Errorf("Count up to %d of %d rows took %d queries, want at most %d", most, rows, asked, queries)
		}
	}
}

func TestBelowIsRightBelowAPosition(t *testing.T) {
	for _, test := range []struct{ position, above string }{
		{"0190a5d1-7c00-7abc-8def-0123456789a1", "0190a5d1-7c00-7abc-8def-0123456789a0"},
		{"0190a5d1-7c00-7abc-8def-0123456789a1", "0190a5d1-7c00-7abc-8def-0123456789a0_ffffffff-ffff-ffff-ffff-ffffffffffff"},
		{"0190a5d1-7c00-7abc-8def-0123456789aa", "0190a5d1-7c00-7abc-8def-0123456789a9_ffffffff-ffff-ffff-ffff-ffffffffffff"},
		{"0190a5d1-7c00-7abc-8def-0123456789a0", "0190a5d1-7c00-7abc-8def-01234567899f_ffffffff-ffff-ffff-ffff-ffffffffffff"},
		{"0190a5d1-7c00-7abc-8def-0123456789a0_0190a5d1-7c00-7abc-8def-00000000000b", "0190a5d1-7c00-7abc-8def-0123456789a0_0190a5d1-7c00-7abc-8def-00000000000a"},
	} {
		if got := below(test.position); got >= test.position || got < test.above {
			t.Errorf("below(%s) = %s, want it from %s on", test.position, got, test.above)
		}
	}
}
