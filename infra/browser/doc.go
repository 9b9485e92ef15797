// Package browser drives the console the way people do: a real Chromium opens pages, clicks what has a name, types into what has a
// label, and reads what can be seen. The tests beside it, one file a page, run it against the service on one machine.
//
//	s := browser.ServeDemo(t)
//	p := s.SignIn(browser.Start(t))
//	p.Open("/console/webhooks")
//	p.Within("Demo receiver, broken").Click("Disable")
//	p.Wait("Disabled by you")
//
// Every verb waits for what it needs, up to Patience, and then ends the test with what the page shows. What a verb is given names
// things as a screen reader does: by accessible name, by label, by visible text. What begins with #, ., [ or : is a CSS selector.
//
// Whatever a page complains of fails its test at the end, unless the test expected it: errors and warnings in the console, uncaught
// exceptions, breaches of the Content-Security-Policy, requests that failed or were answered 4xx or 5xx. So does a document of more than
// 100 KB. Axe looks for what shuts people out.
//
//   - install gets Chromium, where it may, and axe-core.
//   - pictures takes the pictures of README.md.
package browser
