package sqlite

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hermod/shared/access"
	"hermod/shared/delivery"
	"hermod/shared/job"
)

// TestEveryStatementHasAnIndex uses the whole package and asks SQLite how it runs each statement that was prepared: none walks
// through a table or sorts, but those of the cleaner, and those that go through a whole lane on purpose.
func TestEveryStatementHasAnIndex(t *testing.T) {
	bad := regexp.MustCompile(`^SCAN (?:delivery|event|answer|message|job|outbox|webhook|workflow|redrive|api_key|counter|health|input_page|input_chunk|unsettled)\b|TEMP B-TREE`)
	for query, steps := range plans(t) {
		for _, step := range steps {
			if bad.MatchString(step) {
				t.Errorf("%s\n\t%s", step, query)
			}
		}
	}
}

// Rows that a list only passes are not looked up: the index has all that it is narrowed by.
func TestListsOfDeliveriesAndOfAStatusAreNarrowedInTheIndex(t *testing.T) {
	found := 0
	for query, steps := range plans(t) {
		want := ""
		switch {
		case strings.Contains(query, "FROM delivery") && strings.Contains(query, "state <> 'succeeded'"):
			want = "COVERING INDEX delivery_list (project=? AND state=?"
		case strings.Contains(query, "FROM job") && strings.Contains(query, "status = ?") && !strings.HasPrefix(query, "UPDATE"):
			want = "INDEX job_status (project=? AND status=?"
		default:
			continue
		}
		found++
		if !slices.ContainsFunc(steps, func(step string) bool { return strings.Contains(step, want) }) {
			t.Errorf("%q, want %s\n\t%s", steps, want, query)
		}
	}
	if found < 10 {
		t.Errorf("only %d statements of such lists were found", found)
	}
}

// plans are the steps in which SQLite runs each statement, but those of the cleaner.
func plans(t *testing.T) map[string][]string {
	t.Helper()
	db := open(t, time.Now, func(c *Config) { c.Readers = 1 })
	useEverything(t, db)
	reader := <-db.readers
	defer func() { db.readers <- reader }()
	queries := statementsOf(reader)
	db.write(t.Context(), "test", func(t *tx) error { queries = append(queries, statementsOf(t.conn)...); return nil })
	if len(queries) < 50 {
		t.Fatalf("only %d statements were prepared", len(queries))
	}
	all := map[string][]string{}
	for _, query := range queries {
		if regexp.MustCompile(`^(BEGIN|COMMIT|ROLLBACK|PRAGMA|EXPLAIN)`).MatchString(query) || strings.Contains(query, "WHERE expires_at <= ?") {
			continue
		}
		for r, err := range reader.rows("EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...) {
			if err != nil {
				t.Fatalf("explain %s: %v", query, err)
			}
			all[query] = append(all[query], r.text(3))
		}
	}
	return all
}

func statementsOf(c *conn) (queries []string) {
	for query := range c.statements {
		queries = append(queries, query)
	}
	slices.Sort(queries)
	return queries
}

