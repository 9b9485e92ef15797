package awsdynamo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hermod/shared/access"
	"hermod/shared/job"
	"hermod/shared/seal"
	"hermod/shared/uid"
	"hermod/shared/webhook"
)

// sentinels are what no fault may be taken for.
var sentinels = []error{
	job.ErrNotFound, job.ErrExists, job.ErrStale, job.ErrNoWorkflow, job.ErrWorkflowStale, job.ErrWorkflowQuota,
	job.ErrPageExists, job.ErrChunkStale, webhook.ErrNotFound, webhook.ErrStale, webhook.ErrQuota, webhook.ErrJobQuota,
	access.ErrNoKey, access.ErrNoProject, access.ErrKeyQuota, access.ErrInFlight, seal.ErrNoKey, seal.ErrKeyExists, errUsedUp,
}

// wantOutage says what is wrong with the error of a call that met a fault.
func wantOutage(err error) error {
	if !IsUnavailable(err) {
		return fmt.Errorf("the error is %w, want the table to be unavailable", err)
	}
	for _, s := range sentinels {
		if errors.Is(err, s) {
			return fmt.Errorf("the error is the sentinel %w", err)
		}
	}
	return nil
}

// isKept says how what is read differs from what was written.
func isKept[T any](want T, read func() (T, error)) error {
	got, err := read()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
		return fmt.Errorf("read: %v (-want +got):\n%s", err, diff)
	}
	return nil
}

// write is one write, and what says whether it was made.
type write struct{ run, made func() error }

