package browser

import (
	"compress/gzip"
	"context"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"hermod/infra/openapi/service"
)

// TestMain builds the service once for all tests. One that cannot be built is the matter of those that start it.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "hermod-browser-")
	if err != nil {
		panic(err)
	}
	if program, err := service.Build(context.Background(), dir); err == nil {
		os.Setenv(service.ProgramVariable, program)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// recorder is a test that may fail: it keeps what it is told.
type recorder struct {
	T
	said     []string
	logged   []string
	cleanups []func()
}

func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}
func (r *recorder) Skipf(format string, args ...any) { r.Fatalf(format, args...) }
func (r *recorder) Logf(format string, args ...any) {
	r.logged = append(r.logged, fmt.Sprintf(format, args...))
}
func (r *recorder) Failed() bool      { return len(r.said) > 0 }
func (r *recorder) Cleanup(do func()) { r.cleanups = append(r.cleanups, do) }

// try runs a test of a page to its end, and returns what it was told.
func try(b *Browser, base string, test func(p *Page)) *recorder {
	r := &recorder{T: b.t}
	attempt := *b
	attempt.t = r
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() {
			for _, do := range slices.Backward(r.cleanups) {
				do()
			}
		}()
		test(attempt.Page(base))
	}()
	<-ended
	return r
}

