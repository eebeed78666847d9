package scheme

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash/crc32"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maybe is the text of a part that falls away where one of its values is missing; false where it would
// be another text that could be taken for it: a body that is no form is nothing that falls away, and a
// value that holds what stands behind it could be two.
func (x *Exchange) maybe(t *Template) (string, bool) {
	var text []byte
	for i := range t.parts {
		p := &t.parts[i]
		s, ok := x.part(p)
		if !ok {
			return "", p.kind != "sorted-fields" && p.kind != "sorted-form" && !(p.kind == "sorted-query" && x.queryBroken())
		}
		if p.kind != "" && i+1 < len(t.parts) && t.parts[i+1].kind == "" && strings.Contains(s, t.parts[i+1].arg) {
			return "", false
		}
		text = append(text, s...)
	}
	return string(text), true
}

// queryBroken reports a query of which a part cannot be read.
func (x *Exchange) queryBroken() bool {
	x.queryValues()
	return x.torn
}

// sortedQuery is the query decoded, each name with each of its values, in order.
func (x *Exchange) sortedQuery() string {
	var pairs []string
	query := x.queryValues()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		for _, value := range slices.Sorted(slices.Values(query[name])) {
			pairs = append(pairs, name+"="+value)
		}
	}
	return strings.Join(pairs, "&")
}

// queryHash is the SHA-256 of method, path and query in one form, whatever way they were written in
// (developer.atlassian.com, Create a QSH claim).
func (x *Exchange) queryHash() string {
	path := strings.ReplaceAll(strings.TrimSuffix(pathOf(x.url), "/"), "&", "%26")
	texts := map[string]string{} // by names, which are sorted as they are written
	for name, values := range x.queryValues() {
		values = slices.Sorted(slices.Values(values))
		for i := range values {
			values[i] = escaped(values[i])
		}
		texts[escaped(name)] = strings.Join(values, ",")
	}
	delete(texts, "jwt") // where the token itself may stand
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		pairs = append(pairs, name+"="+texts[name])
	}
	sum := sha256.Sum256([]byte(strings.ToUpper(x.Request.Method) + "&" + cmp.Or(path, "/") + "&" + strings.Join(pairs, "&")))
	return hex.EncodeToString(sum[:])
}

// escaped is a text in percent-encoding, all but the unreserved characters (RFC 3986, 2.3).
func escaped(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// mostListed bounds the headers that a header may list.
const mostListed = 64

// notToken reports what is no name of a header (RFC 9110, 5.6.2).
func notToken(name string) bool {
	const chars = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
	return name == "" || strings.ContainsFunc(name, func(r rune) bool { return !strings.ContainsRune(chars, r) })
}

// listedHeaders are those that a header lists, of the ones that are there. The list has to be one of
// them, and names alone: one text could come of two lists else.
func (x *Exchange) listedHeaders(list string) (string, bool) {
	names := strings.Split(strings.ToLower(x.Header(list)), ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	if len(names) > mostListed || !slices.Contains(names, strings.ToLower(list)) || slices.ContainsFunc(names, notToken) {
		return "", false
	}
	slices.Sort(names)
	var lines []string
	for _, name := range slices.Compact(names) {
		if value := x.Header(http.CanonicalHeaderKey(name)); value != "" {
			lines = append(lines, name+":"+strings.TrimSpace(value))
		}
	}
	return strings.Join(lines, ";"), len(lines) > 0
}

// sortedForm is each name followed by its values, in order, a repeated value once or as often as it came.
func (x *Exchange) sortedForm(repeats bool) (string, bool) {
	form := x.FormValues()
	if form == nil {
		return "", len(x.Body()) == 0
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(form)) {
		values := slices.Clone(form[name])
		slices.Sort(values)
		if !repeats {
			values = slices.Compact(values)
		}
		for _, value := range values {
			b.WriteString(name)
			b.WriteString(value)
		}
	}
	return b.String(), true
}

func (x *Exchange) hmacOf(p *part) (string, bool) {
	text, ok := p.inner.Value(x)
	if !ok || len(x.Setup.Secrets) == 0 {
		return "", false
	}
	key := x.Setup.key
	if key == nil {
		key = []byte(x.Setup.Secrets[0])
	}
	h := hmac.New(p.hash, key)
	h.Write([]byte(text))
	return p.encode(h.Sum(nil)), true
}

func (x *Exchange) hashOf(p *part) (string, bool) {
	h := p.hash()
	if missing := p.inner.hash(h, x); missing != nil {
		return "", false
	}
	return p.encode(h.Sum(nil)), true
}

func (x *Exchange) checksumOf(p *part) (string, bool) {
	h := crc32.NewIEEE()
	if missing := p.inner.hash(h, x); missing != nil {
		return "", false
	}
	return strconv.FormatUint(uint64(h.Sum32()), 10), true
}
