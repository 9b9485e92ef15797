package webhook_test

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"hermod/shared/webhook"
)

func ExampleRules_CheckURL() {
	strict := webhook.Rules{}
	fmt.Println(strict.CheckURL("https://example.com/hook"))
	fmt.Println(strict.CheckURL("http://example.com/hook"))
	fmt.Println(strict.CheckURL("https://10.0.0.7/hook"))

	laptop := webhook.Rules{AllowHTTP: true, AllowPrivate: true}
	fmt.Println(laptop.CheckURL("http://localhost:9000/hook"))
	// Output:
	// <nil>
	// it begins with http://, which this installation does not allow; use https://
	// the address 10.0.0.7 is for private networks (RFC 1918); deliveries go to public addresses only, on ports 443 and 8443
	// <nil>
}

func TestEveryURLOfTheCorpusIsJudged(t *testing.T) {
	corpus := readSSRF(t)
	for _, u := range corpus.ForbiddenURLs {
		if err := (webhook.Rules{}).CheckURL(u); err == nil {
			t.Errorf("CheckURL(%q) = nil, want an error", u)
		}
	}
	for _, u := range corpus.AllowedURLs {
		if err := (webhook.Rules{}).CheckURL(u); err != nil {
			t.Errorf("CheckURL(%q) = %v, want nil", u, err)
		}
	}
}

var (
	strict  = webhook.Rules{}
	http80  = webhook.Rules{AllowHTTP: true}
	private = webhook.Rules{AllowPrivate: true}
	laptop  = webhook.Rules{AllowHTTP: true, AllowPrivate: true}
)

func TestURLsThatPass(t *testing.T) {
	for _, tc := range []struct {
		rules webhook.Rules
		url   string
	}{
		{strict, "https://example.com"},
		{strict, "https://example.com:443/"},
		{strict, "https://example.com:/"},
		{strict, "HTTPS://example.com/"},
		{strict, "https://a_b.example.com/"},
		{strict, "https://8.8.8.8/"},
		{strict, "https://[2606:4700:4700::1111]:8443/"},
		{strict, "https://example.com/%C3%A9?q=%20"},
		{strict, "https://3com.example/"},
		{strict, "https://localhost.example.com/"},
		{strict, "https://notlocalhost.com/"},
		{strict, "https://example.com/" + strings.Repeat("x", 2048-20)},
		{http80, "http://example.com/"},
		{http80, "http://example.com:80/"},
		{private, "https://10.0.0.1:9001/"},
		{private, "https://localhost/"},
		{private, "https://printer.local:1/"},
		{private, "https://intranet:65535/"},
		{laptop, "http://127.0.0.1:9000/"},
		{laptop, "http://[::1]:9000/"},
	} {
		if err := tc.rules.CheckURL(tc.url); err != nil {
			t.Errorf("%+v.CheckURL(%q) = %v, want nil", tc.rules, tc.url, err)
		}
	}
}

func TestURLsThatAreRefusedWithTheirReason(t *testing.T) {
	for _, tc := range []struct {
		rules webhook.Rules
		url   string
		says  string
	}{
		{strict, "", "absolute https URL"},
		{strict, "example.com/hook", "absolute https URL"},
		{strict, "//example.com/", "absolute https URL"},
		{strict, "ftp://example.com/", "absolute https URL"},
		{strict, "https:example.com", "names no host"},
		{strict, "https:///path", "names no host"},
		{strict, "https://:443/", "names no host"},
		{strict, "http://example.com/", "use https://"},
		{private, "http://10.0.0.1/", "use https://"},
		{strict, "https://example.com/" + strings.Repeat("x", 2048), "2,048 characters"},
		{strict, "https://user@example.com/", "header of the webhook"},
		{laptop, "http://user:pass@localhost/", "header of the webhook"},
		{strict, "https://example.com/a b", "%20"},
		{strict, "https://example.com/\n", "control character"},
		{strict, "https://example.com/\x7f", "control character"},
		{strict, "https://example.com/#part", "fragment"},
		{strict, "https://example.com/#", "fragment"},
		{strict, "https://example.com/é", "%C3%A9"},
		{strict, "https://example.com/?é", "%C3%A9"},
		{strict, "https://bücher.example/", "punycode"},
		{strict, "https://b%C3%BCcher.example/", "punycode"},
		{strict, "https://１２７.0.0.1/", "punycode"},
		{strict, "https://example.com/%zz", "hexadecimal"},
		{strict, "https://ex%61mple.com/", "hexadecimal"},
		{strict, `https://example.com\@10.0.0.1/`, "cannot be read"},
		{strict, "https://example.com:https/", "cannot be read"},
		{strict, "https://exam$ple.com/", "no host name"},
		{strict, "https://example..com/", "no host name"},
		{strict, "https://" + strings.Repeat("a", 64) + ".com/", "no host name"},
		{strict, "https://" + strings.Repeat("a.", 130) + "com/", "no host name"},
		{strict, "https://example.com./", "full stop"},
		{laptop, "http://127.0.0.1./", "full stop"},
		{strict, "https://2606:4700::1111/", "cannot be read"},
		{strict, "https://[8.8.8.8]/", "cannot be read"},
		{strict, "https://[::1%25lo]/", "RFC 4007"},
		{strict, "https://0/", "number"},
		{strict, "https://0x/", "number"},
		{strict, "https://0X7F000001/", "number"},
		{strict, "https://127.0.0.0x1/", "number"},
		{strict, "https://example.5/", "number"},
		{strict, "https://1.2.3.4.5/", "number"},
		{strict, "https://256.1.1.1/", "number"},
		{laptop, "http://127.1/", "number"},
		{laptop, "http://0177.0.0.1/", "number"},
		{strict, "https://LOCALHOST/", "private network"},
		{strict, "https://a.Local/", "private network"},
		{strict, "https://nas.home.arpa/", "private network"},
		{strict, "https://intranet/", "not a full name"},
		{strict, "https://[::ffff:10.0.0.1]/", "RFC 1918"},
		{strict, "https://example.com:80/", "port 80"},
		{http80, "http://example.com:8080/", "port 8080"},
		{http80, "http://10.0.0.1/", "RFC 1918"},
		{strict, "https://example.com:0443/", "leading zeros"},
		{laptop, "http://localhost:0/", "leading zeros"},
		{laptop, "http://localhost:65536/", "65535"},
	} {
		err := tc.rules.CheckURL(tc.url)
		if err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%+v.CheckURL(%q) = %v, want an error with %q", tc.rules, tc.url, err, tc.says)
		}
	}
}

