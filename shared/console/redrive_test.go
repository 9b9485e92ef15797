package console

import (
	"fmt"
	"testing"
	"time"
)

func TestTheBarOfARedriveIsWholeWhateverWasCounted(t *testing.T) {
	for _, row := range []struct {
		task  redriveTask
		want  string
		about string
	}{
		{redriveTask{Sent: 1, Waiting: 1}, "wait 0 1000, ", "1 waiting of 1 sent"},
		{redriveTask{Sent: 4, Succeeded: 1, Waiting: 1, Failed: 2}, "good 0 250, wait 250 250, bad 500 500, ", "1 succeeded, 1 waiting, 2 failed again of 4 sent"},
		{redriveTask{Sent: 2000, Succeeded: 500}, "good 0 250, off 250 750, ", "500 succeeded, 1\u2009500 not counted yet of 2\u2009000 sent"},
	} {
		got := ""
		for _, s := range row.task.Bar().Segments {
			got += fmt.Sprintf("%s %g %g, ", s.Tone, s.X, s.Width)
		}
		if about := row.task.Bar().About; got != row.want || about != row.about {
			t.Errorf("bar of %+v is %q, %q; want %q, %q", row.task, got, about, row.want, row.about)
		}
	}
}

func TestARedriveIsLookedAtAsLongAsItChanges(t *testing.T) {
	end := time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC)
	before, after := end.Add(-time.Second), end.Add(time.Second)
	for name, row := range map[string]struct {
		task redriveTask
		now  time.Time
		want int
	}{
		"under way":                                         {redriveTask{Waiting: 1}, end, 1},
		"ended, and nothing waits":                          {redriveTask{EndedAt: &end, CountedAt: &after}, after, 0},
		"ended, and some wait":                              {redriveTask{EndedAt: &end, CountedAt: &after, Waiting: 1}, after, 3},
		"ended long ago, and some wait":                     {redriveTask{EndedAt: &end, CountedAt: &after, Waiting: 1}, end.Add(time.Hour), 30},
		"too large to be counted again":                     {redriveTask{EndedAt: &end, CountedAt: &before, Waiting: 1}, after, 0},
		"cancelled before anything was sent, or counted":    {redriveTask{EndedAt: &end}, after, 0},
		"cancelled, and not counted though something waits": {redriveTask{EndedAt: &end, Waiting: 1}, after, 0},
	} {
		if got := row.task.live(row.now); got != row.want {
			t.Errorf("a redrive that is %s is looked at after %d s, want %d", name, got, row.want)
		}
	}
}
