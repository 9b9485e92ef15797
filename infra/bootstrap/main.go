// Command bootstrap writes a project and its first API key into the table of a deployment: the one thing that no API can do.
//
//	go run ./infra/bootstrap -table TABLE -name PROJECT
//
// Region and credentials come from the environment, as AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; they
// need dynamodb:PutItem and dynamodb:UpdateItem on the table. The key is printed once and kept nowhere.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"hermod/shared/access"
	"hermod/shared/assemble"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bootstrap:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("bootstrap", flag.ContinueOnError)
	fs.SetOutput(stderr)
	table := fs.String("table", "", "name of the table, which the stack's output Table tells")
	name := fs.String("name", "", "name of the project to make")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *table == "" || *name == "" || fs.NArg() > 0 {
		return errors.New("want -table TABLE -name PROJECT; see -help")
	}
	a, err := assemble.New(func(variable string) string {
		if variable == "HERMOD_TABLE" {
			return *table
		}
		return getenv(variable)
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	project, token, err := access.Found(ctx, a.DB.Access(), *name, time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "project %q  %s\nAPI key, shown this once: %s\n", project.Name, project.UID, token)
	return nil
}
