package browser_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"hermod/infra/browser"
)

// mend has a path of the demo's receiver accept everything from now on.
func mend(t *testing.T, s *browser.Service, path string) {
	t.Helper()
	res, err := http.Post(s.Demo+"/behave/"+path+"?status=204", "", nil)
	if err != nil {
		t.Fatalf("mend the receiver: %v", err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("mend the receiver: %s", res.Status)
	}
}

func TestADeadLetterIsRedrivenWithProgress(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	p := s.SignIn(browser.Start(t))
	s.Played()
	p.Click("Dead letters")
	p.Wait("1 dead letter")
	p.Wait("Demo receiver, broken: its receiver began to fail")
	p.Within("schedule used up").Wait("Nightly import")
	p.Axe()
	mend(t, s, "broken")

	p.Type("Deliveries a second", "5")
	p.Click("Redrive 1 delivery")
	p.Wait("The redrive has begun")
	p.Wait("Redrive of 1 dead letter")
	p.Wait("completed")
	p.Wait("1 of 1 sent")
	p.Wait("1 succeeded")
	p.Gone("#cancel button")
	p.Gone(".live")
	p.Wait("5 a second")
	p.Axe()
	p.Dark(true)
	p.Axe()

	p.Click("The log of deliveries by the same filters")
	p.Within("Demo receiver, broken").Click(`[href^="/console/deliveries/"]`)
	p.Wait("succeeded")
	p.Wait("redrive")

	p.Open("/console/dead-letters")
	p.Wait("No dead letters")
	p.Within("all dead").Wait("completed")
	p.Axe()
	p.Viewport(400, 800)
	p.Axe()
}

// deadOf makes dead letters of two webhooks: of one nothing listens at its address, the other's secret is not the receiver's.
func deadOf(t *testing.T, s *browser.Service, jobs int) {
	t.Helper()
	var flow struct{ UID string }
	s.Must("POST", "/workflows", map[string]any{"name": "Orders"}, &flow)
	for name, url := range map[string]string{"Nobody there": "http://127.0.0.1:1/hook", "Stranger": s.Demo + "/hook/good"} {
		s.Must("POST", "/webhooks", map[string]any{
			"name": name, "url": url, "events": []string{"requested"}, "workflow_uid": flow.UID, "retry_schedule": []int{},
		}, nil)
	}
	for i := range jobs {
		s.Must("POST", "/workflows/"+flow.UID+"/schedule", map[string]any{"job_name": fmt.Sprintf("order %d", i)}, nil)
	}
	s.Until("the dead letters", func() bool {
		var preview struct{ Matched int }
		s.Must("POST", "/redrives", map[string]any{"workflow_uid": flow.UID, "dry_run": true}, &preview)
		return preview.Matched == 2*jobs
	})
}

func TestASlowRedriveIsCancelled(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	p := s.SignIn(browser.Start(t))
	deadOf(t, s, 60)
	p.Open("/console/dead-letters")
	p.Select("Workflow", "Orders")
	p.Click("Preview")
	p.Wait("120 dead letters meet these filters")
	p.Select("Last error", "connect")
	p.Click("Preview")
	p.Wait("60 dead letters meet these filters")
	p.Wait("Nobody there (10)")
	p.Gone("Stranger (")
	if at := p.Location(); !strings.Contains(at, "error_class=connect") || !strings.Contains(at, "workflow_uid=") {
		t.Errorf("the filters are not in the URL: %s", at)
	}

	p.Expect("status of 400")
	p.Type("Deliveries a second", "0")
	p.Click("Redrive 60 deliveries")
	p.Wait("#wrong-rate")
	if got := p.Value("Deliveries a second"); got != "0" {
		t.Errorf("the refused form shows %q, want what was typed", got)
	}
	p.Axe()
	p.Type("Deliveries a second", "1")
	p.Click("Redrive 60 deliveries")
	p.Wait("error connect")
	p.Wait("sending")
	p.Wait("5 of 60 sent")
	p.Axe()
	p.Click("Cancel")
	p.Wait("The redrive is cancelled")
	p.Gone("#cancel button")
	if got := p.Text("#progress"); !strings.Contains(got, "of 60 sent") || strings.Contains(got, "60 of 60") {
		t.Errorf("cancelled, the redrive shows %q, want fewer than all sent", got)
	}
	p.Wait("failed again") // what was sent before, by and by

	p.Within("Dead letters / Redrives").Click("Redrives")
	p.Within("workflow Orders").Wait("cancelled")
	p.Axe()
	p.Within("workflow Orders").Click(`[href^="/console/redrives/"]`)
	p.Wait("Redrive of 60 dead letters")
	p.Click("See what lies dead by the same filters")
	p.Wait("120 dead letters meet these filters")
}

func TestTheStatesOfDeadLettersAreTabs(t *testing.T) {
	t.Parallel()
	s := browser.ServeEmpty(t)
	p := s.SignIn(browser.Start(t))
	p.Open("/console/dead-letters")
	p.Click("Cancelled")
	p.Wait("Nothing was cancelled")
	p.Axe()
	p.Click("Missing")
	p.Wait("Nothing was looked for yet")
	p.Axe()
	p.Click("Preview")
	p.Wait("No missing delivery meets these filters")
	if at := p.Location(); !strings.Contains(at, "since=20") {
		t.Errorf("what is missing is looked for at %s, want it to say since when", at)
	}
	p.Script(false)
	p.Click("Dead")
	p.Wait("Every attempt of their schedule failed")
}
