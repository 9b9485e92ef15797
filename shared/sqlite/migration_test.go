package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/delivery"
	"hermod/shared/job"
)

// aFileOfVersion makes a file as an earlier release made it, with rows as it wrote them.
func aFileOfVersion(t *testing.T, version int, rows ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "hermod.db")
	script := append([]string{"PRAGMA journal_mode = wal"}, migrations[:version]...)
	script = append(script, fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", version, applicationID))
	runSQL(t, path, append(script, rows...)...)
	return path
}

func TestJobsAndWorkflowsOfVersion1AreThere(t *testing.T) {
	created, paused := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), time.Date(2026, 3, 4, 5, 7, 7, 0, time.UTC)
	insert := func(uid, doc string) string {
		return fmt.Sprintf("INSERT INTO job (uid, project, version, expires_at, doc) VALUES ('%s', 'p', 2, %d, CAST('%s' AS BLOB))",
			uid, paused.Add(job.Retention).UnixNano(), doc)
	}
	changes := fmt.Sprintf(`[{"version":1,"status":"pending","event":"requested","cause":"launch","at":%d},{"version":2,"status":"paused","event":"paused","at":%d}]`,
		created.UnixNano(), paused.UnixNano())
	full := fmt.Sprintf(`{"uid":"a","project":"p","workflow":"f","workflow_name":"März","name":"<b>","status":"paused","version":2,"error":"quota",`+
		`"configuration":"{\"delay\":  5.0, \"x\":\"\\\"ü\"}","counts":{"pending":0,"running":0,"succeeded":0,"failed":0},"retries":3,`+
		`"created_at":%d,"updated_at":%d,"changes":%s}`, created.UnixNano(), paused.UnixNano(), changes)
	bare := fmt.Sprintf(`{"uid":"b","project":"p","status":"running","version":2,"created_at":%d,"updated_at":%[1]d,"changes":[{"version":2,"status":"running","at":%[1]d}]}`,
		created.UnixNano())
	path := aFileOfVersion(t, 1, insert("a", full), insert("b", bare),
		fmt.Sprintf("INSERT INTO outbox (id, doc) VALUES (1, CAST('%s' AS BLOB))", full),
		fmt.Sprintf(`INSERT INTO workflow (uid, project, doc) VALUES ('f', 'p', CAST('{"uid":"f","project":"p","name":"März","created_at":%d}' AS BLOB))`, created.UnixNano()),
	)
	db := reopen(t, Config{Path: path, CleanEvery: -1, Now: func() time.Time { return paused.Add(time.Hour) }})
	a := job.Job{
		UID: "a", Project: "p", Workflow: "f", WorkflowName: "März", Name: "<b>", Status: job.Paused, Version: 2, Error: "quota", Retries: 3,
		CreatedAt: created, UpdatedAt: paused,
		Changes: []job.Change{
			{Version: 1, Status: job.Pending, Event: job.EventRequested, Cause: job.CauseLaunched, At: created},
			{Version: 2, Status: job.Paused, Event: job.EventPaused, At: paused},
		},
	}
	b := job.Job{
		UID: "b", Project: "p", Status: job.Running, Version: 2, CreatedAt: created, UpdatedAt: created,
		Changes: []job.Change{{Version: 2, Status: job.Running, At: created}},
	}
	f := job.Workflow{UID: "f", Project: "p", Name: "März", CreatedAt: created, Version: 1}
	t.Run("lists", func(t *testing.T) {
		for _, list := range []struct {
			q    job.Query
			want []job.Job
		}{
			{job.Query{}, []job.Job{b, a}}, {job.Query{Workflow: "f"}, []job.Job{a}}, {job.Query{Status: job.Paused}, []job.Job{a}}, {job.Query{Status: job.Running}, []job.Job{b}},
		} {
			list.q.Project, list.q.Limit = "p", 10
			got, _, err := db.Jobs().List(t.Context(), list.q)
			if diff := cmp.Diff(list.want, got); err != nil || diff != "" {
				t.Errorf("List of %+v = %v (-want +got):\n%s", list.q, err, diff)
			}
		}
	})
	t.Run("outbox", func(t *testing.T) {
		got, err := db.Jobs().Changes(t.Context(), 10, 0)
		if diff := cmp.Diff([]OutboxEntry{{ID: 1, Job: a}}, got); err != nil || diff != "" {
			t.Errorf("Changes = %v (-want +got):\n%s", err, diff)
		}
	})
	t.Run("job", func(t *testing.T) {
		a.Configuration = []byte(`{"delay":  5.0, "x":"\"ü"}`)
		wantAfter := func(doing string, err error) {
			t.Helper()
			got, reading := db.Jobs().Get(t.Context(), "p", "a")
			if diff := cmp.Diff(a, got); err != nil || reading != nil || diff != "" {
				t.Errorf("%s = %v; Get = %v (-want +got):\n%s", doing, err, reading, diff)
			}
		}
		wantAfter("Open", nil)
		a, _, _ = a.Apply(job.Update{Status: job.Running}, db.Now())
		wantAfter("Update", db.Jobs().Update(t.Context(), a))
		a.Inputs = 5
		wantAfter("Extend", db.Jobs().Extend(t.Context(), "p", "a", 0, 5, false))
	})
	t.Run("workflow", func(t *testing.T) {
		got, err := db.Jobs().Workflow(t.Context(), "p", "f")
		if diff := cmp.Diff(f, got); err != nil || diff != "" {
			t.Errorf("Workflow = %v (-want +got):\n%s", err, diff)
		}
		f.Version = 2
		if err := db.Jobs().UpdateWorkflow(t.Context(), f); err != nil {
			t.Errorf("UpdateWorkflow = %v", err)
		}
	})
}

