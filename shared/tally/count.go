package tally

import (
	"slices"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/webhook"
)

// Place is what counters belong to: an hour of a webhook, or of webhook.Whole, a project.
type Place struct {
	Project string
	Webhook string
	Hour    int64 // since 1970
}

// Begin is when the hour begins.
func (p Place) Begin() time.Time { return time.Unix(p.Hour*3600, 0).UTC() }

// Sum is what writes of deliveries add up to for a place.
type Sum struct {
	webhook.Stats
	accepted  time.Time   // when the last request ended that was accepted; zero: none was
	failed    []time.Time // when the others ended
	recovered bool        // one was accepted of a delivery that had failed before, which another process may have noted
}

// Health is what the requests tell of the webhook, whichever of them was counted first.
func (s Sum) Health() webhook.Health {
	h := webhook.Health{LastSuccessAt: s.accepted}
	for _, at := range s.failed {
		h = h.Plus(webhook.Health{FailingSince: at})
	}
	return h
}

// plus returns the sum with one request more, of the delivery with the attempts.
func (s Sum) plus(a delivery.Attempt, attempts []delivery.Attempt) Sum {
	s.CountRequest(a.Status, a.Duration)
	ended := a.StartedAt.Add(a.Duration)
	if !a.Delivered() {
		s.failed = append(s.failed, ended)
		return s
	}
	if ended.After(s.accepted) {
		s.accepted = ended
	}
	s.recovered = s.recovered || slices.ContainsFunc(attempts, func(b delivery.Attempt) bool { return !b.Delivered() })
	return s
}

// Sums are what writes of deliveries add up to.
type Sums map[Place]Sum

// Count adds what a write of a delivery's row has changed; before is zero where there was no row. It returns the place that counts it,
// and when it happened: when the last request began, or the delivery ended without one, or now. ok: there is something to count.
func (s Sums) Count(before, after delivery.Delivery, now time.Time) (p Place, at time.Time, ok bool) {
	if after.Test {
		return p, now, false
	}
	attempts := newAttempts(before, after)
	switch at = now; {
	case len(attempts) > 0:
		at = attempts[len(attempts)-1].StartedAt
	case !after.EndedAt.IsZero():
		at = after.EndedAt
	}
	p = Place{Project: after.Project, Webhook: after.UID.Webhook, Hour: at.Unix() / 3600}
	old := s[p]
	sum := old
	for _, a := range attempts {
		if a.Number > 0 && a.Cause != delivery.CauseTest {
			sum = sum.plus(a, after.Attempts)
		}
	}
	if before.State != after.State {
		countState(&sum.Stats, after.State)
	}
	if sum.Stats == old.Stats {
		return Place{}, now, false
	}
	s[p] = sum
	return p, at, true
}

// whole adds up, for each project and hour, what was written.
func (s Sums) whole(failed map[Place]error) map[Place]webhook.Stats {
	all := map[Place]webhook.Stats{}
	for p, sum := range s {
		if failed[p] == nil {
			p.Webhook = webhook.Whole
			all[p] = all[p].Plus(sum.Stats)
		}
	}
	return all
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
