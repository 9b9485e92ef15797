package dispatch_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"hermod/shared/delivery"
	"hermod/shared/dispatch"
	"hermod/shared/job"
	"hermod/shared/seal"
	"hermod/shared/signature"
	"hermod/shared/sqlite/sqlitetest"
	"hermod/shared/webhook"
)

const (
	secondSecret = "whsec_b2xkIHNlY3JldCBvZiBhIHNjZW5hcmlvLCAzMiBieXQ="
	thirdSecret  = "whsec_dGhpcmQgc2VjcmV0IG9mIGEgc2NlbmFyaW8sIDMyIGI="
)

// own returns the webhook with headers of its own, given as name, value, name, value.
func (r *rig) own(h webhook.Webhook, headers ...string) webhook.Webhook {
	r.T.Helper()
	for i := 0; i < len(headers); i += 2 {
		sealed, err := r.World.Box.Seal(r.T.Context(), h.Project, h.UID, webhook.HeaderField(headers[i]), []byte(headers[i+1]))
		if err != nil {
			r.T.Fatal(err)
		}
		h.Headers = append(h.Headers, webhook.Header{Name: headers[i], Sealed: sealed})
	}
	return h
}

// verifies reports whether a receiver with the secret takes the request, by the official library.
func verifies(t *testing.T, req got, secret string) bool {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return verifier.Verify([]byte(req.body), req.header) == nil
}

// toNow moves the world's clock to the real time, by which the official library judges.
func (r *rig) toNow() { r.Pass(time.Since(r.World.Now()).Truncate(time.Millisecond)) }

func TestTheRequestIsExactlyThis(t *testing.T) {
	tests := []struct {
		name    string
		own     []string
		payload job.Format
		want    map[string]string // besides those that each request has
	}{
		{"nothing of its own", nil, job.FormatV3, map[string]string{"Content-Type": "application/json"}},
		{"format standard", nil, job.FormatStandard, map[string]string{"Content-Type": "application/json"}},
		{"headers of its own", []string{"x-team", "blue", "Authorization", "Bearer of news"}, job.FormatV3,
			map[string]string{"Content-Type": "application/json", "X-Team": "blue", "Authorization": "Bearer of news"}},
		{"a content type of its own", []string{"content-type", "application/cloudevents+json; charset=utf-8"}, job.FormatV3,
			map[string]string{"Content-Type": "application/cloudevents+json; charset=utf-8"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			r.toNow()
			h := r.Hook(r.url, func(h *webhook.Webhook) { h.Payload = test.payload })
			h = r.update(r.own(h, test.own...))
			e := r.Archived(h)
			if test.payload == job.FormatStandard {
				e = r.rendered(e, h)
			}
			if v := r.deliver(delivery.LaneFirst, first(e, h)); !v.Acknowledge || len(r.requests()) != 1 {
				t.Fatalf("the verdict is %+v after %d requests, want it acknowledged after one", v, len(r.requests()))
			}
			req := r.requests()[0]
			if req.body != string(e.Bodies[test.payload]) || req.body == "" {
				t.Errorf("the body is %s, want the archive's %s", req.body, e.Bodies[test.payload])
			}
			if !verifies(t, req, sqlitetest.Secret) {
				t.Error("the official library does not verify the request")
			}
			want := map[string]string{
				"Content-Length": strconv.Itoa(len(req.body)), "User-Agent": "Hermod/1.2.3", "Webhook-Id": e.UID + "_" + h.UID,
				"Webhook-Timestamp": strconv.FormatInt(r.World.Now().Unix(), 10), "Webhook-Signature": req.header.Get("Webhook-Signature"),
				"Hermod-Event": "job.requested", "Hermod-Attempt": "1", "Hermod-Sequence": "1",
			}
			for name, value := range test.want {
				want[name] = value
			}
			header := map[string]string{}
			for name, values := range req.header {
				header[name] = strings.Join(values, " | ")
			}
			if diff := cmp.Diff(want, header); diff != "" {
				t.Errorf("the headers (-want +got):\n%s", diff)
			}
			row := r.wantLogged(first(e, h).UID())
			a := row.Attempts[0]
			if row.State != delivery.Succeeded || !a.Delivered() || len(a.Headers) != len(test.own)/2 || len(a.SignedWith) != 1 || a.Duration <= 0 || a.Answer != nil {
				t.Errorf("the log has %s with %+v, want one delivered attempt with the names of its headers and a hint of its secret", row.State, a)
			}
		})
	}
}

