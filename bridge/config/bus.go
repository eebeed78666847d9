package config

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/hookspan/hookspan/bridge/setting"
)

// Bus says where events live.
type Bus struct {
	Kind    BusKind
	Servers []string // host:port; none inside the process
	TLS     bool
}

// Parse takes the name of a bus inside the process, or a URL with one or more servers. Credentials
// are refused there: a URL ends up in logs.
func (b *Bus) Parse(text string) error {
	if kind, inside := ofName(text); inside {
		*b = Bus{Kind: kind}
		return nil
	}
	scheme, rest, _ := strings.Cut(text, "://")
	bus, known := ofScheme(scheme)
	if !known {
		return setting.Wanted(BusForms())
	}
	if strings.Contains(rest, "@") {
		return setting.Wanted("servers without credentials: they go into " + prefix + bus.Kind.of().own[0] + "USER and _PASSWORD")
	}
	for _, server := range setting.Items(rest, ",") {
		server = strings.TrimPrefix(server, scheme+"://")
		if !validHostPort(server, false) {
			return setting.Wanted("host:port for every server, separated by commas")
		}
		bus.Servers = append(bus.Servers, server)
	}
	if len(bus.Servers) == 0 {
		return setting.Wanted("at least one server, as host:port")
	}
	*b = bus
	return nil
}

// clear reports whether what is sent to the bus can be heard beyond this machine.
func (b Bus) clear() bool {
	return !b.TLS && slices.ContainsFunc(b.Servers, func(server string) bool { return !Address(server).Loopback() })
}

// OfKind is setting.KindText: it is shown as it was written.
func (Bus) OfKind() setting.Kind { return setting.KindText }

// Address is host:port of a listener; an empty host is every interface, "" is no listener.
type Address string

// Parse takes host:port.
func (a *Address) Parse(text string) error {
	if !validHostPort(text, true) {
		return setting.Wanted("host:port such as :8080 or 127.0.0.1:8081")
	}
	*a = Address(text)
	return nil
}

// OfKind is setting.KindAddress.
func (Address) OfKind() setting.Kind { return setting.KindAddress }

// Loopback reports whether only this machine can reach the address.
func (a Address) Loopback() bool {
	host, _, err := net.SplitHostPort(string(a))
	if err != nil {
		return false
	}
	return local(host)
}

// local: the host is this machine.
func local(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// meets reports whether two listeners would be at one place: one port, and one host or every one.
func (a Address) meets(b Address) bool {
	host, port, err := net.SplitHostPort(string(a))
	other, same, err2 := net.SplitHostPort(string(b))
	if err != nil || err2 != nil || port != same || port == "0" {
		return false
	}
	everywhere := func(h string) bool { return h == "" || net.ParseIP(h).IsUnspecified() }
	return host == other || everywhere(host) || everywhere(other) || a.Loopback() && b.Loopback() && (host == "localhost" || other == "localhost")
}

func validHostPort(text string, emptyHost bool) bool {
	host, port, err := net.SplitHostPort(text)
	if err != nil || (host == "" && !emptyHost) {
		return false
	}
	if strings.Trim(host, "0123456789.") == "" && host != "" && net.ParseIP(host) == nil {
		return false // no name looks like that
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}
