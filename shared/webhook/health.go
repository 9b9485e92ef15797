package webhook

import "time"

// HealthRetention is how long the health of a webhook is kept, at least, after it last changed: a webhook may be needed once a year.
const HealthRetention = 400 * 24 * time.Hour

// Health is how the requests of a webhook have ended lately. Requests of test events are not in it.
type Health struct {
	LastSuccessAt time.Time // when the latest request ended that was accepted; zero: none was
	FailingSince  time.Time // when the first one failed after that; zero: none did
}

// Plus is what both together tell, whichever of them was heard of first: a success undoes failures that are not later.
func (h Health) Plus(o Health) Health {
	all := h
	if o.LastSuccessAt.After(h.LastSuccessAt) {
		all.LastSuccessAt = o.LastSuccessAt
	}
	all.FailingSince = time.Time{}
	for _, at := range []time.Time{h.FailingSince, o.FailingSince} {
		if at.After(all.LastSuccessAt) && (all.FailingSince.IsZero() || at.Before(all.FailingSince)) {
			all.FailingSince = at
		}
	}
	return all
}
