package provider

import (
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/scheme"
)

// A urlGuess is another URL that may have been signed, and how it differs.
type urlGuess struct {
	url     string
	changes []string
}

// guessURLs lists other URLs that the sender may have been told, those that differ least first:
// another scheme, host or port, with a slash at the end, without the query.
func guessURLs(r *scheme.Request) []urlGuess {
	scheme, rest, ok := strings.Cut(r.URL, "://")
	if !ok {
		return nil
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	host, path := rest[:end], rest[end:]
	path, query, _ := strings.Cut(path, "?")
	guesses := []urlGuess{{}}
	vary := func(same string, others map[string]string) {
		var next []urlGuess
		for _, g := range guesses {
			next = append(next, urlGuess{g.url + same, g.changes})
			for text, change := range others {
				if text != same {
					next = append(next, urlGuess{g.url + text, append(slices.Clip(g.changes), change)})
				}
			}
		}
		guesses = next
	}
	vary(scheme+"://", map[string]string{"http://": "http instead of https", "https://": "https instead of http"})
	vary(host, guessHosts(r, host))
	vary(path, map[string]string{strings.TrimSuffix(path, "/") + "/": "a slash at the end of the path", strings.TrimSuffix(path, "/"): "no slash at the end of the path"})
	if query != "" {
		vary("?"+query, map[string]string{"": "no query"})
	}
	slices.SortStableFunc(guesses, func(a, b urlGuess) int {
		if len(a.changes) != len(b.changes) {
			return len(a.changes) - len(b.changes)
		}
		return strings.Compare(a.url, b.url)
	})
	return guesses[1:]
}

// guessHosts names other hosts: what proxies wrote, and ports that are often used.
func guessHosts(r *scheme.Request, host string) map[string]string {
	hosts := map[string]string{}
	bare := host
	if colon := strings.LastIndexByte(host, ':'); colon >= 0 && !strings.HasSuffix(host, "]") {
		bare = host[:colon]
	}
	ports := []string{"80", "443", "8080", "8443", "8000", "8081", "8888", "3000", "4443", "5000", "9000", "9443"}
	for _, value := range []string{r.Header.Get("X-Forwarded-Port"), r.Header.Get("X-Forwarded-Host"), r.Header.Get("Host")} {
		first, _, _ := strings.Cut(value, ",")
		switch first = strings.TrimSpace(first); {
		case first == "":
		case strings.Trim(first, "0123456789") == "":
			ports = append(ports, first)
		default:
			hosts[first] = "the host " + first
		}
	}
	for _, port := range ports {
		hosts[bare+":"+port] = "the port " + port
	}
	if bare != host {
		hosts[bare] = "no port"
	}
	return hosts
}

// suspectURL finds the URL that was signed, where a signature covers it.
func (v *Verifier) suspectURL(anyTime *Verifier, r *scheme.Request) []Finding {
	if !v.SignsURL() {
		return nil
	}
	for _, g := range guessURLs(r) {
		changed := *r
		changed.URL = g.url
		if _, err := anyTime.Verify(&changed); err == nil {
			return []Finding{{
				Text:   "it is accepted with " + strings.Join(g.changes, " and ") + ": signed was " + scheme.ShownURL(g.url),
				Remedy: "set the source's public URL (_PUBLIC_URL) to " + strings.SplitN(g.url, "?", 2)[0] + ", or name the proxy that changes it in HOOKSPAN_TRUSTED_PROXIES",
			}}
		}
	}
	return nil
}
