package receive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"hermod/infra/openapi/service"
)

// patience is how long a receiver may take to start and to get what it must.
const patience = 90 * time.Second

// receiver is one of the programs. The command runs in a folder that holds a copy of its file.
type receiver struct {
	language string // of its block in README.md
	file     string
	program  string                            // that has to be there
	prepare  func(dir, libraries string) error // nil: nothing is needed
	command  func(libraries, port string) []string
}

var receivers = []receiver{
	{
		language: "go", file: "go/main.go", program: "go",
		// The module's own versions, wherever the binary runs.
		prepare: func(dir, _ string) error {
			return said(exec.Command("go", "build", "-o", filepath.Join(dir, "receive"), "./go"))
		},
		command: func(_, _ string) []string { return []string{"./receive"} },
	},
	{
		language: "js", file: "node/receive.mjs", program: "node",
		prepare: func(dir, libraries string) error {
			return os.Symlink(filepath.Join(libraries, "node/node_modules"), filepath.Join(dir, "node_modules"))
		},
		command: func(_, _ string) []string { return []string{"node", "receive.mjs"} },
	},
	{
		language: "python", file: "python/receive.py", program: "python3",
		command: func(libraries, _ string) []string {
			return []string{filepath.Join(libraries, "python/bin/python"), "receive.py"}
		},
	},
	{
		language: "ruby", file: "ruby/receive.rb", program: "ruby",
		command: func(_, _ string) []string { return []string{"ruby", "receive.rb"} },
	},
	{
		language: "php", file: "php/receive.php", program: "php",
		command: func(_, port string) []string { return []string{"php", "-S", "127.0.0.1:" + port, "receive.php"} },
	},
	{
		language: "java", file: "java/Receive.java", program: "java",
		command: func(libraries, _ string) []string {
			return []string{"java", "-cp", filepath.Join(libraries, "java/standardwebhooks-1.1.0.jar"), "Receive.java"}
		},
	},
}

func TestREADMEShowsTheReceivers(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range receivers {
		text, err := os.ReadFile(r.file)
		if err != nil {
			t.Fatal(err)
		}
		if block := "```" + r.language + "\n" + string(text) + "```\n"; !strings.Contains(string(readme), block) {
			t.Errorf("README.md does not show infra/receive/%s byte for byte", r.file)
		}
	}
}

// The bodies that README.md shows have the fields of real ones, in their order.
func TestREADMEShowsBodiesAsTheyArrive(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	readme, err := os.ReadFile("../../README.md")
	must(t, err)
	var shown [][]string
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(readme, -1) {
		shown = append(shown, fields(block[1]))
	}
	s := serve(t)
	var workflow, hook, job struct{ UID string }
	must(t, s.Call(ctx, "POST", "/workflows", object{"name": "Import"}, &workflow))
	var real [][]string
	for _, payload := range []string{"v3", "standard"} {
		// Nobody listens there; the body is in the log all the same.
		must(t, s.Call(ctx, "POST", "/webhooks", object{"url": "http://127.0.0.1:9/", "events": []string{"failed"}, "payload": payload}, &hook))
		must(t, s.Call(ctx, "POST", "/workflows/"+workflow.UID+"/schedule", object{"job_name": "nightly import"}, &job))
		must(t, s.Call(ctx, "PATCH", "/jobs/"+job.UID, object{"status": "shutdown", "error_message": "out of memory"}, nil))
		var list, delivery struct {
			Results []struct{ UID string }
			Body    string
		}
		must(t, service.Until(ctx, "a delivery", func() (bool, error) {
			err := s.Call(ctx, "GET", "/deliveries?webhook_uid="+hook.UID, nil, &list)
			return len(list.Results) > 0, err
		}))
		must(t, s.Call(ctx, "GET", "/deliveries/"+list.Results[0].UID, nil, &delivery))
		real = append(real, fields([]byte(delivery.Body)))
	}
	if diff := cmp.Diff(real, shown); diff != "" {
		t.Errorf("fields of the two bodies (- as they arrive, + in README.md)\n%s", diff)
	}
}

// fields returns the names in a JSON text, as they come.
func fields(text []byte) (names []string) {
	for _, m := range regexp.MustCompile(`"(\w+)":`).FindAllSubmatch(text, -1) {
		names = append(names, string(m[1]))
	}
	return names
}

func TestEveryReceiverTakesWhatIsSignedAndNothingElse(t *testing.T) {
	s := serve(t)
	for _, r := range receivers {
		t.Run(r.language, func(t *testing.T) { takes(t, s, r) })
	}
}

func takes(t *testing.T, s *service.Service, r receiver) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	const secret = "whsec_cmVjZWl2ZXJzIGluIHNpeCBsYW5ndWFnZXMsIDMyIGI="
	url := start(t, ctx, r, secret)
	var hook, workflow, job, sent struct {
		UID         string
		DeliveryUID string `json:"delivery_uid"`
	}
	must(t, s.Call(ctx, "POST", "/workflows", object{"name": "Größe, 大きさ"}, &workflow))
	must(t, s.Call(ctx, "POST", "/webhooks", object{
		"url": url, "events": []string{"created", "succeeded"}, "workflow_uid": workflow.UID, "secret": secret,
		"signatures": []string{"v1", "v1a"},
	}, &hook))

	must(t, s.Call(ctx, "POST", "/workflows/"+workflow.UID+"/schedule", object{"job_name": "for " + r.language}, &job))
	must(t, s.Call(ctx, "PATCH", "/jobs/"+job.UID, object{"status": "running"}, nil))
	must(t, s.Call(ctx, "PATCH", "/jobs/"+job.UID, object{"status": "finished"}, nil))
	arrive(t, ctx, s, hook.UID, 2)

	must(t, s.Call(ctx, "POST", "/webhooks/"+hook.UID+"/secret/rotate", object{"overlap_seconds": 600}, nil))
	must(t, s.Call(ctx, "POST", "/webhooks/"+hook.UID+"/test", object{"event": "succeeded"}, &sent))
	arrive(t, ctx, s, hook.UID, 3) // of three signatures the receiver knows one

	refuses(t, url, secret)
}

