package tally_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/delivery"
	"hermod/shared/tally"
	"hermod/shared/webhook"
)

var errDown = errors.New("the store is down")

// world is what a Tally writes to. Its calls can be made to fail.
type world struct {
	mu      sync.Mutex
	adds    []string // webhook and hour
	notes   []string // webhook, and the minutes and seconds of its health
	noting  bool     // notes alone fail
	stats   webhook.Stats
	whole   map[string][]int // by project and hour: how many successes each write has added
	settled []string         // project and job
	fails   string           // the webhook, job or "project p" whose write fails; "all": every one
	panics  bool             // instead of failing
}

func (w *world) fault(name string) error {
	switch {
	case w.fails != name && w.fails != "all":
		return nil
	case w.panics:
		panic("a bug")
	}
	return errDown
}

func (w *world) Add(_ context.Context, project, hook string, hour time.Time, s webhook.Stats) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if hook == webhook.Whole {
		return w.addWhole(project, hour, s)
	}
	if err := w.fault(hook); err != nil && !w.noting {
		return err
	}
	w.adds = append(w.adds, project+" "+hook+" "+hour.Format("15:04"))
	w.stats = w.stats.Plus(s)
	return nil
}

func (w *world) addWhole(project string, hour time.Time, s webhook.Stats) error {
	if err := w.fault("project " + project); err != nil {
		return err
	}
	if w.whole == nil {
		w.whole = map[string][]int{}
	}
	name := project + " " + hour.Format("15:04")
	w.whole[name] = append(w.whole[name], s.Succeeded)
	return nil
}

func (w *world) Hours(context.Context, string, string, time.Time, time.Time) ([]webhook.Hour, error) {
	panic("no tally reads")
}

func (w *world) Note(_ context.Context, project, hook string, h webhook.Health) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.fault(hook); err != nil && w.noting {
		return err
	}
	text := hook
	if !h.LastSuccessAt.IsZero() {
		text += " accepted " + h.LastSuccessAt.Format("04:05")
	}
	if !h.FailingSince.IsZero() {
		text += " failing " + h.FailingSince.Format("04:05")
	}
	w.notes = append(w.notes, text)
	return nil
}

func (w *world) Health(context.Context, string, ...string) (map[string]webhook.Health, error) {
	panic("no tally reads")
}

func (w *world) settle(_ context.Context, project, job string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.fault(job); err != nil {
		return err
	}
	w.settled = append(w.settled, project+" "+job)
	return nil
}

func (w *world) tally(change ...func(*tally.Config)) *tally.Tally {
	c := tally.Config{Counters: w, Settle: w.settle, Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler)}
	for _, f := range change {
		f(&c)
	}
	return tally.New(c)
}

// succeeded is the change of a delivery to a webhook that succeeded at once, so long ago.
func succeeded(hook string, ago time.Duration) tally.Change {
	d := row(delivery.Succeeded, attempt(1, 200, func(a *delivery.Attempt) { a.StartedAt = now.Add(-ago) }))
	d.UID.Webhook = hook
	return tally.Change{After: d}
}

func reported(job string) tally.Change { return tally.Change{Job: job, Project: "p"} }

// which are the indexes of the changes that come again.
func which(errs []error) (list []int) {
	for i, err := range errs {
		if err != nil {
			list = append(list, i)
		}
	}
	return list
}

func TestABatchIsWrittenOnceForEachWebhookHourAndJob(t *testing.T) {
	var w world
	again := w.tally().Handle(t.Context(), []tally.Change{
		succeeded("a", time.Minute), reported("j1"), succeeded("b", time.Minute), succeeded("a", time.Minute), reported("j2"), {}, reported("j1"),
		succeeded("a", time.Hour), {After: row(delivery.Pending)}, reported("j1"),
	})
	slices.Sort(w.adds)
	slices.Sort(w.settled)
	if want := []string{"p a 15:00", "p a 16:00", "p b 16:00"}; which(again) != nil || !slices.Equal(w.adds, want) || w.stats.Succeeded != 4 {
		t.Errorf("after %v the writes are %v with %d successes, want %v with 4", again, w.adds, w.stats.Succeeded, want)
	}
	if want := []string{"p j1", "p j2"}; !slices.Equal(w.settled, want) {
		t.Errorf("settled are %v, want %v", w.settled, want)
	}
}

func TestNoJobIsSettledWithoutSettle(t *testing.T) {
	var w world
	again := w.tally(func(c *tally.Config) { c.Settle = nil }).Handle(t.Context(), []tally.Change{reported("j"), succeeded("a", 0)})
	if which(again) != nil || len(w.adds) != 1 {
		t.Errorf("Handle = %v with the writes %v, want the counters alone", again, w.adds)
	}
}

