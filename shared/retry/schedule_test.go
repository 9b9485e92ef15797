package retry_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"hermod/shared/retry"
)

func ExampleSchedule_Wait() {
	s := retry.Schedule{time.Minute, time.Hour}
	fmt.Println(s.Wait(0, 0, 0))
	fmt.Println(s.Wait(0, 0.5, 0))
	fmt.Println(s.Wait(1, 0.5, 2*time.Hour)) // the receiver said Retry-After: 7200
	fmt.Println(s.Wait(2, 0.5, 0))
	// Output:
	// 48s true
	// 1m0s true
	// 2h0m0s true
	// 0s false
}

func ExampleFromSeconds() {
	s, err := retry.FromSeconds([]int{5, 300, 1800})
	fmt.Println(s, err)
	_, err = retry.FromSeconds([]int{5, 90000})
	fmt.Println(err)
	// Output:
	// [5s 5m0s 30m0s] <nil>
	// unusable retry schedule: wait 2 of 2 is 90000 s; each is from 1 to 86400 whole seconds
}

func TestDefaultIsTheSpecificationsExample(t *testing.T) {
	elapsed := []string{"5s", "5m5s", "35m5s", "2h35m5s", "7h35m5s", "17h35m5s", "31h35m5s", "51h35m5s", "75h35m5s"}
	var since time.Duration
	for step, want := range elapsed {
		wait, ok := retry.Default.Wait(step, 0.5, 0)
		since += wait
		if !ok || since.String() != want {
			t.Errorf("after step %d of Default the next is made %s after the first (%t), want %s", step, since, ok, want)
		}
	}
	if _, ok := retry.Default.Wait(len(elapsed), 0.5, 0); ok {
		t.Errorf("Default goes on after step %d, want ten attempts", len(elapsed))
	}
	if err := retry.Default.Validate(); err != nil {
		t.Errorf("Default.Validate() = %v, want nil", err)
	}
}

func TestNilScheduleIsTheDefault(t *testing.T) {
	for step := range len(retry.Default) + 1 {
		got, gotOK := retry.Schedule(nil).Wait(step, 0.3, 0)
		want, wantOK := retry.Default.Wait(step, 0.3, 0)
		if got != want || gotOK != wantOK {
			t.Errorf("Wait(step %d) of nil = %s, %t; want that of Default, %s, %t", step, got, gotOK, want, wantOK)
		}
	}
}

func TestValidateNamesTheEntry(t *testing.T) {
	day := 24 * time.Hour
	tests := []struct {
		name string
		s    retry.Schedule
		want string // empty: allowed
	}{
		{"nil", nil, ""},
		{"no wait", retry.Schedule{}, ""},
		{"the shortest wait", retry.Schedule{time.Second}, ""},
		{"the longest wait", retry.Schedule{day}, ""},
		{"20 waits", slices.Repeat(retry.Schedule{time.Second}, 20), ""},
		{"21 waits", slices.Repeat(retry.Schedule{time.Second}, 21), "it has 21 waits; at most 20 are allowed"},
		{"a wait of nothing", retry.Schedule{time.Second, 0}, "wait 2 of 2 is 0s; each is from 1 to 86400 whole seconds"},
		{"a negative wait", retry.Schedule{-time.Second, time.Second}, "wait 1 of 2 is -1s"},
		{"a wait below a second", retry.Schedule{time.Second - 1}, "wait 1 of 1 is 999.999999ms"},
		{"a wait with a fraction", retry.Schedule{1500 * time.Millisecond}, "wait 1 of 1 is 1.5s"},
		{"a second more than a day", retry.Schedule{time.Second, day + time.Second, time.Second}, "wait 2 of 3 is 24h0m1s"},
		{"seven days in all", slices.Repeat(retry.Schedule{day}, 7), ""},
		{"a second more than seven days", append(slices.Repeat(retry.Schedule{day}, 7), time.Second), "its waits are 604801 s in all; at most 604800 s, seven days, are allowed"},
		{"20 waits of all there is", slices.Repeat(retry.Schedule{math.MaxInt64}, 20), "wait 1 of 20"},
	}
	for _, tt := range tests {
		err := tt.s.Validate()
		if tt.want == "" && err != nil {
			t.Errorf("Validate of %s = %v, want nil", tt.name, err)
		}
		if tt.want != "" && (!errors.Is(err, retry.ErrSchedule) || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("Validate of %s = %v, want ErrSchedule with %q", tt.name, err, tt.want)
		}
	}
}

func TestSecondsComeBackAsTheyWent(t *testing.T) {
	for _, want := range [][]int{nil, {}, {1}, {5, 300, 86400}} {
		s, err := retry.FromSeconds(want)
		if got := s.Seconds(); err != nil || !slices.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("FromSeconds(%v).Seconds() = %v, %v", want, got, err)
		}
	}
}

func TestHugeSecondsDoNotWrapIntoAllowedOnes(t *testing.T) {
	wraps := 1 << 55 // this many seconds are 0 nanoseconds in 64 bits
	for _, n := range []int{wraps + 5, 5 - wraps, math.MaxInt, math.MinInt, -1, 0, 86401} {
		if s, err := retry.FromSeconds([]int{5, n}); !errors.Is(err, retry.ErrSchedule) || !strings.Contains(err.Error(), "wait 2 of 2 is ") {
			t.Errorf("FromSeconds(5, %d) = %v, %v; want ErrSchedule about wait 2", n, s, err)
		}
	}
}

