package assemble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"hermod/shared/access"
	"hermod/shared/api"
	"hermod/shared/awsdynamo"
	"hermod/shared/awskms"
	"hermod/shared/awssqs"
	"hermod/shared/delivery"
	"hermod/shared/dispatch"
	"hermod/shared/egress"
	"hermod/shared/fanout"
	"hermod/shared/input"
	"hermod/shared/redrive"
	"hermod/shared/seal"
	"hermod/shared/sweep"
	"hermod/shared/tally"
	"hermod/shared/webhook"
)

const (
	// webhookAge is how old a webhook may be that dispatch reads from memory.
	webhookAge = 15 * time.Second
	// idleTime is how long connections to receivers are kept: a function that is frozen longer finds them dead.
	idleTime = 5 * time.Second
)

// lanes are the lanes that have a variable, and its name.
var lanes = map[delivery.Lane]string{
	delivery.LaneFirst: "HERMOD_QUEUE_FIRST",
	delivery.LaneRetry: "HERMOD_QUEUE_RETRY",
	delivery.LaneOps:   "HERMOD_QUEUE_OPS",
	delivery.LaneDead:  "HERMOD_QUEUE_DEAD",
}

// Assembly is the AWS side, ready to be handed to the work. It makes no request before it is used.
type Assembly struct {
	Logger *slog.Logger
	Rules  webhook.Rules // about receivers
	DB     *awsdynamo.DB
	Queue  *awssqs.Queue
	Box    *seal.Box
	Access *access.Guard // one: a key that the console revokes is refused at once by the API that it calls

	limit int // requests of an API key in a minute; 0: no limit
	urls  map[delivery.Lane]string
}

// New assembles what the environment says; getenv is os.Getenv. It refuses an environment that says something else than it means.
func New(getenv func(string) string) (*Assembly, error) {
	level := slog.LevelInfo
	if s := getenv("HERMOD_LOG_LEVEL"); s != "" {
		if err := level.UnmarshalText([]byte(s)); err != nil {
			return nil, fmt.Errorf("HERMOD_LOG_LEVEL is %q, want debug, info, warn or error", s)
		}
	}
	allowHTTP, err1 := boolean(getenv, "HERMOD_ALLOW_HTTP")
	allowPrivate, err2 := boolean(getenv, "HERMOD_ALLOW_PRIVATE")
	limit, err3 := number(getenv, "HERMOD_RATE_LIMIT", access.PerMinute)
	c := clients{getenv: getenv}
	table := getenv("HERMOD_TABLE")
	if table == "" {
		return nil, errors.New("HERMOD_TABLE is empty, want the name of the table")
	}
	if err := errors.Join(err1, err2, err3, c.check()); err != nil {
		return nil, err
	}
	a := &Assembly{
		Logger: slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
		Rules:  webhook.Rules{AllowHTTP: allowHTTP, AllowPrivate: allowPrivate},
		DB:     awsdynamo.New(awsdynamo.Config{Client: c.dynamoDB(), Table: table}),
		limit:  limit,
		urls:   map[delivery.Lane]string{},
	}
	for lane, variable := range lanes {
		if url := getenv(variable); url != "" {
			a.urls[lane] = url
		}
	}
	a.Access = access.New(access.Config{Store: a.DB.Access()})
	a.Queue = awssqs.New(awssqs.Config{Client: c.sqs(), URLs: a.urls})
	var err error
	a.Box, err = seal.New(seal.Config{Wrapper: awskms.New(awskms.Config{Client: c.kms(), KeyID: getenv("HERMOD_KEY_ID")}), Keys: a.DB.Keys()})
	if err != nil {
		return nil, err
	}
	slog.SetDefault(a.Logger)
	slog.SetLogLoggerLevel(slog.LevelDebug) // where net/http writes what a receiver sends unasked: no text of theirs in our log
	return a, nil
}

// Must is New for a function's main: what is wrong with the environment is its last word.
func Must() *Assembly {
	a, err := New(os.Getenv)
	if err != nil {
		slog.Error("function not assembled", "error", err.Error())
		os.Exit(1)
	}
	return a
}

// Inputs returns what works on the inputs of jobs.
func (a *Assembly) Inputs() *input.Service {
	return input.New(input.Config{Jobs: a.DB.Jobs(), Inputs: a.DB.Inputs(), Logger: a.Logger})
}

