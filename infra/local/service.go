package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"hermod/shared/access"
	"hermod/shared/api"
	"hermod/shared/console"
	"hermod/shared/delivery"
	"hermod/shared/dispatch"
	"hermod/shared/egress"
	"hermod/shared/fanout"
	"hermod/shared/input"
	"hermod/shared/redrive"
	"hermod/shared/seal"
	"hermod/shared/sqlite"
	"hermod/shared/sweep"
	"hermod/shared/webhook"
)

const (
	// inHand is how many deliveries of a lane may be under way: goroutines and connections, at some 40 KB each.
	inHand = 4096
	// opsInHand is how many redrive pages and parked records may be.
	opsInHand = 4
	// idleTime is how long connections to receivers are kept, and idlePerHost how many to one host: many webhooks may share it.
	idleTime    = 90 * time.Second
	idlePerHost = 512
	// shutdownTime is how long what is in hand may take when the process is asked to stop; what takes longer is repeated at the
	// next start.
	shutdownTime = 25 * time.Second
)

// service is the assembled process.
type service struct {
	options
	logger *slog.Logger
	db     *sqlite.DB
	box    *seal.Box
	tally  *tallier
}

// openService opens the data folder.
func openService(ctx context.Context, o options, logger *slog.Logger) (*service, error) {
	if err := os.MkdirAll(o.data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	counts := newTallier(logger)
	db, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(o.data, "hermod.db"), Observe: counts.observe, Logger: logger})
	if err != nil {
		return nil, err
	}
	keys, err := seal.OpenKeyFile(filepath.Join(o.data, "hermod.key"))
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	box, err := seal.New(seal.Config{Wrapper: keys, Keys: db.Keys()})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &service{options: o, logger: logger, db: db, box: box, tally: counts}, nil
}

func (s *service) close() {
	s.tally.flush(context.Background(), s.db.Counters())
	if err := s.db.Close(); err != nil {
		s.logger.Error("database not closed cleanly; the next start recovers it", "error", err.Error())
	}
}

// serve runs everything until ctx ends, then finishes what is in hand.
func (s *service) serve(ctx context.Context, stdout io.Writer) error {
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w; choose another address with -listen", s.listen, err)
	}
	at := "http://" + listener.Addr().String()
	first, err := s.firstStart(ctx)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	var demo *companion
	if s.demo {
		if demo, err = s.openDemo(ctx, at, first, listener.Addr(), stdout); err != nil {
			return errors.Join(err, listener.Close())
		}
		defer demo.close()
	}
	s.welcome(at, first, demo, stdout)
	server := newServer(s.handler(demo), s.logger)
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	workers := s.startWorkers(work)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	if demo != nil {
		if err := demo.play(ctx); err != nil {
			s.logger.Error("demo", "error", err.Error())
		}
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	s.logger.Info("stopping", "in_hand_s_at_most", int(shutdownTime.Seconds()))
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	stopWork()
	return errors.Join(err, server.Shutdown(grace), waitFor(grace, workers))
}

