package retry

import (
	"errors"
	"fmt"
	"time"
)

// Limits of a schedule.
const (
	MaxWaits = 20                 // entries
	MinWait  = time.Second        // of one entry
	MaxWait  = 24 * time.Hour     // of one entry
	MaxTotal = 7 * 24 * time.Hour // of all entries
)

// ErrSchedule means that a schedule is outside the limits. The error that wraps it names the entry and the limit.
var ErrSchedule = errors.New("unusable retry schedule")

// Schedule lists the waits between attempts: n waits allow n+1 attempts, and an empty schedule is one attempt. Step n is the
// attempt before wait n, counted from 0. A nil Schedule stands for Default, as a webhook's does.
type Schedule []time.Duration

// Default is the schedule of a webhook without one of its own, the example that Standard Webhooks gives: ten attempts in a
// little over three days. It is not to be changed.
var Default = Schedule{ // step 0 is made at once
	5 * time.Second,  // step 1 after  0:00:05 in all (hours, minutes, seconds)
	5 * time.Minute,  // step 2 after  0:05:05
	30 * time.Minute, // step 3 after  0:35:05
	2 * time.Hour,    // step 4 after  2:35:05
	5 * time.Hour,    // step 5 after  7:35:05
	10 * time.Hour,   // step 6 after 17:35:05
	14 * time.Hour,   // step 7 after 31:35:05
	20 * time.Hour,   // step 8 after 51:35:05
	24 * time.Hour,   // step 9 after 75:35:05
}

// FromSeconds makes a schedule of waits in seconds, as the API has them, and validates it. nil stays nil.
func FromSeconds(seconds []int) (Schedule, error) {
	if seconds == nil {
		return nil, nil
	}
	s := make(Schedule, len(seconds))
	for i, n := range seconds {
		// Before the number becomes nanoseconds, where a huge one could wrap into a wait that is allowed.
		if n < int(MinWait/time.Second) || n > int(MaxWait/time.Second) {
			return nil, badWait(i, len(seconds), fmt.Sprintf("%d s", n))
		}
		s[i] = time.Duration(n) * time.Second
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return s, nil
}

// Seconds returns the waits in whole seconds, as the API has them. nil stays nil.
func (s Schedule) Seconds() []int {
	if s == nil {
		return nil
	}
	seconds := make([]int, len(s))
	for i, wait := range s {
		seconds[i] = int(wait / time.Second)
	}
	return seconds
}

// Validate returns nil for a schedule of at most 20 waits of 1 to 86,400 whole seconds, 604,800 in all. Otherwise its error
// wraps ErrSchedule.
func (s Schedule) Validate() error {
	if len(s) > MaxWaits {
		return fmt.Errorf("%w: it has %d waits; at most %d are allowed", ErrSchedule, len(s), MaxWaits)
	}
	var total time.Duration
	for i, wait := range s {
		if wait < MinWait || wait > MaxWait || wait%time.Second != 0 {
			return badWait(i, len(s), wait.String())
		}
		total += wait
	}
	if total > MaxTotal {
		return fmt.Errorf("%w: its waits are %d s in all; at most %d s, seven days, are allowed", ErrSchedule, total/time.Second, MaxTotal/time.Second)
	}
	return nil
}

// Wait returns how long to wait after a step has failed, and whether there is a further one: ok is false, and the delivery
// dead, when the schedule is used up. A step beyond the end, of a schedule that was shortened meanwhile, is used up too. A
// negative step panics.
//
// Jitter from [0, 1) spreads the wait from 20 % less to 20 % more than its entry; 0.5 is the entry itself. What comes out is
// cut to whole milliseconds, in which times are kept. It is never less than floor, which is taken as it is.
func (s Schedule) Wait(step int, jitter float64, floor time.Duration) (wait time.Duration, ok bool) {
	if s == nil {
		s = Default
	}
	if step >= len(s) {
		return 0, false
	}
	entry := s[step]
	spread := time.Duration(jitter * float64(entry*2/5))
	return max((entry*4/5 + spread).Truncate(time.Millisecond), floor), true
}

func badWait(i, n int, wait string) error {
	return fmt.Errorf("%w: wait %d of %d is %s; each is from %d to %d whole seconds", ErrSchedule, i+1, n, wait, MinWait/time.Second, MaxWait/time.Second)
}
