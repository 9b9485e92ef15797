package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
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
		`"max_rate":10`:                                 {notOffered, "max_rate"},
		`"max_rate":"x"`:                                {notOffered, "max_rate"},
		`"signatures":[]`:                               {badField, "signatures"},
		`"signatures":null`:                             {badField, "signatures"},
		`"signatures":["v1","v2"]`:                      {badField, "signatures[1]"},
		`"signatures":["v1a","v1","v1a"]`:               {badField, "signatures"},
		`"public_key":"whpk_x"`:                         {badField, "public_key"},
		`"headers":[{"name":"Host","value":"x"}]`:       {badField, "headers"},
		`"headers":[{"name":"webhook-id","value":"x"}]`: {badField, "headers"},
		`"headers":[{"name":"a b","value":"x"}]`:        {badField, "headers"},
		`"headers":[{"name":"a","value":"x\r\ny: z"}]`:  {badField, "headers"},
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
	for _, secret := range []string{`""`, `"x"`, `"whsec_AAAA"`, `null`, `"` + signature.NewPair(nil).Reveal() + `"`, `"` + signature.NewPair(nil).Public() + `"`} {
		message, _ := w.call("POST", "/webhooks", `{"url":"https://hooks.example.com","events":["failed"],"secret":`+secret+`}`).refused(badField, "field", "secret")
		if _, encoded, ok := strings.Cut(strings.Trim(secret, `"`), "_"); ok && strings.Contains(message, encoded) {
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
		`{"scheme":"v1a"}`: {badField, "scheme"}, `{"scheme":"v2"}`: {badField, "scheme"}, `{"overlap_seconds":604801}`: {badField, "overlap_seconds"},
		`{"overlap_seconds":-1}`: {badField, "overlap_seconds"}, `{"overlap_seconds":null}`: {badField, "overlap_seconds"}, `{"secret":"whsec_x"}`: {badField, "secret"},
	} {
		w.call("POST", "/webhooks/"+id+"/secret/rotate", body).refused(want.label, "field", want.field)
	}
}

// A client that did not see the answer asks again, without an Idempotency-Key.
func TestARotationToTheOwnSecretThatIsCurrentChangesNothing(t *testing.T) {
	w := newWorld(t)
	id := w.newHook(nil)
	own := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 24)))
	rotate := func() string {
		w.clock.Move(time.Minute)
		return w.call("POST", "/webhooks/"+id+"/secret/rotate", map[string]any{"secret": own}).must(200)["secret"].(string)
	}
	rotate()
	once := w.storedHook(id)
	for range 2 {
		if shown := rotate(); shown != own {
			t.Errorf("asked again, the answer shows %q, want the secret given", shown)
		}
	}
	if diff := cmp.Diff(once, w.storedHook(id)); diff != "" {
		t.Errorf("asked again, the webhook changes (-before +after):\n%s", diff)
	}
	other := w.newHook(map[string]any{"secret": own})
	if a, b := once.Secrets[0].Print, w.storedHook(other).Secrets[0].Print; a == "" || a == b || strings.Contains(own, a) {
		t.Errorf("of one secret two webhooks keep the fingerprints %q and %q, want two", a, b)
	}
}

func TestAJobHasTwentyWebhooksOfItsOwnHoweverItGetsThem(t *testing.T) {
	w := newWorld(t)
	id := w.newJob(w.newFlow())
	for range webhook.MaxPerJob {
		w.newHook(map[string]any{"job_uid": id})
	}
	free := w.newHook(nil)
	for _, a := range []*answered{
		w.call("POST", "/webhooks", map[string]any{"url": "https://hooks.example.com/x", "events": []string{"failed"}, "job_uid": id}),
		w.call("PATCH", "/webhooks/"+free, map[string]any{"job_uid": id}),
	} {
		if message, _ := a.refused(quota, "field", "job_uid"); !strings.HasPrefix(message, "This job has 20 webhooks of its own, as many as it may have.") {
			t.Errorf("the message is %q", message)
		}
	}
}

func TestARefusalOfAWebhookSaysOnceWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	for fields, want := range map[string]string{
		`"secret":"whsec_c2hvcnQ="`:                 "secret cannot be used: it has 5 bytes; want whsec_ and the standard base64 ",
		`"retry_schedule":[5,90000]`:                "retry_schedule cannot be used: wait 2 of 2 is 90000 s; ",
		`"name":"` + strings.Repeat("x", 300) + `"`: "name: has 300 bytes; at most 256 are allowed",
	} {
		message, _ := w.call("POST", "/webhooks", `{"url":"https://hooks.example.com","events":["failed"],`+fields+`}`).refused(badField)
		if !strings.HasPrefix(message, want) {
			t.Errorf("the message is %q, want %q", message, want)
		}
	}
}

