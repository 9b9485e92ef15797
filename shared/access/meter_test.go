package access_test

import (
	"fmt"
	"testing"
	"time"

	"hermod/shared/access"
	"hermod/shared/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Meter(t, func(*testing.T, func() time.Time) access.Meter { return new(access.Memory) })
}

func TestMemoryForgetsWindowsThatAreOver(t *testing.T) {
	m := new(access.Memory)
	for minute := range 100 {
		for key := range 10 {
			if total, err := m.Lease(t.Context(), fmt.Sprint(key), noon.Add(time.Duration(minute)*time.Minute), 1); total != 1 || err != nil {
				t.Fatalf("Lease = %d, %v, want 1", total, err)
			}
		}
	}
	if got := m.Counted(); got > 20 {
		t.Errorf("after 100 minutes %d sums are kept, want those of this minute and the one before: 20", got)
	}
}
