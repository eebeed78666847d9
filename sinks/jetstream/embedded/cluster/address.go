package cluster

import (
	"fmt"
	"net"
	"slices"
	"strconv"
)

// SplitPort takes an address apart.
func SplitPort(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	if port, err = strconv.Atoi(text); err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("%q: the port is not a number", address)
	}
	return host, port, nil
}

// Loopback reports whether a host is this machine.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// distinct is a list in order, nothing in it twice.
func distinct(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
