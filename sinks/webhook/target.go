package webhook

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/hookspan/hookspan/bridge/endpoint"
)

// A target is where an endpoint's URL leads: the host is either an address in its one
// canonical spelling, or a name. Nobody changes it.
type target struct {
	url     *url.URL
	secure  bool
	host    string     // a name in lower case; "" for an address
	addr    netip.Addr // of a literal
	port    uint16
	address string // host:port, as it is dialled
	head    string // what an HTTP/1.1 request to it begins with behind the method, up to its first own value
}

// targetsKept is of how many URLs it is remembered where they lead.
const targetsKept = 4096

// targets remember where URLs lead: those of endpoints come again with every attempt.
type targets struct {
	mu    sync.RWMutex
	known map[string]*target
}

func (t *targets) read(raw string) (*target, error) {
	t.mu.RLock()
	to := t.known[raw]
	t.mu.RUnlock()
	if to != nil {
		return to, nil
	}
	to, err := parseTarget(raw)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) >= targetsKept || t.known == nil {
		t.known = map[string]*target{}
	}
	t.known[raw] = to
	return to, nil
}

var errNoURL = errors.New("is not a URL; it looks like https://example.com/webhooks")

// parseTarget accepts plain http and https URLs only. Whatever could be read one way here
// and another way by a resolver is refused. Errors never repeat the URL, which may carry a
// credential.
func parseTarget(raw string) (*target, error) {
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }) {
		return nil, errors.New("holds a space, a control character or a backslash")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errNoURL
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("must begin with https:// or http://")
	case u.Opaque != "" || u.Host == "":
		return nil, errors.New("has no host")
	case u.User != nil:
		return nil, errors.New("must not hold a user or password; send an Authorization header instead")
	case u.Fragment != "" || u.RawFragment != "":
		return nil, errors.New("must not have a fragment (#)")
	}
	if u, err = url.Parse(endpoint.EncodeURL(raw)); err != nil {
		return nil, errNoURL
	}
	t := &target{url: u, secure: u.Scheme == "https"}
	if t.port, err = readPort(u); err != nil {
		return nil, err
	}
	if err := t.readHost(u); err != nil {
		return nil, err
	}
	name := t.host
	if name == "" {
		name = t.addr.String()
	}
	t.address = net.JoinHostPort(name, strconv.Itoa(int(t.port)))
	t.head = " " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\nContent-Length: "
	return t, nil
}

func readPort(u *url.URL) (uint16, error) {
	text := u.Port()
	switch {
	case text == "" && strings.HasSuffix(u.Host, ":"):
		return 0, errors.New("has a colon without a port")
	case text == "" && u.Scheme == "https":
		return 443, nil
	case text == "":
		return 80, nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || text[0] == '0' {
		return 0, errors.New("has a port that is not between 1 and 65535")
	}
	return uint16(n), nil
}

func (t *target) readHost(u *url.URL) error {
	if strings.HasPrefix(u.Host, "[") {
		addr, err := netip.ParseAddr(u.Hostname())
		if err != nil || !addr.Is6() || addr.Is4In6() || addr.Zone() != "" {
			return errors.New("has an IPv6 address with a zone or an IPv4 address inside, or one that cannot be read")
		}
		t.addr = addr
		return nil
	}
	host := strings.ToLower(u.Hostname())
	if err := checkName(host); err != nil {
		return err
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	if !numeric(last) {
		t.host = host
		return nil
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return errors.New("has an IP address in an unusual spelling; write it as four decimal numbers")
	}
	t.addr = addr
	return nil
}

// checkName accepts host names as they are sent: ASCII labels, so that a name in another
// script must be given in its xn-- form.
func checkName(host string) error {
	if host == "" || len(host) > 253 {
		return errors.New("has no host, or one that is too long")
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return errors.New("has a host with an empty or misshapen label; no dot may stand at its end")
		}
		for i := 0; i < len(label); i++ {
			if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return errors.New("has a host with other characters than a-z, 0-9, - and _; give other scripts in their xn-- form")
			}
		}
	}
	return nil
}

// numeric reports a last label that makes a host an IPv4 address to one resolver or
// another (URL standard, "ends in a number").
func numeric(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}
