package webhook_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"testing"

	"hermod/shared/webhook"
)

// ssrf is testdata/ssrf.json: what a webhook must never reach, and some of what it must.
type ssrf struct {
	ForbiddenAddresses []string `json:"forbidden_addresses"`
	AllowedAddresses   []string `json:"allowed_addresses"`
	ForbiddenURLs      []string `json:"forbidden_urls"`
	AllowedURLs        []string `json:"allowed_urls"`
}

func readSSRF(t testing.TB) ssrf {
	t.Helper()
	raw, err := os.ReadFile("testdata/ssrf.json")
	if err != nil {
		t.Fatal(err)
	}
	var corpus ssrf
	if err := json.Unmarshal(raw, &corpus); err != nil {
		t.Fatal(err)
	}
	if len(corpus.ForbiddenAddresses) == 0 || len(corpus.AllowedAddresses) == 0 || len(corpus.ForbiddenURLs) == 0 || len(corpus.AllowedURLs) == 0 {
		t.Fatal("testdata/ssrf.json lacks a list")
	}
	return corpus
}

func TestEveryAddressOfTheCorpusIsJudged(t *testing.T) {
	corpus := readSSRF(t)
	for _, s := range corpus.ForbiddenAddresses {
		if !webhook.Forbidden(netip.MustParseAddr(s)) {
			t.Errorf("Forbidden(%s) = false, want true", s)
		}
	}
	for _, s := range corpus.AllowedAddresses {
		if webhook.Forbidden(netip.MustParseAddr(s)) {
			t.Errorf("Forbidden(%s) = true, want false", s)
		}
	}
}

func TestRangesEndWhereTheyShould(t *testing.T) {
	for _, tc := range []struct {
		last, next string // last of a forbidden range, first after it
	}{
		{"0.255.255.255", "1.0.0.0"},
		{"10.255.255.255", "11.0.0.0"},
		{"100.127.255.255", "100.128.0.0"},
		{"127.255.255.255", "128.0.0.0"},
		{"168.63.129.16", "168.63.129.17"},
		{"169.254.255.255", "169.255.0.0"},
		{"172.31.255.255", "172.32.0.0"},
		{"192.0.2.255", "192.0.3.0"},
		{"192.88.99.255", "192.88.100.0"},
		{"192.168.255.255", "192.169.0.0"},
		{"198.19.255.255", "198.20.0.0"},
		{"198.51.100.255", "198.51.101.0"},
		{"203.0.113.255", "203.0.114.0"},
		{"1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2000::"},
		{"2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"},
		{"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
		{"2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"},
	} {
		if !webhook.Forbidden(netip.MustParseAddr(tc.last)) {
			t.Errorf("Forbidden(%s) = false, want true", tc.last)
		}
		if webhook.Forbidden(netip.MustParseAddr(tc.next)) {
			t.Errorf("Forbidden(%s) = true, want false", tc.next)
		}
	}
}

func TestAddressesThatWrapOthersAreForbidden(t *testing.T) {
	for _, s := range []string{
		"::ffff:192.168.0.1",              // IPv4-mapped
		"::8.8.8.8",                       // IPv4-compatible, though what it wraps is public
		"64:ff9b::8.8.8.8",                // NAT64
		"2001:0:4136:e378::1",             // Teredo
		"2002:808:808::1",                 // 6to4
		"2606:4700::5efe:a00:1",           // ISATAP behind a public prefix
		"2606:4700::200:5efe:808:808",     // ISATAP, universal bit set
		"fe80::1%eth0", "2606:4700::1%lo", // zones
	} {
		if !webhook.Forbidden(netip.MustParseAddr(s)) {
			t.Errorf("Forbidden(%s) = false, want true", s)
		}
	}
	if !webhook.Forbidden(netip.Addr{}) {
		t.Error("Forbidden(no address) = false, want true")
	}
	if webhook.Forbidden(netip.MustParseAddr("::ffff:8.8.8.8")) {
		t.Error("Forbidden(::ffff:8.8.8.8) = true, want false: it is 8.8.8.8")
	}
}
