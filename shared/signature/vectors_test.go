package signature

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"
)

// vector is one message of a file of testdata. Secret is of v1, or a public key that must not verify; the key pair is of v1a.
type vector struct {
	Secret, ID, Body, Signature, Why string
	PrivateKey                       string `json:"private_key"`
	PublicKey                        string `json:"public_key"`
	Timestamp                        int64
}

func (v vector) header() http.Header {
	h := http.Header{}
	h.Set(HeaderID, v.ID)
	h.Set(HeaderTimestamp, strconv.FormatInt(v.Timestamp, 10))
	h.Set(HeaderSignature, v.Signature)
	return h
}

// signer and verifiers are what the message is signed with, and all that it can be verified with.
func (v vector) signer(t *testing.T) (signer Secret, verifiers []Secret) {
	t.Helper()
	if v.PrivateKey == "" {
		signer = mustDecode(t, v.Secret)
		return signer, []Secret{signer}
	}
	signer = mustDecode(t, v.PrivateKey)
	if got := signer.Public(); got != v.PublicKey {
		t.Errorf("Public of the key of %s = %s, want %s", v.ID, got, v.PublicKey)
	}
	return signer, []Secret{signer, mustDecode(t, v.PublicKey)}
}

// No release of an official library verifies v1a yet (Go v0.0.1, npm 1.1.1, PyPI 1.1.0): ed25519.json holds signatures that two
// other implementations of ed25519 have made. The files are read inside the package because one secret is shorter than Parse
// allows.
func TestPublishedVectors(t *testing.T) {
	for file, atLeast := range map[string]int{"standard-webhooks.json": 6, "ed25519.json": 11} {
		raw, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var vectors struct {
			Good      []vector
			MustFail  []vector `json:"must_fail"`
			Tolerance int64    `json:"tolerance_seconds"`
		}
		if err := json.Unmarshal(raw, &vectors); err != nil {
			t.Fatal(err)
		}
		if got := int64(Tolerance / time.Second); got != vectors.Tolerance {
			t.Errorf("Tolerance = %d s, want %d s", got, vectors.Tolerance)
		}
		for _, v := range vectors.Good {
			signer, verifiers := v.signer(t)
			at := time.Unix(v.Timestamp, 0)
			if got := Sign([]Secret{signer}, v.ID, at, []byte(v.Body)); got != v.Signature {
				t.Errorf("Sign(%s) = %q, want %q", v.ID, got, v.Signature)
			}
			for _, s := range verifiers {
				if err := Verify(v.header(), []byte(v.Body), []Secret{s}, at, Tolerance); err != nil {
					t.Errorf("Verify(%s) with %s = %v, want nil", v.ID, s.Hint(), err)
				}
			}
		}
		for _, v := range vectors.MustFail {
			err := Verify(v.header(), []byte(v.Body), []Secret{mustDecode(t, v.Secret)}, time.Unix(v.Timestamp, 0), Tolerance)
			if !errors.Is(err, ErrNoMatch) {
				t.Errorf("Verify(%s) = %v, want ErrNoMatch", v.Why, err)
			}
		}
		if n := len(vectors.Good) + len(vectors.MustFail); n < atLeast {
			t.Errorf("%s has %d vectors, want at least %d: is the file whole?", file, n, atLeast)
		}
	}
}

func mustDecode(t *testing.T, text string) Secret {
	t.Helper()
	k := kindOf(text)
	key, err := k.decode(text)
	if err != nil {
		t.Fatal(err)
	}
	return secretOf(k.prefix, key)
}
