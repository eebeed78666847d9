//go:build !linux

package porttest

import "net"

// hold only finds a port that is free now: elsewhere than on Linux a bound socket keeps
// everybody from listening.
func hold() (port int, release func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, nil, err
	}
	return l.Addr().(*net.TCPAddr).Port, func() {}, l.Close()
}
