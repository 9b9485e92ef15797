package browser_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hermod/infra/browser"
	"hermod/shared/signature"
)

// receiver is one of the test's own. It accepts what is signed with its secret.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	secret string
	events []string
	header http.Header // of the last request
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) trust(secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secret = secret
}

// got returns the events that were accepted.
func (r *receiver) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// last returns the headers of the last request that was accepted.
func (r *receiver) last() http.Header {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.header
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, err := io.ReadAll(req.Body)
	secret, bad := signature.Parse(r.secret)
	if err != nil || bad != nil || signature.Verify(req.Header, body, []signature.Secret{secret}, time.Now(), time.Minute) != nil {
		http.Error(w, "the signature is not right", http.StatusForbidden)
		return
	}
	r.events, r.header = append(r.events, req.Header.Get("Hermod-Event")), req.Header
	w.WriteHeader(http.StatusNoContent)
}

// copied clicks the copy button of the secret that a page shows, and returns what is in the clipboard.
func copied(t *testing.T, p *browser.Page) string {
	t.Helper()
	p.Click(`[data-copy^="whsec_"]`)
	p.Wait("Copied")
	secret := p.Clipboard()
	if !strings.HasPrefix(secret, "whsec_") || !strings.Contains(p.Text("main"), secret) {
		t.Fatalf("copied is %q, want the secret of the page", secret)
	}
	return secret
}

func TestAWebhookIsAddedAndUsed(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	r := newReceiver(t)
	p := s.SignIn(browser.Start(t))
	p.Click("Webhooks")
	p.Within("Demo receiver, broken").Wait("failing")
	p.Within("Demo receiver, broken").Wait("Workflow Lead import")
	p.Axe()
	p.Click("Add webhook")
	p.Axe()

	p.Type("URL", "ftp://files.example.com")
	p.Type("Name", "Ours")
	p.Click("succeeded")
	p.Click("failed")
	p.Type(".pair:nth-of-type(1) > [name=header_name]", "Authorization")
	p.Type(".pair:nth-of-type(1) > [name=header_value]", "Bearer 5d41402abc4b2a76")
	p.Click("Add a header")
	p.Type(".pair:nth-of-type(4) > [name=header_name]", "X-Fourth")
	p.Type(".pair:nth-of-type(4) > [name=header_value]", "4")
	p.Click("Those of one workflow")
	p.Select("Workflow", "Report")
	p.Type("Retry schedule", "1, 2")
	p.Expect("status of 400")
	p.Click("Add webhook")
	p.Wait("#wrong-url")
	if got := p.Value("Name") + " " + p.Value("Retry schedule") + " " + p.Value("succeeded") + " " + p.Value("created"); got != "Ours 1, 2 on off" {
		t.Errorf("the refused form has %q, want what was typed", got)
	}
	p.Axe()
	p.Type("URL", r.URL+"/hook")
	p.Click("Add webhook")
	p.Wait("Webhook added")
	p.Wait("shown this once")
	secret := copied(t, p)
	p.Axe()
	p.Reload()
	if again := copied(t, p); again != secret {
		t.Errorf("reloaded, the page shows %s, want the same secret", again)
	}
	p.Click("To the webhook")
	p.Wait("Nothing was sent to it yet")
	p.Wait("Authorization: …2a76 X-Fourth: ***")
	p.Wait("At once, then after 1 s and 2 s: 3 attempts in about 3 s.")
	p.Gone(secret)
	at := p.Location()

	r.trust(secret)
	p.Click("Send test event")
	p.Axe()
	p.Select("Event", "failed")
	p.Click("Send")
	p.Wait("succeeded")
	p.Open(at)
	p.Within("Recent deliveries").Wait("test")
	p.Gone("100 %") // tests are not counted

	p.Click("Retry a job")
	p.Type("Job UID", "00000000-0000-7000-8000-000000000000")
	p.Expect("status of 400")
	p.Click("Retry")
	p.Wait("job_uid names no job of this project")
	p.Axe()
	p.Type("Job UID", reportJob(s))
	p.Click("Retry")
	p.Wait("succeeded")
	if got := r.got(); strings.Join(got, " ") != "job.failed job.succeeded" {
		t.Errorf("the receiver got %v, want the test and the job's event", got)
	}
	if h := r.last(); h.Get("Authorization") != "Bearer 5d41402abc4b2a76" || h.Get("X-Fourth") != "4" {
		t.Errorf("the receiver got the headers %v", h)
	}
	p.Open(at)
	p.Wait("100 %")
	p.Within("Statistics").Wait("2xx")
	p.Axe()
	p.Click("7 days")
	p.Wait("100 %")
	p.Click("30 days")
	p.Wait("100 %")
	p.Viewport(400, 800)
	p.Axe()
	p.Dark(true)
	p.Axe()
}

