package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
)

// Wait waits until a text can be seen, or what a selector selects.
func (p *Page) Wait(what string) {
	p.t.Helper()
	p.until("see "+quote(what), func(ctx context.Context) error { return p.sees(ctx, what) })
}

// Gone waits until a text, or what a selector selects, cannot be seen.
func (p *Page) Gone(what string) {
	p.t.Helper()
	p.until("see "+quote(what)+" go", func(ctx context.Context) error {
		if err := p.sees(ctx, what); err == nil {
			return fmt.Errorf("it is still there")
		} else if !isAbsent(err) {
			return err
		}
		return nil
	})
}

// Text returns the text that one element shows, each run of white space as one space.
func (p *Page) Text(selector string) (text string) {
	p.t.Helper()
	p.until("read "+selector, func(ctx context.Context) error {
		element, err := p.find(ctx, selector, nil)
		if err != nil {
			return err
		}
		return p.call(ctx, element, `function() { return this.innerText.replace(/\s+/g, ' ').trim() }`, &text)
	})
	return text
}

// Texts returns the texts of all visible elements that a selector selects, as they are now.
func (p *Page) Texts(selector string) (texts []string) {
	p.t.Helper()
	p.until("read all "+selector, func(ctx context.Context) error {
		part, err := p.part(ctx)
		if err != nil {
			return err
		}
		return p.call(ctx, part, `function(selector) {
			return [...this.querySelectorAll(selector)].filter(e => e.checkVisibility({visibilityProperty: true}))
				.map(e => e.innerText.replace(/\s+/g, ' ').trim());
		}`, &texts, selector)
	})
	return texts
}

// Attribute returns an attribute of one element, empty if it has none.
func (p *Page) Attribute(selector, name string) (value string) {
	p.t.Helper()
	p.until("read "+selector, func(ctx context.Context) error {
		element, err := p.find(ctx, selector, nil)
		if err != nil {
			return err
		}
		return p.call(ctx, element, `function(name) { return this.getAttribute(name) ?? '' }`, &value, name)
	})
	return value
}

// Value returns what the field of a label holds; of a box, "on" or "off".
func (p *Page) Value(label string) (value string) {
	p.t.Helper()
	p.until(fmt.Sprintf("read the field %q", label), func(ctx context.Context) error {
		field, err := p.find(ctx, label, readable)
		if err != nil {
			return err
		}
		return p.call(ctx, field, `function() {
			return ['checkbox', 'radio'].includes(this.type) ? (this.checked ? 'on' : 'off') : this.value;
		}`, &value)
	})
	return value
}

// Focused returns role and accessible name of what has the focus, as in: button "Sign in".
func (p *Page) Focused() (name string) {
	p.t.Helper()
	p.until("find the focus", func(ctx context.Context) error {
		active, err := p.evaluateObject(ctx, "document.activeElement")
		if err != nil {
			return err
		}
		res, err := cdp.Call(ctx, p.target, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{ObjectID: active, FetchRelatives: new(false)})
		if err != nil {
			return err
		}
		name = fmt.Sprintf("%s %q", text(res.Nodes[0].Role), text(res.Nodes[0].Name))
		return nil
	})
	return name
}

// Location returns path, query and fragment of where the page is; its whole URL if that is elsewhere.
func (p *Page) Location() (location string) {
	p.t.Helper()
	p.until("tell where it is", func(ctx context.Context) error {
		value, err := p.evaluate(ctx, "location.href")
		if err != nil {
			return err
		}
		return json.Unmarshal(value, &location)
	})
	return strings.TrimPrefix(location, p.base)
}

// Cookie returns the cookie of a name that the page has, nil if there is none.
func (p *Page) Cookie(name string) (cookie *network.Cookie) {
	p.t.Helper()
	p.do("read the cookies", func(ctx context.Context) error {
		res, err := cdp.Call(ctx, p.target, network.GetCookies, network.GetCookiesParams{})
		for _, c := range res.Cookies {
			if c.Name == name {
				cookie = c
			}
		}
		return err
	})
	return cookie
}

// Clipboard returns what was copied last.
func (p *Page) Clipboard() (text string) {
	p.t.Helper()
	p.do("read the clipboard", func(ctx context.Context) error {
		if err := p.permit(ctx, "clipboard-read"); err != nil {
			return err
		}
		value, err := p.evaluate(ctx, "navigator.clipboard.readText()")
		if err != nil {
			return err
		}
		return json.Unmarshal(value, &text)
	})
	return text
}

// Evaluate runs a JavaScript expression in the page, waits for it if it is a promise, and decodes what comes of it into out.
func (p *Page) Evaluate(expression string, out any) {
	p.t.Helper()
	p.do("evaluate "+expression, func(ctx context.Context) error {
		value, err := p.evaluate(ctx, expression)
		if err != nil {
			return err
		}
		return json.Unmarshal(value, out)
	})
}
