package api

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"hermod/shared/delivery"
	"hermod/shared/job"
)

func TestEventsTellWhatMatchedAndWhyNot(t *testing.T) {
	w := newWorld(t)
	flow, otherFlow := w.newFlow(), w.newFlow()
	another := w.newJob(flow)
	hook := w.newHook(nil)
	failures := w.newHook(map[string]any{"events": []string{"failed"}})
	elsewhere := w.newHook(map[string]any{"workflow_uid": otherFlow})
	ofAnother := w.newHook(map[string]any{"job_uid": another})
	changing := w.newHook(map[string]any{"events": []string{"failed"}})
	w.clock.Move(time.Second)
	id := w.newJob(flow, job.Running)
	w.archive(id)
	w.call("PATCH", "/webhooks/"+changing, map[string]any{"events": []string{"created"}}).must(200)
	w.clock.Move(time.Second)
	late := w.newHook(nil)

	list := w.call("GET", "/jobs/"+id+"/events", nil).must(200)["results"].([]any)
	if len(list) != 2 {
		t.Fatalf("events are %v, want created and requested", list)
	}
	created := list[0].(map[string]any)
	if created["event"] != "created" || created["type"] != "job.created" || created["sequence"] != 2.0 || created["state"] != "archived" || created["cause"] != nil {
		t.Errorf("the newest event is %v", created)
	}
	if requested := list[1].(map[string]any); requested["event"] != "requested" || requested["cause"] != "launch" {
		t.Errorf("the first event is %v", requested)
	}
	matched := created["matched"].([]any)
	if m := matched[0].(map[string]any); len(matched) != 1 || m["webhook_uid"] != hook || m["delivery_uid"] != created["uid"].(string)+"_"+hook {
		t.Errorf("matched is %v, want the webhook for everything", matched)
	}
	why := map[string]any{}
	for _, each := range created["not_matched"].([]any) {
		miss := each.(map[string]any)
		why[miss["webhook_uid"].(string)] = miss["reason"]
	}
	for uid, want := range map[string]string{
		failures: "event_type", elsewhere: "other_workflow", ofAnother: "other_job", late: "created_later", changing: "changed_since",
	} {
		if why[uid] != want {
			t.Errorf("why not is %v, want %s", why[uid], want)
		}
	}
	if len(why) != 5 {
		t.Errorf("not matched are %v, want five", why)
	}

	one := w.call("GET", "/jobs/"+id+"/events?webhook_uid="+late, nil).must(200)["results"].([]any)[0].(map[string]any)
	if len(one["matched"].([]any)) != 0 || len(one["not_matched"].([]any)) != 1 {
		t.Errorf("asked for one webhook the answer is %v", one)
	}
	w.call("GET", "/jobs/"+id+"/events?webhook_uid="+id, nil).refused(notFound)
}

func TestAnEventIsPendingUntilItIsFannedOutAndExpiresLater(t *testing.T) {
	w := newWorld(t)
	w.newHook(nil)
	id := w.newJob(w.newFlow())
	state := func() any {
		e := w.call("GET", "/jobs/"+id+"/events", nil).must(200)["results"].([]any)[0].(map[string]any)
		if len(e["matched"].([]any))+len(e["not_matched"].([]any)) > 0 && e["state"] != "archived" {
			t.Errorf("an event that is %v tells what it matched", e["state"])
		}
		return e["state"]
	}
	if got := state(); got != "pending" {
		t.Errorf("before fan-out the event is %v, want pending", got)
	}
	w.archive(id)
	if got := state(); got != "archived" {
		t.Errorf("after fan-out the event is %v, want archived", got)
	}
	w.clock.Move(delivery.Retention + time.Hour)
	if got := state(); got != "expired" {
		t.Errorf("a month later the event is %v, want expired", got)
	}
}

func TestEventsArePagedBothWays(t *testing.T) {
	w := newWorld(t)
	id := w.newJob(w.newFlow(), job.Running, job.Paused, job.Running, job.Finished)
	var seen []string
	path := "/v3/jobs/" + id + "/events?limit=1"
	for range 10 {
		a := w.raw("GET", path, nil).must(200)
		for _, e := range a["results"].([]any) {
			seen = append(seen, e.(map[string]any)["event"].(string))
		}
		next := a["paging"].(map[string]any)["next"]
		if next == nil {
			break
		}
		path = next.(string)
	}
	if want := []string{"succeeded", "paused", "created", "requested"}; !slices.Equal(seen, want) {
		t.Errorf("pages of one have %v, want %v", seen, want)
	}
}

// The schemas are judged by what is sent: a sample of each type, and the payload of a job that was real.
func TestEventTypesHaveSamplesThatTheirSchemasDescribe(t *testing.T) {
	w := newWorld(t)
	id := w.newJob(w.newFlow(), job.Running, job.Finished)
	var list struct {
		Results []struct {
			Event, Type, Description string
			Samples                  map[job.Format]any
			Schemas                  map[job.Format]any
		}
	}
	w.noError(json.Unmarshal(w.call("GET", "/event-types", nil).body, &list))
	var types []job.EventType
	for _, r := range list.Results {
		types = append(types, job.EventType(r.Event))
		if r.Type != "job."+r.Event || r.Description == "" {
			t.Errorf("type %s is called %q and described as %q", r.Event, r.Type, r.Description)
		}
		for _, f := range job.Formats {
			for _, wrong := range w.spec.validate(r.Event, r.Schemas[f], r.Samples[f]) {
				t.Errorf("the sample of %s in format %s: %s", r.Event, f, wrong)
			}
		}
		if r.Event != "succeeded" {
			continue
		}
		j := w.stored(id)
		for _, f := range job.Formats {
			body, err := j.Payload(j.EventUID(j.Last()), j.Last(), f)
			w.noError(err)
			for _, wrong := range w.spec.validate("payload", r.Schemas[f], parsed(body)) {
				t.Errorf("a real payload of format %s: %s", f, wrong)
			}
		}
		other := r.Samples[job.FormatV3].(map[string]any)
		other["message"] = "Job failed."
		if len(w.spec.validate("payload", r.Schemas[job.FormatV3], other)) == 0 {
			t.Error("the schema of succeeded takes the message of failed")
		}
	}
	if !slices.Equal(types, job.EventTypes) {
		t.Errorf("types are %v, want %v", types, job.EventTypes)
	}
	a := w.call("GET", "/event-types?limit=4", nil).must(200)
	rest := w.raw("GET", a["paging"].(map[string]any)["next"].(string), nil).must(200)["results"].([]any)
	if len(rest) != 2 {
		t.Errorf("the page after four has %d, want 2", len(rest))
	}
}
