package console

import (
	"cmp"
	"context"
	"net/http"
	"regexp"
	"strings"
)

const (
	eventsTold    = "10" // of a job
	jobsCompared  = "10" // how many of the last jobs a webhook is compared with
	troubleOfEach = "10" // deliveries of each state
	troubleShown  = 15
)

// whyView answers why something was not delivered: of a job, of a webhook, or of both.
type whyView struct {
	JobUID     string
	WebhookUID string
	Job        *job     // nil: not asked for, or not there
	Webhook    *webhook // the same
	Scope      link     // whose events the webhook gets
	Conclusion string
	Live       int // seconds; 0: nothing changes by itself any more

	// Of a job.
	Events []eventView
	Older  bool // it has more of them

	// Of a webhook alone.
	Trouble []troubleView
	Latest  []delivery
	Jobs    []missedJob // those with events that it did not get
	LastJob int         // how many jobs it was compared with
}

// Asked reports whether the page was asked anything.
func (v whyView) Asked() bool { return v.JobUID != "" || v.WebhookUID != "" }

// whyPage tells about what was pasted into it.
func (s *console) whyPage(ctx context.Context, c *call) (reply, error) {
	query := c.query("job_uid", "webhook_uid")
	v := whyView{JobUID: pasted(query.Get("job_uid")), WebhookUID: pasted(query.Get("webhook_uid"))}
	for _, uid := range []string{v.JobUID, v.WebhookUID} {
		if deliveryUID.MatchString(uid) {
			return goTo(deliveryPath(uid), "")
		}
	}
	err := c.lookFor(ctx, &v)
	switch {
	case err != nil:
	case v.Job != nil:
		err = c.tellJob(ctx, &v)
	case v.JobUID == "" && v.WebhookUID != "":
		err = c.tellWebhook(ctx, &v)
	}
	return reply{page: "why", title: "Why was this not delivered?", data: v}, err
}

// anyUID finds a uid, that of a delivery first, in whatever was pasted: an address of the console, a line of a log.
var (
	anyUID      = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?`)
	deliveryUID = regexp.MustCompile(`^[0-9a-f-]{36}_[0-9a-f-]{36}$`)
)

// pasted returns the last uid in a text; without one, the text.
func pasted(text string) string {
	if found := anyUID.FindAllString(strings.ToLower(text), -1); len(found) > 0 {
		return found[len(found)-1]
	}
	return text
}

// lookFor reads the job and the webhook that were asked for. If there is none, that is said above the page, which tells what is known all
// the same: of a webhook that was deleted there are its deliveries.
func (c *call) lookFor(ctx context.Context, v *whyView) error {
	var noJob, noWebhook *refusal
	err := together(
		func() (err error) { v.Job, noJob, err = find[job](ctx, c, jobPath, v.JobUID); return err },
		func() (err error) {
			v.Webhook, noWebhook, err = find[webhook](ctx, c, webhookPath, v.WebhookUID)
			return err
		},
	)
	c.problem = cmp.Or(noJob, noWebhook)
	if err != nil || v.Webhook == nil {
		return err
	}
	scopes, err := c.scopesOf(ctx, []webhook{*v.Webhook})
	if err == nil {
		v.Scope = scopes[0]
	}
	return err
}

// find reads one thing, or what the API says of there being none; neither without a uid.
func find[T any](ctx context.Context, c *call, path func(uid string) string, uid string) (*T, *refusal, error) {
	if uid == "" {
		return nil, nil, nil
	}
	v, err := get[T](ctx, c, path(uid), nil)
	if r, gone := refused(err, http.StatusNotFound); gone {
		return nil, r, nil
	}
	return &v, nil, err
}
