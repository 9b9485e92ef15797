package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hermod/shared/job"
)

// Workflows is the suite of job.Workflows.
func Workflows(t *testing.T, open func(t *testing.T, now func() time.Time) job.Workflows) {
	run(t, open, []test[job.Workflows]{
		{"a workflow is read as it was created", workflowReadAsCreated},
		{"a workflow that is not there is not found", workflowNotFound},
		{"a project lists its own workflows, newest first", workflowsListed},
		{"a workflow is read as it was updated last", workflowReadAsUpdated},
		{"an update of a workflow needs the version before it", workflowUpdateNeedsVersion},
		{"of many updates of a workflow's version one wins", workflowUpdateRace},
		{"a workflow that was deleted is not there", workflowDeleted},
		{"of many deletes of a workflow one wins", workflowDeleteRace},
		{"another project's workflow is not changed", workflowOfAnotherProject},
		{"a project has as many workflows as it may have", workflowQuota},
	})
}

func newWorkflow(project string, c *Clock) job.Workflow {
	return job.Workflow{
		UID: newUID(c), Project: project, Name: `Anreichern "A→B"`, CreatedAt: c.Now(), Version: 1,
		Steps: []job.Step{{UID: newUID(c), StepUID: "s/1", Name: `Suche "x"`}, {UID: newUID(c)}, {UID: newUID(c), Name: "三"}},
	}
}

func createWorkflow(t *testing.T, s job.Workflows, c *Clock) job.Workflow {
	t.Helper()
	w := newWorkflow("p1", c)
	must(t, s.CreateWorkflow(t.Context(), w), "CreateWorkflow")
	return w
}

func wantWorkflow(t *testing.T, s job.Workflows, want job.Workflow) {
	t.Helper()
	got, err := s.Workflow(t.Context(), want.Project, want.UID)
	if diff := same(want, got); err != nil || diff != "" {
		t.Errorf("Workflow = %v (-want +got):\n%s", err, diff)
	}
}

func workflowReadAsCreated(t *testing.T, s job.Workflows, c *Clock) {
	c.Advance(7 * time.Millisecond)
	wantWorkflow(t, s, createWorkflow(t, s, c))
	bare := job.Workflow{UID: newUID(c), Project: "p1", Version: 1}
	must(t, s.CreateWorkflow(t.Context(), bare), "CreateWorkflow")
	wantWorkflow(t, s, bare)
	full := newWorkflow("p1", c)
	for len(full.Steps) < job.MaxSteps {
		full.Steps = append(full.Steps, job.Step{UID: newUID(c), StepUID: newUID(c), Name: strings.Repeat("ñ", job.MaxName/2)})
	}
	must(t, s.CreateWorkflow(t.Context(), full), "CreateWorkflow with %d steps", job.MaxSteps)
	wantWorkflow(t, s, full)
}

// changedWorkflow returns the workflow's next version.
func changedWorkflow(w job.Workflow) job.Workflow {
	w.Version++
	w.Name = fmt.Sprint("version ", w.Version)
	w.Steps = append([]job.Step{{UID: w.UID, Name: w.Name}}, w.Steps...)
	return w
}

func workflowReadAsUpdated(t *testing.T, s job.Workflows, c *Clock) {
	w, other := createWorkflow(t, s, c), createWorkflow(t, s, c)
	wantWorkflow(t, s, w)
	for range 3 {
		w = changedWorkflow(w)
		must(t, s.UpdateWorkflow(t.Context(), w), "UpdateWorkflow to version %d", w.Version)
		wantWorkflow(t, s, w)
	}
	w.Version, w.Steps = w.Version+1, nil
	must(t, s.UpdateWorkflow(t.Context(), w), "UpdateWorkflow to no steps")
	wantWorkflow(t, s, w)
	wantWorkflow(t, s, other)
	wantWorkflowsListed(t, s, "p1", w, other)
}

func wantWorkflowsListed(t *testing.T, s job.Workflows, project string, want ...job.Workflow) {
	t.Helper()
	slices.SortFunc(want, func(a, b job.Workflow) int { return cmp.Compare(b.UID, a.UID) })
	got, err := s.ListWorkflows(t.Context(), project)
	if diff := same(want, got); err != nil || diff != "" {
		t.Errorf("ListWorkflows = %v (-want +got):\n%s", err, diff)
	}
}

func workflowUpdateNeedsVersion(t *testing.T, s job.Workflows, c *Clock) {
	w := changedWorkflow(createWorkflow(t, s, c))
	must(t, s.UpdateWorkflow(t.Context(), w), "UpdateWorkflow")
	for _, version := range []int{0, 1, 2, 4, 5} {
		next := changedWorkflow(w)
		next.Version = version
		if err := s.UpdateWorkflow(t.Context(), next); !errors.Is(err, job.ErrWorkflowStale) {
			t.Errorf("UpdateWorkflow of version 2 to version %d = %v, want ErrWorkflowStale", version, err)
		}
	}
	wantWorkflow(t, s, w)
}

func workflowUpdateRace(t *testing.T, s job.Workflows, c *Clock) {
	w := createWorkflow(t, s, c)
	for range 4 {
		named := func(i int) job.Workflow {
			next := changedWorkflow(w)
			next.Name = fmt.Sprint("writer ", i)
			return next
		}
		won := winner(t, job.ErrWorkflowStale, atOnce(writers, func(i int) error { return s.UpdateWorkflow(t.Context(), named(i)) }))
		w = named(won)
		wantWorkflow(t, s, w)
	}
}

