package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/sqlite"
	"hermod/shared/uid"
	"hermod/shared/webhook"
)

// keep names a folder in which the seeded data stays for the next run; what lies there for more than two hours is made anew, because
// what waits would fall due.
const keep = "HERMOD_BENCH_DATA"

// What is seeded: a month of jobs, each with three events, of which the last two go to every webhook of the job's workflow.
const (
	seedJobs      = 50_000
	seedWorkflows = 10
	hooksPerFlow  = 10 // webhooks of a workflow
	seedTime      = 29 * 24 * time.Hour
	seedAtOnce    = 1024 // jobs that are written at the same time: their writes share commits
)

// seed is a data folder with 1,000,000 deliveries of 100 webhooks, and what pages are asked for.
type seed struct {
	Data     string // the folder
	Key      string
	Project  string
	Flows    []string          // workflows
	Hooks    []string          // webhooks, hooksPerFlow of each workflow
	Idle     string            // a webhook that never got anything
	Job      string            // in the middle of the month
	Inputs   string            // a job with 1,000 inputs, some of which failed
	Delivery map[string]string // one of each state
}

// seeded returns the data, made at the first call of a process.
var seeded = sync.OnceValues(func() (*seed, error) {
	dir := os.Getenv(keep)
	if dir == "" {
		made, err := os.MkdirTemp("", "hermod-bench-")
		if err != nil {
			return nil, err
		}
		leftovers = append(leftovers, made)
		dir = made
	}
	notes := filepath.Join(dir, "seed.json")
	if s, ok := readSeed(notes); ok {
		return s, nil
	}
	s := &seed{Data: filepath.Join(dir, "data")}
	if err := os.RemoveAll(s.Data); err != nil {
		return nil, err
	}
	if err := s.make(context.Background()); err != nil {
		return nil, fmt.Errorf("seed: %w", err)
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return s, os.WriteFile(notes, b, 0o600)
})

func readSeed(notes string) (*seed, bool) {
	info, err := os.Stat(notes)
	if err != nil || time.Since(info.ModTime()) > 2*time.Hour {
		return nil, false
	}
	b, err := os.ReadFile(notes)
	s := new(seed)
	return s, err == nil && json.Unmarshal(b, s) == nil
}

// make has the service itself make project, workflows, webhooks and a job with inputs, and writes a month of deliveries through the seams
// of its store, as its parts would have. Only the letters of what is dead are left out.
func (s *seed) make(ctx context.Context) error {
	if err := s.prepare(); err != nil {
		return err
	}
	db, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(s.Data, "hermod.db"), CleanEvery: -1})
	if err != nil {
		return err
	}
	w := &seeder{seed: s, db: db, began: time.Now().Add(-seedTime).UTC().Truncate(time.Millisecond), hours: map[place]*webhook.Stats{}}
	if err := w.write(ctx); err != nil {
		db.Close()
		return err
	}
	return db.Close()
}

// prepare makes with the API what has secrets or many rules.
func (s *seed) prepare() error {
	p, err := startService(s.Data, "")
	if err != nil {
		return err
	}
	defer p.kill()
	s.Key = p.key
	var made struct {
		UID    string `json:"uid"`
		JobUID string `json:"job_uid"`
	}
	if err := p.call("GET", "/workspace", nil, &made); err != nil {
		return err
	}
	s.Project = made.UID
	for f := range seedWorkflows + 2 {
		if err := p.call("POST", "/workflows", map[string]any{"name": fmt.Sprint("Workflow ", f)}, &made); err != nil {
			return err
		}
		s.Flows = append(s.Flows, made.UID)
	}
	hook := func(flow string, n int) (string, error) {
		err := p.call("POST", "/webhooks", map[string]any{
			"name": fmt.Sprint("Receiver ", n), "url": fmt.Sprintf("http://127.0.0.1:9/hook/%d", n), "workflow_uid": flow,
			"events": []string{"created", "succeeded", "failed"},
		}, &made)
		return made.UID, err
	}
	for n := range seedWorkflows*hooksPerFlow + 1 {
		one, err := hook(s.Flows[n/hooksPerFlow], n)
		if err != nil {
			return err
		}
		s.Hooks = append(s.Hooks, one)
	}
	s.Hooks, s.Idle = s.Hooks[:len(s.Hooks)-1], s.Hooks[len(s.Hooks)-1]
	if s.Inputs, err = jobWithInputs(p, s.Flows[seedWorkflows+1]); err != nil {
		return err
	}
	return p.stop()
}

