package scenario

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"
)

// All runs every scenario that needs no crash, each in a subtest.
func All(t *testing.T, g Target) {
	t.Run("a job's life arrives signed", func(t *testing.T) { signedDelivery(t, g) })
	t.Run("a failing receiver goes through its schedule to dead and comes back by one redrive", func(t *testing.T) { deadAndBack(t, g) })
	t.Run("a dead delivery comes back by one retry", func(t *testing.T) { retryOne(t, g) })
	t.Run("410 disables the webhook, and what fell due meanwhile comes back by a redrive", func(t *testing.T) { gone(t, g) })
	t.Run("a test event and a rotated secret", func(t *testing.T) { testEvent(t, g) })
	t.Run("a rotated key pair", func(t *testing.T) { keyPair(t, g) })
	t.Run("a job finishes with its last input, and again after a retry", func(t *testing.T) { inputs(t, g) })
	t.Run("jobs are listed, paused and resumed", func(t *testing.T) { jobs(t, g) })
	t.Run("a client that looks around", func(t *testing.T) { browse(t, g) })
	t.Run("statistics of a webhook and of its project tell what became of deliveries", func(t *testing.T) { statistics(t, g) })
}

// signedDelivery: launch, run, finish; three events arrive, verified, with the webhook's own header and exact bodies.
func signedDelivery(t *testing.T, g Target) {
	r, workflow := newReceiver(t), g.workflow(t)
	hook := g.webhook(t, object{
		"url": r.URL, "events": []string{"requested", "created", "succeeded"}, "workflow_uid": workflow, "secret": secret,
		"headers": []object{{"name": "X-Team", "value": "blue"}},
	})
	jobUID, err := g.launch(workflow, "signed")
	if err != nil {
		t.Fatal(err)
	}
	g.must(t, "PATCH", "/jobs/"+jobUID, object{"status": "running"}, nil)
	g.must(t, "PATCH", "/jobs/"+jobUID, object{"status": "finished"}, nil)
	g.until(t, "three deliveries", func() bool { return len(r.got(t)) >= 3 })
	want := map[string]string{"job.requested": "Job requested.", "job.created": "Job started.", "job.succeeded": "Job successfully finished."}
	for _, a := range r.got(t) {
		event := a.Header.Get("Hermod-Event")
		if a.Fields["message"] != want[event] || a.Fields["job_uid"] != jobUID || len(a.Fields) != 9 {
			t.Errorf("%s arrives as %s, want nine fields with the job's uid and %q", event, a.Body, want[event])
		}
		if got := a.Header.Get("X-Team"); got != "blue" {
			t.Errorf("the webhook's own header arrives as %q, want blue", got)
		}
		if id := a.Fields["uid"].(string) + "_" + hook; a.ID != id {
			t.Errorf("webhook-id = %s, want event and webhook uid %s", a.ID, id)
		}
		var d struct {
			State string
			Body  string
		}
		g.until(t, "delivery succeeded", func() bool {
			_, err := g.call("GET", "/deliveries/"+a.ID, nil, &d)
			return err == nil && d.State == "succeeded"
		})
		if !bytes.Equal([]byte(d.Body), a.Body) {
			t.Errorf("the log shows the body %s, but %s was sent", d.Body, a.Body)
		}
		delete(want, event)
	}
	if len(want) > 0 {
		t.Errorf("missing events: %v", slices.Collect(maps.Keys(want)))
	}
}

// failing makes a webhook with a short schedule whose receiver fails, and a job whose launch is dead there.
func failing(t *testing.T, g Target) (r *receiver, hook, delivery string) {
	t.Helper()
	r = newReceiver(t)
	r.answers(http.StatusInternalServerError)
	workflow := g.workflow(t)
	hook = g.webhook(t, object{"url": r.URL, "events": []string{"requested"}, "workflow_uid": workflow, "secret": secret, "retry_schedule": []int{1, 1}})
	if _, err := g.launch(workflow, "fails"); err != nil {
		t.Fatal(err)
	}
	g.until(t, "delivery dead", func() bool {
		list := deliveries(t, g, "?state=dead&webhook_uid="+hook)
		if len(list) == 1 {
			delivery = list[0].UID
		}
		return len(list) == 1
	})
	got := r.got(t)
	if len(got) != 3 {
		t.Fatalf("a schedule of two waits made %d attempts, want 3", len(got))
	}
	for i, a := range got {
		if a.ID != delivery || a.Header.Get("Hermod-Attempt") != fmt.Sprint(i+1) || !bytes.Equal(a.Body, got[0].Body) {
			t.Errorf("attempt %d is webhook-id %s, hermod-attempt %s, body %s; want the same id and body, and its number", i+1, a.ID, a.Header.Get("Hermod-Attempt"), a.Body)
		}
	}
	return r, hook, delivery
}

