package retry

import (
	"net/http"
	"strings"
	"time"

	"hermod/shared/delivery"
)

const (
	MaxFloor = 24 * time.Hour // a Retry-After counts for no longer than this
	MaxPark  = time.Hour      // the webhook's other deliveries rest for no longer than this
)

// Outcome is what becomes of a delivery after an attempt.
type Outcome string

const (
	Delivered Outcome = "delivered" // the receiver has it; there is no further attempt
	Disable   Outcome = "disable"   // the receiver is gone for good: the webhook is disabled, the delivery dead at once
	Retry     Outcome = "retry"     // the next step of the schedule is due; without one the delivery is dead
)

// Decision is an outcome and what the receiver asked for with it.
type Decision struct {
	Outcome Outcome
	Floor   time.Duration // with Retry: the least wait before this delivery's next attempt, at most MaxFloor; 0: as scheduled
	Park    time.Duration // with Retry: how long the webhook's other deliveries rest, at most MaxPark; 0: they do not
}

// Decide says what the end of an attempt means. The status counts, whatever became of the body after it: a class that tells of
// a time-out or a broken connection changes nothing about a 2xx. A class by which no answer can have come makes it a retry and
// voids status and Retry-After: should they stand beside it by a mistake of ours, a needless repetition loses nothing.
//
// The status is 0 without an answer; retryAfter is the value of that header, empty without one.
func Decide(status int, class delivery.ErrorClass, retryAfter string, now time.Time) Decision {
	if unanswered(class) {
		return Decision{Outcome: Retry}
	}
	switch {
	case status/100 == 2:
		return Decision{Outcome: Delivered}
	case status == http.StatusGone:
		return Decision{Outcome: Disable}
	}
	d := Decision{Outcome: Retry, Floor: RetryAfter(retryAfter, now)}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		d.Park = min(d.Floor, MaxPark)
	}
	return d
}

// RetryAfter reads the value of a Retry-After header (RFC 9110, section 10.2.3), seconds or an HTTP date in any of its three
// forms, as a wait from now: 0 for a time that is past and for what is neither, at most MaxFloor.
func RetryAfter(value string, now time.Time) time.Duration {
	value = strings.Trim(value, " \t")
	if isDigits(value) {
		return time.Duration(secondsOf(value)) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), MaxFloor)
}

// unanswered reports whether no answer can have come in an attempt of this class. A time-out, a reset and what is not HTTP may
// also end the body of an answer whose status was read.
func unanswered(class delivery.ErrorClass) bool {
	switch class {
	case delivery.ClassDNS, delivery.ClassConnect, delivery.ClassTLS, delivery.ClassBlocked, delivery.ClassConfig, delivery.ClassBreakerOpen:
		return true
	}
	return false
}

// secondsOf reads digits, at most as many seconds as MaxFloor has: it stops there, long before a number could overflow.
func secondsOf(digits string) int {
	const most = int(MaxFloor / time.Second)
	n := 0
	for i := 0; i < len(digits) && n < most; i++ {
		n = 10*n + int(digits[i]-'0')
	}
	return min(n, most)
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