// writes are all the writes of jobs, webhooks, keys and the cursor, each with an operation that can meet a fault.
func writes(t *testing.T, db *DB, c *clock) []struct {
	name      string
	operation string
	unknown   bool // a repeat after a lost answer cannot tell
	prepare   func() write
} {
	ctx := t.Context()
	getJob := func(j job.Job) func() error {
		return func() error {
			return isKept(j, func() (job.Job, error) { return db.Jobs().Get(ctx, j.Project, j.UID) })
		}
	}
	getPage := func(r job.Ref, p job.Page) func() error {
		return func() error {
			return isKept([]job.Page{p}, func() ([]job.Page, error) { return db.Inputs().Pages(ctx, r, p.Kind, p.Name) })
		}
	}
	getChunk := func(r job.Ref, chunk job.Chunk) func() error {
		return func() error {
			return isKept([]job.Chunk{chunk}, func() ([]job.Chunk, error) { return db.Inputs().Chunks(ctx, r, 0, 9) })
		}
	}
	getWorkflow := func(w job.Workflow) func() error {
		return func() error {
			return isKept(w, func() (job.Workflow, error) { return db.Jobs().Workflow(ctx, w.Project, w.UID) })
		}
	}
	getHook := func(w webhook.Webhook) func() error {
		return func() error {
			return isKept(w, func() (webhook.Webhook, error) { return db.Webhooks().Get(ctx, w.Project, w.UID) })
		}
	}
	claim := func() (name string) {
		name = uid.New(c.now())
		if _, err := db.Access().Begin(ctx, name, "request", c.now()); err != nil {
			t.Fatal(err)
		}
		return name
	}
	return []struct {
		name      string
		operation string
		unknown   bool
		prepare   func() write
	}{
		{"create a job, its entry in the workflow's list", "PutItem", false, func() write {
			j := aJob(c)
			return write{func() error { return db.Jobs().Create(ctx, j) }, getJob(j)}
		}},
		{"create a job", "PutItem", true, func() write {
			j := aJob(c)
			j.Workflow = ""
			return write{func() error { return db.Jobs().Create(ctx, j) }, getJob(j)}
		}},
		{"update a job", "UpdateItem", true, func() write {
			j := aJob(c)
			must(t, db.Jobs().Create(ctx, j), "Create")
			j = changed(t, j, c)
			return write{func() error { return db.Jobs().Update(ctx, j) }, getJob(j)}
		}},
		{"extend a job's inputs", "UpdateItem", true, func() write {
			j := aJob(c)
			must(t, db.Jobs().Create(ctx, j), "Create")
			extended := j
			extended.Inputs, extended.Closed = 7, true
			return write{func() error { return db.Jobs().Extend(ctx, j.Project, j.UID, 0, 7, true) }, getJob(extended)}
		}},
		{"set a job's totals", "UpdateItem", false, func() write {
			j := aJob(c)
			must(t, db.Jobs().Create(ctx, j), "Create")
			j.Totals = job.Totals{Running: 1, Clock: 1}
			return write{func() error { return db.Jobs().SetTotals(ctx, j.Project, j.UID, j.Totals) }, getJob(j)}
		}},
		{"write a page", "PutItem", false, func() write {
			r, p := aRef(c), job.Page{Kind: job.ResultPage, Name: "a", Doc: []byte("doc")}
			return write{func() error { return db.Inputs().PutPage(ctx, r, p) }, getPage(r, p)}
		}},
		{"write a new page", "PutItem", true, func() write {
			r, p := aRef(c), job.Page{Kind: job.DataPage, Name: "a", Doc: []byte("doc")}
			return write{func() error { return db.Inputs().PutNewPage(ctx, r, p) }, getPage(r, p)}
		}},
		{"write a chunk first", "PutItem", true, func() write {
			r, chunk := aRef(c), job.Chunk{Number: 3, Version: 1, Doc: []byte("doc")}
			return write{func() error { return db.Inputs().PutChunk(ctx, r, chunk) }, getChunk(r, chunk)}
		}},
		{"write a chunk again", "PutItem", true, func() write {
			r, chunk := aRef(c), job.Chunk{Number: 3, Version: 1, Doc: []byte("doc")}
			must(t, db.Inputs().PutChunk(ctx, r, chunk), "PutChunk")
			chunk.Version, chunk.Doc = 2, []byte("more")
			return write{func() error { return db.Inputs().PutChunk(ctx, r, chunk) }, getChunk(r, chunk)}
		}},
		{"create a workflow", "TransactWriteItems", false, func() write {
			w := aWorkflow(c)
			return write{func() error { return db.Jobs().CreateWorkflow(ctx, w) }, getWorkflow(w)}
		}},
		{"update a workflow", "UpdateItem", true, func() write {
			w := aWorkflow(c)
			must(t, db.Jobs().CreateWorkflow(ctx, w), "CreateWorkflow")
			w.Version, w.Name = 2, "renamed"
			return write{func() error { return db.Jobs().UpdateWorkflow(ctx, w) }, getWorkflow(w)}
		}},
		{"delete a workflow", "TransactWriteItems", false, func() write {
			w := aWorkflow(c)
			must(t, db.Jobs().CreateWorkflow(ctx, w), "CreateWorkflow")
			return write{func() error { return db.Jobs().DeleteWorkflow(ctx, "p1", w.UID) }, func() error {
				if _, err := db.Jobs().Workflow(ctx, "p1", w.UID); !errors.Is(err, job.ErrNoWorkflow) {
					return fmt.Errorf("Workflow = %w, want ErrNoWorkflow", err)
				}
				return nil
			}}
		}},
		{"create a webhook", "TransactWriteItems", false, func() write {
			w := aHook("p1", c)
			return write{func() error { return db.Webhooks().Create(ctx, w) }, getHook(w)}
		}},
		{"create a webhook, its end", "UpdateItem", false, func() write {
			w := aHook("p1", c)
			return write{func() error { return db.Webhooks().Create(ctx, w) }, getHook(w)}
		}},
		{"update a webhook", "TransactWriteItems", false, func() write {
			w := createHook(t, db, "p1", c)
			w.Version, w.Name = 2, "renamed"
			return write{func() error { return db.Webhooks().Update(ctx, w) }, getHook(w)}
		}},
		{"delete a webhook", "TransactWriteItems", false, func() write {
			w := createHook(t, db, "p1", c)
			return write{func() error { return db.Webhooks().Delete(ctx, "p1", w.UID) }, func() error {
				if _, err := db.Webhooks().Get(ctx, "p1", w.UID); !errors.Is(err, webhook.ErrNotFound) {
					return fmt.Errorf("Get = %w, want ErrNotFound", err)
				}
				return nil
			}}
		}},
		{"park a webhook", "UpdateItem", false, func() write {
			w := createHook(t, db, "p1", c)
			w.ParkedUntil = c.now().Add(time.Hour)
			return write{func() error { return db.Webhooks().Park(ctx, "p1", w.UID, w.ParkedUntil) }, getHook(w)}
		}},
		{"create a project", "UpdateItem", false, func() write {
			p := access.Project{UID: uid.New(c.now()), Name: "P", CreatedAt: c.now()}
			return write{func() error { return db.Access().CreateProject(ctx, p) }, func() error {
				return isKept(p, func() (access.Project, error) { return db.Access().Project(ctx, p.UID) })
			}}
		}},
		{"create an API key", "TransactWriteItems", false, func() write {
			k := aKey(c)
			return write{func() error { return db.Access().CreateKey(ctx, k) }, func() error {
				return isKept(k, func() (access.Key, error) { return db.Access().KeyByHash(ctx, k.Hash) })
			}}
		}},
		{"delete an API key", "TransactWriteItems", false, func() write {
			k := aKey(c)
			must(t, db.Access().CreateKey(ctx, k), "CreateKey")
			return write{func() error { return db.Access().DeleteKey(ctx, k.Project, k.UID) }, func() error {
				if _, err := db.Access().KeyByHash(ctx, k.Hash); !errors.Is(err, access.ErrNoKey) {
					return fmt.Errorf("KeyByHash = %w, want ErrNoKey", err)
				}
				return nil
			}}
		}},
		{"claim an Idempotency-Key", "PutItem", false, func() write {
			name := uid.New(c.now())
			return write{func() error {
				r, err := db.Access().Begin(ctx, name, "request", c.now())
				if r != nil {
					return fmt.Errorf("Begin = %+v, want the name claimed", r)
				}
				return err
			}, func() error {
				if _, err := db.Access().Begin(ctx, name, "request", c.now()); !errors.Is(err, access.ErrInFlight) {
					return fmt.Errorf("Begin again = %w, want ErrInFlight", err)
				}
				return nil
			}}
		}},
		{"keep a reply", "PutItem", false, func() write {
			name, r := claim(), access.Reply{Request: "request", Status: 201, Sealed: "sealed"}
			return write{func() error { return db.Access().Finish(ctx, name, r, c.now()) }, func() error {
				return isKept(&r, func() (*access.Reply, error) { return db.Access().Begin(ctx, name, "request", c.now()) })
			}}
		}},
		{"give a claim up", "DeleteItem", false, func() write {
			name := claim()
			return write{func() error { return db.Access().Abandon(ctx, name) }, func() error {
				return isKept(nil, func() (*access.Reply, error) { return db.Access().Begin(ctx, name, "request", c.now()) })
			}}
		}},
		{"store a data key", "PutItem", true, func() write {
			project := uid.New(c.now())
			return write{func() error { return db.Keys().PutDataKey(ctx, project, []byte("wrapped")) }, func() error {
				return isKept([]byte("wrapped"), func() ([]byte, error) { return db.Keys().DataKey(ctx, project) })
			}}
		}},
		{"move the sweep cursor", "UpdateItem", false, func() write {
			c.advance(time.Minute)
			at := c.now()
			return write{func() error { return db.Cursor().Swept(ctx, at) }, func() error {
				return isKept(at, func() (time.Time, error) { return db.Cursor().SweptUntil(ctx) })
			}}
		}},
	}
}

