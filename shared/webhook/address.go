package webhook

import "net/netip"

// forbidden are the ranges that deliveries never go to: each is private to some machine or network, belongs to no one, or is
// a way of writing an IPv4 address in an IPv6 one, which a gateway on the way might unwrap. Names read after "is for".
// Sources are the IANA registries of special-purpose IPv4 and IPv6 addresses, and the document named with each range.
var forbidden = []struct {
	prefix netip.Prefix
	name   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "this host on this network (RFC 1122)"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private networks (RFC 1918)"},
	{netip.MustParsePrefix("100.64.0.0/10"), "carrier-grade NAT (RFC 6598)"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback (RFC 1122)"},
	{netip.MustParsePrefix("168.63.129.16/32"), "the host agent of Azure's virtual machines"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local use (RFC 3927), where clouds keep their metadata services"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private networks (RFC 1918)"},
	{netip.MustParsePrefix("192.0.0.0/24"), "protocol assignments (RFC 6890)"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation (RFC 5737)"},
	{netip.MustParsePrefix("192.88.99.0/24"), "6to4 relays (RFC 7526)"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private networks (RFC 1918)"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarks (RFC 2544)"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation (RFC 5737)"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation (RFC 5737)"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast (RFC 5771)"},
	{netip.MustParsePrefix("240.0.0.0/4"), "future use and broadcast (RFC 1112, RFC 919)"},

	{netip.MustParsePrefix("::/128"), "no host at all (RFC 4291)"},
	{netip.MustParsePrefix("::1/128"), "loopback (RFC 4291)"},
	{netip.MustParsePrefix("::/96"), "IPv4-compatible addresses (RFC 4291)"},
	{netip.MustParsePrefix("::ffff:0:0:0/96"), "IPv4-translated addresses (RFC 2765)"},
	{netip.MustParsePrefix("64:ff9b::/96"), "NAT64 (RFC 6052)"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "local NAT64 (RFC 8215)"},
	{netip.MustParsePrefix("100::/64"), "discarding (RFC 6666)"},
	{netip.MustParsePrefix("2001::/32"), "Teredo (RFC 4380)"},
	{netip.MustParsePrefix("2001::/23"), "protocol assignments (RFC 2928)"},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation (RFC 3849)"},
	{netip.MustParsePrefix("2002::/16"), "6to4 (RFC 3056)"},
	{netip.MustParsePrefix("3fff::/20"), "documentation (RFC 9637)"},
	{netip.MustParsePrefix("5f00::/16"), "segment routing (RFC 9602)"},
	{netip.MustParsePrefix("fc00::/7"), "private networks (RFC 4193)"},
	{netip.MustParsePrefix("fe80::/10"), "link-local use (RFC 4291)"},
	{netip.MustParsePrefix("fec0::/10"), "site-local use (RFC 3879)"},
	{netip.MustParsePrefix("ff00::/8"), "multicast (RFC 4291)"},
}

// globalUnicast is all of IPv6 that is given out so far (RFC 4291, section 2.4; IANA's IPv6 address space).
var globalUnicast = netip.MustParsePrefix("2000::/3")

// Forbidden reports whether deliveries must never go to addr: everything but a public unicast address, and what is no address
// or has a zone.
func Forbidden(addr netip.Addr) bool { return purpose(addr) != "" }

// purpose names what a forbidden address is for, and is empty for one that deliveries may go to.
func purpose(addr netip.Addr) string {
	if !addr.IsValid() {
		return "nothing"
	}
	if addr.Zone() != "" {
		return "one link of one machine (RFC 4007)"
	}
	addr = addr.Unmap()
	for _, f := range forbidden {
		if f.prefix.Contains(addr) {
			return f.name
		}
	}
	if addr.Is6() && !globalUnicast.Contains(addr) {
		return "use outside the public internet (RFC 4291)"
	}
	if addr.Is6() && isISATAP(addr.As16()) {
		return "ISATAP (RFC 5214)"
	}
	return ""
}

// isISATAP reports whether the lower half of an address wraps an IPv4 address for a tunnel inside a site, which it can do
// behind any prefix: 0000:5efe or 0200:5efe, then the address (RFC 5214, section 6.1).
func isISATAP(a [16]byte) bool {
	return a[8]&^0x02 == 0 && a[9] == 0 && a[10] == 0x5e && a[11] == 0xfe
}
