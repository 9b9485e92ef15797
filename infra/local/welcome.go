package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"hermod/shared/access"
	"hermod/shared/console"
	"hermod/shared/delivery"
)

// newcomer is what a first start made.
type newcomer struct {
	project  string
	token    string
	workflow string
}

// firstStart makes the first project, its key and a workflow, unless there is a project already.
func (s *service) firstStart(ctx context.Context) (*newcomer, error) {
	n, err := s.db.Access().CountProjects(ctx)
	if err != nil || n > 0 {
		return nil, err
	}
	project, token, err := access.Found(ctx, s.db.Access(), "default", time.Now())
	if err != nil {
		return nil, err
	}
	workflow, err := s.createWorkflow(ctx, project.UID, "First workflow")
	if err != nil {
		return nil, err
	}
	return &newcomer{project: project.UID, token: token, workflow: workflow}, nil
}

// welcome says where the service is and, after a first start, what to try: every line works as printed.
func (s *service) welcome(at string, first *newcomer, demo *companion, stdout io.Writer) {
	fmt.Fprintf(stdout, "Hermod %s: console on %s%s, API on %s/v3, data in %s\n", delivery.Release, at, console.Base, at, s.data)
	if first == nil {
		return
	}
	url, secret, hint := "https://example.com/hook", "", "put your receiver's address in the first line, or start with -demo, which has one"
	if demo != nil {
		url, secret, hint = demo.receiver+"/hook/mine", demo.secret.Reveal(), "the demo's receiver verifies the signature and says so here"
	}
	fmt.Fprintf(stdout, `
First start: project "default" is made. Its API key, shown this once:

  %[1]s

It signs in at the console. Or try a webhook, a job and its status here (%[2]s):

  KEY=%[1]s; HERMOD=%[3]s/v3
  curl -s -X POST $HERMOD/webhooks -H "X-API-Key: $KEY" -H 'Content-Type: application/json' -d '%[4]s'
  JOB=$(curl -s -X POST $HERMOD/workflows/%[5]s/schedule -H "X-API-Key: $KEY" -H 'Content-Type: application/json' -d '{"job_name":"first job"}' | sed 's/.*"job_uid":"\([^"]*\)".*/\1/')
  curl -s -X PATCH $HERMOD/jobs/$JOB -H "X-API-Key: $KEY" -H 'Content-Type: application/json' -d '{"status":"running"}'

And see what became of it:

  curl -s $HERMOD/deliveries -H "X-API-Key: $KEY"

`, first.token, hint, at, webhookBody(url, secret), first.workflow)
}

func webhookBody(url, secret string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"name":"mine","url":"%s","events":["created","succeeded","failed"]`, url)
	if secret != "" {
		fmt.Fprintf(&b, `,"secret":"%s"`, secret)
	}
	return b.String() + "}"
}
