package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/egress"
	"hermod/shared/seal"
	"hermod/shared/webhook"
)

const (
	// redrivenAfter tells a message that the queue moved back from one that was sent: the queue's sent time is new, the
	// message's own is not.
	redrivenAfter = 60 * time.Second
	// watchdogAfter is how long after its time a short wait is taken for lost.
	watchdogAfter = time.Hour
	// maxDecisions bounds how often one record is decided again; then it comes back.
	maxDecisions = 5
)

// Config is what a Dispatcher needs. The seams are required.
type Config struct {
	Log      delivery.Log
	Archive  delivery.Archive
	Webhooks webhook.Store
	Queue    delivery.Queue
	Box      *seal.Box
	Client   *egress.Client

	Version       string           // of Hermod, for User-Agent; empty: dev
	RedrivenAfter time.Duration    // 0: 60 s; the clocks of senders and queue must agree to within it. Tests set less
	Now           func() time.Time // nil: time.Now
	Random        func() float64   // in [0, 1), for jitter; nil: math/rand
	Logger        *slog.Logger     // nil: slog.Default
}

// Dispatcher makes attempts. It is safe for concurrent use.
type Dispatcher struct {
	Config
	events *eventCache
}

// New returns a Dispatcher; a missing seam is a panic.
func New(c Config) *Dispatcher {
	if c.Log == nil || c.Archive == nil || c.Webhooks == nil || c.Queue == nil || c.Box == nil || c.Client == nil {
		panic("dispatch: a seam is missing in Config")
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.RedrivenAfter == 0 {
		c.RedrivenAfter = redrivenAfter
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Float64
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Dispatcher{Config: c, events: newEventCache(c.Archive)}
}

// Handle works on one message of the lane first or retry and says what becomes of it. The caller gives ctx a deadline; a panic
// is contained. A message that failed by our own fault is handed back.
func (d *Dispatcher) Handle(ctx context.Context, r delivery.Receipt) (v delivery.Verdict) {
	w := work{Dispatcher: d}
	defer func() {
		if p := recover(); p != nil {
			d.Logger.Error("dispatch panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()), "delivery", w.rec.UID().String())
			v = delivery.HandedBack(r.Receives)
		}
	}()
	m, err := delivery.ParseMessage(r.Body)
	w.rec = record{Message: m, lane: r.Lane, receives: r.Receives, redriven: r.SentAt.Sub(m.SentAt) > d.RedrivenAfter}
	switch {
	case errors.Is(err, delivery.ErrFormat):
		v = delivery.HandedOver()
	case err != nil:
		v = delivery.HandedBack(r.Receives)
	default:
		v, err = w.run(ctx)
		if err != nil {
			v = delivery.HandedBack(r.Receives)
		}
	}
	w.log(ctx, v, err)
	return v
}

// work is one record in hand.
type work struct {
	*Dispatcher
	rec     record
	did     action
	attempt *delivery.Attempt // the request made, if any
	kept    bool              // the attempt is in the log
	unsure  bool              // a write's outcome was unknown before it was repeated
}

// run decides and acts until the record is done. An error means that it was not: it comes back.
func (w *work) run(ctx context.Context) (delivery.Verdict, error) {
	var row *delivery.Delivery
	if !w.rec.unread() {
		var err error
		if row, err = w.read(ctx); err != nil {
			return delivery.Verdict{}, err
		}
	}
	for n := range maxDecisions {
		if w.unsure {
			w.rec.receives = max(w.rec.receives, 2)
		}
		act, place := w.rec.decide(row, n > 0 && !w.unsure)
		w.did = act
		v, err := w.act(ctx, act, place, row)
		if !errors.Is(err, delivery.ErrStale) {
			return v, err
		}
		if row, err = w.read(ctx); err != nil {
			return delivery.Verdict{}, err
		}
		if err := w.keepAttempt(ctx, row); err != nil {
			return delivery.Verdict{}, err
		}
	}
	return delivery.Verdict{}, fmt.Errorf("delivery %s moved %d times while it was worked on", w.rec.UID(), maxDecisions)
}

// act carries one decision out. ErrStale asks for another.
func (w *work) act(ctx context.Context, act action, place delivery.Place, row *delivery.Delivery) (delivery.Verdict, error) {
	switch act {
	case attempt:
		return w.take(ctx, place, row)
	case ask:
		return w.ask(ctx, row)
	case reopen:
		return w.reopen(ctx)
	case send:
		return w.again(ctx, place, w.untilDue(row))
	case spend:
		return w.die(ctx, place, row, delivery.ReasonFault, nil)
	case bury:
		return w.bury(ctx, place)
	case refuse:
		return delivery.Refused(), nil
	}
	return delivery.Acknowledged(), nil
}

func (w *work) read(ctx context.Context) (*delivery.Delivery, error) {
	rows, err := w.Log.Rows(ctx, w.rec.UID())
	if err != nil {
		return nil, fmt.Errorf("read delivery %s: %w", w.rec.UID(), err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return &rows[0], nil
}

// keepAttempt appends the request that was made to a row on which its outcome was not written.
func (w *work) keepAttempt(ctx context.Context, row *delivery.Delivery) error {
	if w.attempt == nil || w.kept || row == nil {
		return nil
	}
	w.kept = true
	return w.persist(ctx, func() error { return w.Log.Append(ctx, *row, *w.attempt) }) // adds nothing if it is there already
}

// reopen starts the dead (or, on request, cancelled) delivery's next cycle and sends its step 0.
func (w *work) reopen(ctx context.Context) (delivery.Verdict, error) {
	now := w.Now()
	expires := now.Add(delivery.Retention)
	if err := w.Archive.Extend(ctx, w.rec.Project, w.rec.Event, expires); err != nil {
		return delivery.Verdict{}, fmt.Errorf("keep event %s: %w", w.rec.Event, err)
	}
	var row delivery.Delivery
	err := w.persist(ctx, func() (err error) {
		row, err = w.Log.Reopen(ctx, w.rec.UID(), w.rec.Cycle, now, delivery.Due{At: now.Add(watchdogAfter)}, expires)
		return err
	})
	if err != nil {
		return delivery.Verdict{}, err
	}
	return w.next(ctx, row.Place, 0)
}

// next sends a step as a fresh message and acknowledges the one in hand.
func (w *work) next(ctx context.Context, p delivery.Place, delay time.Duration) (delivery.Verdict, error) {
	m := delivery.NewMessage(w.rec.Project, w.rec.UID(), p, delivery.CauseSchedule)
	return w.exchange(ctx, m, delay)
}

// again sends a step that waits once more.
func (w *work) again(ctx context.Context, p delivery.Place, delay time.Duration) (delivery.Verdict, error) {
	m := delivery.NewMessage(w.rec.Project, w.rec.UID(), p, delivery.CauseSchedule)
	if w.rec.redriven {
		m.Hops = w.rec.Hops + 1
	}
	return w.exchange(ctx, m, delay)
}

// bury sends a dead delivery's message to retry, where it is refused.
func (w *work) bury(ctx context.Context, p delivery.Place) (delivery.Verdict, error) {
	return w.exchange(ctx, delivery.NewMessage(w.rec.Project, w.rec.UID(), p, delivery.CauseBury), 0)
}

func (w *work) exchange(ctx context.Context, m delivery.Message, delay time.Duration) (delivery.Verdict, error) {
	err := w.persist(ctx, func() error { return w.Queue.Send(ctx, delivery.LaneRetry, m.Parcel(w.Now(), delay)) })
	if err != nil {
		return delivery.Verdict{}, fmt.Errorf("send %s of delivery %s: %w", m.Cause, m.UID(), err)
	}
	return delivery.Acknowledged(), nil
}

// untilDue is how long the step of a row waits still.
func (w *work) untilDue(row *delivery.Delivery) time.Duration {
	if row == nil {
		return 0
	}
	return min(max(0, row.NextAt.Sub(w.Now())), delivery.MaxDelay)
}

// persist repeats a write that met a fault, with growing pauses, until 2 s before the deadline of ctx: the request was made, and
// to forget its outcome would repeat it. What the write itself refuses is final.
func (w *work) persist(ctx context.Context, write func() error) error {
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := write()
		if err == nil || errors.Is(err, delivery.ErrStale) {
			return err
		}
		deadline, ok := ctx.Deadline()
		if !ok || time.Until(deadline) < pause+2*time.Second {
			return err
		}
		w.unsure = true
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

func (w *work) log(ctx context.Context, v delivery.Verdict, err error) {
	level := slog.LevelDebug
	switch {
	case err != nil:
		level = slog.LevelError
	case w.attempt != nil && !w.attempt.Delivered():
		level = slog.LevelInfo
	}
	if !w.Logger.Enabled(ctx, level) {
		return
	}
	list := []slog.Attr{
		slog.String("delivery", w.rec.UID().String()), slog.String("project", w.rec.Project), slog.String("lane", string(w.rec.lane)),
		slog.Int("cycle", w.rec.Cycle), slog.Int("step", w.rec.Step), slog.String("cause", string(w.rec.Cause)),
		slog.Int("receives", w.rec.receives), slog.String("action", w.did.String()), slog.Bool("acknowledged", v.Acknowledge),
	}
	if a := w.attempt; a != nil {
		list = append(list, slog.Int("attempt", a.Number), slog.Int("status", a.Status), slog.String("class", string(a.Class)),
			slog.Int64("duration_ms", a.Duration.Milliseconds()))
	}
	if err != nil {
		list = append(list, slog.String("error", err.Error()), slog.Int64("visible_after_s", int64(v.VisibleAfter/time.Second)))
	}
	w.Logger.LogAttrs(ctx, level, "delivery", list...)
}
