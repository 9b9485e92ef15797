package template

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAHostLearnsHowAllIsWired(t *testing.T) {
	got, err := Load("testdata/shop.yaml", Options{Stack: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	letters := "arn:aws:sqs:us-east-1:000000000000:shop-Letters"
	tableARN := "arn:aws:dynamodb:us-east-1:000000000000:table/orders"
	want := &Template{
		Parameters: map[string]string{},
		Outputs:    map[string]string{"Url": "https://shop-Api.example"},
		Functions: map[string]*Function{
			"Front": {
				ID: "Front", Name: "front", ARN: "arn:aws:lambda:us-east-1:000000000000:function:front", Code: "functions/front", Role: "Role",
				Architecture: "arm64", Timeout: 20 * time.Second, Memory: 512,
				Environment: map[string]string{"LEVEL": "debug", "TABLE": "orders", "RATE": "5", "FAST": "true"},
			},
			"Back": {
				ID: "Back", Name: "shop-Back", ARN: "arn:aws:lambda:us-east-1:000000000000:function:shop-Back", Code: "functions/back", Role: "Role",
				Architecture: "arm64", Timeout: time.Minute, Memory: 512, Environment: map[string]string{"LEVEL": "info", "TABLE": "orders"},
				Queues: []QueueMapping{
					{ID: "BackLetters", Queue: "Letters", BatchSize: 100, Window: 2 * time.Second},
					{ID: "BackWork", Queue: "Work", BatchSize: 10, MaxConcurrency: 7, PartialFailures: true, Enabled: true},
				},
				Streams: []StreamMapping{{
					ID: "BackChanges", Table: "Table", BatchSize: 100, Window: time.Second, Filters: []string{`{"eventName":["INSERT"]}`}, Bisect: true, MaxRetries: 3,
					MaxAge: time.Hour, Parallel: 2, OnFailure: letters, PartialFailures: true, Enabled: true, Start: "TRIM_HORIZON",
				}},
				Schedules: []Schedule{
					{ID: "BackMinute", Name: "shop-BackMinute", Expression: "rate(1 minute)", Input: `{"a":1}`, Enabled: true},
					{ID: "BackNever", Name: "never", Expression: "rate(1 day)"},
				},
			},
		},
		Routes: []Route{{"", "$default", "Front"}, {"POST", "/orders", "Front"}, {"ANY", "/orders/{proxy+}", "Front"}},
		Queues: map[string]*Queue{
			"Work": {
				ID: "Work", Name: "shop-Work", ARN: "arn:aws:sqs:us-east-1:000000000000:shop-Work", URL: "https://sqs.us-east-1.amazonaws.com/000000000000/shop-Work",
				Visibility: 3 * time.Minute, Retention: 14 * 24 * time.Hour, MaxReceives: 8, DeadLetters: "Letters",
				Properties: map[string]any{"VisibilityTimeout": "180", "MessageRetentionPeriod": 1209600,
					"RedrivePolicy": map[string]any{"deadLetterTargetArn": letters, "maxReceiveCount": 8}},
			},
			"Letters": {
				ID: "Letters", Name: "shop-Letters", ARN: letters, URL: "https://sqs.us-east-1.amazonaws.com/000000000000/shop-Letters",
				Visibility: 30 * time.Second, Retention: 4 * 24 * time.Hour, Properties: map[string]any{},
			},
		},
		Tables: map[string]*Table{"Table": {
			ID: "Table", Name: "orders", ARN: tableARN, StreamARN: tableARN + "/stream/2026-01-01T00:00:00.000", TimeToLive: "ttl",
			Properties: map[string]any{
				"TableName": "orders", "BillingMode": "PAY_PER_REQUEST",
				"AttributeDefinitions": []any{map[string]any{"AttributeName": "pk", "AttributeType": "S"}},
				"KeySchema":            []any{map[string]any{"AttributeName": "pk", "KeyType": "HASH"}},
				"StreamSpecification":  map[string]any{"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"},
			},
		}},
		Roles: map[string]*Role{"Role": {ID: "Role", Name: "shop-Role", Statements: []Statement{
			{Sid: "Table", Effect: "Allow", Actions: []string{"dynamodb:GetItem", "dynamodb:PutItem"}, Resources: []string{tableARN}},
			{Effect: "Deny", Actions: []string{"sqs:*"}, Resources: []string{letters, "arn:aws:sqs:us-east-1:000000000000:shop-Work"}},
		}}},
		Resources: got.Resources,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Load(shop.yaml) differs (-want +got):\n%s", d)
	}
	if tags := got.Resources["Front"].Properties["Tags"]; !cmp.Equal(tags, map[string]any{"service": "shop", "part": "front"}) {
		t.Errorf("the tags of Front are %v, want those of Globals and its own", tags)
	}
}

func TestWhatAHostCannotWireIsAnErrorWithItsPlace(t *testing.T) {
	for _, tt := range []struct{ name, old, fresh, want string }{
		{"a property of a function", "FunctionName: front", "VpcConfig: {}", "Resources.Front.Properties.VpcConfig is not known"},
		{"no role", "CodeUri: functions/back\n      Role: !GetAtt Role.Arn", "CodeUri: functions/back", "Resources.Back.Properties.Role is missing"},
		{"a role of another template", "CodeUri: functions/back\n      Role: !GetAtt Role.Arn", "CodeUri: functions/back\n      Role: arn:aws:iam::1:role/x",
			"Resources.Back.Properties.Role is arn:aws:iam::1:role/x, which is no AWS::IAM::Role of this template"},
		{"two architectures", "Architectures: [arm64]", "Architectures: [arm64, x86_64]", "Resources.Back.Properties.Architectures are [arm64 x86_64], want one"},
		{"a runtime", "Runtime: provided.al2023", "Runtime: go1.x", "Resources.Front.Properties.Runtime is go1.x with handler bootstrap, which is not known"},
		{"a variable that is a list", "RATE: 5", "RATE: [5]", "Resources.Front.Properties.Environment.Variables.RATE is wrong: [5] is no text"},
		{"an event", "Type: ScheduleV2", "Type: S3", "Resources.Back.Properties.Events.Minute.Type is S3, which is not known"},
		{"a time that is no number", "Timeout: 60", "Timeout: long", "Resources.Back.Properties.Timeout is long, want a number"},
		{"a switch that is neither", "Enabled: false", "Enabled: maybe", "Resources.Back.Properties.Events.Letters.Properties.Enabled is maybe, want true or false"},
		{"a mapping that is none", "ScalingConfig: { MaximumConcurrency: 7 }", "ScalingConfig: 7", "Properties.ScalingConfig is 7, want a mapping"},
		{"a list that is none", "Filters: [{ Pattern: '{\"eventName\":[\"INSERT\"]}' }]", "Filters: 7", "FilterCriteria.Filters is 7, want a list"},
		{"a property of a mapping", "BatchSize: 100", "FilterCriteria: {}", "Resources.Back.Properties.Events.Letters.Properties.FilterCriteria is not known"},
		{"a way to report failures", "FunctionResponseTypes: [ReportBatchItemFailures]\n            Scaling", "FunctionResponseTypes: [All]\n            Scaling", "FunctionResponseTypes are [All], which are not known"},
		{"a stream of a table without one", "      StreamSpecification: { StreamViewType: NEW_IMAGE }\n", "", "Resources.Back.Properties.Events.Changes.Properties.Stream is that of Table, which has none"},
		{"a destination", "OnFailure: { Type: SQS", "OnFailure: { Type: SNS", "OnFailure.Type is SNS, which is not known"},
		{"a state of a schedule", "State: DISABLED", "State: PAUSED", "Events.Never.Properties.State is PAUSED, which is not known"},
		{"a flexible schedule", `Mode: "OFF"`, "Mode: FLEXIBLE", "FlexibleTimeWindow.Mode is not known"},
		{"a route twice", `Method: "*", Path: "/orders/{proxy+}"`, "Method: POST, Path: /orders", "makes the route POST /orders once more: Front has it"},
		{"a method without a path", `Method: "*", Path: "/orders/{proxy+}"`, "Method: GET", "Path and Method belong together"},
		{"no API", "ApiId: !Ref Api }", "X: x }", "ApiId is missing"},
		{"a property of the API", "FailOnWarnings: true", "CorsConfiguration: true", "Resources.Api.Properties.CorsConfiguration is not known"},
		{"a property of a queue", `VisibilityTimeout: "180"`, "FifoQueue: true", "Resources.Work.Properties.FifoQueue is not known"},
		{"letters elsewhere", "deadLetterTargetArn: !GetAtt Letters.Arn", "deadLetterTargetArn: x", "RedrivePolicy.deadLetterTargetArn is x, which is no AWS::SQS::Queue of this template"},
		{"a property of a table", "BillingMode: PAY_PER_REQUEST", "LocalSecondaryIndexes: []", "Resources.Table.Properties.LocalSecondaryIndexes is not known"},
		{"managed policies", "      Policies:", "      ManagedPolicyArns: [x]\n      Policies:", "Resources.Role.Properties.ManagedPolicyArns is not known"},
		{"what a statement is not about", `Action: "sqs:*"`, `NotAction: "sqs:*"`, "Statement[1].NotAction is not known"},
		{"a statement with a condition", "Sid: Table,", "Condition: { StringEquals: {} },", "Statement[0].Condition is not known"},
		{"an effect", "Effect: Deny", "Effect: Forbid", "Statement[1].Effect is Forbid, which is not known"},
		{"a variable in a resource", "Resource: !GetAtt Table.Arn", `Resource: "arn:${aws:username}"`, "Statement[0].Resource has a variable, which is not known"},
		{"a policy of old", "PolicyDocument:\n            Version: \"2012-10-17\"", "PolicyDocument:\n            Version: \"2008-10-17\"", "PolicyDocument.Version is 2008-10-17, which is not known"},
	} {
		text := read(t, "testdata/shop.yaml")
		if !strings.Contains(text, tt.old) {
			t.Fatalf("%s: testdata/shop.yaml has no %q", tt.name, tt.old)
		}
		_, err := parse([]byte(strings.Replace(text, tt.old, tt.fresh, 1)), Options{Stack: "shop"})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: the error is %v, want %q in it", tt.name, err, tt.want)
		}
	}
}

func TestAllFaultsAreTold(t *testing.T) {
	text := strings.NewReplacer("FunctionName: front", "VpcConfig: {}", "Timeout: 60", "Timeout: long").Replace(read(t, "testdata/shop.yaml"))
	_, err := parse([]byte(text), Options{})
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("two faults make the error %q, want two lines", err)
	}
}

