package sam_test

import (
	"fmt"
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
	emulator := ""
	if runtime.GOARCH != "arm64" {
		var err error
		if emulator, err = exec.LookPath("qemu-aarch64"); err != nil {
			leaveOut(t, "qemu-aarch64 is not here (Debian, Ubuntu: qemu-user)")
		}
	}
	deployed, err := template.Load(filepath.Join(top, "template.yaml"), template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for id, f := range deployed.Functions {
		binary := filepath.Join(top, ".aws-sam", "build", id, "bootstrap")
		if _, err := os.Stat(binary); err != nil {
			leaveOut(t, fmt.Sprintf("%s was not built: infra/sam/build", id))
		}
		asked := make(chan struct{}, 1)
		lambda := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/runtime/invocation/next") {
				asked <- struct{}{}
			}
			<-r.Context().Done()
		}))
		cmd := exec.CommandContext(t.Context(), binary)
		if emulator != "" {
			cmd = exec.CommandContext(t.Context(), emulator, binary)
		}
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
			t.Errorf("%s ends with %v and says %s; want it to ask for work", id, err, said.String())
		}
		lambda.CloseClientConnections()
		lambda.Close()
	}
}

// leaveOut skips the test, and fails in CI.
func leaveOut(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip("NOT TESTED: " + why)
}
