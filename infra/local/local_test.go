package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hermod/infra/scenario"
)

// binary is the program, built once for all tests of the package.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "hermod-local-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "hermod")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// process is a running program.
type process struct {
	cmd    *exec.Cmd
	stdout *output
	stderr *output
}

// output is what a process wrote; it may be read while the process writes.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
	new chan struct{} // of size 1
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.new <- struct{}{}:
	default:
	}
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// wait waits until the output contains a text.
func (o *output) wait(t testing.TB, text string) string {
	t.Helper()
	for give := time.After(60 * time.Second); ; {
		if s := o.String(); strings.Contains(s, text) {
			return s
		}
		select {
		case <-o.new:
		case <-give:
			t.Fatalf("no %q within 60 s in: %s", text, o)
		}
	}
}

func launch(t testing.TB, args ...string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(path, args...), stdout: &output{new: make(chan struct{}, 1)}, stderr: &output{new: make(chan struct{}, 1)}}
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the program %v said on standard error: %s", args, p.stderr)
		}
	})
	return p
}

// kill is kill -9.
func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// fails runs the program until it ends by itself, which it must do with an error, and returns what it said.
func fails(t *testing.T, args ...string) string {
	t.Helper()
	p := launch(t, args...)
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	select {
	case err := <-ended:
		if err == nil {
			t.Fatalf("the program ended well, want an error")
		}
	case <-time.After(60 * time.Second):
		t.Fatalf("the program did not end; it said: %s%s", p.stdout, p.stderr)
	}
	return p.stderr.String()
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// freePair returns an address after whose port the next one is free too, for a service with its demo. It keeps out of the range from which
// the system gives ports to whoever asks for any: there the next one is soon taken.
func freePair(t testing.TB) string {
	t.Helper()
	for range 100 {
		port := 10_000 + 2*rand.N(10_000)
		first, err1 := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		second, err2 := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+1))
		for _, l := range []net.Listener{first, second} {
			if l != nil {
				l.Close()
			}
		}
		if err1 == nil && err2 == nil {
			return fmt.Sprintf("127.0.0.1:%d", port)
		}
	}
	t.Fatal("no two free ports in a row")
	return ""
}

// word returns the first word of a text that has the prefix.
func word(text, prefix string) string {
	s := bufio.NewScanner(strings.NewReader(text))
	s.Split(bufio.ScanWords)
	for s.Scan() {
		if w := strings.TrimRight(s.Text(), ",."); strings.HasPrefix(w, prefix) {
			return w
		}
	}
	return ""
}

// place returns where a started program says that something is: its API or its console.
func place(out, name string) string {
	_, after, _ := strings.Cut(out, name+" on ")
	return word(after, "http://")
}

// target starts a service and returns it as the scenarios see it.
func target(t testing.TB) (scenario.Target, func() *process) {
	t.Helper()
	args := []string{"-listen", freeAddress(t), "-data", filepath.Join(t.TempDir(), "data"), "-allow-http", "-allow-private", "-log", "warn"}
	p := launch(t, args...)
	out := p.stdout.wait(t, "And see what became of it")
	g := scenario.Target{API: place(out, "API"), Key: word(out, "hmd_")}
	g.Crash = func(t testing.TB) {
		t.Helper()
		p.kill()
		p = launch(t, args...)
		p.stdout.wait(t, "API on")
	}
	return g, func() *process { return p }
}

func TestScenarios(t *testing.T) {
	g, _ := target(t)
	scenario.All(t, g)
}

func TestKilledInTheMiddleOf5000DeliveriesNothingAcknowledgedIsLost(t *testing.T) {
	g, _ := target(t)
	scenario.Crash(t, g, 5000, 10, 1)
}

func TestKilled20TimesIn1000DeliveriesNothingAcknowledgedIsLost(t *testing.T) {
	g, _ := target(t)
	scenario.Crash(t, g, 1000, 1, 20)
}

func TestKilledWhileInputsAreReportedEachCountsOnceAndTheJobFinishesOnce(t *testing.T) {
	g, _ := target(t)
	scenario.CrashInputs(t, g, 2400, 6)
}

func TestReceiversThatHangHoldUpNobodyElse(t *testing.T) {
	g, _ := target(t)
	scenario.Hang(t, g)
}

func TestAskedToStopItFinishesWhatIsInHand(t *testing.T) {
	g, current := target(t)
	scenario.Stop(t, g, func() {
		p := current()
		p.cmd.Process.Signal(syscall.SIGTERM)
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("after SIGTERM the program ends with %v, want 0; it said: %s", err, p.stderr)
		}
	})
}

func TestASecondProcessOnTheFolderIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	launch(t, "-listen", "127.0.0.1:0", "-data", dir).stdout.wait(t, "API on")
	if said := fails(t, "-listen", "127.0.0.1:0", "-data", dir); !strings.Contains(said, "in use") && !strings.Contains(said, "another process") {
		t.Errorf("a second process is told %q, want that another process uses the folder", said)
	}
	if said := fails(t, "-data", dir, "-new-project", "x"); !strings.Contains(said, "in use") && !strings.Contains(said, "another process") {
		t.Errorf("-new-project beside a running service is told %q, want that another process uses the folder", said)
	}
}

func TestAPortInUseIsRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if said := fails(t, "-listen", l.Addr().String(), "-data", t.TempDir()); !strings.Contains(said, "address already in use") || !strings.Contains(said, "-listen") {
		t.Errorf("a port in use is told as %q, want the reason and the flag", said)
	}
}

func TestADamagedDatabaseIsRefusedAndLeftAsItIs(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "hermod.db")
	garbage := bytes.Repeat([]byte("this is no database. "), 1000)
	if err := os.WriteFile(file, garbage, 0o600); err != nil {
		t.Fatal(err)
	}
	if said := fails(t, "-listen", "127.0.0.1:0", "-data", dir); !strings.Contains(said, "hermod.db") {
		t.Errorf("a damaged database is told as %q, want its name and what to do", said)
	}
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(after, garbage) {
		t.Errorf("the damaged file was changed (%v), want it left alone", err)
	}
}

func TestAReadOnlyFolderIsRefused(t *testing.T) {
	if said := fails(t, "-listen", "127.0.0.1:0", "-data", "/proc/hermod-data"); !strings.Contains(said, "data folder") {
		t.Errorf("a folder that cannot be made is told as %q, want that it is the data folder", said)
	}
}

func TestWrongFlagsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"-log", "loud"}, {"extra"}, {"-no-such-flag"}, {"-rate-limit", "-1"}} {
		if said := fails(t, args...); said == "" {
			t.Errorf("%v: nothing was said, want what is wrong", args)
		}
	}
}

func TestAKeyIsHeldToTheRateLimit(t *testing.T) {
	for _, row := range []struct{ flag, says string }{{"60000", "60000"}, {"1000000", "1000000"}, {"0", ""}} {
		said := launch(t, "-listen", "127.0.0.1:0", "-data", t.TempDir(), "-rate-limit", row.flag).stdout.wait(t, "hmd_")
		req, err := http.NewRequest("GET", place(said, "API")+"/workspace", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-API-Key", word(said, "hmd_"))
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := res.Header.Get("X-RateLimit-Limit"); res.StatusCode != 200 || got != row.says {
			t.Errorf("with -rate-limit %s the workspace is answered %d and X-RateLimit-Limit %q, want 200 and %q",
				row.flag, res.StatusCode, got, row.says)
		}
	}
}

func TestNewProjectHasAKeyOfItsOwn(t *testing.T) {
	dir, address := filepath.Join(t.TempDir(), "data"), freeAddress(t)
	p := launch(t, "-data", dir, "-new-project", "second tenant")
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("-new-project: %v: %s", err, p.stderr)
	}
	key := word(p.stdout.String(), "hmd_")
	api := place(launch(t, "-listen", address, "-data", dir).stdout.wait(t, "API on"), "API")
	req, err := http.NewRequest("GET", api+"/workflows", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != 200 || strings.TrimSpace(string(body)) != "[]" {
		t.Errorf("the new project's workflows are %d %s, want 200 and none", res.StatusCode, body)
	}
}

// The console stands beside the API, the key that was printed opens it, and the demo's page is there with the demo only.
func TestTheConsoleOpensWithThePrintedKey(t *testing.T) {
	plain := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, row := range []struct {
		flags []string
		demo  int // what the demo's page is answered
	}{{nil, 404}, {[]string{"-demo"}, 200}} {
		said := launch(t, append(row.flags, "-listen", freePair(t), "-data", t.TempDir())...).stdout.wait(t, "And see what became of it")
		console := place(said, "console")
		if res, err := plain.Get(strings.TrimSuffix(console, "console")); err != nil || res.Header.Get("Location") != "/console" {
			t.Errorf("the root leads to %q, %v; want /console", res.Header.Get("Location"), err)
		}
		res, err := plain.PostForm(console+"/sign-in", url.Values{"key": {word(said, "hmd_")}})
		if err != nil || len(res.Cookies()) != 1 {
			t.Fatalf("with %v the sign-in is answered %v, %v; want a cookie", row.flags, res, err)
		}
		for page, want := range map[string]int{"": 200, "/demo": row.demo} {
			req, err := http.NewRequest("GET", console+page, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.AddCookie(&http.Cookie{Name: res.Cookies()[0].Name, Value: res.Cookies()[0].Value})
			answer, err := plain.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != want {
				t.Errorf("with %v %s is answered %d, want %d", row.flags, console+page, answer.StatusCode, want)
			}
		}
	}
}

// The demo, as a newcomer meets it: the lines that it prints are run by a shell as they stand.
func TestThePrintedLinesGiveAVerifiedDelivery(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("curl is needed: the printed lines use it")
		}
		t.Skip("NOT CHECKED: the printed lines use curl, which is not on this machine")
	}
	p := launch(t, "-listen", freePair(t), "-data", filepath.Join(t.TempDir(), "data"), "-demo")
	out := p.stdout.wait(t, "another, to fail")
	var lines []string
	for _, line := range strings.Split(out, "\n") {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "KEY=") || strings.HasPrefix(line, "JOB=") || strings.HasPrefix(line, "curl") {
			lines = append(lines, line)
		}
	}
	if len(lines) < 8 {
		t.Fatalf("the start printed %d lines to try, want 8: %s", len(lines), out)
	}
	shell := func(script string) string {
		said, err := exec.Command("bash", "-ec", script).CombinedOutput()
		if err != nil {
			t.Fatalf("%s\n%v: %s", script, err, said)
		}
		return string(said)
	}
	shell(strings.Join(lines[:4], "\n"))
	p.stdout.wait(t, "/hook/mine  job.created  attempt 1  signature verified  answered 204")
	p.stdout.wait(t, "/hook/shaky  job.succeeded  attempt 3  signature verified  answered 204")
	p.stdout.wait(t, "/hook/broken  job.succeeded  attempt 5  signature verified  answered 500")
	if n := strings.Count(p.stdout.String(), "NOT VERIFIED"); n != 0 {
		t.Errorf("%d deliveries were not verified: %s", n, p.stdout)
	}
	for said := ""; !strings.Contains(said, `"state":"dead"`); said = shell(lines[5]) {
		<-time.After(50 * time.Millisecond)
	}
	shell(strings.Join(lines[6:8], "\n"))
	p.stdout.wait(t, "/hook/broken  job.succeeded  attempt 6  signature verified  answered 204")
}

