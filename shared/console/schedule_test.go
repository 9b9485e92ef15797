package console

import (
	"reflect"
	"strings"
	"testing"
)

func TestASchedulesWords(t *testing.T) {
	tests := []struct {
		seconds []int
		want    string
	}{
		{nil, "At once, then after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h: 10 attempts in about 3 days 3 h."},
		{[]int{}, "One attempt, at once; no retry."},
		{[]int{1}, "At once, then after 1 s: 2 attempts in about 1 s."},
		{[]int{60, 90}, "At once, then after 1 min and 1 min 30 s: 3 attempts in about 2 min 30 s."},
		{[]int{86400, 86400}, "At once, then after 24 h and 24 h: 3 attempts in about 48 h."},
		{[]int{3661, 86401}, "At once, then after 1 h 1 min and 24 h: 3 attempts in about 25 h 1 min."},
	}
	for _, tt := range tests {
		if got := strings.ReplaceAll(scheduleWords(tt.seconds), "\u00a0", " "); got != tt.want {
			t.Errorf("scheduleWords(%v) = %q, want %q", tt.seconds, got, tt.want)
		}
	}
}

func TestAScheduleIsReadAsItIsWritten(t *testing.T) {
	for _, seconds := range [][]int{nil, {}, {5}, {5, 60, 600}} {
		var want any = seconds
		if seconds == nil {
			want = nil
		}
		if len(seconds) > 0 {
			list := []any{}
			for _, n := range seconds {
				list = append(list, n)
			}
			want = list
		}
		if got := scheduleOf(scheduleText(seconds)); !reflect.DeepEqual(got, want) {
			t.Errorf("scheduleOf(%q) = %#v, want %#v", scheduleText(seconds), got, want)
		}
	}
}

func TestWhatIsNoNumberInAScheduleIsLeftToTheAPI(t *testing.T) {
	want := []any{5, "soon", "", "1.5"}
	if got := scheduleOf(" 5 , soon,,1.5"); !reflect.DeepEqual(got, want) {
		t.Errorf("scheduleOf gives %#v, want %#v", got, want)
	}
}
