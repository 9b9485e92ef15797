package template

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// head is a template in which the tests put their expressions.
const head = `
Parameters:
  Stage: { Type: String, Default: dev, AllowedValues: [dev, prod] }
  Size: { Type: Number, Default: "5" }
  Zones: { Type: CommaDelimitedList, Default: "a,b" }
Mappings:
  Limits:
    dev: { Rate: 5, Names: [x, y] }
    prod: { Rate: 500 }
Conditions:
  IsDev: !Equals [!Ref Stage, dev]
  IsProd: !Not [!Condition IsDev]
  Both: !And [!Condition IsDev, !Equals [1, "1"]]
  Neither: !And [!Condition IsDev, !Condition IsProd]
  Either: !Or [!Condition IsProd, !Condition IsDev]
  Long:
    Fn::Not:
      - Fn::Equals: [Ref: Stage, prod]
  Wrapped: !And [{ Condition: Long }, { Condition: IsDev }]
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: { QueueName: !Sub "${AWS::StackName}-first" }
  Plain: { Type: AWS::SQS::Queue }
  Table: { Type: AWS::DynamoDB::Table, Properties: { StreamSpecification: { StreamViewType: NEW_IMAGE } } }
  Key: { Type: AWS::KMS::Key }
  Role: { Type: AWS::IAM::Role }
  Log: { Type: AWS::Logs::LogGroup, Properties: { LogGroupName: /aws/x } }
  OnlyInProd: { Type: AWS::KMS::Key, Condition: IsProd }
  Probe: { Type: AWS::CloudWatch::Alarm, Properties: { Value: `

func TestExpressionsAreResolved(t *testing.T) {
	type list = []any
	type object = map[string]any
	for _, tt := range []struct {
		name, expression string
		want             any // nil: left out
	}{
		{"a text", `x`, "x"},
		{"a number", `5`, 5},
		{"a number with decimals", `0.5`, 0.5},
		{"a boolean", `true`, true},
		{"a date is a text", `2012-10-17`, "2012-10-17"},
		{"OFF in quotes is a text", `"OFF"`, "OFF"},
		{"a parameter", `!Ref Stage`, "dev"},
		{"a parameter in the long form", `{ Ref: Stage }`, "dev"},
		{"a list of a parameter", `!Ref Zones`, list{"a", "b"}},
		{"pseudo parameters", `!Sub "${AWS::AccountId} ${AWS::Region} ${AWS::Partition} ${AWS::URLSuffix} ${AWS::StackName}"`, "000000000000 us-east-1 aws amazonaws.com shop"},
		{"the stack's id", `!Ref AWS::StackId`, "arn:aws:cloudformation:us-east-1:000000000000:stack/shop/rehearsal"},
		{"no value", `!Ref AWS::NoValue`, nil},
		{"no value in a list", `[a, !Ref AWS::NoValue, b]`, list{"a", "b"}},
		{"no value in a mapping", `{ a: 1, b: !Ref AWS::NoValue }`, object{"a": 1}},

		{"a queue is its URL", `!Ref Queue`, "https://sqs.us-east-1.amazonaws.com/000000000000/shop-first"},
		{"a queue's ARN", `!GetAtt Queue.Arn`, "arn:aws:sqs:us-east-1:000000000000:shop-first"},
		{"a queue's name", `!GetAtt [Queue, QueueName]`, "shop-first"},
		{"a queue without a name has one", `{ Fn::GetAtt: [Plain, Arn] }`, "arn:aws:sqs:us-east-1:000000000000:shop-Plain"},
		{"a table is its name", `!Ref Table`, "shop-Table"},
		{"a table's ARN", `!GetAtt Table.Arn`, "arn:aws:dynamodb:us-east-1:000000000000:table/shop-Table"},
		{"a table's stream", `!GetAtt Table.StreamArn`, "arn:aws:dynamodb:us-east-1:000000000000:table/shop-Table/stream/2026-01-01T00:00:00.000"},
		{"a key's ARN", `!GetAtt Key.Arn`, "arn:aws:kms:us-east-1:000000000000:key/shop-Key"},
		{"a role's ARN", `!GetAtt Role.Arn`, "arn:aws:iam::000000000000:role/shop-Role"},
		{"a log's ARN", `!GetAtt Log.Arn`, "arn:aws:logs:us-east-1:000000000000:log-group:/aws/x:*"},

		{"a text with names", `!Sub "${Stage}-${Queue.Arn}-${Table}"`, "dev-arn:aws:sqs:us-east-1:000000000000:shop-first-shop-Table"},
		{"a text with names of its own", `!Sub ["${A}/${Stage}", { A: !Ref Size }]`, "5/dev"},
		{"a text in the long form", `{ Fn::Sub: "${Stage}" }`, "dev"},
		{"a literal in a text", `!Sub "${!Stage} $Stage"`, "${Stage} $Stage"},
		{"a text over lines", "!Sub \"{\\\"a\\\":\\\"$context.x\\\"}\"", `{"a":"$context.x"}`},

		{"the first of two", `!If [IsDev, a, b]`, "a"},
		{"the second of two", `!If [IsProd, a, b]`, "b"},
		{"neither", `!If [IsProd, a, !Ref AWS::NoValue]`, nil},
		{"what is not taken is not resolved", `!If [IsDev, a, !Ref Nowhere]`, "a"},
		{"all hold", `!If [Both, a, b]`, "a"},
		{"not all hold", `!If [Neither, a, b]`, "b"},
		{"one holds", `!If [Either, a, b]`, "a"},
		{"the long form of conditions", `!If [Long, a, b]`, "a"},
		{"conditions of conditions", `!If [Wrapped, a, b]`, "a"},

		{"a list joined", `!Join ["-", [a, !Ref Stage, 5]]`, "a-dev-5"},
		{"a text split", `!Split [",", "a,b"]`, list{"a", "b"}},
		{"one of a list", `!Select [1, !Ref Zones]`, "b"},
		{"one of a text", `!Select ["0", !Split [".", "a.b"]]`, "a"},
		{"a value of a map", `!FindInMap [Limits, !Ref Stage, Rate]`, 5},
		{"a list of a map", `!FindInMap [Limits, dev, Names]`, list{"x", "y"}},
	} {
		got, err := parse([]byte(head+tt.expression+" } }\n"), Options{Stack: "shop"})
		if err != nil {
			t.Errorf("%s: %s: %v", tt.name, tt.expression, err)
			continue
		}
		if d := cmp.Diff(tt.want, got.Resources["Probe"].Properties["Value"]); d != "" {
			t.Errorf("%s: %s differs (-want +got):\n%s", tt.name, tt.expression, d)
		}
	}
}

