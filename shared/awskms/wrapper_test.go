package awskms_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"hermod/infra/engines"
	"hermod/infra/engines/enginetest"
	"hermod/shared/awskms"
	"hermod/shared/seal"
	"hermod/shared/storetest"
	"hermod/shared/uid"
)

const keyARN = "arn:aws:kms:us-east-1:000000000000:key/"

// client returns a client of the real SDK that waits for nothing before it tries again.
func client(endpoint string, transport http.RoundTripper) *kms.Client {
	return kms.New(kms.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, HTTPClient: &http.Client{Transport: transport},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		}),
	})
}

func TestWrapper(t *testing.T) {
	storetest.Wrapper(t, func(t *testing.T) seal.Wrapper {
		return awskms.New(awskms.Config{Client: client(enginetest.KMS(t), engines.Transport()), KeyID: keyARN + "1"})
	})
}

func TestWrapperOpensWhatAnotherProcessWrapped(t *testing.T) {
	endpoint, key := enginetest.KMS(t), []byte(strings.Repeat("k", 32))
	wrapped, err := awskms.New(awskms.Config{Client: client(endpoint, engines.Transport()), KeyID: keyARN + "1"}).Wrap(t.Context(), "p1", key)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]error{keyARN + "1": nil, "1": nil, keyARN + "2": seal.ErrTampered} {
		w := awskms.New(awskms.Config{Client: client(endpoint, engines.Transport()), KeyID: id})
		got, err := w.Unwrap(t.Context(), "p1", wrapped)
		if !errors.Is(err, want) || (want == nil) != (string(got) == string(key)) {
			t.Errorf("Unwrap with the key %s = %q, %v, want %v", id, got, err, want)
		}
	}
}

func TestBoxWorksWithKMS(t *testing.T) {
	keys := &oneKey{}
	w := awskms.New(awskms.Config{Client: client(enginetest.KMS(t), engines.Transport()), KeyID: keyARN + "1"})
	for range 2 { // the second has to unwrap
		box, err := seal.New(seal.Config{Wrapper: w, Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := box.Seal(t.Context(), "p1", "w1", "secret", []byte("Bearer xyz"))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := box.Open(t.Context(), "p1", "w1", "secret", sealed); err != nil || string(plain) != "Bearer xyz" {
			t.Errorf("Open = %q, %v, want what was sealed", plain, err)
		}
	}
}

// oneKey is seal.Keys for one project.
type oneKey struct{ wrapped []byte }

func (k *oneKey) DataKey(context.Context, string) ([]byte, error) {
	if k.wrapped == nil {
		return nil, seal.ErrNoKey
	}
	return k.wrapped, nil
}

func (k *oneKey) PutDataKey(_ context.Context, _ string, wrapped []byte) error {
	k.wrapped = wrapped
	return nil
}

// wire answers instead of KMS, and keeps what it was asked.
type wire struct {
	answer func(n int, r *http.Request) (*http.Response, error)
	bodies []string
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w.bodies = append(w.bodies, string(body))
	return w.answer(len(w.bodies), r)
}

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}}, Body: io.NopCloser(strings.NewReader(body))}
}

func refusal(status int, code string) *http.Response {
	return answer(status, `{"__type":"`+code+`","message":"a test asked for it"}`)
}

