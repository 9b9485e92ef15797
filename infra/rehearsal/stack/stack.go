// Package stack sets a rehearsal up: what template.yaml deploys, on this machine, for a person with curl or for tests.
//
// Tables and queues are made in the engines of infra/engines, from their properties in the template. Functions are the built
// binaries, called through the routes, mappings and schedules of the template. All that they and their mappings ask of the engines
// passes the proxy, which refuses what their roles do not allow and counts what would be billed.
//
// All is in memory, or in a temporary folder, and gone after Stop.
package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"hermod/infra/engines"
	"hermod/infra/meter"
	"hermod/infra/rehearsal/gateway"
	"hermod/infra/rehearsal/proxy"
	"hermod/infra/rehearsal/runtime"
	"hermod/infra/rehearsal/wire"
	"hermod/infra/template"
	"hermod/shared/console"
)

// maxHeader is what a request line and headers may take at the gateway, in bytes.
const maxHeader = 10 << 10

// Config says what is rehearsed. Its zero value is fine anywhere in the repository.
type Config struct {
	Root       string            // folder of template.yaml; empty: the folder of go.mod at or above the working folder
	Parameters map[string]string // of the template; AllowHTTP and AllowPrivate are true unless told otherwise
	Binaries   string            // folder with LOGICALID/bootstrap for each function; empty: they are built
	Listen     string            // address of API and console; empty: any free port
	Logs       string            // folder for what the functions print, a file for each; empty: a temporary one
	Project    string            // name of the first project; empty: rehearsal
	Logger     *slog.Logger      // nil: the default
}

// Stack is a running rehearsal.
type Stack struct {
	API      string // base URL, with /v3
	Console  string // URL of the web console
	Endpoint string // URL of the stand-ins for DynamoDB, SQS and KMS, for everybody
	Key      string // of the first project, with every scope
	Logs     string // folder
	Template *template.Template

	config    Config
	temporary string
	meter     *meter.Meter
	proxy     *proxy.Proxy
	functions map[string]*runtime.Function
	streams   map[string]string // ARNs, as the engine has them, by the tables' logical ids
	logs      map[string]*os.File
	closers   []func() error // in the order of Start

	stopWork context.CancelFunc
	work     sync.WaitGroup
	pollings map[string]polling // by the queues' logical ids

	mu     sync.Mutex
	passed map[string]int // messages, by the queues' logical ids
	logged int64          // bytes of the logs that the meter knows
}

// Start starts everything and returns when the API answers. Errors: engines.ErrNotInstalled.
func Start(ctx context.Context, c Config) (*Stack, error) {
	c.Project, c.Listen = cmp.Or(c.Project, "rehearsal"), cmp.Or(c.Listen, "127.0.0.1:0")
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	s := &Stack{
		config: c, Logs: c.Logs, meter: meter.New(), functions: map[string]*runtime.Function{}, streams: map[string]string{}, logs: map[string]*os.File{},
		pollings: map[string]polling{}, passed: map[string]int{}, stopWork: func() {},
	}
	for _, step := range []func(context.Context) error{
		s.load, s.startEngines, s.makeResources, s.build, s.bootstrap, s.makeFunctions, s.startGateway, s.startWork,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, s.Stop())
		}
	}
	return s, nil
}

// load reads the template and makes the folders.
func (s *Stack) load(context.Context) (err error) {
	if s.config.Root == "" {
		if s.config.Root, err = moduleRoot(); err != nil {
			return err
		}
	}
	if s.config.Binaries != "" { // a process starts in the folder of its binary
		if s.config.Binaries, err = filepath.Abs(s.config.Binaries); err != nil {
			return err
		}
	}
	parameters := map[string]string{"AllowHTTP": "true", "AllowPrivate": "true"}
	maps.Copy(parameters, s.config.Parameters)
	s.Template, err = template.Load(filepath.Join(s.config.Root, "template.yaml"), template.Options{Parameters: parameters})
	if err != nil {
		return err
	}
	if s.temporary, err = os.MkdirTemp("", "hermod-rehearsal-"); err != nil {
		return err
	}
	s.closers = append(s.closers, func() error { return os.RemoveAll(s.temporary) })
	s.Logs = cmp.Or(s.Logs, filepath.Join(s.temporary, "logs"))
	return os.MkdirAll(s.Logs, 0o700)
}

