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
			return "", p.kind != "sorted-form"
		}
		if p.kind != "" && i+1 < len(t.parts) && t.parts[i+1].kind == "" && strings.Contains(s, t.parts[i+1].arg) {
			return "", false
		}
		text = append(text, s...)
	}
	return string(text), true
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
	query := x.queryValues()
	var pairs []string
	for name, values := range query {
		if name == "jwt" { // where the token itself may stand
			continue
		}
		values = slices.Sorted(slices.Values(values))
		for i := range values {
			values[i] = escaped(values[i])
		}
		pairs = append(pairs, escaped(name)+"="+strings.Join(values, ","))
	}
	slices.Sort(pairs)
	sum := sha256.Sum256([]byte(strings.ToUpper(x.Request.Method) + "&" + cmp.Or(path, "/") + "&" + strings.Join(pairs, "&")))
	return hex.EncodeToString(sum[:])
}

// escaped is a text in percent-encoding, all but the unreserved characters (RFC 3986, 2.3).
func escaped(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// mostListed bounds the headers that a header may list.
const mostListed = 64

// listedHeaders are those that a header lists, of the ones that are there.
func (x *Exchange) listedHeaders(list string) (string, bool) {
	names := strings.Split(strings.ToLower(x.Header(list)), ",")
	if len(names) > mostListed {
		return "", false
	}
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
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

// sortedForm is each name followed by its values, in order, a repeated value once.
func (x *Exchange) sortedForm() (string, bool) {
	form := x.FormValues()
	if form == nil {
		return "", len(x.Body()) == 0
	}
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		values := slices.Clone(form[name])
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
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
