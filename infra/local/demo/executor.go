package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"hermod/shared/signature"
)

const (
	// workFor is how long the executor pretends to work on a job without inputs, or on a part of one's inputs.
	workFor = 500 * time.Millisecond
	// workMost is how long it may work on a job in all.
	workMost = 5 * time.Minute
)

// Executor does the work of jobs: it hears of a launch or a retry by a job.requested delivery, reports running, then what became of
// each input that is pending. Some fail, unless they were sent back. A job without inputs it reports finished. One whose name contains
// "fail" it gives up soon, as shutdown.
type Executor struct {
	api    client
	secret signature.Secret
	out    io.Writer
	jobs   sync.WaitGroup
}

// NewExecutor returns an executor that reports to the API at base with the key.
func NewExecutor(base, key string, secret signature.Secret, out io.Writer) *Executor {
	return &Executor{api: client{base: base, key: key}, secret: secret, out: out}
}

// ServeHTTP takes a job.requested delivery. It answers at once and works afterwards, as receivers should.
func (e *Executor) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
	if err == nil {
		err = signature.Verify(req.Header, body, []signature.Secret{e.secret}, time.Now(), signature.Tolerance)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	var event struct {
		JobUID  string `json:"job_uid"`
		JobName string `json:"job_name"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	e.jobs.Go(func() { e.work(context.WithoutCancel(req.Context()), event.JobUID, event.JobName) })
}

func (e *Executor) work(ctx context.Context, jobUID, name string) {
	ctx, cancel := context.WithTimeout(ctx, workMost)
	defer cancel()
	said, err := e.do(ctx, jobUID, strings.Contains(name, "fail"))
	if err != nil {
		said = err.Error()
	}
	fmt.Fprintf(e.out, "executor  job %s (%s) %s\n", jobUID, name, said)
}

// standing is how a job stands, as its record tells.
type standing struct {
	Status string `json:"status"`
	Inputs int    `json:"number_inputs"`
	Counts struct {
		Succeeded int `json:"succeeded"`
		Failed    int `json:"failed"`
	} `json:"counts"`
}

func (s standing) String() string {
	if s.Inputs == 0 {
		return "is " + s.Status
	}
	return fmt.Sprintf("is %s: of %d inputs %d succeeded, %d failed", s.Status, s.Inputs, s.Counts.Succeeded, s.Counts.Failed)
}

// do works on a job and says how it stands then. A job with inputs ends by itself, with the last of them.
func (e *Executor) do(ctx context.Context, jobUID string, fails bool) (string, error) {
	now, err := e.update(ctx, jobUID, map[string]string{"status": "running"})
	if err != nil {
		return "", err
	}
	if now.Inputs == 0 {
		time.Sleep(workFor)
	} else if now, err = e.workOnInputs(ctx, jobUID, now, fails); err != nil {
		return "", err
	}
	switch {
	case fails:
		now, err = e.update(ctx, jobUID, map[string]string{"status": "shutdown", "error_message": "the demo executor was told to fail"})
	case now.Inputs == 0:
		now, err = e.update(ctx, jobUID, map[string]string{"status": "finished"})
	}
	return now.String(), err
}

// workOnInputs works on the inputs that are pending, a page at a time and a page in three parts, for as long as the job runs; on one part
// only if the job is to fail.
func (e *Executor) workOnInputs(ctx context.Context, jobUID string, now standing, fails bool) (standing, error) {
	for now.Status == "running" {
		inputs, err := e.pending(ctx, jobUID)
		if err != nil || len(inputs) == 0 {
			return now, err
		}
		for part := range slices.Chunk(inputs, (len(inputs)+2)/3) {
			if now, err = e.workOn(ctx, jobUID, part); err != nil || fails {
				return now, err
			}
		}
	}
	return now, nil
}

// workOn works on some inputs: it reports them running, then what became of them.
func (e *Executor) workOn(ctx context.Context, jobUID string, inputs []input) (now standing, err error) {
	running, ended := make([]report, len(inputs)), make([]report, len(inputs))
	for i, in := range inputs {
		running[i] = report{Index: in.Index, Status: "running"}
		ended[i] = outcome(in)
	}
	if _, err := e.report(ctx, jobUID, running); err != nil {
		return now, err
	}
	time.Sleep(workFor)
	return e.report(ctx, jobUID, ended)
}

// outcome is what becomes of an input: one that failed before and was sent back succeeds.
func outcome(in input) report {
	if why := failureAt(in.Index); why != nil && in.Retries == 0 {
		return report{Index: in.Index, Status: "failed", Error: why}
	}
	return report{Index: in.Index, Status: "succeeded", Results: leadsAt(in.Index)}
}

// input is an input to work on.
type input struct {
	Index   int `json:"index"`
	Retries int `json:"retry_count"`
}

// report is what became of an input.
type report struct {
	Index   int      `json:"index"`
	Status  string   `json:"status"`
	Error   *failure `json:"error,omitempty"`
	Results []lead   `json:"results,omitempty"`
}

// pending reads the first page of the inputs that nobody works on.
func (e *Executor) pending(ctx context.Context, jobUID string) ([]input, error) {
	var page struct {
		Results []input `json:"results"`
	}
	err := e.api.call(ctx, http.MethodGet, "/jobs/"+jobUID+"/inputs?status=pending&limit=100", nil, &page)
	return page.Results, err
}

func (e *Executor) report(ctx context.Context, jobUID string, reports []report) (standing, error) {
	var answer struct {
		Job standing `json:"job"`
	}
	err := e.api.call(ctx, http.MethodPost, "/jobs/"+jobUID+"/inputs/report", map[string]any{"inputs": reports}, &answer)
	return answer.Job, err
}

func (e *Executor) update(ctx context.Context, jobUID string, update map[string]string) (now standing, err error) {
	err = e.api.call(ctx, http.MethodPatch, "/jobs/"+jobUID, update, &now)
	return now, err
}

// Wait waits for the work in hand.
func (e *Executor) Wait() { e.jobs.Wait() }