func aRef(c *clock) job.Ref { return job.Ref{Project: "p1", Job: uid.New(c.now())} }

func aWorkflow(c *clock) job.Workflow {
	return job.Workflow{
		UID: uid.New(c.now()), Project: "p1", Name: "W", CreatedAt: c.now(), Version: 1, Steps: []job.Step{{UID: "s1", StepUID: "theirs", Name: "First"}, {}},
	}
}

func aKey(c *clock) access.Key {
	token := access.NewToken()
	return access.Key{
		UID: uid.New(c.now()), Project: uid.New(c.now()), Name: "CI", Hash: access.Hash(token), Hint: access.Hint(token), Scopes: access.Scopes, CreatedAt: c.now(),
	}
}

func TestAWriteThatMeetsAFaultIsMadeOnce(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	for _, w := range writes(t, db, c) {
		for _, plan := range []struct {
			name    string
			faults  []spoil
			unknown bool // the outcome of the first try
		}{
			{"throttled", []spoil{throttled, limited}, false},
			{"a server in trouble", []spoil{broken, away, broken}, false},
			{"no connection", []spoil{cut}, false},
			{"a lost answer", []spoil{lost}, true},
			{"a lost answer, then throttled", []spoil{lost, throttled}, true},
		} {
			write := w.prepare()
			f.then(w.operation, plan.faults...)
			err := write.run()
			if w.unknown && plan.unknown {
				err = wantOutage(err)
			}
			if err = errors.Join(err, write.made()); err != nil {
				t.Errorf("%s, %s: %v", w.name, plan.name, err)
			}
		}
	}
}

