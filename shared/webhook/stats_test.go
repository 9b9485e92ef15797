package webhook_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/webhook"
)

func ExampleStats_Quantile() {
	var s webhook.Stats
	for _, took := range []time.Duration{80, 90, 100, 110, 900} {
		s.CountRequest(200, took*time.Millisecond)
	}
	p50, _ := s.Quantile(0.5)
	p95, _ := s.Quantile(0.95)
	fmt.Println(p50, p95)
	// Output: 104ms 896ms
}

func TestARequestCountsInOneStatusClassAndOneDuration(t *testing.T) {
	tests := []struct {
		status int
		took   time.Duration
		class  webhook.StatusClass
		bucket int
	}{
		{0, 0, webhook.StatusNone, 0},
		{101, time.Microsecond, webhook.StatusNone, 0},
		{200, time.Millisecond, webhook.Status2xx, 0},
		{204, time.Millisecond + 1, webhook.Status2xx, 1},
		{299, 3 * time.Millisecond, webhook.Status2xx, 2},
		{301, 64 * time.Millisecond, webhook.Status3xx, 6},
		{404, time.Second, webhook.Status4xx, 10},
		{500, 16_384 * time.Millisecond, webhook.Status5xx, 14},
		{599, webhook.MaxTimeout, webhook.Status5xx, 15},
		{600, time.Minute, webhook.StatusNone, 15},
	}
	for _, tt := range tests {
		var got, want webhook.Stats
		got.CountRequest(tt.status, tt.took)
		want.Statuses[tt.class], want.Durations[tt.bucket] = 1, 1
		if diff := cmp.Diff(want, got); diff != "" || got.Requests() != 1 {
			t.Errorf("status %d after %v counts %d requests (-want +got):\n%s", tt.status, tt.took, got.Requests(), diff)
		}
	}
}

func TestTheSuccessRateIsOfWhatHasEnded(t *testing.T) {
	tests := []struct {
		stats webhook.Stats
		rate  float64
		ok    bool
	}{
		{webhook.Stats{}, 0, false},
		{webhook.Stats{Retrying: 7}, 0, false},
		{webhook.Stats{Succeeded: 3}, 1, true},
		{webhook.Stats{Succeeded: 3, Retrying: 9, Dead: 1}, 0.75, true},
		{webhook.Stats{Succeeded: 2, Dead: 1, Cancelled: 1}, 0.5, true},
		{webhook.Stats{Cancelled: 1}, 0, true},
	}
	for _, tt := range tests {
		if rate, ok := tt.stats.SuccessRate(); rate != tt.rate || ok != tt.ok {
			t.Errorf("SuccessRate of %+v = %v, %v, want %v, %v", tt.stats, rate, ok, tt.rate, tt.ok)
		}
	}
}

// A quantile lies in the same class of the histogram as the true one, so it is neither twice as much nor less than half.
func TestAQuantileIsAtMostAFactorOfTwoOff(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var s webhook.Stats
		var all []time.Duration
		for range 1 + r.IntN(500) {
			took := time.Millisecond + time.Duration(r.ExpFloat64()*float64(time.Duration(1)<<(20+r.IntN(13))))
			took = min(took, webhook.MaxTimeout)
			all = append(all, took)
			s.CountRequest(200, took)
		}
		slices.Sort(all)
		for _, q := range []float64{0.01, 0.5, 0.95, 0.99, 1} {
			got, ok := s.Quantile(q)
			i := 0
			for float64(i+1) < q*float64(len(all)) {
				i++
			}
			if true := all[i]; !ok || got > 2*true || 2*got < true {
				t.Fatalf("Quantile(%v) of %d requests = %v, %v, the true one is %v", q, len(all), got, ok, true)
			}
		}
	}
}

func TestQuantilesAtTheEdges(t *testing.T) {
	if got, ok := (webhook.Stats{Succeeded: 1}).Quantile(0.5); ok {
		t.Errorf("Quantile without requests = %v, want none", got)
	}
	var s webhook.Stats
	for range 10 {
		s.CountRequest(200, time.Minute)
	}
	for q, want := range map[float64]time.Duration{0: 16_384 * time.Millisecond, 1: webhook.MaxTimeout} {
		if got, ok := s.Quantile(q); !ok || got != want {
			t.Errorf("Quantile(%v) of what took too long = %v, %v, want %v", q, got, ok, want)
		}
	}
}

func TestSumsOfStats(t *testing.T) {
	a, b := webhook.Stats{Succeeded: 1, Dead: 2}, webhook.Stats{Succeeded: 10, Retrying: 20, Cancelled: 30}
	a.CountRequest(200, time.Second)
	b.CountRequest(500, time.Second)
	b.CountRequest(200, time.Hour)
	want := webhook.Stats{Succeeded: 11, Retrying: 20, Dead: 2, Cancelled: 30}
	want.CountRequest(200, time.Second)
	want.CountRequest(500, time.Second)
	want.CountRequest(200, time.Hour)
	if diff := cmp.Diff(want, a.Plus(b)); diff != "" {
		t.Errorf("Plus (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(a.Plus(b), b.Plus(a)); diff != "" {
		t.Errorf("the order of Plus counts:\n%s", diff)
	}
}
