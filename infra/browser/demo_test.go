package browser_test

import (
	"testing"

	"hermod/infra/browser"
)

func TestTheDemosReceiverDoesAsItIsTold(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	p := s.SignIn(browser.Start(t))
	s.Played()
	p.Click("Demo")
	for button, mood := range map[string]string{
		"Be slow: good": "answers 204, after 3s", "Hang: good": "never answers", "Fail twice: good": "answers 503 to the next 2, then 204",
		"Answer 500: good": "answers 500", "Mend: good": "answers 204",
	} {
		p.Click(button)
		p.Wait("The receiver behaves so")
		p.Within("#receivers").Within("/hook/good").Wait(mood)
	}
	p.Select("Workflow", "Lead import")
	p.Type("Name", "to fail, by hand")
	p.Type("Inputs", "6")
	p.Click("Launch")
	p.Wait("The job is launched.")
	p.Wait("shutdown")
}
