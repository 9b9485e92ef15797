package main_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"hermod/infra/engines"
	"hermod/infra/meter"
	"hermod/infra/rehearsal/stack"
	"hermod/infra/scenario"
)

// patience is how long a message may take that was in a function's hands when it was killed: its visibility is 180 s.
const patience = 8 * time.Minute

// start starts a rehearsal, of what sam build made where CI has just run it.
func start(t *testing.T) *stack.Stack {
	t.Helper()
	return startWith(t, nil)
}

// unlimited leaves the rate limit out of what is counted: its leases go by the minute.
var unlimited = map[string]string{"RateLimit": "0"}

// startWith starts a rehearsal with some parameters of the template.
func startWith(t *testing.T, parameters map[string]string) *stack.Stack {
	t.Helper()
	c := stack.Config{Logs: t.TempDir(), Parameters: parameters}
	if built := filepath.Join("..", "..", ".aws-sam", "x86_64"); os.Getenv("CI") != "" {
		if _, err := os.Stat(built); err == nil {
			c.Binaries = built
		}
	}
	s, err := stack.Start(t.Context(), c)
	if errors.Is(err, engines.ErrNotInstalled) && os.Getenv("CI") == "" {
		t.Skipf("NOT CHECKED, no rehearsal without engines: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func target(s *stack.Stack) scenario.Target {
	return scenario.Target{API: s.API, Key: s.Key, Patience: patience, Crash: func(testing.TB) { s.Crash() }}
}

// wellBehaved checks what holds after every test: nothing was refused, and the meter counts as the engine does.
func wellBehaved(t *testing.T, s *stack.Stack) {
	t.Helper()
	for _, d := range s.Denied() {
		t.Errorf("refused: %s", d)
	}
	for _, d := range s.Differences() {
		t.Errorf("counted otherwise than the engine counts: %s", d)
	}
}

// until waits for something to become true.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for give := time.After(patience); !ok(); {
		select {
		case <-tick.C:
		case <-give:
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// operator makes a request as the owner of the account does.
func operator(t testing.TB, s *stack.Stack, target string, in map[string]any, out any) {
	t.Helper()
	if err := s.Operator().Call(context.Background(), target, in, out); err != nil {
		t.Fatal(err)
	}
}

// redrive is "Start DLQ redrive" of the AWS console: to where the letters came from, if no destination is given. (Of letters that
// came from several queues ElasticMQ moves all to one of them, which SQS does not.)
func redrive(t testing.TB, s *stack.Stack, letters, destination string) {
	t.Helper()
	in := map[string]any{"SourceArn": s.Template.Queues[letters].ARN}
	if destination != "" {
		in["DestinationArn"] = s.Template.Queues[destination].ARN
	}
	operator(t, s, "AmazonSQS.StartMessageMoveTask", in, nil)
}

// lying is how many messages a queue has, hidden or not.
func lying(t testing.TB, s *stack.Stack, queue string) int {
	t.Helper()
	var got struct{ Attributes map[string]string }
	operator(t, s, "AmazonSQS.GetQueueAttributes", map[string]any{"QueueUrl": s.Template.Queues[queue].URL, "AttributeNames": []string{"All"}}, &got)
	sum := 0
	for _, name := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"} {
		n, err := strconv.Atoi(got.Attributes[name])
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// bill runs a part of a test and logs what AWS would have billed for it.
func bill(t *testing.T, s *stack.Stack, what string, run func()) {
	before, passed := s.Billed(), s.Passed("FirstQueue")
	run()
	t.Logf("%s:\n%s", what, s.Billed().Minus(before).Report(s.Passed("FirstQueue")-passed))
}

func TestScenarios(t *testing.T) {
	t.Parallel()
	s := start(t)
	g := target(s)
	scenarios := []struct {
		name string
		run  func(t *testing.T)
	}{
		{"all that every deployment passes", func(t *testing.T) { scenario.All(t, g) }},
		{"what waits for a day is found by the schedule", func(t *testing.T) {
			scenario.Wait(t, g, 86_400, func(t testing.TB, delivery string) { hasten(t, s, delivery, soon) })
		}},
		{"a step whose message is taken for lost is sent again", func(t *testing.T) {
			scenario.Wait(t, g, 600, func(t testing.TB, delivery string) { hasten(t, s, delivery, -time.Second) })
		}},
		{"a redrive of ours deletes the letter", func(t *testing.T) {
			scenario.Cleared(t, g, func(t testing.TB) int { return lying(t, s, "DeadQueue") })
		}},
		{"a dead letter that the queue moves back arrives", func(t *testing.T) {
			scenario.Letters(t, g, func(t testing.TB) { redrive(t, s, "DeadQueue", "") })
		}},
		{"a job that cannot be read is parked", func(t *testing.T) { parked(t, s) }},
		{"what a later release wrote is handed back", func(t *testing.T) { later(t, s) }},
		{"what is stuck and moved back by the queue arrives", func(t *testing.T) { stuckAndBack(t, s) }},
		{"the web console shows every page, and acts", func(t *testing.T) { scenario.Console(t, g) }},
	}
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) { bill(t, s, sc.name, func() { sc.run(t) }) })
	}
	wellBehaved(t, s)
	for _, grant := range s.Unused() {
		if why, listed := unused[grant]; listed {
			t.Logf("not needed here: %s: %s", grant, why)
		} else {
			t.Errorf("nothing needs the grant %s", grant)
		}
	}
}

// soon is when a delivery is due that is hastened: later than any sweep so far has looked ahead, which is 90 s.
const soon = 95 * time.Second

// hasten moves the entry of a waiting delivery, in the index that the sweeper reads.
func hasten(t testing.TB, s *stack.Stack, delivery string, until time.Duration) {
	t.Helper()
	name := s.Template.Tables["Table"].Name
	var found struct {
		Items []map[string]map[string]string
	}
	operator(t, s, "DynamoDB_20120810.Scan", map[string]any{
		"TableName": name, "IndexName": "due", "FilterExpression": "contains(due_sk, :uid)", "ExpressionAttributeValues": value{":uid": text(delivery)},
	}, &found)
	if len(found.Items) != 1 {
		t.Fatalf("%d entries in the index due are of %s, want 1", len(found.Items), delivery)
	}
	row := found.Items[0]
	due := fmt.Sprintf("%013d#%s", time.Now().Add(until).UnixMilli(), delivery)
	operator(t, s, "DynamoDB_20120810.UpdateItem", map[string]any{
		"TableName": name, "Key": value{"pk": row["pk"], "sk": row["sk"]}, "UpdateExpression": "SET due_sk = :due", "ExpressionAttributeValues": value{":due": text(due)},
	}, nil)
}

// value is an item, or values of an expression, as DynamoDB writes them.
type value map[string]map[string]string

func text(s string) map[string]string { return map[string]string{"S": s} }

// parked writes a job that no release of ours has written: fan-out must pass it and keep it, in the queue ops, for a person. There
// it is tried again, which is to be handed back.
func parked(t *testing.T, s *stack.Stack) {
	item := value{"pk": text("J#00000000-0000-7000-8000-000000000000"), "sk": text("#"), "version": text("none")}
	operator(t, s, "DynamoDB_20120810.PutItem", map[string]any{"TableName": s.Template.Tables["Table"].Name, "Item": item}, nil)
	until(t, "parked record tried again", func() bool {
		return needed(s, queue("FanoutRole", "Send", "SendMessage", "ops")) && needed(s, queue("RedriveRole", "Consume", "ChangeMessageVisibility", "ops"))
	})
	if lying(t, s, "OpsQueue") == 0 {
		t.Error("a parked record that cannot be read is gone, want it in the queue ops")
	}
}

// later sends what a release after this one might, and checks that it is neither lost nor refused.
func later(t *testing.T, s *stack.Stack) {
	operator(t, s, "AmazonSQS.SendMessage", map[string]any{"QueueUrl": s.Template.Queues["FirstQueue"].URL, "MessageBody": `{"f":1000}`}, nil)
	until(t, "message handed back", func() bool { return needed(s, queue("DispatchRole", "Consume", "ChangeMessageVisibility", "first")) })
	if n := lying(t, s, "FirstQueue"); n != 1 {
		t.Errorf("%d messages lie in the queue first, want the one that was handed back", n)
	}
}

// needed reports whether something has needed a grant.
func needed(s *stack.Stack, grant string) bool { return !slices.Contains(s.Unused(), grant) }

// stuckAndBack receives a first attempt so often that SQS takes it for one that cannot be worked on, and moves it back as the
// AWS console does.
func stuckAndBack(t *testing.T, s *stack.Stack) {
	burst := scenario.NewBurst(t, target(s), 1, 1)
	resume := s.Pause("FirstQueue")
	before := lying(t, s, "FirstQueue")
	burst.Publish(t)
	until(t, "first attempt in the queue", func() bool { return lying(t, s, "FirstQueue") == before+1 })
	until(t, "message stuck", func() bool {
		handBack(t, s, "FirstQueue")
		return lying(t, s, "StuckQueue") == 1
	})
	resume()
	redrive(t, s, "StuckQueue", "FirstQueue")
	burst.Wait(t, 1)
}

// handBack receives what a queue has, and makes it visible again.
func handBack(t testing.TB, s *stack.Stack, queue string) {
	t.Helper()
	url := s.Template.Queues[queue].URL
	var got struct {
		Messages []struct{ ReceiptHandle string }
	}
	operator(t, s, "AmazonSQS.ReceiveMessage", map[string]any{"QueueUrl": url}, &got)
	for _, m := range got.Messages {
		operator(t, s, "AmazonSQS.ChangeMessageVisibility", map[string]any{"QueueUrl": url, "ReceiptHandle": m.ReceiptHandle, "VisibilityTimeout": 0}, nil)
	}
}

// What a million deliveries cost follows from three numbers, which hold exactly when every batch is full.
func TestTheBudgetOfADelivery(t *testing.T) {
	t.Parallel()
	const events, webhooks = 50, 10
	s := startWith(t, unlimited)
	burst := scenario.NewBurst(t, target(s), events, webhooks)
	until(t, "launches archived", func() bool { return units(s.Billed(), "FanoutFunction") == events })
	resume := s.Pause("FirstQueue")
	before := s.Billed()
	burst.Publish(t)
	until(t, "messages in the queue", func() bool { return lying(t, s, "FirstQueue") == events*webhooks })
	fanned, begun := s.Billed(), time.Now()
	resume()
	requests := burst.Wait(t, events*webhooks)
	t.Logf("%.0f deliveries a second", events*webhooks/time.Since(begun).Seconds())
	if requests != events*webhooks {
		t.Errorf("%d deliveries took %d requests, want one each", events*webhooks, requests)
	}
	until(t, "messages deleted", func() bool { return s.Passed("FirstQueue") == events*webhooks })
	resume = s.Pause("FirstQueue") // which waits for the last of them
	after := s.Billed()
	t.Logf("publishing and fan-out:\n%s", fanned.Minus(before).Report(events*webhooks))
	t.Logf("after fan-out:\n%s", after.Minus(fanned).Report(events*webhooks))
	t.Logf("all:\n%s", after.Minus(before).Report(events*webhooks))

	all := after.Minus(before)
	tally := all.Functions["TallyFunction"]
	t.Logf("of it tally, as far as it has come: %d invocations, %.3f GB-seconds, %.0f write units",
		tally.Count, float64(tally.MBms)/1024/1000, units(all, "TallyFunction"))
	if got := units(all, "JobsFunction", "FanoutFunction") / events; got != 2 {
		t.Errorf("an event takes %v write units, want 2", got)
	}
	if got := units(all, "DispatchFunction") / (events * webhooks); got != 1 {
		t.Errorf("a delivery that succeeds at once takes %v write units, want 1", got)
	}
	sqs := 0
	for use, a := range all.Uses {
		if use.Service == meter.SQS && (use.Operation == "SendMessageBatch" || use.Operation == "ReceiveMessage" || use.Operation == "DeleteMessageBatch") {
			sqs += a.Billed - a.Empty
		}
	}
	// A receive may bring less than there is, and costs as much.
	if got := float64(sqs) / (events * webhooks); got < 0.3 || got > 0.31 {
		t.Errorf("a delivery takes %v requests of SQS at full batches, want 0.3", got)
	}
	wellBehaved(t, s)

	before = s.Billed()
	burst = scenario.NewBurst(t, target(s), 100, 1)
	until(t, "launches archived", func() bool { return units(s.Billed().Minus(before), "FanoutFunction") == 100 })
	resume()
	before = s.Billed()
	burst.Publish(t)
	burst.Wait(t, 100)
	until(t, "messages deleted", func() bool { return s.Passed("FirstQueue") == events*webhooks+100 })
	t.Logf("100 deliveries, one webhook, batches as they come:\n%s", s.Billed().Minus(before).Report(100))
}

// units are the write units that some functions took.
func units(t meter.Total, functions ...string) float64 {
	sum := 0.0
	for use, a := range t.Uses {
		if slices.Contains(functions, use.Caller.Name) {
			sum += a.WRU
		}
	}
	return sum
}

func TestFunctionsKilledInTheMiddleOf2000DeliveriesLoseNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	g := target(s)
	t.Run("while jobs are launched", func(t *testing.T) {
		bill(t, s, "2,000 deliveries", func() { scenario.Crash(t, g, 2000, 10, 1) })
	})
	t.Run("while deliveries are made", func(t *testing.T) {
		burst := scenario.NewBurst(t, g, 200, 10)
		resume := s.Pause("FirstQueue")
		left := lying(t, s, "FirstQueue") // in hand when the processes were killed, and hidden still
		burst.Publish(t)
		until(t, "messages in the queue", func() bool { return lying(t, s, "FirstQueue") >= left+burst.Deliveries })
		resume()
		begun := time.Now()
		for _, n := range []int{100, 800, 1500} {
			burst.Wait(t, n)
			t.Logf("after %.1f s: %d deliveries or more, %d processes killed", time.Since(begun).Seconds(), n, s.Crash())
		}
		burst.Settled(t)
		until(t, "all messages deleted, those too that were in hand", func() bool { return lying(t, s, "FirstQueue") == 0 })
		t.Logf("after %.1f s: settled, with %d requests more than deliveries", time.Since(begun).Seconds(), burst.Wait(t, 2000)-2000)
	})
	t.Run("while inputs are reported", func(t *testing.T) { scenario.CrashInputs(t, g, 2400, 4) })
	wellBehaved(t, s)
	for id, inits := range s.Inits() {
		if len(inits) > 0 {
			slices.Sort(inits)
			t.Logf("%s: %d processes, %v from the start to the first call asked for (median)", id, len(inits), inits[len(inits)/2])
		}
	}
}

