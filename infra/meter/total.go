package meter

import "slices"

// Services, as they stand in a Use.
const (
	DynamoDB = "dynamodb"
	Streams  = "streams" // free of charge for Lambda's mappings
	SQS      = "sqs"
	KMS      = "kms"
)

// Use is an operation of a service, used by a caller.
type Use struct {
	Caller    Caller
	Service   string
	Operation string // as in X-Amz-Target: PutItem
}

// Amount is how much of an operation was used.
type Amount struct {
	Requests int     // that the service carried out or refused for their condition
	WRU      float64 // DynamoDB's write request units
	RRU      float64 // DynamoDB's read request units
	Billed   int     // what SQS makes of the requests: one for each 64 KB
	Fair     int     // of those, the ones that send a message with a group
	Empty    int     // of the requests to SQS, receives that found nothing
}

type amount Amount

func (a *amount) add(b Amount) {
	a.Requests += b.Requests
	a.WRU += b.WRU
	a.RRU += b.RRU
	a.Billed += b.Billed
	a.Fair += b.Fair
	a.Empty += b.Empty
}

// Invocations are those of one function.
type Invocations struct {
	Count int
	MBms  int64 // memory in MB times milliseconds
}

// Total is what was counted.
type Total struct {
	Uses        map[Use]Amount
	Functions   map[string]Invocations // by name
	APIRequests int
	APIUnits    int // what the HTTP API makes of the requests: one for each 512 KB
	LogBytes    int64
}

// WRU is the write request units of these operations of DynamoDB, of all without any. What is unbilled is left out, here and
// below.
func (t Total) WRU(operations ...string) float64 { return t.sum(DynamoDB, operations).WRU }

// RRU is the read request units of these operations of DynamoDB, of all without any.
func (t Total) RRU(operations ...string) float64 { return t.sum(DynamoDB, operations).RRU }

// Requests is how many requests were made to these operations of a service, to all without any.
func (t Total) Requests(service string, operations ...string) int {
	return t.sum(service, operations).Requests
}

// Minus is what was counted since an earlier total of the same meter.
func (t Total) Minus(earlier Total) Total {
	d := Total{
		Uses: map[Use]Amount{}, Functions: map[string]Invocations{},
		APIRequests: t.APIRequests - earlier.APIRequests, APIUnits: t.APIUnits - earlier.APIUnits, LogBytes: t.LogBytes - earlier.LogBytes,
	}
	for use, a := range t.Uses {
		if left := a.minus(earlier.Uses[use]); left != (Amount{}) {
			d.Uses[use] = left
		}
	}
	for name, f := range t.Functions {
		e := earlier.Functions[name]
		if left := (Invocations{f.Count - e.Count, f.MBms - e.MBms}); left != (Invocations{}) {
			d.Functions[name] = left
		}
	}
	return d
}

func (a Amount) minus(b Amount) Amount {
	return Amount{a.Requests - b.Requests, a.WRU - b.WRU, a.RRU - b.RRU, a.Billed - b.Billed, a.Fair - b.Fair, a.Empty - b.Empty}
}

func (t Total) sum(service string, operations []string) Amount {
	return t.sumOf(func(u Use) bool {
		return u.Service == service && (len(operations) == 0 || slices.Contains(operations, u.Operation))
	})
}

// sumOf adds up what is billed and counts.
func (t Total) sumOf(counts func(Use) bool) Amount {
	var all amount
	for use, a := range t.Uses {
		if use.Caller.Kind != Unbilled && counts(use) {
			all.add(a)
		}
	}
	return Amount(all)
}
