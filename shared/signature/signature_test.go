package signature_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"hermod/shared/signature"
)

const id = "0190a5d1-7c00-7abc-8def-0123456789ab_0190a5d1-7c00-7abc-8def-fedcba987654"

var (
	now  = time.Unix(1_770_000_000, 0)
	body = []byte(`{"uid":"0190a5d1-7c00-7abc-8def-0123456789ab","message":"Job failed."}`)
)

func Example() {
	secret, _ := signature.Parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	at := time.Unix(1614265330, 0)
	body := []byte(`{"test": 2432232314}`)

	header := http.Header{}
	header.Set(signature.HeaderID, "msg_p5jXN8AQM9LWM0D4loKWxJek")
	header.Set(signature.HeaderTimestamp, "1614265330")
	header.Set(signature.HeaderSignature, signature.Sign([]signature.Secret{secret}, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body))
	fmt.Println(header.Get(signature.HeaderSignature))

	fmt.Println(signature.Verify(header, body, []signature.Secret{secret}, at, signature.Tolerance))
	fmt.Println(signature.Verify(header, []byte(`{"test": 1}`), []signature.Secret{secret}, at, signature.Tolerance))
	// Output:
	// v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=
	// <nil>
	// no webhook signature matches
}

// signed returns the headers of a delivery made now.
func signed(secrets ...signature.Secret) http.Header {
	h := http.Header{}
	h.Set(signature.HeaderID, id)
	h.Set(signature.HeaderTimestamp, strconv.FormatInt(now.Unix(), 10))
	h.Set(signature.HeaderSignature, signature.Sign(secrets, id, now, body))
	return h
}

