package server

import (
	"net"
	"net/netip"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/cmd/hookspan/adapter"
)

// ownListeners are the addresses that the process itself answers on, as they are bound.
func (p *Process) ownListeners() []netip.AddrPort {
	addresses := []string{p.IntakeAddr(), p.AdminAddr()}
	if b, ok := p.bus.(adapter.Listening); ok {
		addresses = append(addresses, b.Listeners()...)
	}
	return places(addresses)
}

// plannedListeners are those of a process that has not started; ports that it would be given
// are not known.
func plannedListeners(c *config.Config) []netip.AddrPort {
	addresses := []string{string(c.AdminListen)}
	if c.Runs(config.RoleReceiver) {
		addresses = append(addresses, string(c.Listen))
	}
	return places(append(addresses, adapter.Planned(c)...))
}

func places(addresses []string) []netip.AddrPort {
	var all []netip.AddrPort
	for _, address := range addresses {
		if tcp, err := net.ResolveTCPAddr("tcp", address); err == nil && address != "" {
			all = append(all, bound(tcp.AddrPort()))
		}
	}
	return all
}

// bound is a listener's address; one without a host listens everywhere.
func bound(l netip.AddrPort) netip.AddrPort {
	if l.Addr().IsValid() {
		return l
	}
	return netip.AddrPortFrom(netip.IPv6Unspecified(), l.Port())
}
