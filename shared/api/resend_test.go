package api

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/delivery"
	"hermod/shared/job"
)

// summary is what matters of a message.
type summary struct {
	Delivery string
	Place    delivery.Place
	Cause    delivery.Cause
}

func (w *world) sent() []summary {
	w.Helper()
	var list []summary
	for _, m := range w.messages() {
		if m.Project != w.project || !m.SentAt.Equal(w.clock.Now()) {
			w.Errorf("message %+v, want project %s and sent now", m, w.project)
		}
		list = append(list, summary{m.UID().String(), m.Place(), m.Cause})
	}
	slices.SortFunc(list, func(a, b summary) int { return strings.Compare(a.Delivery, b.Delivery) })
	return list
}

func TestResendSendsTheLatestEventThatTheWebhookTakes(t *testing.T) {
	w := newWorld(t)
	all, some := w.newHook(nil), w.newHook(map[string]any{"events": []string{"created"}})
	id := w.newJob(w.newFlow(), "running", "finished")
	events := w.archive(id) // requested, created, succeeded
	w.outcome(events[2], all, delivery.Dead)
	for _, row := range []struct {
		hook, body string
		event      delivery.Event
		place      delivery.Place
	}{
		{all, `{"job_uid":"` + id + `"}`, events[2], delivery.Place{Step: 1}},
		{all, `{"job_uid":"` + id + `","event":"created"}`, events[1], delivery.Place{}},
		{some, `{"job_uid":"` + id + `"}`, events[1], delivery.Place{}},
	} {
		want := row.event.UID + "_" + row.hook
		if got := w.call("POST", "/webhooks/"+row.hook+"/retry", row.body).must(202); got["delivery_uid"] != want {
			t.Errorf("%s: %v, want %s", row.body, got, want)
		}
		if diff := cmp.Diff([]summary{{want, row.place, delivery.CauseManual}}, w.sent()); diff != "" {
			t.Errorf("%s (- want, + got)\n%s", row.body, diff)
		}
	}
}

// A webhook that was made after the event, and in another format, gets it all the same.
func TestResendMatchesAWebhookThatNeverWas(t *testing.T) {
	w := newWorld(t)
	w.newHook(nil)
	id := w.newJob(w.newFlow(), "running", "finished")
	event := w.archive(id)[2]
	later := w.newHook(map[string]any{"payload": "standard"})
	w.call("POST", "/webhooks/"+later+"/retry", map[string]any{"job_uid": id}).must(202)
	if diff := cmp.Diff([]summary{{event.UID + "_" + later, delivery.Place{}, delivery.CauseManual}}, w.sent()); diff != "" {
		t.Errorf("messages (- want, + got)\n%s", diff)
	}
	got := w.call("GET", "/deliveries/"+event.UID+"_"+later, nil).must(200)
	body := got["body"].(string)
	if got["body_format"] != "standard" || !strings.HasPrefix(body, `{"type":"job.succeeded"`) || got["state"] != "pending" || got["body_size"] != float64(len(body)) {
		t.Errorf("the delivery is %v", got)
	}
}

func TestResendSaysWhyThereIsNothingToSend(t *testing.T) {
	w := newWorld(t)
	flow, other := w.newFlow(), w.newFlow()
	hook := w.newHook(map[string]any{"events": []string{"failed"}})
	bound := w.newHook(map[string]any{"workflow_uid": other})
	off := w.newHook(map[string]any{"enabled": false})
	id := w.newJob(flow, "running")
	send := func(hook, event string) *answered {
		body := map[string]any{"job_uid": id}
		if event != "" {
			body["event"] = event
		}
		return w.call("POST", "/webhooks/"+hook+"/retry", body)
	}
	for _, row := range []struct {
		hook, event string
		label       label
		says        string
		field       any
	}{
		{hook, "", noEvent, "no event yet", "job_uid"},
		{hook, "failed", noEvent, "no event failed yet", "event"},
		{hook, "created", noEvent, "does not take the event created; it takes ", "event"},
		{bound, "", noEvent, "bound to another", "job_uid"},
		{off, "", hookDisabled, "Enable", nil},
	} {
		message, params := send(row.hook, row.event).refused(row.label)
		if !strings.Contains(message, row.says) || strings.Contains(message, "[") || params["field"] != row.field {
			t.Errorf("%q about %v, want %q about %v", message, params["field"], row.says, row.field)
		}
	}
	path := "/webhooks/" + hook + "/retry"
	w.call("POST", path, `{"event":"failed"}`).refused(badField, "field", "job_uid")
	w.call("POST", path, `{"job_uid":"0197f39e-0000-7e6f-9071-829304152637"}`).refused(badField, "field", "job_uid")
	w.call("POST", path, nil).refused(notFound) // of a job: the webhook's uid is none
	if sent := w.sent(); len(sent) > 0 {
		t.Errorf("sent %v", sent)
	}
}

