// Openapi checks that shared/api/openapi.yaml is well written and true: Redocly CLI lints it, then schemathesis sends what it can
// think of by it to a real service, and judges every answer.
//
//	infra/openapi/install
//	go run ./infra/openapi [-examples 60] [-time 2m]
//
// The service is one of its own, with things of every kind in it: world.go makes them, hooks.py lets the requests meet them, and
// schemathesis.toml says what is checked. It runs in the top folder of the tree, on Linux; in about a minute.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"hermod/infra/openapi/service"
)

const (
	document = "shared/api/openapi.yaml"
	folder   = "infra/openapi"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	examples int
	time     time.Duration
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	fs := flag.NewFlagSet("openapi", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.IntVar(&o.examples, "examples", 60, "requests that are made up per operation and phase; every run makes the same ones")
	fs.DurationVar(&o.time, "time", 0, "instead, make up other requests in every run, for so long (whole seconds)")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag; see -help", fs.Arg(0))
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	tools, err := installed()
	if err != nil {
		return err
	}
	if err := lint(ctx, tools, stdout, stderr); err != nil {
		return err
	}
	return attack(ctx, tools, o, stdout, stderr)
}

// installed returns the folder of the tools.
func installed() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := cmp.Or(os.Getenv("HERMOD_OPENAPI"), filepath.Join(cache, "hermod", "openapi"))
	if _, err := os.Stat(filepath.Join(dir, "installed")); err != nil {
		return "", fmt.Errorf("the tools are not there: %s/install (%w)", folder, err)
	}
	return dir, nil
}

func lint(ctx context.Context, tools string, stdout, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, filepath.Join(tools, "node_modules/.bin/redocly"), "lint", document, "--config", folder+"/redocly.yaml", "--format", "stylish")
	cmd.Env = append(os.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true", "NO_COLOR=1")
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("lint %s: %w", document, err)
	}
	return nil
}

// attack starts a service, fills it and lets schemathesis loose on it.
func attack(ctx context.Context, tools string, o options, stdout, stderr io.Writer) (err error) {
	s, err := service.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	w, err := makeWorld(ctx, s)
	if err != nil {
		return fmt.Errorf("fill the service: %w", err)
	}
	defer w.close()
	dir, err := os.MkdirTemp("", "hermod-openapi-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "world.json")
	if err := w.save(file); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(tools, "venv/bin/schemathesis"), arguments(s, o)...)
	cmd.Env = append(os.Environ(), "HERMOD_WORLD="+file, "HERMOD_HOOKS="+folder+"/hooks.py",
		"HYPOTHESIS_STORAGE_DIRECTORY="+dir, "PYTHONDONTWRITEBYTECODE=1")
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("schemathesis: %w", err)
	}
	return nil
}

func arguments(s *service.Service, o options) []string {
	args := []string{
		"--config-file", folder + "/schemathesis.toml", "run", document, "--url", s.API, "--header", "X-API-Key: " + s.Key,
		"--no-color", "--checks", "all", "--max-examples", strconv.Itoa(o.examples),
	}
	if o.time > 0 {
		return append(args, "--max-time", strconv.Itoa(int(o.time.Seconds())))
	}
	return append(args, "--generation-deterministic")
}