// rendered archives another event, with a body in the webhook's format.
func (r *rig) rendered(e delivery.Event, h webhook.Webhook) delivery.Event {
	r.T.Helper()
	j, err := r.World.Jobs().Get(r.T.Context(), e.Project, e.Job)
	if err != nil {
		r.T.Fatal(err)
	}
	body, err := j.Payload(e.UID, j.Last(), h.Payload)
	if err != nil {
		r.T.Fatal(err)
	}
	e.UID = job.EventUID(e.Job, 1000, e.At)
	e.Bodies = map[job.Format][]byte{h.Payload: body}
	stored, _, err := r.World.Archive().Put(r.T.Context(), e)
	if err != nil {
		r.T.Fatal(err)
	}
	return stored
}

// Repeats carry the same id and body, whatever became of the job and the webhook's format, and a timestamp of their own.
func TestARepeatIsTheSameDelivery(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url, func(h *webhook.Webhook) { h.Schedule = []time.Duration{10 * time.Second, 10 * time.Second} })
	e := r.Archived(h)
	r.answers(500)
	r.deliver(delivery.LaneFirst, first(e, h))
	h.Payload = job.FormatStandard
	r.update(h)
	for range 2 {
		r.Pass(10 * time.Second)
		r.work(delivery.LaneRetry)
	}
	if len(r.requests()) != 3 {
		t.Fatalf("%d requests, want 3", len(r.requests()))
	}
	for i, req := range r.requests() {
		stamp := strconv.FormatInt(e.At.Add(time.Duration(i)*10*time.Second).Unix(), 10)
		if req.header.Get("Webhook-Id") != first(e, h).UID().String() || req.body != string(e.Bodies[job.FormatV3]) ||
			req.header.Get("Hermod-Attempt") != strconv.Itoa(i+1) || req.header.Get("Webhook-Timestamp") != stamp {
			t.Errorf("request %d has %v and body %s, want the same id and body, attempt %d, timestamp %s", i+1, req.header, req.body, i+1, stamp)
		}
	}
	r.wantLogged(first(e, h).UID())
}

func TestEveryValidSecretSignsAndNoneThatHasEnded(t *testing.T) {
	r := newRig(t)
	r.toNow()
	h := r.Hook(r.url)
	deliver := func(when string, hints int, want map[string]bool) {
		t.Helper()
		e := r.Archived(h)
		r.deliver(delivery.LaneFirst, first(e, h))
		req := r.requests()[len(r.requests())-1]
		if n := len(strings.Fields(req.header.Get("Webhook-Signature"))); n != hints {
			t.Errorf("%s the request has %d signatures, want %d", when, n, hints)
		}
		for secret, ok := range want {
			if verifies(t, req, secret) != ok {
				t.Errorf("%s a receiver with secret …%s verifies the request: %v, want %v", when, secret[len(secret)-5:], !ok, ok)
			}
		}
		a := r.Row(first(e, h).UID()).Attempts[0]
		var signers []string
		for _, s := range r.stored(h).ValidSecrets(r.World.Now()) {
			signers = append(signers, s.Hint)
		}
		if diff := cmp.Diff(signers, a.SignedWith); diff != "" || len(signers) != hints {
			t.Errorf("%s the log says of who signed (-want +got):\n%s", when, diff)
		}
	}
	deliver("before a rotation", 1, map[string]bool{sqlitetest.Secret: true, secondSecret: false})
	h = r.update(h.Rotate(r.Seal(h, secondSecret), time.Minute, r.World.Now()))
	deliver("during the overlap", 2, map[string]bool{sqlitetest.Secret: true, secondSecret: true})
	r.Pass(30 * time.Second)
	h = r.update(h.Rotate(r.Seal(h, thirdSecret), time.Minute, r.World.Now()))
	deliver("during two overlaps", 3, map[string]bool{sqlitetest.Secret: true, secondSecret: true, thirdSecret: true})
	r.Pass(30 * time.Second)
	deliver("at the end of the first overlap", 2, map[string]bool{sqlitetest.Secret: false, secondSecret: true, thirdSecret: true})
	r.Pass(30 * time.Second)
	deliver("after both overlaps", 1, map[string]bool{secondSecret: false, thirdSecret: true})
	h = r.update(h.Rotate(r.Seal(h, secondSecret), 0, r.World.Now()))
	deliver("after a rotation without overlap", 1, map[string]bool{secondSecret: true, thirdSecret: false})
}

// withPair returns the webhook with a new key pair of v1a, and what its receiver is given.
func (r *rig) withPair(h webhook.Webhook, overlap time.Duration) (webhook.Webhook, string) {
	r.T.Helper()
	pair := signature.NewPair(nil)
	s := r.Seal(h, pair.Reveal())
	s.Public = pair.Public()
	return h.Rotate(s, overlap, r.World.Now()), s.Public
}

