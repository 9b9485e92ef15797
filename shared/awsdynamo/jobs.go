package awsdynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hermod/shared/job"
)

// A change of a job, and its condition: the job is there, the project's, and of the version before. What a launch said never
// changes. Numbers that are zero and texts that are empty are stored here, so that the expression is always the same.
const (
	setChange       = "SET f = :f, v = :v, st = :st, er = :er, es = :es, cn = :cn, rt = :rt, ua = :ua, ta = :ta, fa = :fa, ch = :ch, #ttl = :ttl"
	ifVersionBefore = "pid = :pid AND v = :before AND #ttl > :now"
)

// A configuration that is kept longer.
const (
	setExpiry = "SET #ttl = :ttl"
	ifEarlier = "#ttl < :ttl"
)

// errNoConfiguration says that a table was changed by hand, or a backup of it is not whole.
var errNoConfiguration = errors.New("its configuration is missing")

// Jobs keeps jobs and workflows. It is a job.Store and a job.Workflows.
type Jobs struct{ db *DB }

// Jobs returns the side of the table that keeps jobs.
func (db *DB) Jobs() *Jobs { return &Jobs{db} }

// Create writes a job that was launched. The put of its item is the publish; the configuration, which no event tells, comes before,
// in an item of its own, so that no change of the job pays for it.
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

// Update writes a change over the version before it. The job is one that Get returned, and then changed: its configuration says
// whether there is one to keep.
func (s *Jobs) Update(ctx context.Context, j job.Job) error {
	if err := s.change(ctx, j); err != nil {
		return fmt.Errorf("update job %s: %w", j.UID, err)
	}
	return nil
}

func (s *Jobs) change(ctx context.Context, j job.Job) error {
	if err := s.keepConfiguration(ctx, j); err != nil {
		return err
	}
	values := changeValues(j)
	values[":f"], values[":pid"] = number(format), text(j.Project)
	values[":before"], values[":now"] = number(int64(j.Version)-1), number(s.db.now().Unix())
	err := s.db.write(ctx, func() error { return s.db.update(ctx, jobKey(j.UID), setChange, ifVersionBefore, values) })
	met, lost := refused(err)
	switch {
	case !lost:
		return err
	case met.text("pid") != j.Project || met.alive(s.db.now()) == nil:
		return job.ErrNotFound
	}
	return job.ErrStale
}

// keepConfiguration moves the configuration's end before a change of the job that could outlive it. That is once in a job's
// retention at most: see configurationExpiry.
func (s *Jobs) keepConfiguration(ctx context.Context, j job.Job) error {
	if len(j.Configuration) == 0 {
		return nil
	}
	until := configurationExpiry(j, j.UpdatedAt)
	if n := len(j.Changes); n > 1 && configurationExpiry(j, j.Changes[n-2].At).Equal(until) {
		return nil
	}
	values := item{}
	values.setExpiry(until)
	err := s.db.read(ctx, func() error {
		return s.db.update(ctx, configurationKey(j.UID), setExpiry, ifEarlier, item{":ttl": values["ttl"]})
	})
	if _, later := refused(err); later {
		return nil
	}
	return err
}

// configurationExpiry is when the configuration of a job expires that was changed at the given time. It counts in whole retentions
// since the job's creation, so that most changes leave it as it is, and is later than the job's own expiry.
func configurationExpiry(j job.Job, changed time.Time) time.Time {
	return j.CreatedAt.Add((changed.Sub(j.CreatedAt)/job.Retention + 2) * job.Retention)
}

func configurationItem(j job.Job) item {
	i := configurationKey(j.UID).item()
	i["f"], i["pid"], i["doc"] = number(format), text(j.Project), octets(j.Configuration)
	i.setExpiry(configurationExpiry(j, j.UpdatedAt))
	return i
}

// jobItem is a job as it is kept: what a launch says, and then what each change says anew.
//
//	pid, fid, fn, n, ca, sa   project, workflow and its name, the job's name, times of creation and schedule
//	cfg                       1 if there is a configuration
//	v, st, rt, cn             version, status, retries, counts
//	ua, ta, fa                times of the last change, of the first running, of the end
//	ch                        the last changes; see changesText
//	es, er                    the different errors; which of them is the job's
func jobItem(j job.Job) item {
	i := jobKey(j.UID).item()
	i["f"], i["pid"] = number(format), text(j.Project)
	i.setText("fid", j.Workflow)
	i.setText("fn", j.WorkflowName)
	i.setText("n", j.Name)
	i.setTime("ca", j.CreatedAt)
	i.setTime("sa", j.ScheduledAt)
	i.setFlag("cfg", len(j.Configuration) > 0)
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
	return item{
		":v": number(int64(j.Version)), ":st": text(string(j.Status)), ":rt": number(int64(j.Retries)), ":cn": text(countsText(j.Counts)),
		":ua": moment(j.UpdatedAt), ":ta": moment(j.StartedAt), ":fa": moment(j.FinishedAt), ":ch": text(changes),
		":er": number(int64(es.add(j.Error))), ":es": es.value(), ":ttl": end["ttl"],
	}
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
		CreatedAt: i.time("ca"), UpdatedAt: i.time("ua"), ScheduledAt: i.time("sa"), StartedAt: i.time("ta"), FinishedAt: i.time("fa"),
	}
	var err error
	if j.Counts, err = countsOf(i); err != nil {
		return job.Job{}, err
	}
	j.Changes, err = changesOf(i, es)
	return j, err
}
