package awsdynamo

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hermod/shared/access"
	"hermod/shared/job"
	"hermod/shared/uid"
	"hermod/shared/webhook"
)

// aHook is a usual webhook.
func aHook(project string, c *clock) webhook.Webhook {
	return webhook.Webhook{
		UID: uid.New(c.now()), Project: project, Version: 1, Name: "CRM", URL: "https://example.com/hooks/hermod", Enabled: true, Payload: job.FormatV3,
		Events: []job.EventType{job.EventSucceeded, job.EventFailed}, Headers: []webhook.Header{{Name: "X-Environment", Sealed: "c2VhbGVkLCBhbmQgbG9uZ2Vy", Hint: "…tion"}},
		Secrets: []webhook.Secret{{Sealed: "c2VhbGVkLCBhbmQgbG9uZ2VyIHRoYW4gdGhhdA", Hint: "whsec_…aKYo", CreatedAt: c.now()}}, CreatedAt: c.now(), UpdatedAt: c.now(),
	}
}

func createHook(t *testing.T, db *DB, project string, c *clock) webhook.Webhook {
	t.Helper()
	w := aHook(project, c)
	must(t, db.Webhooks().Create(t.Context(), w), "Create")
	return w
}

func wantHook(t *testing.T, s webhook.Store, want webhook.Webhook) {
	t.Helper()
	got, err := s.Get(t.Context(), want.Project, want.UID)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("Get = %v (-want +got):\n%s", err, diff)
	}
}

func hooksVersion(t *testing.T, db *DB, project string) int {
	t.Helper()
	n, _, err := db.Webhooks().HooksVersion(t.Context(), project)
	must(t, err, "HooksVersion")
	return n
}

// What a reader of DynamoDB sees while a transaction becomes visible is either this item or that. So a list that was read
// meanwhile must not be taken for that of the version after.
func TestAVersionReadDuringAChangeIsNotMetAfterIt(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	w := createHook(t, db, "p1", c)
	for _, change := range []struct {
		name string
		make func() error
	}{
		{"a create", func() error { return db.Webhooks().Create(t.Context(), aHook("p1", c)) }},
		{"an update", func() error { w.Version++; return db.Webhooks().Update(t.Context(), w) }},
		{"a delete", func() error { return db.Webhooks().Delete(t.Context(), "p1", w.UID) }},
	} {
		before, during := hooksVersion(t, db, "p1"), 0
		f.then("TransactWriteItems", late(func() { during = hooksVersion(t, db, "p1") }))
		must(t, change.make(), change.name)
		if after := hooksVersion(t, db, "p1"); after != before+1 || during == before || during == after {
			t.Errorf("HooksVersion is %d before %s, %d during it and %d after, want three that differ, the last one more than the first", before, change.name, during, after)
		}
	}
}

func TestAProcessThatDiesDuringAChangeLeavesNoVersionToMeetAgain(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	seen := map[int]string{}
	see := func(when string) {
		t.Helper()
		n := hooksVersion(t, db, "p1")
		if earlier, ok := seen[n]; ok {
			t.Errorf("HooksVersion is %d %s, as it was %s", n, when, earlier)
		}
		seen[n] = when
	}
	see("at first")
	for n := range 4 {
		f.then("UpdateItem", cut, cut, cut, cut)
		if err := db.Webhooks().Create(t.Context(), aHook("p1", c)); !IsUnavailable(err) {
			t.Fatalf("Create without its end = %v, want the table to be unavailable", err)
		}
		see(fmt.Sprintf("after death %d", n))
		f.then("TransactWriteItems", late(func() { see(fmt.Sprintf("during change %d", n)) }))
		createHook(t, db, "p1", c)
		see(fmt.Sprintf("after change %d", n))
	}
}

func TestAnEndThatIsCountedTwiceDoesNoHarm(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	f.then("UpdateItem", lost)
	createHook(t, db, "p1", c)
	before, during := hooksVersion(t, db, "p1"), 0
	f.then("TransactWriteItems", late(func() { during = hooksVersion(t, db, "p1") }))
	createHook(t, db, "p1", c)
	if after := hooksVersion(t, db, "p1"); after == before || during == before || during == after {
		t.Errorf("HooksVersion is %d before a create, %d during it and %d after, want three that differ", before, during, after)
	}
}

