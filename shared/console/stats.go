package console

import "time"

// stats is what happened to deliveries within a time, as the API counts it: to those of one webhook, or of the project.
type stats struct {
	Since  time.Time   `json:"since"` // whole hours
	Until  time.Time   `json:"until"`
	Totals statsCounts `json:"totals"`
	Hours  []struct {  // without those in which nothing happened; none for more than seven days
		Hour time.Time `json:"hour"` // its beginning
		statsCounts
	} `json:"hours"`
	Days []struct {
		Day string `json:"day"` // in UTC
		statsCounts
	} `json:"days"`
}

// statsCounts are counts, and what follows from them.
type statsCounts struct {
	States struct {
		Succeeded int `json:"succeeded"`
		Retrying  int `json:"retrying"`
		Dead      int `json:"dead"`
		Cancelled int `json:"cancelled"`
	} `json:"states"`
	StatusClasses struct {
		Of2xx  int `json:"2xx"`
		Of3xx  int `json:"3xx"`
		Of4xx  int `json:"4xx"`
		Of5xx  int `json:"5xx"`
		OfNone int `json:"none"`
	} `json:"status_classes"`
	Attempts    int      `json:"attempts"`
	SuccessRate *float64 `json:"success_rate"` // nil: nothing ended
	P50MS       *float64 `json:"p50_ms"`       // nil: no request was made
	P95MS       *float64 `json:"p95_ms"`
}

// statsRange is a time that statistics are shown for, by its name in a page's URL.
type statsRange struct {
	Name   string
	Words  string
	Length time.Duration
	Step   time.Duration // of a column
	Layout string        // of the times of columns
}

// statsRanges are the times to choose from. The first is shown when none is chosen.
var statsRanges = []statsRange{
	{"24h", "24 hours", 24 * time.Hour, time.Hour, "15:04"},
	{"7d", "7 days", 7 * 24 * time.Hour, 6 * time.Hour, "2 Jan 15:04"},
	{"30d", "30 days", 30 * 24 * time.Hour, 24 * time.Hour, "2 Jan"},
}

// rangeOf returns the range that the page is asked for.
func (c *call) rangeOf() statsRange {
	for _, r := range statsRanges {
		if r.Name == c.request.URL.Query().Get("range") {
			return r
		}
	}
	return statsRanges[0]
}

// at returns the time that the range is, now: whole columns, of which the last one has just begun.
func (r statsRange) at(now time.Time) (since, until time.Time) {
	until = now.UTC().Truncate(r.Step).Add(r.Step)
	return until.Add(-r.Length), until
}

// outcomes are the layers of a chart of deliveries.
var outcomes = []layer{{"succeeded", "good"}, {"had to be retried", "wait"}, {"dead", "bad"}, {"cancelled", "off"}}

// columns are the counts as columns of a chart with the layers outcomes: by the hour, or by the day if there are no hours.
func (s stats) columns() (list []column) {
	for _, h := range s.Hours {
		list = append(list, h.column(h.Hour))
	}
	if list != nil {
		return list
	}
	for _, d := range s.Days {
		if day, err := time.Parse(time.DateOnly, d.Day); err == nil {
			list = append(list, d.column(day))
		}
	}
	return list
}

func (n statsCounts) column(at time.Time) column {
	return column{At: at, Counts: []int{n.States.Succeeded, n.States.Retrying, n.States.Dead, n.States.Cancelled}}
}

// drawStats draws what happened within a range.
func drawStats(s stats, r statsRange, now time.Time) chart {
	since, until := r.at(now)
	return drawColumns("Deliveries by outcome", outcomes, s.columns(), since, until, r.Step, r.Layout)
}
