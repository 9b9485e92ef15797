// Package service starts Hermod on one machine as its users do, a process of its own over a folder of its own, for checks that look
// at it from outside.
package service

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ProgramVariable is the environment variable that may name the program to start, so that many starts need one build.
const ProgramVariable = "HERMOD_PROGRAM"

// Service is a running process.
type Service struct {
	API string // base URL with /v3
	Key string // of its first project, with every scope

	process *exec.Cmd
	dir     string
	stderr  bytes.Buffer // read once the process has ended
}

// Build builds the program into a folder, and returns its file.
func Build(ctx context.Context, dir string) (program string, err error) {
	program = filepath.Join(dir, "hermod")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "hermod/infra/local").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return program, nil
}

// Start builds the program, unless ProgramVariable names one, and starts it on a port of 127.0.0.1 after which the next one is free too,
// for -demo. It returns when the program serves, which takes receivers on this machine, keeps nothing and logs warnings only. The caller
// stops it.
func Start(ctx context.Context, flags ...string) (*Service, error) {
	dir, err := os.MkdirTemp("", "hermod-service-")
	if err != nil {
		return nil, err
	}
	s := &Service{dir: dir}
	if err := s.start(ctx, flags); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("start the service: %w", err)
	}
	return s, nil
}

func (s *Service) start(ctx context.Context, flags []string) error {
	program := os.Getenv(ProgramVariable)
	if program == "" {
		var err error
		if program, err = Build(ctx, s.dir); err != nil {
			return err
		}
	}
	address, err := freePair()
	if err != nil {
		return err
	}
	args := append([]string{"-listen", address, "-data", filepath.Join(s.dir, "data"), "-allow-http", "-allow-private", "-log", "warn", "-rate-limit", "0"}, flags...)
	s.process = exec.Command(program, args...)
	s.process.Stderr = &s.stderr
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.process.Start(); err != nil {
		return err
	}
	s.API = "http://" + address + "/v3"
	if s.Key = readKey(stdout); s.Key == "" {
		s.process.Wait()
		return fmt.Errorf("it printed no API key and said: %s", &s.stderr)
	}
	go io.Copy(io.Discard, stdout)
	return nil
}

// Call makes a request that has to be answered 2xx, and decodes the answer into out unless that is nil.
func (s *Service) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.API+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("X-API-Key", s.Key)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s answers %d: %s", method, path, res.StatusCode, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// Until waits until ok; it asks again and again, and gives up when ctx ends.
func Until(ctx context.Context, what string, ok func() (bool, error)) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if done, err := ok(); done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		}
	}
}

// Stop asks the process to end, waits for it and deletes its data. The error has what the process complained of.
func (s *Service) Stop() error {
	defer os.RemoveAll(s.dir)
	s.process.Process.Signal(syscall.SIGTERM)
	if err := s.process.Wait(); err != nil {
		return fmt.Errorf("the service ended with %w and said: %s", err, &s.stderr)
	}
	return nil
}

// Said returns what the process wrote to its standard error. It must have been stopped.
func (s *Service) Said() string { return s.stderr.String() }

// readKey returns the key in what the program prints when it serves; empty if it ends before.
func readKey(stdout io.Reader) string {
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if line := strings.TrimSpace(lines.Text()); strings.HasPrefix(line, "hmd_") {
			return line
		}
	}
	return ""
}

// freePair keeps out of the range from which the system gives ports to whoever asks for any: there the next one is soon taken.
func freePair() (string, error) {
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
			return fmt.Sprintf("127.0.0.1:%d", port), nil
		}
	}
	return "", errors.New("no two free ports in a row")
}
