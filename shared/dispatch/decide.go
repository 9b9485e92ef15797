package dispatch

import "hermod/shared/delivery"

// maxHops is how often one step may be exchanged for a fresh message because its message looked redriven. Clocks of senders and queue
// that are too far apart make every message look so; then the step is taken after all.
const maxHops = 3

// action is what is done with a record.
type action int

const (
	stale   action = iota // acknowledge: the delivery is elsewhere
	attempt               // take the step: POST, then write its outcome
	ask                   // POST outside the schedule
	reopen                // start the next cycle, then send its step 0
	send                  // send the row's step as a fresh message
	spend                 // write dead without a request: the sweeper gave up
	bury                  // hand a dead delivery's message from the lane first to retry, to be refused there
	refuse                // hand back until the queue moves it to the letters
)

// record is a message with what the queue says of it.
type record struct {
	delivery.Message
	lane     delivery.Lane
	receives int
	redriven bool // moved back from the letters by the queue
}

// unread reports whether the record is attempted without a look at the row.
func (r record) unread() bool {
	return r.lane == delivery.LaneFirst && r.receives == 1 && !r.MaybeDup && !r.redriven
}

// decide says what is done with a record whose row is given (nil: there is none), and at which place. again: the row was read
// after a write lost its condition; the record then counts as received once.
func (r record) decide(row *delivery.Delivery, again bool) (action, delivery.Place) {
	here := r.Place()
	reopens := r.redriven || r.Cause == delivery.CauseRedrive
	switch r.Cause {
	case delivery.CauseManual, delivery.CauseProbe, delivery.CauseTest:
		return ask, here
	}
	if row != nil && row.Place.Cycle == r.Cycle && (row.State == delivery.Dead || row.State == delivery.Cancelled && r.Cause == delivery.CauseRedrive) {
		switch {
		case reopens:
			return reopen, here
		case r.lane == delivery.LaneFirst:
			return bury, here
		}
		return refuse, here
	}
	current := current(row, here)
	switch {
	case r.Cause == delivery.CauseBury && !reopens && current:
		return spend, here
	case r.Cause == delivery.CauseBury && !reopens:
		return stale, here
	case current && reopens && r.Hops < maxHops:
		return send, here
	case current:
		return attempt, here
	case !again && r.receives > 1 && r.behind(row, reopens):
		return send, row.Place
	}
	return stale, here
}

// current reports whether a step of the given place may be taken.
func current(row *delivery.Delivery, p delivery.Place) bool {
	if row == nil {
		return p == delivery.Place{}
	}
	return row.At(p)
}

// behind reports whether the row waits, for a short time, exactly one place past the record: at its next step, or at the start
// of the cycle that it reopened.
func (r record) behind(row *delivery.Delivery, reopens bool) bool {
	if row == nil || !row.State.Waits() || row.Due.Own || row.Due.At.IsZero() {
		return false
	}
	return row.Place == delivery.Place{Cycle: r.Cycle, Step: r.Step + 1} || reopens && row.Place == delivery.Place{Cycle: r.Cycle + 1}
}

func (a action) String() string {
	return [...]string{"stale", "attempt", "ask", "reopen", "send", "spend", "bury", "refuse"}[a]
}