func deadAndBack(t *testing.T, g Target) {
	r, hook, delivery := failing(t, g)
	r.answers(http.StatusOK)
	var task struct {
		UID       string
		State     string
		Matched   int
		Succeeded int
	}
	g.must(t, "POST", "/redrives", object{"state": "dead", "webhook_uid": hook, "dry_run": true}, &task)
	if task.Matched != 1 || len(r.got(t)) != 3 {
		t.Errorf("a dry run matches %d and %d requests were made, want 1 match and none more than 3", task.Matched, len(r.got(t)))
	}
	g.must(t, "POST", "/redrives", object{"state": "dead", "webhook_uid": hook}, &task)
	g.until(t, "redrive completed and delivery succeeded", func() bool {
		g.must(t, "GET", "/redrives/"+task.UID, nil, &task)
		return task.State == "completed" && task.Succeeded == 1
	})
	got := r.got(t)
	if last := got[len(got)-1]; len(got) != 4 || last.ID != delivery {
		t.Errorf("after the redrive %d requests were made, the last of %s; want 4, of %s", len(got), last.ID, delivery)
	}
	if list := deliveries(t, g, "?state=dead&webhook_uid="+hook); len(list) != 0 {
		t.Errorf("%d deliveries are dead after the redrive, want none", len(list))
	}
}

func retryOne(t *testing.T, g Target) {
	r, hook, delivery := failing(t, g)
	g.must(t, "POST", "/deliveries/"+delivery+"/retry", nil, nil)
	g.until(t, "fourth attempt in the log", func() bool {
		list := deliveries(t, g, "?webhook_uid="+hook)
		return len(list) == 1 && list[0].AttemptCount == 4
	})
	if list := deliveries(t, g, "?webhook_uid="+hook); list[0].State != "dead" {
		t.Errorf("a retry that fails leaves the delivery %s, want dead", list[0].State)
	}
	r.answers(http.StatusOK)
	g.must(t, "POST", "/deliveries/"+delivery+"/retry", nil, nil)
	g.until(t, "delivery succeeded", func() bool {
		list := deliveries(t, g, "?webhook_uid="+hook)
		return len(list) == 1 && list[0].State == "succeeded"
	})
}

func gone(t *testing.T, g Target) {
	r, workflow := newReceiver(t), g.workflow(t)
	r.answers(http.StatusGone)
	hook := g.webhook(t, object{"url": r.URL, "events": []string{"requested"}, "workflow_uid": workflow, "secret": secret})
	if _, err := g.launch(workflow, "gone"); err != nil {
		t.Fatal(err)
	}
	var h struct {
		Enabled        bool
		DisabledReason string `json:"disabled_reason"`
	}
	g.until(t, "webhook disabled", func() bool {
		g.must(t, "GET", "/webhooks/"+hook, nil, &h)
		return !h.Enabled && h.DisabledReason == "gone"
	})
	if _, err := g.launch(workflow, "after"); err != nil {
		t.Fatal(err)
	}
	g.until(t, "next delivery cancelled", func() bool {
		list := deliveries(t, g, "?state=cancelled&webhook_uid="+hook)
		return len(list) == 1 && list[0].Reason == "webhook_disabled"
	})
	if n := len(r.got(t)); n != 1 {
		t.Errorf("a receiver that is gone got %d requests, want 1", n)
	}
	r.answers(http.StatusNoContent)
	g.must(t, "PATCH", "/webhooks/"+hook, object{"enabled": true}, nil)
	var redriven time.Time
	g.until(t, "cancelled delivery redriven", func() bool {
		if time.Since(redriven) > time.Second { // again, where dispatch remembers for a while that the webhook was disabled
			g.must(t, "POST", "/redrives", object{"state": "cancelled", "webhook_uid": hook}, nil)
			redriven = time.Now()
		}
		list := deliveries(t, g, "?webhook_uid="+hook)
		return len(list) == 2 && list[0].State == "succeeded" && list[1].State == "dead"
	})
}

func testEvent(t *testing.T, g Target) {
	r := newReceiver(t)
	hook := g.webhook(t, object{"url": r.URL, "events": []string{"failed"}, "secret": "whsec_" + "b2xkIHNlY3JldCBvZiBhIHNjZW5hcmlvLCAzMiBieXQ=", "payload": "standard"})
	g.must(t, "POST", "/webhooks/"+hook+"/secret/rotate", object{"secret": secret, "overlap_seconds": 60}, nil)
	var sent struct {
		DeliveryUID string `json:"delivery_uid"`
	}
	g.must(t, "POST", "/webhooks/"+hook+"/test", object{"event": "failed"}, &sent)
	g.until(t, "test event", func() bool { return len(r.got(t)) == 1 })
	a := r.got(t)[0]
	if a.ID != sent.DeliveryUID || a.Fields["type"] != "job.failed" {
		t.Errorf("the test event arrives as %s with %s, want %s of type job.failed", a.ID, a.Body, sent.DeliveryUID)
	}
	if n := len(bytes.Fields([]byte(a.Header.Get("Webhook-Signature")))); n != 2 {
		t.Errorf("during rotation a delivery carries %d signatures, want 2", n)
	}
}

// entry is a delivery as lists show it.
type entry struct {
	UID          string
	State        string
	Reason       string
	AttemptCount int `json:"attempt_count"`
}

func deliveries(t testing.TB, g Target, query string) []entry {
	t.Helper()
	var page struct{ Results []entry }
	g.must(t, "GET", "/deliveries"+query, nil, &page)
	return page.Results
}
