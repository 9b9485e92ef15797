package proxy_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"hermod/infra/engines/enginetest"
	"hermod/infra/meter"
	"hermod/infra/rehearsal/proxy"
)

// requests are requests with the grants that each needs, and no other.
var requests = []struct {
	name, target, body string
	needs              []string // "action resource"
}{
	{"a get", "DynamoDB_20120810.GetItem", `{"TableName":"things"}`, []string{"dynamodb:GetItem " + tableARN}},
	{"a table by its ARN", "DynamoDB_20120810.PutItem", `{"TableName":"` + tableARN + `"}`, []string{"dynamodb:PutItem " + tableARN}},
	{"a query", "DynamoDB_20120810.Query", `{"TableName":"things"}`, []string{"dynamodb:Query " + tableARN}},
	{"a query of an index", "DynamoDB_20120810.Query", `{"TableName":"things","IndexName":"due"}`, []string{"dynamodb:Query " + tableARN + "/index/due"}},
	{"a batch of gets", "DynamoDB_20120810.BatchGetItem", `{"RequestItems":{"things":{}}}`, []string{"dynamodb:BatchGetItem " + tableARN}},
	{"a batch of two tables", "DynamoDB_20120810.BatchWriteItem", `{"RequestItems":{"things":[],"others":[]}}`,
		[]string{"dynamodb:BatchWriteItem " + tableARN, "dynamodb:BatchWriteItem arn:aws:dynamodb:us-east-1:000000000000:table/others"}},
	{"a transaction", "DynamoDB_20120810.TransactWriteItems",
		`{"TransactItems":[{"Put":{"TableName":"things"}},{"Update":{"TableName":"things"}},{"Delete":{"TableName":"things"}},{"ConditionCheck":{"TableName":"things"}}]}`,
		[]string{"dynamodb:PutItem " + tableARN, "dynamodb:UpdateItem " + tableARN, "dynamodb:DeleteItem " + tableARN, "dynamodb:ConditionCheckItem " + tableARN}},
	{"a transaction of gets", "DynamoDB_20120810.TransactGetItems", `{"TransactItems":[{"Get":{"TableName":"things"}}]}`, []string{"dynamodb:GetItem " + tableARN}},
	{"a description", "DynamoDB_20120810.DescribeTable", `{"TableName":"things"}`, []string{"dynamodb:DescribeTable " + tableARN}},
	{"all tables", "DynamoDB_20120810.ListTables", `{}`, []string{"dynamodb:ListTables *"}},

	{"all streams", "DynamoDBStreams_20120810.ListStreams", `{"TableName":"things"}`, []string{"dynamodb:ListStreams *"}},
	{"a stream that the engine names", "DynamoDBStreams_20120810.DescribeStream", `{"StreamArn":"arn:aws:dynamodb:dynoxide:000000000000:table/things/stream/1795523665.7"}`,
		[]string{"dynamodb:DescribeStream " + streamARN}},
	{"a place in a stream", "DynamoDBStreams_20120810.GetShardIterator", `{"StreamArn":"` + streamARN + `"}`, []string{"dynamodb:GetShardIterator " + streamARN}},
	{"records", "DynamoDBStreams_20120810.GetRecords", `{"ShardIterator":"x"}`, []string{"dynamodb:GetRecords " + streamARN}},

	{"a message", "AmazonSQS.SendMessage", `{"QueueUrl":"http://127.0.0.1:1/000000000000/retry"}`, []string{"sqs:SendMessage " + queueARN("retry")}},
	{"a batch of messages", "AmazonSQS.SendMessageBatch", `{"QueueUrl":"http://127.0.0.1:1/000000000000/retry"}`, []string{"sqs:SendMessage " + queueARN("retry")}},
	{"a batch of deletions", "AmazonSQS.DeleteMessageBatch", `{"QueueUrl":"http://x/retry"}`, []string{"sqs:DeleteMessage " + queueARN("retry")}},
	{"a batch of visibilities", "AmazonSQS.ChangeMessageVisibilityBatch", `{"QueueUrl":"http://x/retry"}`, []string{"sqs:ChangeMessageVisibility " + queueARN("retry")}},
	{"a receive", "AmazonSQS.ReceiveMessage", `{"QueueUrl":"http://x/retry"}`, []string{"sqs:ReceiveMessage " + queueARN("retry")}},
	{"attributes", "AmazonSQS.GetQueueAttributes", `{"QueueUrl":"http://x/retry"}`, []string{"sqs:GetQueueAttributes " + queueARN("retry")}},
	{"a queue by its name", "AmazonSQS.GetQueueUrl", `{"QueueName":"retry"}`, []string{"sqs:GetQueueUrl " + queueARN("retry")}},
	{"all queues", "AmazonSQS.ListQueues", `{}`, []string{"sqs:ListQueues *"}},
	{"a move to where letters came from", "AmazonSQS.StartMessageMoveTask", `{"SourceArn":"` + queueARN("dead") + `"}`, []string{
		"sqs:StartMessageMoveTask " + queueARN("dead"), "sqs:ReceiveMessage " + queueARN("dead"), "sqs:DeleteMessage " + queueARN("dead"),
		"sqs:GetQueueAttributes " + queueARN("dead"), "sqs:SendMessage " + queueARN("retry")}},
	{"a move elsewhere", "AmazonSQS.StartMessageMoveTask", `{"SourceArn":"` + queueARN("dead") + `","DestinationArn":"` + queueARN("first") + `"}`, []string{
		"sqs:StartMessageMoveTask " + queueARN("dead"), "sqs:ReceiveMessage " + queueARN("dead"), "sqs:DeleteMessage " + queueARN("dead"),
		"sqs:GetQueueAttributes " + queueARN("dead"), "sqs:SendMessage " + queueARN("first")}},

	{"an encryption", "TrentService.Encrypt", `{"KeyId":"` + keyARN + `"}`, []string{"kms:Encrypt " + keyARN}},
	{"a decryption with the key's id", "TrentService.Decrypt", `{"KeyId":"1234"}`, []string{"kms:Decrypt " + keyARN}},
}

