package api

import (
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/signature"
	"hermod/shared/webhook"
)

func TestAWebhookIsAnsweredWhole(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	a := w.call("POST", "/webhooks", map[string]any{
		"name": "billing", "url": "https://hooks.example.com/x?a=b", "events": []string{"failed", "succeeded"}, "workflow_uid": flow,
		"headers": []any{map[string]any{"name": "Authorization", "value": "Bearer 0123456789abcdef"}, map[string]any{"name": "X-Short", "value": "short"}},
		"payload": "standard", "enabled": false, "signatures": []string{"v1"}, "retry_schedule": []int{5, 60}, "timeout_seconds": 3,
		"max_rate": nil, "job_uid": nil, "description": "for <billing>",
	}).must(201)
	secret := a["secret"].(string)
	if _, err := signature.Parse(secret); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"uid": a["uid"], "name": "billing", "url": "https://hooks.example.com/x?a=b", "events": []any{"failed", "succeeded"}, "workflow_uid": flow, "job_uid": nil,
		"headers": []any{map[string]any{"name": "Authorization", "hint": "…cdef"}, map[string]any{"name": "X-Short", "hint": "***"}},
		"payload": "standard", "enabled": false, "disabled_reason": "user", "secret": secret, "secret_hint": "whsec_…" + secret[len(secret)-4:],
		"signatures": []any{"v1"}, "public_key": nil, "retry_schedule": []any{5.0, 60.0}, "timeout_seconds": 3.0, "max_rate": nil, "description": "for <billing>",
		"created_at": "2026-01-31T09:30:00.000Z", "updated_at": "2026-01-31T09:30:00.000Z", "last_success_at": nil, "failing_since": nil,
	}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("created (- want, + got)\n%s", diff)
	}
	delete(want, "secret")
	if diff := cmp.Diff(want, w.call("GET", "/webhooks/"+a["uid"].(string), nil).must(200)); diff != "" {
		t.Errorf("read (- want, + got)\n%s", diff)
	}
	list := w.call("GET", "/webhooks", nil).must(200)["results"].([]any)
	if diff := cmp.Diff([]any{want}, list); diff != "" {
		t.Errorf("listed (- want, + got)\n%s", diff)
	}
}

func TestWhatIsSealedCanBeOpened(t *testing.T) {
	w := newWorld(t)
	own := "whsec_" + base64.StdEncoding.EncodeToString([]byte("01234567890123456789012345678901"))
	id := w.newHook(map[string]any{"secret": own, "headers": []any{map[string]any{"name": "X-Token", "value": "hello"}}})
	open := func(field, sealed string) string {
		plain, err := w.config.Box.Open(w.Context(), w.project, id, field, sealed)
		w.noError(err)
		return string(plain)
	}
	hook, err := w.db.Webhooks().Get(w.Context(), w.project, id)
	w.noError(err)
	if got := open(webhook.SecretField, hook.Secrets[0].Sealed); got != own {
		t.Errorf("the secret is %q, want %q", got, own)
	}
	// An entry without a value keeps the stored one, whatever the case of its name.
	w.call("PATCH", "/webhooks/"+id, `{"headers":[{"name":"x-TOKEN"},{"name":"X-New","value":"new"}]}`).must(200)
	hook, err = w.db.Webhooks().Get(w.Context(), w.project, id)
	w.noError(err)
	for i, want := range []string{"hello", "new"} {
		if got := open(webhook.HeaderField(hook.Headers[i].Name), hook.Headers[i].Sealed); got != want {
			t.Errorf("header %s is %q, want %q", hook.Headers[i].Name, got, want)
		}
	}
	w.call("PATCH", "/webhooks/"+id, `{"headers":[{"name":"X-Other"}]}`).refused(badField, "field", "headers")
	w.call("PATCH", "/webhooks/"+id, `{"headers":[]}`).must(200)
	if got := w.call("GET", "/webhooks/"+id, nil).must(200)["headers"].([]any); len(got) != 0 {
		t.Errorf("headers are %v, want none", got)
	}
}

