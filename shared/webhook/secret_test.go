package webhook_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hermod/shared/webhook"
)

var (
	v1    = []webhook.Scheme{webhook.SchemeV1}
	v1a   = []webhook.Scheme{webhook.SchemeV1a}
	both  = []webhook.Scheme{webhook.SchemeV1, webhook.SchemeV1a}
	mixed = []webhook.Scheme{webhook.SchemeV1a, webhook.SchemeV1}
)

// secret has its hint for a name.
func secret(hint string, ends time.Time) webhook.Secret {
	return webhook.Secret{Hint: hint, EndsAt: ends}
}

// pair is a secret of v1a.
func pair(hint string, ends time.Time) webhook.Secret {
	return webhook.Secret{Hint: hint, Public: "whpk_" + hint, EndsAt: ends}
}

func hints(secrets []webhook.Secret) (list []string) {
	for _, s := range secrets {
		list = append(list, s.Hint)
	}
	return list
}

func TestRotationKeepsOldSecretsForTheOverlap(t *testing.T) {
	var never time.Time
	next := secret("new", never)
	tests := []struct {
		name    string
		before  []webhook.Secret
		overlap time.Duration
		want    []webhook.Secret
	}{
		{"the first secret", nil, time.Hour, []webhook.Secret{next}},
		{"the current one ends when the overlap is over", []webhook.Secret{secret("a", never)}, time.Hour, []webhook.Secret{next, secret("a", noon.Add(time.Hour))}},
		{"without an overlap only the new one is left", []webhook.Secret{secret("b", never), secret("a", noon.Add(time.Hour))}, 0, []webhook.Secret{next}},
		{"an older one is cut to the overlap", []webhook.Secret{secret("b", never), secret("a", noon.Add(7*time.Hour))}, time.Hour,
			[]webhook.Secret{next, secret("b", noon.Add(time.Hour)), secret("a", noon.Add(time.Hour))}},
		{"an older one that ends earlier is not prolonged", []webhook.Secret{secret("b", never), secret("a", noon.Add(time.Minute))}, time.Hour,
			[]webhook.Secret{next, secret("b", noon.Add(time.Hour)), secret("a", noon.Add(time.Minute))}},
		{"one that has ended is forgotten", []webhook.Secret{secret("b", never), secret("a", noon)}, time.Hour, []webhook.Secret{next, secret("b", noon.Add(time.Hour))}},
		{"beyond three of a scheme the oldest end at once", []webhook.Secret{secret("c", never), secret("b", noon.Add(time.Hour)), secret("a", noon.Add(time.Hour))}, time.Hour,
			[]webhook.Secret{next, secret("c", noon.Add(time.Hour)), secret("b", noon.Add(time.Hour))}},
		{"key pairs stay as they are, after the secrets", []webhook.Secret{secret("a", never), pair("q", never), pair("p", noon.Add(time.Minute))}, 0,
			[]webhook.Secret{next, pair("q", never), pair("p", noon.Add(time.Minute))}},
		{"the first secret beside a key pair", []webhook.Secret{pair("p", never)}, time.Hour, []webhook.Secret{next, pair("p", never)}},
		{"three key pairs take no secret's place", []webhook.Secret{secret("b", never), secret("a", noon.Add(time.Hour)), pair("r", never), pair("q", noon.Add(1)), pair("p", noon.Add(1))}, time.Hour,
			[]webhook.Secret{next, secret("b", noon.Add(time.Hour)), secret("a", noon.Add(time.Hour)), pair("r", never), pair("q", noon.Add(1)), pair("p", noon.Add(1))}},
	}
	for _, test := range tests {
		before := webhook.Webhook{UID: "w", Version: 4, Secrets: test.before}
		kept := append([]webhook.Secret(nil), test.before...)
		got := before.Rotate(next, test.overlap, noon)
		if diff := cmp.Diff(test.want, got.Secrets); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if diff := cmp.Diff(kept, before.Secrets); diff != "" {
			t.Errorf("%s: Rotate changed the webhook it read:\n%s", test.name, diff)
		}
		if got.Version != 4 {
			t.Errorf("%s: Version = %d, want it left to the writer", test.name, got.Version)
		}
	}
}

