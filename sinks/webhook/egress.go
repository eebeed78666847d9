package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"code.dny.dev/ssrf"
)

// Egress says where endpoints may live. The zero value is the public internet over https.
type Egress struct {
	// Allow names ranges that endpoints may have besides; in them http and any port are
	// permitted too. Addresses of cloud metadata services are refused even here.
	Allow []netip.Prefix
	// Hosts are names whose addresses, whatever they are, are treated as those in Allow.
	Hosts []string
	// AllowHTTP permits plain http to public addresses.
	AllowHTTP bool
	// Own lists the listeners of this process: what they serve is no endpoint, whatever Allow
	// says. Nil: there are none.
	Own func() []netip.AddrPort
}

// errDenied is an address that the rules refuse.
var errDenied = errors.New("the address is not one that endpoints may have")

// address judges an address and port of a host that is about to be dialled.
func (e *Egress) address(host string, to netip.AddrPort, secure bool) error {
	a := to.Addr().Unmap()
	if a.Zone() != "" {
		return fmt.Errorf("%w: it has a zone", errDenied)
	}
	if metadata(a) {
		return fmt.Errorf("%w: %s is link-local or a metadata service, which is never allowed", errDenied, a)
	}
	if e.own(netip.AddrPortFrom(a, to.Port())) {
		return errOwn
	}
	if within(e.Allow, a) || e.named(host) {
		return nil
	}
	if !public(a) {
		return fmt.Errorf("%w: %s is not public; HOOKSPAN_EGRESS_ALLOW may name its range, HOOKSPAN_EGRESS_HOSTS its host", errDenied, a)
	}
	if !secure && !e.AllowHTTP {
		return fmt.Errorf("%w: http to the public %s; use https, or set HOOKSPAN_EGRESS_HTTP=true", errDenied, a)
	}
	return publicPort(to.Port(), secure)
}

// allowed are those of a host's addresses that may be dialled; denied is why others may not.
func (e *Egress) allowed(host string, addrs []netip.Addr, port uint16, secure bool) (list []netip.AddrPort, denied error) {
	for _, a := range addrs {
		to := netip.AddrPortFrom(a, port)
		if err := e.address(host, to, secure); err != nil {
			denied = err
		} else if list = append(list, to); len(list) == maxAddresses {
			break
		}
	}
	return list, denied
}

// name judges a host whose address only the proxy will know: what can be known here is whether
// the operator has named it, and the port.
func (e *Egress) name(host string, port uint16, secure bool) error {
	switch {
	case e.named(host):
		return nil
	case !secure && !e.AllowHTTP:
		return fmt.Errorf("%w: http to a host that the proxy resolves; use https, name the host in HOOKSPAN_EGRESS_HOSTS, or set HOOKSPAN_EGRESS_HTTP=true", errDenied)
	}
	return publicPort(port, secure)
}

func (e *Egress) named(host string) bool {
	return slices.ContainsFunc(e.Hosts, func(name string) bool { return strings.EqualFold(name, host) })
}

func within(ranges []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(a) })
}

// public reports whether an address is an ordinary one of the internet: in none of IANA's
// special ranges, and in no form that carries an IPv4 address past such a check.
func public(a netip.Addr) bool {
	if a.Is4() {
		return !within(ssrf.IPv4DeniedPrefixes, a)
	}
	return ssrf.IPv6GlobalUnicast.Contains(a) && !within(ssrf.IPv6DeniedPrefixes, a) && len(carried(a)) == 0
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