func TestWhatStandsBehindAJobThatIsNotSettledIsNotCountedYet(t *testing.T) {
	batch := []tally.Change{succeeded("a", 0), reported("good"), reported("bad"), succeeded("a", 0), reported("good"), reported("bad"), reported("late")}
	for _, panics := range []bool{false, true} {
		w := world{fails: "bad", panics: panics}
		again := w.tally().Handle(t.Context(), batch)
		slices.Sort(w.settled)
		if got := which(again); !slices.Equal(got, []int{2, 5}) || w.stats.Succeeded != 1 {
			t.Errorf("records %v come again and %d successes are counted, want 2 and 5, and the one before them", got, w.stats.Succeeded)
		}
		if !slices.Equal(w.settled, []string{"p good", "p late"}) {
			t.Errorf("settled are %v, want every other job", w.settled)
		}
		w.fails = ""
		if got := which(w.tally().Handle(t.Context(), batch[2:])); got != nil || w.stats.Succeeded != 2 {
			t.Errorf("when the rest comes again, %v come again and %d successes are counted in all, want none and 2", got, w.stats.Succeeded)
		}
	}
}

func TestCountersThatCannotBeWrittenComeAgainUntilTheyAreOld(t *testing.T) {
	for _, panics := range []bool{false, true} {
		w := world{fails: "bad", panics: panics}
		again := w.tally().Handle(t.Context(), []tally.Change{
			succeeded("bad", tally.Patience), succeeded("good", 0), succeeded("bad", tally.Patience-time.Second), reported("j"), succeeded("bad", tally.Patience+time.Second),
		})
		if got := which(again); !slices.Equal(got, []int{2}) || w.stats.Succeeded != 1 || len(w.settled) != 1 {
			t.Errorf("records %v come again, %d successes are counted and %v settled; want 2, 1 and the job", got, w.stats.Succeeded, w.settled)
		}
	}
}

func TestAnOutageMakesAllComeAgain(t *testing.T) {
	w := world{fails: "all"}
	if got := which(w.tally().Handle(t.Context(), []tally.Change{succeeded("a", 0), reported("j"), {}})); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("records %v come again, want both that say something", got)
	}
}

func TestImagesThatCannotBeReadPass(t *testing.T) {
	var w world
	decode := func(before, after json.RawMessage) (tally.Change, error) {
		switch text := string(after); {
		case text == "bad":
			return reported("never"), errors.New("no change")
		case text == "panics":
			panic("a bug")
		case string(before) != "before "+text:
			return tally.Change{}, errors.New("the images are not those of one change")
		default:
			return reported(strings.TrimPrefix(text, "job ")), nil
		}
	}
	images := []string{"job 1", "bad", "job 2", "panics", "job 3"}
	var before, after []json.RawMessage
	for _, text := range images {
		before, after = append(before, json.RawMessage("before "+text)), append(after, json.RawMessage(text))
	}
	again := w.tally(func(c *tally.Config) { c.Decode = decode }).HandleImages(t.Context(), before, after)
	slices.Sort(w.settled)
	if len(again) != 5 || which(again) != nil || !slices.Equal(w.settled, []string{"p 1", "p 2", "p 3"}) {
		t.Errorf("HandleImages = %v, settled are %v, want those that can be read", again, w.settled)
	}
}

func TestSumsAreWrittenOnceForEachPlace(t *testing.T) {
	sums := tally.Sums{}
	for _, hook := range []string{"a", "b", "a"} {
		sums.Count(delivery.Delivery{}, succeeded(hook, 0).After, now)
	}
	w := world{fails: "b"}
	failed := sums.Write(t.Context(), &w, new(tally.Notes), now)
	for p, err := range failed {
		if p.Webhook != "b" || !errors.Is(err, errDown) {
			t.Errorf("Write fails for %+v with %v, want webhook b and why", p, err)
		}
	}
	if len(failed) != 1 || !slices.Equal(w.adds, []string{"p a 16:00"}) || w.stats.Succeeded != 2 {
		t.Errorf("%d places fail and %v are written, want one of each", len(failed), w.adds)
	}
}

func TestAProjectCountsOnceForABatchWhatItsWebhooksAddUpTo(t *testing.T) {
	other := succeeded("c", 0)
	other.After.Project = "q"
	var w world
	w.tally().Handle(t.Context(), []tally.Change{succeeded("a", 0), succeeded("b", 0), other, succeeded("a", 0), succeeded("b", time.Hour), reported("j")})
	if diff := cmp.Diff(map[string][]int{"p 16:00": {3}, "p 15:00": {1}, "q 16:00": {1}}, w.whole); diff != "" {
		t.Errorf("successes of projects, by the write (-want +got):\n%s", diff)
	}
}

func TestAProjectCountsWhatComesAgainWhenItsWebhookCountsIt(t *testing.T) {
	for _, panics := range []bool{false, true} {
		w := world{fails: "bad", panics: panics}
		w.tally().Handle(t.Context(), []tally.Change{succeeded("bad", 0), succeeded("good", 0), succeeded("bad", tally.Patience)})
		w.fails = ""
		w.tally().Handle(t.Context(), []tally.Change{succeeded("bad", 0)})
		if diff := cmp.Diff(map[string][]int{"p 16:00": {1, 1}}, w.whole); diff != "" {
			t.Errorf("successes of the project, by the write (-want +got):\n%s", diff)
		}
	}
}

