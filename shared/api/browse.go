package api

import (
	"context"
	"errors"
	"slices"
	"strings"

	"hermod/shared/delivery"
	"hermod/shared/job"
)

// What one request may cost at most: so many pages of a job's inputs or results, so many of the archive, and so many deliveries looked
// at, give or take the hundred that are looked at together. A page of the archive or of the log that is short has cost as much as one
// request may, and ends it. A page that found too little is short and has a next one.
const (
	maxPages     = 20
	archivePages = 3
	maxLooked    = 500
)

// browser collects deliveries, newest event first and then by the webhook's uid, downwards: the order of their uids. A position
// is a text that is below all uids that were looked at and above all that were not, so what is written meanwhile can neither
// skip nor repeat one.
//
// States that end up in a list of their own are read from the log. All others are read from the archive: what is matched is a
// delivery, and is pending if it has no row.
type browser struct {
	*api
	project string
	filters deliveryFilters
	job     *job.Job // nil: of all jobs
	before  string   // a position; empty: from the newest
	want    int      // how many to collect

	found  []delivery.Delivery
	queued []delivery.Delivery // matched, to be looked up together
	looked int
}

// run collects. It returns the position to go on from, empty at the end.
func (b *browser) run(ctx context.Context) (next string, err error) {
	switch {
	case b.job != nil:
		return b.ofJob(ctx)
	case b.filters.State == delivery.Retrying, b.filters.State == delivery.Dead, b.filters.State == delivery.Cancelled:
		return b.ofLog(ctx)
	}
	return b.ofArchive(ctx)
}

// full reports whether to stop: enough was found, or enough looked at.
func (b *browser) full() bool { return len(b.found) >= b.want || b.looked >= maxLooked }

func (b *browser) ofLog(ctx context.Context) (string, error) {
	f := b.filters
	rows, next, err := b.Log.List(ctx, delivery.Query{
		Project: b.project, State: f.State, Webhook: f.WebhookUID, Event: f.Event, Since: f.Since, Until: f.Until, Before: b.before, Limit: b.want,
	})
	b.found = rows
	return next, err
}

func (b *browser) ofArchive(ctx context.Context) (string, error) {
	f, start, limit := b.filters, above(b.before), min(b.want, maxRows)
	for range archivePages {
		events, next, err := b.Archive.Events(ctx, delivery.EventQuery{
			Project: b.project, Webhook: f.WebhookUID, Type: f.Event, Since: f.Since, Until: f.Until, Before: start, Limit: limit,
		})
		if err != nil {
			return "", err
		}
		for _, e := range events {
			if err := b.expand(ctx, e); err != nil || b.full() {
				return b.before, err
			}
		}
		if err := b.lookUp(ctx); err != nil || b.full() {
			return b.before, err
		}
		if next == "" {
			return "", nil
		}
		if start = next; b.before == "" || next < b.before { // a page may be empty and have moved nowhere
			b.before = next
		}
		if len(events) < limit {
			break
		}
		limit = maxRows // the first deliveries were not enough
	}
	return b.before, nil
}

// ofJob reads the events that the job's changes are; a job remembers its last 20.
func (b *browser) ofJob(ctx context.Context) (string, error) {
	var uids []string
	for _, change := range b.job.Changes {
		if b.wants(change) {
			uids = append(uids, b.job.EventUID(change))
		}
	}
	slices.Sort(uids)
	for _, uid := range slices.Backward(uids) {
		if b.before != "" && uid > b.before {
			continue // looked at on an earlier page
		}
		e, err := b.Archive.Event(ctx, b.project, uid)
		if errors.Is(err, delivery.ErrNoEvent) {
			continue // expired, or not archived yet
		}
		if err != nil {
			return "", err
		}
		if err := b.expand(ctx, e); err != nil || b.full() {
			return b.before, err
		}
	}
	if err := b.lookUp(ctx); err != nil || b.full() {
		return b.before, err
	}
	return "", nil
}

func (b *browser) wants(change job.Change) bool {
	f := b.filters
	return change.Event != job.NoEvent && (f.Event == "" || f.Event == change.Event) &&
		!change.At.Before(f.Since) && (f.Until.IsZero() || change.At.Before(f.Until))
}

// expand queues the deliveries of an event, and looks them up whenever there are enough.
func (b *browser) expand(ctx context.Context, e delivery.Event) error {
	matched := slices.Clone(e.Matched)
	slices.SortFunc(matched, func(x, y delivery.Match) int { return strings.Compare(y.Webhook, x.Webhook) })
	for _, m := range matched {
		d := e.Delivery(m.Webhook)
		if b.filters.WebhookUID != "" && m.Webhook != b.filters.WebhookUID || b.before != "" && d.UID.String() >= b.before {
			continue
		}
		if b.queued = append(b.queued, d); len(b.queued) < maxRows {
			continue
		}
		if err := b.lookUp(ctx); err != nil || b.full() {
			return err
		}
	}
	return nil
}

// lookUp reads the rows of what is queued and keeps what has the state that is asked for.
func (b *browser) lookUp(ctx context.Context) error {
	if len(b.queued) == 0 {
		return nil
	}
	uids := make([]delivery.UID, len(b.queued))
	for i, d := range b.queued {
		uids[i] = d.UID
	}
	list, err := b.Log.Rows(ctx, uids...)
	if err != nil {
		return err
	}
	rows := make(map[delivery.UID]delivery.Delivery, len(list))
	for _, d := range list {
		rows[d.UID] = d
	}
	for _, d := range b.queued {
		if row, ok := rows[d.UID]; ok && row.Project == b.project {
			d = row
		}
		if b.filters.State == "" || b.filters.State == d.State {
			b.found = append(b.found, d)
		}
	}
	b.before = uids[len(uids)-1].String()
	b.looked += len(uids)
	b.queued = b.queued[:0]
	return nil
}

// above returns the position in the archive below which is the event that a position lies in: the uid after that event's. A
// position between events is one in the archive already.
func above(position string) string {
	u, ok := delivery.ParseUID(position)
	if !ok {
		return position
	}
	digits := []byte(u.Event)
	for i := len(digits) - 1; i >= 0; i-- {
		switch digits[i] {
		case '-':
			continue
		case 'f':
			digits[i] = '0'
			continue
		case '9':
			digits[i] = 'a'
		default:
			digits[i]++
		}
		break
	}
	return string(digits)
}
