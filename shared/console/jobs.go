package console

import "context"

// jobsView is the list of jobs.
type jobsView struct {
	Jobs      []job
	Workflows []workflow // to filter by; nil if there are too many for a select
	Next      string
	First     *workflow // nil: there is none
	Launch    string    // a command that launches a job of it, or makes one
}

// jobsPage shows the jobs that were launched last and meet the filters, which live in its URL.
func (s *console) jobsPage(ctx context.Context, c *call) (reply, error) {
	var found list[job]
	var workflows []workflow
	err := together(
		func() (err error) {
			found, err = get[list[job]](ctx, c, "/jobs", moments(c.query("status", "workflow_uid", "since", "until", "cursor")))
			return c.tolerate(err)
		},
		func() (err error) { workflows, err = c.workflows(ctx); return err },
	)
	if err != nil {
		return reply{}, err
	}
	view := jobsView{Jobs: found.Results, Workflows: offered(workflows), Next: c.nextPage(found.cursor()), First: firstOf(workflows)}
	view.Launch = c.launchCommand(view.First, jobWithInputs)
	return reply{page: "jobs", title: "Jobs", data: view}, nil
}

// Open reports whether the job may still change by itself.
func (j job) Open() bool {
	return j.Status == "pending" || j.Status == "running" || j.Status == "paused"
}

// Done is how many inputs have an outcome.
func (j job) Done() int { return j.Counts.Succeeded + j.Counts.Failed }