func TestRefusalsTellWhereFromHow(t *testing.T) {
	for u, where := range map[string]bool{
		"https://10.0.0.1/":        true,
		"https://localhost/":       true,
		"https://intranet/":        true,
		"https://example.com:22/":  true,
		"http://example.com/":      false,
		"https://127.1/":           false,
		"https://user@example.com": false,
	} {
		if err := strict.CheckURL(u); errors.Is(err, webhook.ErrForbidden) != where {
			t.Errorf("CheckURL(%q) = %v; is it ErrForbidden: %t, want %t", u, err, !where, where)
		}
	}
}

func TestRefusalsRepeatNoSecrets(t *testing.T) {
	for _, u := range []string{
		"https://user:hunter2@example.com/",
		"https://user:hunter2/@example.com/",
		"https://10.0.0.1/hunter2?token=hunter2",
		"https://example.com:22/?hunter2",
		"https://example.com/?hunter2 ",
		"https://example.com/hunter2/%zz",
		"hunter2:hunter2",
	} {
		if err := strict.CheckURL(u); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("CheckURL(%q) = %v, want an error without hunter2", u, err)
		}
	}
}

func TestCheckAddr(t *testing.T) {
	for _, tc := range []struct {
		rules   webhook.Rules
		addr    string
		allowed bool
	}{
		{strict, "8.8.8.8:443", true},
		{strict, "8.8.8.8:8443", true},
		{strict, "8.8.8.8:80", false},
		{strict, "8.8.8.8:22", false},
		{strict, "10.0.0.1:443", false},
		{strict, "[::ffff:10.0.0.1]:443", false},
		{http80, "8.8.8.8:80", true},
		{http80, "10.0.0.1:80", false},
		{private, "10.0.0.1:1", true},
	} {
		err := tc.rules.CheckAddr(netip.MustParseAddrPort(tc.addr))
		if (err == nil) != tc.allowed || err != nil && !errors.Is(err, webhook.ErrForbidden) {
			t.Errorf("%+v.CheckAddr(%s) = %v, want allowed: %t", tc.rules, tc.addr, err, tc.allowed)
		}
	}
	if err := strict.CheckAddr(netip.AddrPort{}); !errors.Is(err, webhook.ErrForbidden) {
		t.Errorf("CheckAddr(nothing) = %v, want ErrForbidden", err)
	}
}

// What strict rules accept is https to a public address or a full name, on one of the two ports, without credentials.
func FuzzCheckURL(f *testing.F) {
	corpus := readSSRF(f)
	for _, u := range append(corpus.ForbiddenURLs, corpus.AllowedURLs...) {
		f.Add(u)
	}
	for _, u := range []string{"https://[::ffff:7f00:1%25x]/", "https://0x7f000001", "https://1.2.3.4:8443?#", "https://a%2eb/", "https://a:b:443/"} {
		f.Add(u)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if strict.CheckURL(raw) != nil {
			return
		}
		if err := laptop.CheckURL(raw); err != nil {
			t.Errorf("strict rules accept %q, lenient ones do not: %v", raw, err)
		}
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatalf("accepted %q, which net/url does not parse: %v", raw, err)
		}
		if u.Scheme != "https" || u.User != nil || u.Hostname() == "" || u.Fragment != "" || len(raw) > 2048 {
			t.Errorf("accepted %q", raw)
		}
		if p := u.Port(); p != "" && p != "443" && p != "8443" {
			t.Errorf("accepted %q with port %s", raw, p)
		}
		if addr, err := netip.ParseAddr(u.Hostname()); err == nil && webhook.Forbidden(addr) {
			t.Errorf("accepted %q with the forbidden address %s", raw, addr)
		}
		if h := strings.ToLower(u.Hostname()); h == "localhost" || strings.HasSuffix(h, ".localhost") || strings.HasSuffix(h, ".") || strings.ContainsAny(h, "%\\/@ ") {
			t.Errorf("accepted %q with the host %q", raw, h)
		}
	})
}
