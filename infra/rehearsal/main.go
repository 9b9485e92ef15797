package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"hermod/infra/rehearsal/stack"
)

// firstQueue is the queue whose messages are counted as deliveries: each passes it once.
const firstQueue = "FirstQueue"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "rehearsal:", err)
		os.Exit(1)
	}
}

// parameters is a flag that may be given more than once.
type parameters map[string]string

func (p parameters) String() string { return "" }

func (p parameters) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return errors.New("want NAME=VALUE")
	}
	p[name] = value
	return nil
}

func parse(args []string, stderr io.Writer) (stack.Config, error) {
	c := stack.Config{Parameters: parameters{}, Logger: slog.New(slog.NewTextHandler(stderr, nil))}
	fs := flag.NewFlagSet("rehearsal", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&c.Listen, "listen", "127.0.0.1:8080", "address of API and console")
	fs.StringVar(&c.Binaries, "build", "", "folder with FUNCTION/bootstrap for each function, as sam build makes it; without it they are built")
	fs.StringVar(&c.Logs, "logs", "", "folder for what the functions print; without it a temporary one")
	fs.StringVar(&c.Project, "project", "rehearsal", "name of the first project")
	fs.Var(parameters(c.Parameters), "parameter", "a parameter of the template, as NAME=VALUE; may be given more than once")
	if err := fs.Parse(args); err != nil {
		return c, err
	}
	if fs.NArg() > 0 {
		return c, fmt.Errorf("%q is no flag; see -help", fs.Arg(0))
	}
	return c, nil
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c, err := parse(args, stderr)
	if err != nil {
		return err
	}
	s, err := stack.Start(ctx, c)
	if err != nil {
		return err
	}
	welcome(s, c.Project, stdout)
	<-ctx.Done()
	farewell(s, stdout)
	return s.Stop()
}

// welcome says what there is and what to try.
func welcome(s *stack.Stack, project string, stdout io.Writer) {
	fmt.Fprintf(stdout, `Hermod as template.yaml deploys it: API on %[1]s, until Ctrl-C
  web console: %[6]s (the key signs in)
  API key of the project %[4]q: %[2]s
  what the functions print: %[3]s/FUNCTION.log
  the AWS CLI sees table and queues with
    export AWS_ENDPOINT_URL=%[5]s AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=operator AWS_SECRET_ACCESS_KEY=any

Try a webhook, a workflow, a job and its status (put your receiver's address in the second line; it may be http on this machine):

  KEY=%[2]s; HERMOD=%[1]s; call() { curl -s -H "X-API-Key: $KEY" -H 'Content-Type: application/json' "$@"; echo; }
  call $HERMOD/webhooks -d '{"url":"https://example.com/hook","events":["created","succeeded","failed"]}'
  WORKFLOW=$(call $HERMOD/workflows -d '{"name":"First workflow"}' | sed 's/.*"uid":"\([^"]*\)".*/\1/')
  JOB=$(call $HERMOD/workflows/$WORKFLOW/schedule -d '{"job_name":"first job"}' | sed 's/.*"job_uid":"\([^"]*\)".*/\1/')
  call -X PATCH $HERMOD/jobs/$JOB -d '{"status":"running"}'
  call $HERMOD/deliveries
`, s.API, s.Key, s.Logs, project, s.Endpoint, s.Console)
}

// farewell says what would have been billed, and what the roles allow too much or too little.
func farewell(s *stack.Stack, stdout io.Writer) {
	fmt.Fprintf(stdout, "\nWhat AWS would have billed:\n\n%s\n", s.Billed().Report(s.Passed(firstQueue)))
	inits := s.Inits()
	for _, id := range slices.Sorted(maps.Keys(inits)) {
		if list := inits[id]; len(list) > 0 {
			slices.Sort(list)
			fmt.Fprintf(stdout, "%s: %d process(es), ready %v after the start (median)\n", id, len(list), list[len(list)/2].Round(100*time.Microsecond))
		}
	}
	list(stdout, "Grants in template.yaml that nothing needed:", s.Unused())
	list(stdout, "Refused, for want of a grant in template.yaml:", s.Denied())
	list(stdout, "Counted otherwise than the stand-in counts it:", s.Differences())
}

func list(stdout io.Writer, title string, lines []string) {
	if len(lines) > 0 {
		fmt.Fprintf(stdout, "%s\n  %s\n", title, strings.Join(lines, "\n  "))
	}
}
