package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hermod/shared/job"
	"hermod/shared/sqlite"
)

// settled notes when each job was settled.
type settled struct {
	mu sync.Mutex
	at map[string][]time.Time
	do func(job string, times int) error // nil: nothing
}

func (s *settled) settle(_ context.Context, project, job string) error {
	s.mu.Lock()
	s.at[project+"/"+job] = append(s.at[project+"/"+job], time.Now())
	times := len(s.at[project+"/"+job])
	s.mu.Unlock()
	if s.do == nil {
		return nil
	}
	return s.do(job, times)
}

// settling runs a settler on a database of its own, in a bubble of synctest, and ends it before the bubble does.
func settling(t *testing.T, s *settled, f func(put func(job string))) {
	synctest.Test(t, func(t *testing.T) {
		db, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "hermod.db"), CleanEvery: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		s.at = map[string][]time.Time{}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { settler{jobs: db.Jobs(), settle: s.settle, logger: slog.New(slog.DiscardHandler)}.run(ctx) })
		defer running.Wait()
		defer cancel()
		versions := map[string]int{}
		f(func(uid string) {
			versions[uid]++
			if err := db.Inputs().PutChunk(t.Context(), job.Ref{Project: "p", Job: uid}, job.Chunk{Version: versions[uid]}); err != nil {
				t.Errorf("PutChunk = %v", err)
			}
		})
	})
}

func TestJobIsSettledAtOnceAndThenOnceASecondAtMost(t *testing.T) {
	var s settled
	settling(t, &s, func(put func(string)) {
		start := time.Now()
		for range 100 {
			put("a")
			put("b")
			synctest.Wait()
			<-time.After(50 * time.Millisecond)
		}
		<-time.After(2 * settleEvery)
		synctest.Wait()
		for name, wait := range map[string]time.Duration{"p/a": 0, "p/b": settleEvery} { // b may come when the first round has begun without it
			at := s.at[name]
			if len(at) < 5 || len(at) > 7 || at[0].Sub(start) > wait {
				t.Errorf("job %s, reported for 5 s, was settled %d times, first after %v; want 5 to 7 times, first after %v", name, len(at), at[0].Sub(start), wait)
			}
			for i := range at[1:] {
				if gap := at[i+1].Sub(at[i]); gap < settleEvery {
					t.Errorf("job %s was settled again after %v, want %v at least", name, gap, settleEvery)
				}
			}
		}
		before := len(s.at["p/a"])
		<-time.After(time.Hour)
		synctest.Wait()
		if n := len(s.at["p/a"]); n != before {
			t.Errorf("a job that nobody reports was settled %d times more", n-before)
		}
	})
}

func TestJobThatFailsIsSettledAgainAndHoldsUpNobody(t *testing.T) {
	s := settled{do: func(job string, times int) error {
		if job == "000" && times <= 3 {
			return errors.New("not now")
		}
		return nil
	}}
	settling(t, &s, func(put func(string)) {
		const jobs = 2*settleBatch + 7
		for i := range jobs {
			put(fmt.Sprintf("%03d", i))
		}
		<-time.After(10 * settleEvery)
		synctest.Wait()
		for i := range jobs {
			want := 1
			if i == 0 {
				want = 4
			}
			if n := len(s.at[fmt.Sprintf("p/%03d", i)]); n < want || n > want+1 { // what is put while it is settled counts anew
				t.Errorf("job %d was settled %d times, want %d", i, n, want)
			}
		}
	})
}

func TestJobThatIsReportedWhileItIsSettledIsSettledOnceMore(t *testing.T) {
	var again func()
	s := settled{do: func(_ string, times int) error {
		if times == 1 {
			again()
		}
		return nil
	}}
	settling(t, &s, func(put func(string)) {
		again = func() { put("a") }
		put("a")
		<-time.After(5 * settleEvery)
		synctest.Wait()
		if n := len(s.at["p/a"]); n != 2 {
			t.Errorf("the job was settled %d times, want twice", n)
		}
	})
}
