package scenario

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// counts are what statistics tell of a time.
type counts struct {
	States        map[string]int
	StatusClasses map[string]int `json:"status_classes"`
	Attempts      int
	SuccessRate   *float64 `json:"success_rate"`
	P50           *float64 `json:"p50_ms"`
	P95           *float64 `json:"p95_ms"`
}

// projectStats are the statistics of all webhooks together.
type projectStats struct {
	Totals counts
	Now    map[string]struct {
		Count int
		More  bool
	}
}

// health is how a webhook says that its requests have ended.
type health struct {
	LastSuccessAt *time.Time `json:"last_success_at"`
	FailingSince  *time.Time `json:"failing_since"`
}

// statistics lets a delivery succeed at once, one at its second attempt, one die and one be a test, and checks that in the end the
// webhook's statistics say so, in all, and by the hour and the day; that the project's do; and that the webhook says how its requests
// end.
func statistics(t *testing.T, g Target) {
	r, workflow := newReceiver(t), g.workflow(t)
	r.answerBy(func(a arrival) int {
		first := a.Header.Get("Hermod-Attempt") == "1"
		if name := a.Fields["job_name"]; name == "dies" || name == "fails" && first {
			return http.StatusInternalServerError
		}
		return http.StatusNoContent
	})
	hook := g.webhook(t, object{
		"url": r.URL, "events": []string{"requested"}, "workflow_uid": workflow, "secret": secret, "retry_schedule": []int{1},
	})
	launch := func(names ...string) {
		for _, name := range names {
			if _, err := g.launch(workflow, name); err != nil {
				t.Fatal(err)
			}
		}
	}
	before, since := statsOfProject(t, g), time.Now().Add(-time.Hour)
	var got struct {
		Totals counts
		Hours  []counts
		Days   []counts
	}
	counted := func(want string) {
		t.Helper()
		g.until(t, "counted: "+want, func() bool {
			g.must(t, "GET", "/webhooks/"+hook+"/stats?since="+since.UTC().Format(time.RFC3339), nil, &got)
			return got.Totals.String() == want
		})
	}
	g.must(t, "POST", "/webhooks/"+hook+"/test", object{"event": "failed"}, nil)
	launch("succeeds", "fails")
	counted("states map[cancelled:0 dead:0 retrying:1 succeeded:2], statuses map[2xx:2 3xx:0 4xx:0 5xx:1 none:0], 3 attempts")
	if h := healthOf(t, g, hook); h.LastSuccessAt == nil || h.FailingSince != nil {
		t.Errorf("after two successes last_success_at is %v and failing_since %v, want a time and null", h.LastSuccessAt, h.FailingSince)
	}
	launch("dies")
	counted("states map[cancelled:0 dead:1 retrying:2 succeeded:2], statuses map[2xx:2 3xx:0 4xx:0 5xx:3 none:0], 5 attempts")
	if h := healthOf(t, g, hook); h.LastSuccessAt == nil || h.FailingSince == nil || !h.FailingSince.After(*h.LastSuccessAt) {
		t.Errorf("after a death last_success_at is %v and failing_since %v, want two times in this order", h.LastSuccessAt, h.FailingSince)
	}
	if rate := got.Totals.SuccessRate; rate == nil || *rate < 0.66 || *rate > 0.67 {
		t.Errorf("success_rate is %v, want two of three", rate)
	}
	if p50, p95 := got.Totals.P50, got.Totals.P95; p50 == nil || p95 == nil || *p50 <= 0 || *p95 < *p50 {
		t.Errorf("p50_ms is %v, p95_ms %v, want times in this order", p50, p95)
	}
	for name, list := range map[string][]counts{"hours": got.Hours, "days": got.Days} {
		attempts := 0
		for _, c := range list {
			attempts += c.Attempts
		}
		if attempts != 5 || len(list) > 2 {
			t.Errorf("%s have %d attempts in %d entries, want the 5 of the totals in one, or two about the turn of one", name, attempts, len(list))
		}
	}

	countedForProject(t, g, before, got.Totals)
}

// countedForProject waits until the project's statistics have what a webhook got, and one dead delivery more; others' may be on their way.
func countedForProject(t *testing.T, g Target, before projectStats, more counts) {
	t.Helper()
	g.until(t, "counted for the project", func() bool {
		now := statsOfProject(t, g)
		for state, n := range more.States {
			if now.Totals.States[state] < before.Totals.States[state]+n {
				return false
			}
		}
		return now.Totals.Attempts >= before.Totals.Attempts+more.Attempts && now.Now["dead"].Count > before.Now["dead"].Count
	})
}

func statsOfProject(t testing.TB, g Target) (s projectStats) {
	t.Helper()
	g.must(t, "GET", "/stats", nil, &s)
	for _, state := range []string{"retrying", "dead", "cancelled"} {
		if n, ok := s.Now[state]; !ok || n.More {
			t.Errorf("now has %v as %s, want a count of all", n, state)
		}
	}
	return s
}

func (c counts) String() string {
	return fmt.Sprintf("states %v, statuses %v, %d attempts", c.States, c.StatusClasses, c.Attempts)
}

func healthOf(t testing.TB, g Target, hook string) (h health) {
	t.Helper()
	g.must(t, "GET", "/webhooks/"+hook, nil, &h)
	return h
}
