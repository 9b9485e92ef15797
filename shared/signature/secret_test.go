package signature_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"hermod/shared/signature"
)

const text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func secretOf(n int) string {
	return "whsec_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xa5}, n))
}

func ExampleParse() {
	secret, err := signature.Parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	fmt.Println(secret, secret.Hint(), err)
	_, err = signature.Parse("whsec_c2hvcnQ=")
	fmt.Println(err)
	// Output:
	// *** whsec_…LaSw <nil>
	// unusable signing secret: it has 5 bytes; want whsec_ and the standard base64, padded with =, of 24 to 64 bytes
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing at all", "", "does not begin with whsec_"},
		{"no prefix", strings.TrimPrefix(text, "whsec_"), "does not begin with whsec_"},
		{"the prefix in capitals", strings.ToUpper(text), "does not begin with whsec_"},
		{"a private key of another scheme", "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==", "does not begin with whsec_"},
		{"the prefix alone", "whsec_", "it has 0 bytes"},
		{"one byte too short", secretOf(23), "it has 23 bytes"},
		{"one byte too long", secretOf(65), "it has 65 bytes"},
		{"a foreign character", "whsec_MfKQ9r8G*YqrTwjUPD8ILPZIo2LaLaSw", "beyond its first 8 characters"},
		{"the alphabet of URLs", "whsec_MfKQ9r8G-YqrTwjUPD8ILPZIo2LaLaSw", "beyond its first 8 characters"},
		{"no padding", strings.TrimRight(secretOf(32), "="), "not base64"},
		{"a space after it", text + " ", "not base64"},
		{"a line break after it", text + "\n", "there is a line break after 32 characters"},
		{"a line break within it", "whsec_MfKQ\r\n9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "there is a line break after 4 characters"},
		{"loose bits at the end", strings.TrimSuffix(secretOf(32), "U=") + "V=", "not base64"},
	}
	for _, tt := range tests {
		_, err := signature.Parse(tt.text)
		if !errors.Is(err, signature.ErrSecret) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Parse of %s = %v, want ErrSecret with %q", tt.name, err, tt.want)
		}
	}
}

func TestParseReadsWhatRevealShows(t *testing.T) {
	for _, want := range []string{text, secretOf(24), secretOf(64), signature.New(nil).Reveal()} {
		s, err := signature.Parse(want)
		if err != nil || s.Reveal() != want {
			t.Errorf("Parse(%q).Reveal() = %q, %v", want, s.Reveal(), err)
		}
	}
}

func TestNewSecretsAre32RandomBytes(t *testing.T) {
	random := bytes.Repeat([]byte{1}, 32)
	want := "whsec_" + base64.StdEncoding.EncodeToString(random)
	if got := signature.New(bytes.NewReader(random)).Reveal(); got != want {
		t.Errorf("New(32 ones) = %s, want %s", got, want)
	}
	if signature.New(nil).Equal(signature.New(nil)) {
		t.Error("two new secrets are equal")
	}
}

func TestNewNeverMakesAShortSecret(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New of 31 random bytes returned, want a panic")
		}
	}()
	signature.New(bytes.NewReader(make([]byte, 31)))
}

func TestEqualComparesContents(t *testing.T) {
	a, _ := signature.Parse(text)
	b, _ := signature.Parse(text)
	if !a.Equal(b) || a.Equal(signature.New(nil)) || a.Equal(signature.Secret{}) || !(signature.Secret{}).Equal(signature.Secret{}) {
		t.Error("Equal does not follow the contents of secrets")
	}
}

func TestZeroSecretShowsNothing(t *testing.T) {
	var s signature.Secret
	if !s.IsZero() || s.Reveal() != "" || s.Hint() != "" {
		t.Errorf("zero Secret: IsZero %t, Reveal %q, Hint %q; want true and nothing", s.IsZero(), s.Reveal(), s.Hint())
	}
}

// Whatever prints a secret, alone or inside other values, shows none of it.
func TestSecretsArePrintedAsStars(t *testing.T) {
	s, err := signature.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	type open struct{ Secret signature.Secret }
	type closed struct{ secret signature.Secret }

	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%z"} {
		got := fmt.Sprintf(verb, s)
		if verb != "%p" && got != "***" {
			t.Errorf("Sprintf(%q, secret) = %s, want ***", verb, got)
		}
		list := []signature.Secret{s}
		wantHidden(t, verb, got, fmt.Sprintf(verb, &s), fmt.Sprintf(verb, open{s}), fmt.Sprintf(verb, &closed{s}), fmt.Sprintf(verb, list),
			fmt.Sprintf(verb, struct{ list []signature.Secret }{list}), fmt.Sprintf(verb, map[string]closed{"a": {s}}))
	}

	encoded, err := json.Marshal(map[string]any{"a": s, "b": &s, "c": open{s}, "d": []signature.Secret{s}})
	if err != nil || strings.Count(string(encoded), `"***"`) != 4 {
		t.Errorf("json.Marshal = %s, %v; want *** four times", encoded, err)
	}

	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(h).Info("told", "secret", s, "pointer", &s, "open", open{s}, "closed", closed{s}, slog.Group("g", "secret", s))
	}
	if strings.Count(log.String(), "***") != 8 {
		t.Errorf("slog wrote %s, want *** four times a line", log.String())
	}
	wantHidden(t, "JSON and slog", string(encoded), log.String(), s.String())
}

func wantHidden(t *testing.T, how string, outputs ...string) {
	t.Helper()
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
	for _, out := range outputs {
		for _, leak := range []string{"MfKQ", string(key[:4]), "31f290", "31F290", "49 242 144", "0x31, 0xf2"} {
			if strings.Contains(out, leak) {
				t.Errorf("%s shows the secret: %s", how, out)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{text, "", "whsec_", secretOf(23), secretOf(64), text + "\n", "whsec_====", "whsk_AAAA"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		s, err := signature.Parse(in)
		if err == nil {
			if s.Reveal() != in {
				t.Errorf("Parse(%q).Reveal() = %q, want the same text", in, s.Reveal())
			}
			return
		}
		if !errors.Is(err, signature.ErrSecret) || !s.IsZero() {
			t.Errorf("Parse(%q) = %v, %v; want the zero Secret and ErrSecret", in, s, err)
		}
		if body := strings.TrimPrefix(in, "whsec_"); len(body) >= 16 && strings.Contains(err.Error(), body) {
			t.Errorf("Parse(%q) shows the text in its error: %v", in, err)
		}
	})
}
