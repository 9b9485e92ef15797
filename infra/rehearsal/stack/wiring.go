package stack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"hermod/infra/rehearsal/mapping"
	"hermod/infra/rehearsal/proxy"
	"hermod/infra/rehearsal/runtime"
	"hermod/infra/rehearsal/wire"
	"hermod/infra/template"
)

// makeFunctions makes every function of the template, without a process yet.
func (s *Stack) makeFunctions(context.Context) error {
	for id, f := range s.Template.Functions {
		log, err := os.OpenFile(filepath.Join(s.Logs, id+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		s.logs[id] = log
		s.closers = append(s.closers, log.Close)
		function, err := runtime.New(runtime.Config{
			Name: f.Name, ARN: f.ARN, Binary: s.binary(id), Environment: f.Environment, Identity: id, Endpoint: s.Endpoint, Region: template.Region,
			Timeout: f.Timeout, Memory: f.Memory, Log: log, Billed: func(took time.Duration) { s.meter.Invoked(id, took, f.Memory) },
		})
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		s.functions[id] = function
	}
	return nil
}

// startWork starts everything that calls functions without being asked.
func (s *Stack) startWork(ctx context.Context) error {
	ctx, s.stopWork = context.WithCancel(context.WithoutCancel(ctx))
	for id, f := range s.Template.Functions {
		for _, m := range f.Queues {
			if m.Enabled {
				s.pollings[m.Queue] = s.poll(ctx, id, m)
			}
		}
		for _, m := range f.Streams {
			stream := s.stream(f, m)
			if err := stream.Check(); err != nil {
				return err
			}
			if m.Enabled {
				s.run(ctx, stream.Run)
			}
		}
		for _, m := range f.Schedules {
			schedule := mapping.Schedule{Schedule: m, Invoke: s.functions[id].Invoke, Logger: s.config.Logger}
			if err := schedule.Check(); err != nil {
				return err
			}
			s.run(ctx, schedule.Run)
		}
	}
	return nil
}

// run runs a mapping until Stop.
func (s *Stack) run(ctx context.Context, mapping func(context.Context) error) {
	s.work.Go(func() {
		if err := mapping(ctx); err != nil && ctx.Err() == nil {
			s.config.Logger.Error("mapping ended", "error", err.Error())
		}
	})
}

// poller makes requests in the name of a function's mappings.
func (s *Stack) poller(function string) wire.Client {
	return wire.Client{Endpoint: s.Endpoint, Identity: proxy.Poller(function)}
}

func (s *Stack) stream(f *template.Function, m template.StreamMapping) mapping.Stream {
	t := s.Template.Tables[m.Table]
	stream := mapping.Stream{
		StreamMapping: m, Source: t.StreamARN, Engine: s.streams[m.Table], Function: f.ARN,
		Client: s.poller(f.ID), Invoke: s.functions[f.ID].Invoke, Logger: s.config.Logger,
	}
	for _, q := range s.Template.Queues {
		if q.ARN == m.OnFailure {
			stream.Report = func(report []byte) error {
				return s.poller(f.ID).Call(context.Background(), "AmazonSQS.SendMessage", map[string]any{"QueueUrl": q.URL, "MessageBody": string(report)}, nil)
			}
		}
	}
	return stream
}

// polling is a queue's mapping, which may be paused.
type polling struct {
	start func() (stop func())
	stop  func() // ends it and waits for the calls that are under way
}

func (s *Stack) poll(ctx context.Context, function string, m template.QueueMapping) polling {
	q := mapping.Queue{
		QueueMapping: m, From: s.Template.Queues[m.Queue], Client: s.poller(function), Invoke: s.functions[function].Invoke, Logger: s.config.Logger,
		Passed: func(n int) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.passed[m.Queue] += n
		},
	}
	start := func() func() {
		ctx, cancel := context.WithCancel(ctx)
		ended := make(chan struct{})
		s.work.Go(func() {
			defer close(ended)
			q.Run(ctx)
		})
		return func() {
			cancel()
			<-ended
		}
	}
	return polling{start: start, stop: start()}
}

// Pause stops polling a queue, given by its logical id, as who disables an event source mapping, and returns when the calls that
// were under way have ended. The returned function starts it again.
func (s *Stack) Pause(queue string) (resume func()) {
	p := s.pollings[queue]
	p.stop()
	return func() {
		p.stop = p.start()
		s.pollings[queue] = p
	}
}
