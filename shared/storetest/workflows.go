package storetest

import (
	"errors"
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
		{"a project has as many workflows as it may have", workflowQuota},
	})
}

func newWorkflow(project string, c *Clock) job.Workflow {
	return job.Workflow{UID: newUID(c), Project: project, Name: `Anreichern "A→B"`, CreatedAt: c.Now()}
}

func workflowReadAsCreated(t *testing.T, s job.Workflows, c *Clock) {
	c.Advance(7 * time.Millisecond)
	w := newWorkflow("p1", c)
	must(t, s.CreateWorkflow(t.Context(), w), "CreateWorkflow")
	got, err := s.Workflow(t.Context(), "p1", w.UID)
	if diff := same(w, got); err != nil || diff != "" {
		t.Errorf("Workflow = %v (-want +got):\n%s", err, diff)
	}
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
		w := newWorkflow("p1", c)
		want = append([]job.Workflow{w}, want...)
		must(t, s.CreateWorkflow(t.Context(), w), "CreateWorkflow")
		must(t, s.CreateWorkflow(t.Context(), newWorkflow("p2", c)), "CreateWorkflow")
	}
	got, err := s.ListWorkflows(t.Context(), "p1")
	if diff := same(want, got); err != nil || diff != "" {
		t.Errorf("ListWorkflows = %v (-want +got):\n%s", err, diff)
	}
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
}
