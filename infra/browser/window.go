package browser

import (
	"context"
	"os"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
)

// still ends what moves, so that colours and places are those that stay.
const still = `for (const a of document.getAnimations()) { try { a.finish() } catch { a.cancel() } }`

// Viewport makes the window so many pixels wide and high.
func (p *Page) Viewport(width, height int) {
	p.t.Helper()
	p.do("resize the window", func(ctx context.Context) error {
		_, err := cdp.Call(ctx, p.target, emulation.SetDeviceMetricsOverride,
			emulation.SetDeviceMetricsOverrideParams{Width: int64(width), Height: int64(height), DeviceScaleFactor: 1})
		return err
	})
}

// widest is the innermost element that reaches farthest beyond the window.
const widest = `[...document.querySelectorAll('main *, header *')].filter(e => !e.closest('.scroll') || e.matches('.scroll'))
	.filter(e => e.getBoundingClientRect().right > innerWidth + 1 || e.getBoundingClientRect().left < -1)
	.map(e => e.outerHTML.slice(0, 160)).at(-1) ?? 'nothing to see'`

// Fits fails the test if the page is wider than the window.
func (p *Page) Fits() {
	p.t.Helper()
	var beyond int
	p.Evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth", &beyond)
	if beyond <= 0 {
		return
	}
	var who string
	p.Evaluate(widest, &who)
	p.t.Errorf("%s is %d pixels wider than the window, for %s", p.Location(), beyond, who)
}

// Dark says whether the person at the browser prefers dark colours.
func (p *Page) Dark(dark bool) {
	p.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	p.do("prefer "+scheme+" colours", func(ctx context.Context) error {
		_, err := cdp.Call(ctx, p.target, emulation.SetEmulatedMedia,
			emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	})
}

// Script says whether pages may run scripts, from the next one on. Without them Axe and Evaluate see no promise fulfilled.
func (p *Page) Script(allowed bool) {
	p.t.Helper()
	p.do("turn script on or off", func(ctx context.Context) error {
		_, err := cdp.Call(ctx, p.target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !allowed})
		return err
	})
}

// Screenshot writes what the window shows to a PNG file.
func (p *Page) Screenshot(file string) {
	p.t.Helper()
	p.do("take a picture", func(ctx context.Context) error {
		if _, err := p.evaluate(ctx, still); err != nil {
			return err
		}
		res, err := cdp.Call(ctx, p.target, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng})
		if err != nil {
			return err
		}
		return os.WriteFile(file, res.Data, 0o644)
	})
}
