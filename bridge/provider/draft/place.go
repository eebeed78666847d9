package draft

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/scheme/instant"
)

// A place is where a signature may stand in a request, and how it is written there; see
// signatureSpec in package scheme.
type place struct {
	header, in      string // one of them
	prefix          string
	item, separator string
	version         string
	encoding        string
	size            int      // bytes of the signature
	rank            int      // less is likelier
	times           []string // members of the list that are times
}

// Bounds of what is looked at in one request.
const (
	maxPlaces  = 16
	maxLine    = 4 << 10
	maxMembers = 32
	maxPrefix  = 40
)

// hashes are those whose sum has so many bytes.
var hashes = map[int]string{16: "md5", 20: "sha1", 32: "sha256", 48: "sha384", 64: "sha512"}

// encodings are tried in this order; hex is narrower than the others.
var encodings = [...]struct {
	name   string
	decode func(string) ([]byte, error)
}{
	{"hex", hex.DecodeString},
	{"base64", base64.StdEncoding.Strict().DecodeString},
	{"base64url", func(text string) ([]byte, error) {
		return base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(text, "="))
	}},
}

// signatureIn reports how a text is written that has the size of a hash.
func signatureIn(text string) (encoding string, size int, ok bool) {
	for _, e := range encodings {
		if raw, err := e.decode(text); err == nil && hashes[len(raw)] != "" {
			return e.name, len(raw), true
		}
	}
	return "", 0, false
}

// places lists where a signature may stand, the likeliest first; what is written of one shows no secret.
func (d *drafting) places() []place {
	return slices.DeleteFunc(places(d.request), func(p place) bool {
		return slices.ContainsFunc(append([]string{p.header, p.in, p.prefix, p.item}, p.times...), d.reveals)
	})
}

func places(r *provider.Request) (all []place) {
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if ofTransport(name) || !plain(name) {
			continue
		}
		for _, p := range forms(first(r.Header[name])) {
			p.header, p.rank = name, rank(name)
			all = append(all, p)
		}
	}
	values := query(r)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if encoding, size, ok := signatureIn(first(values[name])); ok && plain(name) {
			all = append(all, place{in: "query:" + name, encoding: encoding, size: size, rank: rank(name) + 1})
		}
	}
	all = slices.DeleteFunc(all, func(p place) bool { return p.size == 16 && p.rank > 0 }) // most of them are ids
	slices.SortStableFunc(all, func(a, b place) int { return cmp.Compare(a.rank, b.rank) })
	return all[:min(len(all), maxPlaces)]
}

var version = regexp.MustCompile(`^v[0-9]{1,3}[a-z]?$`)

// forms lists how a line may hold a signature.
func forms(line string) (all []place) {
	if len(line) > maxLine {
		return nil
	}
	add := func(text string, p place) {
		var ok bool
		if p.encoding, p.size, ok = signatureIn(text); ok {
			all = append(all, p)
		}
	}
	add(line, place{})
	words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ',' })
	if len(words) > 1 && version.MatchString(words[0]) {
		add(words[1], place{version: words[0]})
	}
	for _, separator := range []string{",", ";"} {
		all = append(all, lists(line, separator)...)
	}
	for _, end := range []string{"=", " ", ":"} {
		if before, after, ok := strings.Cut(line, end); ok && before != "" && len(before) < maxPrefix && readable(before) {
			add(after, place{prefix: before + end})
		}
	}
	return all
}

// lists reads t=…,v1=….
func lists(line, separator string) (all []place) {
	entries := strings.Split(line, separator)
	if len(entries) < 2 || len(entries) > maxMembers {
		return nil
	}
	var times []string
	for _, entry := range entries {
		name, value, _ := strings.Cut(strings.TrimSpace(entry), "=")
		if !plain(name) {
			return nil
		}
		if _, ok := plausible(value); ok {
			times = append(times, name)
		}
		if encoding, size, ok := signatureIn(value); ok && !slices.ContainsFunc(all, func(p place) bool { return p.item == name }) {
			all = append(all, place{item: name, separator: separator, encoding: encoding, size: size})
		}
	}
	for i := range all {
		all[i].times = times
	}
	return all
}

// rank says how much a name sounds like that of a signature.
func rank(name string) int {
	lower := strings.ToLower(name)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(lower, word) })
	}
	switch {
	case has("sign", "hmac"):
		return 0
	case has("hash", "digest", "auth", "verif", "sha1", "sha2", "sha5"):
		return 1
	case has("token", "secret", "key"):
		return 2
	}
	return 3
}

// ofTransport reports headers of clients and proxies, which say nothing of the webhook.
func ofTransport(name string) bool {
	for _, front := range []string{"Accept", "Content-", "Cf-", "X-Amzn-", "X-B3-", "X-Envoy-", "X-Forwarded", "X-Real-", "Sec-", "Fly-"} {
		if strings.HasPrefix(name, front) {
			return true
		}
	}
	return slices.Contains([]string{"Cache-Control", "Cdn-Loop", "Connection", "Cookie", "Date", "Expect", "Forwarded", "Host", "Origin", "Pragma",
		"Referer", "Te", "Traceparent", "Tracestate", "Transfer-Encoding", "Upgrade", "User-Agent", "Via", "X-Request-Id"}, name)
}

// plain reports a name that can stand in a template and in YAML as it is.
func plain(name string) bool {
	return name != "" && len(name) <= 100 && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

// readable reports printable ASCII that needs no escape and is no option's place in a file.
func readable(text string) bool {
	return !strings.Contains(text, "${") && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
}

// plausible reads a time at which a webhook may have been sent; shorter numbers are something else.
func plausible(text string) (time.Time, bool) {
	if len(text) < len("1000000000") || len(text) > 64 {
		return time.Time{}, false
	}
	at, ok := instant.Parse(text, nil)
	return at, ok && at.Year() >= 2005 && at.Year() < 2200
}

func query(r *provider.Request) url.Values {
	_, raw, _ := strings.Cut(r.URL, "?")
	raw, _, _ = strings.Cut(raw, "#")
	values, _ := url.ParseQuery(raw) // what can be read of it
	return values
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
