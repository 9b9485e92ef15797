package demo

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"hermod/shared/signature"
)

// post sends a delivery to a path of the receiver, signed unless the secret is zero, and returns the status.
func post(t *testing.T, r *Receiver, secret signature.Secret, path string) int {
	t.Helper()
	body, now := []byte(`{"message":"Job started."}`), time.Now()
	req := httptest.NewRequest("POST", path, bytes.NewReader(body))
	if !secret.IsZero() {
		req.Header.Set(signature.HeaderID, "msg_1")
		req.Header.Set(signature.HeaderTimestamp, strconv.FormatInt(now.Unix(), 10))
		req.Header.Set(signature.HeaderSignature, signature.Sign([]signature.Secret{secret}, "msg_1", now, body))
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Code
}

func TestTheReceiverMisbehavesOnCommand(t *testing.T) {
	secret := signature.New(nil)
	tests := []struct {
		name, command string
		want          []int
	}{
		{"well by default", "", []int{204, 204}},
		{"a status", "status=500", []int{500, 500}},
		{"fail the first two", "fail_first=2", []int{503, 503, 204}},
		{"fail the first, then a status", "fail_first=1&status=201", []int{503, 201}},
		{"a delay", "delay=1ms", []int{204}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			r := NewReceiver(secret, &out)
			w := httptest.NewRecorder()
			r.ServeHTTP(w, httptest.NewRequest("POST", "/behave/x?"+test.command, nil))
			if w.Code != http.StatusOK {
				t.Fatalf("the command is answered %d: %s", w.Code, w.Body)
			}
			for i, want := range test.want {
				if got := post(t, r, secret, "/hook/x"); got != want {
					t.Errorf("request %d is answered %d, want %d", i+1, got, want)
				}
			}
			if n := strings.Count(out.String(), "signature verified"); n != len(test.want) {
				t.Errorf("it tells of %d verified requests, want %d: %s", n, len(test.want), &out)
			}
		})
	}
}

func TestTheReceiverHangsUntilTheCallerGivesUp(t *testing.T) {
	var out strings.Builder
	r := NewReceiver(signature.New(nil), &out)
	r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/behave/x?hang=true", nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/hook/x", nil).WithContext(ctx))
	if !strings.Contains(out.String(), "answered nothing") {
		t.Errorf("it tells %q, want that nothing was answered", &out)
	}
}

func TestTheReceiverRefusesWhatIsNotSigned(t *testing.T) {
	var out strings.Builder
	r := NewReceiver(signature.New(nil), &out)
	for _, secret := range []signature.Secret{{}, signature.New(nil)} {
		if got := post(t, r, secret, "/hook/x"); got != http.StatusUnauthorized {
			t.Errorf("it is answered %d, want 401", got)
		}
	}
	if n := strings.Count(out.String(), "NOT VERIFIED"); n != 2 {
		t.Errorf("it tells of %d requests that were not verified, want 2: %s", n, &out)
	}
}

func TestACommandThatIsNoneIsRefused(t *testing.T) {
	r := NewReceiver(signature.New(nil), new(strings.Builder))
	for _, command := range []string{"status=99", "status=x", "delay=soon", "delay=-1s", "fail_first=-1", "hang=maybe", "mood=bad"} {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest("POST", "/behave/x?"+command, nil))
		if w.Code != http.StatusBadRequest || w.Body.Len() < 10 {
			t.Errorf("%s is answered %d: %s; want 400 and why", command, w.Code, w.Body)
		}
	}
}
