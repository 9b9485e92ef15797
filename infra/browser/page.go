package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
)

// Page is a tab, or a part of what it shows.
type Page struct {
	*tab
	parts []string // within which the verbs look, the outermost first
}

// Within returns the page narrowed to one part of it: to what a selector selects, or to the smallest row, item, section, form or
// other group in which a text can be seen.
func (p *Page) Within(what string) *Page {
	return &Page{tab: p.tab, parts: append(slices.Clone(p.parts), what)}
}

// Expect tells that the page will complain, once, of something with the text: an answer 403, say, is an error in Chromium's log.
func (p *Page) Expect(text string) { p.expect(text) }

// Documents returns the documents loaded so far.
func (p *Page) Documents() []Document {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.documents)
}

// Open goes to a path, and waits until it is loaded.
func (p *Page) Open(path string) {
	p.t.Helper()
	p.do("open "+path, func(ctx context.Context) error {
		res, err := cdp.Call(ctx, p.target, page.Navigate, page.NavigateParams{URL: p.base + path})
		if err == nil && res.ErrorText != "" {
			return fmt.Errorf("%s", res.ErrorText)
		}
		return err
	})
}

// Reload loads the page again.
func (p *Page) Reload() {
	p.t.Helper()
	p.do("reload", func(ctx context.Context) error {
		_, err := cdp.Call(ctx, p.target, page.Reload, page.ReloadParams{})
		return err
	})
}

// Back goes to the page before this one.
func (p *Page) Back() {
	p.t.Helper()
	p.do("go back", func(ctx context.Context) error {
		_, err := p.evaluate(ctx, "history.back()")
		return err
	})
}

// until tries something until it succeeds, and ends the test if it does not while patience lasts.
func (p *Page) until(what string, try func(context.Context) error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience+p.patience)
	defer cancel()
	if err := p.rest(ctx); err != nil {
		p.fail(what, err)
	}
	if err := poll(p.patience, func() error { return try(ctx) }); err != nil {
		p.fail(what, err)
	}
}

// do does something once, and waits until the page is at rest again.
func (p *Page) do(what string, once func(context.Context) error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := once(ctx); err != nil {
		p.fail(what, err)
	}
	if err := p.rest(ctx); err != nil {
		p.fail(what, err)
	}
}

// fail ends the test with what the page shows.
func (p *Page) fail(what string, err error) {
	p.t.Helper()
	if p.parts != nil {
		what += " within " + strings.Join(p.parts, ", ")
	}
	p.t.Fatalf("could not %s: %v\n%s", what, err, p.describe())
}

// describe tells what a person would see.
func (p *Page) describe() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var now struct{ URL, Title, Text string }
	value, err := p.evaluate(ctx, `({URL: location.href, Title: document.title, Text: document.body?.innerText ?? ''})`)
	if err == nil {
		err = json.Unmarshal(value, &now)
	}
	if err != nil {
		return fmt.Sprintf("the page does not tell what it shows: %v", err)
	}
	if runes := []rune(now.Text); len(runes) > 3000 {
		now.Text = string(runes[:3000]) + " …"
	}
	return fmt.Sprintf("the page is %s, %q, and shows:\n%s", now.URL, now.Title, now.Text)
}

// poll tries something until it succeeds, once at least, and returns what was wrong last when patience is at an end.
func poll(patience time.Duration, try func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		if err := try(); err == nil || time.Now().After(end) {
			return err
		}
	}
}
