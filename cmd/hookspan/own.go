package main

import (
	"net"
	"net/netip"
	"strings"
)

// ownListeners are the addresses that the process itself answers on, as they are bound.
func (p *process) ownListeners() []netip.AddrPort {
	addresses := []string{p.IntakeAddr(), p.AdminAddr()}
	if b, ok := p.bus.(*embeddedBus); ok {
		addresses = append(addresses, b.listeners()...)
	}
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
