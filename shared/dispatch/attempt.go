package dispatch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/egress"
	"hermod/shared/retry"
	"hermod/shared/seal"
	"hermod/shared/signature"
	"hermod/shared/webhook"
)

// parkSpread is over how long parked deliveries of a webhook start again.
const parkSpread = 60 * time.Second

// idLen is how many characters an attempt's id has, of five bits each: few, since a row is paid by the kilobyte, and enough among
// attempts that began in the same millisecond.
const idLen = 4

// errOutage says that what is sealed cannot be opened for now: our own fault, for which no step is spent.
var errOutage = errors.New("sealed values cannot be opened for now")

// take makes the attempt that the schedule asks for, and writes what came of it.
func (w *work) take(ctx context.Context, p delivery.Place, row *delivery.Delivery) (delivery.Verdict, error) {
	hook, err := w.Webhooks.Get(ctx, w.rec.Project, w.rec.Webhook)
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return w.cancel(ctx, p, row, delivery.ReasonDeleted)
	case err != nil:
		return delivery.Verdict{}, fmt.Errorf("read webhook %s: %w", w.rec.Webhook, err)
	case !hook.Enabled:
		return w.cancel(ctx, p, row, delivery.ReasonDisabled)
	}
	if until := w.parkedUntil(hook); until.After(w.Now()) {
		return w.park(ctx, until)
	}
	// The breaker's place: an open one spends the step here, without a request.
	event, err := w.events.event(ctx, w.rec.Project, w.rec.Event, hook.UID)
	if err != nil {
		return delivery.Verdict{}, fmt.Errorf("read event %s: %w", w.rec.Event, err)
	}
	a, decision, err := w.post(ctx, hook, event, p, row)
	if err != nil {
		return delivery.Verdict{}, err
	}
	if decision.Outcome == retry.Delivered {
		return w.succeed(ctx, p, row, event)
	}
	w.rest(ctx, hook, decision)
	if decision.Outcome == retry.Disable {
		v, err := w.die(ctx, p, row, delivery.ReasonGone, a)
		if err == nil {
			w.disable(ctx, hook)
		}
		return v, err
	}
	wait, ok := retry.Schedule(hook.Schedule).Wait(p.Step, w.Random(), decision.Floor)
	if !ok {
		return w.die(ctx, p, row, delivery.ReasonExhausted, a)
	}
	return w.fail(ctx, p, row, event, wait, a)
}

// ask makes an attempt outside the schedule. A disabled webhook gets only test events, a deleted one nothing.
func (w *work) ask(ctx context.Context, row *delivery.Delivery) (delivery.Verdict, error) {
	hook, err := w.Webhooks.Get(ctx, w.rec.Project, w.rec.Webhook)
	switch {
	case errors.Is(err, webhook.ErrNotFound):
		return delivery.Acknowledged(), nil
	case err != nil:
		return delivery.Verdict{}, fmt.Errorf("read webhook %s: %w", w.rec.Webhook, err)
	case !hook.Enabled && w.rec.Cause != delivery.CauseTest:
		return delivery.Acknowledged(), nil
	}
	event, err := w.events.event(ctx, w.rec.Project, w.rec.Event, hook.UID)
	if err != nil {
		return delivery.Verdict{}, fmt.Errorf("read event %s: %w", w.rec.Event, err)
	}
	place := delivery.Place{}
	if row != nil {
		place = row.Place
	}
	a, decision, err := w.post(ctx, hook, event, place, row)
	if err != nil {
		return delivery.Verdict{}, err
	}
	if decision.Outcome == retry.Delivered {
		return w.succeed(ctx, place, row, event)
	}
	if w.rec.Cause == delivery.CauseManual {
		w.rest(ctx, hook, decision)
		if decision.Outcome == retry.Disable {
			w.disable(ctx, hook)
		}
	}
	now := w.Now()
	d := event.Delivery(hook.UID)
	d.ExpiresAt = now.Add(delivery.Retention)
	if event.Test {
		d.State, d.Reason, d.EndedAt = delivery.Cancelled, delivery.ReasonTest, now
	} else {
		d.NextAt, d.Due = now, delivery.Due{At: now.Add(watchdogAfter)}
	}
	if err := w.persist(ctx, func() error { return w.Log.Append(ctx, d, *a) }); err != nil {
		return delivery.Verdict{}, fmt.Errorf("append attempt to delivery %s: %w", d.UID, err)
	}
	return delivery.Acknowledged(), nil
}

