package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestTheConsoleHasItsPathsAndTheAPIAllOthers(t *testing.T) {
	says := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(name)) })
	}
	h := front(says("console"), says("API"))
	for path, want := range map[string]string{
		"/": "console", "/console": "console", "/console/": "console", "/console/deliveries/x": "console", "/console//": "console",
		"/v3": "API", "/v3/jobs": "API", "/health": "API", "/openapi.yaml": "API", "/consoles": "API", "//": "API", "//console": "API",
		"/v3/console": "API", "/v3/../console": "API", "/Console": "API", "/index.html": "API",
	} {
		for _, method := range []string{"GET", "POST"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
			if got := w.Body.String(); w.Code != 200 || got != want {
				t.Errorf("%s %s goes to the %s (%d), want the %s", method, path, got, w.Code, want)
			}
		}
	}
}
