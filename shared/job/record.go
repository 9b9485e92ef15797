package job

import (
	"encoding/json"
	"time"
)

// Record is a job as clients and receivers see it: every key is always there, null where nothing is known.
type Record struct {
	UID           string            `json:"uid"`
	Name          *string           `json:"name"`
	Status        Status            `json:"status"`
	ErrorMessage  *string           `json:"error_message"`
	WorkflowUID   string            `json:"workflow_uid"`
	WorkflowName  string            `json:"workflow_name"`
	StepUID       *string           `json:"step_uid"`
	MainJobUID    *string           `json:"main_job_uid"`
	MainJobName   *string           `json:"main_job_name"`
	Accounts      []json.RawMessage `json:"accounts,omitzero"`      // left out of payloads, never null
	Configuration json.RawMessage   `json:"configuration,omitzero"` // the same
	NumberInputs  int               `json:"number_inputs"`
	RowCount      int               `json:"row_count"`
	TotalRowCount int               `json:"total_row_count"`
	ScheduledTime *Time             `json:"scheduled_time"`
	StartTime     *Time             `json:"start_time"`
	FinishTime    *Time             `json:"finish_time"`
	Version       int               `json:"version"`
	RetryCount    int               `json:"retry_count"`
	Counts        Counts            `json:"counts"`
	CreatedAt     Time              `json:"created_at"`
	UpdatedAt     Time              `json:"updated_at"`
}

// Record returns the job as clients see it.
func (j Job) Record() Record {
	r := j.payloadRecord()
	r.Accounts = []json.RawMessage{}
	if r.Configuration = j.Configuration; r.Configuration == nil {
		r.Configuration = json.RawMessage("{}")
	}
	return r
}

// payloadRecord is the record without accounts and configuration, which receivers do not get.
func (j Job) payloadRecord() Record {
	return Record{
		UID:           j.UID,
		Name:          known(j.Name),
		Status:        j.Status,
		ErrorMessage:  known(j.Error),
		WorkflowUID:   j.Workflow,
		WorkflowName:  j.WorkflowName,
		NumberInputs:  j.Inputs,
		RowCount:      j.Totals.Outputs,
		TotalRowCount: j.Totals.Outputs,
		ScheduledTime: KnownTime(j.ScheduledAt),
		StartTime:     KnownTime(j.StartedAt),
		FinishTime:    KnownTime(j.FinishedAt),
		Version:       j.Version,
		RetryCount:    j.Retries,
		Counts:        j.Counts(),
		CreatedAt:     Time(j.CreatedAt),
		UpdatedAt:     Time(j.UpdatedAt),
	}
}

// Time is a time as JSON shows it: RFC 3339, UTC, milliseconds.
type Time time.Time

const timeLayout = "2006-01-02T15:04:05.000Z"

// KnownTime returns t for JSON, or nil (null) for the zero time.
func KnownTime(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	return (*Time)(&t)
}

func (t Time) MarshalText() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(nil, timeLayout), nil
}

func (t *Time) UnmarshalText(b []byte) error {
	return (*time.Time)(t).UnmarshalText(b)
}

func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
