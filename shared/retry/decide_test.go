package retry_test

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/retry"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Whether an answer can have come is the one thing that the policy asks of a class.
var (
	answered   = []delivery.ErrorClass{delivery.ClassNone, delivery.ClassStatus, delivery.ClassTimeout, delivery.ClassReset, delivery.ClassProtocol}
	unanswered = []delivery.ErrorClass{delivery.ClassDNS, delivery.ClassConnect, delivery.ClassTLS, delivery.ClassBlocked, delivery.ClassConfig, delivery.ClassBreakerOpen}
)

func ExampleDecide() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	fmt.Println(retry.Decide(204, delivery.ClassNone, "", now))
	fmt.Println(retry.Decide(410, delivery.ClassStatus, "", now))
	fmt.Println(retry.Decide(0, delivery.ClassConnect, "", now))
	fmt.Println(retry.Decide(503, delivery.ClassStatus, "7200", now))
	// Output:
	// {delivered 0s 0s}
	// {disable 0s 0s}
	// {retry 0s 0s}
	// {retry 2h0m0s 1h0m0s}
}

func TestTwoHundredsAreDelivered(t *testing.T) {
	for status := 200; status <= 299; status++ {
		for _, class := range answered {
			want(t, status, class, "60", retry.Decision{Outcome: retry.Delivered})
		}
	}
}

func TestGoneDisablesTheWebhook(t *testing.T) {
	for _, class := range answered {
		want(t, 410, class, "60", retry.Decision{Outcome: retry.Disable})
	}
}

func TestEveryOtherStatusIsRetried(t *testing.T) {
	for status := range 600 {
		if status/100 == 2 || status == 410 {
			continue
		}
		for _, class := range answered {
			want(t, status, class, "", retry.Decision{Outcome: retry.Retry})
			if status != 429 && status != 503 {
				want(t, status, class, "60", retry.Decision{Outcome: retry.Retry, Floor: time.Minute})
			}
		}
	}
}

func TestNoAnswerIsRetriedWhateverStandsBesideIt(t *testing.T) {
	for status := range 600 {
		for _, class := range unanswered {
			want(t, status, class, "60", retry.Decision{Outcome: retry.Retry})
		}
	}
}

func TestStatusesThatDoNotExistAreRetried(t *testing.T) {
	for _, status := range []int{-1, -200, 600, 999, 2000, 20000} {
		want(t, status, delivery.ClassStatus, "", retry.Decision{Outcome: retry.Retry})
	}
}

func TestAnOverloadedReceiverParksTheWebhook(t *testing.T) {
	date := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	tests := []struct {
		retryAfter  string
		floor, park time.Duration
	}{
		{"", 0, 0},
		{"soon", 0, 0},
		{"0", 0, 0},
		{date(-time.Hour), 0, 0},
		{"30", 30 * time.Second, 30 * time.Second},
		{date(90 * time.Second), 90 * time.Second, 90 * time.Second},
		{"3600", time.Hour, time.Hour},
		{"3601", 3601 * time.Second, time.Hour},
		{"999999", 24 * time.Hour, time.Hour},
	}
	for _, tt := range tests {
		for _, status := range []int{429, 503} {
			want(t, status, delivery.ClassStatus, tt.retryAfter, retry.Decision{Outcome: retry.Retry, Floor: tt.floor, Park: tt.park})
		}
	}
}

// A class that package delivery gets one day must find its place in one of the two lists, and so in the policy.
func TestEveryClassIsListed(t *testing.T) {
	source, err := os.ReadFile("../delivery/errorclass.go")
	if err != nil {
		t.Fatal(err)
	}
	var classes []delivery.ErrorClass
	for _, m := range regexp.MustCompile(`Class\w+ +ErrorClass = "(\w*)"`).FindAllSubmatch(source, -1) {
		classes = append(classes, delivery.ErrorClass(m[1]))
	}
	listed := append(slices.Clone(answered), unanswered...)
	slices.Sort(classes)
	slices.Sort(listed)
	if !slices.Equal(classes, listed) {
		t.Errorf("the tests know the classes %q, package delivery has %q", listed, classes)
	}
}

func want(t *testing.T, status int, class delivery.ErrorClass, retryAfter string, want retry.Decision) {
	t.Helper()
	if got := retry.Decide(status, class, retryAfter, now); got != want {
		t.Errorf("Decide(%d, %q, Retry-After %q) = %+v, want %+v", status, class, retryAfter, got, want)
	}
}

func TestRetryAfterReadsSecondsAndDates(t *testing.T) {
	tests := []struct {
		value string
		want  time.Duration
	}{
		{"120", 2 * time.Minute},
		{" 120\t", 2 * time.Minute},
		{"0000000000000000000000000000120", 2 * time.Minute},
		{"86399", 86399 * time.Second},
		{"86400", 24 * time.Hour},
		{"86401", 24 * time.Hour},
		{"9223372036854775807", 24 * time.Hour},
		{"9223372036854775808", 24 * time.Hour},
		{strings.Repeat("9", 5000), 24 * time.Hour},
		{"Sun, 01 Mar 2026 12:00:10 GMT", 10 * time.Second},
		{"Sunday, 01-Mar-26 12:00:10 GMT", 10 * time.Second},
		{"Sun Mar  1 12:00:10 2026", 10 * time.Second},
		{"Sun, 01 Mar 2026 12:00:00 GMT", 0},
		{"Sun, 01 Mar 2026 11:59:59 GMT", 0},
		{"Thu, 01 Jan 1970 00:00:00 GMT", 0},
		{"Mon, 02 Mar 2026 12:00:01 GMT", 24 * time.Hour},
		{"Fri, 31 Dec 9999 23:59:59 GMT", 24 * time.Hour},
		{"Sat, 01 Jan 0000 00:00:00 GMT", 0},
		{"", 0},
		{" ", 0},
		{"0", 0},
		{"-1", 0},
		{"+120", 0},
		{"1.5", 0},
		{"1e3", 0},
		{"0x10", 0},
		{"12 0", 0},
		{"120, 120", 0},
		{"120s", 0},
		{"٣", 0},
		{"2026-03-01T12:00:10Z", 0},
		{"Sun, 01 Mar 2026 12:00:10 CET", 0},
		{"Sun, 32 Mar 2026 12:00:10 GMT", 0},
	}
	for _, tt := range tests {
		if got := retry.RetryAfter(tt.value, now); got != tt.want {
			t.Errorf("RetryAfter(%.40q) = %s, want %s", tt.value, got, tt.want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "0", "120", "-1", "99999999999999999999", "Sun, 01 Mar 2026 12:00:10 GMT", "Sunday, 01-Mar-26 12:00:10 GMT", "Sun Mar  1 12:00:10 2026"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got := retry.RetryAfter(value, now)
		if got < 0 || got > retry.MaxFloor {
			t.Errorf("RetryAfter(%q) = %s, want 0 to %s", value, got, retry.MaxFloor)
		}
		if later := retry.RetryAfter(value, now.Add(time.Hour)); later > got {
			t.Errorf("RetryAfter(%q) grows from %s to %s within an hour", value, got, later)
		}
	})
}
