package browser_test

import (
	"testing"

	"hermod/infra/browser"
)

func TestTheOverviewTellsHowItGoesAndLeadsOn(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	p := s.SignIn(browser.Start(t))
	s.Played()
	p.Open("/console")
	p.Wait(".chart .bar-good")
	p.Within("Failing webhooks").Wait("Demo receiver, broken")
	p.Within("Slowest webhooks").Wait("Demo receiver")
	p.Within("A month like this on AWS").Wait("$2.99")
	p.Click("30 days")
	p.Wait(".chart .bar-bad")
	p.Wait("1 webhook is failing: Demo receiver, broken for")
	p.Click("why Demo receiver, broken fails")
	p.Wait("Why was this not delivered?")
	p.Back()
	p.Within(`[aria-label="Dead letters"]`).Click(".value a")
	p.Wait("1 dead letter")
}

func TestTheReferenceLeadsFromListToOperation(t *testing.T) {
	t.Parallel()
	s := browser.ServeEmpty(t)
	p := s.SignIn(browser.Start(t))
	p.Click(`.side [href="/console/reference"]`)
	p.Within("#main").Click(`[href="/console/reference/launch"]`)
	p.Wait("/schedule")
	p.Axe()
	p.Click("Its fields")
	p.Wait("job_uid")
}
