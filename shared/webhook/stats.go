package webhook

import (
	"context"
	"time"
)

// StatsRetention is how long the counters of an hour are kept.
const StatsRetention = 35 * 24 * time.Hour

// StatusClass is what the status of an answer begins with.
type StatusClass int

const (
	StatusNone StatusClass = iota // no answer, or a status that is in none of the classes
	Status2xx
	Status3xx
	Status4xx
	Status5xx

	StatusClasses = iota // how many there are
)

// StatusClassOf returns the class of a status; 0 is no answer.
func StatusClassOf(status int) StatusClass {
	if class := status / 100; class >= 2 && class <= 5 {
		return StatusClass(class - 1)
	}
	return StatusNone
}

// Bounds are the upper bounds, inclusive, of the histogram of durations: each is twice the one before, but for the last, the longest
// time that an attempt may take. What took longer still, waiting for its own end, counts with the last.
var Bounds = [16]time.Duration{
	1 * time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond, 8 * time.Millisecond, 16 * time.Millisecond, 32 * time.Millisecond,
	64 * time.Millisecond, 128 * time.Millisecond, 256 * time.Millisecond, 512 * time.Millisecond, 1024 * time.Millisecond,
	2048 * time.Millisecond, 4096 * time.Millisecond, 8192 * time.Millisecond, 16_384 * time.Millisecond, MaxTimeout,
}

// Stats are counts of what happened to deliveries, of a webhook or of a whole project, within an hour, or within several together. Test
// events are not in them.
type Stats struct {
	// How often a delivery came to be so. One that dies, is redriven and then succeeds counts in three.
	Succeeded int
	Retrying  int
	Dead      int
	Cancelled int

	Statuses  [StatusClasses]int // requests that were made, by the class of their status
	Durations [len(Bounds)]int   // the same requests, by how long they took; see Bounds
}

// Hour is one hour of counters. At is its beginning.
type Hour struct {
	At time.Time
	Stats
}

// Whole, in the place of a webhook's uid, stands for the project as a whole: it has counters of its own, for what all its webhooks add
// up to, deleted ones too.
const Whole = ""

// Counters keeps what is heard of webhooks: their counters and those of projects, by the hour, for StatsRetention after the hour began,
// and their health. It is safe for concurrent use; a write is atomic and durable when it returns.
//
// Counters are approximate: every error means that the outcome is unknown, and an addition that is repeated may count twice. What is
// added to a webhook is not added to its project: who counts adds to both. A note of health may be repeated, and come later than newer
// ones.
type Counters interface {
	// Add adds to the counters of the hour that a time lies in, of a webhook or of the Whole project.
	Add(ctx context.Context, project, webhook string, hour time.Time, s Stats) error
	// Hours lists the hours in [since, until) that something was counted in, oldest first; the hour that since lies in is one of
	// them. It is of a webhook or of the Whole project, and may lag behind additions by seconds. Another project's webhook has none.
	Hours(ctx context.Context, project, webhook string, since, until time.Time) ([]Hour, error)
	// Note adds to the health of a webhook, as Health.Plus does, to the millisecond. One that is zero adds nothing.
	Note(ctx context.Context, project, webhook string, h Health) error
	// Health returns the health of webhooks by their uids, without those of which nothing is noted or that are another project's. It
	// includes every note that returned before.
	Health(ctx context.Context, project string, webhooks ...string) (map[string]Health, error)
}

// Plus returns the counts of both together.
func (s Stats) Plus(o Stats) Stats {
	s.Succeeded += o.Succeeded
	s.Retrying += o.Retrying
	s.Dead += o.Dead
	s.Cancelled += o.Cancelled
	for i, n := range o.Statuses {
		s.Statuses[i] += n
	}
	for i, n := range o.Durations {
		s.Durations[i] += n
	}
	return s
}

// CountRequest counts a request by its status, 0 without an answer, and the time it took.
func (s *Stats) CountRequest(status int, took time.Duration) {
	s.Statuses[StatusClassOf(status)]++
	i := 0
	for i < len(Bounds)-1 && took > Bounds[i] {
		i++
	}
	s.Durations[i]++
}

// Requests is how many requests were made.
func (s Stats) Requests() int {
	n := 0
	for _, m := range s.Statuses {
		n += m
	}
	return n
}

// SuccessRate is the part of the deliveries that ended which ended well, from 0 to 1; none ended: not ok.
func (s Stats) SuccessRate() (rate float64, ok bool) {
	ended := s.Succeeded + s.Dead + s.Cancelled
	if ended == 0 {
		return 0, false
	}
	return float64(s.Succeeded) / float64(ended), true
}

// Quantile estimates the time that a part q of the requests, from 0 to 1, took at most; no request: not ok. It interpolates within the
// one class of the histogram that the true value lies in, so it is less than twice and more than half of that; below a millisecond
// it is less than one off.
func (s Stats) Quantile(q float64) (took time.Duration, ok bool) {
	all := 0
	for _, n := range s.Durations {
		all += n
	}
	rank, below := q*float64(all), 0.0
	lower := time.Duration(0)
	for i, n := range s.Durations {
		if n > 0 && below+float64(n) >= rank {
			part := max(0, rank-below) / float64(n)
			return lower + time.Duration(part*float64(Bounds[i]-lower)), true
		}
		below, lower = below+float64(n), Bounds[i]
	}
	return 0, false
}
