package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
	"hermod/shared/uid"
)

// childPath is the variable that makes a run of this test binary a process with a database open, and says which.
const childPath = "HERMOD_SQLITE_TEST_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		if err := child(path); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child opens the database, says so, and writes until it is killed. Each line that it prints is one write that returned.
func child(path string) error {
	ctx := context.Background()
	db, err := Open(ctx, Config{Path: path})
	if err != nil {
		return err
	}
	var mu sync.Mutex
	say := func(words ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(words...)
	}
	say("open")
	for worker := range 8 {
		go childWork(ctx, db, worker, say)
	}
	select {}
}

func childWork(ctx context.Context, db *DB, worker int, say func(...any)) {
	for i := 0; ; i++ {
		now := time.Now()
		j := job.Launch(job.Job{UID: uid.New(now), Project: "p", Name: fmt.Sprintf("%d of %d", i, worker)}, now)
		if err := db.Jobs().Create(ctx, j); err != nil {
			say("error", err)
			return
		}
		say("job", j.UID)
		if err := db.Inputs().PutChunk(ctx, job.Ref{Project: "p", Job: j.UID}, job.Chunk{Version: 1}); err != nil {
			say("error", err)
			return
		}
		say("chunk", j.UID)
		d, a := aDelivery(uid.New(now), "hook", now)
		if err := db.Log().Succeed(ctx, d, a); err != nil {
			say("error", err)
			return
		}
		say("delivery", d.UID.Event)
		if err := db.Queue().Send(ctx, delivery.LaneRetry, delivery.Parcel{Group: strconv.Itoa(worker), Body: []byte(j.UID)}); err != nil {
			say("error", err)
			return
		}
		say("message", j.UID)
	}
}

// process is a child that runs.
type process struct {
	*exec.Cmd
	lines *bufio.Scanner
}

func startChild(t *testing.T, path string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childPath+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: cmd, lines: bufio.NewScanner(out)}
	t.Cleanup(func() { p.kill() })
	if line, ok := p.line(); line != "open" {
		t.Fatalf("the child says %q, %v, want open", line, ok)
	}
	return p
}

func (p *process) line() (string, bool) {
	ok := p.lines.Scan()
	return p.lines.Text(), ok
}

// kill kills the child as kill -9 does, and returns what it said before it died.
func (p *process) kill() (rest []string) {
	p.Process.Kill()
	for {
		line, ok := p.line()
		if !ok {
			break
		}
		rest = append(rest, line)
	}
	p.Wait()
	return rest
}

func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	path := t.TempDir() + "/hermod.db"
	said := map[string]int{}
	for round := range 5 {
		p := startChild(t, path)
		var lines []string
		for range 40 + 60*round {
			line, ok := p.line()
			if !ok {
				t.Fatal("the child died")
			}
			lines = append(lines, line)
		}
		for _, line := range append(lines, p.kill()...) {
			if strings.HasPrefix(line, "error") {
				t.Fatalf("the child says %s", line)
			}
			said[line]++
		}
		wantAll(t, path, said)
	}
}

// wantAll opens the database and looks for all that was acknowledged. It leaves it as it is.
func wantAll(t *testing.T, path string, said map[string]int) {
	t.Helper()
	ctx := t.Context()
	db, err := Open(ctx, Config{Path: path, CleanEvery: -1})
	if err != nil {
		t.Fatalf("Open after a kill = %v", err)
	}
	defer db.Close()
	sent := map[string]bool{}
	db.read(ctx, "test", func(c *conn) error {
		for r, err := range c.rows("SELECT body FROM message") {
			if err != nil {
				t.Fatal(err)
			}
			sent[string(r.blob(0))] = true
		}
		return nil
	})
	outbox, err := db.Jobs().Changes(ctx, 100_000, 0)
	if err != nil {
		t.Fatal(err)
	}
	published := map[string]bool{}
	for _, e := range outbox {
		published[e.Job.UID] = true
	}
	marks, err := db.Jobs().Unsettled(ctx, "", 100_000, 0)
	if err != nil {
		t.Fatal(err)
	}
	unsettled := map[string]bool{}
	for _, m := range marks {
		unsettled[m.Job] = true
	}
	for line := range said {
		kind, id, _ := strings.Cut(line, " ")
		var err error
		switch kind {
		case "job":
			if _, err = db.Jobs().Get(ctx, "p", id); err == nil && !published[id] {
				err = fmt.Errorf("not in the outbox")
			}
		case "delivery":
			var rows []delivery.Delivery
			if rows, err = db.Log().Rows(ctx, delivery.UID{Event: id, Webhook: "hook"}); len(rows) != 1 {
				err = fmt.Errorf("%d rows, %v", len(rows), err)
			}
		case "chunk":
			var chunks []job.Chunk
			if chunks, err = db.Inputs().Chunks(ctx, job.Ref{Project: "p", Job: id}, 0, 1); len(chunks) != 1 || !unsettled[id] {
				err = fmt.Errorf("%d chunks, its job is to be settled: %v, %v", len(chunks), unsettled[id], err)
			}
		case "message":
			if !sent[id] {
				err = fmt.Errorf("not in the table")
			}
		}
		if err != nil {
			t.Errorf("%s was acknowledged and is lost: %v", line, err)
		}
	}
}