func TestARequestPassesWithWhatItNeedsAndNotWithLess(t *testing.T) {
	for _, tt := range requests {
		for left := -1; left < len(tt.needs); left++ {
			tmpl := granted()
			role := tmpl.Roles["WorkerRole"]
			for i, need := range tt.needs {
				action, resource, _ := strings.Cut(need, " ")
				if i != left {
					s := allow("", []string{action}, resource)
					s.Effect = "Allow"
					role.Statements = append(role.Statements, s)
				}
			}
			r := newRig(t, tmpl)
			status, answer := r.ask(t, "Worker", tt.target, tt.body)
			if left == -1 && (status != 200 || !slices.Contains(r.asked, tt.target) || len(r.Denied()) > 0 || len(r.Unused()) > 0) {
				t.Errorf("%s: with all that %s needs the answer is %d %s, unused is %q", tt.name, tt.target, status, answer, r.Unused())
			}
			if left >= 0 && (status != 400 || len(r.asked) != 0 || len(r.Denied()) != 1) {
				t.Errorf("%s: without %s the answer is %d %s, want a refusal", tt.name, tt.needs[left], status, answer)
			}
		}
	}
}

func TestWhatTheProxyCannotJudgeIsRefused(t *testing.T) {
	everything := granted(allow("", []string{"*"}, "*"))
	for _, tt := range []struct{ name, target, body string }{
		{"no service", "Nobody.GetItem", `{}`},
		{"no target", "", `{}`},
		{"no JSON", "DynamoDB_20120810.GetItem", `x`},
		{"no table", "DynamoDB_20120810.GetItem", `{}`},
		{"no tables in a batch", "DynamoDB_20120810.BatchGetItem", `{}`},
		{"a strange part of a transaction", "DynamoDB_20120810.TransactWriteItems", `{"TransactItems":[{"Upsert":{"TableName":"things"}}]}`},
		{"a statement", "DynamoDB_20120810.ExecuteStatement", `{"Statement":"SELECT * FROM things"}`},
		{"no stream", "DynamoDBStreams_20120810.DescribeStream", `{}`},
		{"no queue", "AmazonSQS.SendMessage", `{}`},
		{"no source of a move", "AmazonSQS.StartMessageMoveTask", `{}`},
		{"the end of a move", "AmazonSQS.CancelMessageMoveTask", `{"TaskHandle":"x"}`},
		{"no key", "TrentService.Decrypt", `{}`},
	} {
		r := newRig(t, everything)
		if status, answer := r.ask(t, "Worker", tt.target, tt.body); status != 400 || len(r.asked) > 0 {
			t.Errorf("%s: %s answers %d %s, want a refusal", tt.name, tt.target, status, answer)
		}
	}
}

