package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"hermod/infra/browser"
)

// errStop is the panic by which Fatalf ends the work.
var errStop = errors.New("stop")

// attendant is a browser.T outside of tests: it says what is wrong at once.
type attendant struct {
	stderr   io.Writer
	failed   bool
	cleanups []func()
}

// attend does some work, and cleans up after it. The error only says that something was wrong, and was told.
func attend(stderr io.Writer, work func(t browser.T)) error {
	a := &attendant{stderr: stderr}
	a.do(func() { work(a) })
	for _, clean := range slices.Backward(a.cleanups) {
		a.do(clean)
	}
	if a.failed {
		return errors.New("not all went well: see above")
	}
	return nil
}

// do does a part of the work, to its end or to a Fatalf.
func (a *attendant) do(part func()) {
	defer func() {
		if reason := recover(); reason != nil && reason != errStop {
			panic(reason)
		}
	}()
	part()
}

func (a *attendant) Helper()                          {}
func (a *attendant) Failed() bool                     { return a.failed }
func (a *attendant) Cleanup(clean func())             { a.cleanups = append(a.cleanups, clean) }
func (a *attendant) Logf(format string, args ...any)  { fmt.Fprintf(a.stderr, format+"\n", args...) }
func (a *attendant) Skipf(format string, args ...any) { a.Fatalf(format, args...) }

func (a *attendant) Errorf(format string, args ...any) {
	a.failed = true
	a.Logf(format, args...)
}

func (a *attendant) Fatalf(format string, args ...any) {
	a.Errorf(format, args...)
	panic(errStop)
}