func TestWhatIsNotKnownIsAnErrorWithItsPlace(t *testing.T) {
	for _, tt := range []struct{ name, expression, want string }{
		{"a function", `!Base64 x`, "Base64: the function is not known here"},
		{"a function in the long form", `{ Fn::Length: [1] }`, "Length: the function is not known here"},
		{"a condition for a value", `!Equals [1, 1]`, "Equals: the function is not known here"},
		{"a name", `!Ref Nowhere`, "Probe: line 30: Ref: Nowhere is not known"},
		{"a name in a text", `!Sub "${Nowhere}"`, "Sub: Nowhere is not known"},
		{"a resource that is not there", `!Ref OnlyInProd`, "OnlyInProd is not there: its condition does not hold"},
		{"an attribute", `!GetAtt Queue.Length`, "attribute Length of Queue is not known"},
		{"no attribute", `!GetAtt Queue`, `"Queue" names no attribute`},
		{"an attribute of nothing", `!GetAtt Nowhere.Arn`, "Nowhere is not known"},
		{"a condition", `!If [IsTest, a, b]`, "condition IsTest is not known"},
		{"a condition of two", `!If [IsDev, a]`, "it wants a condition and two values"},
		{"a map", `!FindInMap [Limits, test, Rate]`, "there is no Limits.test.Rate"},
		{"an element", `!Select [2, !Ref Zones]`, "there is no element 2 in a list of 2"},
		{"a list in a text", `!Sub "${Zones}"`, "[a b] is no text"},
		{"a text to join", `!Join ["-", x]`, "x is no list"},
		{"a boolean of old", `off`, "line 30: off is a boolean to SAM"},
		{"an empty value", `~`, "a template must not have an empty value"},
		{"an anchor", `&a x`, "anchors and aliases are not for templates"},
		{"a name twice", `{ a: 1, a: 2 }`, "a is there twice"},
	} {
		_, err := parse([]byte(head+tt.expression+" } }\n"), Options{Stack: "shop"})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %s: the error is %v, want %q in it", tt.name, tt.expression, err, tt.want)
		}
	}
}