func TestAnEventThatIsNotArchivedIsNotReadyOrHasExpired(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(nil)
	id := w.newJob(w.newFlow())
	for _, row := range []struct {
		age   time.Duration
		label label
		after string
	}{{0, notArchived, "1"}, {time.Hour, notArchived, "30"}, {delivery.Retention, expired, ""}} {
		w.clock.Move(row.age - w.clock.Now().Sub(w.stored(id).CreatedAt))
		a := w.call("POST", "/webhooks/"+hook+"/retry", map[string]any{"job_uid": id})
		if a.refused(row.label); a.header.Get("Retry-After") != row.after {
			t.Errorf("%s old: Retry-After %q, want %q", row.age, a.header.Get("Retry-After"), row.after)
		}
	}
	w.call("POST", "/jobs/"+id+"/webhooks/retry", nil).refused(noEvent)
}

func TestResendToAllOfAJob(t *testing.T) {
	w := newWorld(t)
	flow, other := w.newFlow(), w.newFlow()
	all := w.newHook(nil)
	created := w.newHook(map[string]any{"events": []string{"created"}})
	narrowed := w.newHook(nil)
	off := w.newHook(nil)
	gone := w.newHook(nil)
	w.newHook(map[string]any{"workflow_uid": other})
	w.newHook(map[string]any{"events": []string{"stopped"}})
	id := w.newJob(flow, "running", "shutdown")
	own := w.newHook(map[string]any{"job_uid": id})
	w.newHook(map[string]any{"job_uid": w.newJob(flow)})
	events := w.archive(id)
	later := w.newHook(nil)
	w.outcome(events[2], all, delivery.Succeeded)
	w.call("PATCH", "/webhooks/"+narrowed, map[string]any{"workflow_uid": other}).must(200) // matched, and would not be now
	w.call("PATCH", "/webhooks/"+off, `{"enabled":false}`).must(200)
	w.call("DELETE", "/webhooks/"+gone, nil).must(204)

	var want []string
	for hook, event := range map[string]delivery.Event{all: events[2], created: events[1], narrowed: events[2], own: events[2], later: events[2]} {
		want = append(want, event.UID+"_"+hook)
	}
	slices.Sort(want)
	for _, path := range []string{"/jobs/" + id + "/webhooks/retry", "/webhooks/" + id + "/retry"} {
		for _, body := range []any{nil, "{}"} {
			a := w.call("POST", path, body).must(202)
			var got []string
			for _, u := range a["delivery_uids"].([]any) {
				got = append(got, u.(string))
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (- want, + got)\n%s", path, diff)
			}
			if diff := cmp.Diff([]any{map[string]any{"webhook_uid": off, "reason": "WEBHOOK_DISABLED"}}, a["skipped"]); diff != "" {
				t.Errorf("%s: skipped (- want, + got)\n%s", path, diff)
			}
			var sent []string
			for _, s := range w.sent() {
				sent = append(sent, s.Delivery)
				if s.Cause != delivery.CauseManual {
					t.Errorf("sent with cause %s", s.Cause)
				}
			}
			if diff := cmp.Diff(want, sent); diff != "" {
				t.Errorf("%s: messages (- want, + got)\n%s", path, diff)
			}
		}
	}
}

// The newest event holds up nobody who does not wait for it.
func TestResendToAllPassesAnEventThatNobodyTakes(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(map[string]any{"events": []string{"requested"}})
	id := w.newJob(w.newFlow())
	event := w.archive(id)[0]
	w.clock.Move(time.Second)
	w.call("PATCH", "/jobs/"+id, `{"status":"running"}`).must(200) // created is not archived
	a := w.call("POST", "/jobs/"+id+"/webhooks/retry", nil).must(202)
	if diff := cmp.Diff([]any{event.UID + "_" + hook}, a["delivery_uids"]); diff != "" {
		t.Error(diff)
	}
	w.call("PATCH", "/webhooks/"+hook, `{"events":["created","requested"]}`).must(200)
	w.call("POST", "/jobs/"+id+"/webhooks/retry", nil).refused(notArchived)
	w.call("PATCH", "/webhooks/"+hook, `{"enabled":false,"events":["requested"]}`).must(200)
	w.call("POST", "/jobs/"+id+"/webhooks/retry", nil).refused(hookDisabled)
}

func TestRetryOfADelivery(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(nil)
	id := w.newJob(w.newFlow(), "running", "finished")
	events := w.archive(id)
	dead := w.outcome(events[2], hook, delivery.Dead)
	for u, place := range map[string]delivery.Place{dead.UID.String(): {Step: 1}, events[1].UID + "_" + hook: {}} {
		if a := w.call("POST", "/deliveries/"+u+"/retry", nil).must(202); a["delivery_uid"] != u {
			t.Errorf("answers %v", a)
		}
		if diff := cmp.Diff([]summary{{u, place, delivery.CauseManual}}, w.sent()); diff != "" {
			t.Errorf("messages (- want, + got)\n%s", diff)
		}
	}
	u := dead.UID.String()
	w.call("POST", "/deliveries/"+events[1].UID+"_0197f39e-0000-7e6f-9071-829304152637/retry", nil).refused(notFound)
	w.call("PATCH", "/webhooks/"+hook, `{"enabled":false}`).must(200)
	w.call("POST", "/deliveries/"+u+"/retry", nil).refused(hookDisabled)
	w.call("DELETE", "/webhooks/"+hook, nil).must(204)
	w.call("POST", "/deliveries/"+u+"/retry", nil).refused(hookDeleted)
	if sent := w.sent(); len(sent) > 0 {
		t.Errorf("sent %v", sent)
	}
}