func TestAWebhookIsJudgedByItsFields(t *testing.T) {
	w := newWorld(t)
	flow, other := w.newFlow(), w.call("POST", "/workflows", `{"name":"x"}`, as("other")).must(201)["uid"].(string)
	foreign := w.call("POST", "/workflows/"+other+"/schedule", nil, as("other")).must(200)["uid"].(string)
	mine := w.newJob(flow)
	id := w.newHook(nil)
	for fields, want := range map[string]struct {
		label label
		field string
	}{
		`"url":"http://hooks.example.com"`:                                    {badField, "url"},
		`"url":"https://127.0.0.1/"`:                                          {badField, "url"},
		`"url":"https://localhost/"`:                                          {badField, "url"},
		`"url":"https://u:p@hooks.example.com"`:                               {badField, "url"},
		`"url":"https://hooks.example.com:22"`:                                {badField, "url"},
		`"url":"https://hooks.example.com/` + strings.Repeat("x", 2048) + `"`: {badField, "url"},
		`"url":null`:                    {badField, "url"},
		`"events":[]`:                   {badField, "events"},
		`"events":["job.failed"]`:       {badField, "events[0]"},
		`"events":["failed","failed"]`:  {badField, "events"},
		`"events":null`:                 {badField, "events"},
		`"payload":"v4"`:                {badField, "payload"},
		`"timeout_seconds":0`:           {badField, "timeout_seconds"},
		`"timeout_seconds":21`:          {badField, "timeout_seconds"},
		`"timeout_seconds":null`:        {badField, "timeout_seconds"},
		`"retry_schedule":[0]`:          {badField, "retry_schedule"},
		`"retry_schedule":[86401]`:      {badField, "retry_schedule"},
		`"retry_schedule":[9223372036]`: {badField, "retry_schedule"},
		`"retry_schedule":["5"]`:        {badField, "retry_schedule[0]"},
		`"retry_schedule":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]`: {badField, "retry_schedule"},
		`"max_rate":10`:                                                                    {notOffered, "max_rate"},
		`"max_rate":"x"`:                                                                   {notOffered, "max_rate"},
		`"signatures":["v1","v1a"]`:                                                        {notOffered, "signatures"},
		`"signatures":[]`:                                                                  {notOffered, "signatures"},
		`"headers":[{"name":"Host","value":"x"}]`:                                          {badField, "headers"},
		`"headers":[{"name":"webhook-id","value":"x"}]`:                                    {badField, "headers"},
		`"headers":[{"name":"a b","value":"x"}]`:                                           {badField, "headers"},
		`"headers":[{"name":"a","value":"x\r\ny: z"}]`:                                     {badField, "headers"},
		`"headers":[{"name":"a","value":"` + strings.Repeat("x", 4097) + `"}]`:             {badField, "headers"},
		`"headers":[{"name":"a","value":"x"},{"name":"A","value":"x"}]`:                    {badField, "headers"},
		`"headers":[{"name":"a","hint":"x"}]`:                                              {badField, "headers[0].hint"},
		`"headers":[` + strings.TrimSuffix(strings.Repeat(`{"name":"a"},`, 21), ",") + `]`: {badField, "headers"},
		`"name":"` + strings.Repeat("x", 257) + `"`:                                        {badField, "name"},
		`"name":null`: {badField, "name"},
		`"description":"` + strings.Repeat("x", 1025) + `"`: {badField, "description"},
		`"workflow_uid":"x"`: {badField, "workflow_uid"},
		`"workflow_uid":"0197f39e-0000-7e6f-9071-829304152637"`:  {badField, "workflow_uid"},
		`"workflow_uid":"` + other + `"`:                         {badField, "workflow_uid"},
		`"job_uid":"` + foreign + `"`:                            {badField, "job_uid"},
		`"job_uid":"` + mine + `","workflow_uid":"` + flow + `"`: {badField, "job_uid"},
		`"uid":"0197f39e-0000-7e6f-9071-829304152637"`:           {badField, "uid"},
		`"secret_hint":"x"`:                                      {badField, "secret_hint"},
		`"enabled":1`:                                            {badField, "enabled"},
	} {
		body := `{` + fields + `}`
		if !strings.Contains(fields, `"url"`) {
			body = `{"url":"https://hooks.example.com",` + body[1:]
		}
		if !strings.Contains(fields, `"events"`) {
			body = `{"events":["failed"],` + body[1:]
		}
		w.call("POST", "/webhooks", body).refused(want.label, "field", want.field)
		w.call("PATCH", "/webhooks/"+id, `{`+fields+`}`).refused(want.label, "field", want.field)
	}
	for _, body := range []string{`{"url":"https://hooks.example.com"}`, `{"events":["failed"]}`} {
		w.call("POST", "/webhooks", body).refused(badField)
	}
	for _, secret := range []string{`""`, `"x"`, `"whsec_AAAA"`, `null`} {
		message, _ := w.call("POST", "/webhooks", `{"url":"https://hooks.example.com","events":["failed"],"secret":`+secret+`}`).refused(badField, "field", "secret")
		if strings.Contains(message, "AAAA") {
			t.Errorf("the message shows the secret: %s", message)
		}
	}
	w.call("PATCH", "/webhooks/"+id, `{"secret":"x"}`).refused(badField, "field", "secret")
}

