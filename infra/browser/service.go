package browser

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"hermod/infra/openapi/service"
)

// Service is the one-machine service, a process of its own, with its console. It ends with its test.
type Service struct {
	*service.Service
	URL  string // of the console, without /console
	Demo string // URL of the demo's receiver; empty: there is no demo

	t T
}

// ServeDemo starts the service with its demo: within half a minute it has deliveries that succeeded, one that was retried, and a dead
// letter (Played waits for them).
func ServeDemo(t T) *Service {
	t.Helper()
	s := serve(t, "-demo")
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatalf("the URL of the service: %v", err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatalf("the port of the service: %v", err)
	}
	s.Demo = "http://" + u.Hostname() + ":" + strconv.Itoa(port+1)
	s.Until("the demo's first job", func() bool { return s.any("/jobs") })
	return s
}

// ServeEmpty starts the service with a project that has a first workflow and nothing else.
func ServeEmpty(t T) *Service {
	t.Helper()
	return serve(t)
}

func serve(t T, flags ...string) *Service {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*Patience)
	defer cancel()
	started, err := service.Start(ctx, flags...)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		if err := started.Stop(); err != nil {
			t.Errorf("%v", err)
		} else if t.Failed() {
			t.Logf("the service said on standard error: %s", started.Said())
		}
	})
	return &Service{Service: started, URL: strings.TrimSuffix(started.API, "/v3"), t: t}
}

// Must makes a request of the API that has to be answered 2xx, and decodes the answer into out unless that is nil.
func (s *Service) Must(method, path string, in, out any) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := s.Call(ctx, method, path, in, out); err != nil {
		s.t.Fatalf("%v", err)
	}
}

// Played waits until the demo's first dead letter has come.
func (s *Service) Played() {
	s.t.Helper()
	s.Until("the demo's dead letter", func() bool { return s.any("/deliveries?state=dead") })
}

// Until asks again and again whether it is so, and ends the test if it does not come to be.
func (s *Service) Until(what string, so func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*Patience)
	defer cancel()
	if err := service.Until(ctx, what, func() (bool, error) { return so(), nil }); err != nil {
		s.t.Fatalf("%v", err)
	}
}

// any reports whether a list of the API has something in it.
func (s *Service) any(path string) bool {
	s.t.Helper()
	var list struct{ Results []struct{ UID string } }
	s.Must("GET", path, nil, &list)
	return len(list.Results) > 0
}

// SignIn returns a tab of the browser that is signed in with the key of the service's project.
func (s *Service) SignIn(b *Browser) *Page {
	s.t.Helper()
	p := b.Page(s.URL)
	p.Open("/console/sign-in")
	p.Type("API key", s.Key)
	p.Click("Sign in")
	if at := p.Location(); at != "/console" {
		s.t.Fatalf("after signing in the page is %s, want /console\n%s", at, p.describe())
	}
	return p
}
