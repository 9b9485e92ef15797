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

// vector is one message of testdata/standard-webhooks.json. Those that must fail name no scheme: they are v1.
type vector struct {
	Scheme, Secret, ID, Body, Signature, Why string
	Timestamp                                int64
}

func (v vector) header() http.Header {
	h := http.Header{}
	h.Set(HeaderID, v.ID)
	h.Set(HeaderTimestamp, strconv.FormatInt(v.Timestamp, 10))
	h.Set(HeaderSignature, v.Signature)
	return h
}

// The file is read inside the package because one of its secrets is shorter than Parse allows.
func TestPublishedVectors(t *testing.T) {
	raw, err := os.ReadFile("testdata/standard-webhooks.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Good      []vector
		MustFail  []vector `json:"must_fail"`
		Tolerance int64    `json:"tolerance_seconds"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if got := int64(Tolerance / time.Second); got != file.Tolerance {
		t.Errorf("Tolerance = %d s, want %d s", got, file.Tolerance)
	}
	checked := 0
	for _, v := range file.Good {
		if v.Scheme == "v1a" { // not offered yet
			continue
		}
		checked++
		secrets := []Secret{mustDecode(t, v.Secret)}
		at := time.Unix(v.Timestamp, 0)
		if got := Sign(secrets, v.ID, at, []byte(v.Body)); got != v.Signature {
			t.Errorf("Sign(%s) = %q, want %q", v.ID, got, v.Signature)
		}
		if err := Verify(v.header(), []byte(v.Body), secrets, at, Tolerance); err != nil {
			t.Errorf("Verify(%s) = %v, want nil", v.ID, err)
		}
	}
	for _, v := range file.MustFail {
		checked++
		err := Verify(v.header(), []byte(v.Body), []Secret{mustDecode(t, v.Secret)}, time.Unix(v.Timestamp, 0), Tolerance)
		if !errors.Is(err, ErrNoMatch) {
			t.Errorf("Verify(%s) = %v, want ErrNoMatch", v.Why, err)
		}
	}
	if checked < 5 {
		t.Errorf("checked %d vectors, want at least 5: is the file whole?", checked)
	}
}

func mustDecode(t *testing.T, text string) Secret {
	t.Helper()
	key, err := decode(text)
	if err != nil {
		t.Fatal(err)
	}
	return secretOf(key)
}
