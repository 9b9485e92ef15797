package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"hermod/shared/signature"
)

// Schedule is the compressed retry schedule of the demo's webhooks, in seconds between attempts.
var Schedule = []int{1, 2, 4, 8}

// Config is what a Demo needs; all of it is required.
type Config struct {
	API      string           // base URL with /v3
	Key      string           // API key with read and write
	Receiver string           // base URL of the address where the demo's handler is served
	Secret   signature.Secret // signs the deliveries to the demo
	Out      io.Writer        // a line for each thing that happens
}

// Demo is executor and receiver, and the workflow and webhooks that make them part of the service.
type Demo struct {
	Config
	api      client
	receiver *Receiver
	executor *Executor
	handler  *http.ServeMux
}

// New returns a demo; Setup makes its workflow and webhooks.
func New(c Config) *Demo {
	d := &Demo{
		Config: c, api: client{base: c.API, key: c.Key}, receiver: NewReceiver(c.Secret, c.Out),
		executor: NewExecutor(c.API, c.Key, c.Secret, c.Out), handler: http.NewServeMux(),
	}
	d.handler.Handle("POST /executor", d.executor)
	d.handler.Handle("/", d.receiver)
	return d
}

func (d *Demo) ServeHTTP(w http.ResponseWriter, req *http.Request) { d.handler.ServeHTTP(w, req) }

// Wait waits for the executor's work in hand.
func (d *Demo) Wait() { d.executor.Wait() }

// Setup makes the demo's workflow and webhooks, and returns the workflow's uid.
func (d *Demo) Setup(ctx context.Context) (workflow string, err error) {
	var made struct {
		UID string `json:"uid"`
	}
	if err := d.api.call(ctx, http.MethodPost, "/workflows", map[string]string{"name": "Demo"}, &made); err != nil {
		return "", fmt.Errorf("set up demo: %w", err)
	}
	hooks := []struct {
		name, path string
		events     []string
	}{
		{"Demo executor", "/executor", []string{"requested"}},
		{"Demo receiver", "/hook/good", []string{"created", "succeeded", "failed"}},
		{"Demo receiver, fails twice", "/hook/shaky", []string{"succeeded"}},
		{"Demo receiver, broken", "/hook/broken", []string{"succeeded"}},
	}
	for _, h := range hooks {
		hook := map[string]any{
			"name": h.name, "url": d.Receiver + h.path, "events": h.events, "workflow_uid": made.UID,
			"secret": d.Secret.Reveal(), "retry_schedule": Schedule,
		}
		if err := d.api.call(ctx, http.MethodPost, "/webhooks", hook, nil); err != nil {
			return "", fmt.Errorf("set up demo: %w", err)
		}
	}
	return made.UID, nil
}

// Play sets the receiver's moods and launches a job: within half a minute there are deliveries that succeed at once, one that
// is retried, and one that becomes a dead letter.
func (d *Demo) Play(ctx context.Context, workflow string) error {
	d.receiver.Set("shaky", http.StatusNoContent, 2)
	d.receiver.Set("broken", http.StatusInternalServerError, 0)
	err := d.api.call(ctx, http.MethodPost, "/workflows/"+workflow+"/schedule", map[string]string{"job_name": "demo"}, nil)
	if err != nil {
		return fmt.Errorf("play demo: %w", err)
	}
	return nil
}

// Story tells what is going on, and what can be tried.
func (d *Demo) Story(workflow string) string {
	waits := strings.Trim(strings.ReplaceAll(fmt.Sprint(Schedule), " ", ", "), "[]")
	auth := "-H 'X-API-Key: " + d.Key + "' -H 'Content-Type: application/json'"
	return fmt.Sprintf(`demo: an executor and a receiver listen on %[1]s. Retry schedule of their webhooks: at once, then %[2]s s.
/hook/good accepts, /hook/shaky fails twice, /hook/broken answers 500: its delivery is dead after about 15 s. Then try:
  curl -s '%[3]s/deliveries?state=dead' %[4]s
  curl -s -X POST '%[1]s/behave/broken?status=204'                       # mend it; also delay=3s, fail_first=2, hang=true
  curl -s -X POST %[3]s/redrives %[4]s -d '{"state":"dead"}'
  curl -s -X POST %[3]s/workflows/%[5]s/schedule %[4]s -d '{"job_name":"another, to fail"}'
`, d.Receiver, waits, d.API, auth, workflow)
}