// storedHook reads a webhook from the engine.
func (w *world) storedHook(id string) webhook.Webhook {
	w.Helper()
	h, err := w.db.Webhooks().Get(w.Context(), w.project, id)
	w.noError(err)
	return h
}

// sign signs a message as dispatch would now.
func (w *world) sign(id string, body []byte) http.Header {
	w.Helper()
	hook, now := w.storedHook(id), w.clock.Now()
	var secrets []signature.Secret
	for _, s := range hook.ValidSecrets(now) {
		plain, err := w.config.Box.Open(w.Context(), w.project, id, webhook.SecretField, s.Sealed)
		w.noError(err)
		secret, err := signature.Parse(string(plain))
		w.noError(err)
		secrets = append(secrets, secret)
	}
	header := http.Header{}
	header.Set(signature.HeaderID, "msg_1")
	header.Set(signature.HeaderTimestamp, strconv.FormatInt(now.Unix(), 10))
	header.Set(signature.HeaderSignature, signature.Sign(secrets, "msg_1", now, body))
	return header
}

// verifiesNow reports whether a receiver that was given this, a secret or a public key, takes what the webhook signs now.
func (w *world) verifiesNow(id string, given any) bool {
	w.Helper()
	receiver, err := signature.Parse(given.(string))
	w.noError(err)
	body := []byte("{}")
	return signature.Verify(w.sign(id, body), body, []signature.Secret{receiver}, w.clock.Now(), signature.Tolerance) == nil
}

// wantShown checks which of its secrets an answer about a webhook shows.
func wantShown(t *testing.T, when string, a map[string]any, secret, hint, public bool) {
	t.Helper()
	for name, want := range map[string]bool{"secret": secret, "secret_hint": hint, "public_key": public} {
		if (a[name] != nil) != want {
			t.Errorf("%s: %s is %v, want one: %v", when, name, a[name], want)
		}
	}
	if public && !strings.HasPrefix(a["public_key"].(string), "whpk_") || strings.Contains(fmt.Sprint(a), "whsk_") {
		t.Errorf("%s: %v, want the public key and nothing of the private one", when, a)
	}
}

func TestANewWebhookHasASecretForEachOfItsSchemes(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		signatures     string
		secret, public bool
	}{
		{`["v1"]`, true, false},
		{`["v1a"]`, false, true},
		{`["v1","v1a"]`, true, true},
		{`["v1a","v1"]`, true, true},
	} {
		w.clock.Move(time.Millisecond)
		a := w.call("POST", "/webhooks", `{"url":"https://hooks.example.com","events":["failed"],"signatures":`+row.signatures+`}`).must(201)
		id := a["uid"].(string)
		wantShown(t, "POST with "+row.signatures, a, row.secret, row.secret, row.public)
		if row.secret && !w.verifiesNow(id, a["secret"]) {
			t.Errorf("%s: the secret does not verify what the webhook signs", row.signatures)
		}
		if row.public && !w.verifiesNow(id, a["public_key"]) {
			t.Errorf("%s: the public key does not verify what the webhook signs", row.signatures)
		}
		delete(a, "secret")
		read := w.call("GET", "/webhooks/"+id, nil).must(200)
		if diff := cmp.Diff(a, read); diff != "" {
			t.Errorf("%s: read (- as made, + as read)\n%s", row.signatures, diff)
		}
		if diff := cmp.Diff([]any{read}, w.call("GET", "/webhooks?limit=1", nil).must(200)["results"]); diff != "" {
			t.Errorf("%s: listed (- as read, + as listed)\n%s", row.signatures, diff)
		}
	}
	own := signature.New(nil).Reveal()
	message, _ := w.call("POST", "/webhooks", `{"url":"https://hooks.example.com","events":["failed"],"signatures":["v1a"],"secret":"`+own+`"}`).refused(badField, "field", "secret")
	if !strings.Contains(message, "signatures") {
		t.Errorf("the message is %q, want the reason, that signatures leaves v1 out", message)
	}
}