func TestPatchMerges(t *testing.T) {
	w := newWorld(t)
	flow := w.newFlow()
	id := w.newHook(map[string]any{"name": "a", "retry_schedule": []int{}, "workflow_uid": flow})
	before := w.call("GET", "/webhooks/"+id, nil).must(200)
	if len(before["retry_schedule"].([]any)) != 0 {
		t.Errorf("an empty schedule is %v, want []", before["retry_schedule"])
	}
	w.clock.Move(time.Second)
	if diff := cmp.Diff(before, w.call("PATCH", "/webhooks/"+id, `{}`).must(200)); diff != "" {
		t.Errorf("nothing given changed something\n%s", diff)
	}
	if diff := cmp.Diff(before, w.call("PATCH", "/webhooks/"+id, `{"name":"a","enabled":true}`).must(200)); diff != "" {
		t.Errorf("what it is already changed something\n%s", diff)
	}
	for _, row := range []struct {
		patch string
		want  map[string]any
	}{
		{`{"name":"b"}`, map[string]any{"name": "b"}},
		{`{"retry_schedule":null}`, map[string]any{"retry_schedule": nil}},
		{`{"workflow_uid":null}`, map[string]any{"workflow_uid": nil}},
		{`{"enabled":false}`, map[string]any{"enabled": false, "disabled_reason": "user"}},
		{`{"enabled":true,"timeout_seconds":20}`, map[string]any{"enabled": true, "disabled_reason": nil, "timeout_seconds": 20.0}},
	} {
		before["updated_at"] = "2026-01-31T09:30:01.000Z"
		for name, value := range row.want {
			before[name] = value
		}
		if diff := cmp.Diff(before, w.call("PATCH", "/webhooks/"+id, row.patch).must(200)); diff != "" {
			t.Errorf("%s (- want, + got)\n%s", row.patch, diff)
		}
	}
}

// Who disables a webhook that its receiver has left does not hide that.
func TestDisablingAgainKeepsTheReason(t *testing.T) {
	w := newWorld(t)
	id := w.newHook(nil)
	hook, err := w.db.Webhooks().Get(w.Context(), w.project, id)
	w.noError(err)
	hook.Version++
	hook.Enabled, hook.Reason = false, webhook.DisabledGone
	w.noError(w.db.Webhooks().Update(w.Context(), hook))
	if a := w.call("PATCH", "/webhooks/"+id, `{"enabled":false,"name":"x"}`).must(200); a["disabled_reason"] != "gone" {
		t.Errorf("disabled_reason is %v, want gone", a["disabled_reason"])
	}
	if a := w.call("PATCH", "/webhooks/"+id, `{"enabled":true}`).must(200); a["disabled_reason"] != nil {
		t.Errorf("disabled_reason of an enabled webhook is %v", a["disabled_reason"])
	}
}

