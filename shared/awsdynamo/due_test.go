package awsdynamo

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hermod/shared/delivery"
)

// dueOf reads what is due page by page, and counts the pages.
func dueOf(t *testing.T, db *DB, after, until time.Time, limit int) (all []delivery.DueEntry, pages int) {
	t.Helper()
	for from := ""; ; {
		page, next, err := db.Log().Due(t.Context(), after, until, from, limit)
		if err != nil || len(page) > limit {
			t.Fatalf("Due with limit %d = %d entries, %v", limit, len(page), err)
		}
		all, pages = append(all, page...), pages+1
		if from = next; from == "" {
			return all, pages
		}
	}
}

func TestALookAtWhatIsDueAsksEachShardOnce(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	dueOf(t, db, time.Time{}, c.now(), 500)
	asked := map[string]bool{}
	for _, r := range f.requests("Query") {
		_, shard, _ := strings.Cut(r, `{"S":"D#`)
		asked[shard[:1]] = true
		if strings.Contains(r, `"ConsistentRead":true`) {
			t.Errorf("an index was asked for a consistent read: %s", r)
		}
	}
	if n := f.count(); len(asked) != dueShards || n != 0 {
		t.Errorf("%d shards were asked, and %d requests were made beside, want %d and none", len(asked), n, dueShards)
	}
	dueOf(t, db, c.now(), c.now().Add(-time.Minute), 500)
	if n := f.count(); n != 0 {
		t.Errorf("%d requests were made for a time that ends before it begins, want none", n)
	}
}

// However the entries lie in the shards, pages bring them all, and in order.
func TestEntriesThatLieInOneShardAreAllSeen(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	var want []string
	for len(want) < 40 {
		d := aDelivery(t, c)
		if shardOf(d.UID.Event, dueShards) != 3 && len(want) > 3 { // the first are anywhere
			continue
		}
		c.advance(time.Second)
		want = append(want, failed(t, db, d, c).UID.String())
	}
	for _, limit := range []int{1, 4, 100} {
		var got []string
		all, _ := dueOf(t, db, time.Time{}, c.now().Add(24*time.Hour), limit)
		for _, e := range all {
			got = append(got, e.UID.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of at most %d bring %d entries, want all %d in order", limit, len(got), len(want))
		}
	}
}

func TestAShareOfEachShardIsRead(t *testing.T) {
	c, f := newClock(), newFaults()
	db := open(t, c.now, f.between)
	for range 200 {
		c.advance(time.Second)
		failed(t, db, aDelivery(t, c), c)
	}
	f.count()
	all, pages := dueOf(t, db, time.Time{}, c.now().Add(24*time.Hour), 100)
	if len(all) != 200 || pages > 5 || len(f.requests("Query")) != pages*dueShards {
		t.Errorf("200 entries came in %d pages, %d in all, want not much more than two", pages, len(all))
	}
}

func TestTimesWithoutEndAreNoObstacle(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	failed(t, db, aDelivery(t, c), c)
	for _, until := range []time.Time{c.now().AddDate(250, 0, 0), c.now().AddDate(300, 0, 0), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if all, _ := dueOf(t, db, time.Time{}, until, 10); len(all) != 1 {
			t.Errorf("until %v %d entries are due, want the one", until, len(all))
		}
	}
}

func TestWhatIsNoEntryIsNotRead(t *testing.T) {
	for _, sk := range []string{"", "0001772625600000", "x#e_w", "0001772625600000#e"} {
		if _, _, ok := parseDue(sk); ok {
			t.Errorf("parseDue(%q) reads an entry", sk)
		}
	}
	d := delivery.UID{Event: "e", Webhook: "w"}
	at := time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)
	_, sk := dueIndexKey(d, at)
	if got, u, ok := parseDue(sk); !ok || u != d || !got.Equal(at) {
		t.Errorf("parseDue(%q) = %v, %v, %v, want what it was made of", sk, got, u, ok)
	}
}