func TestWhoAsksDecides(t *testing.T) {
	for _, tt := range []struct {
		name, key string
		status    int
		answer    string
		uses      map[meter.Use]meter.Amount
	}{
		{"a function", "Worker", 200, "{}", one("Worker", meter.Working)},
		{"its mapping", proxy.Poller("Worker"), 200, "{}", one("Worker", meter.Polling)},
		{"the operator", proxy.Operator, 200, "{}", one("operator", meter.Unbilled)},
		{"nobody", "", 400, "MissingAuthenticationTokenException", map[meter.Use]meter.Amount{}},
		{"a function that is not there", "Other", 400, "UnrecognizedClientException", map[meter.Use]meter.Amount{}},
		{"a mapping of one", proxy.Poller("Other"), 400, "UnrecognizedClientException", map[meter.Use]meter.Amount{}},
	} {
		r := newRig(t, granted(allow("", []string{"sqs:GetQueueAttributes"}, queueARN("retry"))))
		status, answer := r.ask(t, tt.key, "AmazonSQS.GetQueueAttributes", `{"QueueUrl":"http://x/retry"}`)
		if status != tt.status || !strings.Contains(answer, tt.answer) {
			t.Errorf("%s is answered %d %s, want %d %s", tt.name, status, answer, tt.status, tt.answer)
		}
		if d := cmp.Diff(tt.uses, r.meter.Total().Uses); d != "" {
			t.Errorf("%s is counted wrongly (-want +got):\n%s", tt.name, d)
		}
	}
}

func one(name string, kind meter.Kind) map[meter.Use]meter.Amount {
	return map[meter.Use]meter.Amount{
		{Caller: meter.Caller{Name: name, Kind: kind}, Service: meter.SQS, Operation: "GetQueueAttributes"}: {Requests: 1, Billed: 1},
	}
}

func TestTheOperatorNeedsNoGrants(t *testing.T) {
	r := newRig(t, granted())
	for _, tt := range requests {
		if status, answer := r.ask(t, proxy.Operator, tt.target, tt.body); status != 200 {
			t.Errorf("%s is answered %d %s to the operator, want 200", tt.name, status, answer)
		}
	}
}

func TestRefusalsAreListedOnce(t *testing.T) {
	r := newRig(t, granted())
	for range 3 {
		r.ask(t, "Worker", "AmazonSQS.SendMessage", `{"QueueUrl":"http://x/retry"}`)
		r.ask(t, "Other", "AmazonSQS.SendMessage", `{"QueueUrl":"http://x/retry"}`)
	}
	want := []string{
		"Worker: SendMessage: User: arn:aws:sts::000000000000:assumed-role/worker/Worker is not authorized to perform: sqs:SendMessage on resource: " + queueARN("retry"),
		"Other: SendMessage: The security token included in the request is invalid: Other is no function of the template",
	}
	if d := cmp.Diff(want, r.Denied()); d != "" {
		t.Errorf("Denied() differs (-want +got):\n%s", d)
	}
}

func TestUnusedGrantsAreListed(t *testing.T) {
	r := newRig(t, granted(
		allow("Log", []string{"logs:PutLogEvents"}, "*"),
		allow("Table", []string{"dynamodb:GetItem", "dynamodb:Put*"}, tableARN),
		allow("Send", []string{"sqs:SendMessage"}, queueARN("retry"), queueARN("first")),
		allow("Twice", []string{"sqs:SendMessage"}, queueARN("retry")),
	))
	want := []string{
		"WorkerRole Table: dynamodb:GetItem on " + tableARN, "WorkerRole Table: dynamodb:Put* on " + tableARN,
		"WorkerRole Send: sqs:SendMessage on " + queueARN("retry"), "WorkerRole Send: sqs:SendMessage on " + queueARN("first"),
		"WorkerRole Twice: sqs:SendMessage on " + queueARN("retry"),
	}
	if d := cmp.Diff(want, r.Unused()); d != "" {
		t.Errorf("before any request Unused() differs (-want +got):\n%s", d)
	}
	r.ask(t, "Worker", "DynamoDB_20120810.PutItem", `{"TableName":"things"}`)
	r.ask(t, "Worker", "AmazonSQS.SendMessage", `{"QueueUrl":"http://x/retry"}`)
	// A refused request uses nothing, though a part of it is allowed.
	r.ask(t, "Worker", "DynamoDB_20120810.TransactWriteItems", `{"TransactItems":[{"Get":{"TableName":"things"}},{"Update":{"TableName":"things"}}]}`)
	want = []string{want[0], want[3], want[4]}
	if d := cmp.Diff(want, r.Unused()); d != "" {
		t.Errorf("after some requests Unused() differs (-want +got):\n%s", d)
	}
}

