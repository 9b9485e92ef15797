package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
)

// Roles as Chromium computes them.
var (
	clickable = []string{"button", "link", "checkbox", "radio", "switch", "tab", "menuitem", "menuitemcheckbox", "menuitemradio", "option",
		"DisclosureTriangle", "DisclosureTriangleGrouped"} // the last two are summaries of details
	fillable = []string{"textbox", "searchbox", "spinbutton", "slider", "Date", "DateTime", "InputTime", "ColorWell",
		"combobox"} // that of a field with suggestions
	selectable = []string{"combobox", "listbox"}
	readable   = append(slices.Concat(fillable, selectable), "checkbox", "radio", "switch")
)

// absent is the error when what is looked for is not there.
type absent struct{ why string }

func (a absent) Error() string { return a.why }

func isAbsent(err error) bool { return errors.As(err, new(absent)) }

// element is a handle on an element of the page, or on all of it.
type element struct{ id runtime.RemoteObjectID }

func isSelector(what string) bool { return what != "" && strings.ContainsRune("#.[:", rune(what[0])) }

func quote(what string) string {
	if isSelector(what) {
		return what
	}
	return fmt.Sprintf("%q", what)
}

// find returns the one element that has the accessible name and one of the roles, or that the selector selects. Without roles what
// is a selector whatever it begins with.
func (p *Page) find(ctx context.Context, what string, roles []string) (element, error) {
	part, err := p.part(ctx)
	if err != nil {
		return element{}, err
	}
	if roles == nil || isSelector(what) {
		return p.selected(ctx, part, what)
	}
	return p.named(ctx, part, what, roles)
}

// part returns the element within which the verbs look.
func (p *Page) part(ctx context.Context) (element, error) {
	id, err := p.evaluateObject(ctx, "document.documentElement")
	part := element{id}
	for _, what := range p.parts {
		if err != nil {
			return element{}, err
		}
		if isSelector(what) {
			part, err = p.selected(ctx, part, what)
		} else {
			part, err = p.group(ctx, part, what)
		}
	}
	return part, err
}

// selected returns the one visible element that a selector selects.
func (p *Page) selected(ctx context.Context, part element, selector string) (element, error) {
	return p.only(ctx, part, "selected by "+selector, `function(selector) {
		return [...this.querySelectorAll(selector)].filter(e => e.checkVisibility({visibilityProperty: true}));
	}`, selector)
}

// group returns the one smallest group of elements in which a text can be seen.
func (p *Page) group(ctx context.Context, part element, text string) (element, error) {
	return p.only(ctx, part, fmt.Sprintf("a row, an item, a section or the like with the text %q", text), `function(text) {
		const groups = [...this.querySelectorAll('tr, li, dl > div, article, aside, fieldset, dialog, section, details, form, nav, table, main')]
			.filter(e => e.checkVisibility({visibilityProperty: true}) && e.innerText.replace(/\s+/g, ' ').includes(text));
		return groups.filter(e => !groups.some(inner => inner !== e && e.contains(inner)));
	}`, text)
}

// only returns the one element of the list that a function returns.
func (p *Page) only(ctx context.Context, part element, what, function string, arg any) (element, error) {
	list, err := p.callObject(ctx, part, function, arg)
	if err != nil {
		return element{}, err
	}
	var n int
	if err := p.call(ctx, list, `function() { return this.length }`, &n); err != nil {
		return element{}, err
	}
	switch n {
	case 0:
		return element{}, absent{"nothing visible is " + what}
	case 1:
		return p.callObject(ctx, list, `function() { return this[0] }`)
	}
	return element{}, fmt.Errorf("%d elements are %s: narrow it by Within", n, what)
}

