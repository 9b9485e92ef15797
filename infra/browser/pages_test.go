package browser_test

import (
	"testing"

	"hermod/infra/browser"
)

// every page that needs no uid. Those of one job, webhook, delivery and redrive are in the tests of their own.
var everyPage = []string{
	"", "/jobs", "/webhooks", "/webhooks/new", "/deliveries", "/dead-letters", "/redrives", "/why", "/api-keys", "/api-keys?dialog=new-key",
	"/reference", "/reference/createWebhook", "/reference/reportInputs", "/demo",
}

func TestEveryPageIsForEverybody(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	p := s.SignIn(browser.Start(t))
	s.Played()
	for _, path := range everyPage {
		p.Open("/console" + path)
		p.Axe()
		p.Dark(true)
		p.Axe()
		p.Dark(false)
		p.Viewport(360, 740)
		p.Fits()
		p.Viewport(1280, 800)
	}
}

func TestEveryPageOfAnEmptyProjectIsForEverybody(t *testing.T) {
	t.Parallel()
	s := browser.ServeEmpty(t)
	p := s.SignIn(browser.Start(t))
	for _, path := range everyPage {
		if path != "/demo" {
			p.Open("/console" + path)
			p.Axe()
			p.Viewport(360, 740)
			p.Fits()
			p.Viewport(1280, 800)
		}
	}
}

func TestThePageIsReachedByTheKeyboard(t *testing.T) {
	t.Parallel()
	s := browser.ServeEmpty(t)
	p := s.SignIn(browser.Start(t))
	p.Open("/console/webhooks")
	p.Press("Tab")
	if got := p.Focused(); got != `link "Skip to the page"` {
		t.Errorf("the first Tab leads to %s, want the link that skips the navigation", got)
	}
	p.Press("Enter")
	for _, want := range []string{`button "Live"`, `link "Add webhook"`} {
		p.Press("Tab")
		if got := p.Focused(); got != want {
			t.Errorf("after it the next Tab leads to %s, want %s, which the page itself begins with", got, want)
		}
	}
	p.Press("Enter")
	p.Wait("Where to")
}

// Who works by the keyboard is never left nowhere: a dialog takes the focus, and gives it back.
func TestADialogTakesTheFocusAndGivesItBack(t *testing.T) {
	t.Parallel()
	s := browser.ServeEmpty(t)
	p := s.SignIn(browser.Start(t))
	for _, path := range []string{"/console/api-keys", "/console/api-keys?dialog=new-key#new-key"} {
		p.Open(path)
		if path == "/console/api-keys" {
			p.Click("New key")
		}
		if got := p.Focused(); got != `textbox "Name"` {
			t.Errorf("%s: with the dialog open the focus is on %s, want its first field", path, got)
		}
		p.Press("Escape")
		p.Gone("#new-key")
		if got := p.Focused(); got != `link "New key"` {
			t.Errorf("%s: with the dialog closed the focus is on %s, want what opens it", path, got)
		}
	}
}

func TestALivePageShowsWhatHappensAndCanBeHeldStill(t *testing.T) {
	t.Parallel()
	s := browser.ServeEmpty(t)
	p := s.SignIn(browser.Start(t))
	var flow struct{ UID string }
	s.Must("POST", "/workflows", map[string]any{"name": "Orders"}, &flow)
	launch := func(name string) {
		s.Must("POST", "/workflows/"+flow.UID+"/schedule", map[string]any{"job_name": name}, nil)
	}
	p.Open("/console/jobs")
	p.Wait("No job")
	launch("first of all")
	p.Wait("first of all")
	p.Click("Live")
	if got := p.Attribute(".live", "aria-pressed"); got != "false" {
		t.Errorf("the switch that was clicked has aria-pressed=%q, want false", got)
	}
	launch("unseen")
	p.Click("Live")
	p.Wait("unseen")
}

func TestWithoutAScriptEverythingIsThereButTheRefresh(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	p := s.SignIn(browser.Start(t))
	s.Played()
	p.Script(false)
	for _, path := range everyPage {
		p.Open("/console" + path)
		p.Wait("#main")
		p.Gone(".live")
		p.Gone("[data-copy]")
	}
	p.Open("/console/api-keys")
	p.Click("New key")
	p.Type("Name", "by hand")
	p.Click("Make the key")
	p.Wait("The key “by hand” is made")
	p.Open("/console/demo")
	p.Click("Mend: broken")
	p.Wait("The receiver behaves so")
	p.Open("/console/dead-letters")
	p.Click("Redrive 1 delivery")
	p.Wait("Redrive of 1 dead letter")
}