// verifiesPublicly reports whether a receiver with the public key takes the request, by the specification and crypto/ed25519 alone:
// no official library has released v1a yet. What signature.Verify says must be the same.
func (r *rig) verifiesPublicly(req got, public string) bool {
	r.T.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(public, "whpk_"))
	if err != nil {
		r.T.Fatal(err)
	}
	signed := []byte(req.header.Get("Webhook-Id") + "." + req.header.Get("Webhook-Timestamp") + "." + req.body)
	verified := false
	for _, entry := range strings.Fields(req.header.Get("Webhook-Signature")) {
		scheme, encoded, _ := strings.Cut(entry, ",")
		sig, err := base64.StdEncoding.DecodeString(encoded)
		verified = verified || scheme == "v1a" && err == nil && ed25519.Verify(key, signed, sig)
	}
	receiver, err := signature.Parse(public)
	if err != nil {
		r.T.Fatal(err)
	}
	err = signature.Verify(req.header, []byte(req.body), []signature.Secret{receiver}, r.World.Now(), signature.Tolerance)
	if (err == nil) != verified {
		r.T.Errorf("Verify with the public key %s = %v, want it as ed25519 says: %v", public, err, verified)
	}
	return verified
}

func TestASchemeSignsWhileItIsOn(t *testing.T) {
	r := newRig(t)
	r.toNow()
	h := r.Hook(r.url)
	deliver := func(when, schemes string, secret bool, publics map[string]bool) {
		t.Helper()
		h = r.update(h)
		e := r.Archived(h)
		r.deliver(delivery.LaneFirst, first(e, h))
		req := r.requests()[len(r.requests())-1]
		var got []string
		for _, entry := range strings.Fields(req.header.Get("Webhook-Signature")) {
			scheme, _, _ := strings.Cut(entry, ",")
			got = append(got, scheme)
		}
		if strings.Join(got, " ") != schemes {
			t.Errorf("%s the request is signed by %v, want %s", when, got, schemes)
		}
		if verifies(t, req, sqlitetest.Secret) != secret {
			t.Errorf("%s a receiver with the secret verifies the request: %v, want %v", when, !secret, secret)
		}
		for public, ok := range publics {
			if r.verifiesPublicly(req, public) != ok {
				t.Errorf("%s a receiver with public key %s verifies the request: %v, want %v", when, public, !ok, ok)
			}
		}
		var hints []string
		for _, s := range r.stored(h).ValidSecrets(r.World.Now()) {
			hints = append(hints, s.Hint)
		}
		if diff := cmp.Diff(hints, r.Row(first(e, h).UID()).Attempts[0].SignedWith); diff != "" || len(hints) != len(got) {
			t.Errorf("%s the log says of who signed (-want +got):\n%s", when, diff)
		}
	}
	both := []webhook.Scheme{webhook.SchemeV1a, webhook.SchemeV1}
	h, older := r.withPair(h.SignBy(both), 0)
	deliver("with both schemes", "v1 v1a", true, map[string]bool{older: true})
	h, newer := r.withPair(h, time.Minute)
	deliver("during the overlap", "v1 v1a v1a", true, map[string]bool{older: true, newer: true})
	r.Pass(time.Minute)
	deliver("after the overlap", "v1 v1a", true, map[string]bool{older: false, newer: true})
	h, newest := r.withPair(h, 0)
	deliver("after a rotation without overlap", "v1 v1a", true, map[string]bool{newer: false, newest: true})
	kept := h.Secrets
	h.Signatures = []webhook.Scheme{webhook.SchemeV1a}
	deliver("with v1 off, though its secret is still there", "v1a", false, map[string]bool{newest: true})
	h.Signatures, h.Secrets = []webhook.Scheme{webhook.SchemeV1}, kept
	deliver("with v1a off, though its key pair is still there", "v1", true, map[string]bool{newest: false})
	h.Signatures, h.Secrets = []webhook.Scheme{webhook.SchemeV1a}, kept
	h = h.SignBy(h.Signatures)
	deliver("with v1 ended", "v1a", false, map[string]bool{newest: true})
}

