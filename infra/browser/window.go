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
