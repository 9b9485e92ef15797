package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// leftovers are folders that are deleted when the benchmarks have ended.
var leftovers []string

// program is the service, built once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "hermod-bench-")
	if err != nil {
		return "", err
	}
	leftovers = append(leftovers, dir)
	path := filepath.Join(dir, "hermod")
	if out, err := exec.Command("go", "build", "-o", path, "hermod/infra/local").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the service: %w\n%s", err, out)
	}
	return path, nil
})

// service is a running one-machine Hermod.
type service struct {
	base string // of the API, with /v3
	site string // without
	key  string
	pid  int
	cmd  *exec.Cmd
}

// startService starts one over a data folder; without a key that opens it, the folder is new and one is printed. The caller kills or
// stops it.
func startService(data, key string) (*service, error) {
	path, err := program()
	if err != nil {
		return nil, err
	}
	s := &service{key: key}
	s.cmd = exec.Command(path, "-listen", "127.0.0.1:0", "-data", data, "-allow-http", "-allow-private", "-rate-limit", "0", "-log", "warn")
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	s.pid = s.cmd.Process.Pid
	lines := bufio.NewScanner(out)
	for (s.base == "" || s.key == "") && lines.Scan() {
		for _, word := range strings.Fields(lines.Text()) {
			switch word = strings.TrimSuffix(word, ","); {
			case strings.HasPrefix(word, "http://") && strings.HasSuffix(word, "/v3"):
				s.base, s.site = word, strings.TrimSuffix(word, "/v3")
			case strings.HasPrefix(word, "hmd_"):
				s.key = word
			}
		}
	}
	if s.base == "" || s.key == "" {
		s.kill()
		return nil, fmt.Errorf("the service on %s printed no address, or no key", data)
	}
	go io.Copy(io.Discard, out) // keep its pipe empty
	return s, nil
}

func (s *service) kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// stop has it finish what is in hand.
func (s *service) stop() error {
	s.cmd.Process.Signal(syscall.SIGTERM)
	return s.cmd.Wait()
}

// call makes a request of the API that has to be answered 2xx, and decodes the answer into out unless that is nil.
func (s *service) call(method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	if in == nil {
		body = nil
	}
	req, err := http.NewRequest(method, s.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("X-API-Key", s.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s answers %d: %s %v", method, path, res.StatusCode, answer, err)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}
