package console

import (
	"context"
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"time"
)

const (
	bodyShown = 20 << 10 // bytes, as HTML
	// expecting is how long the page looks for the attempt that was asked for on it, also when nothing else is to happen.
	expecting = time.Minute
	// dueSoon is how soon something is due for the page to look often.
	dueSoon = time.Minute
)

// deliveryDetail is a delivery with all that the API tells of it.
type deliveryDetail struct {
	delivery
	Sequence   int       `json:"sequence"`
	Reopened   int       `json:"reopened"`
	BodyFormat *string   `json:"body_format"`
	BodySize   *int      `json:"body_size"`
	Body       *string   `json:"body"` // nil: the event has expired
	Attempts   []attempt `json:"attempts"`
}

// deliveryView is everything about one delivery.
type deliveryView struct {
	deliveryDetail
	Webhook  webhook // with its uid alone if it has been deleted
	Job      job     // with its uid alone if it is not there any more
	Why      template.HTML
	Timeline []attemptView
	Left     int    // how many older attempts are not on the timeline
	Redrive  string // URL of where it is redriven; empty: it cannot be
	NotNow   string // why no attempt can be asked for; empty: it can
	Expected bool   // an attempt that was asked for on this page has not been made yet
	Live     int    // seconds until the page looks again; 0: nothing changes any more
	Text     string // the body, set out in lines
	Cut      bool   // there is more of it
}

// deliveryPage shows everything about one delivery.
func (s *console) deliveryPage(ctx context.Context, c *call) (reply, error) {
	d, err := get[deliveryDetail](ctx, c, deliveryPath(c.uid()), nil)
	if err != nil {
		return reply{}, err
	}
	names, err := c.tableOf(ctx, []delivery{d.delivery})
	if err != nil {
		return reply{}, err
	}
	view := deliveryView{deliveryDetail: d, Webhook: named(names.webhooks, d.WebhookUID, webhook{UID: d.WebhookUID}), Job: named(names.jobs, d.JobUID, job{UID: d.JobUID})}
	t := story{delivery: d.delivery, reopened: d.Reopened, attempts: d.Attempts, now: s.Now()}
	if w, ok := names.webhooks[d.WebhookUID]; ok {
		t.hook = &w
	}
	t.gone = t.hook == nil
	view.Why = s.tell(t)
	view.NotNow, view.Redrive = notNow(d, t), redriveOf(d.delivery, t)
	view.Timeline, view.Left = timeline(d)
	if d.Body != nil {
		view.Text, view.Cut = bodyText(*d.Body)
	}
	asked := c.askedAt()
	view.Expected = s.Now().Sub(asked).Abs() < expecting && !attemptedSince(d.Attempts, asked)
	if c.form == nil { // one that was refused has an address that cannot be read again
		view.Live = view.lookAgain(s.Now())
	}
	return reply{page: "delivery", title: "Delivery of job." + d.Event, data: view}, nil
}

// Said is what the receiver answered last, if it did not accept the event; empty if it said nothing.
func (v deliveryView) Said() string {
	if n := len(v.Attempts); n > 0 && !v.Attempts[n-1].Delivered() {
		return valueOf(v.Attempts[n-1].ResponseBody)
	}
	return ""
}

// retryDelivery asks for one attempt.
func (s *console) retryDelivery(ctx context.Context, c *call) (reply, error) {
	uid, asked := c.uid(), s.Now()
	if _, err := post[nothing](ctx, c, deliveryPath(uid)+"/retry", nil); err != nil {
		return reply{}, err
	}
	return toDelivery(uid, asked, "delivery-retried")
}

// toDelivery leads to the page of a delivery for which an attempt was asked for. Its address tells the page when that was: until the
// attempt is there the page looks for it, also if nothing else is to happen.
func toDelivery(uid string, asked time.Time, done string) (reply, error) {
	return goTo(deliveryPath(uid)+"?asked="+strconv.FormatInt(asked.UnixMilli(), 10), done)
}

// askedAt is when an attempt was asked for on this page; long ago if none was.
func (c *call) askedAt() time.Time {
	milliseconds, _ := strconv.ParseInt(c.request.URL.Query().Get("asked"), 10, 64)
	return time.UnixMilli(milliseconds)
}

func attemptedSince(attempts []attempt, at time.Time) bool {
	return slices.ContainsFunc(attempts, func(a attempt) bool { return !a.StartedAt.Before(at) })
}

// lookAgain says after how many seconds there may be something new.
func (v deliveryView) lookAgain(now time.Time) int {
	switch {
	case v.Expected:
		return 2
	case v.Final():
		return 0
	case v.NextAttemptAt == nil || v.NextAttemptAt.Sub(now) < dueSoon:
		return 2
	}
	return 10
}

// CancelledLast is when it was cancelled, unless something happened since.
func (v deliveryView) CancelledLast() *time.Time {
	if v.State != "cancelled" || v.Test || v.FinishedAt == nil || attemptedSince(v.Attempts, *v.FinishedAt) {
		return nil
	}
	return v.FinishedAt
}

// notNow says why the API would refuse an attempt.
func notNow(d deliveryDetail, t story) string {
	switch {
	case t.gone:
		return "The webhook has been deleted, so nothing can be sent to it."
	case t.disabled() && !d.Test:
		return "The webhook is disabled, so nothing is sent to it: enable it first."
	case d.Body == nil:
		return "The event has expired, so there is nothing left to send."
	}
	return ""
}

// redriveOf is where the delivery is redriven: by filters that only it meets.
func redriveOf(d delivery, t story) string {
	const milliseconds = "2006-01-02T15:04:05.000"
	query := url.Values{
		"webhook_uid": {d.WebhookUID}, "job_uid": {d.JobUID}, "event": {d.Event}, "preview": {"1"},
		"since": {d.CreatedAt.UTC().Format(milliseconds)}, "until": {d.CreatedAt.UTC().Add(time.Millisecond).Format(milliseconds)},
	}
	switch {
	case t.gone || d.Test:
		return ""
	case d.State == "cancelled":
		query.Set("state", d.State)
	case d.State == "pending" && d.AttemptCount == 0 && t.old():
		query.Set("state", "missing")
	case d.State != "dead":
		return ""
	}
	return Base + "/dead-letters?" + query.Encode()
}

// Means says what an attempt now does to the delivery.
func (v deliveryView) Means() string {
	switch {
	case v.Test:
		return "The test event is sent once more."
	case v.State == "succeeded":
		return "The event is sent once more, with the same webhook-id: a receiver that remembers it knows the event already. The delivery stays succeeded."
	case v.Final():
		return "One attempt, outside the schedule: if it is accepted the delivery has succeeded, if not it stays " + v.State + "."
	}
	return "One attempt, beside the schedule: if it is accepted the delivery has succeeded, if not the schedule goes on as it was."
}

// bodyText sets a body out in lines and cuts it.
func bodyText(body string) (text string, more bool) {
	text = pretty(body)
	n := fitting(text, bodyShown)
	return text[:n], n < len(text)
}
