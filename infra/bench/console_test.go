package bench

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// request is what is measured.
type request struct {
	name   string
	method string // empty: GET
	path   string
	body   string // JSON; empty: none
}

// BenchmarkAPI measures lists, and what else the console asks of the API, with a million deliveries stored.
func BenchmarkAPI(b *testing.B) {
	s, p := startSeeded(b)
	hook, flow := s.Hooks[2], s.Flows[0]
	all := []request{
		{name: "deliveries", path: "/deliveries"},
		{name: "deliveries, 100", path: "/deliveries?limit=100"},
		{name: "deliveries pending", path: "/deliveries?state=pending"},
		{name: "deliveries retrying", path: "/deliveries?state=retrying"},
		{name: "deliveries succeeded", path: "/deliveries?state=succeeded"},
		{name: "deliveries dead", path: "/deliveries?state=dead"},
		{name: "deliveries cancelled", path: "/deliveries?state=cancelled"},
		{name: "deliveries of an event", path: "/deliveries?event=failed"},
		{name: "deliveries of an event that is none", path: "/deliveries?event=paused"},
		{name: "deliveries of a time", path: "/deliveries?until=" + url.QueryEscape(time.Now().Add(-seedTime/2).UTC().Format(time.RFC3339))},
		{name: "deliveries of a webhook", path: "/deliveries?webhook_uid=" + hook},
		{name: "deliveries of a webhook, pending", path: "/deliveries?state=pending&webhook_uid=" + hook},
		{name: "deliveries of a webhook, dead", path: "/deliveries?state=dead&webhook_uid=" + hook},
		{name: "deliveries of an idle webhook", path: "/deliveries?webhook_uid=" + s.Idle},
		{name: "deliveries of an idle webhook, dead", path: "/deliveries?state=dead&webhook_uid=" + s.Idle},
		{name: "deliveries of a job", path: "/deliveries?job_uid=" + s.Job},
		{name: "delivery", path: "/deliveries/" + s.Delivery["dead"]},
		{name: "jobs", path: "/jobs"},
		{name: "jobs running", path: "/jobs?status=running"},
		{name: "jobs shutdown", path: "/jobs?status=shutdown"},
		{name: "jobs of a workflow", path: "/jobs?workflow_uid=" + flow},
		{name: "jobs of a workflow, running", path: "/jobs?status=running&workflow_uid=" + flow},
		{name: "job", path: "/jobs/" + s.Job},
		{name: "events of a job", path: "/jobs/" + s.Job + "/events"},
		{name: "inputs", path: "/jobs/" + s.Inputs + "/inputs?limit=100"},
		{name: "inputs failed", path: "/jobs/" + s.Inputs + "/inputs?status=failed"},
		{name: "results", path: "/jobs/" + s.Inputs + "/results"},
		{name: "webhooks", path: "/webhooks?limit=100"},
		{name: "statistics", path: "/webhooks/" + hook + "/stats"},
		{name: "statistics of a month", path: "/webhooks/" + hook + "/stats?since=" + url.QueryEscape(time.Now().Add(-30*24*time.Hour).UTC().Format(time.RFC3339))},
		{name: "statistics of the project", path: "/stats"},
		{name: "workflows", path: "/workflows"},
		{name: "redrives", path: "/redrives"},
		{name: "preview of dead", method: "POST", path: "/redrives", body: `{"dry_run":true}`},
		{name: "preview of dead of a webhook", method: "POST", path: "/redrives", body: `{"dry_run":true,"webhook_uid":"` + hook + `"}`},
		{name: "preview of dead of a job", method: "POST", path: "/redrives", body: `{"dry_run":true,"job_uid":"` + s.Job + `"}`},
		{name: "preview of cancelled", method: "POST", path: "/redrives", body: `{"dry_run":true,"state":"cancelled"}`},
		{name: "preview of missing", method: "POST", path: "/redrives", body: `{"dry_run":true,"state":"missing"}`},
	}
	for _, q := range all {
		q.path = p.base + q.path
		b.Run(q.name, func(b *testing.B) {
			q.measure(b, http.Header{"X-Api-Key": {p.key}, "Content-Type": {"application/json"}})
		})
	}
}

