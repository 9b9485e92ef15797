package input

import (
	"encoding/json"
	"time"

	"hermod/shared/job"
)

// Caps. Texts are counted in bytes of UTF-8.
const (
	MaxAppend  = 500     // inputs of one append
	MaxReport  = 500     // inputs of one report
	MaxData    = 262_144 // bytes of an input's data, input_data and custom_data together
	MaxResults = 262_144 // bytes of the result rows of an input, as an array
	MaxLabel   = 64      // bytes of an error's label
	MaxScope   = 32      // bytes of an error's scope
	MaxMessage = 1024    // bytes of an error's message; what is longer is cut
	MaxRef     = 256     // bytes of an error's reference
	MaxParams  = 4096    // bytes of an error's parameters
	MaxOutputs = 1 << 30 // results that came of an input
)

// Status is how an input stands.
type Status string

const (
	Pending   Status = "pending"   // appended, or sent back by a retry
	Running   Status = "running"   // an executor works on it
	Succeeded Status = "succeeded" // never left
	Failed    Status = "failed"    // left by a retry
)

// Statuses lists every status.
var Statuses = []Status{Pending, Running, Succeeded, Failed}

// Open reports whether an input has no outcome yet.
func (s Status) Open() bool { return s == Pending || s == Running }

// Data is what an input consists of, as the client sent it. Nil is null.
type Data struct {
	Input  json.RawMessage // input_data
	Custom json.RawMessage // custom_data
}

// Error says why an input failed.
type Error struct {
	Label   string // what a program tells errors apart by; empty: not told
	Scope   string // what it is about; empty: null
	Message string
	Ref     string          // error_ref: the executor's own reference
	Params  json.RawMessage // nil: null
}

// Input is one input of a job as it stands.
type Input struct {
	Index      int
	UID        string
	Status     Status
	Data       Data
	LastError  *Error // of the last failure; stays while the input is tried again, gone when it succeeded
	Outputs    int
	Retries    int       // how often it was sent back
	StartedAt  time.Time // first report of this try; zero: none yet
	FinishedAt time.Time // when it got its outcome; zero: it has none
}

// Report says what became of an input.
type Report struct {
	Index   int
	Status  Status            // Running, Succeeded or Failed
	Error   *Error            // of Failed only; nil: not told
	Outputs int               // how many results came of it
	Rows    []json.RawMessage // results, free-form; of Succeeded only
}

// Reported is what became of a report.
type Reported struct {
	Job     job.Job   // as it stands after it
	Applied []int     // indexes of inputs that changed
	Already []int     // of those that stood as reported
	Refused []Refusal // of those that do not go
}

// Refusal says why an input was left as it is.
type Refusal struct {
	Index  int
	Reason string // a sentence
}

// Selection says which failed inputs to send back.
type Selection struct {
	Indexes []int    // nil: all
	Labels  []string // of their errors; nil: all
	Force   bool     // whatever the class of their errors
}

// Left counts failed inputs that a retry left as they are.
type Left struct {
	Label  string // of their errors; empty: not told
	Count  int
	Reason string // a sentence
}

// Retried is what became of a retry.
type Retried struct {
	Job   job.Job
	Count int // inputs sent back
	Left  []Left
}

// Query says which inputs of a job are listed. Zero fields do not narrow.
type Query struct {
	Status    Status
	Label     string
	Retryable *bool // of those that failed
	From      int   // the first index
	Limit     int   // 1 to 100
}

// Row is one result.
type Row struct {
	Index int // of the input it came of
	Doc   json.RawMessage
}