// jobWithInputs launches a job that no webhook hears of and reports its inputs.
func jobWithInputs(p *service, flow string) (string, error) {
	const inputs = 1000
	type row map[string]any
	list, reports := make([]row, inputs), make([]row, inputs)
	for i := range list {
		list[i] = row{"company": fmt.Sprint("Company ", i), "domain": fmt.Sprintf("company-%d.example", i)}
		reports[i] = row{"index": i, "status": "succeeded", "results": []row{{"full_name": fmt.Sprint("Person ", i), "email": fmt.Sprintf("p%d@company-%d.example", i, i)}}}
		if i%10 == 7 {
			reports[i] = row{"index": i, "status": "failed", "error": row{"label": []string{"STATUS_404", "API_TIMEOUT_ERROR"}[i/10%2], "message": "no answer in 30 s"}}
		}
	}
	var made struct {
		JobUID string `json:"job_uid"`
	}
	if err := p.call("POST", "/workflows/"+flow+"/schedule", row{"job_name": "Import of a thousand", "inputs": list}, &made); err != nil {
		return "", err
	}
	for from := 0; from < inputs; from += 500 {
		if err := p.call("POST", "/jobs/"+made.JobUID+"/inputs/report", row{"inputs": reports[from : from+500]}, nil); err != nil {
			return "", err
		}
	}
	return made.JobUID, nil
}

// place is what counters belong to.
type place struct {
	hook string
	hour time.Time
}

// seeder writes the month.
type seeder struct {
	*seed
	db    *sqlite.DB
	began time.Time

	mu    sync.Mutex
	hours map[place]*webhook.Stats
}

func (w *seeder) write(ctx context.Context) error {
	w.Delivery = map[string]string{}
	if err := each(seedJobs, func(i int) error { return w.job(ctx, i) }); err != nil {
		return err
	}
	if err := w.count(ctx); err != nil {
		return err
	}
	for {
		entries, err := w.db.Jobs().Changes(ctx, 1000, 0)
		if err != nil || len(entries) == 0 {
			return err
		}
		ids := make([]int64, len(entries))
		for i, e := range entries {
			ids[i] = e.ID
		}
		if err := w.db.Jobs().Passed(ctx, ids...); err != nil {
			return err
		}
	}
}

