package scenario

import (
	"crypto/ed25519"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

// keyPair rotates a key pair of v1a between deliveries: a receiver with the old public key goes on to verify each of them, one with
// the new key verifies them as soon as the deployment signs with it, and the secret of v1 verifies all the time.
func keyPair(t *testing.T, g Target) {
	r := newReceiver(t)
	hook := g.webhook(t, object{"url": r.URL, "events": []string{"failed"}, "secret": secret, "signatures": []string{"v1", "v1a"}})
	var before, after struct {
		PublicKey string `json:"public_key"`
	}
	g.must(t, "GET", "/webhooks/"+hook, nil, &before)
	if a := r.next(t, g, hook); !signedBy(t, a, before.PublicKey) {
		t.Errorf("%q is not by the public key %s", a.Header.Get("Webhook-Signature"), before.PublicKey)
	}
	g.must(t, "POST", "/webhooks/"+hook+"/secret/rotate", object{"scheme": "v1a", "overlap_seconds": 3600}, &after)
	if after == before {
		t.Errorf("rotated, the public key is still %s", before.PublicKey)
	}
	g.until(t, "delivery signed by the new key", func() bool {
		a := r.next(t, g, hook)
		if !signedBy(t, a, before.PublicKey) {
			t.Errorf("during the overlap %q is not by the old public key %s", a.Header.Get("Webhook-Signature"), before.PublicKey)
		}
		return signedBy(t, a, after.PublicKey)
	})
}

// next sends a test event of the webhook and returns it as it arrived.
func (r *receiver) next(t *testing.T, g Target, hook string) (arrived arrival) {
	t.Helper()
	var sent struct {
		DeliveryUID string `json:"delivery_uid"`
	}
	g.must(t, "POST", "/webhooks/"+hook+"/test", object{"event": "failed"}, &sent)
	g.until(t, "test event", func() bool {
		got := r.got(t)
		i := slices.IndexFunc(got, func(a arrival) bool { return a.ID == sent.DeliveryUID })
		if i >= 0 {
			arrived = got[i]
		}
		return i >= 0
	})
	return arrived
}

// signedBy verifies a delivery with a public key, by the words of the specification: no official library has released v1a yet.
func signedBy(t *testing.T, a arrival, public string) bool {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(public, "whpk_"))
	if err != nil || len(key) != ed25519.PublicKeySize {
		t.Fatalf("public_key is %q, want whpk_ and the base64 of %d bytes", public, ed25519.PublicKeySize)
	}
	signed := []byte(a.ID + "." + a.Header.Get("Webhook-Timestamp") + "." + string(a.Body))
	for entry := range strings.SplitSeq(a.Header.Get("Webhook-Signature"), " ") {
		encoded, ok := strings.CutPrefix(entry, "v1a,")
		sig, err := base64.StdEncoding.DecodeString(encoded)
		if ok && err == nil && ed25519.Verify(key, signed, sig) {
			return true
		}
	}
	return false
}
