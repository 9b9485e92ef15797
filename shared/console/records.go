package console

import (
	"cmp"
	"time"
)

// delivery is a delivery as lists of the API tell it.
type delivery struct {
	UID            string     `json:"uid"`
	State          string     `json:"state"`
	Reason         *string    `json:"reason"`
	Event          string     `json:"event"`
	EventUID       string     `json:"event_uid"`
	WebhookUID     string     `json:"webhook_uid"`
	JobUID         string     `json:"job_uid"`
	WorkflowUID    string     `json:"workflow_uid"`
	Test           bool       `json:"test"`
	AttemptCount   int        `json:"attempt_count"`
	LastStatus     *int       `json:"last_status"`
	LastErrorClass *string    `json:"last_error_class"`
	LastError      *string    `json:"last_error"`
	CreatedAt      time.Time  `json:"created_at"`
	NextAttemptAt  *time.Time `json:"next_attempt_at"`
	FinishedAt     *time.Time `json:"finished_at"`
}

// testFailed is the reason of a test event that was not accepted.
const testFailed = "test_failed"

// Word is what the delivery's state is called: a test event that failed is cancelled, which would say too little.
func (d delivery) Word() string {
	if reason := valueOf(d.Reason); reason == testFailed {
		return reason
	}
	return d.State
}

// Detail says in a few words why it is in that state; empty if the state says it all.
func (d delivery) Detail() string {
	if d.Word() != d.State {
		return ""
	}
	return reasonOf(d.Reason)
}

// webhook is a webhook as the API tells it.
type webhook struct {
	UID            string       `json:"uid"`
	Name           string       `json:"name"`
	URL            string       `json:"url"`
	Events         []string     `json:"events"`
	WorkflowUID    *string      `json:"workflow_uid"`
	JobUID         *string      `json:"job_uid"`
	Headers        []headerHint `json:"headers"`
	Payload        string       `json:"payload"`
	Enabled        bool         `json:"enabled"`
	DisabledReason *string      `json:"disabled_reason"`
	Secret         string       `json:"secret"` // in the answer that made it
	SecretHint     *string      `json:"secret_hint"`
	Signatures     []string     `json:"signatures"`
	PublicKey      *string      `json:"public_key"`
	RetrySchedule  []int        `json:"retry_schedule"` // seconds; nil: the default
	TimeoutSeconds int          `json:"timeout_seconds"`
	Description    string       `json:"description"`
	CreatedAt      time.Time    `json:"created_at"`
	UpdatedAt      time.Time    `json:"updated_at"`
	LastSuccessAt  *time.Time   `json:"last_success_at"`
	FailingSince   *time.Time   `json:"failing_since"`
}

// headerHint is a header of a webhook's own, without its value.
type headerHint struct {
	Name string `json:"name"`
	Hint string `json:"hint"`
}

// Deleted reports whether the webhook is not there any more: all that is known of it is its uid.
func (w webhook) Deleted() bool { return w.URL == "" }

// Label is what a link to the webhook says.
func (w webhook) Label() string { return cmp.Or(w.Name, w.URL, "deleted "+short(w.UID)) }

// Health is a word for how the webhook is.
func (w webhook) Health() string {
	switch {
	case !w.Enabled:
		return "disabled"
	case w.FailingSince != nil:
		return "failing"
	case w.LastSuccessAt != nil:
		return "healthy"
	}
	return "unused"
}

// Why says why the webhook is disabled.
func (w webhook) Why() string {
	switch reason := words(w.DisabledReason); reason {
	case "user":
		return "by request"
	case "gone":
		return "the receiver answered 410 Gone"
	default:
		return reason
	}
}

// job is a job as the API tells it.
type job struct {
	UID           string     `json:"uid"`
	Name          *string    `json:"name"`
	Status        string     `json:"status"`
	ErrorMessage  *string    `json:"error_message"`
	WorkflowUID   string     `json:"workflow_uid"`
	WorkflowName  string     `json:"workflow_name"`
	NumberInputs  int        `json:"number_inputs"`
	RowCount      int        `json:"row_count"`
	ScheduledTime *time.Time `json:"scheduled_time"`
	StartTime     *time.Time `json:"start_time"`
	FinishTime    *time.Time `json:"finish_time"`
	Version       int        `json:"version"`
	RetryCount    int        `json:"retry_count"`
	Counts        jobCounts  `json:"counts"`
	CreatedAt     time.Time  `json:"created_at"`
	UpdatedAt     time.Time  `json:"updated_at"`
}

type jobCounts struct {
	Pending   int `json:"pending"`
	Running   int `json:"running"`
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
}

// Label is what a link to the job says.
func (j job) Label() string { return cmp.Or(valueOf(j.Name), short(j.UID)) }

// workflow is a workflow as the API tells it.
type workflow struct {
	UID  string `json:"uid"`
	Name string `json:"name"`
}

// Label is what a link to the workflow says.
func (f workflow) Label() string { return cmp.Or(f.Name, short(f.UID)) }