// post makes the request. An error means that nothing is known of the receiver, by our own fault: there is no outcome to write.
func (w *work) post(ctx context.Context, hook webhook.Webhook, event delivery.Event, p delivery.Place, row *delivery.Delivery) (*delivery.Attempt, retry.Decision, error) {
	a := &delivery.Attempt{ID: rand.Text()[:idLen], Number: 1, Cause: w.rec.Cause, Cycle: p.Cycle, Step: p.Step, StartedAt: w.Now().UTC()}
	if row != nil {
		a.Number = row.NextNumber()
	}
	req, err := w.request(ctx, hook, event, a)
	if errors.Is(err, errOutage) {
		return nil, retry.Decision{}, err
	}
	w.attempt, w.kept = a, false
	if err != nil {
		a.Number, a.Headers, a.SignedWith = 0, nil, nil // nothing is sent
		a.Class, a.Error = delivery.ClassConfig, err.Error()
		return a, retry.Decide(0, a.Class, "", a.StartedAt), nil
	}
	res := w.Client.Post(ctx, req)
	a.Duration, a.Timing, a.Status, a.Class, a.Error = res.Duration, res.Timing, res.Status, res.Class, res.Error
	decision := retry.Decide(res.Status, res.Class, res.Header.Get("Retry-After"), w.Now())
	a.RetryAfter = decision.Floor
	switch {
	case decision.Outcome == retry.Delivered:
		a.Class, a.Error = delivery.ClassNone, "" // the status counts, whatever became of the body
	case res.Status != 0:
		a.Answer = &delivery.Answer{Headers: res.Header, Body: res.Body}
	}
	if err := ctx.Err(); err != nil && decision.Outcome != retry.Delivered {
		return nil, retry.Decision{}, fmt.Errorf("attempt of delivery %s was cut off by us: %w", w.rec.UID(), err)
	}
	return a, decision, nil
}

// request builds the signed request of an attempt, and notes in the attempt what it was made of. Its error is a sentence for
// people about the webhook, or errOutage.
func (w *work) request(ctx context.Context, hook webhook.Webhook, event delivery.Event, a *delivery.Attempt) (egress.Request, error) {
	match, ok := event.Match(hook.UID)
	if !ok {
		match.Format = hook.Payload
	}
	body, ok := event.Bodies[match.Format]
	if !ok {
		return egress.Request{}, fmt.Errorf("the event has no body in format %s", match.Format)
	}
	id := w.rec.UID().String()
	h := http.Header{"Content-Type": {"application/json"}}
	for _, own := range hook.Headers {
		value, err := w.open(ctx, hook, webhook.HeaderField(own.Name), own.Sealed, "the value of header "+own.Name)
		if err != nil {
			return egress.Request{}, err
		}
		h.Set(own.Name, value)
		a.Headers = append(a.Headers, own.Name)
	}
	secrets, err := w.secrets(ctx, hook, a)
	if err != nil {
		return egress.Request{}, err
	}
	h["User-Agent"] = []string{"Hermod/" + w.Version}
	h["Webhook-Id"] = []string{id}
	h["Webhook-Timestamp"] = []string{strconv.FormatInt(a.StartedAt.Unix(), 10)}
	h["Webhook-Signature"] = []string{signature.Sign(secrets, id, a.StartedAt, body)}
	h["Hermod-Event"] = []string{event.Type.Qualified()}
	h["Hermod-Attempt"] = []string{strconv.Itoa(a.Number)}
	h["Hermod-Sequence"] = []string{strconv.Itoa(event.Sequence)}
	return egress.Request{URL: hook.URL, Header: h, Body: body, Timeout: hook.PerAttempt()}, nil
}

