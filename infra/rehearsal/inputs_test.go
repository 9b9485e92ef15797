package main_test

import (
	"slices"
	"testing"
	"time"

	"hermod/infra/meter"
	"hermod/infra/scenario"
)

// A job of 100,000 inputs pays for its data once, and for each report the same, whether it is the first or the last.
func TestTheBudgetOfAReport(t *testing.T) {
	t.Parallel()
	const inputs, window = 100_000, 20
	s := startWith(t, unlimited)
	g := target(s)
	before := s.Billed()
	large := scenario.NewLarge(t, g, inputs)
	launch := s.Billed().Minus(before)
	t.Logf("launch with %d inputs: %.0f write units", inputs, units(launch, "JobsFunction"))

	begun, before := time.Now(), s.Billed()
	var windows []meter.Total
	for n := range large.Reports() {
		large.Report(t, n)
		if (n+1)%window == 0 {
			after := s.Billed()
			windows, before = append(windows, after.Minus(before)), after
		}
	}
	large.Finished(t)
	seconds := time.Since(begun).Seconds()
	first, last := windows[1], windows[len(windows)-2] // the first pays for the job's first change, the last for its finish
	for i, w := range windows {
		wru := units(w, "JobsFunction") / window
		t.Logf("reports %d to %d: %.2f write units and %.2f read units each", i*window, (i+1)*window-1, wru, reads(w, "JobsFunction")/window)
		if wru > 3 {
			t.Errorf("a report takes %.2f write units, want at most 3", wru)
		}
	}
	if a, b := units(first, "JobsFunction"), units(last, "JobsFunction"); a != b {
		t.Errorf("early reports take %v write units, late ones %v: want the same", a, b)
	}
	if a, b := reads(first, "JobsFunction"), reads(last, "JobsFunction"); a != b {
		t.Errorf("early reports take %v read units, late ones %v: want the same", a, b)
	}
	t.Logf("%d reports in %.1f s; totals took %.0f write units", large.Reports(), seconds, units(s.Billed().Minus(launch), "TallyFunction"))
	wellBehaved(t, s)
}

// reads are the read units that some functions took.
func reads(t meter.Total, functions ...string) float64 {
	sum := 0.0
	for use, a := range t.Uses {
		if slices.Contains(functions, use.Caller.Name) {
			sum += a.RRU
		}
	}
	return sum
}
