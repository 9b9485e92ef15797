package api

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/redrive"
	"hermod/shared/webhook"
)

const (
	// statsDefault is how long before until since is unless it is given.
	statsDefault = 24 * time.Hour
	// statsMost is the longest time that one answer is about.
	statsMost = webhook.StatsRetention
	// statsByHour is the longest one that is also told by the hour.
	statsByHour = 7 * 24 * time.Hour
)

// statsQuery is the time that statistics are asked for.
type statsQuery struct {
	Since time.Time `query:"since"`
	Until time.Time `query:"until"`
}

type webhookStatsQuery struct {
	byUID
	statsQuery
}

// statsView is what happened to deliveries within a time.
type statsView struct {
	Since  job.Time   `json:"since"` // whole hours
	Until  job.Time   `json:"until"`
	Totals countsView `json:"totals"`
	Hours  []hourView `json:"hours"` // oldest first, without those in which nothing happened; none for longer times
	Days   []dayView  `json:"days"`  // likewise, for every time; of the first and the last only what lies within it
}

type webhookStatsView struct {
	WebhookUID string `json:"webhook_uid"`
	statsView
}

type projectStatsView struct {
	statsView
	Now nowView `json:"now"`
}

// nowView is how many deliveries are in each of some states now, those of tests among them.
type nowView struct {
	Retrying  nowCount `json:"retrying"`
	Dead      nowCount `json:"dead"`
	Cancelled nowCount `json:"cancelled"`
}

type nowCount struct {
	Count int  `json:"count"`
	More  bool `json:"more"` // counting stopped at redrive.MaxCount
}

type hourView struct {
	Hour job.Time `json:"hour"` // its beginning
	countsView
}

type dayView struct {
	Day string `json:"day"` // in UTC, like 2026-01-31
	countsView
}

// countsView are counts, and what follows from them.
type countsView struct {
	States        stateCounts  `json:"states"`
	StatusClasses statusCounts `json:"status_classes"`
	Attempts      int          `json:"attempts"`
	SuccessRate   *float64     `json:"success_rate"` // of what ended; null: nothing did
	P50MS         *float64     `json:"p50_ms"`       // null: no request was made
	P95MS         *float64     `json:"p95_ms"`
}

type stateCounts struct {
	Succeeded int `json:"succeeded"`
	Retrying  int `json:"retrying"`
	Dead      int `json:"dead"`
	Cancelled int `json:"cancelled"`
}

type statusCounts struct {
	Of2xx  int `json:"2xx"`
	Of3xx  int `json:"3xx"`
	Of4xx  int `json:"4xx"`
	Of5xx  int `json:"5xx"`
	OfNone int `json:"none"`
}

func (a *api) webhookStats(ctx context.Context, c *call, q webhookStatsQuery) (webhookStatsView, error) {
	if _, err := a.Webhooks.Get(ctx, c.project(), q.UID); err != nil {
		return webhookStatsView{}, err
	}
	v, err := a.stats(ctx, c, q.UID, q.statsQuery)
	return webhookStatsView{q.UID, v}, err
}

func (a *api) projectStats(ctx context.Context, c *call, q statsQuery) (projectStatsView, error) {
	v, err := a.stats(ctx, c, webhook.Whole, q)
	if err != nil {
		return projectStatsView{}, err
	}
	now, err := a.countNow(ctx, c.project())
	return projectStatsView{v, now}, err
}

// countNow counts deliveries by their state, all states at once.
func (a *api) countNow(ctx context.Context, project string) (v nowView, err error) {
	counts := map[delivery.State]*nowCount{delivery.Retrying: &v.Retrying, delivery.Dead: &v.Dead, delivery.Cancelled: &v.Cancelled}
	states := slices.Collect(maps.Keys(counts))
	errs := make([]error, len(states))
	each(len(states), func(i int) {
		c := counts[states[i]]
		c.Count, c.More, errs[i] = a.Log.Count(ctx, delivery.Query{Project: project, State: states[i]}, redrive.MaxCount)
	})
	return v, errors.Join(errs...)
}

// stats tells what was counted for a webhook, or for the project as a whole.
func (a *api) stats(ctx context.Context, c *call, hook string, q statsQuery) (statsView, error) {
	since, until, err := statsTime(q, c.now())
	if err != nil {
		return statsView{}, err
	}
	hours, err := a.Counters.Hours(ctx, c.project(), hook, since, until)
	if err != nil {
		return statsView{}, err
	}
	v := statsView{
		Since: job.Time(since), Until: job.Time(until),
		Totals: viewCounts(sum(hours)), Hours: []hourView{}, Days: viewDays(hours),
	}
	if until.Sub(since) <= statsByHour+time.Hour { // of seven days that begin within an hour there are parts of one hour more
		for _, h := range hours {
			v.Hours = append(v.Hours, hourView{job.Time(h.At), viewCounts(h.Stats)})
		}
	}
	return v, nil
}

// statsTime is the time that is asked for, in whole hours: the one that since lies in is the first.
func statsTime(q statsQuery, now time.Time) (since, until time.Time, err error) {
	if until = q.Until; until.IsZero() || until.After(now) {
		until = now
	}
	if since = q.Since; since.IsZero() {
		since = until.Add(-statsDefault)
	}
	switch {
	case !since.Before(until):
		return since, until, parameter("since", "must be before until, which is now unless an earlier time is given")
	case until.Sub(since) > statsMost:
		return since, until, parameter("since", "must be at most 35 days before until: counters are kept so long")
	}
	return since.Truncate(time.Hour), until.Add(time.Hour - 1).Truncate(time.Hour), nil
}

func sum(hours []webhook.Hour) (all webhook.Stats) {
	for _, h := range hours {
		all = all.Plus(h.Stats)
	}
	return all
}

// viewDays adds hours, oldest first, up by their day.
func viewDays(hours []webhook.Hour) []dayView {
	days := []dayView{}
	for len(hours) > 0 {
		day, n := hours[0].At.Format(time.DateOnly), 0
		for n < len(hours) && hours[n].At.Format(time.DateOnly) == day {
			n++
		}
		days, hours = append(days, dayView{day, viewCounts(sum(hours[:n]))}), hours[n:]
	}
	return days
}

func viewCounts(s webhook.Stats) countsView {
	v := countsView{
		States: stateCounts{Succeeded: s.Succeeded, Retrying: s.Retrying, Dead: s.Dead, Cancelled: s.Cancelled},
		StatusClasses: statusCounts{
			Of2xx: s.Statuses[webhook.Status2xx], Of3xx: s.Statuses[webhook.Status3xx], Of4xx: s.Statuses[webhook.Status4xx],
			Of5xx: s.Statuses[webhook.Status5xx], OfNone: s.Statuses[webhook.StatusNone],
		},
		Attempts: s.Requests(), P50MS: quantile(s, 0.5), P95MS: quantile(s, 0.95),
	}
	if rate, ok := s.SuccessRate(); ok {
		v.SuccessRate = &rate
	}
	return v
}

func quantile(s webhook.Stats, q float64) *float64 {
	took, ok := s.Quantile(q)
	if !ok {
		return nil
	}
	ms := milliseconds(took)
	return &ms
}
