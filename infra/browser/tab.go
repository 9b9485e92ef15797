package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// MaxDocument is how many bytes a document may have once it is decompressed.
const MaxDocument = 100_000

// grace is how long a navigation that was asked for may take to begin: one that a policy forbids never does.
const grace = 3 * time.Second

// Document is a page as it was loaded.
type Document struct {
	URL         string `json:"name"`
	Transferred int    `json:"transferSize"`    // bytes on the wire, with headers; 0: it came from the cache
	Decoded     int    `json:"decodedBodySize"` // bytes of the body, decompressed
}

// tab is a target of Chromium's, and what was heard of it.
type tab struct {
	t        T
	base     string
	patience time.Duration
	axe      string
	target   *chromedp.Target
	permit   func(ctx context.Context, permission string) error

	mu         sync.Mutex
	frame      cdp.FrameID // of the page itself
	asked      time.Time   // when a navigation was asked for that has not begun; zero: none
	loading    bool
	fresh      bool // what is shown was loaded, and is not among the documents yet
	documents  []Document
	complaints []string
	expected   []string
}

func newTab(t T, base, axe string) *tab {
	return &tab{t: t, base: base, patience: Patience, axe: axe}
}

func (t *tab) attach(c *chromedp.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.target, t.frame = c.Target, cdp.FrameID(c.Target.TargetID)
	t.permit = func(ctx context.Context, permission string) error {
		_, err := cdp.Call(ctx, c.Browser, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: permission}, Setting: browser.PermissionSettingGranted, BrowserContextID: c.BrowserContextID,
		})
		return err
	}
}

// hear takes what Chromium tells of the tab, in the order in which it happened.
func (t *tab) hear(event any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hearOfLoading(event)
	t.hearComplaint(event)
	if _, ok := event.(*page.EventJavascriptDialogOpening); ok {
		go cdp.Call(context.Background(), t.target, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{}) // nothing else goes on until then
	}
}

func (t *tab) hearOfLoading(event any) {
	switch e := event.(type) {
	case *page.EventFrameRequestedNavigation:
		if e.FrameID == t.frame && e.Disposition == page.ClientNavigationDispositionCurrentTab {
			t.asked = time.Now()
		}
	case *page.EventFrameStartedLoading:
		if e.FrameID == t.frame {
			t.asked, t.loading = time.Time{}, true
		}
	case *page.EventFrameNavigated:
		if e.Frame.ID == t.frame {
			t.fresh = e.Type == page.NavigationTypeNavigation
		}
	case *page.EventFrameStoppedLoading:
		if e.FrameID == t.frame {
			t.loading = false
		}
	}
}

// hearComplaint notes what nobody should see in a console. Failed requests and breaches of the policy are in Chromium's log.
func (t *tab) hearComplaint(event any) {
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		switch e.Type {
		case runtime.ConsoleAPICalledTypeError, runtime.ConsoleAPICalledTypeWarning, runtime.ConsoleAPICalledTypeAssert:
			t.complain("console.%s: %s", e.Type, said(e.Args))
		}
	case *runtime.EventExceptionThrown:
		d := e.ExceptionDetails
		t.complain("uncaught exception at %s:%d: %s %s", d.URL, d.LineNumber+1, d.Text, said([]*runtime.RemoteObject{d.Exception}))
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			t.complain("%s %s: %s (%s)", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	case *inspector.EventTargetCrashed:
		t.complain("the tab crashed")
	case *page.EventJavascriptDialogOpening:
		t.complain("a dialog of the browser's, which was dismissed: %s %q", e.Type, e.Message)
	}
}

func (t *tab) complain(format string, args ...any) {
	t.complaints = append(t.complaints, fmt.Sprintf(format, args...))
}

// said returns the arguments of a call of console.
func said(args []*runtime.RemoteObject) string {
	var words []string
	for _, o := range args {
		var text string
		switch {
		case o == nil:
		case json.Unmarshal(o.Value, &text) == nil:
			words = append(words, text)
		case o.Description != "":
			words = append(words, o.Description)
		default:
			words = append(words, string(o.Value))
		}
	}
	return strings.Join(words, " ")
}

// rest waits until the tab is at rest, and everything was heard that what was done before brings about.
func (t *tab) rest(ctx context.Context) error {
	for range 2 { // what a click leaves to a later task of the page's comes before the second answer
		if _, err := t.evaluate(ctx, "0"); err != nil && ctx.Err() != nil {
			return err
		}
	}
	return poll(Patience, func() error {
		if !t.settled() {
			return errors.New("it is still loading")
		}
		return t.measure(ctx)
	})
}

// measure notes what has been loaded since the last time. (Network events tell the size of a body as it came, compressed.)
func (t *tab) measure(ctx context.Context) (err error) {
	t.mu.Lock()
	fresh := t.fresh
	t.fresh = false
	t.mu.Unlock()
	if !fresh {
		return nil
	}
	defer func() {
		if err != nil { // it has gone on to another document
			t.mu.Lock()
			t.fresh = true
			t.mu.Unlock()
		}
	}()
	value, err := t.evaluate(ctx, "performance.getEntriesByType('navigation')[0].toJSON()")
	if err != nil {
		return err
	}
	var d Document
	if err := json.Unmarshal(value, &d); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.documents = append(t.documents, d)
	return nil
}

// settled says whether the tab is at rest: nothing loads, or is about to.
func (t *tab) settled() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.loading && (t.asked.IsZero() || time.Since(t.asked) > grace)
}

// expect makes one complaint that has the text a thing to be missed.
func (t *tab) expect(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expected = append(t.expected, text)
}

// judge tells the test what is wrong with all that the tab showed.
func (t *tab) judge() {
	t.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := t.rest(ctx); err != nil {
		t.t.Errorf("at the end of the test the page does not come to rest: %v", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, complaint := range t.unexpected() {
		t.t.Errorf("the browser complains: %s", complaint)
	}
	for _, text := range t.expected {
		t.t.Errorf("the browser does not complain of %q, and was expected to", text)
	}
	for _, d := range t.documents {
		if d.Decoded > MaxDocument {
			t.t.Errorf("%s has %d bytes (%d as transferred), want at most %d", d.URL, d.Decoded, d.Transferred, MaxDocument)
		}
	}
}

// unexpected returns the complaints that nobody expected, and leaves the expectations that nothing met.
func (t *tab) unexpected() (rest []string) {
	for _, complaint := range t.complaints {
		met := false
		for i, text := range t.expected {
			if met = strings.Contains(complaint, text); met {
				t.expected = append(t.expected[:i], t.expected[i+1:]...)
				break
			}
		}
		if !met {
			rest = append(rest, complaint)
		}
	}
	return rest
}
