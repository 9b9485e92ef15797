package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrForbidden is in every error of Rules that is about where a URL leads: its address, its name or its port. Other errors are
// about how it is written.
var ErrForbidden = errors.New("deliveries go to public addresses only, on ports 443 and 8443")

// Rules are an installation's rules about receivers. Zero is the strictest: https, public addresses, ports 443 and 8443.
type Rules struct {
	AllowHTTP    bool // http too, and its port 80
	AllowPrivate bool // any address, on any port, and names that only a private network knows
}

// privateNames are the top of trees that public DNS has nothing in; a name in one of them is answered by the machine or its
// network.
var privateNames = []string{
	"localhost", // RFC 6761
	"local",     // RFC 6762
	"internal",  // reserved by ICANN in 2024; the metadata services of clouds are there
	"home.arpa", // RFC 8375
}

// CheckURL judges a webhook's URL as it is written; where its name leads is judged by CheckAddr, at each connection. An error
// is a sentence that says what is wrong and what would be right, and has nothing of the path or the query in it.
//
// A fragment is refused because HTTP never sends it: whoever wrote one meant a part of the URL that would not arrive.
func (r Rules) CheckURL(raw string) error {
	if utf8.RuneCountInString(raw) > MaxURL {
		return errors.New("it has more than 2,048 characters; pass what is long in a header of the webhook")
	}
	if err := checkCharacters(raw); err != nil {
		return err
	}
	u, err := url.Parse(raw)
	if err != nil {
		return unreadable(err)
	}
	if err := r.checkScheme(u.Scheme); err != nil {
		return err
	}
	if u.User != nil {
		return errors.New("it has a user name or password in it; pass credentials in a header of the webhook")
	}
	if u.Hostname() == "" {
		return errors.New("it names no host; write it like https://example.com/path")
	}
	if err := r.checkHost(u); err != nil {
		return err
	}
	if !isASCII(raw) {
		return errors.New("it has a character that is not ASCII; percent-encode it, as é is %C3%A9")
	}
	return r.checkPortOf(u)
}

// CheckAddr judges the address that a connection is about to be made to. An error is ErrForbidden.
func (r Rules) CheckAddr(addr netip.AddrPort) error {
	if err := r.checkPort(addr.Port()); err != nil {
		return err
	}
	return r.checkLiteral(addr.Addr())
}

// checkCharacters refuses what has no place anywhere in a URL.
func checkCharacters(raw string) error {
	for i := range len(raw) {
		switch c := raw[i]; {
		case c == ' ':
			return errors.New("it has a space in it; percent-encode it as %20")
		case c < ' ' || c == 0x7f:
			return errors.New("it has a control character in it (line breaks and tabs are some), which no URL may")
		case c == '#':
			return errors.New("it has a fragment, which is never sent; leave out the # and what follows, or percent-encode it as %23")
		}
	}
	return nil
}

func unreadable(err error) error {
	if bad := url.EscapeError(""); errors.As(err, &bad) {
		return errors.New("it has a % that is not followed by two hexadecimal digits, or that stands in the host; write a percent sign as %25")
	}
	return errors.New("it cannot be read as a URL; write it like https://example.com/path")
}

func (r Rules) checkScheme(scheme string) error {
	switch {
	case scheme == "https" || scheme == "http" && r.AllowHTTP:
		return nil
	case scheme == "http":
		return errors.New("it begins with http://, which this installation does not allow; use https://")
	}
	return errors.New("it is not an absolute https URL; write it like https://example.com/path")
}

// checkHost judges the host of u: an address in one of its two usual notations, or a name.
func (r Rules) checkHost(u *url.URL) error {
	host := u.Hostname()
	if !isASCII(host) {
		return errors.New("its host has letters that are not ASCII; write it in punycode, as bücher.example is xn--bcher-kva.example")
	}
	addr, err := netip.ParseAddr(host)
	brackets := strings.HasPrefix(u.Host, "[")
	if err == nil && addr.Is6() == brackets {
		return r.checkLiteral(addr)
	}
	if brackets || strings.Contains(host, ":") {
		return errors.New("its host is no IPv6 address in brackets; write it like https://[2606:4700::1111]/path")
	}
	return r.checkName(strings.ToLower(host))
}

func (r Rules) checkLiteral(addr netip.Addr) error {
	if r.AllowPrivate {
		return nil
	}
	if name := purpose(addr); name != "" {
		return fmt.Errorf("the address %s is for %s; %w", addr, name, ErrForbidden)
	}
	return nil
}

// checkName judges a host name in lower case. A name that ends in a number is one of the many ways to write an IPv4 address
// (https://url.spec.whatwg.org/#ends-in-a-number-checker), and programs do not agree on which address that is.
func (r Rules) checkName(host string) error {
	if strings.HasSuffix(host, ".") {
		return errors.New("its host ends in a full stop; leave that out")
	}
	if !isHostName(host) {
		return errors.New("its host is no host name: labels of letters, digits, - and _ (63 at most, 253 in all), separated by full stops")
	}
	if isNumber(host[strings.LastIndexByte(host, '.')+1:]) {
		return errors.New("its host ends in a number but is no IPv4 address in its usual notation; write all four parts in decimal, like 192.0.2.1")
	}
	if r.AllowPrivate {
		return nil
	}
	for _, p := range privateNames {
		if host == p || strings.HasSuffix(host, "."+p) {
			return fmt.Errorf("%s names a host of a private network; %w", host, ErrForbidden)
		}
	}
	if !strings.Contains(host, ".") {
		return fmt.Errorf("%s is not a full name, so it is one of a private network; %w", host, ErrForbidden)
	}
	return nil
}

func (r Rules) checkPortOf(u *url.URL) error {
	if u.Port() == "" {
		return nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || u.Port()[0] == '0' {
		return errors.New("its port is no number from 1 to 65535, written without leading zeros")
	}
	return r.checkPort(uint16(port))
}

func (r Rules) checkPort(port uint16) error {
	if r.AllowPrivate || port == 443 || port == 8443 || r.AllowHTTP && port == 80 {
		return nil
	}
	return fmt.Errorf("port %d is not for deliveries; %w", port, ErrForbidden)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isHostName allows the underscore, which RFC 1123 does not: there are receivers whose names have one.
func isHostName(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return len(s) <= 253 && consistsOf(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.")
}

func isNumber(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return consistsOf(hex, "0123456789abcdef")
	}
	return consistsOf(label, "0123456789")
}

func consistsOf(s, characters string) bool { return strings.Trim(s, characters) == "" }