func TestATemplateIsRefusedAsAWhole(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		given      map[string]string
		want       string
	}{
		{"nothing", "", nil, "it has no sections"},
		{"no YAML", "a: [", nil, "yaml"},
		{"a list", "- a", nil, "it has no sections"},
		{"a section", "Hooks: {}", nil, "line 1: section Hooks is not known"},
		{"a transform", "Transform: AWS::Include", nil, "transform AWS::Include is not known"},
		{"globals", "Globals: { Api: { Name: x } }", nil, "globals of Api are not known"},
		{"a type", "Resources: { A: { Type: AWS::S3::Bucket } }", nil, "A has type AWS::S3::Bucket, which is not known"},
		{"no type", "Resources: { A: { Properties: {} } }", nil, "A has no type"},
		{"a field of a resource", "Resources: { A: { Type: AWS::KMS::Key, CreationPolicy: {} } }", nil, "A has CreationPolicy, which is not known"},
		{"properties that are none", "Resources: { A: { Type: AWS::KMS::Key, Properties: [] } }", nil, "its properties are no mapping"},
		{"a parameter without a value", "Parameters: { A: { Type: String } }", nil, "parameter A has no default and is not given"},
		{"a parameter that is not there", "Parameters: {}", map[string]string{"A": "x"}, "parameter A is not known"},
		{"a value that is not allowed", "Parameters: { A: { Type: String, AllowedValues: [x] } }", map[string]string{"A": "y"}, `parameter A is "y", but must be one of x`},
		{"a type of parameter", "Parameters: { A: { Type: AWS::SSM::Parameter::Name, Default: x } }", nil, `parameter A has type "AWS::SSM::Parameter::Name", which is not known`},
		{"a field of a parameter", "Parameters: { A: { Type: String, Default: x, Size: 1 } }", nil, "parameter A has Size, which is not known"},
		{"a condition that needs itself", "Conditions: { A: !Not [!Condition B], B: !Not [!Condition A] }", nil, "condition A needs itself: condition A, condition B, condition A"},
		{"no condition", "Conditions: { A: x }", nil, "condition A: line 1: it is no condition"},
		{"a name that needs itself", `Resources: { A: { Type: AWS::SQS::Queue, Properties: { QueueName: !Sub "${B.QueueName}" } }, B: { Type: AWS::SQS::Queue, Properties: { QueueName: !GetAtt A.QueueName } } }`, nil,
			"the name of B needs itself: the name of B, the name of A, the name of B"},
		{"an output without a value", "Outputs: { A: { Description: x } }", nil, "output A has no value"},
		{"an output that is a list", "Outputs: { A: { Value: [x] } }", nil, "[x] is no text"},
		{"a field of an output", "Outputs: { A: { Value: x, Size: 1 } }", nil, "output A has Size, which is not known"},
	} {
		_, err := parse([]byte(tt.text), Options{Parameters: tt.given})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: the error is %v, want %q in it", tt.name, err, tt.want)
		}
	}
}

func TestParametersChooseWhatIsThere(t *testing.T) {
	got, err := parse([]byte(head+"!Ref OnlyInProd } }\nOutputs: { Prod: { Value: x, Condition: IsProd }, Dev: { Value: x, Condition: IsDev } }"),
		Options{Stack: "shop", Parameters: map[string]string{"Stage": "prod", "Zones": "c"}, QueueURL: func(name string) string { return "http://127.0.0.1:1/" + name }})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"Stage": "prod", "Size": "5", "Zones": "c"}, got.Parameters); d != "" {
		t.Errorf("Parameters differs (-want +got):\n%s", d)
	}
	if d := cmp.Diff(map[string]string{"Prod": "x"}, got.Outputs); d != "" {
		t.Errorf("Outputs differs (-want +got):\n%s", d)
	}
	if value := got.Resources["Probe"].Properties["Value"]; value != "shop-OnlyInProd" {
		t.Errorf("Ref of what is only in prod = %v, want its name", value)
	}
	if url := got.Queues["Queue"].URL; url != "http://127.0.0.1:1/shop-first" {
		t.Errorf("the queue's URL is %s, want the one that the options give", url)
	}
}

// FuzzParse feeds the reader what is no template. It must not panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte(head + "!Ref Queue } }\n"))
	f.Add([]byte(`Resources: { A: { Type: AWS::SQS::Queue, Properties: { QueueName: !Sub "${B.QueueName}" } } }`))
	f.Add([]byte(`Conditions: { A: !Not [!Condition A] }`))
	f.Add([]byte(`Resources: { F: { Type: AWS::Serverless::Function, Properties: { Events: { E: { Type: SQS, Properties: [] } } } } }`))
	f.Fuzz(func(t *testing.T, text []byte) { parse(text, Options{}) })
}