func TestATransactionThatMeetsOthersIsMadeAgain(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	f.then("TransactWriteItems", conflicted, conflicted, throttled, lost, conflicted, fine)
	w := createHook(t, db, "p1", c)
	wantHook(t, db.Webhooks(), w)
	tokens := map[string]int{}
	requests := f.requests("TransactWriteItems")
	for _, r := range requests {
		tokens[field(t, r, "ClientRequestToken")]++
	}
	if len(requests) != 6 || len(tokens) != 4 || tokens[field(t, requests[5], "ClientRequestToken")] != 3 {
		t.Errorf("the tokens of six tries are %v, want a new one after each that was stopped for certain, and the same after the one whose answer was lost", tokens)
	}
	if matches, err := db.Webhooks().ProjectMatches(t.Context(), "p1"); err != nil || len(matches) != 1 {
		t.Errorf("ProjectMatches = %d of them, %v, want one", len(matches), err)
	}
	i, err := db.get(t.Context(), projectKey("p1"))
	if err != nil || i.int("nh") != 1 {
		t.Errorf("the project counts %d webhooks, %v, want one", i.int("nh"), err)
	}
}

func TestADeleteIsDecidedAgainOnAWebhookThatChanged(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	w := createHook(t, db, "p1", c)
	w.Version, w.Job = 2, "j1"
	f.then("TransactWriteItems", soon(func() { must(t, db.Webhooks().Update(t.Context(), w), "Update") }))
	must(t, db.Webhooks().Delete(t.Context(), "p1", w.UID), "Delete")
	project, err := db.Webhooks().ProjectMatches(t.Context(), "p1")
	ofJob, err2 := db.Webhooks().JobMatches(t.Context(), "p1", "j1")
	if err := errors.Join(err, err2); err != nil || len(project)+len(ofJob) != 0 {
		t.Errorf("after the delete there are %d matches of the project and %d of the job, %v, want none", len(project), len(ofJob), err)
	}
	i, err := db.get(t.Context(), jobHooksKey("j1"))
	if err != nil || i.int("nh") != 0 {
		t.Errorf("the job counts %d webhooks, %v, want none", i.int("nh"), err)
	}
}

func TestAnUpdateThatMeetsADeleteFindsNothing(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	w := createHook(t, db, "p1", c)
	w.Version = 2
	f.then("TransactWriteItems", soon(func() { must(t, db.Webhooks().Delete(t.Context(), "p1", w.UID), "Delete") }))
	if err := db.Webhooks().Update(t.Context(), w); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("Update of a webhook that is deleted meanwhile = %v, want ErrNotFound", err)
	}
	w = createHook(t, db, "p1", c)
	w.Version = 2
	f.then("TransactWriteItems", soon(func() { must(t, db.Webhooks().Update(t.Context(), w), "Update") }))
	if err := db.Webhooks().Update(t.Context(), w); !errors.Is(err, webhook.ErrStale) {
		t.Errorf("Update of a webhook that is updated meanwhile = %v, want ErrStale", err)
	}
}

func TestAListGoesOnWhereWebhooksAreDeletedMeanwhile(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	var hooks []webhook.Webhook
	for range 6 {
		c.advance(time.Second)
		hooks = append([]webhook.Webhook{createHook(t, db, "p1", c)}, hooks...)
	}
	f.then("BatchGetItem", soon(func() {
		must(t, db.Webhooks().Delete(t.Context(), "p1", hooks[0].UID), "Delete")
		must(t, db.Webhooks().Delete(t.Context(), "p1", hooks[2].UID), "Delete")
	}))
	got, err := db.Webhooks().List(t.Context(), "p1", "", 3)
	want := []webhook.Webhook{hooks[1], hooks[3], hooks[4]}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("List = %v (-want +got):\n%s", err, diff)
	}
}

