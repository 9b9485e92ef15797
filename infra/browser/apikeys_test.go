package browser_test

import (
	"strings"
	"testing"

	"hermod/infra/browser"
)

func TestAKeyIsMadeCopiedUsedAndDeleted(t *testing.T) {
	t.Parallel()
	s := browser.ServeEmpty(t)
	b := browser.Start(t)
	p := s.SignIn(b)
	p.Click("API keys")
	p.Click("New key")
	if got := p.Focused(); got != `textbox "Name"` {
		t.Errorf("in the dialog the focus is on %s, want the first field", got)
	}
	p.Click("read: see everything but keys") // without any scope it is refused
	p.Type("Name", "reports")
	p.Expect("the server responded with a status of 400")
	p.Click("Make the key")
	p.Wait("must have at least one of read, write, admin")
	if got := p.Value("Name"); got != "reports" {
		t.Errorf("after the refusal the name is %q, want what was typed", got)
	}
	p.Click("read: see everything but keys")
	p.Click("Make the key")
	p.Wait("This is the only time it is shown")
	p.Axe()
	key := p.Text(`[aria-label="The new key"] .uid code`)
	p.Within("This is the only time it is shown").Click("Copy " + key)
	if got := p.Clipboard(); got != key || !strings.HasPrefix(key, "hmd_") {
		t.Errorf("what is copied is %q, want the key %q", got, key)
	}
	p.Reload()
	p.Wait("was made by this form before")
	p.Gone(key)

	other := b.Page(s.URL)
	other.Open("/console")
	other.Type("API key", key)
	other.Click("Sign in")
	other.Wait("This key only reads")
	other.Gone("API keys")
	other.Open("/console/webhooks")
	other.Gone("Add webhook")

	p.Open("/console/api-keys")
	p.Within("reports").Click("Delete…")
	p.Click("Delete reports for good")
	p.Wait("The key is deleted.")
	other.Open("/console/jobs")
	other.Wait("Sign in with an API key")
}
