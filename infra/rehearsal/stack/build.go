package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"hermod/infra/rehearsal/proxy"
	"hermod/infra/template"
)

// flags build a function as infra/sam/env has it.
var flags = []string{"CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false -tags=lambda.norpc -ldflags=-s"}

// build builds the functions, unless they are given.
func (s *Stack) build(ctx context.Context) error {
	if s.config.Binaries != "" {
		return nil
	}
	s.config.Binaries = filepath.Join(s.temporary, "functions")
	packages := []string{}
	for _, f := range s.Template.Functions {
		packages = append(packages, "./"+filepath.Clean(f.Code))
	}
	if err := s.goBuild(ctx, s.config.Binaries, packages...); err != nil {
		return err
	}
	for id, f := range s.Template.Functions {
		if err := os.Mkdir(filepath.Join(s.config.Binaries, id), 0o700); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(s.config.Binaries, filepath.Base(f.Code)), s.binary(id)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stack) binary(function string) string {
	return filepath.Join(s.config.Binaries, function, "bootstrap")
}

// goBuild builds commands into a folder, each under the name of its own.
func (s *Stack) goBuild(ctx context.Context, dir string, packages ...string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-o", dir + string(filepath.Separator)}, packages...)...)
	cmd.Dir, cmd.Env = s.config.Root, append(os.Environ(), flags...)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %v: %w\n%s", packages, err, said)
	}
	return nil
}

var keyPattern = regexp.MustCompile(`hmd_[A-Za-z0-9_-]+`)

// bootstrap makes the first project as an owner does after a deployment, with infra/bootstrap.
func (s *Stack) bootstrap(ctx context.Context) error {
	if err := s.goBuild(ctx, filepath.Join(s.temporary, "commands"), "./infra/bootstrap"); err != nil {
		return err
	}
	table, err := s.table()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.temporary, "commands", "bootstrap"), "-table", table, "-name", s.config.Project)
	cmd.Env = []string{
		"AWS_REGION=" + template.Region, "AWS_ACCESS_KEY_ID=" + proxy.Operator, "AWS_SECRET_ACCESS_KEY=rehearsal", "AWS_ENDPOINT_URL_DYNAMODB=" + s.Endpoint,
	}
	said, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("infra/bootstrap: %w\n%s", err, said)
	}
	if s.Key = keyPattern.FindString(string(said)); s.Key == "" {
		return fmt.Errorf("infra/bootstrap tells no key: %s", said)
	}
	return nil
}

// table is the name of the only table.
func (s *Stack) table() (string, error) {
	if len(s.Template.Tables) != 1 {
		return "", errors.New("the template has another number of tables than one")
	}
	var name string
	for _, t := range s.Template.Tables {
		name = t.Name
	}
	return name, nil
}
