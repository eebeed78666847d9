package main

import (
	"net"
	"net/netip"
	"strings"

	"github.com/hookspan/hookspan/bridge/config"
)

// ownListeners are the addresses that the process itself answers on, as they are bound.
func (p *process) ownListeners() []netip.AddrPort {
	addresses := []string{p.IntakeAddr(), p.AdminAddr()}
	if b, ok := p.bus.(*embeddedBus); ok {
		addresses = append(addresses, b.listeners()...)
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
	if c.Bus.Kind == config.BusEmbedded {
		addresses = append(addresses, string(c.Embedded.Listen))
		if !c.Alone() {
			addresses = append(addresses, string(c.Embedded.RoutesListen))
		}
	}
	return places(addresses)
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

// listeners are where NATS clients and other members connect, once the bus is open.
func (b *embeddedBus) listeners() []string {
	var all []string
	if _, address, ok := strings.Cut(b.server.ClientURL(), "://"); ok {
		all = append(all, address)
	}
	if listen := string(b.conf.Embedded.Listen); listen != "" {
		all = append(all, listen) // ClientURL has one address of a listener that has many
	}
	if !b.conf.Alone() {
		all = append(all, string(b.conf.Embedded.RoutesListen))
	}
	return all
}
