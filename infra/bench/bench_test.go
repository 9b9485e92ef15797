package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// role is the environment variable by which the test binary runs as another process of the benchmark.
const role = "HERMOD_BENCH_ROLE"

const publishers = 16

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "sink":
		sink(os.Stdout)
	case "publisher":
		publish(os.Stdin, os.Stdout)
	default:
		code := m.Run()
		for _, dir := range leftovers {
			os.RemoveAll(dir)
		}
		os.Exit(code)
	}
}

// BenchmarkFlat has one webhook: each event is one delivery.
func BenchmarkFlat(b *testing.B) { run(b, 1) }

// BenchmarkFanout100 has a hundred webhooks: each event is a hundred deliveries.
func BenchmarkFanout100(b *testing.B) { run(b, 100) }

func run(b *testing.B, webhooks int) {
	s := freshService(b)
	sinkAddr, received := startSink(b)
	workflow := s.setUp(b, webhooks, "http://"+sinkAddr+"/hook")
	events := max(1, b.N/webhooks)
	jobs := s.launch(b, workflow, events)
	p := startPublisher(b, s, jobs)
	before := cpu(b, s.pid)
	b.ResetTimer()
	p.begin(b)
	waitFor(b, received, events*webhooks)
	b.StopTimer()
	used := cpu(b, s.pid) - before
	n := float64(events * webhooks)
	b.ReportMetric(n/b.Elapsed().Seconds(), "deliveries/s")
	b.ReportMetric(used.Seconds()/n*1000, "service-CPU-s/1000")
	b.ReportMetric(float64(rss(b, s.pid))/(1<<20), "service-MB")
}

func freshService(b *testing.B) *service {
	b.Helper()
	s, err := startService(filepath.Join(b.TempDir(), "data"), "")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.kill)
	return s
}

// start starts a process that is killed at the end, and returns its output line by line.
func start(b *testing.B, cmd *exec.Cmd) *bufio.Scanner {
	b.Helper()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return bufio.NewScanner(out)
}

func (s *service) setUp(b *testing.B, webhooks int, url string) (workflow string) {
	b.Helper()
	var made struct{ UID string }
	s.post(b, "/workflows", map[string]any{"name": "bench"}, &made)
	workflow = made.UID
	for i := range webhooks {
		s.post(b, "/webhooks", map[string]any{"name": fmt.Sprint("sink ", i), "url": url, "events": []string{"created"}, "workflow_uid": workflow}, &made)
	}
	return workflow
}

// launch launches the jobs beforehand; the webhooks do not take that event.
func (s *service) launch(b *testing.B, workflow string, n int) []string {
	b.Helper()
	jobs := make([]string, n)
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for i := p; i < n; i += publishers {
				var made struct {
					JobUID string `json:"job_uid"`
				}
				s.post(b, "/workflows/"+workflow+"/schedule", map[string]any{"job_name": fmt.Sprintf("%d %d", i, time.Now().UnixMilli())}, &made)
				jobs[i] = made.JobUID
			}
		})
	}
	wg.Wait()
	return jobs
}

func (s *service) post(b *testing.B, path string, in, out any) {
	if err := s.call("POST", path, in, out); err != nil {
		b.Error(err)
	}
}

// publisher is a process that reports the jobs running when it is told to.
type publisher struct{ in io.Writer }

func startPublisher(b *testing.B, s *service, jobs []string) publisher {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), role+"=publisher")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	lines := start(b, cmd)
	if err := json.NewEncoder(in).Encode(orders{Base: s.base, Key: s.key, Jobs: jobs}); err != nil {
		b.Fatal(err)
	}
	if !lines.Scan() {
		b.Fatal("the publisher is not ready")
	}
	return publisher{in: in}
}

func (p publisher) begin(b *testing.B) {
	if _, err := io.WriteString(p.in, "begin\n"); err != nil {
		b.Fatal(err)
	}
}

type orders struct {
	Base, Key string
	Jobs      []string
}

