package runtime

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	// initTime is how long a process may take from its start until it asks for its first call.
	initTime = 10 * time.Second
	// maxProcesses is how many processes a function may have: what an account may run at the same time.
	maxProcesses = 1000
	// MaxPayload is the size of an event, and of an answer, in bytes.
	MaxPayload = 6 << 20
)

// Why a call got no answer from the function.
var (
	ErrThrottled = errors.New("rate exceeded: every process is busy and no more may be started")
	ErrTimedOut  = errors.New("task timed out")
	ErrExited    = errors.New("runtime exited during the call")
	ErrStopped   = errors.New("the function is stopped")
	ErrTooLarge  = fmt.Errorf("payload exceeds %d bytes", MaxPayload)
)

// Failure is an error that the function itself reported.
type Failure struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func (f *Failure) Error() string { return f.Type + ": " + f.Message }

// Config describes a function.
type Config struct {
	Name        string
	ARN         string
	Binary      string            // path of the executable
	Environment map[string]string // the template's
	Identity    string            // access key id: who it is to the stand-ins
	Endpoint    string            // URL of the stand-ins
	Region      string
	Timeout     time.Duration // of a call
	Memory      int           // MB; told, not enforced
	Log         *os.File      // takes what the processes print, and what the host says about failed calls
	// Billed is told of each call how long it was billed, a start included. Nil: nobody is.
	Billed func(time.Duration)
}

// Function is a function and its processes. It is safe for concurrent use.
type Function struct {
	Config

	mu      sync.Mutex
	stopped bool
	all     map[*process]bool
	idle    []*process // stopped, the last used last
	inits   []time.Duration
	ending  sync.WaitGroup
}

// New returns a function without processes.
func New(c Config) (*Function, error) {
	if err := c.reserved(); err != nil {
		return nil, err
	}
	if c.Billed == nil {
		c.Billed = func(time.Duration) {}
	}
	if c.Log == nil {
		return nil, errors.New("no log")
	}
	if _, err := os.Stat(c.Binary); err != nil {
		return nil, err
	}
	return &Function{Config: c, all: map[*process]bool{}}, nil
}

// Invoke makes one call and returns the answer: in the process that was used last, or in a new one if none is free. Once begun
// a call is not cut off before its time-out, whatever becomes of who waits for it.
func (f *Function) Invoke(event []byte) ([]byte, error) {
	if len(event) > MaxPayload {
		return nil, ErrTooLarge
	}
	begun := time.Now()
	p, err := f.take()
	if err != nil {
		return nil, err
	}
	c := newCall(event, f.Timeout)
	err = f.run(p, c)
	f.Billed(time.Since(begun))
	if err != nil {
		fmt.Fprintf(f.Log, "RequestId: %s Error: %v\n", c.id, err)
		return nil, err
	}
	return c.outcome()
}

// run gives a process a call and waits for the end of it.
func (f *Function) run(p *process, c *call) error {
	p.give(c)
	timeout := time.NewTimer(time.Until(c.deadline))
	defer timeout.Stop()
	select {
	case <-p.waits:
		f.rest(p)
		return nil
	case <-p.exited:
		if c.answered() {
			return nil
		}
		return ErrExited
	case <-timeout.C:
		p.kill()
		<-p.exited
		return fmt.Errorf("%w after %.2f seconds", ErrTimedOut, f.Timeout.Seconds())
	}
}

// take returns a process that waits for a call.
func (f *Function) take() (*process, error) {
	p, fresh, err := f.pick()
	if err != nil || !fresh {
		return p, err
	}
	timeout := time.NewTimer(initTime)
	defer timeout.Stop()
	select {
	case <-p.waits:
		f.mu.Lock()
		defer f.mu.Unlock()
		f.inits = append(f.inits, time.Since(p.started))
		return p, nil
	case <-p.exited:
		return nil, fmt.Errorf("%w: it ended before it asked for one", ErrExited)
	case <-timeout.C:
		p.kill()
		return nil, fmt.Errorf("%w: it asked for none within %v", ErrTimedOut, initTime)
	}
}

// pick wakes a process that rests, or starts one.
func (f *Function) pick() (p *process, fresh bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return nil, false, ErrStopped
	}
	for len(f.idle) > 0 {
		last := len(f.idle) - 1
		p, f.idle = f.idle[last], f.idle[:last]
		if p.wake() == nil { // else it has ended meanwhile
			return p, false, nil
		}
	}
	if len(f.all) >= maxProcesses {
		return nil, false, ErrThrottled
	}
	if p, err = start(f.Config); err != nil {
		return nil, false, err
	}
	f.all[p] = true
	f.ending.Go(func() {
		<-p.exited
		f.forget(p)
	})
	return p, true, nil
}

// rest stops a process until its next call.
func (f *Function) rest(p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all[p] && p.stop() == nil {
		f.idle = append(f.idle, p)
	}
}

func (f *Function) forget(p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, p)
	f.idle = slices.DeleteFunc(f.idle, func(q *process) bool { return q == p })
}

// Crash is kill -9 of all processes, and says how many there were. Calls that were under way fail.
func (f *Function) Crash() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p := range f.all {
		p.kill()
	}
	f.idle = nil
	return len(f.all)
}

// Inits returns how long each process took from its start until it asked for its first call.
func (f *Function) Inits() []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.inits)
}

// Stop kills all processes and waits until they are gone. Calls from now on fail.
func (f *Function) Stop() {
	f.mu.Lock()
	f.stopped = true
	f.mu.Unlock()
	f.Crash()
	f.ending.Wait()
}