// serve starts a service that runs until the test ends.
func serve(t *testing.T) *service.Service {
	t.Helper()
	s, err := service.Start(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, s.Stop()) })
	return s
}

// arrive waits until so many deliveries of the webhook were answered 204, and sees to it that none was answered otherwise.
func arrive(t *testing.T, ctx context.Context, s *service.Service, hook string, want int) {
	t.Helper()
	must(t, service.Until(ctx, fmt.Sprintf("%d deliveries answered 204", want), func() (bool, error) {
		var list struct {
			Results []struct {
				LastStatus   int    `json:"last_status"`
				LastError    string `json:"last_error"`
				AttemptCount int    `json:"attempt_count"`
			}
		}
		err := s.Call(ctx, "GET", "/deliveries?webhook_uid="+hook, nil, &list)
		taken := 0
		for _, d := range list.Results {
			switch {
			case d.LastStatus == http.StatusNoContent && d.AttemptCount == 1:
				taken++
			case d.AttemptCount > 0:
				return false, fmt.Errorf("a delivery was answered %d after %d attempts, want 204 at once: %s", d.LastStatus, d.AttemptCount, d.LastError)
			}
		}
		return taken == want, err
	}))
}

// refuses sends what nobody signed, or somebody long ago, and one request that is good.
func refuses(t *testing.T, url, secret string) {
	t.Helper()
	signer, err := standardwebhooks.NewWebhook(secret)
	must(t, err)
	body, now := []byte(`{"message":"Job started."}`), time.Now()
	sign := func(at time.Time) http.Header {
		signature, err := signer.Sign("msg_1", at, body)
		must(t, err)
		return http.Header{
			"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)}, "Webhook-Signature": {signature},
			"Content-Type": {"application/json"},
		}
	}
	with := func(name, value string) http.Header {
		header := sign(now)
		header.Set(name, value)
		return header
	}
	tests := []struct {
		name   string
		header http.Header
		body   []byte
		want   int
	}{
		{"as it was signed", sign(now), body, http.StatusNoContent},
		{"with another body", sign(now), []byte(`{"message":"Job stopped."}`), http.StatusUnauthorized},
		{"with another id", with("Webhook-Id", "msg_2"), body, http.StatusUnauthorized},
		{"at a time that is none", with("Webhook-Timestamp", "now"), body, http.StatusUnauthorized},
		{"with a scheme and no signature", with("Webhook-Signature", "v1"), body, http.StatusUnauthorized},
		{"with a signature that is no base64", with("Webhook-Signature", "v1,%"), body, http.StatusUnauthorized},
		{"signed ten minutes ago", sign(now.Add(-10 * time.Minute)), body, http.StatusUnauthorized},
		{"signed for ten minutes from now", sign(now.Add(10 * time.Minute)), body, http.StatusUnauthorized},
		{"without a signature", http.Header{"Content-Type": {"application/json"}}, body, http.StatusUnauthorized},
	}
	for _, test := range tests {
		req, err := http.NewRequest("POST", url, bytes.NewReader(test.body))
		must(t, err)
		req.Header = test.header
		res, err := http.DefaultClient.Do(req)
		must(t, err)
		res.Body.Close()
		if res.StatusCode != test.want {
			t.Errorf("a request %s is answered %d, want %d", test.name, res.StatusCode, test.want)
		}
	}
}

// start runs the receiver until the test ends, and returns its URL once it listens.
func start(t *testing.T, ctx context.Context, r receiver, secret string) string {
	t.Helper()
	libraries, dir, port := installed(t, r), t.TempDir(), freePort(t)
	text, err := os.ReadFile(r.file)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, filepath.Base(r.file)), text, 0o600))
	if r.prepare != nil {
		must(t, r.prepare(dir, libraries))
	}
	args := r.command(libraries, port)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "SECRET="+secret, "PORT="+port)
	var output bytes.Buffer // read once the program has ended
	cmd.Stdout, cmd.Stderr = &output, &output
	must(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("the receiver said: %s", &output)
		}
	})
	must(t, service.Until(ctx, "the receiver to listen", func() (bool, error) {
		connection, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			return false, nil
		}
		return true, connection.Close()
	}))
	return "http://127.0.0.1:" + port + "/hook"
}

// installed returns the folder of the libraries. Without them, or without the language, the test is left out, and fails in CI.
func installed(t *testing.T, r receiver) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	must(t, err)
	dir := filepath.Join(cache, "hermod", "receive")
	if own := os.Getenv("HERMOD_RECEIVE"); own != "" {
		dir = own
	}
	_, errLibraries := os.Stat(filepath.Join(dir, "installed"))
	_, errProgram := exec.LookPath(r.program)
	if err := errors.Join(errLibraries, errProgram); err != nil && r.language != "go" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("infra/receive/install has not been run: %v", err)
		}
		t.Skipf("NOT TESTED: infra/receive/install fetches what is missing: %v", err)
	}
	return dir
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// said runs a command; its error has what the command said.
func said(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type object = map[string]any
