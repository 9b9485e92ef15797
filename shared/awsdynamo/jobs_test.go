package awsdynamo

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hermod/infra/meter"
	"hermod/shared/job"
	"hermod/shared/uid"
)

// clock is a time that a test moves.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)} }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }

// aJob is a usual job that was launched now.
func aJob(c *clock) job.Job {
	return job.Launch(job.Job{
		UID: uid.New(c.now()), Project: uid.New(c.now()), Workflow: uid.New(c.now()), WorkflowName: "Enrich leads with company data", Name: "Leads of March, second half",
	}, c.now())
}

// changed is the job after the next change of an endless life.
func changed(t *testing.T, j job.Job, c *clock) job.Job {
	t.Helper()
	c.advance(time.Hour + 23*time.Minute)
	next := job.Running
	if j.Status == job.Running {
		next = job.Paused
	}
	j, moved, err := j.Apply(job.Update{Status: next}, c.now())
	if err != nil || !moved {
		t.Fatalf("Apply(%s) = moved %v, %v, want it to move", next, moved, err)
	}
	return j
}

func must(t *testing.T, err error, doing string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s = %v, want nil", doing, err)
	}
}

func wantJob(t *testing.T, db *DB, want job.Job) {
	t.Helper()
	got, err := db.Jobs().Get(t.Context(), want.Project, want.UID)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
		t.Errorf("Get = %v (-want +got):\n%s", err, diff)
	}
}

// size is what DynamoDB takes the item to be, in bytes.
func size(t *testing.T, i item) int {
	t.Helper()
	wire, err := json.Marshal(wireOf(i))
	must(t, err, "Marshal")
	n, err := meter.ItemSize(wire)
	must(t, err, "ItemSize")
	return n
}

func TestAJobOfTwentyChangesIsWithinAKilobyte(t *testing.T) {
	c := newClock()
	j := aJob(c)
	j.ScheduledAt = c.now()
	for range 2 * job.MaxChanges {
		j = changed(t, j, c)
	}
	j = changed(t, j, c) // paused, which tells more
	j.Inputs, j.Closed, j.Totals = job.MaxInputs, true, job.Totals{Running: 500, Succeeded: 98_500, Failed: 1000, Outputs: 99_000_000, Clock: 1_000_000}
	j.Retries = 12
	if n := size(t, jobItem(j)); n > 1024 {
		t.Errorf("a job with %d changes has %d bytes, want at most 1,024", len(j.Changes), n)
	} else {
		t.Logf("a job with %d changes has %d bytes", len(j.Changes), n)
	}
}

func TestAnErrorThatComesAgainIsKeptOnce(t *testing.T) {
	c := newClock()
	j := aJob(c)
	var once int
	for n := range 6 {
		j = changed(t, j, c)
		after, _, err := j.Apply(job.Update{Status: job.Shutdown, Error: strings.Repeat("the supplier's API does not answer; ", 10)}, c.now())
		must(t, err, "Apply")
		if j, err = after.Retry(c.now()); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			once = size(t, jobItem(after))
		}
	}
	if n := size(t, jobItem(j)); n > once+400 {
		t.Errorf("a job that failed six times in the same way has %d bytes, after the first time it had %d", n, once)
	}
}

func TestWordsOfALaterReleaseAreKept(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	j := changed(t, aJob(c), c)
	j.Status = "archived"
	j.Changes = append(j.Changes,
		job.Change{Version: 3, Status: "archived", Event: "archived", Cause: "policy", Error: "because", At: c.now()},
		job.Change{Version: 9, Status: "x", Event: "", Cause: "r"})
	must(t, db.Jobs().Create(t.Context(), j), "Create")
	want := j
	want.Changes = slices.Clone(j.Changes)
	want.Changes[3].Status, want.Changes[3].Cause = job.Stopped, job.CauseRetried // the letters of words that this release knows
	wantJob(t, db, want)
}

