package provider

import (
	"bytes"
	"crypto/hmac"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/provider/pointer"
)

// An exchange is one request while it is being judged. Everything is decoded at most once,
// and only when somebody asks.
type exchange struct {
	req *Request
	v   *Verifier

	url    string // the form of the URL that is being tried
	secret []byte // the secret that is being tried
	items  []item // the signature header's list, of the scheme that was tried last
	short  bool   // there was no memory for something
	held   []held // the schemes that have held
	member bool   // this is one of a batch

	data      []byte // the body unpacked, and decrypted where the provider encrypts
	unpacked  bool
	decrypted bool
	fromQuery bool     // there was no body: data is the query
	failure   *Refusal // of the unpacking

	values   []pointer.Value
	kind     pointer.Kind // of the JSON document; Absent when there is none
	scanned  bool
	form     url.Values
	formRead bool
	query    url.Values

	scratch    []byte
	sums       []byte
	signatures [][]byte
	decoded    []byte
	more       bool // there were more signatures than are compared
}

type item struct{ name, value string }

func (x *exchange) reset(v *Verifier, r *Request) {
	*x = exchange{
		req: r, v: v, url: r.URL, held: x.held[:0],
		items: x.items[:0], values: x.values, scratch: x.scratch[:0], sums: x.sums[:0],
		signatures: x.signatures[:0], decoded: x.decoded[:0],
	}
	if n := v.set.Len(); cap(x.values) < n {
		x.values = make([]pointer.Value, n)
	} else {
		x.values = x.values[:n]
	}
}

// part returns one value of the request, or false when it is absent or empty.
func (x *exchange) part(p *part) (string, bool) {
	s, ok := x.plainPart(p)
	if ok && p.parent {
		i := strings.LastIndexByte(s, '/')
		if i <= 0 {
			return "", false
		}
		s = s[:i]
	}
	return s, ok
}

func (x *exchange) plainPart(p *part) (string, bool) {
	var s string
	switch p.kind {
	case "":
		return p.arg, true
	case "header":
		s = x.header(p.arg)
	case "json":
		x.scan()
		s = x.values[p.slot].Text()
	case "item":
		s = x.item(p.arg)
	case "query":
		s = firstOf(x.queryValues()[p.arg])
	case "form":
		s = firstOf(x.formValues()[p.arg])
	case "body":
		s = string(x.req.Body)
	case "unpacked":
		s = string(x.body())
	case "url":
		s = x.url
	case "method":
		s = x.req.Method
	case "secret":
		s = string(x.secret)
	case "rate":
		s = x.v.rate
	case "sorted-form":
		return x.sortedForm()
	case "if":
		_, ok := p.inner.value(x)
		return "", ok
	case "hmac":
		return x.hmacOf(p)
	case "hash":
		return x.hashOf(p)
	}
	return s, s != ""
}

func firstOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// header is what the lines of one name say together: a list (RFC 9110, 5.3). A line that is
// only repeated, as some proxies do, says nothing more.
func (x *exchange) header(name string) string {
	lines := x.req.Header[name]
	if len(lines) <= 1 {
		return firstOf(lines)
	}
	if !slices.ContainsFunc(lines, func(line string) bool { return line != lines[0] }) {
		return lines[0]
	}
	return strings.Join(lines, ", ")
}

func (x *exchange) item(name string) string {
	for i := range x.items {
		if x.items[i].name == name {
			return x.items[i].value
		}
	}
	return ""
}

func (x *exchange) queryValues() url.Values {
	if x.query == nil {
		_, raw, _ := strings.Cut(x.req.URL, "?")
		raw, _, _ = strings.Cut(raw, "#")
		x.query, _ = url.ParseQuery(raw) // what can be read of it
	}
	return x.query
}

// formValues returns nil where the body is no form. A body that begins like JSON never is
// one, whatever its Content-Type says, because nobody signs that header.
func (x *exchange) formValues() url.Values {
	if x.formRead {
		return x.form
	}
	x.formRead = true
	if x.fromQuery {
		x.form, _ = url.ParseQuery(string(x.data)) // what can be read of it
		return x.form
	}
	body := bytes.TrimLeft(bytes.TrimPrefix(x.body(), byteOrderMark), " \t\r\n")
	media := mediaType(x.header("Content-Type"))
	if len(body) > 0 && (body[0] == '{' || body[0] == '[' || body[0] == '"') || (media != "" && media != formType) {
		return nil
	}
	if !x.take(int64(bytes.Count(body, []byte("&"))+1)*fieldCost + 2*int64(len(body))) {
		return nil
	}
	if form, err := url.ParseQuery(string(x.body())); err == nil {
		x.form = form
	}
	return x.form
}

const formType = "application/x-www-form-urlencoded"

func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// sortedForm is each name followed by its values, in order, a repeated value once.
func (x *exchange) sortedForm() (string, bool) {
	form := x.formValues()
	if form == nil {
		return "", len(x.body()) == 0
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

func (x *exchange) hmacOf(p *part) (string, bool) {
	text, ok := p.inner.value(x)
	if !ok || len(x.v.secrets) == 0 {
		return "", false
	}
	h := hmac.New(p.hash, []byte(x.v.secrets[0]))
	h.Write([]byte(text))
	return p.encode(h.Sum(nil)), true
}

func (x *exchange) hashOf(p *part) (string, bool) {
	h := p.hash()
	if missing := p.inner.hash(h, x); missing != nil {
		return "", false
	}
	return p.encode(h.Sum(nil)), true
}

// scan reads the JSON values that the provider's file names, out of the body or, where the
// provider may send its JSON in a form, out of the form's field.
func (x *exchange) scan() {
	if x.scanned {
		return
	}
	doc := x.body()
	if field := x.v.documentField; field != "" {
		if text := firstOf(x.formValues()[field]); text != "" {
			doc = []byte(text)
		}
	}
	x.scanOf(doc)
}

func (x *exchange) scanOf(doc []byte) bool {
	x.scanned = true
	kind, err := x.v.set.Scan(doc, x.values)
	x.kind = kind
	return err == nil
}

// body returns what is published, unpacking it where it came packed.
func (x *exchange) body() []byte {
	if !x.unpacked {
		x.unpacked = true
		if x.data, x.failure = unpack(x.req, x.v.maxBody); x.failure != nil {
			x.data = nil
		}
	}
	return x.data
}

// decryptedTo replaces the body by its plaintext.
func (x *exchange) decryptedTo(plain []byte) {
	x.data, x.unpacked, x.decrypted = plain, true, true
	x.formRead, x.form = false, nil
}

// addQuery appends a parameter to the URL, for a sample that carries its signature there.
func (x *exchange) addQuery(name, value string) {
	separator := "?"
	if strings.Contains(x.req.URL, "?") {
		separator = "&"
	}
	x.req.URL += separator + url.QueryEscape(name) + "=" + url.QueryEscape(value)
	x.url, x.query = x.req.URL, nil
}

func headerNames(h http.Header) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