func TestWhatAQueueLostIsFoundMissing(t *testing.T) {
	t.Parallel()
	s := start(t)
	scenario.Missing(t, target(s), func(t testing.TB, publish func()) {
		resume := s.Pause("FirstQueue")
		publish()
		until(t, "messages in the queue", func() bool { return lying(t, s, "FirstQueue") == 6 })
		operator(t, s, "AmazonSQS.PurgeQueue", map[string]any{"QueueUrl": s.Template.Queues["FirstQueue"].URL}, nil)
		until(t, "queue purged", func() bool { return lying(t, s, "FirstQueue") == 0 })
		resume()
	})
	wellBehaved(t, s)
}

// unused are the grants that these tests may not need, and why they stay.
var unused = map[string]string{
	table("ConsoleRole", "DeleteItem"):                            "gives an Idempotency-Key up after a fault of ours",
	table("DeliveriesRole", "DeleteItem"):                         "gives an Idempotency-Key up after a fault of ours",
	table("JobsRole", "DeleteItem"):                               "gives an Idempotency-Key up after a fault of ours",
	table("WebhooksRole", "DeleteItem"):                           "gives an Idempotency-Key up after a fault of ours",
	index("JobsRole", "ListIndex", "list"):                        "lists jobs",
	index("JobsRole", "DueIndex", "due"):                          "lists jobs that are paused",
	index("WebhooksRole", "DueIndex", "due"):                      "is asked by HEAD for a list of jobs that are paused",
	key("DeliveriesRole", "Encrypt"):                              "makes a project's data key, if a reply is the first thing that is sealed there",
	key("JobsRole", "Encrypt"):                                    "makes a project's data key, if a reply is the first thing that is sealed there",
	key("WebhooksRole", "Decrypt"):                                "opens a project's data key, unless this very process made it",
	queue("FanoutRole", "Send", "SendMessage", "stream-failures"): "tells of records given up after 20 hours",
	queue("RedriveRole", "Send", "SendMessage", "first"):          "sends what a parked record is for, once it can be read",
	table("TallyRole", "BatchGetItem"):                            "reads why all inputs of a job failed, if who reported the last crashed before the job's end",
	queue("TallyRole", "Send", "SendMessage", "stream-failures"):  "tells of records given up after two hours",
}

func table(role, action string) string {
	return role + " Table: dynamodb:" + action + " on arn:aws:dynamodb:us-east-1:000000000000:table/hermod-Table"
}

func index(role, sid, name string) string {
	return role + " " + sid + ": dynamodb:Query on arn:aws:dynamodb:us-east-1:000000000000:table/hermod-Table/index/" + name
}

func key(role, action string) string {
	return role + " Key: kms:" + action + " on arn:aws:kms:us-east-1:000000000000:key/hermod-Key"
}

func queue(role, sid, action, name string) string {
	return role + " " + sid + ": sqs:" + action + " on arn:aws:sqs:us-east-1:000000000000:hermod-" + name
}
