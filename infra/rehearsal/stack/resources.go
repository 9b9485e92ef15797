package stack

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"hermod/infra/template"
)

// makeResources makes tables and queues as CloudFormation would.
func (s *Stack) makeResources(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(s.Template.Tables)) {
		if err := s.makeTable(ctx, s.Template.Tables[id]); err != nil {
			return err
		}
	}
	made := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(s.Template.Queues)) {
		if err := s.makeQueue(ctx, id, made); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stack) makeTable(ctx context.Context, t *template.Table) error {
	in := maps.Clone(t.Properties)
	in["TableName"] = t.Name
	var made struct {
		TableDescription struct{ LatestStreamArn string }
	}
	if err := s.Operator().Call(ctx, "DynamoDB_20120810.CreateTable", in, &made); err != nil {
		return fmt.Errorf("make %s: %w", t.ID, err)
	}
	s.streams[t.ID] = made.TableDescription.LatestStreamArn
	return nil
}

// makeQueue makes a queue after the queue of its letters.
func (s *Stack) makeQueue(ctx context.Context, id string, made map[string]bool) error {
	q := s.Template.Queues[id]
	if made[id] {
		return nil
	}
	made[id] = true
	if q.DeadLetters != "" {
		if err := s.makeQueue(ctx, q.DeadLetters, made); err != nil {
			return err
		}
	}
	attributes := map[string]string{}
	for name, value := range q.Properties {
		if name != "QueueName" && name != "Tags" {
			attributes[name] = attribute(value)
		}
	}
	if err := s.Operator().Call(ctx, "AmazonSQS.CreateQueue", map[string]any{"QueueName": q.Name, "Attributes": attributes}, nil); err != nil {
		return fmt.Errorf("make %s: %w", id, err)
	}
	return nil
}

// attribute is a property of a queue as SQS takes it: all are strings, policies are JSON in one.
func attribute(value any) string {
	switch value.(type) {
	case map[string]any, []any:
		text, err := json.Marshal(value)
		if err != nil {
			panic(err) // it came from YAML
		}
		return string(text)
	}
	return fmt.Sprint(value)
}
