package awsdynamo

import (
	"context"
	"errors"
	"fmt"

	"hermod/shared/job"
)

// Changes of a job, and their conditions: the job is there, and the project's. What a launch said never changes, and where the list of
// inputs ends only by extend. Numbers that are zero and texts that are empty are stored by setChange, so that it is always the same, but
// for what tells a paused job.
const (
	setChange = "SET f = :f, v = :v, st = :st, er = :er, es = :es, tt = :tt, tc = :tc, rt = :rt, ua = :ua, ta = :ta, fa = :fa, ch = :ch, " +
		"#ttl = :ttl"
	andPaused       = ", due_pk = :due_pk, due_sk = :due_sk"
	andNotPaused    = " REMOVE due_pk, due_sk"
	ifJob           = "pid = :pid AND #ttl > :now"
	ifVersionBefore = ifJob + " AND v = :before AND (attribute_not_exists(tc) OR tc <= :tc)"

	extend       = "SET ni = :to"
	andClose     = ", cl = :closed"
	ifEndsAt     = ifJob + " AND attribute_not_exists(cl) AND ni = :from"
	ifEndsAtZero = ifJob + " AND attribute_not_exists(cl) AND (attribute_not_exists(ni) OR ni = :from)"

	setTotals     = "SET tt = :tt, tc = :tc"
	ifLaterTotals = ifJob + " AND (attribute_not_exists(tc) OR tc < :tc)"
)

// errNoConfiguration says that a table was changed by hand, or a backup of it is not whole.
var errNoConfiguration = errors.New("its configuration is missing")

// Jobs keeps jobs and workflows. It is a job.Store and a job.Workflows.
type Jobs struct{ db *DB }

// Jobs returns the side of the table that keeps jobs.
func (db *DB) Jobs() *Jobs { return &Jobs{db} }

// Create writes a job that was launched. The put of its item is the publish. Before it come its entry in the workflow's list, and the
// configuration, which no event tells: in an item of its own, so that no change of the job pays for it.
func (s *Jobs) Create(ctx context.Context, j job.Job) error {
	if err := s.create(ctx, j); err != nil {
		return fmt.Errorf("create job %s: %w", j.UID, err)
	}
	return nil
}

func (s *Jobs) create(ctx context.Context, j job.Job) error {
	if len(j.Configuration) > 0 {
		if err := s.putNew(ctx, configurationItem(j)); err != nil {
			return err
		}
	}
	if j.Workflow != "" {
		if err := s.db.put(ctx, flowEntryItem(j), "", nil); err != nil {
			return err
		}
	}
	return s.putNew(ctx, jobItem(j))
}

func (s *Jobs) putNew(ctx context.Context, i item) error {
	err := s.db.put(ctx, i, ifNone, nil)
	if _, exists := refused(err); exists {
		return job.ErrExists
	}
	return err
}

// Get reads a job, and its configuration if it has one.
func (s *Jobs) Get(ctx context.Context, project, uid string) (job.Job, error) {
	j, err := s.read(ctx, project, uid)
	if err != nil {
		return job.Job{}, fmt.Errorf("read job %s: %w", uid, err)
	}
	return j, nil
}

func (s *Jobs) read(ctx context.Context, project, uid string) (job.Job, error) {
	i, err := s.db.get(ctx, jobKey(uid))
	switch {
	case err != nil:
		return job.Job{}, err
	case i == nil || i.text("pid") != project:
		return job.Job{}, job.ErrNotFound
	}
	j, err := decodeJob(i)
	if err != nil || !i.flag("cfg") {
		return j, err
	}
	i, err = s.db.get(ctx, configurationKey(uid))
	switch {
	case err != nil:
		return job.Job{}, err
	case i == nil:
		return job.Job{}, errNoConfiguration
	}
	j.Configuration = i.octets("doc")
	return j, i.readable()
}

// Update writes a change over the version before it. The job is one that Get returned, and then changed: it says what belongs to it
// and has to be kept.
func (s *Jobs) Update(ctx context.Context, j job.Job) error {
	if err := s.change(ctx, j); err != nil {
		return fmt.Errorf("update job %s: %w", j.UID, err)
	}
	return nil
}

func (s *Jobs) change(ctx context.Context, j job.Job) error {
	if err := s.keepBelongings(ctx, j); err != nil {
		return err
	}
	values := changeValues(j)
	values[":f"], values[":before"] = number(format), number(int64(j.Version)-1)
	change := setChange + andNotPaused
	if j.Status == job.Paused {
		change = setChange + andPaused
	}
	return s.write(ctx, j.Project, j.UID, change, ifVersionBefore, values)
}

// Extend moves the end of the job's list of inputs, and closes it if closed is true.
func (s *Jobs) Extend(ctx context.Context, project, uid string, from, to int, closed bool) error {
	change, condition := extend, ifEndsAt
	values := item{":from": number(int64(from)), ":to": number(int64(to))}
	if from == 0 {
		condition = ifEndsAtZero
	}
	if closed {
		change, values[":closed"] = extend+andClose, number(1)
	}
	if err := s.write(ctx, project, uid, change, condition, values); err != nil {
		return fmt.Errorf("extend inputs of job %s: %w", uid, err)
	}
	return nil
}