func TestALaunchWhoseConfigurationIsUnknownCreatesNoJob(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	j := aJob(c)
	j.Configuration = []byte(`{"a":1}`)
	f.then("PutItem", lost)
	if err := wantOutage(db.Jobs().Create(t.Context(), j)); err != nil {
		t.Error(err)
	}
	if _, err := db.Jobs().Get(t.Context(), j.Project, j.UID); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("Get = %v, want ErrNotFound", err)
	}
	j.UID = uid.New(c.now())
	f.then("PutItem", throttled, cut, broken)
	must(t, db.Jobs().Create(t.Context(), j), "Create")
	wantJob(t, db, j)
}

// noAnswers is a table without an engine: every request is spoiled, and counted.
func noAnswers(s spoil) (db *DB, count func() int) {
	f := newFaults()
	f.always("", s)
	return New(Config{Client: client("http://127.0.0.1:1", f.between(nil)), Table: "hermod"}), f.count
}

func TestNoRequestIsRepeatedForEver(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer spoil
		tries  int
		outage bool
	}{
		{"throttled", throttled, maxTries, true},
		{"a server in trouble", broken, maxTries, true},
		{"no connection", cut, maxTries, true},
		{"transactions at the same item", conflicted, maxConflicts, true},
		{"a write that meets a transaction", interrupted, maxConflicts, true},
		{"a transaction that is throttled", answers(http.StatusBadRequest, `{"__type":"x#TransactionCanceledException","message":"",
			"CancellationReasons":[{"Code":"ThrottlingError"},{"Code":"TransactionConflict"}]}`), maxTries, true},
		{"a transaction that is not valid", answers(http.StatusBadRequest, `{"__type":"x#TransactionCanceledException","message":"",
			"CancellationReasons":[{"Code":"ValidationError"},{"Code":"TransactionConflict"}]}`), 1, false},
		{"not valid", answers(http.StatusBadRequest, `{"__type":"x#ValidationException","message":""}`), 1, false},
		{"no permission", answers(http.StatusBadRequest, `{"__type":"x#AccessDeniedException","message":""}`), 1, false},
		{"no table", answers(http.StatusBadRequest, `{"__type":"x#ResourceNotFoundException","message":""}`), 1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db, count := noAnswers(test.answer)
				for doing, err := range map[string]error{
					"transact": db.transact(t.Context(), db.putting(item{}, "", nil)),
					"write":    db.write(t.Context(), func() error { return db.update(t.Context(), cursorKey(), setSwept, ifLater, nil) }),
				} {
					if IsUnavailable(err) != test.outage || err == nil {
						t.Errorf("%s = %v, unavailable: %v, want %v", doing, err, IsUnavailable(err), test.outage)
					}
				}
				if n := count(); n != 2*test.tries {
					t.Errorf("two writes made %d requests, want %d", n, 2*test.tries)
				}
			})
		})
	}
}

// atOneItem is an engine as DynamoDB is where all write the same item: who comes while another is at it is refused, after a while.
func atOneItem() spoil {
	var mu sync.Mutex
	busy := false
	enter := func() bool {
		mu.Lock()
		defer mu.Unlock()
		entered := !busy
		busy = true
		return entered
	}
	return func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		if !enter() {
			<-time.After(8 * time.Millisecond)
			if r.Header.Get("X-Amz-Target") == "DynamoDB_20120810.TransactWriteItems" {
				return conflicted(next, r)
			}
			return interrupted(next, r)
		}
		<-time.After(25 * time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		busy = false
		return answers(http.StatusOK, `{}`)(next, r)
	}
}