// reportJob returns a finished job of the demo's workflow Report.
func reportJob(s *browser.Service) (uid string) {
	s.Until("a finished job of Report", func() bool {
		var list struct {
			Results []struct {
				UID      string
				Workflow string `json:"workflow_name"`
			}
		}
		s.Must("GET", "/jobs?status=finished", nil, &list)
		for _, j := range list.Results {
			if j.Workflow == "Report" {
				uid = j.UID
			}
		}
		return uid != ""
	})
	return uid
}

func TestAWebhookIsChangedAndDeleted(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	p := s.SignIn(browser.Start(t))
	p.Open("/console/webhooks")
	p.Click("Demo receiver of reports")
	at := p.Location()
	p.Click("Disable")
	p.Wait("The webhook is disabled.")
	p.Within(".title").Wait("disabled")
	p.Axe()
	p.Click("Enable")
	p.Wait("The webhook is enabled")
	p.Wait("Disable")

	p.Click("Edit")
	if got := p.Value("Retry schedule") + " " + p.Value("created") + " " + p.Value("paused") + " " + p.Value("Those of one workflow"); got != "1, 2, 4, 8 on off on" {
		t.Errorf("the form has %q, want what the webhook has", got)
	}
	p.Axe()
	p.Type("Name", "Reports")
	p.Type("Retry schedule", "none")
	p.Click("paused")
	p.Click("v1a")
	p.Click("Save")
	p.Wait("The webhook is saved")
	p.Wait("created, succeeded, failed, paused")
	p.Wait("One attempt, at once; no retry.")
	p.Wait("whpk_")

	p.Click("Rotate secret")
	p.Select("Which", "The key pair of v1a")
	p.Click("Rotate")
	p.Wait("Secret rotated")
	p.Wait("whpk_")
	p.Gone("whsec_")
	p.Click("To the webhook")
	p.Click("Rotate secret")
	p.Select("The older one signs too for", "7 days")
	p.Click("Use a secret of your own")
	p.Type("Secret of v1", "whsec_short")
	p.Expect("status of 400")
	p.Click("Rotate")
	p.Wait("secret cannot be used")
	if got := p.Value("Secret of v1") + " " + p.Value("The older one signs too for"); got != "whsec_short 604800" {
		t.Errorf("the refused form has %q, want what was typed", got)
	}
	p.Axe()
	p.Type("Secret of v1", "")
	p.Click("Rotate")
	p.Wait("sign too for 7 days")
	secret := copied(t, p)
	p.Open(at)
	p.Wait(secret[len(secret)-4:])
	p.Gone(secret)

	p.Click("Delete this webhook…")
	p.Click("Delete Reports for good")
	p.Wait("The webhook is deleted")
	p.Gone("Reports")
	p.Expect("status of 404")
	p.Open(at)
	p.Wait("There is no webhook of this uid")
}

func TestAFailingWebhookSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	p := s.SignIn(browser.Start(t))
	s.Played()
	p.Open("/console/webhooks")
	p.Click("Demo receiver, broken")
	p.Wait("failing for")
	p.Wait("500 Internal Server Error")
	p.Within("Recent deliveries").Wait("schedule used up")
	p.Axe()
	mend(t, s, "broken")
	p.Click("redrive its dead letters")
	p.Click("Redrive 1 delivery")
	p.Wait("completed")
	p.Back()
	p.Back()
	p.Wait("healthy") // by itself
	p.Gone("failing")
	p.Within("Recent deliveries").Wait("succeeded")
}

func TestWebhooksNeedNoScript(t *testing.T) {
	t.Parallel()
	s := browser.ServeDemo(t)
	p := s.SignIn(browser.Start(t))
	p.Script(false)
	p.Open("/console/webhooks")
	p.Click("Demo receiver")
	p.Click("Send test event")
	p.Select("Event", "failed")
	p.Click("Send")
	p.Wait("The test event is on its way")
	delivery, _, _ := strings.Cut(strings.TrimPrefix(p.Location(), "/console"), "?")
	s.Until("the test event", func() bool {
		var told struct{ State string }
		s.Must("GET", delivery, nil, &told)
		return told.State == "succeeded"
	})
	p.Reload() // which without a script nobody else does
	p.Wait("succeeded")
	p.Open("/console/webhooks/new")
	p.Gone("Add a header")
	p.Type("URL", s.Demo+"/hook/mine")
	p.Click("created")
	p.Click("Add webhook")
	p.Wait("Webhook added")
	p.Wait("whsec_")
	p.Gone("[data-copy]")
	p.Click("To the webhook")
	p.Click("Rotate secret")
	p.Expect("status of 400")
	p.Click("Use a secret of your own")
	p.Type("Secret of v1", "x")
	p.Click("Rotate")
	p.Wait("secret cannot be used")
	p.Click("Cancel")
	p.Wait("Nothing was sent to it yet")
	p.Click("Disable")
	p.Wait("The webhook is disabled.")
}
