package runtime

import (
	"errors"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// process is a process of a function, and the listener of its Runtime API.
type process struct {
	arn     string
	cmd     *exec.Cmd
	server  *http.Server
	started time.Time
	waits   chan struct{} // of size 1: it asks for a call, what it was given is over
	calls   chan *call    // what it is given
	exited  chan struct{} // closed when it has ended

	mu      sync.Mutex
	current *call
	ended   bool // or is about to
}

// start starts a process.
func start(c Config) (*process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &process{
		arn: c.ARN, started: time.Now(),
		waits: make(chan struct{}, 1), calls: make(chan *call), exited: make(chan struct{}),
	}
	p.server = &http.Server{Handler: p.api()}
	p.cmd = exec.Command(c.Binary)
	p.cmd.Dir = filepath.Dir(c.Binary)
	p.cmd.Env = c.environment(listener.Addr().String())
	p.cmd.Stdout, p.cmd.Stderr = c.Log, c.Log
	p.cmd.SysProcAttr = attributes()
	started := make(chan error)
	go p.live(started)
	if err := <-started; err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	go p.server.Serve(listener)
	return p, nil
}

// live starts the process and waits for its end, on one thread: to Linux the end of that thread is the end of the parent.
func (p *process) live(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	p.cmd.Wait()
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.server.Close()
	close(p.exited)
}

// give hands the process, which waits for it, a call.
func (p *process) give(c *call) {
	p.mu.Lock()
	p.current = c
	p.mu.Unlock()
	select {
	case p.calls <- c:
	case <-p.exited:
	}
}

// call returns the call that is under way, if it has this id.
func (p *process) call(id string) (*call, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current, p.current != nil && p.current.id == id
}

func (p *process) stop() error { return p.signal(syscall.SIGSTOP) }
func (p *process) wake() error { return p.signal(syscall.SIGCONT) }
func (p *process) kill()       { p.signal(syscall.SIGKILL) }

// signal reaches the process and what it started.
func (p *process) signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return ErrExited
	}
	p.ended = s == syscall.SIGKILL
	return syscall.Kill(-p.cmd.Process.Pid, s)
}
