package delivery_test

import (
	"testing"
	"time"

	"hermod/shared/delivery"
)

func TestAMessageHandedBackRestsLongerEachTime(t *testing.T) {
	tests := []struct {
		receives int
		want     time.Duration
	}{
		{0, 1 * time.Minute}, // not known: as if received once
		{1, 1 * time.Minute}, //
		{2, 2 * time.Minute},
		{3, 4 * time.Minute},
		{4, 8 * time.Minute},
		{5, 16 * time.Minute},
		{6, 30 * time.Minute},
		{7, 30 * time.Minute}, // 91 min in all, then the eighth receive
		{8, 30 * time.Minute},
		{100, 30 * time.Minute},
	}
	for _, test := range tests {
		if got := delivery.HandedBack(test.receives); got != (delivery.Verdict{VisibleAfter: test.want}) {
			t.Errorf("HandedBack(%d) = %+v, want visible after %v", test.receives, got, test.want)
		}
	}
}

func TestAnOutageOfOursOfAnHourUsesUpNoMessage(t *testing.T) {
	var rests time.Duration
	for receives := 1; receives < delivery.MaxReceives; receives++ {
		rests += delivery.HandedBack(receives).VisibleAfter
	}
	if rests <= time.Hour {
		t.Errorf("a message reaches its last receive after %v, want more than an hour", rests)
	}
}

func TestEachVerdictSaysWhatBecomesOfTheMessage(t *testing.T) {
	if got := delivery.Acknowledged(); !got.Acknowledge {
		t.Errorf("Acknowledged() = %+v, want it deleted", got)
	}
	if got := delivery.Refused(); got != (delivery.Verdict{}) {
		t.Errorf("Refused() = %+v, want it visible at once", got)
	}
	if got := delivery.HandedOver(); got != (delivery.Verdict{VisibleAfter: 15 * time.Minute}) {
		t.Errorf("HandedOver() = %+v, want it visible after 15m", got)
	}
}