// BenchmarkConsole measures the pages of the console with a million deliveries stored.
func BenchmarkConsole(b *testing.B) {
	s, p := startSeeded(b)
	session, err := p.signIn()
	if err != nil {
		b.Fatal(err)
	}
	all := []request{
		{name: "overview", path: ""},
		{name: "overview of a month", path: "?range=30d"},
		{name: "jobs", path: "/jobs"},
		{name: "jobs running", path: "/jobs?status=running"},
		{name: "jobs of a workflow, shutdown", path: "/jobs?status=shutdown&workflow_uid=" + s.Flows[0]},
		{name: "job, inputs", path: "/jobs/" + s.Inputs + "?tab=inputs"},
		{name: "job, results", path: "/jobs/" + s.Inputs + "?tab=results"},
		{name: "job, events", path: "/jobs/" + s.Job + "?tab=events"},
		{name: "job, webhooks", path: "/jobs/" + s.Job + "?tab=webhooks"},
		{name: "job, deliveries", path: "/jobs/" + s.Job + "?tab=deliveries"},
		{name: "webhooks", path: "/webhooks"},
		{name: "webhook", path: "/webhooks/" + s.Hooks[2]},
		{name: "webhook, a month", path: "/webhooks/" + s.Hooks[2] + "?range=30d"},
		{name: "webhook, idle", path: "/webhooks/" + s.Idle},
		{name: "deliveries", path: "/deliveries"},
		{name: "deliveries pending", path: "/deliveries?state=pending"},
		{name: "deliveries retrying", path: "/deliveries?state=retrying"},
		{name: "deliveries succeeded", path: "/deliveries?state=succeeded"},
		{name: "deliveries dead", path: "/deliveries?state=dead"},
		{name: "deliveries of a webhook", path: "/deliveries?webhook_uid=" + s.Hooks[2]},
		{name: "deliveries of a webhook, dead", path: "/deliveries?state=dead&webhook_uid=" + s.Hooks[2]},
		{name: "deliveries of an idle webhook", path: "/deliveries?webhook_uid=" + s.Idle},
		{name: "deliveries of an idle webhook, dead", path: "/deliveries?state=dead&webhook_uid=" + s.Idle},
		{name: "deliveries of a job", path: "/deliveries?job_uid=" + s.Job},
		{name: "delivery", path: "/deliveries/" + s.Delivery["dead"]},
		{name: "delivery, succeeded", path: "/deliveries/" + s.Delivery["succeeded"]},
		{name: "dead letters", path: "/dead-letters"},
		{name: "dead letters of a webhook", path: "/dead-letters?webhook_uid=" + s.Hooks[2]},
		{name: "dead letters with preview", path: "/dead-letters?preview=1"},
		{name: "dead letters of a webhook with preview", path: "/dead-letters?preview=1&webhook_uid=" + s.Hooks[2]},
		{name: "cancelled", path: "/dead-letters?state=cancelled"},
		{name: "missing", path: "/dead-letters?state=missing"},
		{name: "redrives", path: "/redrives"},
		{name: "why, of a job", path: "/why?job_uid=" + s.Job},
		{name: "why, of a webhook", path: "/why?webhook_uid=" + s.Hooks[2]},
		{name: "why, of an idle webhook", path: "/why?webhook_uid=" + s.Idle},
		{name: "why, of both", path: "/why?job_uid=" + s.Job + "&webhook_uid=" + s.Hooks[2]},
		{name: "API keys", path: "/api-keys"},
		{name: "reference", path: "/reference"},
	}
	for _, q := range all {
		q.path = p.site + "/console" + q.path
		b.Run(q.name, func(b *testing.B) { q.measure(b, http.Header{"Cookie": {session}}) })
	}
}

// signIn returns the Cookie header of a session. It keeps the cookie itself: a cookie jar of Go's sends what is Secure over https only,
// where browsers send it to this machine too.
func (s *service) signIn() (string, error) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.PostForm(s.site+"/console/sign-in", url.Values{"key": {s.key}})
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	var pairs []string
	for _, c := range res.Cookies() {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	if res.StatusCode != http.StatusSeeOther || len(pairs) == 0 {
		return "", fmt.Errorf("the console answers the sign-in %s, without a cookie or without leading on", res.Status)
	}
	return strings.Join(pairs, "; "), nil
}

// measure makes the request again and again. Reported are the time to the first byte of the answer, median and longest, the first request
// included, and the size of the answer as it is without compression.
func (q request) measure(b *testing.B, header http.Header) {
	var took []time.Duration
	size := 0
	for b.Loop() {
		first, n, err := q.once(header)
		if err != nil {
			b.Fatal(err)
		}
		took, size = append(took, first), n
	}
	slices.Sort(took)
	b.ReportMetric(milliseconds(took[len(took)/2]), "median-ms")
	b.ReportMetric(milliseconds(took[len(took)-1]), "worst-ms")
	b.ReportMetric(float64(size), "bytes")
	b.ReportMetric(0, "ns/op")
}

var plain = &http.Client{
	Transport:     &http.Transport{DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (q request) once(header http.Header) (first time.Duration, size int, err error) {
	req, err := http.NewRequest(q.method, q.path, strings.NewReader(q.body))
	if err != nil {
		return 0, 0, err
	}
	req.Header = header
	var began time.Time
	trace := httptrace.ClientTrace{GotFirstResponseByte: func() { first = time.Since(began) }}
	began = time.Now()
	res, err := plain.Do(req.WithContext(httptrace.WithClientTrace(req.Context(), &trace)))
	if err != nil {
		return 0, 0, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %.300s", q.path, res.Status, answer)
	}
	return first, len(answer), err
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