func TestOfficialLibraryTakesOurSignature(t *testing.T) {
	secret := signature.New(nil)
	theirs, err := standardwebhooks.NewWebhook(secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now() // their Verify reads the clock itself
	h := http.Header{}
	h.Set(signature.HeaderID, id)
	h.Set(signature.HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	for _, secrets := range [][]signature.Secret{
		{secret}, {secret, signature.New(nil)}, {signature.New(nil), secret}, {signature.NewPair(nil), secret, signature.NewPair(nil)},
	} {
		h.Set(signature.HeaderSignature, signature.Sign(secrets, id, at, body))
		if err := theirs.Verify(body, h); err != nil {
			t.Errorf("the official library refuses ours among %d: %v", len(secrets), err)
		}
	}
	if err := theirs.Verify([]byte("{}"), h); err == nil {
		t.Error("the official library takes our signature of another body")
	}
}

func TestWeTakeTheOfficialLibrarysSignature(t *testing.T) {
	secret := signature.New(nil)
	theirs, err := standardwebhooks.NewWebhook(secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	value, err := theirs.Sign(id, now, body)
	if err != nil {
		t.Fatal(err)
	}
	h := signed(secret)
	if ours := h.Get(signature.HeaderSignature); ours != value {
		t.Errorf("Sign = %q, the official library has %q", ours, value)
	}
	h.Set(signature.HeaderSignature, value)
	if err := signature.Verify(h, body, []signature.Secret{secret}, now, signature.Tolerance); err != nil {
		t.Errorf("Verify of the official library's signature = %v, want nil", err)
	}
}

// public is what a receiver of v1a has.
func public(t *testing.T, pair signature.Secret) signature.Secret {
	t.Helper()
	s, err := signature.Parse(pair.Public())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRotationSatisfiesOldAndNewReceivers(t *testing.T) {
	for scheme, fresh := range map[string]func(io.Reader) signature.Secret{"v1": signature.New, "v1a": signature.NewPair} {
		older, newer := fresh(nil), fresh(nil)
		old, current := older, newer // what the receivers have
		if scheme == "v1a" {
			old, current = public(t, older), public(t, newer)
		}
		h := signed(newer, older)
		list := strings.Split(h.Get(signature.HeaderSignature), " ")
		want := []string{signed(newer).Get(signature.HeaderSignature), signed(older).Get(signature.HeaderSignature)}
		if !slices.Equal(list, want) {
			t.Errorf("two secrets of %s sign %q, want the newest first: %q", scheme, list, want)
		}
		for name, secrets := range map[string][]signature.Secret{"the old": {old}, "the new": {current}, "both": {old, current}} {
			if err := signature.Verify(h, body, secrets, now, signature.Tolerance); err != nil {
				t.Errorf("a receiver with %s of %s refuses both signatures: %v", name, scheme, err)
			}
		}
		if err := signature.Verify(signed(newer), body, []signature.Secret{old}, now, signature.Tolerance); !errors.Is(err, signature.ErrNoMatch) {
			t.Errorf("a receiver with what has ended of %s = %v, want ErrNoMatch", scheme, err)
		}
	}
}

func TestBothSchemesSignIntoOneHeader(t *testing.T) {
	secrets := []signature.Secret{signature.New(nil), signature.New(nil)}
	pairs := []signature.Secret{signature.NewPair(nil), signature.NewPair(nil)}
	h := signed(pairs[0], secrets[0], pairs[1], secrets[1])
	var want []string
	for _, s := range append(slices.Clone(secrets), pairs...) {
		want = append(want, signed(s).Get(signature.HeaderSignature))
	}
	if got := h.Get(signature.HeaderSignature); got != strings.Join(want, " ") {
		t.Errorf("two secrets and two pairs sign %q, want v1 before v1a and each in their order: %q", got, want)
	}
	for name, s := range map[string]signature.Secret{
		"the first secret": secrets[0], "the second": secrets[1], "the first public key": public(t, pairs[0]), "the second key": public(t, pairs[1]),
	} {
		if err := signature.Verify(h, body, []signature.Secret{s}, now, signature.Tolerance); err != nil {
			t.Errorf("a receiver with %s refuses the header of both schemes: %v", name, err)
		}
	}
	for name, s := range map[string]signature.Secret{"secret": signature.New(nil), "public key": public(t, signature.NewPair(nil))} {
		if err := signature.Verify(h, body, []signature.Secret{s}, now, signature.Tolerance); !errors.Is(err, signature.ErrNoMatch) {
			t.Errorf("a receiver with another %s = %v, want ErrNoMatch", name, err)
		}
	}
}

func TestAPublicKeySignsNothing(t *testing.T) {
	if got := signature.Sign([]signature.Secret{public(t, signature.NewPair(nil))}, id, now, body); got != "" {
		t.Errorf("Sign with a public key = %q, want nothing", got)
	}
}

func TestVerifySaysWhy(t *testing.T) {
	secret := signature.New(nil)
	set := func(name, value string) func(http.Header) { return func(h http.Header) { h.Set(name, value) } }
	tests := []struct {
		name   string
		change func(http.Header)
		want   error
	}{
		{"nothing changed", func(http.Header) {}, nil},
		{"no id", func(h http.Header) { h.Del(signature.HeaderID) }, signature.ErrHeader},
		{"no timestamp", func(h http.Header) { h.Del(signature.HeaderTimestamp) }, signature.ErrHeader},
		{"no signature", func(h http.Header) { h.Del(signature.HeaderSignature) }, signature.ErrHeader},
		{"another id", set(signature.HeaderID, "other"), signature.ErrNoMatch},
		{"an id with a full stop", set(signature.HeaderID, id+".1"), signature.ErrHeader},
		{"another timestamp", set(signature.HeaderTimestamp, "1770000001"), signature.ErrNoMatch},
		{"the timestamp with zeros before it", set(signature.HeaderTimestamp, "001770000000"), signature.ErrNoMatch},
		{"a timestamp with a sign", set(signature.HeaderTimestamp, "+1770000000"), signature.ErrHeader},
		{"a timestamp with a fraction", set(signature.HeaderTimestamp, "1770000000.0"), signature.ErrHeader},
		{"a timestamp that is a date", set(signature.HeaderTimestamp, "Mon, 02 Feb 2026 02:40:00 GMT"), signature.ErrHeader},
		{"a timestamp beyond all times", set(signature.HeaderTimestamp, "9223372036854775807"), signature.ErrHeader},
		{"a timestamp in milliseconds", set(signature.HeaderTimestamp, "1099511627775"), signature.ErrTooNew},
		{"the signature of another scheme", func(h http.Header) {
			h.Set(signature.HeaderSignature, strings.Replace(h.Get(signature.HeaderSignature), "v1,", "v2,", 1))
		}, signature.ErrNoMatch},
		{"others around the right one", func(h http.Header) {
			h.Set(signature.HeaderSignature, "v1a,AAAA  v1, "+h.Get(signature.HeaderSignature)+" v2,x junk")
		}, nil},
		{"a signature cut short", func(h http.Header) {
			h.Set(signature.HeaderSignature, strings.TrimSuffix(h.Get(signature.HeaderSignature), "="))
		}, signature.ErrNoMatch},
	}
	for _, tt := range tests {
		h := signed(secret)
		tt.change(h)
		if err := signature.Verify(h, body, []signature.Secret{secret}, now, signature.Tolerance); !errors.Is(err, tt.want) {
			t.Errorf("Verify with %s = %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestToleranceHoldsBothWays(t *testing.T) {
	secret := signature.New(nil)
	h := signed(secret)
	tests := []struct {
		clock time.Duration // of the receiver, after the sender's
		want  error
	}{
		{0, nil},
		{300 * time.Second, nil},
		{300*time.Second + 1, signature.ErrTooOld},
		{-300 * time.Second, nil},
		{-300*time.Second - 1, signature.ErrTooNew},
		{100 * 365 * 24 * time.Hour, signature.ErrTooOld},
	}
	for _, tt := range tests {
		err := signature.Verify(h, body, []signature.Secret{secret}, now.Add(tt.clock), signature.Tolerance)
		if !errors.Is(err, tt.want) {
			t.Errorf("Verify with a clock %s after the sender's = %v, want %v", tt.clock, err, tt.want)
		}
	}
}

func TestZeroSecretNeitherSignsNorVerifies(t *testing.T) {
	var zero signature.Secret
	if got := signature.Sign([]signature.Secret{zero}, id, now, body); got != "" {
		t.Errorf("Sign with the zero Secret = %q, want nothing", got)
	}
	secret := signature.New(nil)
	if got, want := signature.Sign([]signature.Secret{zero, secret}, id, now, body), signature.Sign([]signature.Secret{secret}, id, now, body); got != want {
		t.Errorf("Sign with the zero Secret first = %q, want %q", got, want)
	}
	if err := signature.Verify(signed(secret), body, []signature.Secret{zero}, now, signature.Tolerance); !errors.Is(err, signature.ErrNoMatch) {
		t.Errorf("Verify with the zero Secret = %v, want ErrNoMatch", err)
	}
}

// Whatever the headers are, Verify returns nil only for an entry that Sign makes.
func FuzzVerify(f *testing.F) {
	secret, err := signature.Parse(text)
	pair, err2 := signature.Parse(pairText)
	public, err3 := signature.Parse(publicText)
	if err := errors.Join(err, err2, err3); err != nil {
		f.Fatal(err)
	}
	signers, verifiers := []signature.Secret{secret, pair}, []signature.Secret{secret, public}
	right := signature.Sign(signers, id, now, body)
	v1, v1a, _ := strings.Cut(right, " ")
	for _, list := range []string{right, "", "v1,", " ", right + " " + right, "v1a,x " + right, right + ",x", strings.ToUpper(right), strings.Repeat("v1,", 100), v1, v1a, v1a + "="} {
		f.Add(id, "1770000000", list)
	}
	f.Add("a.b", "1770000000", right)
	f.Add(id, "-1", right)
	f.Fuzz(func(t *testing.T, id, stamp, list string) {
		h := http.Header{}
		h.Set(signature.HeaderID, id)
		h.Set(signature.HeaderTimestamp, stamp)
		h.Set(signature.HeaderSignature, list)
		got := signature.Verify(h, body, verifiers, now, signature.Tolerance)

		seconds, _ := strconv.ParseInt(stamp, 10, 64)
		want := strings.Split(signature.Sign(signers, id, time.Unix(seconds, 0), body), " ")
		match := slices.ContainsFunc(strings.Split(list, " "), func(entry string) bool { return slices.Contains(want, entry) })
		if got == nil && !match {
			t.Errorf("Verify(%q, %q, %q) = nil, want an error", id, stamp, list)
		}
		if got != nil && match && stamp == "1770000000" && id != "" && !strings.Contains(id, ".") {
			t.Errorf("Verify(%q, %q, %q) = %v, want nil", id, stamp, list, got)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	for scheme, fresh := range map[string]func(io.Reader) signature.Secret{"v1": signature.New, "v1a": signature.NewPair} {
		two := []signature.Secret{fresh(nil), fresh(nil)}
		for _, size := range []int{500, 256 << 10} {
			for n := 1; n <= len(two); n++ {
				b.Run(fmt.Sprintf("%d of %s, %d bytes", n, scheme, size), func(b *testing.B) {
					large := make([]byte, size)
					b.ReportAllocs()
					for b.Loop() {
						signature.Sign(two[:n], id, now, large)
					}
				})
			}
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for name, s := range map[string]signature.Secret{"v1": signature.New(nil), "v1a": signature.NewPair(nil)} {
		h := signed(s)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := signature.Verify(h, body, []signature.Secret{s}, now, signature.Tolerance); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A dispatcher reads the text of a pair at each attempt.
func BenchmarkParse(b *testing.B) {
	for name, text := range map[string]string{"v1": text, "v1a": pairText} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := signature.Parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
