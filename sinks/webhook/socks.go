package webhook

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
)

// SOCKS 5 (RFC 1928), with a login by user and password (RFC 1929).
const (
	socksVersion  = 5
	loginVersion  = 1
	socksConnect  = 1
	noLogin       = 0
	loginByWords  = 2
	socksIPv4     = 1
	socksName     = 3
	socksIPv6     = 4
	socksGranted  = 0
	socksDisliked = 2
)

// askSOCKS asks for a connection to host:port.
func (p *proxy) askSOCKS(conn net.Conn, to string) error {
	offer := []byte{socksVersion, 1, noLogin}
	if p.login {
		offer = []byte{socksVersion, 2, noLogin, loginByWords}
	}
	chosen, err := converse(conn, offer, 2)
	switch {
	case err != nil:
		return ungreeted(err)
	case chosen[0] != socksVersion:
		return broken("it does not speak SOCKS 5", nil)
	case chosen[1] == noLogin:
	case chosen[1] == loginByWords && p.login:
		if err := p.logIn(conn); err != nil {
			return err
		}
	case p.login:
		return broken("it takes no login by user and password", nil)
	default:
		return broken("it wants a login; give user:password@ in its URL", nil)
	}
	request, err := socksRequest(to)
	if err != nil {
		return err
	}
	head, err := converse(conn, request, 4)
	if err != nil {
		return unanswered(err)
	}
	if head[0] != socksVersion {
		return broken("it does not speak SOCKS 5", nil)
	}
	if err := socksRefusal(head[1]); err != nil {
		return err
	}
	return skipBound(conn, head[3])
}

func (p *proxy) logIn(conn net.Conn) error {
	words := append([]byte{loginVersion, byte(len(p.user))}, p.user...)
	words = append(append(words, byte(len(p.password))), p.password...)
	answer, err := converse(conn, words, 2)
	if err != nil {
		return ungreeted(err)
	}
	if answer[1] != 0 {
		return broken("it refuses the login", nil)
	}
	return nil
}

// ungreeted: nothing was asked for yet, so the endpoint has no part in it.
func ungreeted(err error) error {
	if timedOut(err) {
		return broken("it did not answer in time", err)
	}
	return unanswered(err)
}

// socksRequest asks for an address, or for a name where the proxy is to resolve it.
func socksRequest(to string) ([]byte, error) {
	host, portText, err := net.SplitHostPort(to)
	if err != nil {
		return nil, fmt.Errorf("split host and port: %w", err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("read the port: %w", err)
	}
	request := []byte{socksVersion, socksConnect, 0}
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil: // names have 253 bytes at most: checkName
		request = append(append(request, socksName, byte(len(host))), host...)
	case addr.Is4():
		request = append(append(request, socksIPv4), addr.AsSlice()...)
	default:
		request = append(append(request, socksIPv6), addr.AsSlice()...)
	}
	return append(request, byte(port>>8), byte(port)), nil
}

func socksRefusal(code byte) error {
	said := " (SOCKS " + strconv.Itoa(int(code)) + ")"
	switch code {
	case socksGranted:
		return nil
	case 3, 4:
		return beyond("the proxy has no way to the endpoint"+said, nil)
	case 5:
		return beyond("the endpoint refused the proxy's connection"+said, nil)
	case 6:
		return beyond("nobody answered the proxy at the endpoint's address in time"+said, nil)
	case socksDisliked:
		return broken("its rules do not let it connect to the endpoint"+said, nil)
	}
	return broken("it could not connect to the endpoint"+said, nil)
}

// skipBound reads what the proxy says of its own side, to the last byte and no further.
func skipBound(conn net.Conn, kind byte) error {
	length := map[byte]int{socksIPv4: net.IPv4len, socksIPv6: net.IPv6len}[kind]
	if kind == socksName {
		name, err := converse(conn, nil, 1)
		if err != nil {
			return unanswered(err)
		}
		length = int(name[0])
	} else if length == 0 {
		return broken("its answer cannot be read", nil)
	}
	if _, err := converse(conn, nil, length+2); err != nil {
		return unanswered(err)
	}
	return nil
}

// converse says something and reads an answer of so many bytes.
func converse(conn net.Conn, say []byte, n int) ([]byte, error) {
	if len(say) > 0 {
		if _, err := conn.Write(say); err != nil {
			return nil, err
		}
	}
	answer := make([]byte, n)
	_, err := io.ReadFull(conn, answer)
	return answer, err
}
