package sam_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"hermod/infra/template"
)

// What is deployed is not what this machine runs. So each binary is started, under emulation, with the variables that the template
// gives it, until it asks Lambda for work: it finds everything it needs for that.
func TestTheBinariesForArm64AskForWork(t *testing.T) {
	var emulator []string
	if runtime.GOARCH != "arm64" {
		path, err := exec.LookPath("qemu-aarch64")
		if err != nil {
			leaveOut(t, "qemu-aarch64 is not here (Debian, Ubuntu: qemu-user)")
		}
		emulator = []string{path}
	}
	for id, f := range deployed(t) {
		askForWork(t, f, append(emulator, binary(t, ".aws-sam/build", id))...)
	}
}

// BenchmarkStart measures how long a process takes from its start until it asks for its first event.
func BenchmarkStart(b *testing.B) {
	for id, f := range deployed(b) {
		b.Run(id, func(b *testing.B) {
			path := binary(b, ".aws-sam/x86_64", id)
			for b.Loop() {
				askForWork(b, f, path)
			}
		})
	}
}

func deployed(t testing.TB) map[string]*template.Function {
	t.Helper()
	d, err := template.Load(filepath.Join(top, "template.yaml"), template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d.Functions
}

func binary(t testing.TB, folder, id string) string {
	t.Helper()
	path := filepath.Join(top, folder, id, "bootstrap")
	if _, err := os.Stat(path); err != nil {
		leaveOut(t, folder+"/"+id+" was not built: infra/sam/build")
	}
	return path
}

// askForWork starts a function until it has asked for work.
func askForWork(t testing.TB, f *template.Function, command ...string) {
	t.Helper()
	asked := make(chan struct{}, 1)
	lambda := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/runtime/invocation/next") {
			asked <- struct{}{}
		}
		<-r.Context().Done()
	}))
	defer lambda.Close()
	defer lambda.CloseClientConnections()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Env = []string{"AWS_REGION=" + template.Region, "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any", "AWS_LAMBDA_RUNTIME_API=" + lambda.Listener.Addr().String()}
	for name, value := range f.Environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-asked:
		cmd.Process.Kill()
		<-ended
	case err := <-ended:
		t.Errorf("%s ends with %v and says %s; want it to ask for work", f.ID, err, said.String())
	}
}

// leaveOut skips the test, and fails in CI.
func leaveOut(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip("NOT TESTED: " + why)
}