func newServer(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

// rules are the installation's rules about receivers.
func (s *service) rules() webhook.Rules {
	return webhook.Rules{AllowHTTP: s.allowHTTP, AllowPrivate: s.allowPrivate}
}

func (s *service) redrives() *redrive.Service {
	return redrive.New(redrive.Config{Tasks: s.db.Redrives(), Log: s.db.Log(), Archive: s.db.Archive(), Queue: s.db.Queue(), Logger: s.logger})
}

func (s *service) inputs() *input.Service {
	return input.New(input.Config{Jobs: s.db.Jobs(), Inputs: s.db.Inputs(), Logger: s.logger})
}

// handler answers the API and the console. What the console asks of the API counts and is judged as any client's request, by the same
// keys and limits; that it went well is not logged once more beside the console's own line.
func (s *service) handler(demo *companion) http.Handler {
	c := api.Config{
		Jobs: s.db.Jobs(), Inputs: s.inputs(), Workflows: s.db.Jobs(), Webhooks: s.db.Webhooks(), Counters: s.db.Counters(),
		Archive: s.db.Archive(), Log: s.db.Log(), Queue: s.db.Queue(), Redrives: s.redrives(), Box: s.box,
		Access: access.New(access.Config{Store: s.db.Access()}), Replies: s.db.Access(), Limiter: s.limiter(),
		Rules: s.rules(), Version: delivery.Release, Logger: s.logger,
		Unavailable: func(err error) bool { return errors.Is(err, sqlite.ErrFull) || errors.Is(err, sqlite.ErrClosed) },
	}
	network := api.New(c)
	c.AccessLogged = true
	pages := console.Config{API: api.New(c), Access: c.Access, Box: s.box, Version: delivery.Release, Logger: s.logger}
	if demo != nil {
		pages.Demo = demo.demo.Panel()
	}
	return front(console.New(pages), network)
}

// front hands each request to the console or to the API. It is no http.ServeMux: that redirects a path which is not in its shortest
// form, and the body of a POST would be lost.
func front(pages, api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.Path; p == "/" || p == console.Base || strings.HasPrefix(p, console.Base+"/") {
			pages.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

// limiter returns what holds API keys to their limit, nil if they have none.
func (s *service) limiter() *access.Limiter {
	if s.rateLimit == 0 {
		return nil
	}
	return access.NewLimiter(access.LimiterConfig{PerMinute: s.rateLimit, Meter: new(access.Memory)})
}

// startWorkers starts everything that works without being asked.
func (s *service) startWorkers(ctx context.Context) *sync.WaitGroup {
	queue := s.db.Queue()
	dispatcher := dispatch.New(dispatch.Config{
		Log: s.db.Log(), Archive: s.db.Archive(), Webhooks: s.db.Webhooks(), Queue: queue, Box: s.box,
		Client:  egress.New(egress.Config{Rules: s.rules(), IdleTimeout: idleTime, MaxIdlePerHost: idlePerHost}),
		Version: delivery.Release, Logger: s.logger,
	})
	fan := fanout.New(fanout.Config{Archive: s.db.Archive(), Webhooks: s.db.Webhooks(), Queue: queue, Logger: s.logger})
	redrives := s.redrives()
	ops := func(ctx context.Context, r delivery.Receipt) delivery.Verdict {
		if fanout.Parked(r.Body) {
			return fan.Again(ctx, r)
		}
		return redrives.Handle(ctx, r)
	}
	workers := new(sync.WaitGroup)
	workers.Go(func() { outboxPump{jobs: s.db.Jobs(), fanout: fan, logger: s.logger}.run(ctx) })
	for _, p := range []pump{
		{lane: delivery.LaneFirst, atOnce: inHand, handle: dispatcher.Handle},
		{lane: delivery.LaneRetry, atOnce: inHand, handle: dispatcher.Handle},
		{lane: delivery.LaneOps, atOnce: opsInHand, handle: ops},
	} {
		p.queue, p.logger = queue, s.logger
		workers.Go(func() { p.run(ctx) })
	}
	workers.Go(func() { s.sweepEach(ctx) })
	workers.Go(func() { settler{jobs: s.db.Jobs(), settle: s.inputs().Settle, logger: s.logger}.run(ctx) })
	workers.Go(func() { s.tally.run(ctx, s.db.Counters()) })
	return workers
}

// sweepEach sweeps at once and then each minute, and looks after the lane stuck: a start is the operator's act that sends what
// lies there on its way again.
func (s *service) sweepEach(ctx context.Context) {
	sweeper := sweep.New(sweep.Config{Log: s.db.Log(), Queue: s.db.Queue(), Cursor: s.db.Cursor(), Logger: s.logger})
	if n := s.stuck(ctx); n > 0 {
		s.logger.Warn("messages that were stuck are sent on their way again", "messages", n)
		if err := s.db.Queue().Redrive(ctx, delivery.LaneStuck); err != nil {
			s.logger.Error("stuck messages not redriven", "error", err.Error())
		}
	}
	ticker := time.NewTicker(sweep.Every)
	defer ticker.Stop()
	for {
		if err := sweeper.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.logger.Error("sweep", "error", err.Error())
		}
		if n := s.stuck(ctx); n > 0 {
			s.logger.Error("messages are stuck: our own fault failed them too often; find it in this log, mend it, and start again", "messages", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *service) stuck(ctx context.Context) int {
	n, err := s.db.Queue().Visible(ctx, delivery.LaneStuck)
	if err != nil && ctx.Err() == nil {
		s.logger.Error("lane stuck not readable", "error", err.Error())
	}
	return n
}

// waitFor waits for the workers until ctx ends.
func waitFor(ctx context.Context, workers *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() {
		workers.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return errors.New("some deliveries took too long; they are repeated at the next start")
	}
}
