package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"code.dny.dev/ssrf"
)

// Egress says where endpoints may live. The zero value is the public internet over https.
type Egress struct {
	// Allow names ranges that endpoints may have besides; in them http and any port are
	// permitted too. Addresses of cloud metadata services are refused even here.
	Allow []netip.Prefix
	// AllowHTTP permits plain http to public addresses.
	AllowHTTP bool
}

// never are addresses from which machines read their own credentials, and the link-local
// ranges around them.
var never = []netip.Prefix{
	netip.MustParsePrefix("169.254.0.0/16"),     // link-local, most clouds' metadata
	netip.MustParsePrefix("168.63.129.16/32"),   // Azure
	netip.MustParsePrefix("100.100.100.200/32"), // Alibaba Cloud
	netip.MustParsePrefix("192.0.0.192/32"),     // Oracle Cloud
	netip.MustParsePrefix("fe80::/10"),          // link-local
	netip.MustParsePrefix("fd00:ec2::254/128"),  // AWS
	netip.MustParsePrefix("fd20:ce::254/128"),   // Google Cloud
	netip.MustParsePrefix("fd00:42::42/128"),    // Scaleway
}

// Forms of IPv6 that lead to an IPv4 address.
var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")   // RFC 6052
	localNAT64 = netip.MustParsePrefix("64:ff9b:1::/48") // RFC 8215
	sixToFour  = netip.MustParsePrefix("2002::/16")      // RFC 3056
	teredo     = netip.MustParsePrefix("2001::/32")      // RFC 4380
	compatible = netip.MustParsePrefix("::/96")          // RFC 4291, 2.5.5.1
)

// errDenied is an address that the rules refuse.
var errDenied = errors.New("the address is not one that endpoints may have")

// address judges an address and port that is about to be dialled.
func (e *Egress) address(to netip.AddrPort, secure bool) error {
	a := to.Addr().Unmap()
	if a.Zone() != "" {
		return fmt.Errorf("%w: it has a zone", errDenied)
	}
	if metadata(a) {
		return fmt.Errorf("%w: %s is link-local or a metadata service, which is never allowed", errDenied, a)
	}
	if within(e.Allow, a) {
		return nil
	}
	if !public(a) {
		return fmt.Errorf("%w: %s is not public; HOOKSPAN_EGRESS_ALLOW may name its range", errDenied, a)
	}
	if !secure && !e.AllowHTTP {
		return fmt.Errorf("%w: http to the public %s; use https, or set HOOKSPAN_EGRESS_HTTP=true", errDenied, a)
	}
	return publicPort(to.Port(), secure)
}

func within(ranges []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(a) })
}

// metadata reports the addresses of never, also where an IPv6 address stands for one.
func metadata(a netip.Addr) bool {
	return within(never, a) || slices.ContainsFunc(carried(a), func(v4 netip.Addr) bool { return within(never, v4) })
}

// public reports whether an address is an ordinary one of the internet: in none of IANA's
// special ranges, and in no form that carries an IPv4 address past such a check.
func public(a netip.Addr) bool {
	if a.Is4() {
		return !within(ssrf.IPv4DeniedPrefixes, a)
	}
	return ssrf.IPv6GlobalUnicast.Contains(a) && !within(ssrf.IPv6DeniedPrefixes, a) && len(carried(a)) == 0
}

// carried returns the IPv4 addresses that an IPv6 address may lead to.
func carried(a netip.Addr) []netip.Addr {
	if !a.Is6() {
		return nil
	}
	b := a.As16()
	last := netip.AddrFrom4([4]byte(b[12:]))
	switch {
	case nat64.Contains(a), compatible.Contains(a):
		return []netip.Addr{last}
	case localNAT64.Contains(a):
		// Where it stands depends on the length of the operator's prefix.
		return []netip.Addr{last, netip.AddrFrom4([4]byte{b[6], b[7], b[9], b[10]}), netip.AddrFrom4([4]byte{b[7], b[9], b[10], b[11]}), netip.AddrFrom4([4]byte(b[9:13]))}
	case sixToFour.Contains(a):
		return []netip.Addr{netip.AddrFrom4([4]byte(b[2:6]))}
	case teredo.Contains(a):
		return []netip.Addr{netip.AddrFrom4([4]byte(b[4:8])), netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]})}
	case b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe: // ISATAP, RFC 5214
		return []netip.Addr{last}
	}
	return nil
}

// publicPort refuses ports of public addresses where something other than a web server
// listens: those below 1024 but 443 (and 80 for http), and those that browsers refuse too
// (Fetch standard, "bad port").
func publicPort(port uint16, secure bool) error {
	if port == 443 || port == 80 && !secure {
		return nil
	}
	bad := []uint16{1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}
	if port < 1024 || slices.Contains(bad, port) {
		return fmt.Errorf("%w: port %d is not one for webhooks, use 443 or one from 1024 on", errDenied, port)
	}
	return nil
}