func TestSchemesAreSwitchedOnAndOff(t *testing.T) {
	w := newWorld(t)
	first := w.call("POST", "/webhooks", `{"url":"https://hooks.example.com","events":["failed"]}`).must(201)
	id := first["uid"].(string)
	patch := func(signatures string) map[string]any {
		t.Helper()
		w.clock.Move(time.Second)
		return w.call("PATCH", "/webhooks/"+id, `{"signatures":`+signatures+`}`).must(200)
	}
	both := patch(`["v1","v1a"]`)
	wantShown(t, "v1a added", both, false, true, true)
	if !w.verifiesNow(id, first["secret"]) || !w.verifiesNow(id, both["public_key"]) {
		t.Error("with v1a added the webhook is not signed under both")
	}
	if diff := cmp.Diff(both, patch(`["v1","v1a"]`)); diff != "" {
		t.Errorf("the schemes that it has already changed something\n%s", diff)
	}
	w.call("POST", "/webhooks/"+id+"/secret/rotate", `{"scheme":"v1"}`).must(200)
	v1a := patch(`["v1a"]`)
	wantShown(t, "v1 taken away", v1a, false, false, true)
	if v1a["public_key"] != both["public_key"] || w.verifiesNow(id, first["secret"]) || !w.verifiesNow(id, both["public_key"]) {
		t.Error("with v1 taken away the webhook is not signed by the key pair alone")
	}
	if n := len(w.storedHook(id).Secrets); n != 1 {
		t.Errorf("with v1 taken away %d secrets are stored, want the key pair alone", n)
	}
	again := patch(`["v1a","v1"]`)
	wantShown(t, "v1 added", again, true, true, true)
	if again["secret"] == first["secret"] || !w.verifiesNow(id, again["secret"]) {
		t.Error("v1 added again shows no secret that is new and verifies")
	}
	wantShown(t, "read after v1 was added", w.call("GET", "/webhooks/"+id, nil).must(200), false, true, true)
	wantShown(t, "v1a taken away", patch(`["v1"]`), false, true, false)
	if w.verifiesNow(id, again["public_key"]) {
		t.Error("with v1a taken away the webhook is still signed by the key pair")
	}
	if fresh := patch(`["v1a","v1"]`); fresh["public_key"] == again["public_key"] {
		t.Error("v1a added again brings the key pair back that had ended")
	}
}

func TestRotationOfAKeyPairKeepsTheOldOneForAWhile(t *testing.T) {
	w := newWorld(t)
	a := w.call("POST", "/webhooks", `{"url":"https://hooks.example.com","events":["failed"],"signatures":["v1","v1a"]}`).must(201)
	id := a["uid"].(string)
	rotate := func(body string) map[string]any {
		t.Helper()
		return w.call("POST", "/webhooks/"+id+"/secret/rotate", body).must(200)
	}
	b := rotate(`{"scheme":"v1a","overlap_seconds":60}`)
	wantShown(t, "v1a rotated", b, false, true, true)
	if b["public_key"] == a["public_key"] || b["secret_hint"] != a["secret_hint"] {
		t.Errorf("rotated, v1a has %v and v1 %v; want a new public key and the secret of before", b["public_key"], b["secret_hint"])
	}
	for name, given := range map[string]any{"the old key": a["public_key"], "the new key": b["public_key"], "the secret": a["secret"]} {
		if !w.verifiesNow(id, given) {
			t.Errorf("during the overlap a receiver with %s does not verify", name)
		}
	}
	wantShown(t, "v1 rotated", rotate(`{"overlap_seconds":0}`), true, true, true)
	if w.verifiesNow(id, a["secret"]) || !w.verifiesNow(id, a["public_key"]) {
		t.Error("a rotation of v1 without overlap ends not the secret alone")
	}
	w.clock.Move(time.Minute)
	if w.verifiesNow(id, a["public_key"]) || !w.verifiesNow(id, b["public_key"]) {
		t.Error("after the overlap it is not the new key pair alone that signs")
	}
	w.call("PATCH", "/webhooks/"+id, `{"signatures":["v1a"]}`).must(200)
	c := rotate(`{"overlap_seconds":0}`)
	wantShown(t, "a rotation without a scheme, under v1a alone", c, false, false, true)
	if w.verifiesNow(id, b["public_key"]) || !w.verifiesNow(id, c["public_key"]) {
		t.Error("a rotation without overlap does not end the key pair of before")
	}
	own := signature.New(nil).Reveal()
	for body, field := range map[string]string{
		`{"scheme":"v1"}`: "scheme", `{"scheme":"v1","secret":"` + own + `"}`: "scheme", `{"secret":"` + own + `"}`: "secret",
		`{"scheme":"v1a","secret":"` + own + `"}`: "secret", `{"secret":"` + signature.NewPair(nil).Reveal() + `"}`: "secret",
	} {
		w.call("POST", "/webhooks/"+id+"/secret/rotate", body).refused(badField, "field", field)
	}
	if got := w.call("GET", "/webhooks/"+id, nil).must(200)["public_key"]; got != c["public_key"] {
		t.Errorf("rotations that were refused leave the public key %v, want %v", got, c["public_key"])
	}
}