// site serves the pages of these tests under a policy like the console's.
func site(t *testing.T) string {
	pages := map[string]string{
		"good": `<p>All is well.</p>`,

		"inline-script":  `<script>document.title = 'run'</script>`,
		"inline-style":   `<p style="color: red">red</p>`,
		"handler":        `<button onclick="alert(1)">Go</button>`,
		"from-elsewhere": `<img src="https://example.com/picture.png" alt="a picture">`,
		"form-elsewhere": `<form action="https://example.com/"><button>Send</button></form>`,
		"console-error":  `<script src="/console.error('out of', 3)"></script>`,
		"warning":        `<script src="/console.warn('beware')"></script>`,
		"exception":      `<script src="/null.field"></script>`,
		"rejection":      `<script src="/Promise.reject(new Error('nobody caught me'))"></script>`,
		"missing-asset":  `<img src="/missing" alt="a picture">`,
		"failing-fetch":  `<script src="/fetch('/status/500')"></script>`,
		"cut-off":        `<script src="/fetch('/cut').then(r => r.text()).catch(() => {})"></script>`,
		"alert":          `<script src="/alert('hello')"></script>`,
		"later":          `<script src="/setTimeout(() => console.error('a little later'), 200)"></script><p id="later">wait</p>`,

		"no-alt":      `<img src="/picture">`,
		"no-name":     `<button></button>`,
		"no-label":    `<input name="x">`,
		"no-contrast": `<p class="pale">Can you read this?</p>`,
		"large":       `<p>` + strings.Repeat("0123456789 ", 10_000) + `</p>`,
		"zipped":      `<p>` + strings.Repeat("0123456789 ", 10_000) + `</p>`,

		"form": `<form action="/result">
			<label>Name <input name="name" value="old" placeholder="any"></label>
			<label for="until">Until</label> <input id="until" name="until" type="datetime-local">
			<label>Event <select name="event"><option value="">any event</option><option value="failed">Failed</option></select></label>
			<label><input type="checkbox" name="box"> Only mine</label>
			<button>Send it</button></form>`,
		"rows": `<table><tr><td>first</td><td><button>Retry</button></td></tr><tr><td>second</td><td><a href="/good">Retry</a></td></tr></table>
			<ul><li>one</li><li hidden>two</li></ul><button disabled>Never</button>`,
		"modal": `<button id="behind">Behind</button><dialog id="modal"><p>Sure?</p><form method="dialog"><button>Yes</button></form></dialog>
			<script src="/document.querySelector('dialog').showModal()"></script>`,
		"cover":   `<div class="cover"></div><button>Under</button>`,
		"slow":    `<form action="/wait"><button>Wait</button></form><a href="/wait">Follow</a><a href="#below">Below</a><p id="below">Below</p><a href="/status/204">Nothing</a>`,
		"details": `<details><summary>More</summary><p>Now you see it.</p></details>`,
		"keys":    `<a href="/good">First</a> <button>Second</button>`,
		"copy":    `<button id="copy">Copy</button><script src="/document.querySelector('button').addEventListener('click', () => navigator.clipboard.writeText('copied'))"></script>`,
		"by-script": `<p class="only-light">light</p><p class="only-dark">dark</p><p class="only-narrow">narrow</p>
			<noscript>no script</noscript><p id="p"></p><script src="/document.getElementById('p').textContent = 'with script'"></script>`,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		path := req.URL.Path[1:]
		body, ok := pages[path]
		if !ok {
			w.Header().Set("Content-Type", "text/javascript") // the path is the script
			fmt.Fprint(w, path)
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'self'; form-action 'self'")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		var out io.Writer = w
		if path == "zipped" {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			defer z.Close()
			out = z
		}
		fmt.Fprintf(out, `<!doctype html><html lang="en"><head><title>%s</title><link rel="icon" href="/picture"><link rel="stylesheet" href="/style"></head>
			<body><main><h1>Page</h1>%s</main></body></html>`, path, body)
	})
	mux.HandleFunc("/style", func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/css")
		fmt.Fprint(w, `.pale { color: #eee } .cover { position: fixed; inset: 0; background: #fff }
			@media (prefers-color-scheme: dark) { .only-light { display: none } }
			@media (prefers-color-scheme: light) { .only-dark { display: none } }
			@media (width > 400px) { .only-narrow { display: none } }`)
	})
	mux.HandleFunc("/result", func(w http.ResponseWriter, req *http.Request) {
		q := req.URL.Query()
		fmt.Fprintf(w, "%s, %s, %s, %s", q.Get("name"), q.Get("until"), q.Get("event"), q.Get("box"))
	})
	mux.HandleFunc("/picture", func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		fmt.Fprint(w, `<svg xmlns="http://www.w3.org/2000/svg"/>`)
	})
	mux.HandleFunc("/missing", http.NotFound)
	mux.HandleFunc("/status/204", func(w http.ResponseWriter, req *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/status/403", func(w http.ResponseWriter, req *http.Request) { http.Error(w, "not yours", http.StatusForbidden) })
	mux.HandleFunc("/status/500", func(w http.ResponseWriter, req *http.Request) {
		http.Error(w, "our fault", http.StatusInternalServerError)
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Length", "10")
		fmt.Fprint(w, "cut")
	})
	mux.HandleFunc("/wait", func(w http.ResponseWriter, req *http.Request) {
		select {
		case <-time.After(300 * time.Millisecond): // longer than any verb takes
		case <-req.Context().Done():
		}
		fmt.Fprint(w, "At last.")
	})
	mux.HandleFunc("/cookie", func(w http.ResponseWriter, req *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "__Host-x", Value: "1", Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: 60})
		fmt.Fprint(w, req.Header.Get("Cookie"))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func TestWhatAPageDoesWrongFailsItsTest(t *testing.T) {
	t.Parallel()
	b, base := Start(t), site(t)
	tests := []struct{ page, want string }{
		{"inline-script", "Content Security Policy directive 'default-src 'self''"},
		{"inline-style", "Applying inline style violates"},
		{"handler", "Executing inline event handler violates"},
		{"from-elsewhere", "Loading the image 'https://example.com/picture.png' violates"},
		{"console-error", "console.error: out of 3"},
		{"warning", "console.warning: beware"},
		{"exception", "TypeError: Cannot read properties of null"},
		{"rejection", "Error: nobody caught me"},
		{"missing-asset", "status of 404 (Not Found) (" + base + "/missing)"},
		{"failing-fetch", "status of 500 (Internal Server Error) (" + base + "/status/500)"},
		{"cut-off", "net::ERR_CONTENT_LENGTH_MISMATCH (" + base + "/cut)"},
		{"alert", `a dialog of the browser's, which was dismissed: alert "hello"`},
		{"status/403", "status of 403 (Forbidden)"},
		{"large", "/large has 110"},
		{"zipped", "/zipped has 110"},
	}
	for _, test := range tests {
		r := try(b, base, func(p *Page) { p.Open("/" + test.page) })
		if len(r.said) != 1 || !strings.Contains(r.said[0], test.want) {
			t.Errorf("%s: the test was told %q, want one thing with %q", test.page, r.said, test.want)
		}
	}
	r := try(b, base, func(p *Page) {
		p.Open("/form-elsewhere")
		p.Click("Send")
		p.Wait("Page")
	})
	if want := "Sending form data to 'https://example.com/?' violates"; len(r.said) != 1 || !strings.Contains(r.said[0], want) {
		t.Errorf("a form sent elsewhere: the test was told %q, want one thing with %q", r.said, want)
	}
	r = try(b, base, func(p *Page) {
		p.Open("/later")
		p.Evaluate("new Promise(done => setTimeout(() => done(1), 300))", new(int))
	})
	if want := "a little later"; len(r.said) != 1 || !strings.Contains(r.said[0], want) {
		t.Errorf("a complaint after the page has loaded: the test was told %q, want one thing with %q", r.said, want)
	}
}

func TestAGoodPageFailsNoTest(t *testing.T) {
	t.Parallel()
	p := Start(t).Page(site(t))
	p.Open("/good")
	p.Axe()
	p.Dark(true)
	p.Axe()
	if docs := p.Documents(); len(docs) != 1 || docs[0].URL != p.base+"/good" || docs[0].Decoded < 100 || docs[0].Transferred < docs[0].Decoded {
		t.Errorf("the documents are %+v, want the page with its size", docs)
	}
}

func TestAComplaintMayBeExpectedOnce(t *testing.T) {
	t.Parallel()
	b, base := Start(t), site(t)
	r := try(b, base, func(p *Page) {
		p.Expect("status of 403")
		p.Open("/status/403")
	})
	if len(r.said) > 0 {
		t.Errorf("an expected complaint fails the test: %q", r.said)
	}
	r = try(b, base, func(p *Page) {
		p.Expect("status of 403")
		p.Open("/status/403")
		p.Open("/good")
		p.Open("/status/403")
	})
	if len(r.said) != 1 {
		t.Errorf("of two complaints one was expected, and the test was told %q, want one", r.said)
	}
	r = try(b, base, func(p *Page) {
		p.Expect("status of 403")
		p.Open("/good")
	})
	if want := `does not complain of "status of 403"`; len(r.said) != 1 || !strings.Contains(r.said[0], want) {
		t.Errorf("a complaint that does not come: the test was told %q, want %q", r.said, want)
	}
}

func TestWhatShutsPeopleOutFailsTheTest(t *testing.T) {
	t.Parallel()
	b, base := Start(t), site(t)
	for page, rule := range map[string]string{"no-alt": "image-alt", "no-name": "button-name", "no-label": "label", "no-contrast": "color-contrast"} {
		r := try(b, base, func(p *Page) {
			p.Open("/" + page)
			p.Axe()
		})
		if len(r.said) != 1 || !strings.Contains(r.said[0], rule+" (") || !strings.Contains(r.said[0], "<") {
			t.Errorf("%s: the test was told %q, want the rule %s and an element", page, r.said, rule)
		}
	}
}

func TestAFormIsFilledInByItsLabels(t *testing.T) {
	t.Parallel()
	p := Start(t).Page(site(t))
	p.Open("/form")
	p.Type("Name", "Größe + 1")
	p.Type("Until", "2026-11-24T18:30")
	p.Select("Event", "Failed")
	p.Click("Only mine")
	for label, want := range map[string]string{"Name": "Größe + 1", "Until": "2026-11-24T18:30", "Event": "failed", "Only mine": "on"} {
		if got := p.Value(label); got != want {
			t.Errorf("the field %q holds %q, want %q", label, got, want)
		}
	}
	p.Click("Send it")
	p.Wait("Größe + 1, 2026-11-24T18:30, failed, on")
	if want := "/result?name=Gr%C3%B6%C3%9Fe+%2B+1&until=2026-11-24T18%3A30&event=failed&box=on"; p.Location() != want {
		t.Errorf("the form leads to %s, want %s", p.Location(), want)
	}
	p.Back()
	p.Type("Name", "")
	p.Press("Enter")
	p.Wait(", 2026-11-24T18:30, failed, on")
}

func TestVerbsWaitForThePageThatAClickLeadsTo(t *testing.T) {
	t.Parallel()
	p := Start(t).Page(site(t))
	for _, name := range []string{"Wait", "Follow"} {
		p.Open("/slow")
		p.Click(name)
		if got := p.Text(":root body"); got != "At last." {
			t.Errorf("after a click on %s the page shows %q, want what the click leads to", name, got)
		}
	}
	p.Open("/slow")
	p.Click("Below")
	p.Click("Nothing")
	if got := p.Location(); got != "/slow#below" {
		t.Errorf("after a link within the page and one that is answered 204 the page is %s, want /slow#below", got)
	}
}

func TestPartsOfAPageAreToldApart(t *testing.T) {
	t.Parallel()
	b, base := Start(t), site(t)
	tests := []struct {
		name, page string
		test       func(p *Page)
		want       string // in what the test is told; empty: nothing is
	}{
		{"one of two", "rows", func(p *Page) { p.Within("second").Click("Retry"); p.Wait("All is well.") }, ""},
		{"text that is gone", "rows", func(p *Page) { p.Gone("two"); p.Gone("#none") }, ""},
		{"in a dialog", "modal", func(p *Page) { p.Within("Sure?").Click("Yes"); p.Click("Behind") }, ""},
		{"details", "details", func(p *Page) { p.Gone("Now"); p.Click("More"); p.Wait("Now you see it.") }, ""},

		{"which of two", "rows", func(p *Page) { p.Click("Retry") }, `could not click "Retry": 2 are named so: narrow it by Within`},
		{"another name", "rows", func(p *Page) { p.Click("Try") }, `none is named so; there are ["Retry" "Retry" "Never"]`},
		{"no row", "rows", func(p *Page) { p.Within("third").Click("Retry") }, `within third: nothing visible is a row`},
		{"disabled", "rows", func(p *Page) { p.Click("Never") }, "it is disabled"},
		{"no text", "rows", func(p *Page) { p.Wait("third") },
			"could not see \"third\": it is not there\nthe page is " + base + "/rows, \"rows\", and shows:\nPage\n"},
		{"hidden text", "rows", func(p *Page) { p.Wait("two") }, "it is not there"},
		{"hidden element", "rows", func(p *Page) { p.Wait(":nth-child(2 of li)") }, "it is not there"},
		{"text that stays", "rows", func(p *Page) { p.Gone("first") }, "it is still there"},
		{"two elements", "rows", func(p *Page) { p.Text("tr") }, "2 elements are selected by tr"},
		{"no selector", "rows", func(p *Page) { p.Wait("#") }, "not a valid selector"},
		{"no option", "form", func(p *Page) { p.Select("Event", "none") }, `its options are ["any event" "Failed"]`},
		{"no label", "form", func(p *Page) { p.Type("any", "x") }, `could not type into "any": none is named so; there are ["Name" "Until" `},
		{"behind a dialog", "modal", func(p *Page) { p.Click("Behind") }, `none is named so; there are ["Yes"]`},
		{"by selector behind a dialog", "modal", func(p *Page) { p.Click("#behind") }, "it is covered by <"},
		{"covered", "cover", func(p *Page) { p.Click("Under") }, `it is covered by <div class="cover">`},
		{"a key without a name", "rows", func(p *Page) { p.Press("Return") }, `no key is named "Return"`},
		{"nobody there", "rows", func(p *Page) { p.base = "http://127.0.0.1:1"; p.Expect("ERR_"); p.Open("/") }, "net::ERR_"},
	}
	for _, test := range tests {
		r := try(b, base, func(p *Page) {
			p.Open("/" + test.page)
			if test.want != "" {
				p.patience = 0 // waiting helps nothing
			}
			test.test(p)
		})
		if told := strings.Join(r.said, "\n"); (test.want == "") != (told == "") || !strings.Contains(told, test.want) {
			t.Errorf("%s: the test was told %q, want %q", test.name, r.said, test.want)
		}
	}
	p := b.Page(base)
	p.Open("/rows")
	if got := p.Texts("td:first-child"); !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("the first cells are %q, want first and second", got)
	}
	if got := p.Within("second").Attribute("a", "href"); got != "/good" {
		t.Errorf("the link of the second row leads to %q, want /good", got)
	}
}

func TestKeysMoveTheFocusAndActivate(t *testing.T) {
	t.Parallel()
	p := Start(t).Page(site(t))
	p.Open("/keys")
	for _, step := range []struct{ keys, want string }{{"Tab", `link "First"`}, {"Tab", `button "Second"`}, {"Shift+Tab", `link "First"`}} {
		p.Press(step.keys)
		if got := p.Focused(); got != step.want {
			t.Errorf("after %s the focus is on %s, want %s", step.keys, got, step.want)
		}
	}
	p.Press("Enter")
	p.Wait("All is well.")
}

func TestColoursWindowAndScriptAreThePersonsOwn(t *testing.T) {
	t.Parallel()
	p := Start(t).Page(site(t))
	p.Open("/by-script")
	p.Wait("light with script")
	p.Gone("no script")
	p.Dark(true)
	p.Wait("dark with script")
	p.Viewport(320, 600)
	p.Wait("dark narrow with script")
	p.Script(false)
	p.Reload()
	p.Wait("dark narrow no script")
	p.Gone("with script")

	file := filepath.Join(t.TempDir(), "picture.png")
	p.Screenshot(file)
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if size := picture.Bounds().Size(); size.X != 320 || size.Y != 600 {
		t.Errorf("the picture measures %v, want that of the window, 320 by 600", size)
	}
}

// What signs people in is Secure, on this machine also without TLS.
func TestCookiesOfOneTabAreItsOwn(t *testing.T) {
	t.Parallel()
	b, base := Start(t), site(t)
	one, other := b.Page(base), b.Page(base)
	one.Open("/cookie")
	one.Open("/cookie")
	one.Wait("__Host-x=1")
	c := one.Cookie("__Host-x")
	if c == nil || !c.Secure || !c.HTTPOnly || c.SameSite != "Strict" || c.Path != "/" {
		t.Errorf("the cookie is %+v, want it as it was set", c)
	}
	other.Open("/cookie")
	if got := other.Text(":root body"); got != "" {
		t.Errorf("another tab sends %q at first, want no cookie", got)
	}
}

func TestWhatIsCopiedCanBeRead(t *testing.T) {
	t.Parallel()
	p := Start(t).Page(site(t))
	p.Open("/copy")
	p.Click("Copy")
	if got := p.Clipboard(); got != "copied" {
		t.Errorf("the clipboard holds %q, want what the page copied", got)
	}
}

func TestWithoutItsProgramsATestIsLeftOutButNotInCI(t *testing.T) {
	t.Setenv("HERMOD_BROWSER", t.TempDir())
	for ci, want := range map[string]string{"true": "infra/browser/install has not been run: ", "": "NOT CHECKED: infra/browser/install gets what is missing: "} {
		t.Setenv("CI", ci)
		r := &recorder{T: t}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			Start(r)
		}()
		<-ended
		if len(r.said) != 1 || !strings.HasPrefix(r.said[0], want) {
			t.Errorf("with CI=%q the test was told %q, want %q", ci, r.said, want)
		}
	}
}
