package awsdynamo

import (
	"encoding/json"
	"errors"
	"testing"

	"hermod/shared/job"
)

func TestAWorkflowOfTheFirstReleaseIsOfVersionOne(t *testing.T) {
	c := newClock()
	db := open(t, c.now)
	w := aWorkflow(c)
	w.Steps = nil
	old := workflowKey(w.Project, w.UID).item()
	old["f"], old["ca"], old["nm"] = number(format), moment(w.CreatedAt), text(w.Name)
	must(t, db.put(t.Context(), old, "", nil), "put")
	if err := isKept(w, func() (job.Workflow, error) { return db.Jobs().Workflow(t.Context(), w.Project, w.UID) }); err != nil {
		t.Error(err)
	}
	w.Version = 3
	if err := db.Jobs().UpdateWorkflow(t.Context(), w); !errors.Is(err, job.ErrWorkflowStale) {
		t.Errorf("UpdateWorkflow to version 3 = %v, want ErrWorkflowStale", err)
	}
	for w.Version = 2; w.Version < 4; w.Version++ {
		w.Steps = append(w.Steps, job.Step{UID: "s", Name: "größe"})
		must(t, db.Jobs().UpdateWorkflow(t.Context(), w), "UpdateWorkflow")
		if err := isKept(w, func() (job.Workflow, error) { return db.Jobs().Workflow(t.Context(), w.Project, w.UID) }); err != nil {
			t.Error(err)
		}
	}
	w.Version = 2
	if err := db.Jobs().UpdateWorkflow(t.Context(), w); !errors.Is(err, job.ErrWorkflowStale) {
		t.Errorf("UpdateWorkflow to version 2 again = %v, want ErrWorkflowStale", err)
	}
}

func TestAWorkflowOfDamagedStepsIsAnError(t *testing.T) {
	var syntax *json.SyntaxError
	if _, err := decodeWorkflow(item{"pk": text("P#p"), "sk": text("F#f"), "sp": text("[{]")}); !errors.As(err, &syntax) {
		t.Errorf("decodeWorkflow of damaged steps = %v, want what is wrong with them", err)
	}
}
