package engines

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// patience is how long a program may take to be ready. ElasticMQ takes 2 s on a machine with nothing else to do.
	patience = 60 * time.Second
	// tries is how often a start is tried, since another process may take the port that was free.
	tries = 3
	// lastLines is how many lines of what a program printed an error shows.
	lastLines = 10
)

// Config says how to start a program. Its zero value is fine.
type Config struct {
	Dir string    // where the script install put the programs; empty: where it does without being told
	Log io.Writer // what the program prints; nil: nowhere
}

// Process is a program that runs. It ends with the process that started it, whatever ends that (on Linux).
type Process struct {
	Endpoint string // http://127.0.0.1:PORT

	cmd      *exec.Cmd
	ready    chan struct{} // closed when the program said that it is
	ended    chan struct{} // closed when the program is gone
	mu       sync.Mutex
	said     []string // the last lines
	stopping bool
}

// program is how one of them is started.
type program struct {
	folder  string
	ready   string // what it prints when it listens
	command func(files []string, port string) (name string, args []string)
}

// StartDynamoDB starts dynoxide, with no tables. Errors: ErrNotInstalled.
func StartDynamoDB(c Config) (*Process, error) {
	return start(c, program{dynoxide, "Dynoxide listening on", func(files []string, port string) (string, []string) {
		return files[0], []string{"serve", "--host", "127.0.0.1", "--port", port}
	}})
}

// StartSQS starts ElasticMQ, with no queues. Errors: ErrNotInstalled, also where there is no Java.
func StartSQS(c Config) (*Process, error) {
	if _, err := exec.LookPath("java"); err != nil {
		return nil, fmt.Errorf("ElasticMQ needs Java 17: %w: %w", ErrNotInstalled, err)
	}
	return start(c, program{elasticMQ, "=== ElasticMQ server (1.7.1) started", func(jars []string, port string) (string, []string) {
		return "java", []string{"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
			"-Drest-sqs.bind-hostname=127.0.0.1", "-Drest-sqs.bind-port=" + port, // unless told, it listens on every interface
			"-Dnode-address.host=127.0.0.1", "-Dnode-address.port=" + port, // as it names itself in queue URLs
			"-Daws.region=us-east-1", "-Daws.accountId=000000000000",
			"-cp", strings.Join(jars, string(filepath.ListSeparator)), "org.elasticmq.server.Main"}
	}})
}

func start(c Config, p program) (*Process, error) {
	dir := c.Dir
	if dir == "" {
		var err error
		if dir, err = defaultDir(); err != nil {
			return nil, err
		}
	}
	files, err := checked(dir, p.folder)
	if err != nil {
		return nil, err
	}
	for range tries {
		var process *Process
		if process, err = c.run(p, files); err == nil {
			return process, nil
		}
	}
	return nil, err
}

// run starts the program once and waits until it listens.
func (c Config) run(p program, files []string) (*Process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	name, args := p.command(files, port)
	process := &Process{Endpoint: "http://127.0.0.1:" + port, cmd: exec.Command(name, args...), ready: make(chan struct{}), ended: make(chan struct{})}
	process.cmd.SysProcAttr = ownGroup()
	if err := process.start(p.ready, c.Log); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.folder, err)
	}
	select {
	case <-process.ready:
		return process, nil
	case <-process.ended:
		return nil, fmt.Errorf("start %s: it ended at once: %s", p.folder, process.lastWords())
	case <-time.After(patience):
		process.Stop()
		return nil, fmt.Errorf("start %s: not ready within %v: %s", p.folder, patience, process.lastWords())
	}
}

// start starts the program from a thread that stays until the program ends: Linux counts the end of the thread that started a
// child as the end of its parent.
func (p *Process) start(ready string, log io.Writer) error {
	out, in := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = in, in
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.cmd.Wait()
		}
		in.Close()
	}()
	if err := <-started; err != nil {
		return err
	}
	go p.listen(out, ready, log)
	return nil
}

// listen reads what the program prints, until it is gone.
func (p *Process) listen(out io.Reader, ready string, log io.Writer) {
	defer close(p.ended)
	var once sync.Once
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if log != nil {
			fmt.Fprintln(log, line)
		}
		p.mu.Lock()
		p.said = append(p.said[max(0, len(p.said)-lastLines+1):], line)
		p.mu.Unlock()
		if strings.Contains(line, ready) {
			once.Do(func() { close(p.ready) })
		}
	}
	io.Copy(io.Discard, out) // after a line that was too long
}

// PID is the program's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stop ends the program and waits until it is gone. It is an error if it was gone before the first Stop.
func (p *Process) Stop() error {
	p.mu.Lock()
	first := !p.stopping
	p.stopping = true
	p.mu.Unlock()
	select {
	case <-p.ended:
		if first {
			return fmt.Errorf("%s had ended by itself: %s", filepath.Base(p.cmd.Path), p.lastWords())
		}
		return nil
	default:
	}
	err := p.cmd.Process.Kill() // nothing is worth a slower end: it keeps all in memory
	<-p.ended
	return err
}

func (p *Process) lastWords() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return cmp.Or(strings.Join(p.said, "\n"), "it printed nothing")
}

// freePort finds a port that nobody listens on. The programs cannot be given a listener, so another process may be faster.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	tcp, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return "", errors.New("find a free port: the listener has none")
	}
	return strconv.Itoa(tcp.Port), nil
}
