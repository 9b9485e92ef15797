package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"hermod/infra/browser"
)

const cookie = "__Host-hermod"

func TestWhoSignsInGetsWhereTheyWantedToGo(t *testing.T) {
	t.Parallel()
	s := browser.ServeEmpty(t)
	p := browser.Start(t).Page(s.URL)
	p.Open("/console/webhooks?state=disabled")
	p.Wait("Sign in with an API key")
	p.Axe()
	p.Dark(true)
	p.Axe()
	if got := p.Focused(); got != `textbox "API key"` {
		t.Errorf("the focus is on %s, want the one field there is", got)
	}
	p.Type("API key", s.Key)
	p.Press("Enter")
	if got := p.Location(); got != "/console/webhooks?state=disabled" {
		t.Errorf("after signing in the page is %s, want what was asked for", got)
	}
	p.Open("/console/sign-in")
	if got := p.Location(); got != "/console" {
		t.Errorf("who is signed in is shown %s, want the overview", got)
	}
	p.Open("/")
	if got := p.Location(); got != "/console" {
		t.Errorf("/ leads to %s, want the overview", got)
	}
}

func TestSigningInLeadsToTheConsoleOnly(t *testing.T) {
	t.Parallel()
	s := browser.ServeEmpty(t)
	b := browser.Start(t)
	for _, to := range []string{"https://example.com/", "//example.com/console", "/v3/workspace", "/console@example.com", `/\example.com`} {
		p := b.Page(s.URL)
		p.Open("/console/sign-in?to=" + to)
		p.Type("API key", s.Key)
		p.Click("Sign in")
		if got := p.Location(); got != "/console" {
			t.Errorf("with to=%s who signs in gets to %s, want the overview", to, got)
		}
	}
}

func TestTheSessionIsACookieForTwelveHoursThatNoScriptReads(t *testing.T) {
	t.Parallel()
	s := browser.ServeEmpty(t)
	b := browser.Start(t)
	p := s.SignIn(b)
	c := p.Cookie(cookie)
	if c == nil {
		t.Fatalf("there is no cookie %s", cookie)
	}
	if !c.HTTPOnly || !c.Secure || c.SameSite != "Strict" || c.Path != "/" || c.Domain != "127.0.0.1" {
		t.Errorf("the cookie is %+v, want HttpOnly, Secure, SameSite=Strict, for / of this host", c)
	}
	if left := time.Until(time.Unix(int64(c.Expires), 0)); left > 12*time.Hour || left < 12*time.Hour-browser.Patience {
		t.Errorf("the cookie lasts %v, want 12 hours", left)
	}
	other := b.Page(s.URL)
	other.Open("/console")
	other.Wait("Sign in with an API key")
}

func TestWhyNobodyIsSignedIn(t *testing.T) {
	t.Parallel()
	s := browser.ServeEmpty(t)
	var blind struct{ Key string }
	s.Must("POST", "/api-keys", map[string]any{"name": "reports only", "scopes": []string{"write"}}, &blind)
	p := browser.Start(t).Page(s.URL)
	for _, test := range []struct{ name, key, want string }{
		{"another key", "hmd_" + fmt.Sprintf("%043d", 0), "There is no such API key"},
		{"no key at all", "open sesame", "There is no such API key"},
		{"white space", " ", "Paste an API key"},
		{"a key without read", blind.Key, "no scope read"},
	} {
		p.Expect("the server responded with a status of 40")
		p.Open("/console/sign-in?to=/console/jobs")
		p.Type("API key", test.key)
		p.Click("Sign in")
		p.Wait(test.want)
		if p.Cookie(cookie) != nil {
			t.Errorf("%s: there is a cookie, want none", test.name)
		}
	}
	p.Axe()
	p.Type("API key", "  "+s.Key+" ") // as it was pasted
	p.Click("Sign in")
	if got := p.Location(); got != "/console/jobs" {
		t.Errorf("signed in at last, the page is %s, want the jobs as wanted at first", got)
	}
}

func TestSigningOutLeavesNothing(t *testing.T) {
	t.Parallel()
	s := browser.ServeEmpty(t)
	p := s.SignIn(browser.Start(t))
	p.Open("/console/jobs")
	p.Click("Sign out")
	p.Wait("Sign in with an API key")
	if p.Cookie(cookie) != nil {
		t.Errorf("after signing out there is a cookie, want none")
	}
	p.Back()
	p.Wait("Sign in with an API key")
	p.Open("/console/jobs")
	p.Wait("Sign in with an API key")
}

func TestSigningInNeedsNoScriptAndNoWideWindow(t *testing.T) {
	t.Parallel()
	s := browser.ServeEmpty(t)
	p := browser.Start(t).Page(s.URL)
	p.Script(false)
	p.Viewport(320, 568)
	p.Open("/console")
	p.Fits()
	p.Type("API key", s.Key)
	p.Click("Sign in")
	p.Wait("Overview")
	p.Click("Sign out")
	p.Wait("Sign in with an API key")
}

// Another port of the same host is another origin, and the same site: SameSite alone would let this pass.
func TestAFormOfAnotherOriginDoesNothing(t *testing.T) {
	t.Parallel()
	s := browser.ServeEmpty(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><form method="post" action="%s/console/sign-out"><button>Win a prize</button></form>`, s.URL)
	}))
	t.Cleanup(elsewhere.Close)
	p := s.SignIn(browser.Start(t))
	p.Expect("status of 403")
	p.Open("/console")
	p.Evaluate(fmt.Sprintf("location.href = %q", elsewhere.URL), new(string))
	p.Click("Win a prize")
	p.Wait("This form was sent from another site")
	p.Open("/console")
	p.Wait("Sign out")
}
