package runtime_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/infra/rehearsal/runtime"
)

// binary is the function of the tests, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "hermod-probe-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "bootstrap")
	if out, err := exec.Command("go", "build", "-o", binary, "../testdata/probe").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("build the probe: %v\n%s", err, out))
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// probe returns the test's function. Its log is the file log in the returned folder.
func probe(t *testing.T, change func(*runtime.Config)) (*runtime.Function, string) {
	t.Helper()
	dir := t.TempDir()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	c := runtime.Config{
		Name: "hermod-Probe", ARN: "arn:aws:lambda:us-east-1:000000000000:function:hermod-Probe", Binary: binary, Identity: "ProbeFunction",
		Endpoint: "http://127.0.0.1:1", Region: "us-east-1", Timeout: time.Minute, Memory: 256, Log: log,
	}
	if change != nil {
		change(&c)
	}
	f, err := runtime.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Stop()
		log.Close()
	})
	return f, dir
}

func invoke[T any](t testing.TB, f *runtime.Function, order string) (answer T) {
	t.Helper()
	raw, err := f.Invoke([]byte(order))
	if err != nil {
		t.Fatalf("Invoke(%s): %v", order, err)
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("Invoke(%s) answers %s: %v", order, raw, err)
	}
	return answer
}

// until waits for something to become true.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for give := time.After(time.Minute); !ok(); {
		select {
		case <-tick.C:
		case <-give:
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// state is the letter that the kernel has for a process: T is stopped; empty when there is none.
func state(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return after[:1]
}

func TestAProcessIsReusedAndStoppedBetweenCalls(t *testing.T) {
	f, _ := probe(t, nil)
	first := invoke[int](t, f, `{"do":"pid"}`)
	for range 3 {
		until(t, "process stopped after its call", func() bool { return state(first) == "T" })
		if pid := invoke[int](t, f, `{"do":"pid"}`); pid != first {
			t.Fatalf("a call after a call ran in process %d, want %d again", pid, first)
		}
	}
	if n := len(f.Inits()); n != 1 {
		t.Errorf("%d processes were started for calls one after the other, want 1", n)
	}
}

func TestCallsAtTheSameTimeHaveAProcessEach(t *testing.T) {
	f, dir := probe(t, nil)
	const calls = 5
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	pids := make([]int, calls)
	for i := range calls {
		all.Go(func() { pids[i] = invoke[int](t, f, `{"do":"wait","file":"`+pipe+`"}`) })
	}
	until(t, "a process for each call", func() bool { return len(f.Inits()) == calls })
	reader, err := os.Open(pipe)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	all.Wait()
	slices.Sort(pids)
	if n := len(slices.Compact(pids)); n != calls {
		t.Errorf("%d calls at the same time ran in %d processes, want %d", calls, n, calls)
	}
}

func TestACallThatTakesTooLongIsKilled(t *testing.T) {
	f, dir := probe(t, func(c *runtime.Config) { c.Timeout = 200 * time.Millisecond })
	file := filepath.Join(dir, "pid")
	if _, err := f.Invoke([]byte(`{"do":"hang","file":"` + file + `"}`)); !errors.Is(err, runtime.ErrTimedOut) {
		t.Errorf("Invoke of what hangs = %v, want ErrTimedOut", err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	json.Unmarshal(raw, &pid)
	if s := state(pid); s != "" {
		t.Errorf("the process of a call that took too long is %q, want it gone", s)
	}
	if again := invoke[int](t, f, `{"do":"pid"}`); again == pid {
		t.Error("the next call ran in the process that was killed")
	}
}

func TestACrashFailsTheCallUnderWayAndNoOther(t *testing.T) {
	f, dir := probe(t, nil)
	file := filepath.Join(dir, "pid")
	failed := make(chan error, 1)
	go func() {
		_, err := f.Invoke([]byte(`{"do":"hang","file":"` + file + `"}`))
		failed <- err
	}()
	until(t, "call under way", func() bool {
		raw, err := os.ReadFile(file)
		return err == nil && len(raw) > 0
	})
	idle := invoke[int](t, f, `{"do":"pid"}`)
	if n := f.Crash(); n != 2 {
		t.Errorf("Crash() = %d, want 2", n)
	}
	if err := <-failed; !errors.Is(err, runtime.ErrExited) {
		t.Errorf("the call under way = %v, want ErrExited", err)
	}
	if pid := invoke[int](t, f, `{"do":"pid"}`); pid == idle {
		t.Error("a call after the crash ran in a process from before it")
	}
}

func TestWhatFailsACall(t *testing.T) {
	tests := []struct {
		name, order string
		want        error
	}{
		{"the process ends", `{"do":"exit"}`, runtime.ErrExited},
		{"the function says so", `{"do":"fail"}`, &runtime.Failure{Type: "probe", Message: "as told"}},
		{"the function says nothing", `{"do":"nothing"}`, &runtime.Failure{Type: "Runtime.NoResponse"}},
		{"the answer is too large", `{"do":"large"}`, &runtime.Failure{Type: "Function.ResponseSizeTooLarge"}},
		{"the event is too large", strings.Repeat("x", runtime.MaxPayload+1), runtime.ErrTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, _ := probe(t, nil)
			_, err := f.Invoke([]byte(tt.order))
			want, said := new(runtime.Failure), new(runtime.Failure)
			if errors.As(tt.want, &want) {
				if !errors.As(err, &said) || said.Type != want.Type {
					t.Errorf("Invoke = %v, want a failure %s", err, want.Type)
				}
			} else if !errors.Is(err, tt.want) {
				t.Errorf("Invoke = %v, want %v", err, tt.want)
			}
			invoke[int](t, f, `{"do":"pid"}`) // the function goes on
		})
	}
}

func TestAProcessThatEndsBeforeItsFirstCallFailsIt(t *testing.T) {
	f, _ := probe(t, func(c *runtime.Config) { c.Environment = map[string]string{"PROBE_START": "exit"} })
	if _, err := f.Invoke([]byte(`{}`)); !errors.Is(err, runtime.ErrExited) {
		t.Errorf("Invoke = %v, want ErrExited", err)
	}
}

func TestTheEnvironmentIsTheTemplatesAndLambdas(t *testing.T) {
	t.Setenv("HERMOD_LEAK", "of the host")
	f, _ := probe(t, func(c *runtime.Config) { c.Environment = map[string]string{"HERMOD_TABLE": "hermod-Table"} })
	got := invoke[[]string](t, f, `{"do":"environment"}`)
	got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "AWS_LAMBDA_RUNTIME_API=127.0.0.1:") })
	want := []string{
		"AWS_ACCESS_KEY_ID=ProbeFunction",
		"AWS_DEFAULT_REGION=us-east-1",
		"AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:1",
		"AWS_ENDPOINT_URL_KMS=http://127.0.0.1:1",
		"AWS_ENDPOINT_URL_SQS=http://127.0.0.1:1",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256",
		"AWS_LAMBDA_FUNCTION_NAME=hermod-Probe",
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_REGION=us-east-1",
		"AWS_SECRET_ACCESS_KEY=rehearsal",
		"AWS_SESSION_TOKEN=rehearsal",
		"HERMOD_TABLE=hermod-Table",
		"LAMBDA_RUNTIME_DIR=/var/runtime",
		"LAMBDA_TASK_ROOT=" + filepath.Dir(binary),
		"LANG=en_US.UTF-8",
		"PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"TZ=:UTC",
		"_HANDLER=bootstrap",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestAVariableOfLambdasOwnIsRefused(t *testing.T) {
	c := runtime.Config{Binary: binary, Log: os.Stderr, Environment: map[string]string{"AWS_REGION": "eu-west-1"}}
	if _, err := runtime.New(c); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("New = %v, want that AWS_REGION is Lambda's own", err)
	}
}

