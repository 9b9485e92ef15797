package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"hermod/infra/local/demo"
	"hermod/shared/access"
	"hermod/shared/console"
	"hermod/shared/signature"
)

// demoFile is what a demo keeps for the next start, in demo.json (mode 0600).
type demoFile struct {
	Key       string         `json:"api_key"`
	Secret    string         `json:"secret"`
	Receiver  string         `json:"receiver"`
	Workflows demo.Workflows `json:"workflows"` // zero until the demo is set up for this receiver's address
}

// companion is the demo beside the service, on the port after the API's.
type companion struct {
	demoFile
	path     string
	receiver string
	secret   signature.Secret
	demo     *demo.Demo
	server   *http.Server
	stdout   io.Writer
}

// openDemo starts to serve the demo's executor and receiver.
func (s *service) openDemo(ctx context.Context, at string, first *newcomer, api net.Addr, stdout io.Writer) (*companion, error) {
	tcp := api.(*net.TCPAddr)
	address := net.JoinHostPort(tcp.IP.String(), strconv.Itoa(tcp.Port+1))
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("demo: listen on %s, the port after the API's: %w; choose another with -listen", address, err)
	}
	c := &companion{path: filepath.Join(s.data, "demo.json"), receiver: "http://" + address, stdout: stdout}
	if err := s.loadDemo(ctx, c, first); err != nil {
		return nil, errors.Join(fmt.Errorf("demo: %w", err), listener.Close())
	}
	c.demo = demo.New(demo.Config{
		API: at + "/v3", Console: at + console.Base, Key: c.Key, Receiver: c.receiver, Secret: c.secret, Out: stdout,
	})
	c.server = newServer(c.demo, s.logger)
	go c.server.Serve(listener)
	return c, nil
}

// loadDemo reads demo.json, or makes a key and a secret for it: in the project of a first start, else in one of its own.
func (s *service) loadDemo(ctx context.Context, c *companion, first *newcomer) error {
	data, err := os.ReadFile(c.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.makeDemo(ctx, c, first)
	case err != nil:
		return err
	}
	if err := json.Unmarshal(data, &c.demoFile); err != nil {
		return fmt.Errorf("%s is damaged (%w); delete it and the demo starts anew", c.path, err)
	}
	if c.secret, err = signature.Parse(c.Secret); err != nil {
		return fmt.Errorf("%s: %w; delete it and the demo starts anew", c.path, err)
	}
	if c.Receiver != c.receiver { // another port: webhooks of the last demo lead nowhere
		c.Receiver, c.Workflows = c.receiver, demo.Workflows{}
	}
	return nil
}

func (s *service) makeDemo(ctx context.Context, c *companion, first *newcomer) (err error) {
	c.secret = signature.New(nil)
	c.Secret, c.Receiver = c.secret.Reveal(), c.receiver
	if first == nil {
		_, c.Key, err = access.Found(ctx, s.db.Access(), "demo", time.Now())
	} else {
		key := access.Key{Project: first.project, Name: "demo", Scopes: []access.Scope{access.Read, access.Write}}
		_, c.Key, err = access.Issue(ctx, s.db.Access(), key, time.Now())
	}
	if err != nil {
		return err
	}
	return c.save()
}

func (c *companion) save() error {
	data, err := json.MarshalIndent(c.demoFile, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.path, data, 0o600)
}

// play sets the demo up if it is not, tells what there is, and lets jobs run.
func (c *companion) play(ctx context.Context) (err error) {
	if c.Workflows == (demo.Workflows{}) {
		if c.Workflows, err = c.demo.Setup(ctx); err != nil {
			return err
		}
		if err := c.save(); err != nil {
			return err
		}
	}
	fmt.Fprint(c.stdout, c.demo.Story(c.Workflows))
	return c.demo.Play(ctx, c.Workflows)
}

func (c *companion) close() {
	c.demo.Wait()
	c.server.Close()
}