func TestAnErrorNamesTheFile(t *testing.T) {
	for _, path := range []string{"testdata/none.yaml", "testdata"} {
		if _, err := Load(path, Options{}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("Load(%s) = %v, want an error that names it", path, err)
		}
	}
}

// TestOurTemplateIsUnderstood reads the template that is deployed, in all that its parameters can be.
func TestOurTemplateIsUnderstood(t *testing.T) {
	for _, stage := range []string{"dev", "staging", "prod"} {
		for _, rollout := range []string{"canary", "at-once"} {
			given := map[string]string{"Stage": stage, "Rollout": rollout, "Architecture": "x86_64", "AlarmTopic": "arn:aws:sns:us-east-1:000000000000:alarms"}
			got, err := Load("../../template.yaml", Options{Parameters: given})
			if err != nil {
				t.Errorf("in %s, %s: %v", stage, rollout, err)
				continue
			}
			for id, f := range got.Functions {
				if f.Architecture != "x86_64" || got.Roles[f.Role] == nil {
					t.Errorf("%s runs on %s with role %q, want x86_64 and a role of the template", id, f.Architecture, f.Role)
				}
			}
		}
	}
	if _, err := Load("../observability.yaml", Options{Parameters: map[string]string{"Stack": "hermod", "Api": "api", "Table": "table", "AlarmTopic": ""}}); err != nil {
		t.Error(err)
	}
}
