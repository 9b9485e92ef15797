package sqlite

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"hermod/shared/job"
	"hermod/shared/webhook"
)

func aHook(uid string) webhook.Webhook {
	return webhook.Webhook{
		UID: uid, Project: "p", Version: 1, URL: "https://example.com/", Events: []job.EventType{job.EventCreated}, Payload: job.FormatV3,
		Headers: []webhook.Header{{Name: "X-A"}}, Schedule: []time.Duration{time.Second},
	}
}

func TestWebhookIsReadFromMemory(t *testing.T) {
	db := open(t, nil, func(c *Config) { c.Readers = 1 })
	hooks := db.Webhooks()
	if err := hooks.Create(t.Context(), aHook("w")); err != nil {
		t.Fatal(err)
	}
	reader := <-db.readers // with none left, a Get that asks the file would wait for ever
	got, err := hooks.Get(t.Context(), "p", "w")
	if err != nil || got.URL != "https://example.com/" {
		t.Errorf("Get = %+v, %v", got, err)
	}
	got.Events[0], got.Headers[0].Name, got.Schedule[0] = "changed", "changed", 0
	if again, _ := hooks.Get(t.Context(), "p", "w"); again.Events[0] != job.EventCreated || again.Headers[0].Name != "X-A" || again.Schedule[0] != time.Second {
		t.Errorf("Get = %+v: a caller changed what others get", again)
	}
	if _, err := hooks.Get(t.Context(), "other", "w"); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("Get for another project = %v, want ErrNotFound", err)
	}
	db.readers <- reader
}

func TestWebhookInMemoryFollowsEachWrite(t *testing.T) {
	db := open(t, nil)
	hooks := db.Webhooks()
	w := aHook("w")
	if err := hooks.Create(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	until := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := hooks.Park(t.Context(), "p", "w", until); err != nil {
		t.Fatal(err)
	}
	if got, _ := hooks.Get(t.Context(), "p", "w"); !got.ParkedUntil.Equal(until) {
		t.Errorf("ParkedUntil after Park = %v, want %v", got.ParkedUntil, until)
	}
	w.Version, w.URL = 2, "https://example.com/new"
	if err := hooks.Update(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if got, _ := hooks.Get(t.Context(), "p", "w"); got.URL != w.URL || !got.ParkedUntil.Equal(until) {
		t.Errorf("Get after Update = %+v, want the new URL and the old ParkedUntil", got)
	}
	if err := hooks.Delete(t.Context(), "p", "w"); err != nil {
		t.Fatal(err)
	}
	if got, err := hooks.Get(t.Context(), "p", "w"); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("Get after Delete = %+v, %v, want ErrNotFound", got, err)
	}
	if err := hooks.Create(t.Context(), aHook("w")); err == nil {
		t.Error("Create with the uid of a deleted webhook = nil, want an error")
	}
}

func later(a, b int) bool { return a > b }

// Two reads before and after a commit, whose write has not replaced anything yet, end in either order.
func TestAnOlderReadDoesNotReplaceANewerOne(t *testing.T) {
	for _, order := range [][2]int{{1, 2}, {2, 1}} {
		r := newRecent(10, later)
		first, second := r.before(), r.before()
		r.replace("another", 1) // a write of something else ends in between
		r.before()("k", order[0])
		first("k", order[1])
		second("k", 1)
		if got, ok := r.get("k"); !ok || got != 2 {
			t.Errorf("reads of %v leave %d, %v, want the newer", order, got, ok)
		}
	}
}

func TestReadBeforeAWriteIsNotRemembered(t *testing.T) {
	r := newRecent(10, later)
	remember := r.before()
	r.replace("k", 2)
	remember("k", 1)
	if got, ok := r.get("k"); !ok || got != 2 {
		t.Errorf("get = %d, %v, want the one that was written", got, ok)
	}
	r.forget("k")
	if got, ok := r.get("k"); ok {
		t.Errorf("get = %d after it was forgotten, want none", got)
	}
	r.before()("k", 3)
	if got, ok := r.get("k"); !ok || got != 3 {
		t.Errorf("get = %d, %v, want what was read after the last write", got, ok)
	}
}

func TestMemoryIsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	const limit = 100
	r := newRecent(limit, later)
	r.replace("used", 1)
	for i := range 10 * limit {
		r.replace(fmt.Sprint(i), i)
		if _, ok := r.get("used"); !ok {
			t.Fatalf("what is used each time is forgotten after %d others", i)
		}
	}
	if n := len(r.fresh) + len(r.old); n > 2*limit {
		t.Errorf("%d values are in memory, want at most %d", n, 2*limit)
	}
	if _, ok := r.get("0"); ok {
		t.Error("what was not used for ten generations is still there")
	}
}

func TestWebhookIsExactUnderConcurrentWrites(t *testing.T) {
	db := open(t, nil)
	hooks := db.Webhooks()
	w := aHook("w")
	if err := hooks.Create(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var readers, writer sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			last := 0
			for {
				select {
				case <-stop:
					return
				default:
				}
				got, err := hooks.Get(t.Context(), "p", "w")
				if err != nil || got.Version < last {
					t.Errorf("Get = version %d, %v after version %d was seen", got.Version, err, last)
					return
				}
				last = got.Version
			}
		})
	}
	writer.Go(func() {
		for i := range 100 {
			w.Version++
			if err := hooks.Update(t.Context(), w); err != nil {
				t.Errorf("Update = %v", err)
			}
			if i%3 == 0 { // forgets
				hooks.Park(t.Context(), "p", "w", time.Unix(int64(i+1), 0))
			}
			if got, _ := hooks.Get(t.Context(), "p", "w"); got.Version != w.Version {
				t.Errorf("Get after Update = version %d, want %d", got.Version, w.Version)
			}
		}
	})
	writer.Wait()
	close(stop)
	readers.Wait()
}
