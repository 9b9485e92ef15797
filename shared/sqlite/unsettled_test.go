package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hermod/shared/job"
)

// marked returns all jobs that are marked.
func marked(t *testing.T, db *DB) []Mark {
	t.Helper()
	marks, err := db.Jobs().Unsettled(t.Context(), "", 1000, 0)
	if err != nil {
		t.Fatalf("Unsettled = %v", err)
	}
	return marks
}

// wantMarked checks which jobs are marked, and settles them.
func wantMarked(t *testing.T, db *DB, why string, want ...string) {
	t.Helper()
	var got []string
	for _, m := range marked(t, db) {
		if m.Project != "p" {
			t.Errorf("Unsettled = %+v, want project p", m)
		}
		got = append(got, m.Job)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("after %s jobs %q are marked, want %q", why, got, want)
	}
	if err := db.Jobs().Settled(t.Context(), marked(t, db)...); err != nil {
		t.Fatalf("Settled = %v", err)
	}
	if left := marked(t, db); len(left) != 0 {
		t.Errorf("Unsettled after Settled = %+v, want none", left)
	}
}

func putChunk(t *testing.T, db *DB, uid string, number, version int) {
	t.Helper()
	if err := db.Inputs().PutChunk(t.Context(), job.Ref{Project: "p", Job: uid}, job.Chunk{Number: number, Version: version}); err != nil {
		t.Fatal(err)
	}
}

func TestJobIsMarkedByWhatMayFinishIt(t *testing.T) {
	db := open(t, nil)
	ctx, jobs := t.Context(), db.Jobs()
	launch(t, db, "a", "b")
	wantMarked(t, db, "launches")
	putChunk(t, db, "a", 0, 1)
	wantMarked(t, db, "the first write of a chunk", "a")
	putChunk(t, db, "a", 0, 2)
	putChunk(t, db, "b", 3, 1)
	wantMarked(t, db, "more writes of chunks", "a", "b")
	if err := db.Inputs().PutChunk(ctx, job.Ref{Project: "p", Job: "a"}, job.Chunk{Version: 2}); !errors.Is(err, job.ErrChunkStale) {
		t.Errorf("PutChunk of version 2 over itself = %v, want ErrChunkStale", err)
	}
	wantMarked(t, db, "a refused write of a chunk")
	if err := jobs.Extend(ctx, "p", "b", 0, 500, false); err != nil {
		t.Fatal(err)
	}
	wantMarked(t, db, "an extension")
	if err := jobs.Extend(ctx, "p", "b", 500, 500, true); err != nil {
		t.Fatal(err)
	}
	wantMarked(t, db, "an extension that closes", "b")
	if err := jobs.SetTotals(ctx, "p", "b", job.Totals{Clock: 1}); err != nil {
		t.Fatal(err)
	}
	wantMarked(t, db, "totals")
	j, err := jobs.Get(ctx, "p", "b")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		to   job.Status
		want []string
	}{
		{job.Running, nil}, {job.Paused, nil}, {job.Running, []string{"b"}}, {job.Paused, nil}, {job.Running, []string{"b"}}, {job.Shutdown, nil},
	} {
		if j, _, err = j.Apply(job.Update{Status: step.to}, db.Now()); err != nil {
			t.Fatal(err)
		}
		if err := jobs.Update(ctx, j); err != nil {
			t.Fatal(err)
		}
		wantMarked(t, db, fmt.Sprintf("a change to %s, version %d", step.to, j.Version), step.want...)
	}
}

func TestMarkMadeWhileItsJobIsSettledStays(t *testing.T) {
	db := open(t, nil)
	putChunk(t, db, "a", 0, 1)
	before := marked(t, db)
	putChunk(t, db, "a", 1, 1)
	if err := db.Jobs().Settled(t.Context(), before...); err != nil {
		t.Fatal(err)
	}
	if now := marked(t, db); len(now) != 1 || now[0].ID == before[0].ID {
		t.Errorf("Unsettled = %+v after the mark %+v was settled, want the newer mark", now, before)
	}
}

func TestMarksOutliveTheProcess(t *testing.T) {
	c := Config{Path: t.TempDir() + "/hermod.db", CleanEvery: -1}
	db := reopen(t, c)
	putChunk(t, db, "a", 0, 1)
	before := marked(t, db)
	db.Close()
	db = reopen(t, c)
	putChunk(t, db, "a", 0, 2)
	if err := db.Jobs().Settled(t.Context(), before...); err != nil {
		t.Fatal(err)
	}
	wantMarked(t, db, "a restart", "a")
}

func TestUnsettledComesToAllJobs(t *testing.T) {
	db := open(t, nil)
	const jobs = 23
	for i := range jobs {
		putChunk(t, db, fmt.Sprintf("%02d", i), 0, 1)
	}
	var got []string
	after := ""
	for version := 2; ; version++ {
		page, err := db.Jobs().Unsettled(t.Context(), after, 5, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, m := range page {
			got = append(got, m.Job)
		}
		after = page[len(page)-1].Job
		putChunk(t, db, "00", 0, version) // marked anew behind the reader: it is not met again
	}
	if len(got) != jobs || got[0] != "00" || got[jobs-1] != "22" {
		t.Errorf("Unsettled, page after page = %v, want all %d once, in order", got, jobs)
	}
}

func TestBlockedUnsettledWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := open(t, nil)
		var got []Mark
		var wg sync.WaitGroup
		wg.Go(func() { got, _ = db.Jobs().Unsettled(t.Context(), "", 10, time.Hour) })
		synctest.Wait()
		start := time.Now()
		putChunk(t, db, "a", 0, 1)
		wg.Wait()
		if len(got) != 1 || time.Since(start) != 0 {
			t.Errorf("Unsettled that waits = %+v after %v, want a at once", got, time.Since(start))
		}
		wantMarked(t, db, "waiting", "a")
		if got, err := db.Jobs().Unsettled(t.Context(), "", 10, time.Minute); len(got) != 0 || err != nil || time.Since(start) != time.Minute {
			t.Errorf("Unsettled that waits for nothing = %+v, %v after %v, want none after a minute", got, err, time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := db.Jobs().Unsettled(ctx, "", 10, time.Hour); !errors.Is(err, context.Canceled) {
			t.Errorf("Unsettled of a caller that went = %v, want its context's error", err)
		}
	})
}
