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
	at := peer(q)
	if len(p) == 0 || !p.trust(at) {
		return at
	}
	hops := listed(q.Header, "X-Forwarded-For")
	if len(hops) == 0 {
		hops = forwardedPairs(q.Header, "for")
	}
	for i := len(hops) - 1; i >= 0; i-- {
		hop, ok := parseHop(hops[i])
		if !ok {
			break
		}
		at = hop
		if !p.trust(at) {
			break
		}
	}
	return at
}

// origin is sender where something depends on it: nobody, where a proxy that is trusted says two things,
// or something that is no address. The one of the two headers that it does not write is the sender's own.
func (p proxies) origin(q *http.Request) netip.Addr {
	if len(p) == 0 || !p.trust(peer(q)) {
		return peer(q)
	}
	by := listed(q.Header, "X-Forwarded-For")
	pairs := forwardedPairs(q.Header, "for")
	last := func(hops []string) netip.Addr {
		at := peer(q)
		for i := len(hops) - 1; i >= 0 && p.trust(at); i-- {
			at, _ = parseHop(hops[i])
		}
		return at
	}
	at := last(by)
	if len(by) == 0 || len(pairs) > 0 && at != last(pairs) {
		at = netip.Addr{}
		if len(by) == 0 {
			at = last(pairs)
		}
	}
	return at
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
