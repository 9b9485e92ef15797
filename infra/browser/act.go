package browser

import (
	"context"
	"fmt"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
)

// Click clicks the button, link, box or tab of an accessible name, or what a selector selects.
func (p *Page) Click(what string) {
	p.t.Helper()
	p.click("click "+quote(what), what, clickable)
}

// Type puts a text into the field of a label, in place of what it holds. Fields for dates and times take it as their value.
func (p *Page) Type(label, text string) {
	p.t.Helper()
	doing := "type into " + quote(label)
	field := p.click(doing, label, fillable)
	p.do(doing, func(ctx context.Context) error {
		var done bool
		if err := p.call(ctx, field, `function(text) {
			if (['date', 'time', 'datetime-local', 'month', 'week', 'color', 'range'].includes(this.type)) {
				this.value = text;
				this.dispatchEvent(new Event('input', {bubbles: true}));
				this.dispatchEvent(new Event('change', {bubbles: true}));
				return true;
			}
			this.select();
			return false;
		}`, &done, text); err != nil || done {
			return err
		}
		if text == "" {
			return p.strike(ctx, "Delete")
		}
		_, err := cdp.Call(ctx, p.target, input.InsertText, input.InsertTextParams{Text: text})
		return err
	})
}

// Select chooses an option of a list, by the list's label and the option's text or value.
func (p *Page) Select(label, option string) {
	p.t.Helper()
	p.until(fmt.Sprintf("select %q of %q", option, label), func(ctx context.Context) error {
		list, err := p.find(ctx, label, selectable)
		if err != nil {
			return err
		}
		var others []string
		err = p.call(ctx, list, `function(option) {
			const found = [...this.options].find(o => o.label.trim() === option) ?? [...this.options].find(o => o.value === option);
			if (!found) return [...this.options].map(o => o.label.trim());
			found.selected = true;
			this.dispatchEvent(new Event('input', {bubbles: true}));
			this.dispatchEvent(new Event('change', {bubbles: true}));
			return null;
		}`, &others, option)
		if others != nil {
			return fmt.Errorf("its options are %q", others)
		}
		return err
	})
	p.do("select", func(context.Context) error { return nil })
}

// Press presses keys together, named as in KeyboardEvent.key: Enter, Tab, Shift+Tab, Escape, ArrowDown, a.
func (p *Page) Press(keys string) {
	p.t.Helper()
	p.do("press "+keys, func(ctx context.Context) error { return p.strike(ctx, keys) })
}

// click clicks what has the name and one of the roles, and returns it.
func (p *Page) click(doing, what string, roles []string) (clicked element) {
	p.t.Helper()
	var x, y float64
	p.until(doing, func(ctx context.Context) (err error) {
		if clicked, err = p.find(ctx, what, roles); err != nil {
			return err
		}
		x, y, err = p.reach(ctx, clicked)
		return err
	})
	p.do(doing, func(ctx context.Context) error {
		for _, e := range []input.DispatchMouseEventParams{
			{Type: input.DispatchMouseEventTypeMouseMoved},
			{Type: input.DispatchMouseEventTypeMousePressed, Button: input.MouseButtonLeft, Buttons: 1, ClickCount: 1},
			{Type: input.DispatchMouseEventTypeMouseReleased, Button: input.MouseButtonLeft, ClickCount: 1},
		} {
			e.X, e.Y = x, y
			if _, err := cdp.Call(ctx, p.target, input.DispatchMouseEvent, e); err != nil {
				return err
			}
		}
		return nil
	})
	return clicked
}

// reach scrolls to an element and returns a point where a click would be its own.
func (p *Page) reach(ctx context.Context, e element) (x, y float64, err error) {
	if _, err := cdp.Call(ctx, p.target, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{ObjectID: e.id}); err != nil {
		return 0, 0, err
	}
	res, err := cdp.Call(ctx, p.target, dom.GetContentQuads, dom.GetContentQuadsParams{ObjectID: e.id})
	if err != nil {
		return 0, 0, err
	}
	if len(res.Quads) == 0 {
		return 0, 0, fmt.Errorf("it has no place on the screen")
	}
	q := res.Quads[0] // four corners, clockwise
	x, y = (q[0]+q[4])/2, (q[1]+q[5])/2
	var hindrance string
	err = p.call(ctx, e, `function(x, y) {
		if (this.matches(':disabled, [aria-disabled=true]')) return 'it is disabled';
		const top = document.elementFromPoint(x, y);
		if (this.contains(top) || (this.labels && [...this.labels].some(l => l.contains(top)))) return '';
		return 'it is covered by ' + (top ? top.cloneNode(false).outerHTML : 'nothing: it lies outside the window');
	}`, &hindrance, x, y)
	if hindrance != "" {
		return 0, 0, fmt.Errorf("%s", hindrance)
	}
	return x, y, err
}