func TestOnlyABadCiphertextIsTampered(t *testing.T) {
	reset := errors.New("read: connection reset by peer")
	tests := []struct {
		name     string
		answer   func() (*http.Response, error)
		tampered bool
	}{
		{"InvalidCiphertextException", func() (*http.Response, error) { return answer(400, `{"__type":"InvalidCiphertextException"}`), nil }, true},
		{"IncorrectKeyException", func() (*http.Response, error) { return refusal(400, "IncorrectKeyException"), nil }, true},
		{"DisabledException", func() (*http.Response, error) { return refusal(400, "DisabledException"), nil }, false},
		{"KMSInvalidStateException", func() (*http.Response, error) { return refusal(400, "KMSInvalidStateException"), nil }, false},
		{"NotFoundException", func() (*http.Response, error) { return refusal(400, "NotFoundException"), nil }, false},
		{"AccessDeniedException", func() (*http.Response, error) { return refusal(400, "AccessDeniedException"), nil }, false},
		{"ThrottlingException", func() (*http.Response, error) { return refusal(400, "ThrottlingException"), nil }, false},
		{"KMSInternalException", func() (*http.Response, error) { return refusal(500, "KMSInternalException"), nil }, false},
		{"a bad gateway", func() (*http.Response, error) { return answer(502, "<html>"), nil }, false},
		{"an answer that is cut", func() (*http.Response, error) { return answer(200, `{"Plain`), nil }, false},
		{"a connection that is reset", func() (*http.Response, error) { return nil, reset }, false},
	}
	for _, tt := range tests {
		wire := &wire{answer: func(int, *http.Request) (*http.Response, error) { return tt.answer() }}
		w := awskms.New(awskms.Config{Client: client("http://kms.invalid", wire), KeyID: "1"})
		key, err := w.Unwrap(t.Context(), "p1", []byte("wrapped"))
		if key != nil || err == nil || errors.Is(err, seal.ErrTampered) != tt.tampered {
			t.Errorf("Unwrap after %s = %q, %v, want ErrTampered: %v", tt.name, key, err, tt.tampered)
		}
		if wrapped, err := w.Wrap(t.Context(), "p1", []byte("key")); wrapped != nil || err == nil || errors.Is(err, seal.ErrTampered) {
			t.Errorf("Wrap after %s = %q, %v, want an error other than ErrTampered", tt.name, wrapped, err)
		}
	}
}

func TestAnOutageThatPassesIsNotNoticed(t *testing.T) {
	for _, first := range []func() (*http.Response, error){
		func() (*http.Response, error) { return refusal(400, "ThrottlingException"), nil },
		func() (*http.Response, error) { return answer(503, ""), nil },
		func() (*http.Response, error) { return nil, errors.New("read: connection reset by peer") },
	} {
		wire := &wire{answer: func(n int, _ *http.Request) (*http.Response, error) {
			if n == 1 {
				return first()
			}
			return answer(200, `{"Plaintext":"a2V5","KeyId":"1"}`), nil
		}}
		w := awskms.New(awskms.Config{Client: client("http://kms.invalid", wire), KeyID: "1"})
		if key, err := w.Unwrap(t.Context(), "p1", []byte("wrapped")); err != nil || string(key) != "key" {
			t.Errorf("Unwrap = %q, %v, want the key at the second try", key, err)
		}
	}
}

func TestKMSIsToldTheKeyAndTheProject(t *testing.T) {
	project := uid.New(time.Now())
	wire := &wire{answer: func(int, *http.Request) (*http.Response, error) {
		return answer(200, `{"Plaintext":"a2V5","CiphertextBlob":"d3JhcHBlZA=="}`), nil
	}}
	w := awskms.New(awskms.Config{Client: client("http://kms.invalid", wire), KeyID: keyARN + "1"})
	if wrapped, err := w.Wrap(t.Context(), project, []byte("key")); err != nil || string(wrapped) != "wrapped" {
		t.Errorf("Wrap = %q, %v, want what KMS answered", wrapped, err)
	}
	if key, err := w.Unwrap(t.Context(), project, []byte("wrapped")); err != nil || string(key) != "key" {
		t.Errorf("Unwrap = %q, %v, want what KMS answered", key, err)
	}
	for _, body := range wire.bodies {
		var asked struct {
			KeyID             string `json:"KeyId"`
			EncryptionContext map[string]string
		}
		if err := json.Unmarshal([]byte(body), &asked); err != nil {
			t.Fatal(err)
		}
		if asked.KeyID != keyARN+"1" || len(asked.EncryptionContext) != 1 || asked.EncryptionContext["project"] != project {
			t.Errorf("KMS was asked %s, want the key and the project", body)
		}
	}
}

func TestUnwrapEndsWithItsContext(t *testing.T) {
	wire := &wire{answer: func(_ int, r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	w := awskms.New(awskms.Config{Client: client("http://kms.invalid", wire), KeyID: "1"})
	if _, err := w.Unwrap(ctx, "p1", []byte("wrapped")); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, seal.ErrTampered) {
		t.Errorf("Unwrap = %v, want that its time was over", err)
	}
}