func TestSixtyFourWritersOfAProjectAllGetTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, _ := noAnswers(atOneItem())
		c := newClock()
		var wg sync.WaitGroup
		for range 64 {
			w := aHook("p1", c)
			wg.Go(func() {
				if err := db.Webhooks().Create(t.Context(), w); err != nil {
					t.Errorf("Create among sixty-four = %v, want nil", err)
				}
			})
		}
		wg.Wait()
	})
}

func TestARequestThatHangsIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaults()
		f.always("", answers(http.StatusOK, `{}`))
		c := client("http://127.0.0.1:1", f.between(nil))
		impatient := dynamodb.New(c.Options(), func(o *dynamodb.Options) {
			o.HTTPClient = &http.Client{Transport: f, Timeout: 3 * time.Second}
		})
		db := New(Config{Client: impatient, Table: "hermod"})
		f.then("UpdateItem", hangs, hangs)
		if err := db.Cursor().Swept(t.Context(), time.Now()); err != nil || f.count() != 3 {
			t.Errorf("Swept with two requests that hang = %v, want nil", err)
		}
		f.then("UpdateItem", hangs, hangs, hangs, hangs)
		if err := wantOutage(db.Cursor().Swept(t.Context(), time.Now())); err != nil {
			t.Errorf("Swept with requests that hang: %v", err)
		}
	})
}

func TestALongWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, count := noAnswers(throttled)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), firstPause/4)
		defer cancel()
		err := db.Jobs().Update(ctx, changed(t, aJob(newClock()), newClock()))
		if took := time.Since(start); wantOutage(err) != nil || count() != 1 || took != firstPause/4 {
			t.Errorf("Update = %v after %v, want the first fault when the context ends", err, took)
		}
	})
}

func TestAThrottledReadIsMadeAgain(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	j, w := aJob(c), createHook(t, db, "p1", c)
	must(t, db.Jobs().Create(t.Context(), j), "Create")
	for _, operation := range []string{"GetItem", "Query", "BatchGetItem"} {
		f.then(operation, throttled, broken, lost)
	}
	wantJob(t, db, j)
	hooks, err := db.Webhooks().List(t.Context(), "p1", "", 5)
	if err != nil || len(hooks) != 1 || hooks[0].UID != w.UID {
		t.Errorf("List = %v, %v, want the one webhook", hooks, err)
	}
	f.always("", broken)
	for doing, err := range map[string]error{
		"List":           second(db.Webhooks().List(t.Context(), "p1", "", 5)),
		"ProjectMatches": second(db.Webhooks().ProjectMatches(t.Context(), "p1")),
		"JobMatches":     second(db.Webhooks().JobMatches(t.Context(), "p1", "j1")),
		"HooksVersion":   third(db.Webhooks().HooksVersion(t.Context(), "p1")),
		"Get":            second(db.Jobs().Get(t.Context(), j.Project, j.UID)),
		"Workflow":       second(db.Jobs().Workflow(t.Context(), "p1", "f1")),
		"ListWorkflows":  second(db.Jobs().ListWorkflows(t.Context(), "p1")),
		"List of jobs":   third(db.Jobs().List(t.Context(), job.Query{Project: "p1", Limit: 5})),
		"Pages":          second(db.Inputs().Pages(t.Context(), aRef(c), job.DataPage, "a")),
		"LastPage":       third(db.Inputs().LastPage(t.Context(), aRef(c), job.DataPage, "a", "b")),
		"Chunks":         second(db.Inputs().Chunks(t.Context(), aRef(c), 0, 5)),
		"KeyByHash":      second(db.Access().KeyByHash(t.Context(), "hash")),
		"Project":        second(db.Access().Project(t.Context(), "p1")),
		"DataKey":        second(db.Keys().DataKey(t.Context(), "p1")),
		"SweptUntil":     second(db.Cursor().SweptUntil(t.Context())),
	} {
		if err := wantOutage(err); err != nil {
			t.Errorf("%s while the table is out of reach: %v", doing, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func third[T, U any](_ T, _ U, err error) error { return err }
