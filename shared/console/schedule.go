package console

import (
	"fmt"
	"strconv"
	"strings"

	"hermod/shared/retry"
)

// noRetry is what the field for a retry schedule says where there is to be one attempt only.
const noRetry = "none"

// scheduleWords says a retry schedule, in seconds: nil is the default, and an empty one is a single attempt.
func scheduleWords(seconds []int) string {
	if seconds == nil {
		seconds = retry.Default.Seconds()
	}
	if len(seconds) == 0 {
		return "One attempt, at once; no retry."
	}
	waits, total := make([]string, len(seconds)), 0
	for i, n := range seconds {
		waits[i] = span(n)
		total += n
	}
	last := waits[len(waits)-1]
	if len(waits) > 1 {
		last = strings.Join(waits[:len(waits)-1], ", ") + " and " + last
	}
	return fmt.Sprintf("At once, then after %s: %s in about %s.", last, plural(len(waits)+1, "attempt"), span(total))
}

// scheduleText is a retry schedule as its field has it: seconds with commas between, noRetry, or empty for the default.
func scheduleText(seconds []int) string {
	if seconds != nil && len(seconds) == 0 {
		return noRetry
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(seconds), " ", ", "), "[]")
}

// scheduleOf reads such a field for the API. What is no number goes there as it is, and is refused there by its place.
func scheduleOf(text string) any {
	text = strings.TrimSpace(text)
	switch text {
	case "":
		return nil
	case noRetry:
		return []int{}
	}
	waits := []any{}
	for wait := range strings.SplitSeq(text, ",") {
		waits = append(waits, numberOr(wait))
	}
	return waits
}

// numberOr returns the whole number that a field says; the text itself if it says none.
func numberOr(text string) any {
	text = strings.TrimSpace(text)
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return text
}
