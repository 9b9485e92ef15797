package console

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"hermod/shared/redrive"
)

// recounted is how many deliveries of redrives in a table are counted anew, so that their rows tell how they are by now.
const recounted = 500

// redriveTask is a redrive as the API tells it.
type redriveTask struct {
	UID       string         `json:"uid"`
	State     string         `json:"state"`
	Filters   redriveFilters `json:"filters"`
	Rate      int            `json:"rate"`
	Matched   int            `json:"matched"`
	Sent      int            `json:"sent"`
	Succeeded int            `json:"succeeded"`
	Failed    int            `json:"failed"`
	Waiting   int            `json:"waiting"`
	CreatedAt time.Time      `json:"created_at"`
	CountedAt *time.Time     `json:"counted_at"`
	EndedAt   *time.Time     `json:"ended_at"`
}

// redriveFilters are what a redrive was asked for.
type redriveFilters struct {
	State       string     `json:"state"`
	WebhookUID  *string    `json:"webhook_uid"`
	WorkflowUID *string    `json:"workflow_uid"`
	JobUID      *string    `json:"job_uid"`
	Event       *string    `json:"event"`
	ErrorClass  *string    `json:"error_class"`
	Since       *time.Time `json:"since"`
	Until       *time.Time `json:"until"`
}

// More reports whether what it takes was more than is counted. Of what is missing only the newest is looked for before it begins.
func (t redriveTask) More() bool {
	return t.Matched >= redrive.MaxCount || t.Filters.State == string(redrive.Missing) && t.EndedAt == nil
}

// redriveTable is a table of redrives, with the names of what their filters are about.
type redriveTable struct {
	Rows      []redriveTask
	webhooks  map[string]webhook
	workflows map[string]workflow
	jobs      map[string]job
}

// redrivesView is the history of redrives.
type redrivesView struct {
	Table redriveTable
	Next  string
}

func (s *console) redrivesPage(ctx context.Context, c *call) (reply, error) {
	found, err := get[list[redriveTask]](ctx, c, "/redrives", c.query("cursor"))
	if err := c.tolerate(err); err != nil {
		return reply{}, err
	}
	table, err := c.redriveTableOf(ctx, found.Results)
	return reply{page: "redrives", title: "Redrives", data: redrivesView{table, c.nextPage(found.cursor())}}, err
}

// redriveTableOf reads what a table of redrives shows beside what a list tells.
func (c *call) redriveTableOf(ctx context.Context, rows []redriveTask) (redriveTable, error) {
	if err := c.recount(ctx, rows); err != nil {
		return redriveTable{}, err
	}
	return c.namesOf(ctx, rows)
}

// namesOf reads the names that the redrives' filters need.
func (c *call) namesOf(ctx context.Context, rows []redriveTask) (t redriveTable, err error) {
	var webhooks, workflows, jobs []string
	for _, r := range rows {
		webhooks = append(webhooks, valueOf(r.Filters.WebhookUID))
		workflows = append(workflows, valueOf(r.Filters.WorkflowUID))
		jobs = append(jobs, valueOf(r.Filters.JobUID))
	}
	t.Rows = rows
	err = together(
		func() (err error) { t.webhooks, err = c.webhooksOf(ctx, webhooks); return err },
		func() (err error) { t.workflows, err = c.workflowsOf(ctx, workflows); return err },
		func() (err error) { t.jobs, err = c.jobsOf(ctx, jobs); return err },
	)
	return t, err
}

// recount reads those of the redrives again that have deliveries on their way: a list tells what was counted last, and one redrive how it
// is now. The newest come first, until they have more deliveries than a page should wait for.
func (c *call) recount(ctx context.Context, rows []redriveTask) error {
	var open []int
	left := recounted
	for i, t := range rows {
		if t.Sent > t.Succeeded+t.Failed && t.Sent <= left {
			open, left = append(open, i), left-t.Sent
		}
	}
	return each(len(open), func(i int) error {
		row := &rows[open[i]]
		fresh, err := get[redriveTask](ctx, c, redrivePath(row.UID), nil)
		if _, gone := refused(err, http.StatusNotFound); gone {
			return nil
		}
		if err == nil {
			*row = fresh
		}
		return err
	})
}

// Filters says in words what a redrive was asked for.
func (t redriveTable) Filters(f redriveFilters) []string {
	list := []string{f.State}
	if f.WebhookUID != nil {
		list = append(list, "webhook "+named(t.webhooks, *f.WebhookUID, webhook{UID: *f.WebhookUID}).Label())
	}
	if f.WorkflowUID != nil {
		list = append(list, "workflow "+named(t.workflows, *f.WorkflowUID, workflow{UID: *f.WorkflowUID}).Label())
	}
	if f.JobUID != nil {
		list = append(list, "job "+named(t.jobs, *f.JobUID, job{UID: *f.JobUID}).Label())
	}
	if f.Event != nil {
		list = append(list, "event "+*f.Event)
	}
	if f.ErrorClass != nil {
		list = append(list, "error "+words(*f.ErrorClass))
	}
	if f.Since != nil {
		list = append(list, "since "+f.Since.UTC().Format("2 Jan 2006 15:04:05 UTC"))
	}
	if f.Until != nil {
		list = append(list, "until "+f.Until.UTC().Format("2 Jan 2006 15:04:05 UTC"))
	}
	if len(list) == 1 {
		return []string{"all " + f.State}
	}
	return list
}

// query returns filters as the parameters of a page.
func (f redriveFilters) query() url.Values {
	query := url.Values{}
	for name, value := range map[string]*string{
		"webhook_uid": f.WebhookUID, "workflow_uid": f.WorkflowUID, "job_uid": f.JobUID, "event": f.Event, "error_class": f.ErrorClass,
		"since": asTyped(f.Since), "until": asTyped(f.Until),
	} {
		if value != nil {
			query.Set(name, *value)
		}
	}
	return query
}

// asTyped writes a time as a field for one has it.
func asTyped(at *time.Time) *string {
	if at == nil {
		return nil
	}
	return new(at.UTC().Format("2006-01-02T15:04:05.999"))
}