func TestAChangeKeepsWhatALaterReleaseAdded(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	j := aJob(c)
	must(t, db.Jobs().Create(t.Context(), j), "Create")
	must(t, db.update(t.Context(), jobKey(j.UID), "SET later = :x", "", item{":x": text("kept")}), "update")
	must(t, db.Jobs().Update(t.Context(), changed(t, j, c)), "Update")
	i, err := db.get(t.Context(), jobKey(j.UID))
	if err != nil || i.text("later") != "kept" {
		t.Errorf("after an update the item has later = %q, %v, want it kept", i.text("later"), err)
	}
}

func TestAJobOfALaterFormatIsNotRead(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	j := aJob(c)
	must(t, db.Jobs().Create(t.Context(), j), "Create")
	must(t, db.update(t.Context(), jobKey(j.UID), "SET f = :f", "", item{":f": number(format + 1)}), "update")
	if _, err := db.Jobs().Get(t.Context(), j.Project, j.UID); !errors.Is(err, errFormat) || IsUnavailable(err) {
		t.Errorf("Get = %v, unavailable: %v, want errFormat, which a repeat does not change", err, IsUnavailable(err))
	}
}

func TestAConfigurationCostsOnlyItsOwnJob(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	bare, configured := aJob(c), aJob(c)
	configured.Configuration = json.RawMessage(`{"delay": 5,  "name":"größe` + "\xff" + `"}`)
	for _, test := range []struct {
		doing    string
		requests int
		do       func() error
	}{
		{"create a job, and its entry in the workflow's list", 2, func() error { return db.Jobs().Create(t.Context(), bare) }},
		{"create a job with a configuration", 3, func() error { return db.Jobs().Create(t.Context(), configured) }},
		{"update a job", 1, func() error { return db.Jobs().Update(t.Context(), changed(t, bare, c)) }},
		{"update a job with a configuration", 1, func() error { return db.Jobs().Update(t.Context(), changed(t, configured, c)) }},
		{"read a job", 1, func() error { _, err := db.Jobs().Get(t.Context(), bare.Project, bare.UID); return err }},
		{"read a job with a configuration", 2, func() error {
			j, err := db.Jobs().Get(t.Context(), configured.Project, configured.UID)
			if string(j.Configuration) != string(configured.Configuration) {
				t.Errorf("the configuration is read as %q, want %q", j.Configuration, configured.Configuration)
			}
			return err
		}},
	} {
		f.count()
		must(t, test.do(), test.doing)
		if n := f.count(); n != test.requests {
			t.Errorf("to %s takes %d requests, want %d", test.doing, n, test.requests)
		}
	}
}

func TestWhatBelongsToAJobLivesAsLongAsIt(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	j := aJob(c)
	j.Configuration = json.RawMessage(`{"delay":5}`)
	r := job.Ref{Project: j.Project, Job: j.UID}
	must(t, db.Inputs().PutPage(t.Context(), r, job.Page{Kind: job.DataPage, Name: "a", Doc: []byte("data")}), "PutPage")
	must(t, db.Jobs().Create(t.Context(), j), "Create")
	must(t, db.Inputs().PutPage(t.Context(), r, job.Page{Kind: job.ResultPage, Name: "b", Doc: []byte("result")}), "PutPage")
	must(t, db.Inputs().PutChunk(t.Context(), r, job.Chunk{Version: 1, Doc: []byte("chunk")}), "PutChunk")
	f.count()
	const changes = 100
	for n := range changes {
		c.advance(time.Duration(n%7) * 9 * 24 * time.Hour) // up to 54 days: the job's end is 62 after a change
		j = changed(t, j, c)
		must(t, db.Jobs().Update(t.Context(), j), fmt.Sprintf("Update to version %d", j.Version))
		left := j.UpdatedAt.Add(job.Retention).Sub(c.now()) - time.Second
		c.advance(left)
		wantJob(t, db, j)
		wantBelongings(t, db, j, 1)
		c.advance(-left)
	}
	retentions := int(c.now().Sub(j.CreatedAt)/job.Retention) + 1
	if moves := (len(f.requests("UpdateItem")) - changes) / 5; moves > retentions || moves < retentions/2 {
		t.Errorf("in %d changes over %d retentions the ends were moved %d times, want one for each retention at most", changes, retentions, moves)
	}
	c.advance(job.Retention + time.Second)
	if _, err := db.Jobs().Get(t.Context(), j.Project, j.UID); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("Get of a job whose time is over = %v, want ErrNotFound", err)
	}
	c.advance(2 * job.Retention)
	wantBelongings(t, db, j, 0)
}

