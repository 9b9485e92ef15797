package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"hermod/shared/access"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "hermod:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	listen       string
	data         string
	allowHTTP    bool
	allowPrivate bool
	rateLimit    int
	level        slog.Level
	demo         bool
	newProject   string
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("local", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&o.listen, "listen", "127.0.0.1:8080", "address of the console and the API")
	fs.StringVar(&o.data, "data", "./hermod-data", "folder of the data; made if it is not there")
	fs.BoolVar(&o.allowHTTP, "allow-http", false, "webhooks may have http URLs, not only https")
	fs.BoolVar(&o.allowPrivate, "allow-private", false, "webhooks may go to private addresses, this machine's included, and to any port")
	fs.IntVar(&o.rateLimit, "rate-limit", access.PerMinute, "requests that an API key may make in a minute; 0: no limit")
	fs.TextVar(&o.level, "log", slog.LevelInfo, "least level of the log on standard error: debug, info, warn or error")
	fs.BoolVar(&o.demo, "demo", false, "also run a demo executor and receiver on the port after the API's; implies -allow-http and -allow-private")
	fs.StringVar(&o.newProject, "new-project", "", "make a project of this name, print its key and exit")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag; see -help", fs.Arg(0))
	}
	if o.rateLimit < 0 {
		return o, fmt.Errorf("-rate-limit is %d, want a whole number from 0 on", o.rateLimit)
	}
	if o.demo {
		o.allowHTTP, o.allowPrivate = true, true
	}
	return o, nil
}

// run is the program. It returns when ctx ends, after what is in hand is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: o.level}))
	slog.SetDefault(logger)
	slog.SetLogLoggerLevel(slog.LevelDebug) // where net/http writes what a receiver sends unasked: no text of theirs in our log
	s, err := openService(ctx, o, logger)
	if err != nil {
		return err
	}
	defer s.close()
	if o.newProject != "" {
		return s.newProject(ctx, o.newProject, stdout)
	}
	return s.serve(ctx, stdout)
}
