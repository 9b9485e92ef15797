package console

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestTheEstimateStandsOnTheNumbersOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../infra/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, number := range []float64{idleAMonth, leastEach * 1e6, mostEach * 1e6} {
		if bold := fmt.Sprintf("**%.2f**", number); !strings.Contains(string(text), bold) {
			t.Errorf("infra/README.md has no %s: the console's prices and its table have parted", bold)
		}
	}
}

func TestACostIsThatOfAMonthLikeTheTimeThatIsShown(t *testing.T) {
	var none, some statsCounts
	some.States.Succeeded, some.States.Dead, some.States.Cancelled = 700_000, 200_000, 100_000
	some.StatusClasses.Of5xx, some.StatusClasses.OfNone = 600_000, 400_000
	for _, row := range []struct {
		counts statsCounts
		length time.Duration
		want   string
	}{
		{none, 24 * time.Hour, "$2.99"},
		{some, 30 * 24 * time.Hour, "$7.04–$9.96"}, // 2.99, a million at 0.92 or 3.84, and a million failures at 3.125
		{some, 15 * 24 * time.Hour, "$11.08–$16.92"},
	} {
		if got := costOf(row.counts, row.length).String(); got != row.want {
			t.Errorf("a month like %v with %+v costs %s, want %s", row.length, row.counts.States, got, row.want)
		}
	}
}
