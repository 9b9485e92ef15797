package scenario

import (
	"net/http"
	"testing"
	"time"
)

// letterAge is how long after its last attempt a letter tells, by its time alone, that it was redriven.
const letterAge = 61 * time.Second

// Letters lets a delivery die and its letter be moved back by the queue itself, as "Start DLQ redrive" in the AWS console does,
// which redrive starts. The delivery gets a fresh schedule and arrives.
func Letters(t *testing.T, g Target, redrive func(t testing.TB)) {
	r, hook, delivery := failing(t, g)
	<-time.After(letterAge)
	r.answers(http.StatusOK)
	redrive(t)
	g.until(t, "delivery succeeded after its letter was moved", func() bool {
		list := deliveries(t, g, "?webhook_uid="+hook)
		return len(list) == 1 && list[0].State == "succeeded"
	})
	got := r.got(t)
	if last := got[len(got)-1]; len(got) != 4 || last.ID != delivery || string(last.Body) != string(got[0].Body) {
		t.Errorf("after the redrive %d requests were made, the last of %s; want 4, of %s, with the same body", len(got), last.ID, delivery)
	}
	var row struct{ Reopened int }
	if g.must(t, "GET", "/deliveries/"+delivery, nil, &row); row.Reopened != 1 {
		t.Errorf("the delivery was reopened %d times, want once: a letter that comes back begins its schedule anew", row.Reopened)
	}
}

// Cleared lets two deliveries die, and checks that a redrive of ours, of one of them, also deletes its letter, which a later move by
// the queue would otherwise find, and leaves the other. letters is how many lie in the queue dead, hidden or not.
func Cleared(t *testing.T, g Target, letters func(t testing.TB) int) {
	before := letters(t)
	other, _, _ := failing(t, g)
	r, hook, _ := failing(t, g)
	g.until(t, "two letters more", func() bool { return letters(t) == before+2 })
	r.answers(http.StatusOK)
	g.must(t, "POST", "/redrives", object{"state": "dead", "webhook_uid": hook}, nil)
	g.until(t, "one letter less", func() bool { return letters(t) < before+2 })
	if got := r.got(t); len(got) != 4 {
		t.Errorf("after its redrive a delivery took %d requests, want 4", len(got))
	}
	if got := other.got(t); len(got) != 3 {
		t.Errorf("after the redrive of another a delivery took %d requests, want 3", len(got))
	}
}

// Missing publishes deliveries whose messages lose loses before anybody has taken them, and brings them back by a redrive of what is
// missing. That takes a while: what is younger than five minutes is not taken for missing yet.
func Missing(t *testing.T, g Target, lose func(t testing.TB, publish func())) {
	burst := NewBurst(t, g, 3, 2)
	lose(t, func() { burst.Publish(t) })
	var found struct{ Matched int }
	g.until(t, "lost deliveries found missing", func() bool {
		g.must(t, "POST", "/redrives", object{"state": "missing", "dry_run": true}, &found)
		return found.Matched == burst.Deliveries
	})
	g.must(t, "POST", "/redrives", object{"state": "missing"}, nil)
	if requests := burst.Wait(t, burst.Deliveries); requests != burst.Deliveries {
		t.Errorf("%d deliveries that were lost took %d requests, want one each", burst.Deliveries, requests)
	}
	burst.Settled(t)
}
