package delivery

import "time"

// Verdict says what becomes of a message that was worked on.
type Verdict struct {
	// Acknowledge: delete it. If false it is handed back, visible again after VisibleAfter.
	Acknowledge  bool
	VisibleAfter time.Duration
}

// Acknowledged ends a message.
func Acknowledged() Verdict { return Verdict{Acknowledge: true} }

// Refused hands a message back at once, again and again, until the queue itself moves it to the letters.
func Refused() Verdict { return Verdict{} }

// HandedBack is for our own fault: the more often a message was received, the longer it rests, so that an outage of ours of an
// hour uses up none.
func HandedBack(receives int) Verdict {
	return Verdict{VisibleAfter: handBack[min(max(receives, 1), len(handBack))-1]}
}

// HandedOver is for a message that only a later release reads.
func HandedOver() Verdict { return Verdict{VisibleAfter: 15 * time.Minute} }

var handBack = [MaxReceives - 1]time.Duration{
	1 * time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 30 * time.Minute, 30 * time.Minute,
}