// each does n things, many at the same time, until one fails.
func each(n int, do func(i int) error) error {
	var wg sync.WaitGroup
	var next, failed = make(chan int), make(chan error, seedAtOnce)
	for range seedAtOnce {
		wg.Go(func() {
			for i := range next {
				if err := do(i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	var err error
	for i := 0; i < n && err == nil; i++ {
		select {
		case next <- i:
		case err = <-failed:
		}
	}
	close(next)
	wg.Wait()
	if err == nil && len(failed) > 0 {
		err = <-failed
	}
	return err
}

// job writes a job that has ended, its events and their deliveries.
func (w *seeder) job(ctx context.Context, i int) error {
	at := w.began.Add(time.Duration(i) * (seedTime / seedJobs))
	j := job.Launch(job.Job{
		UID: uid.New(at), Project: w.Project, Workflow: w.Flows[i%seedWorkflows], WorkflowName: fmt.Sprint("Workflow ", i%seedWorkflows),
		Name: fmt.Sprint("Import ", i),
	}, at)
	end := job.Update{Status: job.Finished}
	if i/seedWorkflows%20 == 7 {
		end = job.Update{Status: job.Shutdown, Error: "the source did not answer"}
	}
	for n, u := range []job.Update{{Status: job.Running}, end} {
		next, _, err := j.Apply(u, at.Add(time.Duration(1+n*30)*time.Second))
		if err != nil {
			return err
		}
		j = next
	}
	if err := w.db.Jobs().Create(ctx, j); err != nil {
		return err
	}
	if i == seedJobs/2 {
		w.Job = j.UID
	}
	for n, change := range j.Changes {
		e := delivery.Event{
			UID: j.EventUID(change), Project: w.Project, Job: j.UID, Workflow: j.Workflow, Type: change.Event, Sequence: change.Version, At: change.At,
			Bodies: map[job.Format][]byte{},
		}
		if n > 0 {
			e.Bodies[job.FormatV3] = body(e, j)
			for _, hook := range w.hooksOf(i) {
				e.Matched = append(e.Matched, delivery.Match{Webhook: hook, Format: job.FormatV3})
			}
		}
		if _, _, err := w.db.Archive().Put(ctx, e); err != nil {
			return err
		}
		for m, match := range e.Matched {
			if err := w.delivery(ctx, (2*i+n-1)*hooksPerFlow+m, e.Delivery(match.Webhook)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *seeder) hooksOf(i int) []string {
	first := i % seedWorkflows * hooksPerFlow
	return w.Hooks[first : first+hooksPerFlow]
}

func body(e delivery.Event, j job.Job) []byte {
	b, err := json.Marshal(map[string]any{
		"uid": e.UID, "job_uid": j.UID, "message": e.Type.Message(), "project_uid": j.Project, "error": nil, "recipe_ref": j.UID,
		"workflow_uid": j.Workflow, "workflow_name": j.WorkflowName, "job_name": j.Name,
	})
	if err != nil {
		panic(err)
	}
	return b
}

// delivery writes the n-th one: of a hundred one is dead, two wait, every second time one was cancelled, the others were taken at once.
func (w *seeder) delivery(ctx context.Context, n int, d delivery.Delivery) error {
	d.ExpiresAt = d.CreatedAt.Add(delivery.Retention)
	took := time.Duration(20+n%400) * time.Millisecond
	var err error
	switch {
	case n%100 < 2:
		d.State, d.Place = delivery.Retrying, delivery.Place{Step: 3}
		d.NextAt = time.Now().Add(time.Duration(6+n%14) * time.Hour)
		d.Due = delivery.Due{At: d.NextAt, Own: true}
		err = w.failed(ctx, d, 3, took)
	case n%100 == 2:
		d.State, d.Reason, d.Place = delivery.Dead, delivery.ReasonExhausted, delivery.Place{Step: 10}
		d.EndedAt = d.CreatedAt.Add(10 * time.Minute)
		err = w.failed(ctx, d, 10, took)
	case n%200 == 3:
		d.State, d.Reason, d.EndedAt = delivery.Cancelled, delivery.ReasonDisabled, d.CreatedAt.Add(time.Second)
		err = w.db.Log().Step(ctx, d, delivery.Place{}, nil)
	default:
		d.EndedAt = d.CreatedAt.Add(took)
		d.State = delivery.Succeeded
		err = w.db.Log().Succeed(ctx, d, delivery.Attempt{
			ID: fmt.Sprint(n), Number: 1, Cause: delivery.CauseSchedule, StartedAt: d.CreatedAt, Duration: took, Status: 204,
			Timing: delivery.Timing{FirstByte: took}, SignedWith: []string{"…abcd"},
		})
	}
	if err != nil {
		return err
	}
	w.note(d, took)
	return nil
}

// failed writes a delivery with its failed attempts; what the last one got back is kept.
func (w *seeder) failed(ctx context.Context, d delivery.Delivery, attempts int, took time.Duration) error {
	var last delivery.Attempt
	place := d.Place
	for i := range attempts {
		last = delivery.Attempt{
			ID: fmt.Sprint(i), Number: i + 1, Cause: delivery.CauseSchedule, Step: i, StartedAt: d.CreatedAt.Add(time.Duration(i) * time.Minute),
			Duration: took, Status: 503, Class: delivery.ClassStatus, Error: "the receiver answered 503", SignedWith: []string{"…abcd"},
			Timing: delivery.Timing{Connect: time.Millisecond, FirstByte: took},
		}
		if i < attempts-1 {
			d = d.Record(last)
		}
	}
	last.Answer = &delivery.Answer{Headers: map[string][]string{"Content-Type": {"text/plain"}}, Body: []byte("overloaded, come back later\n")}
	d.Place = place
	return w.db.Log().Step(ctx, d, delivery.Place{}, &last)
}

// note adds a delivery to the counters of its hour, and remembers one of each state.
func (w *seeder) note(d delivery.Delivery, took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if state := string(d.State); w.Delivery[state] == "" && d.CreatedAt.After(w.began.Add(seedTime/2)) {
		w.Delivery[state] = d.UID.String()
	}
	for _, hook := range []string{d.UID.Webhook, webhook.Whole} {
		p := place{hook, d.CreatedAt.Truncate(time.Hour)}
		if w.hours[p] == nil {
			w.hours[p] = new(webhook.Stats)
		}
		switch s := w.hours[p]; d.State {
		case delivery.Succeeded:
			s.Succeeded++
			s.CountRequest(204, took)
		case delivery.Retrying:
			s.Retrying++
			s.CountRequest(503, took)
		case delivery.Dead:
			s.Dead++
			s.CountRequest(503, took)
		case delivery.Cancelled:
			s.Cancelled++
		}
	}
}

// count writes the counters and the health of each webhook.
func (w *seeder) count(ctx context.Context) error {
	type hour struct {
		place
		webhook.Stats
	}
	var list []hour
	for p, s := range w.hours {
		list = append(list, hour{p, *s})
	}
	err := each(len(list), func(i int) error {
		return w.db.Counters().Add(ctx, w.Project, list[i].hook, list[i].hour, list[i].Stats)
	})
	if err != nil {
		return err
	}
	return each(len(w.Hooks), func(i int) error {
		h := webhook.Health{LastSuccessAt: time.Now().Add(-time.Hour)}
		if i%hooksPerFlow < 3 {
			h.FailingSince = time.Now().Add(-time.Minute)
		}
		return w.db.Counters().Note(ctx, w.Project, w.Hooks[i], h)
	})
}

// startSeeded starts the service on the seeded data.
func startSeeded(b *testing.B) (*seed, *service) {
	b.Helper()
	s, err := seeded()
	if err != nil {
		b.Fatal(err)
	}
	p, err := startService(s.Data, s.Key)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.kill)
	return s, p
}