// SetTotals keeps totals that are later than the stored ones.
func (s *Jobs) SetTotals(ctx context.Context, project, uid string, t job.Totals) error {
	if t.Clock == 0 {
		return nil // those of a job of which nothing was reported
	}
	values := item{":tt": text(totalsText(t)), ":tc": number(int64(t.Clock)), ":pid": text(project), ":now": number(s.db.now().Unix())}
	err := s.db.read(ctx, func() error { return s.db.update(ctx, jobKey(uid), setTotals, ifLaterTotals, values) })
	if _, earlier := refused(err); earlier || err == nil {
		return nil // earlier than the stored ones, or there is no job
	}
	return fmt.Errorf("set totals of job %s: %w", uid, err)
}

// write changes the item of a job on a condition, of which ifJob is a part. Errors: job.ErrNotFound, job.ErrStale.
func (s *Jobs) write(ctx context.Context, project, uid, change, condition string, values item) error {
	values[":pid"], values[":now"] = text(project), number(s.db.now().Unix())
	err := s.db.write(ctx, func() error { return s.db.update(ctx, jobKey(uid), change, condition, values) })
	met, lost := refused(err)
	switch {
	case !lost:
		return err
	case met.text("pid") != project || met.alive(s.db.now()) == nil:
		return job.ErrNotFound
	}
	return job.ErrStale
}

func configurationItem(j job.Job) item {
	i := configurationKey(j.UID).item()
	i["f"], i["pid"], i["doc"] = number(format), text(j.Project), octets(j.Configuration)
	i.setExpiry(belongingsEnd(j.UID, j.UpdatedAt))
	return i
}

// flowEntryItem is a job's entry in the list of its workflow. Its keys say it all, but for the project.
func flowEntryItem(j job.Job) item {
	i := flowEntryKey(j.Workflow, j.UID).item()
	i["f"], i["pid"] = number(format), text(j.Project)
	i.setExpiry(belongingsEnd(j.UID, j.UpdatedAt))
	return i
}

// jobItem is a job as it is kept: what a launch says, and then what each change says anew.
//
//	pid, fid, fn, n, ca, sa   project, workflow and its name, the job's name, times of creation and schedule
//	cfg                       1 if there is a configuration
//	v, st, rt                 version, status, retries
//	ni, cl                    where the list of inputs ends, 1 if it is closed
//	tt, tc                    totals of its inputs (see totalsText), and their clock
//	ua, ta, fa                times of the last change, of the first running, of the end
//	ch                        the last changes; see changesText
//	es, er                    the different errors; which of them is the job's
//	list_pk, list_sk          its entry in the list of the project's jobs
//	due_pk, due_sk            its entry in the list of those that are paused, while it is
func jobItem(j job.Job) item {
	i := jobKey(j.UID).item()
	i["f"], i["pid"] = number(format), text(j.Project)
	i.setText("fid", j.Workflow)
	i.setText("fn", j.WorkflowName)
	i.setText("n", j.Name)
	i.setTime("ca", j.CreatedAt)
	i.setTime("sa", j.ScheduledAt)
	i.setFlag("cfg", len(j.Configuration) > 0)
	i.setInt("ni", j.Inputs)
	i.setFlag("cl", j.Closed)
	listPK, listSK := listedJobKey(j.Project, j.UID)
	i["list_pk"], i["list_sk"] = text(listPK), text(listSK)
	for name, value := range changeValues(j) {
		i[name[1:]] = value
	}
	return i
}

// changeValues are the values of setChange that are of the job.
func changeValues(j job.Job) item {
	var es errorList
	changes := changesText(j.Changes, &es)
	end := item{}
	end.setExpiry(j.UpdatedAt.Add(job.Retention))
	values := item{
		":v": number(int64(j.Version)), ":st": text(string(j.Status)), ":rt": number(int64(j.Retries)),
		":tt": text(totalsText(j.Totals)), ":tc": number(int64(j.Totals.Clock)),
		":ua": moment(j.UpdatedAt), ":ta": moment(j.StartedAt), ":fa": moment(j.FinishedAt), ":ch": text(changes),
		":er": number(int64(es.add(j.Error))), ":es": es.value(), ":ttl": end["ttl"],
	}
	if j.Status == job.Paused {
		values[":due_pk"], values[":due_sk"] = text(pausedPartition(j.Project)), text(j.UID)
	}
	return values
}

// decodeJob reads a job without its configuration.
func decodeJob(i item) (job.Job, error) {
	if err := i.readable(); err != nil {
		return job.Job{}, err
	}
	es := errorsOf(i)
	j := job.Job{
		UID: i.text("pk")[len("J#"):], Project: i.text("pid"), Workflow: i.text("fid"), WorkflowName: i.text("fn"), Name: i.text("n"),
		Status: job.Status(i.text("st")), Version: i.int("v"), Error: es.at(i.int("er")), Retries: i.int("rt"),
		Inputs: i.int("ni"), Closed: i.flag("cl"),
		CreatedAt: i.time("ca"), UpdatedAt: i.time("ua"), ScheduledAt: i.time("sa"), StartedAt: i.time("ta"), FinishedAt: i.time("fa"),
	}
	var err error
	if j.Totals, err = totalsOf(i); err != nil {
		return job.Job{}, err
	}
	j.Changes, err = changesOf(i, es)
	return j, err
}
