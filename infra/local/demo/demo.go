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
	Console  string           // URL of the console
	Key      string           // API key with read and write
	Receiver string           // base URL of the address where the demo's handler is served
	Secret   signature.Secret // signs the deliveries to the demo
	Out      io.Writer        // a line for each thing that happens
}

// Demo is executor and receiver, and the workflows and webhooks that make them part of the service.
type Demo struct {
	Config
	api      client
	receiver *Receiver
	executor *Executor
	handler  *http.ServeMux
}

// Workflows are the uids of the demo's workflows.
type Workflows struct {
	Import string `json:"import"` // has webhooks of every mood
	Report string `json:"report"`
}

// New returns a demo; Setup makes its workflows and webhooks.
func New(c Config) *Demo {
	d := &Demo{
		Config: c, api: client{base: c.API, key: c.Key}, receiver: NewReceiver(c.Receiver, c.Secret, c.Out),
		executor: NewExecutor(c.API, c.Key, c.Secret, c.Out), handler: http.NewServeMux(),
	}
	d.handler.Handle("POST /executor", d.executor)
	d.handler.Handle("/", d.receiver)
	return d
}

func (d *Demo) ServeHTTP(w http.ResponseWriter, req *http.Request) { d.handler.ServeHTTP(w, req) }

// Panel is for the console, in this process, and not to be served elsewhere: what the receiver tells and takes under /behave, and under
// GET /webhook/{name} the fields of a webhook to one of its paths, with the secret that it verifies with.
func (d *Demo) Panel() http.Handler {
	panel := http.NewServeMux()
	panel.HandleFunc("GET /webhook/{name}", d.tellWebhook)
	panel.Handle("/behave", d.receiver)
	panel.Handle("/behave/", d.receiver)
	return panel
}

func (d *Demo) tellWebhook(w http.ResponseWriter, req *http.Request) {
	name := req.PathValue("name")
	if !pathName.MatchString(name) {
		http.Error(w, errPathName(name).Error(), http.StatusNotFound)
		return
	}
	writeJSON(w, d.fields(hook{"My webhook to the demo", "/hook/" + name, ends}))
}

// Wait waits for the executor's work in hand.
func (d *Demo) Wait() { d.executor.Wait() }

// hook is a webhook of the demo.
type hook struct {
	name, path string
	events     []string
}

// ends are the events by which one follows a job.
var ends = []string{"created", "succeeded", "failed"}

// fields are those of the webhook in the API.
func (d *Demo) fields(h hook) map[string]any {
	return map[string]any{
		"name": h.name, "url": d.Receiver + h.path, "events": h.events, "secret": d.Secret.Reveal(), "retry_schedule": Schedule,
	}
}

// Setup makes the demo's workflows and their webhooks. Lists have what was made last first: that is the one with most to see.
func (d *Demo) Setup(ctx context.Context) (w Workflows, err error) {
	w.Report, err = d.setUp(ctx, "Report", []string{"Add up", "Send"}, []hook{
		{"Demo executor of reports", "/executor", []string{"requested"}},
		{"Demo receiver of reports", "/hook/good", ends},
	})
	if err == nil {
		w.Import, err = d.setUp(ctx, "Lead import", []string{"Find people", "Complete their details", "Write to the CRM"}, []hook{
			{"Demo executor", "/executor", []string{"requested"}},
			{"Demo receiver", "/hook/good", ends},
			{"Demo receiver, fails twice", "/hook/shaky", []string{"succeeded"}},
			{"Demo receiver, broken", "/hook/broken", []string{"succeeded"}},
		})
	}
	if err != nil {
		return Workflows{}, fmt.Errorf("set up demo: %w", err)
	}
	return w, nil
}

func (d *Demo) setUp(ctx context.Context, name string, steps []string, hooks []hook) (workflow string, err error) {
	type step struct {
		Name string `json:"name"`
	}
	asked := struct {
		step
		Steps []step `json:"steps"`
	}{step: step{name}}
	for _, s := range steps {
		asked.Steps = append(asked.Steps, step{s})
	}
	var made struct {
		UID string `json:"uid"`
	}
	if err := d.api.call(ctx, http.MethodPost, "/workflows", asked, &made); err != nil {
		return "", err
	}
	for _, h := range hooks {
		asked := d.fields(h)
		asked["workflow_uid"] = made.UID
		if err := d.api.call(ctx, http.MethodPost, "/webhooks", asked, nil); err != nil {
			return "", err
		}
	}
	return made.UID, nil
}

// Play sets the receiver's moods and launches jobs: within half a minute there are deliveries that succeed at once, one that is retried,
// and one that becomes a dead letter, and a job some of whose inputs failed.
func (d *Demo) Play(ctx context.Context, w Workflows) error {
	for name, mood := range map[string]behavior{
		"shaky":  {Status: http.StatusNoContent, FailFirst: 2}, // of one job only: the one that succeeds of those it hears of
		"broken": {Status: http.StatusInternalServerError},
	} {
		if _, err := d.receiver.set(name, mood); err != nil {
			return fmt.Errorf("play demo: %w", err)
		}
	}
	for _, job := range []struct {
		workflow, name string
		inputs         int
	}{
		{w.Report, "Weekly report", 0}, {w.Import, "Nightly import", 40}, {w.Import, "Import of old leads, to fail", 12}, {w.Report, "Monthly report", 0},
	} {
		asked := struct {
			Name   string    `json:"job_name"`
			Inputs []company `json:"inputs,omitempty"`
		}{Name: job.name}
		for i := range job.inputs {
			asked.Inputs = append(asked.Inputs, companyAt(i))
		}
		if err := d.api.call(ctx, http.MethodPost, "/workflows/"+job.workflow+"/schedule", asked, nil); err != nil {
			return fmt.Errorf("play demo: %w", err)
		}
	}
	return nil
}

// Story tells what is going on, and what can be tried.
func (d *Demo) Story(w Workflows) string {
	waits := strings.Trim(strings.ReplaceAll(fmt.Sprint(Schedule), " ", ", "), "[]")
	auth := "-H 'X-API-Key: " + d.Key + "' -H 'Content-Type: application/json'"
	return fmt.Sprintf(`demo: an executor and a receiver listen on %[1]s. Retry schedule of their webhooks: at once, then %[2]s s.
/hook/good accepts, /hook/shaky fails twice, /hook/broken answers 500: its delivery is dead after about 15 s. Watch four jobs and what
becomes of them at %[6]s, where the key in these lines signs in too, or try:
  curl -s '%[3]s/deliveries?state=dead' %[4]s
  curl -s -X POST '%[1]s/behave/broken?status=204'                       # mend it; also delay=3s, fail_first=2, hang=true
  curl -s -X POST %[3]s/redrives %[4]s -d '{"state":"dead"}'
  curl -s -X POST %[3]s/workflows/%[5]s/schedule %[4]s -d '{"job_name":"another, to fail"}'
`, d.Receiver, waits, d.API, auth, w.Import, d.Console)
}
