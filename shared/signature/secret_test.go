package signature_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"hermod/shared/signature"
)

const (
	text       = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	pairText   = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg==" // RFC 8032, section 7.1, TEST 1
	publicText = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
)

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
	// unusable signing secret: it has 5 bytes; want whsec_ and the standard base64 (with + and /, not the URL-safe - and _, and padded with =) of 24 to 64 bytes
}

func ExampleSecret_Public() {
	pair, _ := signature.Parse("whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg==")
	fmt.Println(pair, pair.Hint())
	fmt.Println(pair.Public()) // what the receiver is given
	// Output:
	// *** whpk_…URo=
	// whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing at all", "", "does not begin with whsec_"},
		{"no prefix", strings.TrimPrefix(text, "whsec_"), "does not begin with whsec_"},
		{"the prefix in capitals", strings.ToUpper(text), "does not begin with whsec_"},
		{"a text of another kind", "whxx_" + text, "does not begin with whsec_"},
		{"the prefix alone", "whsec_", "it has 0 bytes"},
		{"one byte too short", secretOf(23), "it has 23 bytes"},
		{"one byte too long", secretOf(65), "it has 65 bytes"},
		{"a foreign character", "whsec_MfKQ9r8G*YqrTwjUPD8ILPZIo2LaLaSw", "after whsec_ it is no standard base64 from character 9 on"},
		{"the alphabet of URLs", "whsec_MfKQ9r8G-YqrTwjUPD8ILPZIo2LaLaSw", "after whsec_ it is no standard base64 from character 9 on"},
		{"the alphabet of URLs from the start", "whsec_-fKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "from character 1 on; want whsec_ and the standard base64 (with + and /, not the URL-safe - and _"},
		{"no padding", strings.TrimRight(secretOf(32), "="), "no standard base64"},
		{"a space after it", text + " ", "no standard base64"},
		{"a line break after it", text + "\n", "there is a line break after 32 characters"},
		{"a line break within it", "whsec_MfKQ\r\n9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "there is a line break after 4 characters"},
		{"the seed of a pair alone", "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=", "it has 32 bytes; want whsk_ and"},
		{"a pair cut short", pairText[:len(pairText)-4], "it has 63 bytes"},
		{"a seed with another's public key", "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A9QBfD6EOJWpK3CqdNG368nJgszy7ElozAzVXxKvRmDA==", "not that of its seed"},
		{"a public key cut short", "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHUQ==", "it has 31 bytes; want whpk_ and"},
		{"a pair called public", "whpk_" + strings.TrimPrefix(pairText, "whsk_"), "it has 64 bytes"},
		{"a public key with a foreign character", "whpk_11qY-YKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "after whpk_ it is no standard base64 from character 5 on"},
		{"loose bits at the end", strings.TrimSuffix(secretOf(32), "U=") + "V=", "no standard base64"},
	}
	for _, tt := range tests {
		_, err := signature.Parse(tt.text)
		if !errors.Is(err, signature.ErrSecret) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Parse of %s = %v, want ErrSecret with %q", tt.name, err, tt.want)
		}
	}
}

func TestParseReadsWhatRevealShows(t *testing.T) {
	for _, want := range []string{text, secretOf(24), secretOf(64), signature.New(nil).Reveal(), pairText, publicText, signature.NewPair(nil).Reveal()} {
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

func TestNewPairsAreOf32RandomBytes(t *testing.T) {
	seed, _ := base64.StdEncoding.DecodeString("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
	pair := signature.NewPair(bytes.NewReader(seed))
	if pair.Reveal() != pairText || pair.Public() != publicText {
		t.Errorf("NewPair(the seed of RFC 8032) = %s with %s, want %s with %s", pair.Reveal(), pair.Public(), pairText, publicText)
	}
	if signature.NewPair(nil).Equal(signature.NewPair(nil)) {
		t.Error("two new pairs are equal")
	}
}

func TestNewNeverMakesAShortSecret(t *testing.T) {
	for name, fresh := range map[string]func(io.Reader) signature.Secret{"New": signature.New, "NewPair": signature.NewPair} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s of 31 random bytes returned, want a panic", name)
				}
			}()
			fresh(bytes.NewReader(bytes.Repeat([]byte{1}, 31)))
		}()
	}
}

func TestAPairShowsItsPublicHalfOnly(t *testing.T) {
	pair, err := signature.Parse(pairText)
	public, err2 := signature.Parse(publicText)
	secret, err3 := signature.Parse(text)
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	if pair.Public() != publicText || public.Public() != publicText || secret.Public() != "" {
		t.Errorf("Public of a pair, its public half and a secret of v1 = %q, %q, %q; want %q twice and nothing", pair.Public(), public.Public(), secret.Public(), publicText)
	}
	if pair.Hint() != "whpk_…URo=" || public.Hint() != pair.Hint() {
		t.Errorf("Hint of a pair and its public half = %q and %q, want whpk_…URo= twice", pair.Hint(), public.Hint())
	}
	if pair.Equal(public) {
		t.Error("a pair equals its public half")
	}
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
	if !s.IsZero() || s.Reveal() != "" || s.Hint() != "" || s.Public() != "" {
		t.Errorf("zero Secret: IsZero %t, Reveal %q, Hint %q, Public %q; want true and nothing", s.IsZero(), s.Reveal(), s.Hint(), s.Public())
	}
}

// Whatever prints a secret, alone or inside other values, shows none of it.
func TestSecretsArePrintedAsStars(t *testing.T) {
	for _, text := range []string{text, pairText} {
		s, err := signature.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		wantStars(t, s)
	}
}

func wantStars(t *testing.T, s signature.Secret) {
	t.Helper()
	type open struct{ Secret signature.Secret }
	type closed struct{ secret signature.Secret }

	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%z"} {
		got := fmt.Sprintf(verb, s)
		if verb != "%p" && got != "***" {
			t.Errorf("Sprintf(%q, secret) = %s, want ***", verb, got)
		}
		list := []signature.Secret{s}
		wantHidden(t, s, verb, got, fmt.Sprintf(verb, &s), fmt.Sprintf(verb, open{s}), fmt.Sprintf(verb, &closed{s}), fmt.Sprintf(verb, list),
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
	wantHidden(t, s, "JSON and slog", string(encoded), log.String(), s.String())
}

func wantHidden(t *testing.T, s signature.Secret, how string, outputs ...string) {
	t.Helper()
	_, encoded, _ := strings.Cut(s.Reveal(), "_")
	key, _ := base64.StdEncoding.DecodeString(encoded)
	leaks := []string{encoded[:4], string(key[:4]), fmt.Sprintf("%x", key[:3]), fmt.Sprintf("%X", key[:3]),
		fmt.Sprintf("%d %d %d", key[0], key[1], key[2]), fmt.Sprintf("%#x, %#x", key[0], key[1])}
	for _, out := range outputs {
		for _, leak := range leaks {
			if strings.Contains(out, leak) {
				t.Errorf("%s shows the secret: %s", how, out)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{text, "", "whsec_", secretOf(23), secretOf(64), text + "\n", "whsec_====", "whsk_AAAA", pairText, publicText} {
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
		if body := in[strings.Index(in, "_")+1:]; len(body) >= 16 && strings.Contains(err.Error(), body) {
			t.Errorf("Parse(%q) shows the text in its error: %v", in, err)
		}
	})
}
