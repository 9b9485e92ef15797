package browser

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/chromedp/chromedp"
)

// Patience is how long a verb waits for what it needs.
const Patience = 30 * time.Second

// T is who asks for a browser and is told what is wrong: a test, or the program that takes pictures.
type T interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any) // does not return
	Skipf(format string, args ...any)  // does not return
	Failed() bool
	Cleanup(func())
}

// Browser is a running Chromium. It ends with its test.
type Browser struct {
	t    T
	root context.Context // in which chromedp keeps the process
	axe  string          // file of axe-core
}

// programs are what Chromium may be called, the first that is there is taken; infra/browser/install has the same names.
var programs = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// Start starts a Chromium that reaches this machine and nothing else, and keeps nothing. Without Chromium or axe-core the test is left
// out, and fails in CI.
func Start(t T) *Browser {
	t.Helper()
	b := &Browser{t: t, axe: axeFile(t)}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program(t)),
		chromedp.NoSandbox, // which root and many a container cannot have
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)...)
	t.Cleanup(stop)
	b.root, stop = chromedp.NewContext(allocator)
	t.Cleanup(stop)
	late := time.AfterFunc(2*Patience, stop) // no deadline: the process would end with it
	defer late.Stop()
	if err := chromedp.Do(b.root); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return b
}

// Page returns a new tab, empty and with cookies of its own, for paths below a base URL. At the end of the test it is judged and
// closed: whatever serves it should have been started before it.
func (b *Browser) Page(base string) *Page {
	b.t.Helper()
	tab := newTab(b.t, base, b.axe)
	ctx, stop := chromedp.NewContext(b.root, chromedp.WithNewBrowserContext(), chromedp.WithListener(tab.hear))
	b.t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		b.t.Fatalf("open a tab: %v", err)
	}
	tab.attach(chromedp.FromContext(ctx))
	b.t.Cleanup(tab.judge)
	p := &Page{tab: tab}
	p.Viewport(1280, 800)
	return p
}

func program(t T) string {
	t.Helper()
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, "there is no Chromium")
	return ""
}

// axeFile returns where infra/browser/install puts axe-core.
func axeFile(t T) string {
	t.Helper()
	dir := os.Getenv("HERMOD_BROWSER")
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatalf("the cache folder: %v", err)
		}
		dir = filepath.Join(cache, "hermod", "browser")
	}
	file := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
	if _, err := os.Stat(file); err != nil {
		missing(t, "there is no axe-core: "+err.Error())
	}
	return file
}

func missing(t T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("infra/browser/install has not been run: %s", what)
	}
	t.Skipf("NOT CHECKED: infra/browser/install gets what is missing: %s", what)
}
