package api

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"

	"hermod/shared/job"
	"hermod/shared/webhook"
)

// payloadSchemas are the JSON schemas of what receivers get, by payload format, before what is particular to a type of event is filled in.
//
//go:embed payloads.json
var payloadSchemas []byte

// eventTypeView is a type of event with what a receiver gets of it.
type eventTypeView struct {
	Event       job.EventType                  `json:"event"` // as webhooks ask for it
	Type        string                         `json:"type"`  // as payloads and headers tell it
	Description string                         `json:"description"`
	Samples     map[job.Format]json.RawMessage `json:"samples"`
	Schemas     map[job.Format]map[string]any  `json:"schemas"`
}

// eventDescriptions say when an event happens.
var eventDescriptions = map[job.EventType]string{
	job.EventRequested: "The job was launched, or a retry took it back to pending; cause says which.",
	job.EventCreated:   "The job runs for the first time in its life.",
	job.EventSucceeded: "The job became finished: at least one of its inputs succeeded, or it has none.",
	job.EventFailed:    "The job became warning or shutdown: all of its inputs failed, or its executor gave up.",
	job.EventPaused:    "The job was paused.",
	job.EventStopped:   "The job was stopped, or cancelled.",
}

// listEventTypes tells all types of events on one page. The samples are those of a job that does not exist.
func (a *api) listEventTypes(ctx context.Context, c *call, q struct{ listing }) (page[eventTypeView], error) {
	before, limit, err := c.begin(ctx, q.listing)
	if err != nil {
		return page[eventTypeView]{}, err
	}
	types, next := cut(typesAfter(before), limit, func(t job.EventType) string { return string(t) })
	views := make([]eventTypeView, len(types))
	for i, t := range types {
		if views[i], err = c.viewEventType(t); err != nil {
			return page[eventTypeView]{}, err
		}
	}
	return pageOf(ctx, c, views, next)
}

// typesAfter returns the types that come after one; all, if that is empty.
func typesAfter(t string) []job.EventType {
	for i, each := range job.EventTypes {
		if string(each) == t {
			return job.EventTypes[i+1:]
		}
	}
	return job.EventTypes
}

func (c *call) viewEventType(t job.EventType) (eventTypeView, error) {
	v := eventTypeView{
		Event: t, Type: t.Qualified(), Description: eventDescriptions[t], Samples: map[job.Format]json.RawMessage{}, Schemas: schemasOf(t),
	}
	j := sampleJob(webhook.Webhook{Project: c.project()}, t, c.now())
	for _, f := range job.Formats {
		body, err := j.Payload(j.EventUID(j.Last()), j.Last(), f)
		if err != nil {
			return v, fmt.Errorf("render sample: %w", err)
		}
		v.Samples[f] = body
	}
	return v, nil
}

// schemasOf returns the schemas of the type's payloads: the common ones, with the words by which a receiver knows the type.
func schemasOf(t job.EventType) map[job.Format]map[string]any {
	var schemas map[job.Format]map[string]any
	if err := json.Unmarshal(payloadSchemas, &schemas); err != nil {
		panic(fmt.Sprintf("api: payloads.json: %v", err)) // it is part of the program
	}
	words := map[job.Format]map[string]any{
		job.FormatV3:       {"message": constant(t.Message())},
		job.FormatStandard: {"type": constant(t.Qualified())},
	}
	for f, schema := range schemas {
		maps.Copy(schema["properties"].(map[string]any), words[f])
	}
	return schemas
}

func constant(word string) map[string]any { return map[string]any{"const": word} }