// publish is the publisher's process. It writes its requests by hand, so that it takes little of the cores it shares.
func publish(in io.Reader, out io.Writer) {
	r := bufio.NewReader(in)
	var o orders
	line, err := r.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &o)
	}
	if err != nil {
		fatal(err)
	}
	fmt.Fprintln(out, "ready")
	if _, err := r.ReadBytes('\n'); err != nil {
		return
	}
	host, path, _ := strings.Cut(strings.TrimPrefix(o.Base, "http://"), "/")
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			conn, err := net.Dial("tcp", host)
			if err != nil {
				fatal(err)
			}
			answers := bufio.NewReader(conn)
			for i := p; i < len(o.Jobs); i += publishers {
				const body = `{"status":"running"}`
				fmt.Fprintf(conn, "PATCH /%s/jobs/%s HTTP/1.1\r\nHost: %s\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
					path, o.Jobs[i], host, o.Key, len(body), body)
				res, err := http.ReadResponse(answers, nil)
				if err != nil {
					fatal(err)
				}
				io.Copy(io.Discard, res.Body)
				if res.StatusCode != 200 {
					fatal(fmt.Errorf("PATCH answers %s", res.Status))
				}
			}
		})
	}
	wg.Wait()
	io.Copy(io.Discard, in)
}

// startSink starts the receiver's process and returns its address and a channel of how many deliveries it has had.
func startSink(b *testing.B) (addr string, received <-chan int) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), role+"=sink")
	cmd.Stderr = os.Stderr
	lines := start(b, cmd)
	if !lines.Scan() {
		b.Fatal("the sink is not ready")
	}
	addr = lines.Text()
	counts := make(chan int, 1)
	go func() {
		defer close(counts)
		for lines.Scan() {
			n, err := strconv.Atoi(lines.Text())
			if err != nil {
				return
			}
			counts <- n
		}
	}()
	return addr, counts
}

// waitFor waits for the sink to have had n deliveries, for as long as they keep coming.
func waitFor(b *testing.B, received <-chan int, n int) {
	b.Helper()
	last := 0
	for {
		select {
		case got, ok := <-received:
			if !ok {
				b.Fatalf("the sink ended after %d of %d deliveries", last, n)
			}
			if last = got; got >= n {
				return
			}
		case <-time.After(20 * time.Second):
			b.Fatalf("no delivery for 20 s after %d of %d", last, n)
		}
	}
}

// sink is the receiver's process: it answers 204 to everything with as little work as possible, and tells each 5 ms how many
// different webhook-ids it has had, if there are more.
func sink(out io.Writer) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fatal(err)
	}
	fmt.Fprintln(out, listener.Addr())
	var mu sync.Mutex
	seen := map[string]bool{}
	go func() {
		last := 0
		for range time.Tick(5 * time.Millisecond) {
			mu.Lock()
			n := len(seen)
			mu.Unlock()
			if n > last {
				last = n
				fmt.Fprintln(out, n)
			}
		}
	}()
	for {
		conn, err := listener.Accept()
		if err != nil {
			fatal(err)
		}
		go serveSink(conn, func(id string) {
			mu.Lock()
			seen[id] = true
			mu.Unlock()
		})
	}
}

func serveSink(conn net.Conn, got func(id string)) {
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 8<<10)
	for {
		var id string
		length := 0
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			line = bytes.TrimRight(line, "\r\n")
			if len(line) == 0 {
				break
			}
			name, value, _ := bytes.Cut(line, []byte(": "))
			switch {
			case bytes.EqualFold(name, []byte("webhook-id")):
				id = string(value)
			case bytes.EqualFold(name, []byte("content-length")):
				length, _ = strconv.Atoi(string(value))
			}
		}
		if _, err := r.Discard(length); err != nil {
			return
		}
		got(id)
		if _, err := io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n"); err != nil {
			return
		}
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

// cpu is what a process has used so far, user and system, in clock ticks of 10 ms (proc(5), fields 14 and 15 of stat).
func cpu(b *testing.B, pid int) time.Duration {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skipf("CPU of the service cannot be read: %v", err)
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+2:]))
	var ticks int
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// rss is the resident memory of a process in bytes (proc(5), statm).
func rss(b *testing.B, pid int) int {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		b.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(data))[1])
	if err != nil {
		b.Fatal(err)
	}
	return pages * os.Getpagesize()
}