func useEverything(t *testing.T, db *DB) {
	t.Helper()
	ctx, now := t.Context(), time.Now()
	fillTables(t, db)
	launch(t, db, "j")
	db.Jobs().Get(ctx, "p", "j")
	db.Jobs().Update(ctx, job.Job{UID: "j", Project: "p", Version: 7})
	db.jobs.forget("j")
	db.Jobs().Get(ctx, "p", "j")
	db.Jobs().Extend(ctx, "p", "j", 0, 1, true)
	db.Jobs().SetTotals(ctx, "p", "j", job.Totals{Clock: 1})
	for _, q := range []job.Query{
		{}, {Workflow: "f", Skip: 7}, {Workflow: "f", Status: job.Running}, {Status: job.Paused}, {Workflow: "f", Status: job.Paused},
		{Status: job.Running, Since: now, Until: now, Before: "x"}, {Workflow: "f", Since: now, Before: "x"}, {Status: job.Paused, Before: "x"},
	} {
		q.Project, q.Limit = "p", 10
		if _, _, err := db.Jobs().List(ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	r := job.Ref{Project: "p", Job: "j"}
	db.Inputs().PutPage(ctx, r, job.Page{Name: "n"})
	db.Inputs().PutNewPage(ctx, r, job.Page{Name: "n"})
	db.Inputs().Pages(ctx, r, "", "n")
	db.Inputs().LastPage(ctx, r, "", "", "n")
	db.Inputs().PutChunk(ctx, r, job.Chunk{Version: 1})
	db.Inputs().PutChunk(ctx, r, job.Chunk{Version: 2})
	db.Inputs().Chunks(ctx, r, 0, 1)
	db.Jobs().Settled(ctx, marked(t, db)...)
	entries := changes(t, db, 1)
	db.Jobs().Again(ids(entries)...)
	db.Jobs().Passed(ctx, ids(changes(t, db, 1))...)
	db.Jobs().CreateWorkflow(ctx, job.Workflow{UID: "f", Project: "p"})
	db.Jobs().Workflow(ctx, "p", "f")
	db.Jobs().ListWorkflows(ctx, "p")
	db.Jobs().UpdateWorkflow(ctx, job.Workflow{UID: "f", Project: "p", Version: 2})
	db.Jobs().DeleteWorkflow(ctx, "p", "f")
	hook := aHook("w")
	hook.Job = "j"
	db.Webhooks().Create(ctx, hook)
	db.Webhooks().Park(ctx, "p", "w", now)
	db.Webhooks().Get(ctx, "p", "w")
	hook.Version++
	db.Webhooks().Update(ctx, hook)
	db.Webhooks().List(ctx, "p", "", 10)
	db.Webhooks().ProjectMatches(ctx, "p")
	db.Webhooks().HooksVersion(ctx, "p")
	db.Archive().AddMatch(ctx, "p", "e", delivery.Match{}, nil)
	db.Archive().Extend(ctx, "p", "e", now)
	db.Archive().Put(ctx, delivery.Event{UID: "e", Project: "p", At: now})
	db.Archive().AddMatch(ctx, "p", "e", delivery.Match{Webhook: "w", Format: job.FormatV3}, nil)
	for _, q := range []delivery.EventQuery{{}, {Job: "j"}, {Webhook: "w", Type: "created", Since: now, Until: now, Before: "x"}} {
		q.Project, q.Limit = "p", 10
		if _, _, err := db.Archive().Events(ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	d, a := aDelivery("e", "w", now)
	db.Log().Succeed(ctx, d, a)
	db.Log().Succeed(ctx, d, a)
	db.Log().Rows(ctx, d.UID)
	db.Log().Answers(ctx, d.UID)
	db.Log().Resent(ctx, d.UID, delivery.Place{}, delivery.Due{At: now})
	for _, q := range []delivery.Query{
		{}, {Webhook: "w", Job: "j", Workflow: "f", Event: "created", Class: "dns", Since: now, Until: now, Before: "x_y"}, {NoTests: true},
	} {
		q.Project, q.State, q.Limit = "p", delivery.Dead, 10
		if _, _, err := db.Log().List(ctx, q); err != nil {
			t.Fatal(err)
		}
		if _, _, err := db.Log().Count(ctx, q, 10); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := db.Log().Due(ctx, now, now, "1_e_w", 10); err != nil {
		t.Fatal(err)
	}
	sendTo(t, db.Queue(), delivery.LaneRetry, 1, "w")
	for range delivery.MaxReceives {
		db.Queue().Hide(ctx, receive(t, db.Queue(), delivery.LaneRetry, 1)[0], 0)
	}
	receive(t, db.Queue(), delivery.LaneRetry, 1)
	db.Queue().Redrive(ctx, delivery.LaneDead)
	db.Queue().Delete(ctx, receive(t, db.Queue(), delivery.LaneRetry, 1)...)
	db.Queue().Visible(ctx, delivery.LaneRetry)
	db.Access().CreateProject(ctx, access.Project{UID: "p"})
	db.Access().Project(ctx, "p")
	db.Access().CreateKey(ctx, access.Key{Hash: "h"})
	db.Access().KeyByHash(ctx, "h")
	db.Access().ListKeys(ctx, "")
	db.Access().DeleteKey(ctx, "", "")
	db.Access().Begin(ctx, "n", "r", now)
	db.Access().Abandon(ctx, "n")
	db.Keys().PutDataKey(ctx, "p", []byte("k"))
	db.Keys().DataKey(ctx, "p")
	db.Cursor().Swept(ctx, now)
	db.Cursor().SweptUntil(ctx)
	db.Redrives().Task(ctx, "p", "t")
	db.Redrives().ListTasks(ctx, "p", "", 10)
	db.Redrives().Page(ctx, "t", 0)
	db.Counters().Hours(ctx, "p", "w", now, now)
	db.Counters().Health(ctx, "p", "w")
	if err := db.Clean(ctx); err != nil {
		t.Fatal(err)
	}
}