// secrets opens the secrets that sign now, of every scheme that is on.
func (w *work) secrets(ctx context.Context, hook webhook.Webhook, a *delivery.Attempt) ([]signature.Secret, error) {
	valid := hook.ValidSecrets(a.StartedAt)
	secrets := make([]signature.Secret, 0, len(valid))
	for _, s := range valid {
		text, err := w.open(ctx, hook, webhook.SecretField, s.Sealed, "signing secret "+s.Hint)
		if err != nil {
			return nil, err
		}
		secret, err := signature.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("signing secret %s: %w", s.Hint, err)
		}
		secrets = append(secrets, secret)
		a.SignedWith = append(a.SignedWith, s.Hint)
	}
	if len(secrets) == 0 {
		return nil, errors.New("the webhook has no signing secret that is valid now")
	}
	return secrets, nil
}

// open opens a sealed value of the webhook; what names it for people.
func (w *work) open(ctx context.Context, hook webhook.Webhook, field, sealed, what string) (string, error) {
	plain, err := w.Box.Open(ctx, hook.Project, hook.UID, field, sealed)
	switch {
	case err == nil:
		return string(plain), nil
	case errors.Is(err, seal.ErrTampered), errors.Is(err, seal.ErrFormat), errors.Is(err, seal.ErrNoKey):
		return "", fmt.Errorf("%s cannot be opened", what)
	}
	return "", fmt.Errorf("%w: %w", errOutage, err)
}

// base is the row as it was, or as it is before any outcome.
func (w *work) base(ctx context.Context, row *delivery.Delivery) (delivery.Delivery, error) {
	if row != nil {
		return *row, nil
	}
	event, err := w.events.event(ctx, w.rec.Project, w.rec.Event, w.rec.Webhook)
	if err != nil {
		return delivery.Delivery{}, fmt.Errorf("read event %s: %w", w.rec.Event, err)
	}
	d := event.Delivery(w.rec.Webhook)
	d.ExpiresAt = w.Now().Add(delivery.Retention)
	return d, nil
}

func (w *work) succeed(ctx context.Context, p delivery.Place, row *delivery.Delivery, event delivery.Event) (delivery.Verdict, error) {
	now := w.Now()
	d := event.Delivery(w.rec.Webhook)
	if row != nil {
		d = *row
	}
	d.State, d.Reason, d.Place, d.EndedAt = delivery.Succeeded, "", p, now
	d.NextAt, d.Due, d.Resends, d.ExpiresAt = time.Time{}, delivery.Due{}, 0, now.Add(delivery.Retention)
	if err := w.persist(ctx, func() error { return w.Log.Succeed(ctx, d, *w.attempt) }); err != nil {
		return delivery.Verdict{}, fmt.Errorf("write success of delivery %s: %w", d.UID, err)
	}
	return delivery.Acknowledged(), nil
}

// fail writes the failure of a step that has a successor, and sends the successor if its wait fits into a message.
func (w *work) fail(ctx context.Context, p delivery.Place, row *delivery.Delivery, event delivery.Event, wait time.Duration, a *delivery.Attempt) (delivery.Verdict, error) {
	d, err := w.base(ctx, row)
	if err != nil {
		return delivery.Verdict{}, err
	}
	d.State, d.Reason, d.Resends = delivery.Retrying, "", 0
	d.Place = delivery.Place{Cycle: p.Cycle, Step: p.Step + 1}
	d.NextAt = w.Now().Add(wait)
	d.Due = delivery.Due{At: d.NextAt, Own: true}
	if wait <= delivery.MaxDelay {
		d.Due = delivery.Due{At: d.NextAt.Add(watchdogAfter)}
	}
	if err := w.step(ctx, d, p, a); err != nil {
		return delivery.Verdict{}, err
	}
	if d.Due.Own {
		return delivery.Acknowledged(), nil
	}
	return w.next(ctx, d.Place, wait)
}

