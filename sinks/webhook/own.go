package webhook

import (
	"errors"
	"net"
	"net/netip"
	"slices"
)

// errOwn is a listener of this process. Whoever may register an endpoint must not speak to the
// API, or send what was delivered in again, through it.
var errOwn = errors.New("the address is a listener of this Hookspan itself, which is never an endpoint")

// own reports whether an address is one that this process listens on.
func (e *Egress) own(to netip.AddrPort) bool {
	if e.Own == nil {
		return false
	}
	return slices.ContainsFunc(e.Own(), func(l netip.AddrPort) bool {
		return l.Port() == to.Port() && serves(l.Addr().Unmap(), to.Addr())
	})
}

// serves reports whether a listener bound to one address takes connections to another.
func serves(bound, to netip.Addr) bool {
	if to.IsUnspecified() { // leads to this machine
		to = loopback(to)
	}
	switch {
	case bound == to:
		return true
	case !bound.IsUnspecified():
		return false
	case bound.Is4() && to.Is6():
		return false
	}
	return local(to)
}

func loopback(like netip.Addr) netip.Addr {
	if like.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

// local reports whether an address is this machine's.
func local(a netip.Addr) bool {
	if a.IsLoopback() {
		return true
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return true // nobody can tell
	}
	return slices.ContainsFunc(all, func(one net.Addr) bool {
		p, ok := one.(*net.IPNet)
		return ok && p.IP.Equal(a.AsSlice())
	})
}