func TestSDKsSeeAccessDenied(t *testing.T) {
	r := newRig(t, granted())
	_, dynamo := dynamoClient(r.endpoint, "Worker").GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: aws.String("things"), Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "p"}}})
	_, queue := sqsClient(r.endpoint, "Worker").SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(r.endpoint + "/000000000000/retry"), MessageBody: aws.String("x")})
	_, key := kmsClient(r.endpoint, "Worker").Decrypt(t.Context(), &kms.DecryptInput{KeyId: aws.String(keyARN), CiphertextBlob: []byte("x")})
	for service, err := range map[string]error{"DynamoDB": dynamo, "SQS": queue, "KMS": key} {
		var refused smithy.APIError
		if !errors.As(err, &refused) || refused.ErrorCode() != "AccessDeniedException" || !strings.Contains(refused.ErrorMessage(), "is not authorized to perform") {
			t.Errorf("a refusal by %s is %v, want AccessDeniedException", service, err)
		}
	}
	if len(r.Denied()) != 3 {
		t.Errorf("Denied() = %q, want 3: an SDK does not retry them", r.Denied())
	}
}

func TestAnEngineThatIsGoneIsABadGateway(t *testing.T) {
	r := &rig{Proxy: proxy.New(proxy.Config{Template: granted(), DynamoDB: "http://127.0.0.1:1", SQS: "http://127.0.0.1:1", KMS: "http://127.0.0.1:1"})}
	r.endpoint = serve(t, r.Proxy)
	if status, answer := r.ask(t, proxy.Operator, "AmazonSQS.ListQueues", `{}`); status != 502 {
		t.Errorf("without an engine the answer is %d %s, want 502", status, answer)
	}
}

// TestTheRealEngineBehindTheProxy writes and reads as a function may, over DynamoDB's stand-in and with the meter between.
func TestTheRealEngineBehindTheProxy(t *testing.T) {
	m := meter.New()
	p := proxy.New(proxy.Config{
		Template: granted(allow("Table", []string{"dynamodb:PutItem", "dynamodb:GetItem"}, tableARN)),
		DynamoDB: enginetest.DynamoDB(t), Meter: m,
	})
	endpoint := serve(t, p)
	operator, worker := dynamoClient(endpoint, proxy.Operator), dynamoClient(endpoint, "Worker")
	_, err := operator.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("things"), BillingMode: types.BillingModePayPerRequest,
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS}},
	})
	if err != nil {
		t.Fatal(err)
	}
	item := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "p"}, "text": &types.AttributeValueMemberS{Value: strings.Repeat("x", 1500)}}
	if _, err := worker.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("things"), Item: item}); err != nil {
		t.Fatal(err)
	}
	got, err := worker.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("things"), Key: map[string]types.AttributeValue{"pk": item["pk"]}, ConsistentRead: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	if text, is := got.Item["text"].(*types.AttributeValueMemberS); !is || len(text.Value) != 1500 {
		t.Errorf("GetItem = %v, want what was put", got.Item)
	}
	_, err = worker.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String("things"), Key: map[string]types.AttributeValue{"pk": item["pk"]}})
	if err == nil {
		t.Error("DeleteItem succeeds without a grant")
	}
	if total := m.Total(); total.WRU() != 2 || total.RRU() != 1 {
		t.Errorf("%v write units and %v read units are counted, want 2 and 1", total.WRU(), total.RRU())
	}
	if unused, differences := p.Unused(), m.Differences(); len(unused) > 0 || len(differences) > 0 {
		t.Errorf("Unused() = %q and Differences() = %q, want none", unused, differences)
	}
	if d := fmt.Sprint(p.Denied()); strings.Count(d, "is not authorized to perform: dynamodb:DeleteItem") != 1 {
		t.Errorf("Denied() = %s, want the deletion", d)
	}
}
