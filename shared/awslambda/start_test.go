package awslambda_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"hermod/shared/awslambda"
)

// asFunction makes the test's own program a function that runs TestStart's handler.
const asFunction = "HERMOD_TEST_AS_FUNCTION"

func TestMain(m *testing.M) {
	if os.Getenv(asFunction) != "" {
		slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
		slog.SetLogLoggerLevel(slog.LevelDebug) // as in every function: what the runtime says of it itself is below our level
		runs := 0
		awslambda.Start(awslambda.Schedule(func(ctx context.Context) error {
			deadline, ok := ctx.Deadline()
			if runs++; runs == 1 {
				return errors.New("the first run fails")
			}
			if !ok || time.Until(deadline) > 29*time.Second {
				return fmt.Errorf("the deadline is %v", deadline)
			}
			return nil
		}))
	}
	os.Exit(m.Run())
}

// The real runtime client against a runtime of two events: a failed invocation is reported, is logged once, as an error, and does not
// end the process.
func TestStart(t *testing.T) {
	reports := make(chan string, 3)
	next := make(chan string, 2)
	next <- "one"
	next <- "two"
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		what := strings.TrimPrefix(r.URL.Path, "/2018-06-01/runtime/invocation/")
		if what != "next" {
			body, _ := io.ReadAll(r.Body)
			w.WriteHeader(http.StatusAccepted)
			reports <- what + " " + string(body)
			return
		}
		select {
		case id := <-next:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", id)
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(30*time.Second).UnixMilli()))
			fmt.Fprint(w, "{}")
		case <-r.Context().Done():
		}
	}))
	defer api.Close()
	function := exec.CommandContext(t.Context(), os.Args[0])
	function.Env = append(os.Environ(), asFunction+"=1", "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(api.URL, "http://"))
	log, err := function.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := function.Start(); err != nil {
		t.Fatal(err)
	}
	defer function.Wait()
	defer function.Process.Kill()
	lines := bufio.NewReader(log)
	line, err := lines.ReadString('\n')
	for _, want := range []string{`"level":"ERROR"`, `"msg":"invocation failed","invocation":"one","error":"the first run fails"`} {
		if !strings.Contains(line, want) {
			t.Errorf("the log's first line is %q, %v, want %s in it", line, err, want)
		}
	}
	more := make(chan string, 1)
	go func() {
		rest, _ := io.ReadAll(lines)
		more <- string(rest)
	}()
	for _, want := range []string{`one/error {"errorMessage":"the first run fails"`, "two/response null"} {
		select {
		case got := <-reports:
			if !strings.HasPrefix(got, want) {
				t.Errorf("the function reports %s, want %s", got, want)
			}
		case rest := <-more:
			t.Fatalf("the function ends before it reports %s: %s", want, rest)
		}
	}
	function.Process.Kill()
	if rest := <-more; rest != "" {
		t.Errorf("the log goes on with %q, want one line", rest)
	}
}
