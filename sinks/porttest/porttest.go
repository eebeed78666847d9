// Package porttest gives tests ports that have to be known before anybody listens on them:
// those of servers that name one another, or that come back at the same place.
//
// A port that was found free and closed again may be anybody's a moment later. So each is
// held, bound and without a listener, until its test ends: the system gives it to nobody who
// asks for any port, and to no outgoing connection. Whoever names it can listen there, as
// often as the test likes; until then connections are refused.
package porttest

import (
	"net"
	"strconv"
	"testing"
)

// Ports are n ports of 127.0.0.1.
func Ports(t testing.TB, n int) []int {
	t.Helper()
	ports := make([]int, n)
	for i := range ports {
		port, release, err := hold()
		if err != nil {
			t.Fatalf("hold a port: %v", err)
		}
		t.Cleanup(release)
		ports[i] = port
	}
	return ports
}

// Addresses are n addresses of the form 127.0.0.1:port.
func Addresses(t testing.TB, n int) []string {
	t.Helper()
	list := make([]string, n)
	for i, port := range Ports(t, n) {
		list[i] = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	return list
}
