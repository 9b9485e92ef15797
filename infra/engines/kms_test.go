package engines_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"hermod/infra/engines"
)

func startKMS(t *testing.T) *engines.KMS {
	t.Helper()
	k, err := engines.StartKMS()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Stop() })
	return k
}

// encrypted returns what "key" is encrypted to, as it stands in JSON.
func encrypted(t *testing.T, k *engines.KMS, keyID, context string) string {
	t.Helper()
	_, text, err := call(k.Endpoint, "TrentService.Encrypt", fmt.Sprintf(`{"KeyId":%q,"Plaintext":"a2V5","EncryptionContext":%s}`, keyID, context))
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ CiphertextBlob string }
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.CiphertextBlob == "" {
		t.Fatalf("Encrypt = %s, %v, want a blob", text, err)
	}
	return answer.CiphertextBlob
}

func TestKMSAnswersAsKMSDoes(t *testing.T) {
	k, other := startKMS(t), startKMS(t)
	const context = `{"a":"1","b":"2"}`
	blob := encrypted(t, k, "key-1", context)
	tests := []struct {
		name, target, body string
		want               string // in the answer; with an error, its type
	}{
		{"the blob", "Decrypt", fmt.Sprintf(`{"CiphertextBlob":%q,"KeyId":"key-1","EncryptionContext":{"b":"2","a":"1"}}`, blob), `"Plaintext":"a2V5"`},
		{"the blob, by the ARN", "Decrypt", fmt.Sprintf(`{"CiphertextBlob":%q,"KeyId":"arn:aws:kms:us-east-1:1:key/key-1","EncryptionContext":%s}`, blob, context), `"Plaintext":"a2V5"`},
		{"the blob, without a key", "Decrypt", fmt.Sprintf(`{"CiphertextBlob":%q,"EncryptionContext":%s}`, blob, context), `"Plaintext":"a2V5"`},
		{"the blob, by another key", "Decrypt", fmt.Sprintf(`{"CiphertextBlob":%q,"KeyId":"key-2","EncryptionContext":%s}`, blob, context), "IncorrectKeyException"},
		{"the blob, without a context", "Decrypt", fmt.Sprintf(`{"CiphertextBlob":%q}`, blob), "InvalidCiphertextException"},
		{"the blob, in another context", "Decrypt", fmt.Sprintf(`{"CiphertextBlob":%q,"EncryptionContext":{"a":"1b","":"2"}}`, blob), "InvalidCiphertextException"},
		{"no blob", "Decrypt", `{"KeyId":"key-1"}`, "InvalidCiphertextException"},
		{"no key", "Encrypt", `{"Plaintext":"a2V5"}`, "ValidationException"},
		{"no text", "Encrypt", `{"KeyId":"key-1"}`, "ValidationException"},
		{"too much text", "Encrypt", `{"KeyId":"key-1","Plaintext":"` + strings.Repeat("AAAA", 4097/3+1) + `"}`, "ValidationException"},
		{"what is no JSON", "Encrypt", `{`, "SerializationException"},
		{"too much", "Encrypt", `{"KeyId":"` + strings.Repeat("x", 100_000) + `"}`, "SerializationException"},
		{"another operation", "CreateKey", `{}`, "UnknownOperationException"},
	}
	for _, tt := range tests {
		status, answer, err := call(k.Endpoint, "TrentService."+tt.target, tt.body)
		wantStatus := 400
		if strings.HasPrefix(tt.want, `"`) {
			wantStatus = 200
		}
		if err != nil || status != wantStatus || !strings.Contains(answer, tt.want) {
			t.Errorf("%s of %s = %d %s, %v, want %d with %s", tt.target, tt.name, status, answer, err, wantStatus, tt.want)
		}
	}
	body := fmt.Sprintf(`{"CiphertextBlob":%q,"KeyId":"key-1","EncryptionContext":%s}`, blob, context)
	if _, answer, err := call(other.Endpoint, "TrentService.Decrypt", body); err != nil || !strings.Contains(answer, "InvalidCiphertextException") {
		t.Errorf("Decrypt by another KMS = %s, %v, want InvalidCiphertextException", answer, err)
	}
}

func TestKMSStops(t *testing.T) {
	k := startKMS(t)
	for range 2 {
		if err := k.Stop(); err != nil {
			t.Errorf("Stop = %v, want nil", err)
		}
	}
	if _, _, err := call(k.Endpoint, "TrentService.Encrypt", "{}"); err == nil {
		t.Error("KMS still answers after Stop")
	}
}
