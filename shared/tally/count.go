package tally

import (
	"slices"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/webhook"
)

// Place is what counters belong to: an hour of a webhook.
type Place struct {
	Project string
	Webhook string
	Hour    int64 // since 1970
}

// Begin is when the hour begins.
func (p Place) Begin() time.Time { return time.Unix(p.Hour*3600, 0).UTC() }

// Sums are what writes of deliveries add up to.
type Sums map[Place]webhook.Stats

// Count adds what a write of a delivery's row has changed; before is zero where there was no row. It returns the place that counts it,
// and when it happened: when the last request began, or the delivery ended without one, or now. ok: there is something to count.
func (s Sums) Count(before, after delivery.Delivery, now time.Time) (p Place, at time.Time, ok bool) {
	if after.Test {
		return p, now, false
	}
	attempts := newAttempts(before, after)
	var counted webhook.Stats
	for _, a := range attempts {
		if a.Number > 0 && a.Cause != delivery.CauseTest {
			counted.CountRequest(a.Status, a.Duration)
		}
	}
	if before.State != after.State {
		countState(&counted, after.State)
	}
	if counted == (webhook.Stats{}) {
		return p, now, false
	}
	switch at = now; {
	case len(attempts) > 0:
		at = attempts[len(attempts)-1].StartedAt
	case !after.EndedAt.IsZero():
		at = after.EndedAt
	}
	p = Place{Project: after.Project, Webhook: after.UID.Webhook, Hour: at.Unix() / 3600}
	s[p] = s[p].Plus(counted)
	return p, at, true
}

// newAttempts are those at the end of a row that it did not have before.
func newAttempts(before, after delivery.Delivery) []delivery.Attempt {
	i := len(after.Attempts)
	for i > 0 && !slices.ContainsFunc(before.Attempts, after.Attempts[i-1].Same) {
		i--
	}
	return after.Attempts[i:]
}

func countState(s *webhook.Stats, entered delivery.State) {
	switch entered {
	case delivery.Succeeded:
		s.Succeeded++
	case delivery.Retrying:
		s.Retrying++
	case delivery.Dead:
		s.Dead++
	case delivery.Cancelled:
		s.Cancelled++
	}
}