func TestJitterIsTwentyPercentEitherWay(t *testing.T) {
	tests := []struct {
		entry  time.Duration
		jitter float64
		want   time.Duration
	}{
		{time.Second, 0, 800 * time.Millisecond},
		{time.Second, 0.5, time.Second},
		{time.Second, 0.25, 900 * time.Millisecond},
		{time.Second, 0.999999, 1199 * time.Millisecond}, // cut, not rounded
		{24 * time.Hour, 0, 19*time.Hour + 12*time.Minute},
		{24 * time.Hour, 0.5, 24 * time.Hour},
		{5 * time.Second, 0.3333, 4666 * time.Millisecond},
	}
	for _, tt := range tests {
		if got, _ := (retry.Schedule{tt.entry}).Wait(0, tt.jitter, 0); got != tt.want {
			t.Errorf("Wait of %s with jitter %v = %s, want %s", tt.entry, tt.jitter, got, tt.want)
		}
	}
}

func TestFloorIsKept(t *testing.T) {
	s := retry.Schedule{10 * time.Second}
	tests := []struct{ floor, want time.Duration }{
		{0, 10 * time.Second},
		{9 * time.Second, 10 * time.Second},
		{11*time.Second + 1, 11*time.Second + 1},
		{24 * time.Hour, 24 * time.Hour},
	}
	for _, tt := range tests {
		if got, ok := s.Wait(0, 0.5, tt.floor); got != tt.want || !ok {
			t.Errorf("Wait of 10 s with floor %s = %s, %t; want %s, true", tt.floor, got, ok, tt.want)
		}
	}
}

// A webhook's schedule may be shortened while its deliveries wait further down.
func TestStepsBeyondTheEndAreUsedUp(t *testing.T) {
	for _, s := range []retry.Schedule{{}, {time.Second}} {
		for _, step := range []int{len(s), len(s) + 1, 20, math.MaxInt} {
			if wait, ok := s.Wait(step, 0.5, time.Hour); ok || wait != 0 {
				t.Errorf("Wait(step %d) of %d waits = %s, %t; want 0, false", step, len(s), wait, ok)
			}
		}
	}
}

// FuzzSchedule takes waits of 8 bytes each, in nanoseconds, and holds whatever Validate allows against its promises.
func FuzzSchedule(f *testing.F) {
	bytesOf := func(s retry.Schedule) (b []byte) {
		for _, wait := range s {
			b = binary.BigEndian.AppendUint64(b, uint64(wait))
		}
		return b
	}
	f.Add(bytesOf(retry.Default), 0.5, int64(0))
	f.Add(bytesOf(retry.Schedule{time.Second, 24 * time.Hour}), 0.0, int64(time.Hour))
	f.Add(bytesOf(retry.Schedule{math.MaxInt64, math.MinInt64}), 0.999, int64(-1))
	f.Add(bytesOf(slices.Repeat(retry.Schedule{time.Second}, 21)), math.Nextafter(1, 0), int64(1))
	f.Fuzz(func(t *testing.T, raw []byte, jitter float64, floor int64) {
		s := retry.Schedule{}
		for ; len(raw) >= 8; raw = raw[8:] {
			s = append(s, time.Duration(binary.BigEndian.Uint64(raw)))
		}
		if err := s.Validate(); err != nil {
			if !errors.Is(err, retry.ErrSchedule) {
				t.Errorf("Validate(%v) = %v, want ErrSchedule", s, err)
			}
			return
		}
		back, err := retry.FromSeconds(s.Seconds())
		if err != nil || !slices.Equal(back, s) {
			t.Errorf("%v is valid, but comes back from seconds as %v, %v", s, back, err)
		}
		if !(jitter >= 0 && jitter < 1) {
			return
		}
		var total time.Duration
		for step, entry := range s {
			total += entry
			wait, ok := s.Wait(step, jitter, 0)
			if !ok || wait < entry*4/5 || wait > entry*6/5 || wait%time.Millisecond != 0 {
				t.Errorf("Wait(%d, %v) of %s = %s, %t; want whole milliseconds within 20 %%", step, jitter, entry, wait, ok)
			}
			if got, _ := s.Wait(step, jitter, time.Duration(floor)); got != max(wait, time.Duration(floor)) {
				t.Errorf("Wait(%d) with floor %s = %s, want the longer of it and %s", step, time.Duration(floor), got, wait)
			}
		}
		if _, ok := s.Wait(len(s), jitter, 0); ok || len(s) > retry.MaxWaits || total > retry.MaxTotal {
			t.Errorf("%v is valid, but has %d waits, %s in all, and goes on (%t)", s, len(s), total, ok)
		}
	})
}

func BenchmarkDecideAndWait(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		d := retry.Decide(503, "status", "Sun, 01 Mar 2026 12:00:10 GMT", now)
		retry.Default.Wait(3, 0.7, d.Floor)
	}
}