func TestDeliveriesOfVersion2AreThere(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	insert := func(hook, state, doc string) string {
		return fmt.Sprintf("INSERT INTO delivery VALUES ('e', '%s', 'p', '%s', 1, 2, NULL, 0, 0, 'j', 'f', 'failed', 'status', %d, CAST('%s' AS BLOB))",
			hook, state, now.Add(time.Hour).UnixNano(), doc)
	}
	db := reopen(t, Config{CleanEvery: -1, Now: func() time.Time { return now }, Path: aFileOfVersion(t, 2,
		insert("a", "cancelled", `{"sequence":3,"test":true,"reason":"test_failed","attempt_count":1,"last_error":"503"}`),
		insert("b", "cancelled", `{"sequence":3,"reason":"webhook_disabled","last_error":"the receiver answered \"test\":true"}`),
		insert("c", "succeeded", `{"test":true}`),
	)})
	row := func(hook string) delivery.Delivery {
		return delivery.Delivery{
			UID: delivery.UID{Event: "e", Webhook: hook}, Project: "p", State: delivery.Cancelled, Place: delivery.Place{Cycle: 1, Step: 2}, Job: "j",
			Workflow: "f", Event: job.EventFailed, LastClass: delivery.ClassStatus, ExpiresAt: now.Add(time.Hour),
		}
	}
	a, b, c := row("a"), row("b"), row("c")
	a.Sequence, a.Test, a.Reason, a.AttemptCount, a.LastError = 3, true, delivery.ReasonTest, 1, "503"
	b.Sequence, b.Reason, b.LastError = 3, delivery.ReasonDisabled, `the receiver answered "test":true`
	c.State, c.Test = delivery.Succeeded, true
	q := delivery.Query{Project: "p", State: delivery.Cancelled, Class: delivery.ClassStatus, Limit: 10}
	for _, q.NoTests = range []bool{false, true} {
		want := []delivery.Delivery{b, a}
		if q.NoTests {
			want = want[:1]
		}
		got, _, err := db.Log().List(t.Context(), q)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("List without tests %v = %v (-want +got):\n%s", q.NoTests, err, diff)
		}
	}
	got, err := db.Log().Rows(t.Context(), c.UID)
	if diff := cmp.Diff([]delivery.Delivery{c}, got); err != nil || diff != "" {
		t.Errorf("Rows = %v (-want +got):\n%s", err, diff)
	}
}
