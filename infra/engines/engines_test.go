package engines_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"hermod/infra/engines"
)

// parentOf is the variable that makes a run of this test binary a process that starts an engine, and says which.
const parentOf = "HERMOD_ENGINES_TEST_PARENT"

// starts is every engine that is a program.
var starts = map[string]func(engines.Config) (*engines.Process, error){"DynamoDB": engines.StartDynamoDB, "SQS": engines.StartSQS}

func TestMain(m *testing.M) {
	if name := os.Getenv(parentOf); name != "" {
		p, err := starts[name](engines.Config{})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(p.PID())
		select {}
	}
	os.Exit(m.Run())
}

func start(t *testing.T, name string, c engines.Config) *engines.Process {
	t.Helper()
	p, err := starts[name](c)
	if errors.Is(err, engines.ErrNotInstalled) && os.Getenv("CI") == "" {
		t.Skipf("LEFT OUT, needs an engine: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop() })
	return p
}

// call sends an operation without a signature, which neither engine asks for.
func call(endpoint, target, body string) (status int, answer string, err error) {
	r, err := http.NewRequest("POST", endpoint, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("X-Amz-Target", target)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260304/us-east-1/x/aws4_request, SignedHeaders=host, Signature=0")
	r.Header.Set("X-Amz-Date", "20260304T050607Z")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	return res.StatusCode, string(raw), err
}

func TestEnginesAnswerUntilTheyAreStopped(t *testing.T) {
	tests := []struct{ name, target, want string }{
		{"DynamoDB", "DynamoDB_20120810.ListTables", `"TableNames":[]`},
		{"SQS", "AmazonSQS.ListQueues", `"QueueUrls":[]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			p := start(t, tt.name, engines.Config{Log: &log})
			status, answer, err := call(p.Endpoint, tt.target, "{}")
			if err != nil || status != 200 || !strings.Contains(answer, tt.want) {
				t.Errorf("%s = %d %s, %v, want 200 and %s", tt.target, status, answer, err, tt.want)
			}
			for range 2 {
				if err := p.Stop(); err != nil {
					t.Errorf("Stop = %v, want nil", err)
				}
			}
			if _, _, err := call(p.Endpoint, tt.target, "{}"); err == nil {
				t.Error("the engine still answers after Stop")
			}
			if err := syscall.Kill(p.PID(), 0); err == nil {
				t.Errorf("process %d is still there after Stop", p.PID())
			}
			if log.Len() == 0 {
				t.Error("nothing of what the engine printed is in the log")
			}
		})
	}
}

func TestTwoEnginesAreApart(t *testing.T) {
	a, b := start(t, "DynamoDB", engines.Config{}), start(t, "DynamoDB", engines.Config{})
	status, answer, err := call(a.Endpoint, "DynamoDB_20120810.CreateTable", `{"TableName":"one","BillingMode":"PAY_PER_REQUEST",
		"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}]}`)
	if err != nil || status != 200 {
		t.Fatalf("CreateTable = %d %s, %v", status, answer, err)
	}
	if _, answer, err := call(b.Endpoint, "DynamoDB_20120810.ListTables", "{}"); err != nil || strings.Contains(answer, "one") {
		t.Errorf("tables of the other = %s, %v, want none", answer, err)
	}
}

func TestStopTellsOfAnEngineThatEndedByItself(t *testing.T) {
	p := start(t, "DynamoDB", engines.Config{})
	if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "the engine ends", func() bool { return syscall.Kill(p.PID(), 0) != nil })
	if err := p.Stop(); err == nil {
		t.Error("Stop of an engine that was killed = nil, want an error")
	}
	if err := p.Stop(); err != nil {
		t.Errorf("second Stop = %v, want nil", err)
	}
}

func TestEngineEndsWithTheProcessThatStartedIt(t *testing.T) {
	for name := range starts {
		t.Run(name, func(t *testing.T) {
			start(t, name, engines.Config{}).Stop() // skips where it is not installed
			parent := exec.Command(os.Args[0])
			parent.Env = append(os.Environ(), parentOf+"="+name)
			out, err := parent.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := parent.Start(); err != nil {
				t.Fatal(err)
			}
			line, _ := bufio.NewReader(out).ReadString('\n')
			parent.Process.Kill()
			parent.Wait()
			var pid int
			if _, err := fmt.Sscan(line, &pid); err != nil {
				t.Fatalf("the parent said %q, want the engine's process id", line)
			}
			until(t, "the engine ends", func() bool { return gone(pid) })
		})
	}
}

// gone reports whether a process has ended; it may wait for whoever adopted it to take notice.
func gone(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(status), ") Z ")
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for give := time.After(time.Minute); !ok(); {
		select {
		case <-tick.C:
		case <-give:
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

func TestWithoutItsFilesAnEngineSaysHowToInstallIt(t *testing.T) {
	for name, start := range starts {
		_, err := start(engines.Config{Dir: t.TempDir()})
		if !errors.Is(err, engines.ErrNotInstalled) || !strings.Contains(err.Error(), "infra/engines/install") {
			t.Errorf("Start of %s in an empty folder = %v, want ErrNotInstalled", name, err)
		}
	}
}

func TestFileThatWasChangedIsNotStarted(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"dynoxide-1.2.1/dynoxide", "elasticmq-1.7.1/commons-dbcp2-2.13.0.jar"} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte("#!/bin/sh\necho other\n"), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	for name, start := range starts {
		if name == "SQS" && !haveJava() {
			continue
		}
		if _, err := start(engines.Config{Dir: dir}); err == nil || errors.Is(err, engines.ErrNotInstalled) || !strings.Contains(err.Error(), "SHA-256") {
			t.Errorf("Start of %s with a file that was changed = %v, want what is wrong with it", name, err)
		}
	}
}

func haveJava() bool {
	_, err := exec.LookPath("java")
	return err == nil
}

// The versions stand in the script, in its pom.xml, in SHA256SUMS and in the package; each start names them by SHA256SUMS.
func TestVersionsAgree(t *testing.T) {
	for file, wants := range map[string][]string{
		"install": {"dynoxide=dynoxide-1.2.1\n", "elasticmq=elasticmq-1.7.1\n", "@dynoxide/linux-x64@1.2.1"},
		"pom.xml": {"<artifactId>elasticmq-server_3</artifactId>\n      <version>1.7.1</version>"},
		"SHA256SUMS": {"  dynoxide-1.2.1/dynoxide\n", "  dynoxide-1.2.1/dynoxide-linux-x64-1.2.1.tgz\n",
			"  elasticmq-1.7.1/elasticmq-server_3-1.7.1.jar\n"},
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s lacks %q", file, want)
			}
		}
	}
}
