package scenario

import (
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

const (
	// largestPage is how long a page of the console may be, in bytes.
	largestPage = 100 << 10
	// alike is how many pages are looked at that differ in uids only.
	alike = 2
)

var (
	links  = regexp.MustCompile(`(?:href|src)="(/[^"]*)"`)
	forms  = regexp.MustCompile(`(?s)<form [^>]*method="post"[^>]*>.*?</form>`)
	action = regexp.MustCompile(`^<form [^>]*action="([^"]*)"`)
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	// wrong is what a page says of a form that it shows again.
	wrong = regexp.MustCompile(`class="wrong"[^>]*>[^<]*`)
	uids  = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
)

// visitor goes through the console as a browser does that has no script. It keeps a Secure cookie also where there is no TLS.
type visitor struct {
	root   string // URL, without a path
	cookie *http.Cookie
}

// page is an answer of the console.
type page struct {
	path   string
	status int
	header http.Header
	body   string
}

// open makes a request, without following a redirect; form nil is none. Names and values of headers follow.
func (v *visitor) open(t testing.TB, method, path string, form url.Values, header ...string) page {
	t.Helper()
	req, err := http.NewRequest(method, v.root+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", v.root)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if v.cookie != nil {
		req.AddCookie(v.cookie)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range res.Cookies() {
		v.cookie = c
		if c.MaxAge < 0 {
			v.cookie = nil
		}
	}
	return page{path, res.StatusCode, res.Header, string(body)}
}

// follow is open, and goes on where redirects lead.
func (v *visitor) follow(t testing.TB, method, path string, form url.Values) page {
	t.Helper()
	p := v.open(t, method, path, form)
	for range 5 {
		if p.status != http.StatusSeeOther {
			return p
		}
		p = v.open(t, "GET", p.header.Get("Location"), nil)
	}
	t.Fatalf("%s %s leads from redirect to redirect", method, path)
	return p
}

// submit sends the form of a page whose action is this path, with its hidden fields, and follows.
func (v *visitor) submit(t testing.TB, on, to string, fields url.Values) page {
	t.Helper()
	p := v.follow(t, "GET", on, nil)
	for _, form := range forms.FindAllString(p.body, -1) {
		target := p.path // without an action
		if a := action.FindStringSubmatch(form); a != nil {
			target = html.UnescapeString(a[1])
		}
		if path, _, _ := strings.Cut(target, "?"); path != to {
			continue
		}
		sent := url.Values{}
		maps.Copy(sent, fields)
		for _, field := range hidden.FindAllStringSubmatch(form, -1) {
			sent.Set(field[1], html.UnescapeString(field[2]))
		}
		answer := v.follow(t, "POST", target, sent)
		if answer.status != http.StatusOK {
			t.Errorf("POST %s answers %d, want a page; it says %q", target, answer.status, wrong.FindAllString(answer.body, -1))
		}
		return answer
	}
	t.Fatalf("the page %s has no form that sends to %s", on, to)
	return page{}
}

// everyLink opens what links lead to, from the page at path on, and checks each page. It returns their paths, without queries.
func (v *visitor) everyLink(t testing.TB, path string) map[string]bool {
	t.Helper()
	seen, shapes := map[string]bool{}, map[string]int{}
	for next := []string{path}; len(next) > 0; next = next[1:] {
		path, _, _ := strings.Cut(next[0], "?")
		shape := uids.ReplaceAllString(path, "{uid}")
		if seen[path] || shapes[shape] == alike {
			continue
		}
		seen[path] = true
		shapes[shape]++
		p := v.follow(t, "GET", next[0], nil)
		if p.status == http.StatusNotFound && shape == "/console/webhooks/{uid}" { // deleted; what was sent to it still names it
			shapes[shape]--
			continue
		}
		if p.status != http.StatusOK {
			t.Errorf("GET %s answers %d, want 200", next[0], p.status)
		}
		if !strings.HasPrefix(p.header.Get("Content-Type"), "text/html") {
			continue
		}
		if len(p.body) > largestPage {
			t.Errorf("GET %s answers %d bytes, want at most %d", next[0], len(p.body), largestPage)
		}
		if policy := p.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none';") {
			t.Errorf("GET %s has the policy %q, want one that allows nothing first", next[0], policy)
		}
		for _, link := range links.FindAllStringSubmatch(p.body, -1) {
			next = append(next, html.UnescapeString(link[1]))
		}
	}
	return seen
}