// The demo's executor is a client like any other: its job has inputs that failed for several reasons, and a retry mends those that it may.
func TestTheDemoHasAJobWhoseInputsFailAndSucceedAfterARetry(t *testing.T) {
	p := launch(t, "-listen", freePair(t), "-data", filepath.Join(t.TempDir(), "data"), "-demo")
	out := p.stdout.wait(t, "another, to fail")
	call := func(method, path string, answer any) {
		t.Helper()
		req, err := http.NewRequest(method, place(out, "API")+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-API-Key", word(out, "hmd_"))
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 || json.Unmarshal(body, answer) != nil {
			t.Fatalf("%s %s answers %d %s, %v; want 200 and JSON", method, path, res.StatusCode, body, err)
		}
	}
	p.stdout.wait(t, "(Nightly import) is finished: of 40 inputs 35 succeeded, 5 failed")
	p.stdout.wait(t, "(Import of old leads, to fail) is shutdown: of 12 inputs 4 succeeded, 0 failed")
	var jobs struct{ Results []struct{ UID, Name string } }
	call("GET", "/jobs?status=finished", &jobs)
	i := slices.IndexFunc(jobs.Results, func(j struct{ UID, Name string }) bool { return j.Name == "Nightly import" })
	if i < 0 {
		t.Fatalf("the jobs that finished are %v, want Nightly import among them", jobs)
	}
	uid := jobs.Results[i].UID
	var failed struct {
		Results []struct {
			LastError struct{ Retryable bool } `json:"last_error"`
		}
	}
	call("GET", "/jobs/"+uid+"/inputs?status=failed&retryable=true", &failed)
	if len(failed.Results) != 3 {
		t.Errorf("%d inputs failed for reasons that may pass, want 3", len(failed.Results))
	}
	var ignored any
	call("POST", "/jobs/"+uid+"/retry", &ignored)
	p.stdout.wait(t, "(Nightly import) is finished: of 40 inputs 38 succeeded, 2 failed")
	var rows struct{ Results []struct{ Email string } }
	call("GET", "/jobs/"+uid+"/results?limit=100", &rows)
	if len(rows.Results) < 38 || rows.Results[0].Email == "" {
		t.Errorf("the job has %d rows, the first %v; want at least one for each input that succeeded", len(rows.Results), rows.Results)
	}
}