// named returns the one element with the accessible name and one of the roles.
func (p *Page) named(ctx context.Context, part element, name string, roles []string) (element, error) {
	tree, err := cdp.Call(ctx, p.target, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{ObjectID: part.id})
	if err != nil {
		return element{}, err
	}
	var found []cdp.BackendNodeID
	var others []string
	for _, node := range tree.Nodes {
		if node.Ignored || !slices.Contains(roles, text(node.Role)) {
			continue
		}
		if text(node.Name) == name {
			found = append(found, node.BackendDOMNodeID)
		}
		others = append(others, text(node.Name))
	}
	switch len(found) {
	case 0:
		return element{}, absent{fmt.Sprintf("none is named so; there are %q", others)}
	case 1:
		res, err := cdp.Call(ctx, p.target, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: found[0]})
		if err != nil {
			return element{}, err
		}
		return element{res.Object.ObjectID}, nil
	}
	return element{}, fmt.Errorf("%d are named so: narrow it by Within", len(found))
}

// sees says whether a text can be seen, or what a selector selects; if not, the error is absent.
func (p *Page) sees(ctx context.Context, what string) error {
	part, err := p.part(ctx)
	if err != nil {
		return err
	}
	var there bool
	if isSelector(what) {
		err = p.call(ctx, part, `function(selector) {
			return [...this.querySelectorAll(selector)].some(e => e.checkVisibility({visibilityProperty: true}));
		}`, &there, what)
	} else {
		err = p.call(ctx, part, `function(text) {
			return (this === document.documentElement ? document.body : this).innerText.replace(/\s+/g, ' ').includes(text);
		}`, &there, what)
	}
	if err == nil && !there {
		return absent{"it is not there"}
	}
	return err
}

// call calls a function on an element with arguments, and decodes its answer into out.
func (t *tab) call(ctx context.Context, on element, function string, out any, args ...any) error {
	res, err := t.callFunction(ctx, on, function, true, args)
	if err != nil {
		return err
	}
	return json.Unmarshal(res.Value, out)
}

// callObject is call for an answer that is an object of the page.
func (t *tab) callObject(ctx context.Context, on element, function string, args ...any) (element, error) {
	res, err := t.callFunction(ctx, on, function, false, args)
	if err != nil {
		return element{}, err
	}
	return element{res.ObjectID}, nil
}

func (t *tab) callFunction(ctx context.Context, on element, function string, byValue bool, args []any) (*runtime.RemoteObject, error) {
	params := runtime.CallFunctionOnParams{FunctionDeclaration: function, ObjectID: on.id, ReturnByValue: &byValue}
	for _, arg := range args {
		value, err := json.Marshal(arg)
		if err != nil {
			return nil, err
		}
		params.Arguments = append(params.Arguments, &runtime.CallArgument{Value: value})
	}
	res, err := cdp.Call(ctx, t.target, runtime.CallFunctionOn, params)
	if err == nil && res.ExceptionDetails != nil {
		return nil, thrown(res.ExceptionDetails)
	}
	return res.Result, err
}

// evaluate returns the value of an expression.
func (t *tab) evaluate(ctx context.Context, expression string) (json.RawMessage, error) {
	res, err := cdp.Call(ctx, t.target, runtime.Evaluate, runtime.EvaluateParams{
		Expression: expression, ReturnByValue: new(true), AwaitPromise: new(true), UserGesture: new(true),
	})
	if err == nil && res.ExceptionDetails != nil {
		return nil, thrown(res.ExceptionDetails)
	}
	if err != nil {
		return nil, err
	}
	return json.RawMessage(res.Result.Value), nil
}

// evaluateObject is evaluate for an expression that is an object of the page.
func (t *tab) evaluateObject(ctx context.Context, expression string) (runtime.RemoteObjectID, error) {
	res, err := cdp.Call(ctx, t.target, runtime.Evaluate, runtime.EvaluateParams{Expression: expression})
	if err != nil {
		return "", err
	}
	if res.Result.ObjectID == "" {
		return "", fmt.Errorf("the page has no %s", expression)
	}
	return res.Result.ObjectID, nil
}

func thrown(d *runtime.ExceptionDetails) error {
	return fmt.Errorf("%s %s", d.Text, said([]*runtime.RemoteObject{d.Exception}))
}

// text returns what a value of the accessibility tree says, each run of white space as one space.
func text(v *accessibility.Value) string {
	var s string
	if v == nil || json.Unmarshal(v.Value, &s) != nil {
		return ""
	}
	return strings.Join(strings.Fields(s), " ")
}