// A row may outlive its event by the moment in which one of them was written.
func TestADeliveryWhoseEventExpiredIsShownWithoutItsBody(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(nil)
	id := w.newJob(w.newFlow())
	event := w.archive(id)[0]
	w.clock.Move(time.Hour)
	u := w.outcome(event, hook, delivery.Dead).UID.String()
	w.clock.Move(delivery.Retention - time.Minute)
	if a := w.call("GET", "/deliveries/"+u, nil).must(200); a["body"] != nil || a["body_size"] != nil || a["state"] != "dead" {
		t.Errorf("answers %v", a)
	}
	w.call("POST", "/deliveries/"+u+"/retry", nil).refused(expired)
	w.clock.Move(time.Hour)
	w.call("GET", "/deliveries/"+u, nil).refused(notFound)
}

func TestATestSendsASample(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	for _, format := range job.Formats {
		hook := w.newHook(map[string]any{"payload": format, "events": []string{"failed"}, "workflow_uid": flow, "enabled": false})
		for _, event := range job.EventTypes {
			u := w.call("POST", "/webhooks/"+hook+"/test", map[string]any{"event": event}).must(202)["delivery_uid"].(string)
			if diff := cmp.Diff([]summary{{u, delivery.Place{}, delivery.CauseTest}}, w.sent()); diff != "" {
				t.Errorf("messages (- want, + got)\n%s", diff)
			}
			a := w.call("GET", "/deliveries/"+u, nil).must(200)
			if a["test"] != true || a["event"] != string(event) || a["state"] != "pending" || a["workflow_uid"] != flow {
				t.Errorf("the delivery is %v", a)
			}
			var body map[string]any
			w.noError(json.Unmarshal([]byte(a["body"].(string)), &body))
			if want := event.Qualified(); format == job.FormatStandard && body["type"] != want {
				t.Errorf("type is %v, want %s", body["type"], want)
			}
			if format == job.FormatV3 && (body["uid"] != a["event_uid"] || body["message"] != event.Message() || len(body) != 9) {
				t.Errorf("the body of event %v is %v", a["event_uid"], body)
			}
			if format == job.FormatV3 && (body["error"] != nil) != (event == job.EventFailed) {
				t.Errorf("error of %s is %v", event, body["error"])
			}
			w.call("POST", "/deliveries/"+u+"/retry", nil).must(202) // a test again, though the webhook is disabled
			if sent := w.sent(); len(sent) != 1 || sent[0].Cause != delivery.CauseTest {
				t.Errorf("sent %v", sent)
			}
		}
	}
}

func TestATestSendsAJobsOwnEvent(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(nil)
	id := w.newJob(w.newFlow(), "running", "shutdown")
	fact := w.archive(id)[2]
	path := "/webhooks/" + hook + "/test"
	u := w.call("POST", path, map[string]any{"event": "failed", "job_uid": id}).must(202)["delivery_uid"].(string)
	a := w.call("GET", "/deliveries/"+u, nil).must(200)
	if a["event_uid"] == fact.UID || a["job_uid"] != id || a["sequence"] != 3.0 {
		t.Errorf("the test is %v, want an event of its own", a)
	}
	if body := a["body"].(string); strings.Contains(body, fact.UID) || !strings.Contains(body, a["event_uid"].(string)) || !strings.Contains(body, id) {
		t.Errorf("the body is %s", body)
	}
	w.call("POST", path, map[string]any{"event": "paused", "job_uid": id}).refused(noEvent, "field", "job_uid")
	w.call("POST", path, map[string]any{"event": "paused", "job_uid": "0197f39e-0000-7e6f-9071-829304152637"}).refused(badField, "field", "job_uid")
	w.call("POST", path, `{"event":"job.paused"}`).refused(badField, "field", "event")
	w.call("POST", path, nil).refused(badField, "field", "event")
}

// brokenQueue takes no message.
type brokenQueue struct{ delivery.Queue }

func (brokenQueue) Send(context.Context, delivery.Lane, ...delivery.Parcel) error {
	return &delivery.SendError{Failed: []int{0}, Err: errors.New("no queue")}
}

func TestAMessageThatIsNotSentIsNoSuccess(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(nil)
	id := w.newJob(w.newFlow())
	event := w.archive(id)[0]
	w.config.Queue = brokenQueue{w.config.Queue}
	w.start()
	for path, body := range map[string]any{
		"/webhooks/" + hook + "/test":                      map[string]any{"event": "failed"},
		"/webhooks/" + hook + "/retry":                     map[string]any{"job_uid": id},
		"/jobs/" + id + "/webhooks/retry":                  nil,
		"/deliveries/" + event.UID + "_" + hook + "/retry": nil,
	} {
		w.call("POST", path, body).refused(internalError)
	}
}