func TestTheLogHasWhatProcessesPrintAndWhyCallsFailed(t *testing.T) {
	f, dir := probe(t, nil)
	if _, err := f.Invoke([]byte(`{"do":"print","say":"printed"}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Invoke([]byte(`{"do":"exit"}`)); err == nil {
		t.Fatal("a process that ended answered")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"printed", "Error: " + runtime.ErrExited.Error()} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("the log is %q, want %q in it", raw, want)
		}
	}
}

func TestEveryCallIsBilled(t *testing.T) {
	var mu sync.Mutex
	var billed []time.Duration
	f, _ := probe(t, func(c *runtime.Config) {
		c.Billed = func(d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			billed = append(billed, d)
		}
	})
	for range 3 {
		invoke[int](t, f, `{"do":"pid"}`)
	}
	if len(billed) != 3 || slices.Min(billed) <= 0 || billed[0] < f.Inits()[0] {
		t.Errorf("three calls were billed %v, want three times, the first with its start of %v", billed, f.Inits()[0])
	}
}

func TestAStoppedFunctionHasNoProcesses(t *testing.T) {
	f, _ := probe(t, nil)
	pid := invoke[int](t, f, `{"do":"pid"}`)
	f.Stop()
	if s := state(pid); s != "" {
		t.Errorf("after Stop the process is %q, want it gone", s)
	}
	if _, err := f.Invoke([]byte(`{"do":"pid"}`)); !errors.Is(err, runtime.ErrStopped) {
		t.Errorf("Invoke after Stop = %v, want ErrStopped", err)
	}
}
