package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"hermod/shared/access"
)

// limitTo lets each key make n requests a minute.
func (w *world) limitTo(n int) {
	w.config.Limiter = access.NewLimiter(access.LimiterConfig{PerMinute: n, Meter: new(access.Memory), Now: w.clock.Now})
	w.start()
}

// left checks what an answer says of the limit.
func (a *answered) left(limit, remaining int, reset time.Time) {
	a.world.Helper()
	want := fmt.Sprintf("%d %d %d", limit, remaining, reset.Unix())
	if got := limitOf(a); got != want {
		a.world.Errorf("%s %s answers %d with X-RateLimit-Limit, -Remaining and -Reset %q, want %q", a.method, a.path, a.status, got, want)
	}
}

func limitOf(a *answered) string {
	h := a.header
	return h.Get("X-RateLimit-Limit") + " " + h.Get("X-RateLimit-Remaining") + " " + h.Get("X-RateLimit-Reset")
}

func TestAKeyMakesAsManyRequestsAMinuteAsItMay(t *testing.T) {
	w := newWorld(t)
	w.limitTo(3)
	w.clock.Move(14500 * time.Millisecond)
	reset := time.Date(2026, 1, 31, 9, 31, 0, 0, time.UTC)
	for n := range 3 {
		a := w.call("GET", "/workflows", nil)
		a.must(200)
		a.left(3, 2-n, reset)
	}
	for range 2 {
		a := w.call("GET", "/workflows", nil)
		a.left(3, 0, reset)
		if message, params := a.refused(tooMany); a.status != 429 || a.header.Get("Retry-After") != "46" || params["limit"] != 3.0 || !strings.Contains(message, "Retry-After") {
			t.Errorf("answers %d, Retry-After %q: %s; want 429, and the seconds until 09:31", a.status, a.header.Get("Retry-After"), a.body)
		}
	}
	for _, key := range []string{"reader", "other"} {
		w.call("GET", "/workflows", nil, as(key)).left(3, 2, reset)
	}
	w.clock.Move(45500 * time.Millisecond)
	w.call("GET", "/workflows", nil).left(3, 2, reset.Add(time.Minute))
}

func TestEveryAnswerToAKeySaysWhatIsLeft(t *testing.T) {
	w := newWorld(t)
	w.limitTo(100)
	reset := w.clock.Now().Add(time.Minute)
	for i, a := range []*answered{
		w.call("POST", "/workflows", map[string]any{"name": "x"}),
		w.call("POST", "/workflows", "{"),
		w.call("GET", "/workflows", nil, with("x-project-id", w.keys["full"])),
		w.call("GET", "/jobs/0197f39e-0000-7e6f-9071-829304152637", nil),
		w.call("HEAD", "/workflows", nil),
	} {
		a.left(100, 99-i, reset)
	}
	w.call("GET", "/workflows", nil, as("none")).left(100, 99, reset)
	for _, a := range []*answered{
		w.call("GET", "/workflows", nil, with("X-Api-Key", "")),
		w.call("GET", "/workflows", nil, with("X-Api-Key", access.NewToken())),
		w.raw("GET", "/health", nil),
		w.raw("GET", "/v3/nowhere", nil),
		w.raw("PUT", "/v3/workflows", nil),
	} {
		if got := limitOf(a); got != "  " {
			t.Errorf("%s %s answers %d with the limit %q, want none: no key was asked for, or none was good", a.method, a.path, a.status, got)
		}
	}
	body := map[string]any{"name": "twice"}
	w.call("POST", "/workflows", body, with(keyHeader, "k")).left(100, 94, reset)
	w.call("POST", "/workflows", body, with(keyHeader, "k")).left(100, 93, reset)
}

func TestWhatIsBeyondTheLimitIsNotCarriedOut(t *testing.T) {
	w := newWorld(t)
	w.limitTo(1)
	w.call("POST", "/workflows", map[string]any{"name": "x"}, with(keyHeader, "a")).must(201)
	w.call("POST", "/workflows", map[string]any{"name": "y"}, with(keyHeader, "b")).refused(tooMany)
	flows, err := w.db.Jobs().ListWorkflows(w.Context(), w.project)
	if err != nil || len(flows) != 1 {
		t.Errorf("there are %d workflows, %v, want the one within the limit", len(flows), err)
	}
	w.clock.Move(time.Minute)
	w.call("POST", "/workflows", map[string]any{"name": "y"}, with(keyHeader, "b")).must(201)
}

func TestWithoutALimiterNothingIsSaidOfOne(t *testing.T) {
	w := newWorld(t)
	if got := limitOf(w.call("GET", "/workflows", nil)); got != "  " {
		t.Errorf("without a limiter an answer says %q", got)
	}
}

// The answer of every route that needs a key is documented, and is given before anything of the request is read.
func TestEveryRouteWithAKeyIsLimited(t *testing.T) {
	w := newWorld(t)
	w.limitTo(1)
	w.call("GET", "/workflows", nil).must(200)
	for _, rt := range table() {
		if rt.scope == "" {
			continue
		}
		path := strings.NewReplacer("{uid}", "0197f39e-0000-7e6f-9071-829304152637").Replace(rt.path)
		a := w.call(rt.method, path, "{")
		if a.refused(tooMany); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
			t.Errorf("%s %s answers %d, Retry-After %q, want 429 with seconds", rt.method, rt.path, a.status, a.header.Get("Retry-After"))
		}
	}
}

// brokenMeter cannot be asked.
type brokenMeter struct{}

func (brokenMeter) Lease(context.Context, string, time.Time, int) (int, error) {
	return 0, errors.New("the table is out of reach")
}

func TestAMeterThatCannotBeAskedStopsNoRequest(t *testing.T) {
	w := newWorld(t)
	w.config.Limiter = access.NewLimiter(access.LimiterConfig{PerMinute: 60, Meter: brokenMeter{}, Now: w.clock.Now})
	w.start()
	for range 10 {
		a := w.call("GET", "/workflows", nil)
		if a.must(200); a.header.Get("X-RateLimit-Limit") != strconv.Itoa(60) {
			t.Errorf("X-RateLimit-Limit is %q, want 60", a.header.Get("X-RateLimit-Limit"))
		}
	}
	w.server.Close()
	if n := strings.Count(w.log.String(), "the table is out of reach"); n != 1 {
		t.Errorf("the log tells %d times a minute that the meter cannot be asked, want once", n)
	}
}
