package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"hermod/shared/signature"
)

// workFor is how long the executor pretends to work on a job.
const workFor = 500 * time.Millisecond

// Executor does the work of jobs: it hears of a launch by a job.requested delivery, and reports running, then finished or, for a
// job whose name contains "fail", shutdown.
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
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	end := map[string]string{"status": "finished"}
	if strings.Contains(name, "fail") {
		end = map[string]string{"status": "shutdown", "error_message": "the demo executor was told to fail"}
	}
	err := e.report(ctx, jobUID, map[string]string{"status": "running"})
	if err == nil {
		time.Sleep(workFor)
		err = e.report(ctx, jobUID, end)
	}
	if err != nil {
		fmt.Fprintf(e.out, "executor  job %s: %v\n", jobUID, err)
		return
	}
	fmt.Fprintf(e.out, "executor  job %s (%s) is %s\n", jobUID, name, end["status"])
}

func (e *Executor) report(ctx context.Context, jobUID string, update map[string]string) error {
	return e.api.call(ctx, http.MethodPatch, "/jobs/"+jobUID, update, nil)
}

// Wait waits for the work in hand.
func (e *Executor) Wait() { e.jobs.Wait() }
