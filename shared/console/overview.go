package console

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"time"
)

const (
	overviewRows = 5  // of each list on the overview
	rankedAtMost = 50 // webhooks whose times are compared: those that were in use last
	rankedFor    = 24 * time.Hour
)

// overviewView is what the overview shows.
type overviewView struct {
	Range    statsRange
	Stats    projectStats
	Chart    chart
	Webhooks int
	Fresh    bool      // nothing has been sent to any of them yet
	Failing  []webhook // those that fail longest, first
	Failed   int       // how many fail
	Slowest  []ranked  // slowest first
	Cost     cost
	First    *workflow // of the command that launches a first job; nil: there is none
	Launch   string    // that command, or one that makes a workflow
	Report   string    // a command that reports two statuses, one after the other
}

// projectStats are the statistics of the whole project, and how many deliveries are in some states now.
type projectStats struct {
	stats
	Now struct {
		Retrying  count `json:"retrying"`
		Dead      count `json:"dead"`
		Cancelled count `json:"cancelled"`
	} `json:"now"`
}

// count is a number that counting may have stopped at.
type count struct {
	Count int  `json:"count"`
	More  bool `json:"more"`
}

// ranked is a webhook with its statistics.
type ranked struct {
	webhook
	Stats statsCounts
}

func (s *console) overviewPage(ctx context.Context, c *call) (reply, error) {
	now := s.Now()
	view := overviewView{Range: c.rangeOf()}
	since, _ := view.Range.at(now)
	query := url.Values{"since": {since.Format(time.RFC3339)}}
	var hooks []webhook
	err := together(
		func() (err error) { view.Stats, err = get[projectStats](ctx, c, "/stats", query); return err },
		func() (err error) { hooks, err = c.allWebhooks(ctx); return err },
	)
	if err != nil {
		return reply{}, err
	}
	view.Chart = drawStats(view.Stats.stats, view.Range, now)
	view.Cost = costOf(view.Stats.Totals, view.Range.Length)
	view.Webhooks, view.Fresh = len(hooks), !slices.ContainsFunc(hooks, webhook.used)
	view.Failing, view.Failed = longestFailing(hooks)
	query.Set("since", now.Add(-rankedFor).Format(time.RFC3339))
	if view.Slowest, err = c.slowest(ctx, hooks, query); err != nil {
		return reply{}, err
	}
	if view.Fresh {
		err = view.readFirstSteps(ctx, c)
	}
	return reply{page: "overview", title: "Overview", data: view}, err
}

// readFirstSteps reads what is shown of a project that has sent nothing yet.
func (v *overviewView) readFirstSteps(ctx context.Context, c *call) error {
	flows, err := c.workflows(ctx)
	v.First = firstOf(flows)
	v.Launch, v.Report = c.launchCommand(v.First, jobAlone), c.reportCommand("running")+"\n"+c.reportCommand("finished")
	return err
}

// longestFailing returns the webhooks that fail longest, and how many fail.
func longestFailing(hooks []webhook) ([]webhook, int) {
	failing := slices.DeleteFunc(slices.Clone(hooks), func(w webhook) bool { return !w.Enabled || w.FailingSince == nil })
	slices.SortFunc(failing, func(a, b webhook) int { return a.FailingSince.Compare(*b.FailingSince) })
	return failing[:min(len(failing), overviewRows)], len(failing)
}

// slowest returns the webhooks whose requests took longest lately. Each costs a look at its counters, so of very many webhooks some
// are compared, and by one day.
func (c *call) slowest(ctx context.Context, hooks []webhook, query url.Values) ([]ranked, error) {
	used := slices.DeleteFunc(slices.Clone(hooks), func(w webhook) bool { return !w.used() })
	slices.SortFunc(used, func(a, b webhook) int { return lastUse(b).Compare(lastUse(a)) })
	used = used[:min(len(used), rankedAtMost)]
	all := make([]ranked, len(used))
	err := each(len(used), func(i int) error {
		stats, err := get[stats](ctx, c, webhookPath(used[i].UID)+"/stats", query)
		all[i] = ranked{used[i], stats.Totals}
		return err
	})
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(r ranked) bool { return r.Stats.P95MS == nil })
	slices.SortFunc(all, func(a, b ranked) int { return cmp.Compare(*b.Stats.P95MS, *a.Stats.P95MS) })
	return all[:min(len(all), overviewRows)], nil
}

// used reports whether anything but tests has been sent to the webhook.
func (w webhook) used() bool { return w.LastSuccessAt != nil || w.FailingSince != nil }

// lastUse is the latest time that is known of requests to a webhook.
func lastUse(w webhook) time.Time {
	switch {
	case w.FailingSince != nil:
		return *w.FailingSince // it is later than the last success
	case w.LastSuccessAt != nil:
		return *w.LastSuccessAt
	}
	return time.Time{}
}
