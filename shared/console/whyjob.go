package console

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
)

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