// API returns the handler of every route.
func (a *Assembly) API() http.Handler {
	return api.New(api.Config{
		Jobs: a.DB.Jobs(), Inputs: a.Inputs(), Workflows: a.DB.Jobs(), Webhooks: a.DB.Webhooks(), Counters: a.DB.Counters(),
		Archive: a.DB.Archive(), Log: a.DB.Log(), Queue: a.Queue, Redrives: a.Redrives(), Box: a.Box,
		Access: a.Access, Replies: a.DB.Access(), Limiter: a.limiter(),
		Rules: a.Rules, Version: delivery.Release, Logger: a.Logger, Unavailable: awsdynamo.IsUnavailable, AccessLogged: true,
	})
}

// limiter returns what holds API keys to their limit, nil if they have none.
func (a *Assembly) limiter() *access.Limiter {
	if a.limit == 0 {
		return nil
	}
	return access.NewLimiter(access.LimiterConfig{PerMinute: a.limit, Meter: a.DB.Meter()})
}

// Dispatcher returns what makes the attempts.
func (a *Assembly) Dispatcher() *dispatch.Dispatcher {
	return dispatch.New(dispatch.Config{
		Log: a.DB.Log(), Archive: a.DB.Archive(), Webhooks: a.DB.CachedWebhooks(webhookAge), Queue: a.Queue, Box: a.Box,
		Client:  egress.New(egress.Config{Rules: a.Rules, IdleTimeout: idleTime}),
		Version: delivery.Release, Logger: a.Logger,
	})
}

// Fanout returns what turns changes of jobs into messages.
func (a *Assembly) Fanout() *fanout.Fanout {
	return fanout.New(fanout.Config{
		Archive: a.DB.Archive(), Webhooks: a.DB.Webhooks(), Queue: a.Queue, Decode: awsdynamo.DecodeImage, Logger: a.Logger,
	})
}

// Redrives returns what carries redrives out.
func (a *Assembly) Redrives() *redrive.Service {
	return redrive.New(redrive.Config{
		Tasks: a.DB.Redrives(), Log: a.DB.Log(), Archive: a.DB.Archive(), Queue: a.Queue, LetterWait: time.Second, Logger: a.Logger,
	})
}

// Ops returns the handler of the lane ops: pages of redrives, and records that fan-out could not process.
func (a *Assembly) Ops() func(context.Context, delivery.Receipt) delivery.Verdict {
	fan, redrives := a.Fanout(), a.Redrives()
	return func(ctx context.Context, r delivery.Receipt) delivery.Verdict {
		if fanout.Parked(r.Body) {
			return fan.Again(ctx, r)
		}
		return redrives.Handle(ctx, r)
	}
}

// Sweeper returns what sends the steps that fall due.
func (a *Assembly) Sweeper() *sweep.Sweeper {
	return sweep.New(sweep.Config{Log: a.DB.Log(), Queue: a.Queue, Cursor: a.DB.Cursor(), Logger: a.Logger})
}

// Tally returns what adds up: counters of webhooks and totals of jobs.
func (a *Assembly) Tally() *tally.Tally {
	return tally.New(tally.Config{
		Counters: a.DB.Counters(), Settle: a.Inputs().Settle, Decode: awsdynamo.DecodeChange, Logger: a.Logger,
	})
}

// Lane returns the lane of a queue's ARN: the queue whose URL ends in the same name.
func (a *Assembly) Lane(arn string) (delivery.Lane, bool) {
	name := arn[strings.LastIndexByte(arn, ':')+1:]
	for lane, url := range a.urls {
		if name != "" && path.Base(url) == name {
			return lane, true
		}
	}
	return "", false
}

// boolean reads a variable that is true, false or empty.
func boolean(getenv func(string) string, name string) (bool, error) {
	s := getenv(name)
	if s == "" {
		return false, nil
	}
	b, err := strconv.ParseBool(s)
	if err != nil {
		return false, fmt.Errorf("%s is %q, want true or false", name, s)
	}
	return b, nil
}

// number reads a variable that is a whole number from 0 on; empty: otherwise.
func number(getenv func(string) string, name string, otherwise int) (int, error) {
	s := getenv(name)
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s is %q, want a whole number from 0 on", name, s)
	}
	return n, nil
}
