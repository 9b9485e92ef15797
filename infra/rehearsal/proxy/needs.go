package proxy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hermod/infra/template"
)

// service is a service by the prefix of its targets.
type service struct {
	endpoint func(Config) string
	needs    func(needs, string, []byte) ([]need, error)
}

var services = map[string]service{
	"DynamoDB_20120810":        {func(c Config) string { return c.DynamoDB }, needs.table},
	"DynamoDBStreams_20120810": {func(c Config) string { return c.DynamoDB }, needs.stream},
	"AmazonSQS":                {func(c Config) string { return c.SQS }, needs.queue},
	"TrentService":             {func(c Config) string { return c.KMS }, needs.key},
}

// query is a request as far as roles are about it.
type query struct {
	target string // AmazonSQS.SendMessage
	body   []byte
}

func (q query) prefix() string    { prefix, _, _ := strings.Cut(q.target, "."); return prefix }
func (q query) operation() string { _, operation, _ := strings.Cut(q.target, "."); return operation }

// need is an action on a resource.
type need struct{ action, resource string }

// needs knows what a request needs. The engines name tables' streams in their own way; these are the template's names.
type needs struct {
	streams map[string]string // ARN by table name
	queues  map[string]*template.Queue
}

func newNeeds(t *template.Template) needs {
	n := needs{streams: map[string]string{}, queues: t.Queues}
	for _, table := range t.Tables {
		if table.StreamARN != "" {
			n.streams[table.Name] = table.StreamARN
		}
	}
	return n
}

func (n needs) of(q query) ([]need, error) {
	all, err := services[q.prefix()].needs(n, q.operation(), q.body)
	if err != nil {
		return nil, fmt.Errorf("the proxy cannot tell what %s needs: %w", q.target, err)
	}
	return all, nil
}

// part is the part of a transaction's list, or of a whole request, that names what it is about.
type part struct{ TableName, IndexName string }

// table says what DynamoDB asks for. A transaction needs the actions of its parts; a query of an index needs only the index.
func (n needs) table(operation string, body []byte) ([]need, error) {
	var in struct {
		part
		RequestItems  map[string]json.RawMessage
		TransactItems []map[string]part
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	var all []need
	add := func(operation string, p part) {
		resource := arn("dynamodb", "table/"+lastName(p.TableName))
		if p.IndexName != "" {
			resource += "/index/" + p.IndexName
		}
		all = append(all, need{"dynamodb:" + operation, resource})
	}
	switch operation {
	case "ListTables":
		return []need{{"dynamodb:ListTables", "*"}}, nil
	case "BatchGetItem", "BatchWriteItem":
		for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
			add(operation, part{TableName: name})
		}
	case "TransactWriteItems", "TransactGetItems":
		for _, member := range in.TransactItems {
			for kind, p := range member {
				action, known := map[string]string{
					"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem", "Get": "GetItem",
				}[kind]
				if !known {
					return nil, fmt.Errorf("it has a part %q", kind)
				}
				add(action, p)
			}
		}
	default:
		add(operation, in.part)
	}
	return all, named(all, "table/")
}

// stream says what DynamoDB Streams asks for. A request for records names no stream, only a place in one, so that only a template
// with one stream can tell which.
func (n needs) stream(operation string, body []byte) ([]need, error) {
	var in struct{ StreamArn string }
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	resource := ""
	switch {
	case operation == "ListStreams":
		resource = "*"
	case in.StreamArn != "":
		table := strings.Split(in.StreamArn+"//", "/")[1] // …:table/NAME/stream/LABEL
		if resource = n.streams[table]; resource == "" {
			resource = in.StreamArn
		}
	case operation == "GetRecords" && len(n.streams) == 1:
		resource = slices.Collect(maps.Values(n.streams))[0]
	default:
		return nil, fmt.Errorf("it names no stream, and the template has %d", len(n.streams))
	}
	return []need{{"dynamodb:" + operation, resource}}, nil
}

// queue says what SQS asks for. A batch needs the action for one message; moving messages needs what it does at both ends.
func (n needs) queue(operation string, body []byte) ([]need, error) {
	var in struct{ QueueURL, QueueName, SourceArn, DestinationArn string }
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	switch operation {
	case "ListQueues":
		return []need{{"sqs:ListQueues", "*"}}, nil
	case "StartMessageMoveTask", "ListMessageMoveTasks":
		var all []need
		for _, action := range []string{operation, "ReceiveMessage", "DeleteMessage", "GetQueueAttributes"} {
			all = append(all, need{"sqs:" + action, in.SourceArn})
		}
		if operation == "StartMessageMoveTask" {
			for _, destination := range n.destinations(in.SourceArn, in.DestinationArn) {
				all = append(all, need{"sqs:SendMessage", destination})
			}
		}
		return all, named(all, "")
	}
	name := lastName(in.QueueURL)
	if name == "" {
		name = in.QueueName
	}
	all := []need{{"sqs:" + strings.TrimSuffix(operation, "Batch"), arn("sqs", name)}}
	return all, named(all, ":")
}

// destinations are the queues that messages are moved to: without one that is named, those that they came from.
func (n needs) destinations(source, destination string) []string {
	if destination != "" {
		return []string{destination}
	}
	var all []string
	for _, q := range n.queues {
		if dead := n.queues[q.DeadLetters]; dead != nil && dead.ARN == source {
			all = append(all, q.ARN)
		}
	}
	slices.Sort(all)
	return all
}

// key says what KMS asks for.
func (n needs) key(operation string, body []byte) ([]need, error) {
	var in struct{ KeyID string }
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	all := []need{{"kms:" + operation, arn("kms", "key/"+lastName(in.KeyID))}}
	return all, named(all, "key/")
}

// named is an error if a need has a resource without a name, which ends as given, or if there is none at all.
func named(all []need, end string) error {
	if len(all) == 0 || slices.ContainsFunc(all, func(n need) bool { return n.resource == "" || end != "" && strings.HasSuffix(n.resource, end) }) {
		return fmt.Errorf("it does not say what it is about")
	}
	return nil
}

func arn(service, name string) string {
	return "arn:aws:" + service + ":" + template.Region + ":" + template.Account + ":" + name
}

// lastName is the last name in an ARN, a URL or a plain name.
func lastName(s string) string { return s[strings.LastIndex(s, "/")+1:] }
