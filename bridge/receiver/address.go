package receiver

import (
	"net/http"
	"net/netip"
	"strings"
)

// proxies are the address ranges whose X-Forwarded headers are believed.
type proxies []netip.Prefix

func (p proxies) trust(a netip.Addr) bool {
	for i := range p {
		if p[i].Contains(a) {
			return true
		}
	}
	return false
}

// peer is the address at the other end of the connection, the zero Addr when it has none.
func peer(q *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(q.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}

// remote is who sent the request: the peer, or behind trusted proxies the last address of
// X-Forwarded-For that no trusted proxy has. What stands in front of it may be invented.
func (p proxies) remote(q *http.Request) string {
	at := peer(q)
	if len(p) == 0 || !p.trust(at) {
		return printable(at)
	}
	hops := strings.Split(strings.Join(q.Header.Values("X-Forwarded-For"), ","), ",")
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
	return printable(at)
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

// url is the request's URL as the provider knows it: the public URL of the source, else the
// scheme, host and path that were asked for; and the raw query.
func (p proxies) url(q *http.Request, public string) string {
	if public == "" {
		scheme, host := "http", q.Host
		if q.TLS != nil {
			scheme = "https"
		}
		if len(p) > 0 && p.trust(peer(q)) {
			if proto := lastOf(q.Header.Get("X-Forwarded-Proto")); proto == "http" || proto == "https" {
				scheme = proto
			}
			if forwarded := lastOf(q.Header.Get("X-Forwarded-Host")); forwarded != "" {
				host = forwarded
			}
		}
		public = scheme + "://" + host + q.URL.EscapedPath()
	}
	if q.URL.RawQuery == "" {
		return public
	}
	return public + "?" + q.URL.RawQuery
}

// lastOf is the value that the nearest proxy wrote into a list.
func lastOf(list string) string {
	return strings.TrimSpace(list[strings.LastIndexByte(list, ',')+1:])
}