func TestCountersOfAProjectThatCannotBeWrittenAreLetGo(t *testing.T) {
	for _, panics := range []bool{false, true} {
		w := world{fails: "project p", panics: panics}
		again := w.tally().Handle(t.Context(), []tally.Change{succeeded("a", 0), succeeded("b", 0)})
		if which(again) != nil || len(w.adds) != 2 {
			t.Errorf("records %v come again and %v are written, want none and both webhooks", which(again), w.adds)
		}
	}
}

func TestSteadySuccessIsNotedOnceAMinuteAndAllElseAtOnce(t *testing.T) {
	// heard is a request that ended in a second of the hour, and is tallied then: accepted, failed, or accepted after a failure.
	type heard struct {
		second  int
		outcome string
	}
	const yes, no, atLast = "yes", "no", "at last"
	tests := []struct {
		name    string
		batches [][]heard
		want    []string
	}{
		{"successes", [][]heard{{{0, yes}}, {{1, yes}}, {{59, yes}}, {{60, yes}}, {{61, yes}}, {{119, yes}}, {{120, yes}}},
			[]string{"w accepted 00:00", "w accepted 01:00", "w accepted 02:00"}},
		{"failures", [][]heard{{{0, no}}, {{1, no}, {2, no}}, {{59, no}}}, []string{"w failing 00:00", "w failing 00:01", "w failing 00:59"}},
		{"failures that begin and end", [][]heard{{{0, yes}}, {{10, yes}}, {{20, no}}, {{30, yes}}, {{31, yes}}},
			[]string{"w accepted 00:00", "w failing 00:20", "w accepted 00:30"}},
		{"a success after a failure that another process noted", [][]heard{{{0, yes}}, {{10, yes}}, {{20, atLast}}, {{21, yes}}, {{80, yes}}},
			[]string{"w accepted 00:00", "w accepted 00:20", "w accepted 01:20"}},
		{"both in each batch", [][]heard{{{0, yes}, {1, no}}, {{2, no}, {3, yes}}, {{4, no}, {5, yes}}, {{6, yes}, {7, no}}, {{8, yes}, {9, no}}},
			[]string{"w accepted 00:00 failing 00:01", "w accepted 00:03", "w accepted 00:06 failing 00:07", "w accepted 00:08 failing 00:09"}},
		{"a failure that comes again", [][]heard{{{0, no}}, {{10, yes}}, {{0, no}}, {{11, yes}}},
			[]string{"w failing 00:00", "w accepted 00:10", "w failing 00:00", "w accepted 00:11"}},
	}
	for _, tt := range tests {
		var w world
		hour := now.Truncate(time.Hour)
		at := hour
		one := w.tally(func(c *tally.Config) { c.Now = func() time.Time { return at } })
		for _, batch := range tt.batches {
			var changes []tally.Change
			for _, h := range batch {
				ended := hour.Add(time.Duration(h.second) * time.Second)
				at = later(at, ended)
				when := func(a *delivery.Attempt) { a.StartedAt, a.Duration = ended, 0 }
				switch h.outcome {
				case yes:
					changes = append(changes, tally.Change{After: row(delivery.Succeeded, attempt(1, 200, when))})
				case no:
					changes = append(changes, tally.Change{After: row(delivery.Retrying, attempt(1, 500, when))})
				case atLast:
					before := row(delivery.Retrying, attempt(1, 500))
					changes = append(changes, tally.Change{Before: before, After: row(delivery.Succeeded, before.Attempts[0], attempt(2, 200, when))})
				}
			}
			one.Handle(t.Context(), changes)
		}
		if !slices.Equal(w.notes, tt.want) {
			t.Errorf("of %s is noted %q, want %q", tt.name, w.notes, tt.want)
		}
		if len(w.adds) != len(tt.batches) {
			t.Errorf("%d batches of %s are counted in %d writes, want one each", len(tt.batches), tt.name, len(w.adds))
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func TestHealthThatCannotBeNotedComesAgainWithItsCounters(t *testing.T) {
	w := world{fails: "bad", noting: true}
	one := w.tally()
	batch := []tally.Change{succeeded("bad", 0), succeeded("good", 0)}
	if got := which(one.Handle(t.Context(), batch)); !slices.Equal(got, []int{0}) || w.stats.Succeeded != 1 || len(w.notes) != 1 {
		t.Errorf("records %v come again, %d successes are counted and %q is noted; want the first, one, and the other", got, w.stats.Succeeded, w.notes)
	}
	w.fails = ""
	if got := which(one.Handle(t.Context(), batch[:1])); got != nil || w.stats.Succeeded != 2 || len(w.notes) != 2 {
		t.Errorf("the next time records %v come again, %d successes are counted and %q is noted, want none, both and both", got, w.stats.Succeeded, w.notes)
	}
}

func TestEventsWithoutARequestNoteNothing(t *testing.T) {
	var w world
	cancelled := row(delivery.Cancelled)
	cancelled.EndedAt = now
	w.tally().Handle(t.Context(), []tally.Change{{After: cancelled}})
	if len(w.notes) != 0 || w.stats.Cancelled != 1 {
		t.Errorf("of a cancellation is noted %q and %d are counted, want nothing noted and one counted", w.notes, w.stats.Cancelled)
	}
}
