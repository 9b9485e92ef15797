package access_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"hermod/shared/access"
)

func ExampleHash() {
	token := "hmd_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	fmt.Println(access.Hash(token))
	fmt.Println(access.Hint(token))
	// Output:
	// 374f8c68d0c08e88a954ef5eab3e8427760f3e11b402aee417bbab820189db6c
	// hmd_…AAAA
}

func TestATokenIs32RandomBytesThatNoOtherTokenHas(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		token := access.NewToken()
		text, ok := strings.CutPrefix(token, "hmd_")
		b, err := base64.RawURLEncoding.DecodeString(text)
		if !ok || err != nil || len(b) != 32 || seen[token] {
			t.Fatalf("NewToken() = %s, want hmd_ and 32 new bytes in base64url", token)
		}
		seen[token] = true
	}
}

func TestAHintGivesNothingAwayOfAShortText(t *testing.T) {
	for token, want := range map[string]string{"": "hmd_…", "abc": "hmd_…abc", "hmd_secretabcd": "hmd_…abcd"} {
		if got := access.Hint(token); got != want {
			t.Errorf("Hint(%q) = %q, want %q", token, got, want)
		}
	}
}

func TestAKeyMayDoWhatItsScopesSay(t *testing.T) {
	for _, s := range access.Scopes {
		for _, other := range access.Scopes {
			if got := (access.Key{Scopes: []access.Scope{s}}).May(other); got != (s == other) {
				t.Errorf("a key with scope %s may %s = %v, want %v", s, other, got, s == other)
			}
		}
		if (access.Key{}).May(s) {
			t.Errorf("a key without scopes may %s", s)
		}
	}
}

func TestAKeyExpiresAtItsTime(t *testing.T) {
	end := noon.Add(time.Hour)
	tests := []struct {
		expires, now time.Time
		want         bool
	}{
		{time.Time{}, noon.AddDate(100, 0, 0), false},
		{end, end.Add(-time.Nanosecond), false},
		{end, end, true},
		{end, end.Add(time.Hour), true},
	}
	for _, test := range tests {
		if got := (access.Key{ExpiresAt: test.expires}).Expired(test.now); got != test.want {
			t.Errorf("a key that ends at %v is expired at %v = %v, want %v", test.expires, test.now, got, test.want)
		}
	}
}