func TestAChangeIsNotMadeUntilWhatBelongsToTheJobIsKept(t *testing.T) {
	c := newClock()
	f := newFaults()
	db := open(t, c.now, f.between)
	j := aJob(c)
	r := job.Ref{Project: j.Project, Job: j.UID}
	must(t, db.Jobs().Create(t.Context(), j), "Create")
	must(t, db.Inputs().PutPage(t.Context(), r, job.Page{Kind: job.DataPage, Name: "a"}), "PutPage")
	must(t, db.Inputs().PutPage(t.Context(), r, job.Page{Kind: job.ResultPage, Name: "b"}), "PutPage")
	must(t, db.Inputs().PutChunk(t.Context(), r, job.Chunk{Version: 1}), "PutChunk")
	c.advance(job.Retention - 2*time.Hour)
	j = changed(t, j, c)
	must(t, db.Jobs().Update(t.Context(), j), "Update")
	next := changed(t, j, c)
	for _, operation := range []string{"Query", "UpdateItem"} {
		f.always(operation, broken)
		if err := wantOutage(db.Jobs().Update(t.Context(), next)); err != nil {
			t.Errorf("Update while each %s fails: %v", operation, err)
		}
		f.always(operation, fine)
		wantJob(t, db, j)
	}
	f.then("UpdateItem", lost, lost, lost)
	must(t, db.Jobs().Update(t.Context(), next), "Update")
	wantJob(t, db, next)
	c.advance(job.Retention - time.Second)
	wantBelongings(t, db, next, 1)
}

// What was written right before the border to another retention, by who did not know of a change, is kept like that change.
func TestWhatIsWrittenWhileAJobChangesIsKeptAsLong(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	j := aJob(c)
	border := uid.Time(j.UID).Add(job.Retention)
	c.at = border.Add(-10 * time.Second)
	end := db.Inputs().inputsEnd(job.Ref{Job: j.UID})
	if want := belongingsEnd(j.UID, border.Add(10*time.Second)); !end.Equal(want) {
		t.Errorf("a page written 10 s before the border ends %v, want %v, as after it", end, want)
	}
	if end := belongingsEnd("no uid", c.at); end.Before(c.at.Add(job.Retention)) {
		t.Errorf("what belongs to a job without a time ends %v, want it later than the job", end)
	}
}

// wantBelongings says what of a job's inputs and its entry in the workflow's list is not there, or is.
func wantBelongings(t *testing.T, db *DB, j job.Job, want int) {
	t.Helper()
	r := job.Ref{Project: j.Project, Job: j.UID}
	data, err := db.Inputs().Pages(t.Context(), r, job.DataPage, "a")
	must(t, err, "Pages")
	results, err := db.Inputs().Pages(t.Context(), r, job.ResultPage, "b")
	must(t, err, "Pages")
	chunks, err := db.Inputs().Chunks(t.Context(), r, 0, 10)
	must(t, err, "Chunks")
	entry, err := db.get(t.Context(), flowEntryKey(j.Workflow, j.UID))
	must(t, err, "get")
	if len(data) != want || len(results) != want || len(chunks) != want || (entry != nil) != (want == 1) {
		t.Errorf("%d data pages, %d result pages and %d chunks are read, an entry in the workflow's list: %v, want %d of each",
			len(data), len(results), len(chunks), entry != nil, want)
	}
}

func TestTheConfigurationOfAnotherJobOfTheSameUIDIsNotReplaced(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	j := aJob(c)
	j.Configuration = json.RawMessage(`{"mine":true}`)
	must(t, db.Jobs().Create(t.Context(), j), "Create")
	again := j
	again.Configuration = json.RawMessage(`{"theirs":true}`)
	if err := db.Jobs().Create(t.Context(), again); !errors.Is(err, job.ErrExists) {
		t.Errorf("Create of the same uid = %v, want ErrExists", err)
	}
	wantJob(t, db, j)
}
