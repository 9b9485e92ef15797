package browser_test

import (
	"strings"
	"testing"

	"hermod/infra/browser"
)

// What somebody does who has never seen Hermod, with nothing but what the pages say: no request here is made but by the browser.
func TestANewcomerAddsAWebhookSeesWhyItFailsMendsTheReceiverAndRedrives(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	p := s.SignIn(browser.Start(t))
	s.Played()

	p.Click("Demo")
	p.Click("Add a webhook to /hook/mine")
	p.Wait("The address of the demo’s receiver, the secret that it verifies with")
	p.Axe()
	p.Click("Add webhook")
	p.Wait("Webhook added")
	p.Click("Back to the demo")
	p.Click("Answer 500: mine")
	p.Within("#receivers").Within("/hook/mine").Wait("answers 500")
	p.Type("Name", "Bought by hand")
	p.Type("Inputs", "0")
	p.Click("Launch")
	p.Wait("The job is launched.")
	p.Within(`[aria-label="About this job"]`).Click("Deliveries")
	p.Select("Event", "succeeded")
	p.Click("Filter")
	p.Within("#deliveries").Within("My webhook to the demo").Click(`[href^="/console/deliveries/"]`)
	p.Wait("Its schedule of 5 attempts was used up")
	p.Wait("the answer was 500 Internal Server Error")
	p.Wait("This path was told to answer 500.")
	p.Axe()
	p.Click("Demo")
	p.Click("Mend: mine")
	p.Back()
	p.Back()
	p.Click("Redrive…")
	p.Click("Redrive 1 delivery")
	p.Wait("completed")
	p.Wait("1 succeeded")
}

// A webhook whose secret the receiver does not know is the mistake that is made most.
func TestWhatIsSignedWithAnotherSecretIsExplained(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	p := s.SignIn(browser.Start(t))
	s.Played()

	p.Click("Demo")
	address := strings.Replace(p.Attribute("#receivers tr:first-child .uid code", "title"), "/hook/broken", "/hook/orders", 1)
	p.Click("Webhooks")
	p.Click("Add webhook")
	p.Type("URL", address)
	p.Type("Name", "Orders")
	p.Click("succeeded")
	p.Type("Retry schedule", "1, 1")
	p.Click("Add webhook")
	p.Wait("Copy it now: it is shown this once")

	p.Click("Demo")
	p.Type("Name", "Bought by hand")
	p.Type("Inputs", "3")
	p.Click("Launch")
	p.Wait("Bought by hand")
	p.Click(`.side [href="/console/deliveries"]`)
	p.Within("Orders").Click(`[href^="/console/deliveries/"]`)
	p.Wait("Its schedule of 3 attempts was used up")
	p.Wait("401 Unauthorized")
	p.Wait("This receiver verifies with the secret of the demo")
	p.Axe()
	p.Click("Demo")
	p.Within("#receivers").Within("/hook/orders").Wait("wrong signature")
}

// The receiver's secret is the demo's, so mending is one click.
func TestABrokenReceiverIsMendedOnTheDemosPageAndItsDeadLetterRedriven(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	p := s.SignIn(browser.Start(t))
	s.Played()
	p.Click("Dead letters")
	p.Click(`[href^="/console/deliveries/"]`)
	p.Wait("the answer was 500 Internal Server Error")
	p.Click("Demo")
	p.Click("Mend: broken")
	p.Wait("The receiver behaves so from its next request on.")
	p.Within("#receivers").Within("/hook/broken").Wait("answers 204")
	p.Click("Dead letters")
	p.Click("Redrive 1 delivery")
	p.Wait("completed")
	p.Wait("1 succeeded")
	p.Click("Overview")
	p.Within(`[aria-label="Dead letters"]`).Wait("0")
	p.Click("Demo")
	p.Within("#receivers").Within("/hook/broken").Wait("signature verified")
}
