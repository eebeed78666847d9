package webhook

import (
	"net/netip"
	"slices"
)

// never are addresses from which machines read their own credentials, and the link-local
// ranges around them.
var never = []netip.Prefix{
	netip.MustParsePrefix("169.254.0.0/16"),     // link-local, most clouds' metadata
	netip.MustParsePrefix("168.63.129.16/32"),   // Azure
	netip.MustParsePrefix("100.100.100.200/32"), // Alibaba Cloud
	netip.MustParsePrefix("192.0.0.192/32"),     // Oracle Cloud
	netip.MustParsePrefix("fe80::/10"),          // link-local
	netip.MustParsePrefix("fd00:ec2::254/128"),  // AWS
	netip.MustParsePrefix("fd00:ec2::23/128"),   // AWS, the credentials of pods
	netip.MustParsePrefix("fd20:ce::254/128"),   // Google Cloud
	netip.MustParsePrefix("fd00:42::42/128"),    // Scaleway
}

// services are the single addresses among them that are looked for at every place of an IPv6
// address, because operators choose the prefixes of NAT64 (RFC 6052) and 6rd (RFC 5969).
var services = [][4]byte{
	{169, 254, 169, 254}, {169, 254, 170, 2}, {169, 254, 170, 23}, {168, 63, 129, 16}, {100, 100, 100, 200}, {192, 0, 0, 192},
}

// Forms of IPv6 that lead to an IPv4 address.
var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052
	localNAT64 = netip.MustParsePrefix("64:ff9b:1::/48")  // RFC 8215
	sixToFour  = netip.MustParsePrefix("2002::/16")       // RFC 3056
	teredo     = netip.MustParsePrefix("2001::/32")       // RFC 4380
	compatible = netip.MustParsePrefix("::/96")           // RFC 4291, 2.5.5.1
	translated = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765
)

// metadata reports the addresses of never, also where an IPv6 address stands for one.
func metadata(a netip.Addr) bool {
	return within(never, a) || a.Is6() &&
		(slices.ContainsFunc(carried(a), func(v4 netip.Addr) bool { return within(never, v4) }) || holdsService(a.As16()))
}

// carried returns the IPv4 addresses that an IPv6 address may lead to.
func carried(a netip.Addr) (list []netip.Addr) {
	if !a.Is6() {
		return nil
	}
	b := a.As16()
	last := netip.AddrFrom4([4]byte(b[12:]))
	switch {
	case nat64.Contains(a), compatible.Contains(a), translated.Contains(a):
		list = append(list, last)
	case localNAT64.Contains(a):
		list = append(list, last) // where it stands depends on the length of the operator's prefix
		for _, v4 := range split(b)[2:] {
			list = append(list, netip.AddrFrom4(v4))
		}
	case sixToFour.Contains(a):
		list = append(list, netip.AddrFrom4([4]byte(b[2:6])))
	case teredo.Contains(a):
		list = append(list, netip.AddrFrom4([4]byte(b[4:8])), netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}))
	}
	if b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe { // ISATAP (RFC 5214), behind any prefix
		list = append(list, last)
	}
	return list
}

// split returns the IPv4 addresses that lie around the byte which RFC 6052 keeps free, for
// prefixes of 40, 48, 56 and 64 bits.
func split(b [16]byte) [][4]byte {
	return [][4]byte{{b[5], b[6], b[7], b[9]}, {b[6], b[7], b[9], b[10]}, {b[7], b[9], b[10], b[11]}, [4]byte(b[9:13])}
}

// holdsService looks for a metadata service in any four bytes of an IPv6 address.
func holdsService(b [16]byte) bool {
	places := split(b)
	for i := 0; i+4 <= len(b); i++ {
		places = append(places, [4]byte(b[i:i+4]))
	}
	return slices.ContainsFunc(places, func(v4 [4]byte) bool { return slices.Contains(services, v4) })
}
