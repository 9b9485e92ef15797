package job

import (
	"encoding/json"
	"fmt"
)

// Format is the shape of the body that a receiver gets.
type Format string

const (
	FormatV3       Format = "v3"       // nine flat fields
	FormatStandard Format = "standard" // type, timestamp and data, as Standard Webhooks recommends
)

// Formats lists every payload format; the first is the default.
var Formats = []Format{FormatV3, FormatStandard}

// payloadV3 has exactly the nine fields that clients of the v3 API expect.
type payloadV3 struct {
	UID          string  `json:"uid"` // the event's
	JobUID       string  `json:"job_uid"`
	Message      string  `json:"message"`
	ProjectUID   string  `json:"project_uid"`
	Error        *string `json:"error"`
	RecipeRef    string  `json:"recipe_ref"` // the job's uid
	WorkflowUID  string  `json:"workflow_uid"`
	WorkflowName string  `json:"workflow_name"`
	JobName      *string `json:"job_name"`
}

type payloadStandard struct {
	Type      string `json:"type"`
	Timestamp Time   `json:"timestamp"`
	Data      struct {
		Record
		Sequence   int    `json:"sequence"`
		ProjectUID string `json:"project_uid"`
		Cause      Cause  `json:"cause,omitempty"`
	} `json:"data"`
}

// Payload renders the body of an event of the given uid that tells change c of the job. j is the job right after that change;
// rendered later, it is the job of that moment with the change's status, version and error.
func (j Job) Payload(event string, c Change, f Format) ([]byte, error) {
	j.Status, j.Version, j.Error = c.Status, c.Version, c.Error
	switch f {
	case FormatV3:
		p := payloadV3{
			UID: event, JobUID: j.UID, Message: c.Event.Message(), ProjectUID: j.Project, RecipeRef: j.UID,
			WorkflowUID: j.Workflow, WorkflowName: j.WorkflowName, JobName: known(j.Name),
		}
		if c.Event == EventFailed {
			p.Error = known(j.Error)
		}
		return json.Marshal(p)
	case FormatStandard:
		p := payloadStandard{Type: c.Event.Qualified(), Timestamp: Time(c.At)}
		p.Data.Record, p.Data.Sequence, p.Data.ProjectUID, p.Data.Cause = j.payloadRecord(), c.Version, j.Project, c.Cause
		return json.Marshal(p)
	}
	return nil, fmt.Errorf("render payload: unknown format %q", f)
}