func TestWhatTheWebhookIsNowCountsForWhatWaits(t *testing.T) {
	r := newRig(t)
	r.toNow()
	h := r.Hook("http://127.0.0.1:1/nobody", func(h *webhook.Webhook) { h.Schedule = []time.Duration{time.Second, time.Second, time.Second} })
	e := r.Archived(h)
	r.deliver(delivery.LaneFirst, first(e, h))
	row := r.Row(first(e, h).UID())
	if row.LastClass != delivery.ClassConnect || row.LastError == "" {
		t.Errorf("nobody listening is %q (%s), want %q", row.LastClass, row.LastError, delivery.ClassConnect)
	}
	h.URL = r.url
	r.update(r.own(h.Rotate(r.Seal(h, secondSecret), 0, r.World.Now()), "X-Team", "green"))
	r.Pass(time.Second)
	r.work(delivery.LaneRetry)
	if row := r.Row(row.UID); row.State != delivery.Succeeded || row.AttemptCount != 2 {
		t.Fatalf("after the URL was mended the delivery is %s after %d attempts, want succeeded after 2", row.State, row.AttemptCount)
	}
	req := r.requests()[0]
	if req.header.Get("X-Team") != "green" || req.header.Get("Hermod-Attempt") != "2" {
		t.Errorf("the request has %v, want the new header, and number 2", req.header)
	}
	if verifies(t, req, sqlitetest.Secret) || !verifies(t, req, secondSecret) {
		t.Error("the request is not signed with the new secret alone")
	}
}

func TestAWebhookThatCannotBeCalledSpendsTheStepWithoutARequest(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(r *rig, h *webhook.Webhook)
	}{
		{"a secret that we did not seal", func(_ *rig, h *webhook.Webhook) { h.Secrets[0].Sealed = "not sealed by us" }},
		{"a secret sealed for another webhook", func(r *rig, h *webhook.Webhook) { h.Secrets[0].Sealed = r.Hook(r.url).Secrets[0].Sealed }},
		{"a secret that is none", func(r *rig, h *webhook.Webhook) {
			sealed, err := r.World.Box.Seal(r.T.Context(), h.Project, h.UID, webhook.SecretField, []byte("hush"))
			if err != nil {
				r.T.Fatal(err)
			}
			h.Secrets[0].Sealed = sealed
		}},
		{"no secret that is valid", func(r *rig, h *webhook.Webhook) { h.Secrets[0].EndsAt = r.World.Now() }},
		{"no secret", func(_ *rig, h *webhook.Webhook) { h.Secrets = nil }},
		{"no secret of the scheme that is on", func(_ *rig, h *webhook.Webhook) { h.Signatures = []webhook.Scheme{webhook.SchemeV1a} }},
		{"a key pair that is none", func(r *rig, h *webhook.Webhook) {
			*h, _ = r.withPair(h.SignBy([]webhook.Scheme{webhook.SchemeV1a}), 0)
			sealed, err := r.World.Box.Seal(r.T.Context(), h.Project, h.UID, webhook.SecretField, []byte("whsk_hush"))
			if err != nil {
				r.T.Fatal(err)
			}
			h.Secrets[0].Sealed = sealed
		}},
		{"a header that we did not seal", func(_ *rig, h *webhook.Webhook) { h.Headers = []webhook.Header{{Name: "X-Team", Sealed: "hush"}} }},
		{"a header sealed under another name", func(r *rig, h *webhook.Webhook) {
			*h = r.own(*h, "X-Team", "hush")
			h.Headers[0].Name = "X-Other"
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t)
			sound := r.Hook(r.url, func(h *webhook.Webhook) { h.Schedule = []time.Duration{time.Minute} })
			h := r.stored(sound)
			test.spoil(r, &h)
			h = r.update(h)
			e := r.Archived(h)
			if v := r.deliver(delivery.LaneFirst, first(e, h)); !v.Acknowledge {
				t.Errorf("the verdict is %+v, want it acknowledged", v)
			}
			row := r.wantSpent(first(e, h).UID(), 1)
			if row.State != delivery.Retrying || row.Place.Step != 1 || row.LastError == "" || strings.Contains(row.LastError, "hush") {
				t.Errorf("the row is %s at step %d with error %q, want retrying, 1 and what is wrong", row.State, row.Place.Step, row.LastError)
			}
			h.Signatures, h.Secrets, h.Headers = sound.Signatures, sound.Secrets, nil
			r.update(h)
			r.Pass(time.Minute)
			r.work(delivery.LaneRetry)
			if len(r.requests()) != 1 || r.requests()[0].header.Get("Hermod-Attempt") != "1" {
				t.Errorf("once it is mended %d requests are made, want the first", len(r.requests()))
			}
		})
	}
}

