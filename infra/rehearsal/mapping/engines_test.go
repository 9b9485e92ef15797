package mapping

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/infra/engines/enginetest"
	"hermod/infra/rehearsal/wire"
	"hermod/infra/template"
)

// until waits for something to become true.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for give := time.After(time.Minute); !ok(); {
		select {
		case <-tick.C:
		case <-give:
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

func must(t testing.TB, c wire.Client, target string, in map[string]any, out any) {
	t.Helper()
	if err := c.Call(context.Background(), target, in, out); err != nil {
		t.Fatal(err)
	}
}

// function is a function of the tests, which keeps the events that it gets.
type function struct {
	mu     sync.Mutex
	events [][]map[string]any // the records of each
	most   int                // calls at the same time
	now    int
	hold   chan struct{} // calls wait for its end; nil: they do not
}

func (f *function) invoke(event []byte) ([]byte, error) {
	var e struct{ Records []map[string]any }
	if err := json.Unmarshal(event, &e); err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.events = append(f.events, e.Records)
	f.now++
	f.most = max(f.most, f.now)
	f.mu.Unlock()
	if f.hold != nil {
		<-f.hold
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now--
	return nil, nil
}

func (f *function) got() [][]map[string]any {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.events)
}

// run runs a mapping until the test is over or stop is called.
func run(t *testing.T, mapping func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mapping(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// polled makes a queue with some messages, named 0, 1, 2 and so on.
func polled(t *testing.T, messages int) (wire.Client, *template.Queue) {
	t.Helper()
	c := wire.Client{Endpoint: enginetest.SQS(t), Identity: "ProbeFunction"}
	name := "mapping-" + fmt.Sprint(time.Now().UnixNano())
	q := &template.Queue{ID: "Probe", Name: name, ARN: "arn:aws:sqs:us-east-1:000000000000:" + name}
	var made struct{ QueueUrl string }
	must(t, c, "AmazonSQS.CreateQueue", map[string]any{"QueueName": name, "Attributes": map[string]string{"VisibilityTimeout": "1000"}}, &made)
	q.URL = made.QueueUrl
	for i := range messages {
		must(t, c, "AmazonSQS.SendMessage", map[string]any{"QueueUrl": q.URL, "MessageBody": fmt.Sprint(i), "MessageGroupId": "g"}, nil)
	}
	return c, q
}

// counts are how many messages of a queue can be received and how many are hidden.
func counts(t testing.TB, c wire.Client, q *template.Queue) string {
	t.Helper()
	var got struct{ Attributes map[string]string }
	must(t, c, "AmazonSQS.GetQueueAttributes", map[string]any{"QueueUrl": q.URL, "AttributeNames": []string{"All"}}, &got)
	return got.Attributes["ApproximateNumberOfMessages"] + " visible, " + got.Attributes["ApproximateNumberOfMessagesNotVisible"] + " hidden"
}

func TestWhatFailedStaysInTheQueueAndTheRestIsDeleted(t *testing.T) {
	tests := []struct {
		name    string
		partial bool
		answer  func(ids []string) (string, error)
		passed  int
		want    string
	}{
		{"all passed", true, func([]string) (string, error) { return `{"batchItemFailures":[]}`, nil }, 3, "0 visible, 0 hidden"},
		{"one reported", true, func(ids []string) (string, error) {
			return `{"batchItemFailures":[{"itemIdentifier":"` + ids[1] + `"}]}`, nil
		}, 2, "0 visible, 1 hidden"},
		{"one reported that is not listened to", false, func(ids []string) (string, error) {
			return `{"batchItemFailures":[{"itemIdentifier":"` + ids[1] + `"}]}`, nil
		}, 3, "0 visible, 0 hidden"},
		{"one reported that is not there", true, func([]string) (string, error) { return `{"batchItemFailures":[{"itemIdentifier":"x"}]}`, nil }, 0, "0 visible, 3 hidden"},
		{"the function fails", true, func([]string) (string, error) { return "", errors.New("as told") }, 0, "0 visible, 3 hidden"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, q := polled(t, 3)
			answered := make(chan struct{})
			var ids []string
			passed := 0
			stop := run(t, func(ctx context.Context) error {
				Queue{
					QueueMapping: template.QueueMapping{BatchSize: 3, Window: time.Second, MaxConcurrency: 2, PartialFailures: tt.partial}, From: q, Client: c, Logger: slog.New(slog.DiscardHandler),
					Passed: func(n int) { passed = n },
					Invoke: func(event []byte) ([]byte, error) {
						defer close(answered)
						var e struct{ Records []message }
						if err := json.Unmarshal(event, &e); err != nil {
							return nil, err
						}
						ids = identifiers(e.Records)
						said, err := tt.answer(ids)
						return []byte(said), err
					},
				}.Run(ctx)
				return nil
			})
			<-answered
			stop()
			if got := counts(t, c, q); len(ids) != 3 || got != tt.want || passed != tt.passed {
				t.Errorf("after a batch of %d, %d passed and the queue has %s, want %d and %s", len(ids), passed, got, tt.passed, tt.want)
			}
		})
	}
}

func TestABatchAndItsMessagesLookAsOnAWS(t *testing.T) {
	c, q := polled(t, 1)
	var f function
	run(t, func(ctx context.Context) error {
		Queue{QueueMapping: template.QueueMapping{BatchSize: 10}, From: q, Client: c, Invoke: f.invoke, Passed: func(int) {}, Logger: slog.Default()}.Run(ctx)
		return nil
	})
	until(t, "a call", func() bool { return len(f.got()) == 1 })
	got := f.got()[0][0]
	attributes := got["attributes"].(map[string]any)
	for _, name := range []string{"ApproximateFirstReceiveTimestamp", "SenderId", "SentTimestamp"} {
		if attributes[name] == nil {
			t.Errorf("attributes have no %s: %v", name, attributes)
		}
	}
	if attributes["ApproximateReceiveCount"] != "1" || attributes["MessageGroupId"] != "g" {
		t.Errorf("attributes = %v, want receive count 1 and group g", attributes)
	}
	for _, name := range []string{"messageId", "receiptHandle"} {
		if got[name] == nil {
			t.Errorf("a record has no %s: %v", name, got)
		}
		delete(got, name)
	}
	delete(got, "attributes")
	want := map[string]any{
		"body": "0", "messageAttributes": map[string]any{}, "md5OfBody": "cfcd208495d565ef66e7dff9f98764da", "eventSource": "aws:sqs", "eventSourceARN": q.ARN, "awsRegion": "us-east-1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestNoMoreCallsAtTheSameTimeThanMaximumConcurrency(t *testing.T) {
	c, q := polled(t, 12)
	f := function{hold: make(chan struct{})}
	run(t, func(ctx context.Context) error {
		Queue{QueueMapping: template.QueueMapping{BatchSize: 2, MaxConcurrency: 2}, From: q, Client: c, Invoke: f.invoke, Passed: func(int) {}, Logger: slog.Default()}.Run(ctx)
		return nil
	})
	until(t, "two calls", func() bool { return len(f.got()) == 2 })
	close(f.hold)
	until(t, "an empty queue", func() bool { return counts(t, c, q) == "0 visible, 0 hidden" })
	if f.most != 2 {
		t.Errorf("%d calls at the same time, want 2", f.most)
	}
	for _, batch := range f.got() {
		if len(batch) > 2 {
			t.Errorf("a batch of %d, want 2 at most", len(batch))
		}
	}
}

func TestAWindowFillsABatchBeyondTen(t *testing.T) {
	c, q := polled(t, 25)
	var f function
	run(t, func(ctx context.Context) error {
		Queue{QueueMapping: template.QueueMapping{BatchSize: 25, Window: 20 * time.Second, MaxConcurrency: 1}, From: q, Client: c, Invoke: f.invoke, Passed: func(int) {}, Logger: slog.Default()}.Run(ctx)
		return nil
	})
	until(t, "an empty queue", func() bool { return counts(t, c, q) == "0 visible, 0 hidden" })
	if batches := f.got(); len(batches) != 1 || len(batches[0]) != 25 {
		t.Errorf("%d batches, the first of %d, want one of 25", len(batches), len(batches[0]))
	}
}

// written makes a table with a stream and returns what writes an item and the mapping of its stream.
func written(t *testing.T, m template.StreamMapping, f *function) (func(pk, value string), Stream) {
	t.Helper()
	c := wire.Client{Endpoint: enginetest.DynamoDB(t), Identity: "ProbeFunction"}
	var made struct {
		TableDescription struct{ LatestStreamArn string }
	}
	must(t, c, "DynamoDB_20120810.CreateTable", map[string]any{
		"TableName": "Probe", "BillingMode": "PAY_PER_REQUEST", "KeySchema": []any{map[string]string{"AttributeName": "pk", "KeyType": "HASH"}},
		"AttributeDefinitions": []any{map[string]string{"AttributeName": "pk", "AttributeType": "S"}},
		"StreamSpecification":  map[string]any{"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
	}, &made)
	m.Start, m.BatchSize, m.MaxRetries = "TRIM_HORIZON", 100, -1
	write := func(pk, value string) {
		must(t, c, "DynamoDB_20120810.PutItem", map[string]any{"TableName": "Probe", "Item": map[string]any{"pk": map[string]string{"S": pk}, "v": map[string]string{"N": value}}}, nil)
	}
	return write, Stream{StreamMapping: m, Source: "arn:aws:dynamodb:us-east-1:000000000000:table/Probe/stream/1", Engine: made.TableDescription.LatestStreamArn, Client: c, Invoke: f.invoke, Logger: slog.Default()}
}

// keys are the items of all records that a function got, in order.
func (f *function) keys() string {
	var list []string
	for _, batch := range f.got() {
		for _, r := range batch {
			change := r["dynamodb"].(map[string]any)
			item := change["NewImage"].(map[string]any)
			list = append(list, item["pk"].(map[string]any)["S"].(string)+"="+item["v"].(map[string]any)["N"].(string))
		}
	}
	return strings.Join(list, " ")
}

func TestAStreamIsReadInOrderThroughItsFilters(t *testing.T) {
	var f function
	write, s := written(t, template.StreamMapping{Filters: []string{`{"eventName":["INSERT","MODIFY"],"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"J#"}]}}}}`}}, &f)
	write("J#1", "1")
	write("W#1", "1")
	write("J#1", "2")
	write("J#1", "2") // changes nothing: AWS makes no record of it
	run(t, s.Run)
	until(t, "two records", func() bool { return f.keys() == "J#1=1 J#1=2" })
	for i := range 12 { // dynoxide's numbers: 9 comes before 10
		write("J#2", fmt.Sprint(i))
	}
	until(t, "twelve more", func() bool { return strings.HasSuffix(f.keys(), "J#2=11") })
	if want := "J#1=1 J#1=2 J#2=0 J#2=1 J#2=2 J#2=3 J#2=4 J#2=5 J#2=6 J#2=7 J#2=8 J#2=9 J#2=10 J#2=11"; f.keys() != want {
		t.Errorf("records = %s, want %s", f.keys(), want)
	}
	r := f.got()[0][0]
	if r["eventSource"] != "aws:dynamodb" || r["eventSourceARN"] != s.Source || r["awsRegion"] != "us-east-1" || r["eventName"] != "INSERT" || r["eventID"] == nil {
		t.Errorf("a record is %v, want it as on AWS, with the template's ARN", r)
	}
	if change := r["dynamodb"].(map[string]any); change["StreamViewType"] != "NEW_AND_OLD_IMAGES" || change["Keys"] == nil || change["SequenceNumber"] == nil {
		t.Errorf("a change is %v, want keys, sequence number and view type", change)
	}
}

func TestTwoReadersOfAStreamHaveAPositionEach(t *testing.T) {
	var f, g function
	write, first := written(t, template.StreamMapping{Filters: []string{`{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"J#"}]}}}}`}}, &f)
	second := first
	second.Filters, second.Window, second.Invoke = []string{`{"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"W#"}]}}}}`}, 10*time.Millisecond, g.invoke
	g.hold = make(chan struct{})
	write("J#1", "1")
	write("W#1", "1")
	run(t, first.Run)
	run(t, second.Run)
	until(t, "a call of the second, which hangs", func() bool { return g.keys() == "W#1=1" })
	write("W#1", "2")
	write("J#1", "2")
	until(t, "all records of the first", func() bool { return f.keys() == "J#1=1 J#1=2" })
	if g.keys() != "W#1=1" {
		t.Errorf("the second has got %s, want the first batch only", g.keys())
	}
	close(g.hold)
	until(t, "all records of the second", func() bool { return g.keys() == "W#1=1 W#1=2" })
}

func TestLanesKeepTheOrderOfEachItem(t *testing.T) {
	var f function
	write, s := written(t, template.StreamMapping{Parallel: 4}, &f)
	for i := range 60 {
		write(fmt.Sprint("item", i%6), fmt.Sprint(i/6))
	}
	run(t, s.Run)
	until(t, "all records", func() bool { return len(strings.Fields(f.keys())) == 60 })
	next := map[string]int{}
	for _, word := range strings.Fields(f.keys()) {
		item, value, _ := strings.Cut(word, "=")
		if value != fmt.Sprint(next[item]) {
			t.Fatalf("%s comes after %s=%d", word, item, next[item]-1)
		}
		next[item]++
	}
}
