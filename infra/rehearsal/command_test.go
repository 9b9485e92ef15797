package main_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hermod/infra/engines/enginetest"
)

// output is what a process wrote; it may be read while the process writes.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// The command, as a person meets it: the lines that it prints are run by a shell as they stand, then comes Ctrl-C.
func TestThePrintedLinesWorkAndTheEndTellsTheBill(t *testing.T) {
	enginetest.DynamoDB(t) // without engines there is nothing to see
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("curl is needed: the printed lines use it")
		}
		t.Skip("NOT CHECKED: the printed lines use curl, which is not on this machine")
	}
	binary := filepath.Join(t.TempDir(), "rehearsal")
	if said, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, said)
	}
	var out output
	cmd := exec.Command(binary, "-listen", freeAddress(t), "-parameter", "LogLevel=debug")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { cmd.Process.Kill() })
	until(t, "a rehearsal", func() bool { return strings.Contains(out.String(), "/deliveries\n") })

	_, script, _ := strings.Cut(out.String(), "\n\n  KEY=")
	said, err := exec.Command("bash", "-ec", "KEY="+script).CombinedOutput()
	if err != nil || !strings.Contains(string(said), `"status":"running"`) || !strings.Contains(string(said), `"results":[`) {
		t.Errorf("the printed lines end with %v and say %s; want a running job and a list", err, said)
	}
	cmd.Process.Signal(os.Interrupt)
	if err := <-ended; err != nil {
		t.Errorf("after Ctrl-C the command ends with %v", err)
	}
	for _, want := range []string{"web console: http://", "DynamoDB write units", "JobsFunction: 1 process", "Grants in template.yaml that nothing needed:"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("nothing is said of %q: %s", want, &out)
		}
	}
	for _, unwanted := range []string{"Refused,", "Counted otherwise"} {
		if strings.Contains(out.String(), unwanted) {
			t.Errorf("%q is said: %s", unwanted, &out)
		}
	}
}

func TestWrongFlagsAreRefused(t *testing.T) {
	enginetest.DynamoDB(t) // without engines all end alike
	for want, args := range map[string][]string{
		`"extra" is no flag`:  {"extra"},
		"no-such-flag":        {"-no-such-flag"},
		"want NAME=VALUE":     {"-parameter", "Stage"},
		"NoSuchParameter":     {"-parameter", "NoSuchParameter=1"},
		"no-such-folder":      {"-build", "no-such-folder"},
		"listen on 256.0.0.1": {"-listen", "256.0.0.1:80"},
	} {
		said, err := exec.Command("go", append([]string{"run", "."}, args...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(said), want) || strings.Contains(string(said), "goroutine ") {
			t.Errorf("%v: ends with %v and says %s, want %s", args, err, said, want)
		}
	}
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