// die writes the death of a step and leaves its message to become a letter.
func (w *work) die(ctx context.Context, p delivery.Place, row *delivery.Delivery, why delivery.Reason, a *delivery.Attempt) (delivery.Verdict, error) {
	if err := w.end(ctx, delivery.Dead, why, p, delivery.Place{Cycle: p.Cycle, Step: p.Step + 1}, row, a); err != nil {
		return delivery.Verdict{}, err
	}
	if w.rec.lane == delivery.LaneFirst {
		return w.bury(ctx, p)
	}
	return delivery.Refused(), nil
}

// cancel ends a delivery that fell due while its webhook was disabled or deleted.
func (w *work) cancel(ctx context.Context, p delivery.Place, row *delivery.Delivery, why delivery.Reason) (delivery.Verdict, error) {
	if err := w.end(ctx, delivery.Cancelled, why, p, p, row, nil); err != nil {
		return delivery.Verdict{}, err
	}
	return delivery.Acknowledged(), nil
}

func (w *work) end(ctx context.Context, s delivery.State, why delivery.Reason, was, place delivery.Place, row *delivery.Delivery, a *delivery.Attempt) error {
	d, err := w.base(ctx, row)
	if err != nil {
		return err
	}
	d.State, d.Reason, d.Place, d.EndedAt = s, why, place, w.Now()
	d.NextAt, d.Due, d.Resends = time.Time{}, delivery.Due{}, 0
	return w.step(ctx, d, was, a)
}

func (w *work) step(ctx context.Context, d delivery.Delivery, was delivery.Place, a *delivery.Attempt) error {
	err := w.persist(ctx, func() error { return w.Log.Step(ctx, d, was, a) })
	if err != nil && !errors.Is(err, delivery.ErrStale) {
		return fmt.Errorf("write %s of delivery %s: %w", d.State, d.UID, err)
	}
	return err
}

// disable ends a webhook whose receiver is gone. If it cannot be written now, the next 410 does it.
func (w *work) disable(ctx context.Context, hook webhook.Webhook) {
	hook.Version++
	hook.Enabled, hook.Reason, hook.UpdatedAt = false, webhook.DisabledGone, w.Now()
	if err := w.Webhooks.Update(ctx, hook); err != nil {
		w.Logger.Warn("webhook not disabled after 410", "webhook", hook.UID, "error", err.Error())
	}
}

// rest parks the webhook if its receiver asked for that.
func (w *work) rest(ctx context.Context, hook webhook.Webhook, decision retry.Decision) {
	until := w.Now().Add(decision.Park)
	if decision.Park == 0 || !until.After(hook.ParkedUntil) {
		return
	}
	if err := w.Webhooks.Park(ctx, hook.Project, hook.UID, until); err != nil {
		w.Logger.Warn("webhook not parked", "webhook", hook.UID, "error", err.Error())
	}
}

// parkedUntil is when the message may be attempted: a webhook's rest moves it once, to somewhere in the minute after its end.
func (w *work) parkedUntil(hook webhook.Webhook) time.Time {
	if !w.rec.Parked.IsZero() || !hook.ParkedUntil.After(w.Now()) {
		return w.rec.Parked
	}
	return hook.ParkedUntil.Add(time.Duration(w.Random() * float64(parkSpread)))
}

// park sends the same step again for later; a rest longer than a message can wait takes several.
func (w *work) park(ctx context.Context, until time.Time) (delivery.Verdict, error) {
	m := w.rec.Message
	m.Parked = until.UTC().Truncate(time.Millisecond)
	return w.exchange(ctx, m, min(until.Sub(w.Now()), delivery.MaxDelay))
}