func TestAListIsWholeThoughABatchIsReadInParts(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	for range 9 {
		createHook(t, db, "p1", c)
	}
	f.then("BatchGetItem", partly(4), throttled, partly(0), partly(3), broken, partly(1), fine)
	got, err := db.Webhooks().List(t.Context(), "p1", "", 20)
	uids := map[string]bool{}
	for _, w := range got {
		uids[w.UID] = true
	}
	if err != nil || len(got) != 9 || len(uids) != 9 {
		t.Errorf("List = %d webhooks, %d different, %v, want nine", len(got), len(uids), err)
	}
}

func TestAWebhookKeepsWhatALaterReleaseAdded(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	w := createHook(t, db, "p1", c)
	keys := []key{webhookKey(w.UID), matchKey(w), projectKey("p1")}
	for _, k := range keys {
		must(t, db.update(t.Context(), k, "SET later = :x", "", item{":x": text("kept")}), "update")
	}
	w.Version = 2
	must(t, db.Webhooks().Update(t.Context(), w), "Update")
	must(t, db.Webhooks().Park(t.Context(), "p1", w.UID, c.now()), "Park")
	must(t, db.Access().CreateProject(t.Context(), access.Project{UID: "p1", Name: "P", CreatedAt: c.now()}), "CreateProject")
	for _, k := range keys {
		if i, err := db.get(t.Context(), k); err != nil || i.text("later") != "kept" {
			t.Errorf("after changes the item %v has later = %q, %v, want it kept", k, i.text("later"), err)
		}
	}
}

// The release before this one wrote no schemes and no key pairs, and writes what it knows over what this one has written.
func TestAReleaseThatKnowsV1AloneIsUnderstood(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	w := createHook(t, db, "p1", c)
	must(t, db.update(t.Context(), webhookKey(w.UID), "REMOVE sig, kp", "", nil), "update")
	wantHook(t, db.Webhooks(), w)
	wantHook(t, db.CachedWebhooks(time.Second), w)

	w = w.SignBy([]webhook.Scheme{webhook.SchemeV1, webhook.SchemeV1a})
	w = w.Rotate(webhook.Secret{Sealed: "c2VhbGVk", Hint: "whpk_…URo=", Public: "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", CreatedAt: c.now()}, 0, c.now())
	w.Version = 2
	must(t, db.Webhooks().Update(t.Context(), w), "Update")
	i, err := db.get(t.Context(), webhookKey(w.UID))
	must(t, err, "get")
	var known []secretDoc
	must(t, i.json("sec", &known), "read sec")
	if len(known) != 1 || known[0].Public != "" || known[0].Hint != w.Secrets[0].Hint {
		t.Errorf("a release that signs with all of sec finds %+v, want the secret of v1", known)
	}
	must(t, db.update(t.Context(), webhookKey(w.UID), "SET v = :v, nm = :nm, sec = :sec", "", item{":v": number(3), ":nm": text("renamed"), ":sec": i["sec"]}), "update")
	w.Version, w.Name = 3, "renamed"
	wantHook(t, db.Webhooks(), w)
}

func TestADeletedWebhookLeavesATombstoneForItsTime(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	w := createHook(t, db, "p1", c)
	must(t, db.Webhooks().Delete(t.Context(), "p1", w.UID), "Delete")
	c.advance(webhook.TombstoneLasting - time.Minute)
	if err := db.Webhooks().Create(t.Context(), w); !errors.Is(err, errUsedUp) {
		t.Errorf("Create of a uid that was deleted = %v, want errUsedUp", err)
	}
	i, err := db.fetch(t.Context(), webhookKey(w.UID))
	if err != nil || !i.flag("gone") || i.expired(c.now()) || !i.expired(c.now().Add(2*time.Minute)) {
		t.Errorf("the tombstone is %v, %v, want one that ends %v after the delete", i, err, webhook.TombstoneLasting)
	}
	for name := range i {
		if name != "pk" && name != "sk" && name != "f" && name != "pid" && name != "gone" && name != "ttl" {
			t.Errorf("the tombstone has %s, want nothing of the webhook but its project", name)
		}
	}
}

