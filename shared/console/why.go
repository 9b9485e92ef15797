package console

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
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

// troubleView is a delivery that has not succeeded, and why.
type troubleView struct {
	delivery
	Job string // its name
	Why template.HTML
}

// missedJob is a job and why a webhook did not get events of it.
type missedJob struct {
	job
	Misses []missedEvents
	got    bool // it got others
}

// missedEvents are events that a webhook did not get for one reason.
type missedEvents struct {
	Events []string
	Why    string
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

// tellJob tells what became of the job's events, at the webhook if one was asked for.
func (c *call) tellJob(ctx context.Context, v *whyView) error {
	query := url.Values{}
	if v.Webhook != nil {
		query.Set("webhook_uid", v.Webhook.UID)
	}
	var next string
	var all list[delivery]
	err := together(
		func() (err error) {
			query := maps.Clone(query)
			query.Set("limit", eventsTold)
			v.Events, next, err = c.eventsOf(ctx, v.JobUID, query)
			return err
		},
		func() (err error) {
			query := maps.Clone(query)
			query.Set("limit", "100")
			all, err = get[list[delivery]](ctx, c, jobPath(v.JobUID)+"/deliveries", query)
			return err
		},
	)
	v.Older = next != ""
	v.Conclusion = v.concludeJob(all.Results)
	if v.Job.Open() || slices.ContainsFunc(v.Events, func(e eventView) bool { return !e.Final() }) {
		v.Live = 4
	}
	return err
}

// concludeJob says in a sentence what became of the events that are told, at one webhook or at all. With more deliveries than are known
// it says no more than how many there are.
func (v whyView) concludeJob(known []delivery) string {
	counts, whys, matched, told := map[string]int{}, map[string]bool{}, 0, 0
	for _, e := range v.Events {
		matched += len(e.Matched)
		for _, m := range e.Misses {
			whys[m.Why()] = true
		}
		for _, d := range known {
			if d.EventUID == e.UID {
				counts[d.State]++
				told++
			}
		}
	}
	name := "this job’s " + plural(len(v.Events), "event")
	if v.Older {
		name = "this job’s last " + plural(len(v.Events), "event")
	}
	none, made := "None of "+name+" is for ", capital(name)+" made "+plural(matched, "delivery")
	if v.Webhook != nil {
		made += " for this webhook"
	}
	switch {
	case len(v.Events) == 0:
		return "This job has no event yet: one happens with each change of its status."
	case matched == 0 && v.Webhook == nil:
		return none + "any webhook."
	case matched == 0 && len(whys) == 1:
		return none + "this webhook: it " + slices.Collect(maps.Keys(whys))[0] + "."
	case matched == 0:
		return none + "this webhook, for the reasons below."
	case told != matched:
		return made + "."
	}
	return made + ": " + countWords(counts) + "."
}

// countWords says how many deliveries are in each state.
func countWords(counts map[string]int) string {
	var parts []string
	for _, state := range deliveryStates {
		if n := counts[state]; n > 0 {
			parts = append(parts, number(n)+" "+state)
		}
	}
	return strings.Join(parts, ", ")
}

// tellWebhook tells what the webhook did not get of late.
func (c *call) tellWebhook(ctx context.Context, v *whyView) error {
	states := []string{"dead", "retrying", "cancelled", ""} // the last: whatever it is, of which those that are pending are told too
	found := make([][]delivery, len(states))
	var jobs []job
	err := together(
		func() error {
			list, err := get[list[job]](ctx, c, "/jobs", url.Values{"limit": {jobsCompared}})
			jobs = list.Results
			return err
		},
		func() error {
			return each(len(states), func(i int) error {
				query := url.Values{"webhook_uid": {v.WebhookUID}, "limit": {troubleOfEach}}
				if states[i] != "" {
					query.Set("state", states[i])
				}
				list, err := get[list[delivery]](ctx, c, "/deliveries", query)
				found[i] = list.Results
				return err
			})
		},
	)
	if err := c.tolerate(err); err != nil {
		return err
	}
	v.Latest = found[len(states)-1]
	if v.Trouble, err = c.troubles(ctx, v.Webhook, slices.Concat(found...)); err != nil {
		return err
	}
	if slices.ContainsFunc(v.Trouble, func(t troubleView) bool { return !t.Final() }) {
		v.Live = 4
	}
	if v.Webhook != nil {
		if err := c.missed(ctx, v, jobs); err != nil {
			return err
		}
	}
	v.Conclusion = v.concludeWebhook()
	return nil
}

// troubles tells those of the deliveries that have not succeeded, the newest first and each once.
func (c *call) troubles(ctx context.Context, hook *webhook, rows []delivery) (views []troubleView, err error) {
	rows = slices.DeleteFunc(rows, func(d delivery) bool { return d.State == "succeeded" })
	slices.SortFunc(rows, func(a, b delivery) int { return strings.Compare(b.UID, a.UID) })
	rows = slices.CompactFunc(rows, func(a, b delivery) bool { return a.UID == b.UID })
	rows = rows[:min(len(rows), troubleShown)]
	table, err := c.tableOf(ctx, rows)
	for _, d := range rows {
		views = append(views, troubleView{d, table.Job(d.JobUID), c.tell(story{delivery: d, hook: hook, gone: hook == nil})})
	}
	return views, err
}

// missed compares the webhook with the events of jobs.
func (c *call) missed(ctx context.Context, v *whyView, jobs []job) error {
	v.LastJob = len(jobs)
	all := make([]missedJob, len(jobs))
	err := each(len(jobs), func(i int) error {
		found, err := get[list[jobEvent]](ctx, c, jobPath(jobs[i].UID)+"/events", url.Values{"webhook_uid": {v.WebhookUID}})
		all[i] = missedOf(jobs[i], found.Results, *v.Webhook)
		return err
	})
	for _, j := range all {
		if len(j.Misses) > 0 {
			v.Jobs = append(v.Jobs, j)
		}
	}
	return err
}

// missedOf puts the events of a job that a webhook did not get together by their reasons.
func missedOf(j job, events []jobEvent, hook webhook) missedJob {
	m := missedJob{job: j}
	for _, e := range slices.Backward(events) {
		m.got = m.got || len(e.Matched) > 0
		for _, miss := range e.NotMatched {
			why := missView{Reason: miss.Reason, Webhooks: []webhook{hook}}.Why()
			i := slices.IndexFunc(m.Misses, func(one missedEvents) bool { return one.Why == why })
			if i < 0 {
				m.Misses, i = append(m.Misses, missedEvents{Why: why}), len(m.Misses)
			}
			if !slices.Contains(m.Misses[i].Events, e.Event) {
				m.Misses[i].Events = append(m.Misses[i].Events, e.Event)
			}
		}
	}
	return m
}

// concludeWebhook says in a sentence how it goes with the webhook.
func (v whyView) concludeWebhook() string {
	counts, without := map[string]int{}, 0
	for _, d := range v.Latest {
		counts[d.State]++
	}
	for _, j := range v.Jobs {
		if !j.got {
			without++
		}
	}
	text := "Nothing has been sent to it within the last 30 days."
	if len(v.Latest) > 0 {
		text = "Its " + plural(len(v.Latest), "latest delivery") + ": " + countWords(counts) + "."
	}
	switch {
	case v.LastJob == 0:
	case without == 0 && v.LastJob == 1:
		text += " The project’s last job had an event for it."
	case without == 0:
		text += fmt.Sprintf(" Each of the project’s last %s had an event for it.", plural(v.LastJob, "job"))
	default:
		text += fmt.Sprintf(" Of the project’s last %s, %d had no event for it.", plural(v.LastJob, "job"), without)
	}
	return text
}
