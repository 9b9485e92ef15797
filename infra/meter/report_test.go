package meter_test

import (
	"math"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/infra/meter"
)

// aThousand is what a thousand deliveries might take.
func aThousand() meter.Total {
	dispatch, mapping := meter.Caller{Name: "DispatchFunction", Kind: meter.Working}, meter.Caller{Name: "DispatchFunction", Kind: meter.Polling}
	return meter.Total{
		APIRequests: 1000, APIUnits: 1000, LogBytes: 512_000,
		Functions: map[string]meter.Invocations{"DispatchFunction": {Count: 100, MBms: 100 * 256 * 40}, "JobsFunction": {Count: 1000, MBms: 1000 * 256 * 8}},
		Uses: map[meter.Use]meter.Amount{
			{Caller: dispatch, Service: meter.DynamoDB, Operation: "PutItem"}:                                          {Requests: 3000, WRU: 3001},
			{Caller: dispatch, Service: meter.DynamoDB, Operation: "GetItem"}:                                          {Requests: 25, RRU: 12.5},
			{Caller: dispatch, Service: meter.SQS, Operation: "SendMessageBatch"}:                                      {Requests: 100, Billed: 100, Fair: 100},
			{Caller: mapping, Service: meter.SQS, Operation: "ReceiveMessage"}:                                         {Requests: 143, Billed: 143, Empty: 43},
			{Caller: mapping, Service: meter.SQS, Operation: "DeleteMessageBatch"}:                                     {Requests: 100, Billed: 100},
			{Caller: dispatch, Service: meter.KMS, Operation: "Decrypt"}:                                               {Requests: 2},
			{Caller: mapping, Service: meter.Streams, Operation: "GetRecords"}:                                         {Requests: 500},
			{Caller: meter.Caller{Name: "operator", Kind: meter.Unbilled}, Service: meter.DynamoDB, Operation: "Scan"}: {Requests: 1, RRU: 4000},
		},
	}
}

func TestReportIsAPriceList(t *testing.T) {
	want, err := os.ReadFile("testdata/report.txt")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), aThousand().Report(1000)); d != "" {
		t.Errorf("Report(1000) is not testdata/report.txt (-want +got):\n%s", d)
	}
}

func TestPricesAreTheListedOnes(t *testing.T) {
	caller := meter.Caller{Name: "f", Kind: meter.Working}
	of := func(service string, a meter.Amount) meter.Total {
		return meter.Total{Uses: map[meter.Use]meter.Amount{{Caller: caller, Service: service, Operation: "X"}: a}}
	}
	for _, tt := range []struct {
		name  string
		total meter.Total
		want  float64
	}{
		{"a million write units", of(meter.DynamoDB, meter.Amount{WRU: 1e6}), 0.625},
		{"a million read units", of(meter.DynamoDB, meter.Amount{RRU: 1e6}), 0.125},
		{"a million reads of a stream", of(meter.Streams, meter.Amount{Requests: 1e6}), 0},
		{"a million requests to SQS", of(meter.SQS, meter.Amount{Billed: 1e6}), 0.40},
		{"a million that send with a group", of(meter.SQS, meter.Amount{Billed: 1e6, Fair: 1e6}), 0.50},
		{"10,000 requests to KMS", of(meter.KMS, meter.Amount{Requests: 1e4}), 0.03},
		{"a million invocations", meter.Total{Functions: map[string]meter.Invocations{"f": {Count: 1e6}}}, 0.20},
		{"a million GB-seconds", meter.Total{Functions: map[string]meter.Invocations{"f": {MBms: 1024 * 1000 * 1e6}}}, 13.3334},
		{"a million API requests", meter.Total{APIUnits: 1e6}, 1.00},
		{"a GB of logs", meter.Total{LogBytes: 1 << 30}, 0.50},
	} {
		if got := tt.total.USD(); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%s cost $%v, want $%v", tt.name, got, tt.want)
		}
	}
}

func TestTheHostTellsWhatDoesNotPass(t *testing.T) {
	m := meter.New()
	m.Invoked("f", 1500*time.Microsecond, 128)
	m.Invoked("f", 2*time.Millisecond, 128)
	m.Requested(0)
	m.Requested(512 << 10)
	m.Requested(512<<10 + 1)
	m.Logged(300)
	before := m.Total()
	want := meter.Total{
		Uses: map[meter.Use]meter.Amount{}, Functions: map[string]meter.Invocations{"f": {Count: 2, MBms: 2*128 + 2*128}},
		APIRequests: 3, APIUnits: 4, LogBytes: 300,
	}
	if d := cmp.Diff(want, before); d != "" {
		t.Errorf("Total() differs (-want +got):\n%s", d)
	}
	m.Invoked("g", time.Millisecond, 128)
	want = meter.Total{Uses: map[meter.Use]meter.Amount{}, Functions: map[string]meter.Invocations{"g": {Count: 1, MBms: 128}}}
	if d := cmp.Diff(want, m.Total().Minus(before)); d != "" {
		t.Errorf("Minus() differs (-want +got):\n%s", d)
	}
}