func TestASecretThatIsThereAlreadyIsThereOnce(t *testing.T) {
	var never time.Time
	known := func(sealed, print string, ends time.Time) webhook.Secret {
		return webhook.Secret{Sealed: sealed, Print: print, EndsAt: ends}
	}
	before := []webhook.Secret{known("1", "b", never), known("2", "a", noon.Add(time.Minute)), known("3", "", noon.Add(time.Minute))}
	tests := []struct {
		name    string
		print   string
		overlap time.Duration
		want    []webhook.Secret
	}{
		{"the current one stays, and so do older ones", "b", time.Hour, before},
		{"the current one stays, and older ones end with the overlap", "b", 0, before[:1]},
		{"an older one becomes the current one", "a", time.Hour, []webhook.Secret{known("4", "a", never), known("1", "b", noon.Add(time.Hour)), before[2]}},
		{"of one without a print nothing is known", "", time.Hour, []webhook.Secret{known("4", "", never), known("1", "b", noon.Add(time.Hour)), before[1]}},
	}
	for _, test := range tests {
		got := webhook.Webhook{Secrets: before}.Rotate(known("4", test.print, never), test.overlap, noon)
		if diff := cmp.Diff(test.want, got.Secrets); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestAKeyPairRotatesAmongKeyPairs(t *testing.T) {
	var never time.Time
	next := pair("new", never)
	tests := []struct {
		name    string
		before  []webhook.Secret
		overlap time.Duration
		want    []webhook.Secret
	}{
		{"the first pair beside a secret", []webhook.Secret{secret("a", never)}, 0, []webhook.Secret{secret("a", never), next}},
		{"the current pair ends when the overlap is over", []webhook.Secret{secret("b", never), secret("a", noon.Add(time.Minute)), pair("p", never)}, time.Hour,
			[]webhook.Secret{secret("b", never), secret("a", noon.Add(time.Minute)), next, pair("p", noon.Add(time.Hour))}},
		{"without an overlap only the new pair is left of the pairs", []webhook.Secret{secret("a", never), pair("q", never), pair("p", noon.Add(time.Hour))}, 0,
			[]webhook.Secret{secret("a", never), next}},
		{"beyond three pairs the oldest end at once", []webhook.Secret{pair("r", never), pair("q", noon.Add(time.Hour)), pair("p", noon.Add(time.Hour))}, time.Minute,
			[]webhook.Secret{next, pair("r", noon.Add(time.Minute)), pair("q", noon.Add(time.Minute))}},
	}
	for _, test := range tests {
		got := webhook.Webhook{Secrets: test.before}.Rotate(next, test.overlap, noon)
		if diff := cmp.Diff(test.want, got.Secrets); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestSecretsSignUntilTheyEnd(t *testing.T) {
	w := webhook.Webhook{Secrets: []webhook.Secret{secret("c", time.Time{}), secret("b", noon.Add(time.Hour)), secret("a", noon)}}
	tests := []struct {
		at   time.Time
		want []string
	}{
		{noon.Add(-time.Nanosecond), []string{"c", "b", "a"}},
		{noon, []string{"c", "b"}},
		{noon.Add(time.Hour), []string{"c"}},
		{noon.AddDate(100, 0, 0), []string{"c"}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, hints(w.ValidSecrets(test.at))); diff != "" {
			t.Errorf("ValidSecrets(%v) (-want +got):\n%s", test.at, diff)
		}
	}
	if len(w.Secrets) != 3 {
		t.Errorf("ValidSecrets took secrets away from its webhook: %v", w.Secrets)
	}
}

func TestOnlySchemesThatAreOnSign(t *testing.T) {
	secrets := []webhook.Secret{secret("b", time.Time{}), secret("a", noon), pair("q", time.Time{}), pair("p", noon.Add(time.Hour))}
	tests := []struct {
		name       string
		signatures []webhook.Scheme
		want       []string
	}{
		{"a webhook of an older release", nil, []string{"b"}},
		{"v1", v1, []string{"b"}},
		{"v1a", v1a, []string{"q", "p"}},
		{"both", both, []string{"b", "q", "p"}},
		{"both, told the other way round", mixed, []string{"b", "q", "p"}},
	}
	for _, test := range tests {
		w := webhook.Webhook{Signatures: test.signatures, Secrets: secrets}
		if diff := cmp.Diff(test.want, hints(w.ValidSecrets(noon))); diff != "" {
			t.Errorf("%s: ValidSecrets (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestASchemeThatIsSwitchedOffEndsItsSecretsAtOnce(t *testing.T) {
	before := webhook.Webhook{Signatures: both, Secrets: []webhook.Secret{secret("b", time.Time{}), secret("a", noon), pair("q", time.Time{}), pair("p", noon)}}
	tests := []struct {
		signatures []webhook.Scheme
		want       []string
	}{
		{v1, []string{"b", "a"}},
		{v1a, []string{"q", "p"}},
		{mixed, []string{"b", "a", "q", "p"}},
	}
	for _, test := range tests {
		after := before.SignBy(test.signatures)
		if diff := cmp.Diff(test.want, hints(after.Secrets)); diff != "" || !slices.Equal(after.SignedBy(), test.signatures) {
			t.Errorf("SignBy(%v) is signed by %v, with (-want +got):\n%s", test.signatures, after.SignedBy(), diff)
		}
	}
	if len(before.Secrets) != 4 || len(before.Signatures) != 2 {
		t.Errorf("SignBy changed the webhook it read: %+v", before)
	}
}

func TestTheCurrentSecretOfASchemeIsItsNewest(t *testing.T) {
	w := webhook.Webhook{Secrets: []webhook.Secret{secret("b", time.Time{}), secret("a", noon), pair("q", time.Time{}), pair("p", noon)}}
	for scheme, want := range map[webhook.Scheme]string{webhook.SchemeV1: "b", webhook.SchemeV1a: "q"} {
		if got, ok := w.Current(scheme); !ok || got.Hint != want || got.Scheme() != scheme {
			t.Errorf("Current(%s) = %q of %s, %t, want %q", scheme, got.Hint, got.Scheme(), ok, want)
		}
	}
	w.Secrets = w.Secrets[:2]
	if got, ok := w.Current(webhook.SchemeV1a); ok {
		t.Errorf("Current(v1a) without a key pair = %+v, want none", got)
	}
}