// wantSpent checks that the row lists so many steps that were spent for the webhook's sake, and counts no request.
func (r *rig) wantSpent(u delivery.UID, steps int) delivery.Delivery {
	r.T.Helper()
	row := r.Row(u)
	if row == nil {
		r.T.Fatalf("delivery %s has no row", u)
	}
	if row.AttemptCount != 0 || len(row.Attempts) != steps || len(r.requests()) != 0 {
		r.T.Errorf("%d requests counted, %d attempts listed, %d requests made; want none, %d, none", row.AttemptCount, len(row.Attempts), len(r.requests()), steps)
	}
	for _, a := range row.Attempts {
		if a.Number != 0 || a.Class != delivery.ClassConfig || a.Delivered() {
			r.T.Errorf("the attempt is number %d, class %q; want 0, for no request was made, and %q", a.Number, a.Class, delivery.ClassConfig)
		}
	}
	return *row
}

func TestAnEventWithoutABodyForTheWebhookSpendsTheStep(t *testing.T) {
	r := newRig(t)
	h := r.Hook(r.url, func(h *webhook.Webhook) { h.Payload = job.FormatStandard })
	e := r.Archived(h) // has a body in format v3 only
	r.deliver(delivery.LaneFirst, first(e, h))
	r.wantSpent(first(e, h).UID(), 1)
}

// plainWrapper wraps nothing, and may be down.
type plainWrapper struct{ err error }

func (w *plainWrapper) Wrap(_ context.Context, _ string, key []byte) ([]byte, error) {
	return key, w.err
}

func (w *plainWrapper) Unwrap(_ context.Context, _ string, wrapped []byte) ([]byte, error) {
	return wrapped, w.err
}

// sealWith seals and opens under another wrapper from now on. What was opened before is forgotten.
func (r *rig) sealWith(wrapper seal.Wrapper) {
	r.T.Helper()
	var boxes [2]*seal.Box
	for i := range boxes {
		var err error
		if boxes[i], err = seal.New(seal.Config{Wrapper: wrapper, Keys: r.World.Keys()}); err != nil {
			r.T.Fatal(err)
		}
	}
	c := r.Dispatcher.Config
	r.World.Box, c.Box = boxes[0], boxes[1]
	r.Dispatcher = dispatch.New(c)
}

// To open nothing for a while is our own fault: it must not cost the webhook's deliveries a step.
func TestAnOutageOfTheKeysSpendsNoStep(t *testing.T) {
	for _, c := range []delivery.Cause{delivery.CauseSchedule, delivery.CauseManual, delivery.CauseTest} {
		for _, what := range []string{"secret", "header"} {
			t.Run(string(c)+" with a sealed "+what, func(t *testing.T) {
				r := newRig(t)
				wrapper := &plainWrapper{}
				r.sealWith(wrapper)
				h := r.Hook(r.url)
				if what == "header" { // it is opened first
					h = r.update(r.own(h, "X-Team", "blue"))
				}
				e := r.Archived(h)
				m := cause(first(e, h), c)
				wrapper.err = errDown
				if v := r.handle(delivery.LaneRetry, m, 3); v != delivery.HandedBack(3) {
					t.Errorf("the verdict is %+v, want it handed back", v)
				}
				if row := r.Row(m.UID()); row != nil || len(r.requests()) != 0 {
					t.Errorf("the row is %+v after %d requests, want none and none", row, len(r.requests()))
				}
				wrapper.err = nil
				v := r.handle(delivery.LaneRetry, m, 4)
				if row := r.Row(m.UID()); v != delivery.Acknowledged() || row == nil || row.State != delivery.Succeeded || len(r.requests()) != 1 {
					t.Errorf("afterwards the verdict is %+v, the row %+v; want it acknowledged and succeeded", v, row)
				}
			})
		}
	}
}

func TestTheLogTellsNoSecrets(t *testing.T) {
	var out bytes.Buffer
	r := newRig(t, func(c *dispatch.Config) {
		c.Logger = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	h := r.Hook(r.url + "/hook?token=hush")
	h = r.update(r.own(h, "X-Key", "hush"))
	e := r.Archived(h)
	r.does(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "hush", http.StatusBadGateway) })
	r.deliver(delivery.LaneFirst, first(e, h))
	r.seams.fails("Append", errDown, always)
	r.deliver(delivery.LaneRetry, cause(first(e, h), delivery.CauseManual))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Errorf("two messages make %d lines, want one each:\n%s", len(lines), out.String())
	}
	for _, want := range []string{`"level":"INFO"`, `"level":"ERROR"`, `"delivery":"` + first(e, h).UID().String(), `"status":502`, `"error":`, `"cause":"manual"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, out.String())
		}
	}
	for _, hush := range []string{"hush", "whsec_", string(e.Bodies[job.FormatV3])} {
		if strings.Contains(out.String(), hush) {
			t.Errorf("the log tells %s:\n%s", hush, out.String())
		}
	}
}
