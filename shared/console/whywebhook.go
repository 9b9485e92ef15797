package console

import (
	"context"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
)

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
