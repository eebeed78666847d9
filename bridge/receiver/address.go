package receiver

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/hookspan/hookspan/bridge/setting"
)

// proxies are the address ranges whose X-Forwarded headers are believed.
type proxies setting.Prefixes

func (p proxies) trust(a netip.Addr) bool { return setting.Prefixes(p).Contain(a) }

// peer is the address at the other end of the connection, the zero Addr when it has none.
func peer(q *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(q.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}

// remote is who sent the request: the peer, or behind trusted proxies the last address of
// X-Forwarded-For, else of Forwarded, that no trusted proxy has. What stands in front of it may
// be invented.
func (p proxies) remote(q *http.Request) string { return printable(p.sender(q)) }

// sender is remote as an address.
func (p proxies) sender(q *http.Request) netip.Addr {
	at, _ := p.behind(q)
	return at
}

// origin is sender where something depends on it: nobody, where trusted proxies say two things, or
// something that is no address. The header that they do not write is the sender's own.
func (p proxies) origin(q *http.Request) netip.Addr {
	at, sure := p.behind(q)
	if !sure {
		return netip.Addr{}
	}
	return at
}

// behind is who sent the request, and whether all that says so agrees.
func (p proxies) behind(q *http.Request) (at netip.Addr, sure bool) {
	if at = peer(q); len(p) == 0 || !p.trust(at) {
		return at, true
	}
	hops, other := listed(q.Header, "X-Forwarded-For"), forwardedPairs(q.Header, "for")
	if len(hops) == 0 {
		hops, other = other, nil
	}
	at, sure = p.last(at, hops)
	if len(other) > 0 {
		second, readable := p.last(peer(q), other)
		sure = sure && readable && second == at
	}
	return at, sure
}

// last is the last address that no trusted proxy has; false where one cannot be read before.
func (p proxies) last(at netip.Addr, hops []string) (netip.Addr, bool) {
	for i := len(hops) - 1; i >= 0 && p.trust(at); i-- {
		hop, ok := parseHop(hops[i])
		if !ok {
			return at, false
		}
		at = hop
	}
	return at, true
}

// parseHop reads one address of X-Forwarded-For, with or without a port.
func parseHop(raw string) (netip.Addr, bool) {
	raw = strings.TrimSpace(raw)
	if a, err := netip.ParseAddr(strings.Trim(raw, "[]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	at, err := netip.ParseAddrPort(raw)
	return at.Addr().Unmap().WithZone(""), err == nil
}

func printable(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// RequestURL is the URL of a request as its sender knows it: the public URL of the source, else
// the scheme, host and path that were asked for; and the raw query. Where the peer is one of the
// trusted proxies, what they say of scheme, host and port counts.
func RequestURL(q *http.Request, public string, trusted []netip.Prefix) string {
	return proxies(trusted).url(q, public)
}

func (p proxies) url(q *http.Request, public string) string {
	if public == "" {
		public = p.asked(q).url()
	}
	return withQuery(public, q)
}

func withQuery(bare string, q *http.Request) string {
	if q.URL.RawQuery == "" {
		return bare
	}
	return bare + "?" + q.URL.RawQuery
}

// asked is what a request asked for, but for its query.
type asked struct{ scheme, host, path string }

// told is the same as its sender was told it.
type told struct {
	asked
	url string
}

func (a asked) url() string { return a.scheme + "://" + a.host + a.path }

func (p proxies) asked(q *http.Request) asked {
	scheme, host := "http", q.Host
	if q.TLS != nil {
		scheme = "https"
	}
	if len(p) > 0 && p.trust(peer(q)) {
		scheme, host = forwarded(q.Header, scheme, host)
	}
	return asked{scheme: scheme, host: host, path: q.URL.EscapedPath()}
}

// url is RequestURL of a request to the source. Mostly it is the one of the request before.
func (s *intake) url(p proxies, q *http.Request) string {
	if s.PublicURL != "" {
		return withQuery(s.PublicURL, q)
	}
	now, last := p.asked(q), s.asked.Load()
	if last == nil || last.asked != now {
		last = &told{now, now.url()}
		s.asked.Store(last)
	}
	return withQuery(last.url, q)
}

// forwarded is what proxies say that the sender asked for. Of a list the first value counts, the
// one of the outermost proxy. The sender may have written it, and gains nothing by that: a URL
// proves nothing without a signature over it.
func forwarded(h http.Header, scheme, host string) (string, string) {
	first := func(header, parameter string) string {
		for _, values := range [...][]string{listed(h, header), forwardedPairs(h, parameter)} {
			for _, value := range values {
				if value != "" {
					return value
				}
			}
		}
		return ""
	}
	if proto := strings.ToLower(first("X-Forwarded-Proto", "proto")); proto == "http" || proto == "https" {
		scheme = proto
	}
	named := first("X-Forwarded-Host", "host")
	if validHost(named) {
		host = named
	}
	port := first("X-Forwarded-Port", "")
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return scheme, host
	}
	bare, own := cutPort(host)
	switch {
	case own != "" && host == named: // as the sender wrote it
	case port == defaultPorts[scheme]:
		host = bare
	default:
		host = bare + ":" + port
	}
	return scheme, host
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// cutPort splits a host from its port, which may be missing.
func cutPort(host string) (bare, port string) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") {
		return host, ""
	}
	return host[:i], host[i+1:]
}

// validHost keeps out what would end the host of a URL.
func validHost(host string) bool {
	return host != "" && !strings.ContainsFunc(host, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`/?#@\"<>`, r)
	})
}

// listed are the members of a header that is a list, in as many lines as it came.
func listed(h http.Header, name string) (members []string) {
	for _, line := range h.Values(name) {
		for one := range strings.SplitSeq(line, ",") {
			if one = strings.TrimSpace(one); one != "" {
				members = append(members, one)
			}
		}
	}
	return members
}
