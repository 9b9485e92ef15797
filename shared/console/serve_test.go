package console_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"hermod/shared/console"
)

// lines are what the console logged, and what each line says of a request.
func (w *world) lines(log *bytes.Buffer) (lines []object) {
	w.Helper()
	for line := range strings.Lines(log.String()) {
		var o object
		w.noError(json.Unmarshal([]byte(line), &o))
		lines = append(lines, o)
	}
	log.Reset()
	return lines
}

// Live pages ask every few seconds: what only reads and goes well is no more than a word for who looks into something.
func TestEachRequestIsOneLineOfTheLog(t *testing.T) {
	w := newWorld(t)
	var log bytes.Buffer
	w.config.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.console = console.New(w.config)
	v := w.visit("full")
	log.Reset()
	for _, row := range []struct {
		do     func()
		level  string
		route  string
		status float64
	}{
		{func() { v.get("/jobs") }, "DEBUG", "/console/jobs", 200},
		{func() { v.get("/jobs/nonsense") }, "INFO", "/console/jobs/{uid}", 404},
		{func() { v.post("/api-keys", url.Values{"name": {"one"}, "scope": {"read"}}) }, "INFO", "/console/api-keys", 200},
		{func() { v.post("/api-keys", nil) }, "INFO", "/console/api-keys", 400},
	} {
		row.do()
		lines := w.lines(&log)
		if len(lines) != 1 || lines[0]["level"] != row.level || lines[0]["route"] != row.route || lines[0]["status"] != row.status ||
			lines[0]["project"] != w.project || lines[0]["request_id"] == "" {
			t.Errorf("the log has %v, want one line of the level %s with %s and %v", lines, row.level, row.route, row.status)
		}
	}
}

func TestWhatBreaksIsInTheLogAndOnThePageItsIdAlone(t *testing.T) {
	w := newWorld(t)
	var log bytes.Buffer
	w.config.Logger = slog.New(slog.NewJSONHandler(&log, nil))
	broken := false
	w.config.API = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if broken {
			panic("out of luck")
		}
		w.api.ServeHTTP(rw, r)
	})
	w.console = console.New(w.config)
	v := w.visit("full")
	log.Reset()
	broken = true
	for _, path := range []string{"/webhooks", "/jobs"} { // asked for alone, and together with others
		page := v.get(path).is(500).shows("Something went wrong on our side").hides("out of luck", "goroutine")
		lines := w.lines(&log)
		if len(lines) != 1 || lines[0]["level"] != "ERROR" || !strings.Contains(lines[0]["error"].(string), "out of luck") {
			t.Fatalf("%s: the log has %v, want one line with the panic", path, lines)
		}
		page.shows(lines[0]["request_id"].(string))
	}
}
