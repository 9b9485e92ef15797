package browser_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"hermod/infra/browser"
)

// moody answers what it is told to.
type moody struct {
	*httptest.Server
	status atomic.Int32
}

func newMoody(t *testing.T, status int) *moody {
	m := &moody{}
	m.status.Store(int32(status))
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Mood", "bad")
		w.WriteHeader(int(m.status.Load()))
		w.Write([]byte("not <b>today</b>"))
	}))
	t.Cleanup(m.Close)
	return m
}

// sendTo makes a webhook of a URL and a job whose launch goes to it, and returns their uids.
func sendTo(s *browser.Service, url string, schedule []int) (hook, job string) {
	var flow, made struct{ UID string }
	var launched struct {
		UID string `json:"job_uid"`
	}
	s.Must("POST", "/workflows", map[string]any{"name": "Orders"}, &flow)
	s.Must("POST", "/webhooks", map[string]any{
		"name": "Shop", "url": url, "events": []string{"requested"}, "workflow_uid": flow.UID, "retry_schedule": schedule,
		"headers": []map[string]string{{"name": "X-Team", "value": "blue"}},
	}, &made)
	s.Must("POST", "/workflows/"+flow.UID+"/schedule", map[string]any{"job_name": "order 7"}, &launched)
	return made.UID, launched.UID
}

func TestADeliveryIsFoundReadAndRetried(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	m := newMoody(t, http.StatusServiceUnavailable)
	hook, job := sendTo(s, m.URL, []int{600})
	p := s.SignIn(browser.Start(t))
	p.Click("Deliveries")
	p.Click("Retrying")
	p.Within("Shop").Wait("503")
	p.Axe()
	p.Type("Webhook", hook)
	p.Select("Event", "requested")
	p.Click("Filter")
	p.Wait("order 7")
	p.Wait("show any")
	if at := p.Location(); !strings.Contains(at, "state=retrying") || !strings.Contains(at, "webhook_uid="+hook) {
		t.Errorf("the filters are at %s, want both in the URL", at)
	}
	p.Axe()
	p.Click(`#log [href^="/console/deliveries/"]`)

	p.Wait("job.requested for Shop")
	p.Wait("Attempt 1 failed: the answer was 503 Service Unavailable. The next attempt is due in")
	p.Within("#standing").Wait("not <b>today</b>")
	p.Wait(".live")
	p.Axe()
	p.Click(`:is(summary)`)
	p.Wait("x-mood")
	p.Wait("not <b>today</b>")
	p.Wait("x-team")
	p.Axe()
	p.Dark(true)
	p.Axe()
	p.Dark(false)
	p.Viewport(400, 800)
	p.Axe()
	p.Viewport(1280, 800)

	p.Click("Retry now")
	p.Wait("One attempt was asked for.")
	p.Wait("Attempt 2, a retry on request, failed") // by itself
	p.Wait("retry on request")
	m.status.Store(http.StatusOK)
	p.Click("Retry now")
	p.Wait("The receiver accepted it")
	p.Wait("after 3 attempts, with 200")
	p.Gone(".live")
	p.Axe()

	p.Click("Retry now") // of what has ended: the page looks until the attempt is there
	p.Wait("Attempt 4")
	p.Gone(".live")
	p.Wait("after 4 attempts, with 200")

	p.Click("order 7")
	p.Wait("requested")
	p.Open("/console/why?job_uid=" + job + "&webhook_uid=" + hook)
	p.Wait("This job’s 1 event made 1 delivery for this webhook: 1 succeeded.")
}

func TestADeliveryShowsItsEndByItself(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	m := newMoody(t, http.StatusInternalServerError)
	hook, _ := sendTo(s, m.URL, []int{1, 1})
	p := s.SignIn(browser.Start(t))
	p.Open("/console/deliveries?webhook_uid=" + hook)
	p.Click(`#log [href^="/console/deliveries/"]`)
	p.Wait("Its schedule of 3 attempts was used up")
	p.Gone(".live")
	p.Click("Redrive…")
	p.Wait("1 dead letter")
	m.status.Store(http.StatusOK)
	p.Click("Redrive 1 delivery")
	p.Wait("completed")
	p.Open("/console/deliveries?webhook_uid=" + hook)
	p.Click(`#log [href^="/console/deliveries/"]`)
	p.Wait("reopened 1 time by a redrive")
	p.Wait("The receiver accepted it")
	p.Axe()
}

func TestADisabledWebhookSaysWhyNothingIsRetried(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	m := newMoody(t, http.StatusBadGateway)
	hook, _ := sendTo(s, m.URL, []int{600})
	p := s.SignIn(browser.Start(t))
	p.Open("/console/deliveries?webhook_uid=" + hook)
	p.Within("#log").Wait("502")
	p.Click(`#log [href^="/console/deliveries/"]`)
	p.Wait("Attempt 1 failed")
	s.Must("PATCH", "/webhooks/"+hook, map[string]any{"enabled": false}, nil)
	p.Wait("The webhook is disabled: unless it is enabled before") // by itself; the button does not know yet
	p.Expect("status of 409")
	p.Click("Retry now")
	p.Wait("Enable it first.")
	p.Wait(":disabled")
	p.Axe()
	p.Script(false)
	p.Open("/console/deliveries?state=retrying")
	p.Within("Shop").Wait("502")
}

func TestWhySomethingWasNotDelivered(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	m := newMoody(t, http.StatusNotFound)
	hook, job := sendTo(s, m.URL, []int{})
	p := s.SignIn(browser.Start(t))
	p.Click("Why not delivered?")
	p.Wait("A webhook alone")
	p.Axe()
	p.Type("Job", "http://127.0.0.1/console/jobs/"+job+"?tab=inputs")
	p.Click("Find out")
	p.Wait("This job’s 1 event made 1 delivery: 1 dead.")
	p.Within("Shop").Wait("Its schedule was used up")
	p.Within("other workflow").Wait("not sent")
	p.Axe()
	p.Type("Webhook", hook)
	p.Click("Find out")
	p.Wait("This job’s 1 event made 1 delivery for this webhook: 1 dead.")
	p.Wait("Asks for")
	p.Type("Job", "")
	p.Click("Find out")
	p.Wait("Its 1 latest delivery: 1 dead.")
	p.Wait("for another workflow")
	p.Axe()
	p.Dark(true)
	p.Viewport(400, 800)
	p.Axe()
	p.Expect("status of 404")
	p.Type("Job", "01a20eff-35f8-7feb-82ca-87b05f0c7879")
	p.Click("Find out")
	p.Wait("There is no job of this uid in the project.")
	p.Axe()
}
