package redrive

import "testing"

func TestAPageIsAFewSecondsOfTheRateAndThereAreNotTooMany(t *testing.T) {
	for _, test := range []struct{ rate, matched, want int }{
		{1, 10, 5}, {1, 2500, 5}, {1, 5000, 10}, {1, MaxCount, 20}, {4, MaxCount, 20}, {10, MaxCount, 50}, {20, 1, 100}, {MaxRate, MaxCount, 100},
	} {
		if got := (Task{Rate: test.rate, Matched: test.matched}).pageSize(); got != test.want {
			t.Errorf("a page at rate %d, %d matched, has %d, want %d", test.rate, test.matched, got, test.want)
		}
	}
}