func wantNoWorkflow(t *testing.T, s job.Workflows, w job.Workflow) {
	t.Helper()
	if got, err := s.Workflow(t.Context(), w.Project, w.UID); !errors.Is(err, job.ErrNoWorkflow) {
		t.Errorf("Workflow = %+v, %v, want ErrNoWorkflow", got, err)
	}
	if err := s.UpdateWorkflow(t.Context(), changedWorkflow(w)); !errors.Is(err, job.ErrNoWorkflow) {
		t.Errorf("UpdateWorkflow = %v, want ErrNoWorkflow", err)
	}
	if err := s.DeleteWorkflow(t.Context(), w.Project, w.UID); !errors.Is(err, job.ErrNoWorkflow) {
		t.Errorf("DeleteWorkflow = %v, want ErrNoWorkflow", err)
	}
}

func workflowDeleted(t *testing.T, s job.Workflows, c *Clock) {
	w, other := createWorkflow(t, s, c), createWorkflow(t, s, c)
	wantWorkflow(t, s, w)
	must(t, s.DeleteWorkflow(t.Context(), "p1", w.UID), "DeleteWorkflow")
	wantNoWorkflow(t, s, w)
	wantWorkflow(t, s, other)
	wantWorkflowsListed(t, s, "p1", other)
}

func workflowDeleteRace(t *testing.T, s job.Workflows, c *Clock) {
	w := createWorkflow(t, s, c)
	winner(t, job.ErrNoWorkflow, atOnce(writers, func(int) error { return s.DeleteWorkflow(t.Context(), "p1", w.UID) }))
	wantNoWorkflow(t, s, w)
}

func workflowOfAnotherProject(t *testing.T, s job.Workflows, c *Clock) {
	w := createWorkflow(t, s, c)
	for _, project := range []string{"p2", ""} {
		theirs := w
		theirs.Project = project
		wantNoWorkflow(t, s, theirs)
	}
	wantNoWorkflow(t, s, newWorkflow("p1", c)) // which was never created
	wantWorkflow(t, s, w)
}

func workflowNotFound(t *testing.T, s job.Workflows, c *Clock) {
	w := newWorkflow("p1", c)
	must(t, s.CreateWorkflow(t.Context(), w), "CreateWorkflow")
	for _, who := range []struct{ project, uid string }{{"p1", newUID(c)}, {"p2", w.UID}, {"", w.UID}} {
		if got, err := s.Workflow(t.Context(), who.project, who.uid); !errors.Is(err, job.ErrNoWorkflow) {
			t.Errorf("Workflow %s of project %q = %+v, %v, want ErrNoWorkflow", who.uid, who.project, got, err)
		}
	}
}

func workflowsListed(t *testing.T, s job.Workflows, c *Clock) {
	var want []job.Workflow
	for range 7 {
		c.Advance(time.Second)
		want = append(want, createWorkflow(t, s, c))
		must(t, s.CreateWorkflow(t.Context(), newWorkflow("p2", c)), "CreateWorkflow")
	}
	wantWorkflowsListed(t, s, "p1", want...)
	if got, err := s.ListWorkflows(t.Context(), "p3"); err != nil || len(got) != 0 {
		t.Errorf("ListWorkflows of a project that has none = %v, %v, want none", got, err)
	}
}

func workflowQuota(t *testing.T, s job.Workflows, c *Clock) {
	inTurn(job.MaxWorkflows, func(i int) {
		if err := s.CreateWorkflow(t.Context(), newWorkflow("p1", c)); err != nil {
			t.Errorf("CreateWorkflow %d of %d = %v, want nil", i, job.MaxWorkflows, err)
		}
	})
	if err := s.CreateWorkflow(t.Context(), newWorkflow("p1", c)); !errors.Is(err, job.ErrWorkflowQuota) {
		t.Errorf("CreateWorkflow beyond the quota = %v, want ErrWorkflowQuota", err)
	}
	if got, err := s.ListWorkflows(t.Context(), "p1"); err != nil || len(got) != job.MaxWorkflows {
		t.Errorf("ListWorkflows = %d of them, %v, want %d", len(got), err, job.MaxWorkflows)
	}
	must(t, s.CreateWorkflow(t.Context(), newWorkflow("p2", c)), "CreateWorkflow of another project")
	list, err := s.ListWorkflows(t.Context(), "p1")
	must(t, err, "ListWorkflows")
	if err := s.DeleteWorkflow(t.Context(), "p2", list[0].UID); !errors.Is(err, job.ErrNoWorkflow) {
		t.Errorf("DeleteWorkflow of another project's workflow = %v, want ErrNoWorkflow", err)
	}
	must(t, s.DeleteWorkflow(t.Context(), "p1", list[0].UID), "DeleteWorkflow")
	must(t, s.CreateWorkflow(t.Context(), newWorkflow("p1", c)), "CreateWorkflow in the place of one that was deleted")
	if err := s.CreateWorkflow(t.Context(), newWorkflow("p1", c)); !errors.Is(err, job.ErrWorkflowQuota) {
		t.Errorf("CreateWorkflow beyond the quota = %v, want ErrWorkflowQuota", err)
	}
}