func TestDelete(t *testing.T) {
	w := newWorld(t)
	id := w.newHook(nil)
	w.call("DELETE", "/webhooks/"+id, nil).must(204)
	w.call("DELETE", "/webhooks/"+id, nil).refused(notFound)
	w.call("GET", "/webhooks/"+id, nil).refused(notFound)
}

func TestRotationKeepsTheOldSecretForAWhile(t *testing.T) {
	w := newWorld(t)
	id := w.newHook(nil)
	hook := func() webhook.Webhook {
		h, err := w.db.Webhooks().Get(w.Context(), w.project, id)
		w.noError(err)
		return h
	}
	first := hook().Secrets[0].Hint
	own := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 24)))
	a := w.call("POST", "/webhooks/"+id+"/secret/rotate", map[string]any{"secret": own, "scheme": "v1"}).must(200)
	if a["secret"] != own {
		t.Errorf("the answer shows %v, want the secret given", a["secret"])
	}
	h := hook()
	if len(h.Secrets) != 2 || h.Secrets[1].Hint != first || !h.Secrets[1].EndsAt.Equal(w.clock.Now().Add(24*time.Hour)) {
		t.Errorf("secrets are %+v", h.Secrets)
	}
	if a := w.call("POST", "/webhooks/"+id+"/secret/rotate", `{"overlap_seconds":0}`).must(200); a["secret"] == own || len(hook().Secrets) != 1 {
		t.Errorf("an overlap of 0 leaves %+v", hook().Secrets)
	}
	w.call("POST", "/webhooks/"+id+"/secret/rotate", nil).must(200)
	for body, want := range map[string]struct {
		label label
		field string
	}{
		`{"scheme":"v1a"}`: {notOffered, "scheme"}, `{"scheme":"v2"}`: {badField, "scheme"}, `{"overlap_seconds":604801}`: {badField, "overlap_seconds"},
		`{"overlap_seconds":-1}`: {badField, "overlap_seconds"}, `{"overlap_seconds":null}`: {badField, "overlap_seconds"}, `{"secret":"whsec_x"}`: {badField, "secret"},
	} {
		w.call("POST", "/webhooks/"+id+"/secret/rotate", body).refused(want.label, "field", want.field)
	}
}

func TestAJobHasAtMost20WebhooksOfItsOwn(t *testing.T) {
	w := newWorld(t)
	id := w.newJob(w.newFlow())
	for range webhook.MaxPerJob {
		w.newHook(map[string]any{"job_uid": id})
	}
	w.call("POST", "/webhooks", map[string]any{"url": "https://a.example.com", "events": []string{"failed"}, "job_uid": id}).refused(quota)
}

// Changes of different fields at once are all kept.
func TestPatchesAtOnceDoNotOverwriteEachOther(t *testing.T) {
	w := newWorld(t)
	id := w.newHook(nil)
	var wg sync.WaitGroup
	for _, patch := range []string{`{"name":"n"}`, `{"description":"d"}`, `{"timeout_seconds":7}`, `{"payload":"standard"}`} {
		wg.Go(func() {
			for a := w.call("PATCH", "/webhooks/"+id, patch); a.status != 200; a = w.call("PATCH", "/webhooks/"+id, patch) {
				a.refused(busy)
			}
		})
	}
	wg.Wait()
	a := w.call("GET", "/webhooks/"+id, nil).must(200)
	if got := fmt.Sprintf("%v %v %v %v", a["name"], a["description"], a["timeout_seconds"], a["payload"]); got != "n d 7 standard" {
		t.Errorf("after four patches at once: %s", got)
	}
}