func TestACacheIsAStoreOfItsOwn(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	cache := db.CachedWebhooks(15 * time.Second)
	w, theirs := createHook(t, db, "p1", c), db.Webhooks()
	reads := func(want int, doing string, get func()) {
		t.Helper()
		f.requests("GetItem")
		get()
		if n := len(f.requests("GetItem")); n != want {
			t.Errorf("to read a webhook %s takes %d requests, want %d", doing, n, want)
		}
	}
	reads(1, "first", func() { wantHook(t, cache, w) })
	reads(0, "again", func() { wantHook(t, cache, w) })
	reads(0, "of another project", func() {
		if _, err := cache.Get(t.Context(), "p2", w.UID); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("Get of another project's webhook = %v, want ErrNotFound", err)
		}
	})

	old := w
	w.Version, w.Name = 2, "renamed by another process"
	must(t, theirs.Update(t.Context(), w), "Update")
	c.advance(15*time.Second - time.Millisecond)
	reads(0, "that is almost too old", func() { wantHook(t, cache, old) })
	c.advance(time.Millisecond)
	reads(1, "that is too old", func() { wantHook(t, cache, w) })

	w.Version, w.Name = 3, "renamed by this process"
	must(t, cache.Update(t.Context(), w), "Update")
	reads(1, "after an update", func() { wantHook(t, cache, w) })
	w.ParkedUntil = c.now().Add(time.Minute)
	must(t, cache.Park(t.Context(), "p1", w.UID, w.ParkedUntil), "Park")
	reads(1, "after a parking", func() { wantHook(t, cache, w) })

	w.Version = 4
	must(t, theirs.Update(t.Context(), w), "Update")
	if err := cache.Update(t.Context(), w); !errors.Is(err, webhook.ErrStale) {
		t.Errorf("Update of a version that another process wrote = %v, want ErrStale", err)
	}
	reads(1, "after ErrStale", func() { wantHook(t, cache, w) })
}

func TestACacheRemembersADeletedWebhookAndNotAMissingOne(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	cache := db.CachedWebhooks(15 * time.Second)
	missing := func(w webhook.Webhook) {
		t.Helper()
		if got, err := cache.Get(t.Context(), w.Project, w.UID); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("Get = %+v, %v, want ErrNotFound", got, err)
		}
	}
	w := aHook("p1", c)
	missing(w)
	must(t, db.Webhooks().Create(t.Context(), w), "Create, by another process")
	wantHook(t, cache, w)
	must(t, cache.Delete(t.Context(), "p1", w.UID), "Delete")
	missing(w)
	f.count()
	missing(w)
	if n := f.count(); n != 0 {
		t.Errorf("to read a deleted webhook again takes %d requests, want none", n)
	}
}

func TestACacheDoesNotRememberWhatWasReadBeforeAWrite(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	cache := db.CachedWebhooks(15 * time.Second)
	w := createHook(t, db, "p1", c)
	after := w
	after.Version, after.Name = 2, "renamed"
	f.then("GetItem", late(func() { must(t, cache.Update(t.Context(), after), "Update") }))
	wantHook(t, cache, w)
	wantHook(t, cache, after)
}

func TestACacheHoldsWhatItReturnsApart(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	cache := db.CachedWebhooks(15 * time.Second)
	w := createHook(t, db, "p1", c)
	for range 2 {
		got, err := cache.Get(t.Context(), "p1", w.UID)
		must(t, err, "Get")
		got.Events[0], got.Secrets[0].Sealed, got.Headers[0].Name = "", "", ""
	}
	wantHook(t, cache, w)
}

func TestACacheIsBounded(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	cache := db.CachedWebhooks(15 * time.Second).(*cachedWebhooks)
	cache.limit = 3
	for n := range 10 {
		w := createHook(t, db, "p1", c)
		wantHook(t, cache, w)
		if len(cache.known) > cache.limit || cache.known[w.UID].read.IsZero() {
			t.Errorf("after %d webhooks the cache has %d, want the last among at most %d", n+1, len(cache.known), cache.limit)
		}
	}
}

func TestACacheRemembersNoFault(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	cache := db.CachedWebhooks(15 * time.Second)
	w := createHook(t, db, "p1", c)
	f.then("GetItem", broken, broken, broken, broken)
	if _, err := cache.Get(t.Context(), "p1", w.UID); !IsUnavailable(err) {
		t.Errorf("Get while the table is out of reach = %v, want it unavailable", err)
	}
	wantHook(t, cache, w)
}
