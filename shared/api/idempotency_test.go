package api

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"hermod/shared/access"
)

func TestTheFirstAnswerIsGivenAgain(t *testing.T) {
	w := newWorld(t)
	body := map[string]any{"url": "https://a.example.com", "events": []string{"failed"}}
	first := w.call("POST", "/webhooks", body, with(keyHeader, "k 1"))
	secret := first.must(201)["secret"].(string)
	again := w.call("POST", "/webhooks", body, with(keyHeader, "k 1"))
	if again.must(201)["secret"] != secret || again.header.Get(replayHeader) != "true" || first.header.Get(replayHeader) != "" {
		t.Errorf("again: %s %v, first %s", again.body, again.header, first.body)
	}
	if again.header.Get("X-Request-Id") == first.header.Get("X-Request-Id") {
		t.Error("two requests have the same id")
	}
	if n := len(w.call("GET", "/webhooks", nil).must(200)["results"].([]any)); n != 1 {
		t.Errorf("there are %d webhooks, want 1", n)
	}
	for name, a := range map[string]*answered{
		"another body": w.call("POST", "/webhooks", map[string]any{"url": "https://b.example.com", "events": []string{"failed"}}, with(keyHeader, "k 1")),
		"no body":      w.call("POST", "/webhooks", `{"url":"https://a.example.com","events":["failed"] }`, with(keyHeader, "k 1")),
	} {
		if message, _ := a.refused(otherRequest); !strings.Contains(message, "new key") {
			t.Errorf("%s: %s", name, message)
		}
	}
	// A key belongs to an API key and a route.
	w.call("POST", "/workflows", map[string]any{"name": "x"}, with(keyHeader, "k 1")).must(201)
	w.call("POST", "/webhooks", body, with(keyHeader, "k 1"), as("writer")).must(201)
	w.call("POST", "/webhooks", body, with(keyHeader, "k 1"), as("other")).must(201)
	w.clock.Move(access.ReplyRetention + time.Second)
	if a := w.call("POST", "/webhooks", body, with(keyHeader, "k 1")); a.must(201)["secret"] == secret {
		t.Error("an answer is given again after more than 24 h")
	}
}

func TestThePathBelongsToTheRequest(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	a, b := w.newJob(flow), w.newJob(flow)
	w.call("POST", "/jobs/"+a+"/cancel", nil, with(keyHeader, "k")).must(200)
	w.call("POST", "/jobs/"+b+"/cancel", nil, with(keyHeader, "k")).refused(otherRequest)
}

func TestAnswersThatSayHowItEndedAreKept(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	done := w.newJob(flow, "running", "finished")
	w.call("POST", "/jobs/"+done+"/cancel", nil, with(keyHeader, "k")).refused(badMove)
	again := w.call("POST", "/jobs/"+done+"/cancel", nil, with(keyHeader, "k"))
	if again.refused(badMove); again.header.Get(replayHeader) != "true" {
		t.Error("a refusal is not given again")
	}
}

func TestAnswersThatAskToComeBackAreNotKept(t *testing.T) {
	w := newWorld(t)
	w.newHook(nil)
	flow := w.newFlow()
	id := w.newJob(flow)
	a := w.call("POST", "/jobs/"+id+"/webhooks/retry", nil, with(keyHeader, "k"))
	if a.refused(notArchived); a.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
	}
	w.archive(id)
	w.call("POST", "/jobs/"+id+"/webhooks/retry", nil, with(keyHeader, "k")).must(202)

	w.config.Jobs = failing{w.config.Jobs, nil}
	w.start()
	w.call("POST", "/jobs/"+id+"/cancel", nil, with(keyHeader, "k2")).refused(internalError)
	w.config.Jobs = w.db.Jobs()
	w.start()
	w.call("POST", "/jobs/"+id+"/cancel", nil, with(keyHeader, "k2")).must(200)
	w.call("POST", "/jobs/"+id+"/cancel", "{", with(keyHeader, "k3")).refused(badJSON)
	w.call("POST", "/jobs/"+id+"/cancel", "{}", with(keyHeader, "k3")).must(200)
}

// A claim whose process died is free again after its lease.
func TestAnAbandonedClaimEnds(t *testing.T) {
	w := newWorld(t)
	for _, rt := range table() {
		if rt.path == "/workflows" && rt.method == "POST" {
			claim(w, &rt, "k")
		}
	}
	w.call("POST", "/workflows", map[string]any{"name": "x"}, with(keyHeader, "k")).refused(otherRequest)
	w.clock.Move(access.ReplyLease + time.Second)
	w.call("POST", "/workflows", map[string]any{"name": "x"}, with(keyHeader, "k")).must(201)
}

func TestTheSameRequestAtOnceIsCarriedOutOnce(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			a := w.call("POST", "/workflows", map[string]any{"name": "x"}, with(keyHeader, "k"))
			if a.status != 201 && a.status != 409 {
				t.Errorf("answers %d: %s", a.status, a.body)
			}
		})
	}
	wg.Wait()
	flows, err := w.db.Jobs().ListWorkflows(w.Context(), w.project)
	w.noError(err)
	if len(flows) != 1 {
		t.Errorf("16 requests with one key made %d workflows", len(flows))
	}
}

func TestRepliesAreKeptSealed(t *testing.T) {
	w := newWorld(t)
	kept := &keptReplies{Replies: w.config.Replies}
	w.config.Replies = kept
	w.start()
	w.call("POST", "/webhooks", map[string]any{"url": "https://a.example.com", "events": []string{"failed"}}, with(keyHeader, "k")).must(201)
	if len(kept.last.Sealed) == 0 || strings.Contains(kept.last.Sealed, "whsec") {
		t.Errorf("kept %q", kept.last.Sealed)
	}
}

// keptReplies remembers what was kept last.
type keptReplies struct {
	access.Replies
	last access.Reply
}

func (k *keptReplies) Finish(ctx context.Context, name string, r access.Reply, now time.Time) error {
	k.last = r
	return k.Replies.Finish(ctx, name, r, now)
}