// Who asks again with the same Idempotency-Key gets the same secret or key again, and nothing is rotated twice.
func TestARotationAskedForAgainIsTheSame(t *testing.T) {
	w := newWorld(t)
	id := w.newHook(map[string]any{"signatures": []string{"v1", "v1a"}})
	for n, scheme := range []string{"v1", "v1a"} {
		before := len(w.storedHook(id).Secrets)
		ask := func() *answered {
			return w.call("POST", "/webhooks/"+id+"/secret/rotate", `{"scheme":"`+scheme+`"}`, with(keyHeader, fmt.Sprint("rotation-", n)))
		}
		one, two := ask(), ask()
		one.must(200)
		if two.must(200); string(one.body) != string(two.body) || two.header.Get(replayHeader) != "true" {
			t.Errorf("a rotation of %s asked for again answers %s, want %s", scheme, two.body, one.body)
		}
		if after := len(w.storedHook(id).Secrets); after != before+1 {
			t.Errorf("a rotation of %s asked for twice leaves %d secrets, want %d", scheme, after, before+1)
		}
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

func TestAWebhookShowsHowItsRequestsEnded(t *testing.T) {
	w := newWorld(t)
	hooks := map[string]webhook.Health{
		w.newHook(nil): {},
		w.newHook(nil): {LastSuccessAt: w.clock.Now().Add(time.Minute)},
		w.newHook(nil): {FailingSince: w.clock.Now().Add(2 * time.Minute)},
		w.newHook(nil): {LastSuccessAt: w.clock.Now().Add(3 * time.Minute), FailingSince: w.clock.Now().Add(4*time.Minute + 5*time.Millisecond)},
	}
	shown := func(at time.Time) any {
		if at.IsZero() {
			return nil
		}
		return at.Format("2006-01-02T15:04:05.000Z")
	}
	wants := func(where string, got map[string]any) {
		t.Helper()
		h := hooks[got["uid"].(string)]
		if a, b := got["last_success_at"], got["failing_since"]; a != shown(h.LastSuccessAt) || b != shown(h.FailingSince) {
			t.Errorf("%s shows last_success_at %v and failing_since %v, want %v and %v", where, a, b, shown(h.LastSuccessAt), shown(h.FailingSince))
		}
	}
	for hook, h := range hooks {
		w.noError(w.db.Counters().Note(t.Context(), w.project, hook, h))
		w.noError(w.db.Counters().Note(t.Context(), "another", hook, webhook.Health{LastSuccessAt: w.clock.Now().Add(time.Hour)}))
	}
	for hook := range hooks {
		path := "/webhooks/" + hook
		wants("GET", w.call("GET", path, nil).must(200))
		wants("PATCH", w.call("PATCH", path, map[string]any{"name": "new"}).must(200))
		wants("rotation", w.call("POST", path+"/secret/rotate", map[string]any{}).must(200))
	}
	list := w.everyPage("/webhooks?limit=3")
	for _, got := range list {
		wants("the list", got)
	}
	if len(list) != len(hooks) {
		t.Errorf("%d webhooks are listed, want %d", len(list), len(hooks))
	}
}

// A new secret is shown once: where the health cannot be read, none is made.
func TestASecretIsNotLostWhereTheHealthCannotBeRead(t *testing.T) {
	w := newWorld(t)
	hook := w.newHook(nil)
	before := w.call("GET", "/webhooks/"+hook, nil).must(200)["secret_hint"]
	w.config.Counters = unread{w.config.Counters}
	w.start()
	w.call("POST", "/webhooks/"+hook+"/secret/rotate", map[string]any{}).refused(internalError)
	w.config.Counters = w.db.Counters()
	w.start()
	if after := w.call("GET", "/webhooks/"+hook, nil).must(200)["secret_hint"]; after != before {
		t.Errorf("secret_hint is %v after a rotation that was refused, want %v still", after, before)
	}
}

// unread are counters that cannot be read.
type unread struct{ webhook.Counters }

func (unread) Health(context.Context, string, ...string) (map[string]webhook.Health, error) {
	return nil, errors.New("no")
}
