package template

import (
	"fmt"
	"os"
	"time"
)

// Region and Account are what the pseudo parameters of a rehearsal say.
const (
	Region  = "us-east-1"
	Account = "000000000000"
)

// Options are what a deployment would bring along.
type Options struct {
	Parameters map[string]string        // in place of the template's defaults
	Stack      string                   // the stack's name; empty: hermod
	QueueURL   func(name string) string // what Ref of a queue gives; nil: the address that AWS would give it
}

// Template is a resolved template: resources whose condition is false are not in it.
type Template struct {
	Parameters map[string]string
	Functions  map[string]*Function // by logical id, like all that follows
	Queues     map[string]*Queue
	Tables     map[string]*Table
	Roles      map[string]*Role
	Routes     []Route // of the HTTP API, $default included, in order of path and method
	Outputs    map[string]string
	Resources  map[string]Resource // every resource, those above included
}

// Resource is one resource as the template has it, Globals applied and every intrinsic function replaced by its value: a string,
// int, float64, bool, []any or map[string]any.
type Resource struct {
	Type       string
	Properties map[string]any
}

// Function is an AWS::Serverless::Function together with all that calls it, Globals applied.
type Function struct {
	ID           string // logical id
	Name         string
	ARN          string
	Code         string // functions/x
	Role         string // logical id
	Architecture string // arm64 or x86_64
	Timeout      time.Duration
	Memory       int // MB
	Environment  map[string]string
	Queues       []QueueMapping
	Streams      []StreamMapping
	Schedules    []Schedule
}

// QueueMapping is an event source mapping that polls a queue.
type QueueMapping struct {
	ID              string
	Queue           string // logical id
	BatchSize       int
	Window          time.Duration
	MaxConcurrency  int // 0: no limit
	PartialFailures bool
	Enabled         bool
}

// StreamMapping is an event source mapping that reads a table's stream.
type StreamMapping struct {
	ID              string
	Table           string // logical id
	BatchSize       int
	Window          time.Duration
	Filters         []string // patterns; a record passes if one matches or there is none
	Bisect          bool
	MaxRetries      int           // -1: without end
	MaxAge          time.Duration // 0: as long as the stream keeps a record
	Parallel        int
	OnFailure       string // ARN of a queue; empty: none
	PartialFailures bool
	Enabled         bool
	Start           string // TRIM_HORIZON or LATEST
}

// Schedule is a rule of EventBridge Scheduler.
type Schedule struct {
	ID         string
	Name       string
	Expression string // rate(1 minute)
	Input      string
	Enabled    bool
}

// Route sends requests of the HTTP API to a function.
type Route struct {
	Method   string // ANY for every one; empty in $default
	Path     string // /v3/jobs/{uid}, or $default
	Function string // logical id
}

// Queue is an SQS queue.
type Queue struct {
	ID          string
	Name        string
	ARN         string
	URL         string
	Visibility  time.Duration
	Retention   time.Duration
	MaxReceives int            // 0: no dead-letter queue
	DeadLetters string         // logical id; empty: none
	Properties  map[string]any // as the template has them
}

// Table is a DynamoDB table.
type Table struct {
	ID         string
	Name       string
	ARN        string
	StreamARN  string         // empty: no stream
	TimeToLive string         // the attribute; empty: none
	Properties map[string]any // as CreateTable wants them
}

// Role is what a function may do.
type Role struct {
	ID         string
	Name       string
	Statements []Statement
}

// Statement is one statement of a role's policies.
type Statement struct {
	Sid       string // empty: none
	Effect    string // Allow or Deny
	Actions   []string
	Resources []string
}

// Load reads the template in a file. Its errors name the file and what in it is wrong, all there is.
func Load(path string, o Options) (*Template, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t, err := parse(text, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

func parse(text []byte, o Options) (*Template, error) {
	if o.Stack == "" {
		o.Stack = "hermod"
	}
	if o.QueueURL == nil {
		o.QueueURL = func(name string) string { return "https://sqs." + Region + ".amazonaws.com/" + Account + "/" + name }
	}
	d, err := readDocument(text)
	if err != nil {
		return nil, err
	}
	r, err := newResolver(d, o)
	if err != nil {
		return nil, err
	}
	resources, err := r.allResources()
	if err != nil {
		return nil, err
	}
	outputs, err := r.outputs()
	if err != nil {
		return nil, err
	}
	b := &builder{resolver: r, t: &Template{
		Parameters: r.parameterTexts(), Functions: map[string]*Function{}, Queues: map[string]*Queue{}, Tables: map[string]*Table{},
		Roles: map[string]*Role{}, Outputs: outputs, Resources: resources,
	}}
	return b.build()
}