// startEngines starts what stands in for AWS, and the proxy before it.
func (s *Stack) startEngines(context.Context) error {
	dynamoDB, err := engines.StartDynamoDB(engines.Config{})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, dynamoDB.Stop)
	sqs, err := engines.StartSQS(engines.Config{})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, sqs.Stop)
	kms, err := engines.StartKMS()
	if err != nil {
		return err
	}
	s.closers = append(s.closers, kms.Stop)
	s.proxy = proxy.New(proxy.Config{Template: s.Template, DynamoDB: dynamoDB.Endpoint, SQS: sqs.Endpoint, KMS: kms.Endpoint, Meter: s.meter})
	s.Endpoint, err = s.serve("127.0.0.1:0", s.proxy.Handler())
	return err
}

// startGateway opens the API.
func (s *Stack) startGateway(context.Context) error {
	base, err := s.serve(s.config.Listen, gateway.New(gateway.Config{
		Routes: s.Template.Routes, Requested: s.meter.Requested, Logger: s.config.Logger,
		Invoke: func(function string, event []byte) ([]byte, error) { return s.functions[function].Invoke(event) },
	}))
	s.API, s.Console = base+"/v3", base+console.Base
	return err
}

// serve listens and serves until Stop, and returns the URL.
func (s *Stack) serve(address string, h http.Handler) (string, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", fmt.Errorf("listen on %s: %w", address, err)
	}
	server := &http.Server{Handler: h, MaxHeaderBytes: maxHeader, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelWarn)}
	s.closers = append(s.closers, server.Close)
	go server.Serve(listener)
	return "http://" + listener.Addr().String(), nil
}

// Operator makes requests in the name of the account's owner, who may do everything.
func (s *Stack) Operator() wire.Client {
	return wire.Client{Endpoint: s.Endpoint, Identity: proxy.Operator}
}

// Crash is kill -9 of all processes of all functions, and says how many there were.
func (s *Stack) Crash() int {
	n := 0
	for _, f := range s.functions {
		n += f.Crash()
	}
	return n
}

// Passed is how many messages of a queue, given by its logical id, a function has worked on without a failure.
func (s *Stack) Passed(queue string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.passed[queue]
}

// Billed is what would have been billed so far.
func (s *Stack) Billed() meter.Total {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := int64(0)
	for _, log := range s.logs {
		if info, err := log.Stat(); err == nil {
			size += info.Size()
		}
	}
	s.meter.Logged(int(size - s.logged))
	s.logged = size
	return s.meter.Total()
}

// Differences lists what was counted otherwise than the engine counts it.
func (s *Stack) Differences() []string { return s.meter.Differences() }

// Denied lists what was refused because of a role, and Unused the grants that nothing has needed.
func (s *Stack) Denied() []string { return s.proxy.Denied() }
func (s *Stack) Unused() []string { return s.proxy.Unused() }

// Inits is how long each process of each function took from its start until it asked for its first call, by logical id.
func (s *Stack) Inits() map[string][]time.Duration {
	all := map[string][]time.Duration{}
	for id, f := range s.functions {
		all[id] = f.Inits()
	}
	return all
}

// Stop ends everything. Calls that are under way are cut off.
func (s *Stack) Stop() error {
	s.stopWork()
	for _, f := range s.functions {
		f.Stop()
	}
	s.work.Wait()
	var all error
	for i := len(s.closers) - 1; i >= 0; i-- {
		all = errors.Join(all, s.closers[i]())
	}
	s.closers = nil
	return all
}

// moduleRoot is the folder of go.mod, at or above the working folder.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod at or above the working folder: start it in the repository")
		}
		dir = filepath.Dir(dir)
	}
}
